//! How a voxel between voxels is valued.

use medkernels::interpolate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Interpolation along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sampler {
    /// The nearest voxel; half-way coordinates go up. Keeps the dtype.
    Nearest,
    /// The voxel in which what an output voxel covers begins, as `floor(i * n / m)`: torch's `nearest`, OpenCV's `INTER_NEAREST`. Keeps the dtype; along
    /// axes only.
    NearestFloor,
    /// Linear between the two neighbours (trilinear over three axes). Yields float32.
    Linear,
    /// A cubic B-spline through the voxels: SciPy's `order=3`, ITK's B-spline. Yields float32.
    Cubic,
    /// The mean of what an output voxel covers, each voxel by its share: OpenCV's `INTER_AREA` where that is smaller. Yields float32; along axes only.
    Area,
    /// The mean of all voxels that an output voxel touches: torch's `area` and `adaptive_avg_pool`. Yields float32; along axes only.
    AreaWhole,
    /// A sinc windowed by a sinc, three voxels to either side, of the output where that is coarser. Yields float32; along axes only.
    Lanczos,
}

impl Sampler {
    /// Whether samples are voxels of the input.
    pub fn is_nearest(self) -> bool {
        matches!(self, Sampler::Nearest | Sampler::NearestFloor)
    }

    /// Whether it knows what a sample is only where it lies, and not how wide an output voxel is: along any axes, and joined with others into one.
    pub fn is_pointwise(self) -> bool {
        matches!(self, Sampler::Nearest | Sampler::Linear | Sampler::Cubic)
    }

    /// Whether samples may be beyond the voxels' range.
    pub fn overshoots(self) -> bool {
        matches!(self, Sampler::Cubic | Sampler::Lanczos)
    }
}

impl std::fmt::Display for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Sampler::Nearest => "nearest",
            Sampler::NearestFloor => "nearest, from where a voxel begins",
            Sampler::Linear => "linear",
            Sampler::Cubic => "cubic",
            Sampler::Area => "area",
            Sampler::AreaWhole => "area of whole voxels",
            Sampler::Lanczos => "Lanczos",
        })
    }
}

/// What lies outside the volume.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Boundary {
    /// This value everywhere outside; interpolation blends with it within a voxel of the edge (SciPy `grid-constant`,
    /// torch `zeros` for 0).
    Constant(f64),
    /// This value where a sample lies beyond the centre of an outermost voxel, and nothing of it anywhere else: SciPy's `constant`. Of copied voxels it is
    /// the same as [`Boundary::Constant`]. The executor cuts, and samples by another boundary.
    Cut(f64),
    /// The nearest edge voxel (SciPy `nearest`, torch `border`, NumPy `edge`).
    Edge,
    /// Mirrored about the edge of the outermost voxel, which is repeated: `b a | a b c | c b` (SciPy `reflect`, NumPy `symmetric`).
    Symmetric,
    /// Mirrored about the centre of the outermost voxel, which is not repeated: `c b | a b c | b a` (SciPy `mirror`, NumPy `reflect`).
    Reflect,
    /// Periodic (SciPy `grid-wrap`, NumPy `wrap`).
    Wrap,
    /// A constant that is measured: the smallest value of the whole input. The executor measures it, and never samples by it.
    Smallest,
}

impl Boundary {
    /// The inside index that an index outside `0..n` stands for, or `None` for a constant.
    pub fn index(self, i: i64, n: usize) -> Option<usize> {
        interpolate::Boundary::from(self).index(i, n)
    }
}

impl From<Boundary> for interpolate::Boundary {
    /// The kernels call `Symmetric` by SciPy's name `Reflect`, and `Reflect` by SciPy's name `Mirror`.
    fn from(b: Boundary) -> interpolate::Boundary {
        match b {
            Boundary::Constant(v) | Boundary::Cut(v) => interpolate::Boundary::Constant(v as f32),
            Boundary::Edge => interpolate::Boundary::Edge,
            Boundary::Symmetric => interpolate::Boundary::Reflect,
            Boundary::Reflect => interpolate::Boundary::Mirror,
            Boundary::Wrap => interpolate::Boundary::Wrap,
            Boundary::Smallest => interpolate::Boundary::Constant(f32::NAN),
        }
    }
}

impl std::fmt::Display for Boundary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Boundary::Constant(v) => write!(f, "constant {v}"),
            Boundary::Cut(v) => write!(f, "{v}, not blended"),
            Boundary::Edge => f.write_str("edge"),
            Boundary::Symmetric => f.write_str("symmetric"),
            Boundary::Reflect => f.write_str("reflect"),
            Boundary::Wrap => f.write_str("wrap"),
            Boundary::Smallest => f.write_str("smallest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_follow_numpy_pad() {
        let row = |b: Boundary, n| (-5..n as i64 + 5).map(|i| b.index(i, n).unwrap()).collect::<Vec<_>>();
        // numpy.pad(numpy.arange(3), 5, mode=...)
        assert_eq!(row(Boundary::Edge, 3), [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(row(Boundary::Reflect, 3), [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!(row(Boundary::Symmetric, 3), [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert_eq!(row(Boundary::Wrap, 3), [1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
        assert_eq!(row(Boundary::Reflect, 1), [0; 11]);
        assert_eq!(Boundary::Constant(0.0).index(-1, 3), None);
    }
}
