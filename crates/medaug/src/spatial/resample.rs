use medcore::{
    Affine, Boundary, Category, Clip, Declared, Error, Facts, Filter, Grid, Key, PerAxis, Result, Sampler,
    Step, Transform, Volume, Warp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::sampling::{LabelInterpolation, Resampling, regridded};
use crate::intensity::gaussian::{Gaussian, GaussianRule};

/// Sample the volume on a grid of another spacing, or of another shape over the same field of view.
///
/// Both grids share the centre of their field of view, and voxel centres lie half a voxel inside its edge (torch `align_corners=False`), unless `fit` says
/// otherwise. With `spacing`, the spacing is met exactly and the shape is the rounded one; with `shape`, the field of view is met exactly. Beyond the outermost
/// centres the edge voxel is used. Nothing is smoothed before down-sampling unless `anti_alias` says so, and `area` is the mean of what a voxel covers. A `preset` takes
/// over what a library does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "Spacing, Resize", "TorchIO": "Resample, Resize", "SciPy": "ndimage.zoom", "SimpleITK": "Resample", "scikit-image": "transform.resize", "PyTorch": "nn.functional.interpolate"}))]
pub struct Resample {
    /// Voxel size along x, y, z.
    #[schemars(extend("x-unit" = "mm"))]
    pub spacing: Option<PerAxis<f64>>,
    /// Voxels along x, y, z, instead of a spacing.
    pub shape: Option<PerAxis<usize>>,
    /// How many voxels of the spacing there are, and where they lie.
    pub fit: Fit,
    /// How images are sampled between voxels.
    pub interpolation: Resampling,
    /// How labels are sampled between voxels.
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
    /// Whether, and by whose Gaussian, images are smoothed before they are sampled more coarsely.
    pub anti_alias: AntiAlias,
    /// Whether values between voxels are held within the range of the channel's voxels, beyond which `cubic` and `lanczos` may go; where an axis is sampled by itself, each slice across
    /// it within its own, as in nnU-Net.
    pub clip: bool,
    /// An axis whose voxels are this many times as wide as those of another one, before or else afterwards, and the only one as wide, is sampled by itself, after the other two,
    /// by the nearest voxel: nnU-Net's rule, with 3.
    pub thick: Option<f64>,
    /// Takes over what a library does: `fit`, `mode`, `clip`, `thick`, the rule of `anti_alias` if it is on, and what the library means by `nearest` and `area`.
    pub preset: Option<ResamplePreset>,
}

/// What a library does: `scipy_zoom` (outermost centres on outermost centres), `torch` and `torch_corners` (`interpolate` with `align_corners` off and on; `nearest` is
/// rounded down, `area` is of whole voxels), `monai_resize` (as `torch`), `monai_spacing`, `torchio` (`Resample`), `scikit` (`transform.resize`: mirrored outside, held within the
/// range) or `nnunet` (its default for images and labels: cubic, thick axes by themselves, held within the range; labels by the largest share).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResamplePreset {
    /// SciPy's `ndimage.zoom`.
    ScipyZoom,
    /// torch's `interpolate`.
    Torch,
    /// torch's `interpolate` with `align_corners=True`.
    TorchCorners,
    /// MONAI's `Resize`.
    MonaiResize,
    /// MONAI's `Spacing`.
    MonaiSpacing,
    /// TorchIO's `Resample`.
    Torchio,
    /// scikit-image's `resize`.
    Scikit,
    /// nnU-Net's `resample_data_or_seg_to_shape`.
    Nnunet,
}

/// How images are smoothed before they are sampled `f` times as coarsely: not at all (`none`); by a Gaussian of `(f - 1) / 2` voxels, outside of which lies what `mode`
/// says (`scikit`) or zeros (`monai`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AntiAlias {
    /// Not at all.
    #[default]
    None,
    /// scikit-image's `resize(anti_aliasing=True)`.
    Scikit,
    /// MONAI's `Resize(anti_aliasing=True)`.
    Monai,
}

impl Default for Resample {
    fn default() -> Resample {
        Resample {
            spacing: None,
            shape: None,
            fit: Fit::Rounded,
            interpolation: Resampling::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
            anti_alias: AntiAlias::None,
            clip: false,
            thick: None,
            preset: None,
        }
    }
}

/// How a grid of another spacing fits the volume: the `rounded` number of voxels, about the common centre; as many as are `inside`, rounded down, about the
/// common centre (TorchIO's `Resample`); from the `first` voxel's centre on, and to the last one's, rounded (MONAI's `Spacing`); or the rounded number, first and last centres on
/// first and last ones (`corners`: SciPy's `zoom`, torch's `align_corners=True`), for which the spacing gives way.
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
    /// Outermost centres on outermost centres.
    Corners,
}

