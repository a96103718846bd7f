//! How values between voxels and outside of them are found, as parameters.

use medcore::{Boundary, Clip, Displacement, Facts, Grid, Map, Result, Sampler, Step, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;

/// Interpolation of images: `linear` or `cubic` (a B-spline through the voxels; SciPy's order 3), which yield float32, or `nearest` (keeps the dtype; half-way
/// coordinates go up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Linear along each axis.
    #[default]
    Linear,
    /// The nearest voxel.
    Nearest,
    /// A cubic B-spline.
    Cubic,
}

/// Interpolation of images along the axes: `linear`, `cubic` (a B-spline through the voxels; SciPy's order 3) or `lanczos` (three voxels to either side, of the
/// coarser grid; Pillow's), `area` (the mean of what a voxel covers; OpenCV's `INTER_AREA`) or `area_whole` (of all voxels that it touches; torch's `area`), all of
/// which yield float32; `nearest` (keeps the dtype; half-way coordinates go up) or `nearest_floor` (the voxel in which one begins; torch's `nearest`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// Linear along each axis.
    #[default]
    Linear,
    /// The nearest voxel.
    Nearest,
    /// The voxel in which a voxel of the output begins.
    NearestFloor,
    /// A cubic B-spline.
    Cubic,
    /// The mean of what a voxel covers.
    Area,
    /// The mean of all voxels that a voxel touches.
    AreaWhole,
    /// A windowed sinc.
    Lanczos,
}

/// Interpolation of labels: `nearest`, `nearest_floor` (the voxel in which one begins; torch's `nearest`; along axes only), or `linear` for the label with the largest
/// share of the neighbours (the largest of linearly interpolated one-hot channels, the lowest label where several are).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelInterpolation {
    /// The nearest voxel.
    #[default]
    Nearest,
    /// The voxel in which a voxel of the output begins.
    NearestFloor,
    /// The largest share.
    Linear,
}

impl From<Interpolation> for Sampler {
    fn from(i: Interpolation) -> Sampler {
        match i {
            Interpolation::Linear => Sampler::Linear,
            Interpolation::Nearest => Sampler::Nearest,
            Interpolation::Cubic => Sampler::Cubic,
        }
    }
}

impl From<Resampling> for Sampler {
    fn from(i: Resampling) -> Sampler {
        match i {
            Resampling::Linear => Sampler::Linear,
            Resampling::Nearest => Sampler::Nearest,
            Resampling::NearestFloor => Sampler::NearestFloor,
            Resampling::Cubic => Sampler::Cubic,
            Resampling::Area => Sampler::Area,
            Resampling::AreaWhole => Sampler::AreaWhole,
            Resampling::Lanczos => Sampler::Lanczos,
        }
    }
}

impl From<LabelInterpolation> for Sampler {
    fn from(i: LabelInterpolation) -> Sampler {
        match i {
            LabelInterpolation::Nearest => Sampler::Nearest,
            LabelInterpolation::NearestFloor => Sampler::NearestFloor,
            LabelInterpolation::Linear => Sampler::Linear,
        }
    }
}

/// The parameters by which a deformation samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling<'a> {
    pub(crate) transform: &'a str,
    pub(crate) interpolation: Interpolation,
    pub(crate) label_interpolation: LabelInterpolation,
    pub(crate) mode: PadMode,
    pub(crate) value: f64,
    pub(crate) label_value: i64,
}

impl Sampling<'_> {
    /// The step that moves content by a displacement, on the grid that is there.
    pub(crate) fn displaced(self, label: String, at: &Facts<'_>, by: Displacement) -> Result<Vec<Step>> {
        self.warp(label, *at.grid, by.into(), true)
    }

    /// The step that samples content by a map onto a grid; unless the world stays where it is, the content moves in it.
    pub(crate) fn warp(self, label: String, grid: Grid, map: Map, deforms: bool) -> Result<Vec<Step>> {
        Ok(vec![Step::Warp(Warp {
            label,
            grid,
            map,
            sampler: [self.interpolation.into(); 3],
            label_sampler: self.label_interpolation.into(),
            boundary: self.mode.sampled(self.transform, self.value)?,
            label_fill: self.label_value as f64,
            clip: Clip::No,
            composable: true,
            deforms,
        })])
    }
}

/// Values of a [`Sampling`] from the fields that every deformation has.
macro_rules! sampling {
    ($of:ident) => {
        $crate::spatial::sampling::Sampling {
            transform: <Self as medcore::Declared>::NAME,
            interpolation: $of.interpolation,
            label_interpolation: $of.label_interpolation,
            mode: $of.mode,
            value: $of.value,
            label_value: $of.label_value,
        }
    };
}

pub(crate) use sampling;

/// The warp of a regridding onto another grid by a map along the axes: edge voxels outside.
pub(crate) fn regridded(label: String, grid: Grid, map: Map, sampler: [Sampler; 3]) -> Warp {
    Warp {
        label,
        grid,
        map,
        sampler,
        label_sampler: Sampler::Nearest,
        boundary: Boundary::Edge,
        label_fill: 0.0,
        clip: Clip::No,
        composable: true,
        deforms: false,
    }
}
