use medcore::{Category, Declared, Displacement, Dist, Error, Facts, Key, Result, Spline, Step, Transform};
use medkernels::filter::{convolve_axis, gaussian_taps};
use medkernels::philox::normal_row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};

/// Control points for each deviation of the Gaussian.
const POINTS: f64 = 1.5;

/// The most control points.
const MOST: usize = 1 << 24;

/// Displace the content by noise that a Gaussian has smoothed; the grid stays.
///
/// Each voxel axis is displaced by a field of its own. The fields are those of smoothed white noise, made on a grid of control points that is as fine as
/// they need: normal, with the correlation `exp(-d² / 4 sigma²)` at a distance of `d` voxels, everywhere alike (no weaker towards the faces). Landmarks move with
/// the content. Joined with affines before and after it into one interpolation. Corresponds to MONAI's `Rand3DElastic` and, with `scale: peak`, to
/// the elastic deformation of batchgenerators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "Rand3DElastic", "batchgeneratorsv2": "SpatialTransform"}))]
pub struct ElasticNoise {
    /// Deviation of the Gaussian; 1 or more.
    #[schemars(extend("x-unit" = "voxels"))]
    pub sigma: Dist,
    /// How far voxels are displaced; see `scale`.
    pub magnitude: Dist,
    /// What the magnitude is.
    pub scale: NoiseScale,
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours.
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
}

/// What the magnitude of smoothed noise is: `noise`, the range of the uniform noise before it is smoothed, as in MONAI; `deviation`, that of the
/// displacements; or `peak`, the largest displacement, as in batchgenerators (of those at control points). The last two are voxels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoiseScale {
    /// Uniform noise between minus and plus the magnitude is smoothed.
    #[default]
    Noise,
    /// The standard deviation of displacements along each axis.
    Deviation,
    /// The largest displacement along each axis.
    Peak,
}

impl Default for ElasticNoise {
    fn default() -> ElasticNoise {
        ElasticNoise {
            sigma: 6.0.into(),
            magnitude: 100.0.into(),
            scale: NoiseScale::Noise,
            interpolation: Interpolation::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
        }
    }
}

impl Declared for ElasticNoise {
    const NAME: &'static str = "elastic_noise";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("magnitude");
    const RANDOM: bool = true;
}

/// The share of white noise's variance that a Gaussian leaves along one axis.
fn left(sigma: f64) -> f64 {
    1.0 / (2.0 * sigma * std::f64::consts::PI.sqrt())
}

/// Control points of normal noise, smoothed so that the spline's values have the correlation of a Gaussian of [`POINTS`] control points.
fn smoothed(shape: [usize; 3], key: Key) -> Vec<f32> {
    // The spline itself smooths by a kernel of variance 1/3.
    let taps = gaussian_taps((POINTS * POINTS - 1.0 / 3.0).sqrt(), 4.0);
    let mut wide = shape.map(|n| n + taps.len() - 1);
    let mut field = vec![0.0; wide.iter().product()];
    normal_row(&mut field, key.stream(), 0);
    for axis in 0..3 {
        wide[axis] = shape[axis];
        let mut next = vec![0.0; wide.iter().product()];
        convolve_axis(&mut next, &field, wide, axis, &taps);
        field = next;
    }
    field
}

/// The largest magnitude that the spline has at a control point.
fn peak(field: &[f32], shape: [usize; 3]) -> f64 {
    let (mut now, mut field) = (shape, field.to_vec());
    for axis in 0..3 {
        now[axis] -= 2;
        let mut next = vec![0.0; now.iter().product()];
        convolve_axis(&mut next, &field, now, axis, &[1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0]);
        field = next;
    }
    field.iter().fold(0.0, |most, v| if f64::from(v.abs()) > most { f64::from(v.abs()) } else { most })
}

impl Transform for ElasticNoise {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.sigma.within(Self::NAME, "sigma", 1.0, 1e6)?;
        self.magnitude.within(Self::NAME, "magnitude", 0.0, 1e9)?;
        let n = at.grid.shape;
        let (sigma, magnitude) =
            (self.sigma.draw(key.text("sigma")), self.magnitude.draw(key.text("magnitude")));
        let apart = sigma / POINTS;
        let shape = n.map(|n| ((n as f64 - 1.0) / apart).ceil() as usize + 4);
        if shape.iter().product::<usize>() > MOST {
            let found = format!("{sigma} on {n:?} voxels");
            return Err(Error::param(
                Self::NAME,
                "sigma",
                found,
                format!("fewer than {MOST} control points"),
            ));
        }
        let fields = [0, 1, 2].map(|axis| {
            let key = key.text("noise").index(axis as u64);
            // A picture stays in its plane.
            if n[axis] == 1 { vec![0.0; shape.iter().product()] } else { smoothed(shape, key) }
        });
        let unit = left(POINTS).powi(3).sqrt();
        // Along an axis of one voxel nothing is smoothed.
        let axes = n.iter().filter(|&&n| n > 1).count() as i32;
        let scale = fields.each_ref().map(|field| match self.scale {
            NoiseScale::Noise => magnitude * (left(sigma).powi(axes) / 3.0).sqrt() / unit,
            NoiseScale::Deviation => magnitude / unit,
            NoiseScale::Peak => {
                let most = peak(field, shape);
                if most > 0.0 { magnitude / most } else { 0.0 }
            }
        });
        let points: Vec<[f64; 3]> = (0..fields[0].len())
            .map(|i| [0, 1, 2].map(|axis| f64::from(fields[axis][i]) * scale[axis]))
            .collect();
        let spline = Spline::new(shape, [-apart; 3], [apart; 3], &points)?;
        let label = format!("elastic noise, sigma {sigma:.3} voxels");
        sampling!(self).displaced(label, at, Displacement::Spline(spline))
    }
}
