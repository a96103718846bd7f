//! What is measured, of which voxels, and what follows from the numbers.

use std::fmt;
use std::sync::Arc;

use medkernels::histogram::{Bins, Tiles};

use super::Step;
use crate::{Box3, ClassIndex, ClassRows, Result, Tries};

/// Which voxels a measurement counts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Keep {
    /// All of them.
    All,
    /// Those that are not exactly 0 (a NaN is not 0).
    Nonzero,
    /// Those above a value.
    Above(f64),
    /// Those that are one of the values, for a box of them.
    Values(Vec<i64>),
    /// Those whose label, in the item of this name, is one of the values (any value but 0 if none are given).
    Label {
        /// The label item.
        item: String,
        /// The label values that count.
        values: Vec<i64>,
    },
    /// Those where another item, in any of its channels, is above a value (compared in float32).
    Where {
        /// The other item.
        item: String,
        /// The value.
        above: f64,
    },
}

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Of {
    /// Count, mean, variance.
    Moments,
    /// Smallest and largest finite value.
    Extent,
    /// The same of each slice across an axis.
    Extents(usize),
    /// Percentiles (0 to 100), linearly interpolated between order statistics as in `numpy.percentile`.
    Percentiles(Vec<f64>),
    /// The smallest box of voxels that holds all kept ones.
    Box,
    /// How many voxels fall in each of some bins, of the whole volume or of each of its tiles; NaN falls in none.
    Histogram {
        /// The bins.
        bins: Bins,
        /// How the volume is divided, along x, y, z, if it is; the masks of [`Keep`] do not concern tiles.
        tiles: Option<[Tiles; 3]>,
    },
    /// Where each value of a label lies; of whole samples only. An index of the whole label where it can be kept, else how many voxels of each value lie in each row, if
    /// not all tries find a voxel.
    Classes {
        /// The voxels that are tried and counted, where no index is made.
        inside: Box3,
        /// The values that are counted, all if not given; if there is none, nothing is measured.
        values: Option<Vec<i64>>,
        /// What is tried first, where no index is made. With an index whoever wants to know tries by himself.
        tries: Vec<Tries>,
    },
    /// The voxels of a label by their numbers, in the rows that were counted; of whole samples only.
    Voxels {
        /// What was counted, of the same label and the same voxels of it.
        rows: Arc<ClassRows>,
        /// Values, and which of each one's voxels.
        wanted: Vec<(i64, u64)>,
    },
    /// Voxels drawn with probabilities in proportion to their own values, which are weights; of whole samples only.
    Drawn {
        /// For each voxel, the share of all weight that lies before the place where it is looked for: uniform on [0, 1) for a draw.
        shares: Vec<f64>,
        /// The voxels that can be drawn.
        inside: Box3,
    },
}

/// Measured numbers; those not asked for are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// Kept voxels.
    pub count: u64,
    /// Mean of the kept voxels.
    pub mean: f64,
    /// Population variance of the kept voxels.
    pub variance: f64,
    /// Smallest and largest kept value.
    pub extent: [f64; 2],
    /// Smallest and largest kept value of each slice; infinite where there is none.
    pub extents: Vec<[f32; 2]>,
    /// The percentiles asked for.
    pub percentiles: Vec<f64>,
    /// Voxels in each bin; of tiles one after the other, x fastest.
    pub counts: Arc<[u32]>,
    /// The box of kept voxels: start and end (exclusive); `None` if there are none.
    pub bounds: Option<[[usize; 3]; 2]>,
    /// Where each value lies.
    pub classes: Option<Arc<ClassIndex>>,
    /// In which rows each value lies.
    pub rows: Option<Arc<ClassRows>>,
    /// The voxels drawn, of which there are none if there is no weight, or those wanted.
    pub drawn: Vec<[usize; 3]>,
    /// What each of some tries found: a voxel, and its value.
    pub tried: Vec<Option<([usize; 3], i64)>>,
}

/// A measurement of the item (or the sample's reference image) as it stands at this point of the chain, and what follows from it.
#[derive(Clone)]
pub struct Measure {
    /// What `explain` prints.
    pub label: String,
    /// The item measured; `None`: the item being planned, or the reference image of a sample-wide transform.
    pub item: Option<String>,
    /// What is measured.
    pub of: Of,
    /// Which voxels count.
    pub keep: Keep,
    /// Whether every channel is measured, and changed, by itself.
    pub per_channel: bool,
    /// The steps that follow from the numbers.
    pub then: Arc<dyn Fn(&Measured) -> Result<Vec<Step>> + Send + Sync>,
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "measure {:?} of {:?}: {}", self.of, self.keep, self.label)
    }
}
