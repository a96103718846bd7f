//! Sampling between voxels: linear and by weights along axes; linear, cubic, nearest and by votes along oblique rows and at listed coordinates.

mod affine;
mod border;
mod boundary;
mod coefficients;
mod corners;
mod cubic;
mod line;
mod nearest;
mod row_taps;
mod row_weights;
mod separable;
mod votes;
mod weighted;

pub use affine::{sample_linear_at, sample_linear_row};
pub use boundary::Boundary;
pub use coefficients::{Part, SPLINE_REACH, cubic_weights, spline_coefficients};
pub use cubic::{sample_cubic_at, sample_cubic_row};
pub use nearest::{sample_nearest_at, sample_nearest_row};
pub(crate) use row_taps::Taps;
pub(crate) use row_weights::Weighed;
pub use separable::{AxisTaps, Bordered, lerp, lerp_x, resample_linear, resample_linear_bordered};
pub use votes::{sample_votes_at, sample_votes_row};
pub use weighted::{AxisWeights, resample_weighted};

/// Three axes of f32 voxels: `(x, y, z)` is `data[offset + x * strides[0] + y * strides[1] + z * strides[2]]`.
///
/// Strides count elements and may be negative. `data` may hold only the part of the shape that is looked at:
/// `offset` is then where index (0, 0, 0) would lie, possibly outside. A look at a voxel that is not held
/// panics, or gives another voxel that is.
#[derive(Clone, Copy, Debug)]
pub struct StridedF32<'a> {
    /// The voxels.
    pub data: &'a [f32],
    /// The voxel at index (0, 0, 0), or where it would be.
    pub offset: isize,
    /// Elements from one index to the next, per axis.
    pub strides: [isize; 3],
    /// Voxels per axis.
    pub shape: [usize; 3],
}

impl<'a> StridedF32<'a> {
    /// A packed volume, first axis fastest.
    pub fn packed(data: &'a [f32], shape: [usize; 3]) -> Self {
        let [nx, ny, _] = shape;
        StridedF32 { data, offset: 0, strides: [1, nx as isize, (nx * ny) as isize], shape }
    }
}
