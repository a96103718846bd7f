//! Whole volumes, and the values of whole labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{DType, Result};

/// One channel of a whole volume, packed, x fastest, in its own dtype and native byte order.
#[derive(Debug)]
pub struct RawVolume<'a> {
    /// The voxels.
    pub bytes: &'a mut [u8],
    /// Their dtype.
    pub dtype: DType,
    /// Shape (x, y, z).
    pub shape: [usize; 3],
}

/// An operation on a whole volume.
#[derive(Clone)]
pub struct Global {
    /// What `explain` prints.
    pub label: String,
    /// Changes one channel in place, dtype and shape kept.
    pub run: Arc<dyn Fn(RawVolume<'_>) -> Result<()> + Send + Sync>,
}

impl fmt::Debug for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// A renaming of label values; values without a new name stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relabel {
    /// Old value to new value.
    pub table: BTreeMap<i64, i64>,
}
