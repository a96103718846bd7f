//! Changes of the list of items, and functions of the user's.

use std::fmt;
use std::sync::Arc;

use super::Step;
use crate::{Result, Role, Sample, Volume};

/// Changes of the list of items, or of the number of samples.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Items {
    /// The sample becomes several, each by its own steps.
    Split(Vec<Vec<Step>>),
    /// Items come of the one being planned.
    Derive {
        /// What they are.
        items: Vec<Derived>,
        /// Whether all voxels of the item are wanted for each of them: then they are made once.
        whole: bool,
        /// Whether they take its place; else it stays as it is.
        instead: bool,
    },
    /// The touched items become the channels of one, in their order: of one role, dtypes that differ as float32.
    Merge {
        /// Its name; the first one's if not given.
        item: Option<String>,
    },
}

/// An item that comes of another one.
#[derive(Debug, Clone)]
pub struct Derived {
    /// Its name; an item that has it is replaced.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// From the other item as it stands to this one.
    pub steps: Vec<Step>,
}

/// The user's own function.
#[derive(Clone)]
pub struct Host {
    /// What `explain` prints.
    pub label: String,
    /// The function.
    pub run: HostRun,
}

/// What a user's function takes and gives back.
#[derive(Clone)]
#[non_exhaustive]
pub enum HostRun {
    /// New values of one volume, whole: float32 of images and maps, labels in their dtype, in memory of the function's own where nobody else holds it. Shape
    /// and channels stay.
    Volume(Arc<dyn Fn(Volume) -> Result<Volume> + Send + Sync>),
    /// A sample as it stands, of which anything may change.
    Sample(Arc<dyn Fn(Sample) -> Result<Sample> + Send + Sync>),
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}
