//! Voxels of another dtype, or other channels of them.

use std::fmt;
use std::sync::Arc;

use crate::{DType, Result};

/// Voxels of another dtype, or with other channels, made of an item's on the same grid.
#[derive(Clone)]
pub struct Remake {
    /// What `explain` prints.
    pub label: String,
    /// The dtype of what is made.
    pub dtype: DType,
    /// Sizes of its axes after the third.
    pub extra: Vec<usize>,
    /// How it is made.
    pub by: RemakeBy,
}

/// From rows of an item's channels, in its dtype and native byte order, to rows of other channels.
pub type OfVoxels = dyn Fn(&[&[u8]], &mut [&mut [u8]]) -> Result<()> + Send + Sync;

/// From rows of voxels whose channels lie side by side, in an item's dtype and native byte order, to rows of one channel.
pub type OfPixels = dyn Fn(&[u8], &mut [u8]) -> Result<()> + Send + Sync;

/// From a packed channel of a shape, x fastest, to one of another dtype.
pub type OfChannel = dyn Fn(&[u8], [usize; 3], &mut [u8]) -> Result<()> + Send + Sync;

/// How voxels are made of others.
#[derive(Clone)]
pub enum RemakeBy {
    /// A voxel's channels from the same voxel's channels, row by row.
    Voxels(Arc<OfVoxels>),
    /// One channel of the same voxel's channels: of rows of each channel, or of such as have the channels of each voxel side by side.
    Pixels {
        /// Of rows of each channel.
        planes: Arc<OfVoxels>,
        /// Of voxels one after the other.
        pixels: Arc<OfPixels>,
    },
    /// Each channel from all voxels of the same channel, which ends the pushing of crops towards the file.
    Channel(Arc<OfChannel>),
}

impl RemakeBy {
    /// Whether a box of it needs that box alone.
    pub fn is_local(&self) -> bool {
        !matches!(self, RemakeBy::Channel(_))
    }
}

impl fmt::Debug for Remake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Channels of an item's, each as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// What `explain` prints.
    pub label: String,
    /// The channels, counted over all axes after the third with the first of them fastest.
    pub channels: Vec<usize>,
    /// Sizes of the axes that they are given; empty for one channel without an axis.
    pub extra: Vec<usize>,
}