impl Fit {
    /// How many voxels, `ratio` times as wide, stand for `n`; halves go up, or to even as in NumPy where that is the model.
    fn count(self, n: usize, ratio: f64) -> f64 {
        match self {
            Fit::Rounded => (n as f64 / ratio).round(),
            Fit::Inside => (n as f64 / ratio).floor(),
            Fit::First => ((n as f64 - 1.0) / ratio + 1.0).round_ties_even(),
            Fit::Corners => (n as f64 / ratio).round_ties_even(),
        }
    }
}

impl Declared for Resample {
    const NAME: &'static str = "resample";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("spacing");

    fn prepare(&mut self, _: Option<(&Volume, String)>) -> Result<()> {
        if let Some(preset) = self.preset.take() {
            self.take_over(preset);
        }
        Ok(())
    }
}

impl Resample {
    /// The values that a preset stands for.
    fn take_over(&mut self, preset: ResamplePreset) {
        let (fit, mode) = match preset {
            ResamplePreset::ScipyZoom => (Fit::Corners, PadMode::Reflect),
            ResamplePreset::TorchCorners => (Fit::Corners, PadMode::Edge),
            ResamplePreset::MonaiSpacing => (Fit::First, PadMode::Edge),
            // ITK's splines are mirrored, its lines are held.
            ResamplePreset::Torchio if self.interpolation == Resampling::Cubic => {
                (Fit::Inside, PadMode::Reflect)
            }
            ResamplePreset::Torchio => (Fit::Inside, PadMode::Edge),
            ResamplePreset::Scikit => (Fit::Rounded, PadMode::Reflect),
            ResamplePreset::Torch | ResamplePreset::MonaiResize | ResamplePreset::Nnunet => {
                (Fit::Rounded, PadMode::Edge)
            }
        };
        (self.fit, self.mode) = (fit, mode);
        self.clip = matches!(preset, ResamplePreset::Scikit | ResamplePreset::Nnunet);
        self.thick = (preset == ResamplePreset::Nnunet).then_some(3.0);
        let torch = matches!(
            preset,
            ResamplePreset::Torch | ResamplePreset::TorchCorners | ResamplePreset::MonaiResize
        );
        if torch {
            self.interpolation = match self.interpolation {
                Resampling::Nearest => Resampling::NearestFloor,
                Resampling::Area => Resampling::AreaWhole,
                other => other,
            };
            if self.label_interpolation == LabelInterpolation::Nearest {
                self.label_interpolation = LabelInterpolation::NearestFloor;
            }
        }
        if self.anti_alias != AntiAlias::None {
            self.anti_alias = if torch { AntiAlias::Monai } else { AntiAlias::Scikit };
        }
        if preset == ResamplePreset::Nnunet {
            self.interpolation = Resampling::Cubic;
            self.label_interpolation = LabelInterpolation::Linear;
        }
    }

