//! What comes out of a loader.

use std::path::PathBuf;
use std::sync::Arc;

use medcore::{Affine, DType, Points, Role};
use medkernels::buffer::Buffer;
use serde_json::{Map, Value};

/// Patches that belong together: for each volume of a sample one array, whose first axis counts the patches.
#[derive(Debug)]
pub struct Batch {
    /// The batch's number in its epoch, from 0.
    pub number: usize,
    /// The epoch.
    pub epoch: u64,
    /// The volumes, in the order of the sample.
    pub items: Vec<BatchItem>,
    /// The landmarks, by name.
    pub points: Vec<BatchPoints>,
    /// Where each patch comes from.
    pub meta: Vec<PatchMeta>,
}

/// The volumes of one name.
#[derive(Debug)]
pub struct BatchItem {
    /// The key in the sample.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The dtype.
    pub dtype: DType,
    /// Patches, channels, voxels along x, y, z.
    pub shape: [usize; 5],
    /// The numbers, C-contiguous: z fastest, patches slowest. Longer than the shape where patches could not be made.
    pub data: Arc<Buffer>,
}

/// The landmarks of one name.
#[derive(Debug)]
pub struct BatchPoints {
    /// The key in the sample.
    pub name: String,
    /// The landmarks of each patch, in world millimetres.
    pub rows: Vec<Points>,
}

/// Where a patch comes from.
#[derive(Clone, Debug)]
pub struct PatchMeta {
    /// The case.
    pub id: String,
    /// Its files, by item.
    pub paths: Vec<(String, Vec<PathBuf>)>,
    /// The place of the visit in the epoch of this process.
    pub visit: usize,
    /// The patch of the visit, from 0.
    pub patch: usize,
    /// The epoch.
    pub epoch: u64,
    /// The first voxel along x, y, z in the first image's own grid, as in its file; below 0 where the patch was padded, and rounded down
    /// where it lies between voxels. Deformations move the content, not the box.
    pub start: [i64; 3],
    /// One behind the last voxel.
    pub stop: [i64; 3],
    /// Voxel index of the patch to world millimetres.
    pub affine: Affine,
    /// What names the patch's random draws: seed, epoch, case, patch.
    pub key: String,
    /// What the case passes on.
    pub passed: Map<String, Value>,
}
