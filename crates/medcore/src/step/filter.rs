//! Voxels of their neighbourhoods.

use std::fmt;
use std::sync::Arc;

use crate::{Box3, DType, Result};

/// A stretch of input that a filter sees.
#[derive(Debug)]
pub struct FilterTile<'a> {
    /// Voxels of `input`, packed, x fastest.
    pub voxels: &'a [f32],
    /// The box of logical voxels that `voxels` holds: the output box grown by the halo, clipped to the domain.
    pub input: Box3,
    /// The box of logical voxels wanted.
    pub output: Box3,
    /// Shape of the full logical grid; the filter's boundary rule applies at its edge only.
    pub domain: [usize; 3],
}

/// The same of voxels in their own dtype.
#[derive(Debug)]
pub struct RawTile<'a> {
    /// Voxels of `input`, packed, x fastest, in native byte order and aligned for their dtype.
    pub bytes: &'a [u8],
    /// Their dtype.
    pub dtype: DType,
    /// The box of logical voxels that `bytes` holds.
    pub input: Box3,
    /// The box of logical voxels wanted.
    pub output: Box3,
    /// Shape of the full logical grid.
    pub domain: [usize; 3],
}

/// A neighbourhood operation.
#[derive(Clone)]
#[non_exhaustive]
pub struct Filter {
    /// What `explain` prints.
    pub label: String,
    /// Voxels needed on either side of an output voxel, along x, y, z (warm-up included).
    pub halo: [usize; 3],
    /// What it does.
    pub run: FilterRun,
    /// The same filter of a volume whose axes were exchanged, where its bits do not depend on their order.
    pub turned: Option<Turned>,
    /// About how many copies of its voxels it takes as long as, besides one: what several threads are worth.
    pub work: usize,
}

/// A filter by the order of axes, if it has one in that: axis `a` is axis `turn[a]` of before.
pub type Turned = Arc<dyn Fn([usize; 3]) -> Option<Filter> + Send + Sync>;

/// How a filter fills the packed output box from a tile.
#[derive(Clone)]
#[non_exhaustive]
pub enum FilterRun {
    /// In float32.
    Float(Arc<dyn Fn(&FilterTile<'_>, &mut [f32]) -> Result<()> + Send + Sync>),
    /// In the dtype that the voxels have, which stays.
    Kept(Arc<dyn Fn(&RawTile<'_>, &mut [u8]) -> Result<()> + Send + Sync>),
}

impl Filter {
    /// A filter in float32.
    pub fn new(
        label: impl Into<String>,
        halo: [usize; 3],
        run: impl Fn(&FilterTile<'_>, &mut [f32]) -> Result<()> + Send + Sync + 'static,
    ) -> Filter {
        Filter { label: label.into(), halo, run: FilterRun::Float(Arc::new(run)), turned: None, work: 0 }
    }

    /// A filter that keeps the voxels' dtype, whatever it is.
    pub fn kept(
        label: impl Into<String>,
        halo: [usize; 3],
        run: impl Fn(&RawTile<'_>, &mut [u8]) -> Result<()> + Send + Sync + 'static,
    ) -> Filter {
        Filter { label: label.into(), halo, run: FilterRun::Kept(Arc::new(run)), turned: None, work: 0 }
    }

    /// The same, with the copies of its voxels that it takes as long as.
    #[must_use]
    pub fn with_work(self, work: usize) -> Filter {
        Filter { work, ..self }
    }

    /// The same, with what it is after an exchange of axes.
    #[must_use]
    pub fn with_turned(
        self,
        turned: impl Fn([usize; 3]) -> Option<Filter> + Send + Sync + 'static,
    ) -> Filter {
        Filter { turned: Some(Arc::new(turned)), ..self }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (halo {:?})", self.label, self.halo)
    }
}