    /// The output's shape, and how many input voxels wide its voxels are.
    fn sizes(&self, grid: &Grid) -> Result<([usize; 3], [f64; 3])> {
        let n = grid.shape;
        let (mut shape, mut ratio) = ([0; 3], [0.0; 3]);
        match (&self.spacing, &self.shape) {
            (Some(wanted), None) => {
                let (have, wanted) = (grid.spacing(), wanted.each());
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
        if self.fit == Fit::Corners {
            let last = |n: usize| (n - 1) as f64;
            ratio = [0, 1, 2].map(|i| match shape[i] {
                0 | 1 => 1.0,
                _ if n[i] == 1 => 1.0 / shape[i] as f64,
                _ => last(n[i]) / last(shape[i]),
            });
        }
        Ok((shape, ratio))
    }

    /// Where the first voxel of the output lies, in voxels of the input.
    fn first(&self, n: [usize; 3], shape: [usize; 3], ratio: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|i| match self.fit {
            Fit::Corners if n[i] > 1 || shape[i] == 1 => 0.0,
            Fit::First if self.spacing.is_some() => 0.0,
            _ => first(n[i], shape[i], ratio[i]),
        })
    }

    /// The axis that is sampled by itself.
    fn thick_axis(&self, before: [f64; 3], after: [f64; 3]) -> Option<usize> {
        let times = self.thick?;
        let most = |s: [f64; 3]| s.into_iter().fold(0.0, f64::max);
        let least = |s: [f64; 3]| s.into_iter().fold(f64::INFINITY, f64::min);
        let thick = [before, after].into_iter().find(|s| most(*s) > times * least(*s))?;
        let widest = |axis: &usize| most(thick) - thick[*axis] < 1e-6 * most(thick);
        let mut axes = (0..3).filter(widest);
        axes.next().filter(|_| axes.next().is_none())
    }

    /// The Gaussian that comes before sampling more coarsely.
    fn smoothing(&self, ratio: [f64; 3]) -> Result<Option<Step>> {
        if self.anti_alias == AntiAlias::None || ratio.iter().all(|r| *r <= 1.0) {
            return Ok(None);
        }
        let sigma = ratio.map(|r| (r - 1.0).max(0.0) / 2.0);
        let (rule, boundary) = match (self.anti_alias, self.mode.boundary(Self::NAME, self.value)?) {
            (AntiAlias::Monai, _) => (GaussianRule::Monai, Boundary::Constant(0.0)),
            (_, b @ (Boundary::Edge | Boundary::Reflect | Boundary::Symmetric)) => (GaussianRule::Scipy, b),
            (_, other) => {
                let wanted = "mode edge, reflect or symmetric";
                return Err(Error::param(Self::NAME, "anti_alias", format!("mode {other}"), wanted));
            }
        };
        let gaussian = Gaussian::of(sigma, rule, boundary);
        let label = format!("smooth before sampling more coarsely, sigma {sigma:.3?} voxels");
        let halo = gaussian.halo;
        Ok(Some(Step::Filter(Filter::new(label, halo, move |tile, out| gaussian.smooth(tile, out)))))
    }
}

/// Where the first of `shape` voxels lies that are `ratio` input voxels wide each, about the centre of `n`.
fn first(n: usize, shape: usize, ratio: f64) -> f64 {
    (n as f64 - 1.0) / 2.0 - ratio * ((shape as f64 - 1.0) / 2.0)
}

/// The warp onto `shape` voxels that are `ratio` input voxels wide each, about the common centre.
pub(crate) fn centred(
    label: String,
    input: &Grid,
    shape: [usize; 3],
    ratio: [f64; 3],
    sampler: Sampler,
) -> Warp {
    let start = [0, 1, 2].map(|i| first(input.shape[i], shape[i], ratio[i]));
    let map = Affine::translate(start) * Affine::from_spacing(ratio);
    regridded(label, Grid::new(shape, input.affine * map), map.into(), [sampler; 3])
}

impl Transform for Resample {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let n = at.grid.shape;
        let (shape, ratio) = self.sizes(at.grid)?;
        if shape == n && ratio.iter().all(|r| (r - 1.0).abs() < 1e-9) {
            return Ok(vec![]);
        }
        let label = format!("resample {n:?} to {shape:?}");
        let warp =
            |label: String, input: &Grid, shape: [usize; 3], ratio: [f64; 3], sampler| -> Result<Warp> {
                let start = self.first(input.shape, shape, ratio);
                let map = Affine::translate(start) * Affine::from_spacing(ratio);
                Ok(Warp {
                    label_sampler: self.label_interpolation.into(),
                    boundary: self.mode.sampled(Self::NAME, self.value)?,
                    label_fill: self.label_value as f64,
                    clip: if self.clip { Clip::Volume } else { Clip::No },
                    composable: self.anti_alias == AntiAlias::None,
                    ..regridded(label, Grid::new(shape, input.affine * map), map.into(), [sampler; 3])
                })
            };
        let sampler = self.interpolation.into();
        let mut steps: Vec<Step> = self.smoothing(ratio)?.into_iter().collect();
        let spacing = at.grid.spacing();
        let Some(axis) = self.thick_axis(spacing, [0, 1, 2].map(|i| spacing[i] * ratio[i])) else {
            steps.push(Step::Warp(warp(label, at.grid, shape, ratio, sampler)?));
            return Ok(steps);
        };
        let (mut middle, mut plane) = (shape, ratio);
        (middle[axis], plane[axis]) = (n[axis], 1.0);
        let within = warp(format!("{label}, within slices"), at.grid, middle, plane, sampler)?;
        let (mut across, grid) = ([1.0; 3], within.grid);
        across[axis] = ratio[axis];
        let across = warp(format!("{label}, across slices"), &grid, shape, across, Sampler::Nearest)?;
        let clip = if self.clip { Clip::Slices(axis) } else { Clip::No };
        steps.push(Step::Warp(Warp { clip, composable: false, ..within }));
        steps.push(Step::Warp(Warp { label_sampler: Sampler::Nearest, composable: false, ..across }));
        Ok(steps)
    }
}
