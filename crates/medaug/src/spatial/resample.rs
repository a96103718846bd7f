use medcore::{
    Affine, Boundary, Category, Declared, Error, Facts, Grid, Key, PerAxis, Result, Sampler, Step, Transform,
    Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Sample the volume on a grid of another spacing, or of another shape over the same field of view.
///
/// Both grids share the centre of their field of view, and voxel centres lie half a voxel inside its edge (torch `align_corners=False`). With
/// `spacing`, the spacing is met exactly and the shape is the rounded one, unless `fit` says otherwise; with `shape`, the field of view is met exactly. Beyond the outermost
/// centres the edge voxel is used. No smoothing is done before down-sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "Spacing, Resize",
    "TorchIO": "Resample, Resize",
    "SciPy": "ndimage.zoom",
    "SimpleITK": "Resample",
    "PyTorch": "nn.functional.interpolate"
}))]
pub struct Resample {
    /// Voxel size along x, y, z.
    #[schemars(extend("x-unit" = "mm"))]
    pub spacing: Option<PerAxis<f64>>,
    /// Voxels along x, y, z, instead of a spacing.
    pub shape: Option<PerAxis<usize>>,
    /// How many voxels of the spacing there are, and where they lie.
    pub fit: Fit,
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours (the largest of
    /// linearly interpolated one-hot channels, the lowest label where several are).
    pub label_interpolation: Interpolation,
}

pub(crate) fn nearest() -> Interpolation {
    Interpolation::Nearest
}

impl Default for Resample {
    fn default() -> Resample {
        Resample {
            spacing: None,
            shape: None,
            fit: Fit::Rounded,
            interpolation: Interpolation::Linear,
            label_interpolation: nearest(),
        }
    }
}

/// How a grid of another spacing fits the volume: the `rounded` number of voxels, about the common centre; as many as are `inside`, rounded down, about the
/// common centre (TorchIO's `Resample`); or from the `first` voxel's centre on, and to the last one's, rounded (MONAI's `Spacing`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The rounded number.
    #[default]
    Rounded,
    /// As many as fit.
    Inside,
    /// First centre on first centre.
    First,
}

impl Fit {
    /// How many voxels, `ratio` times as wide, stand for `n`; halves go up, or to even as in NumPy where that is the model.
    fn count(self, n: usize, ratio: f64) -> f64 {
        match self {
            Fit::Rounded => (n as f64 / ratio).round(),
            Fit::Inside => (n as f64 / ratio).floor(),
            Fit::First => ((n as f64 - 1.0) / ratio + 1.0).round_ties_even(),
        }
    }
}

/// Interpolation of images: `linear` (yields float32) or `nearest` (keeps the dtype; half-way coordinates go up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Linear along each axis.
    #[default]
    Linear,
    /// The nearest voxel.
    Nearest,
}

impl From<Interpolation> for Sampler {
    fn from(i: Interpolation) -> Sampler {
        match i {
            Interpolation::Linear => Sampler::Linear,
            Interpolation::Nearest => Sampler::Nearest,
        }
    }
}

impl Declared for Resample {
    const NAME: &'static str = "resample";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("spacing");
}

/// The warp onto `shape` voxels that are `ratio` input voxels wide each, about the common centre.
pub(crate) fn centred(
    label: String,
    input: &Grid,
    shape: [usize; 3],
    ratio: [f64; 3],
    sampler: Sampler,
) -> Warp {
    let mut map = Affine::from_spacing(ratio);
    for i in 0..3 {
        map.rows[i][3] = (input.shape[i] as f64 - 1.0) / 2.0 - ratio[i] * ((shape[i] as f64 - 1.0) / 2.0);
    }
    Warp {
        label,
        grid: Grid::new(shape, input.affine * map),
        map: map.into(),
        sampler: [sampler; 3],
        label_sampler: Sampler::Nearest,
        boundary: Boundary::Edge,
        label_fill: 0.0,
        composable: true,
        deforms: false,
    }
}

impl Transform for Resample {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let n = at.grid.shape;
        let (mut shape, mut ratio) = ([0; 3], [0.0; 3]);
        match (&self.spacing, &self.shape) {
            (Some(wanted), None) => {
                let (have, wanted) = (at.grid.spacing(), wanted.each());
                for i in 0..3 {
                    if !(wanted[i] > 0.0 && wanted[i].is_finite()) {
                        let found = format!("{wanted:?}");
                        return Err(Error::param(Self::NAME, "spacing", found, "finite millimetres above 0"));
                    }
                    ratio[i] = wanted[i] / have[i];
                    let size = self.fit.count(n[i], ratio[i]);
                    if !(size.is_finite() && size < (1u64 << 31) as f64 && ratio[i] > 0.0) {
                        let found = format!("{wanted:?} on a grid of {n:?} voxels of {have:?} mm");
                        return Err(Error::param(
                            Self::NAME,
                            "spacing",
                            found,
                            "fewer than 2^31 voxels per axis",
                        ));
                    }
                    shape[i] = (size as usize).max(1);
                }
            }
            (None, Some(wanted)) => {
                shape = wanted.each();
                for i in 0..3 {
                    if shape[i] == 0 || shape[i] >= 1 << 31 {
                        return Err(Error::param(
                            Self::NAME,
                            "shape",
                            format!("{shape:?}"),
                            "1 to 2^31 voxels per axis",
                        ));
                    }
                    ratio[i] = n[i] as f64 / shape[i] as f64;
                }
            }
            (found, _) => {
                let found =
                    if found.is_some() { "given together with shape" } else { "not given, nor is shape" };
                return Err(Error::param(Self::NAME, "spacing", found, "one of spacing and shape"));
            }
        }
        if shape == n && ratio.iter().all(|r| (r - 1.0).abs() < 1e-9) {
            return Ok(vec![]);
        }
        let label = format!("resample {n:?} to {shape:?}");
        let mut warp = centred(label, at.grid, shape, ratio, self.interpolation.into());
        if self.fit == Fit::First && self.spacing.is_some() {
            let map = Affine::from_spacing(ratio);
            (warp.grid, warp.map) = (Grid::new(shape, at.grid.affine * map), map.into());
        }
        Ok(vec![Step::Warp(Warp { label_sampler: self.label_interpolation.into(), ..warp })])
    }
}
