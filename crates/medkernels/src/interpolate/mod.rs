//! Sampling between voxels: linear along axes, linear and nearest along oblique rows.

mod affine;
mod boundary;
mod nearest;
mod separable;

pub use affine::sample_linear_row;
pub use boundary::Boundary;
pub use nearest::sample_nearest_row;
pub use separable::{AxisTaps, lerp, lerp_x, resample_linear};

/// Three axes of f32 voxels: `(x, y, z)` is `data[offset + x * strides[0] + y * strides[1] + z * strides[2]]`.
///
/// Strides count elements and may be negative.
#[derive(Clone, Copy, Debug)]
pub struct StridedF32<'a> {
    /// The voxels.
    pub data: &'a [f32],
    /// The voxel at index (0, 0, 0).
    pub offset: usize,
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

    /// Whether every index of the shape lies in `data`, and no axis is empty.
    fn is_inside(&self) -> bool {
        is_inside(self.data.len(), self.offset, self.strides, self.shape)
    }
}

fn is_inside(len: usize, offset: usize, strides: [isize; 3], shape: [usize; 3]) -> bool {
    let (mut low, mut high) = (offset as i128, offset as i128);
    for (&stride, &count) in strides.iter().zip(&shape) {
        let reach = stride as i128 * (count as i128 - 1);
        if reach < 0 {
            low += reach;
        } else {
            high += reach;
        }
    }
    low >= 0 && high < len as i128 && !shape.contains(&0)
}
