//! What a transform is.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DType, Error, Grid, Key, Result, Role, Step, Volume};

/// What an item is like at some point of a chain, before any voxel is read.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemFacts {
    /// Its key in the sample.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its dtype, scaling applied.
    pub dtype: DType,
    /// Sizes of the axes after the third (frames, channels); empty for a plain volume.
    pub extra: Vec<usize>,
    /// Its grid (for points, the reference grid).
    pub grid: Grid,
}

impl ItemFacts {
    /// Number of channels and frames together.
    pub fn channels(&self) -> usize {
        self.extra.iter().product()
    }
}

/// What a transform may look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The grid of the item being planned, or the sample's reference grid.
    pub grid: &'a Grid,
    /// All items of the sample.
    pub items: &'a [ItemFacts],
    /// The item being planned, for transforms that are planned item by item.
    pub item: Option<&'a ItemFacts>,
    /// Where what becomes of this sample will stand in its batch, a place for each patch in order; empty if nobody said.
    pub places: &'a [Place],
}

/// A row of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The row, from 0.
    pub row: usize,
    /// Rows of the batch.
    pub of: usize,
}

impl Facts<'_> {
    /// Where patch `number` of `count` will stand in its batch; the patches are taken for a batch if nobody said.
    pub fn place(&self, number: usize, count: usize) -> Place {
        let at = number * self.places.len() / count.max(1);
        self.places.get(at).copied().unwrap_or(Place { row: number, of: count })
    }

    /// The facts of a label item, by name, or the first label of the sample.
    ///
    /// # Errors
    /// [`Error::Param`] if there is none.
    pub fn label(&self, transform: &str, name: Option<&str>) -> Result<&ItemFacts> {
        self.named(transform, "label", name, Role::Label)
    }

    /// The facts of the item that a parameter names, or of the sample's first one with a role.
    ///
    /// # Errors
    /// [`Error::Param`] if there is none.
    pub fn named(
        &self,
        transform: &str,
        parameter: &str,
        name: Option<&str>,
        role: Role,
    ) -> Result<&ItemFacts> {
        let found = match name {
            Some(n) => self.items.iter().find(|i| i.name == n && i.role != Role::Points),
            None => self.items.iter().find(|i| i.role == role),
        };
        found.ok_or_else(|| {
            let names: Vec<_> = self.items.iter().map(|i| format!("{} ({})", i.name, i.role)).collect();
            let wanted = format!(
                "{} {role} item; the sample has {}",
                if role == Role::Image { "an" } else { "a" },
                names.join(", ")
            );
            Error::param(transform, parameter, name.unwrap_or("not there"), wanted)
        })
    }
}

/// How a transform is planned, and which items it touches unless `keys` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Once for each image (`keys`: any volumes).
    Intensity,
    /// Once for each image, as an artefact of the scanner.
    Artefact,
    /// Once for each label.
    Label,
    /// Once for each map.
    Map,
    /// Once for each image: its channels or frames.
    Channels,
    /// Once for the sample, of which images (`keys`: any volumes) become other items.
    Items,
    /// Once for the sample; every item moves together. Steps that change values (points, filters) touch the images
    /// alone.
    Spatial,
}

impl Category {
    /// Whether it is planned once for the sample, on one grid.
    pub fn is_of_sample(self) -> bool {
        matches!(self, Category::Spatial | Category::Items)
    }
}

/// A transform: from facts and a key to steps.
pub trait Transform: Debug + Send + Sync {
    /// What is to be done. Pure: the same facts and key give the same steps.
    ///
    /// # Errors
    /// [`Error::Param`] where a parameter does not fit the facts.
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>>;

    /// How many samples one becomes, where that is known without facts.
    fn patches(&self) -> Option<usize> {
        Some(1)
    }

    /// Whether items may come of others ([`Items::Derive`](crate::Items::Derive)).
    fn derives(&self) -> bool {
        false
    }
}

/// The declaration that every face of a transform is made from: its struct with doc comments, `serde` and `schemars` derives, and these names.
pub trait Declared: Transform + Serialize + DeserializeOwned + JsonSchema + Clone + 'static {
    /// Name in pipeline files, on the command line and as a method: `z_normalize`.
    const NAME: &'static str;
    /// How it is planned.
    const CATEGORY: Category;
    /// The parameter that `name: value` sets, if there is one.
    const MAIN: Option<&'static str>;
    /// Whether it draws at random even where no parameter is a [`Dist`](crate::Dist).
    const RANDOM: bool = false;

    /// The volume file that a parameter names, if one does; it is read once, when a pipeline is made.
    fn file(&self) -> Option<&str> {
        None
    }

    /// The volume file of which a parameter wants the grid, if one does; its header is read once, when a pipeline is made.
    fn grid_file(&self) -> Option<&str> {
        None
    }

    /// Takes the grid of [`Declared::grid_file`].
    ///
    /// # Errors
    /// [`Error::Param`] where the declaration has another one.
    fn take_grid(&mut self, _grid: Grid) -> Result<()> {
        Ok(())
    }

    /// Makes ready what plans need, once, when a pipeline is made: of the file, if there is one, its volume and a digest of its numbers. The digest belongs
    /// into the declaration, so that two that are written alike do the same.
    ///
    /// # Errors
    /// [`Error::Param`] or [`Error::Shape`] where the file or a parameter does not hold what it should.
    fn prepare(&mut self, _file: Option<(&Volume, String)>) -> Result<()> {
        Ok(())
    }
}
