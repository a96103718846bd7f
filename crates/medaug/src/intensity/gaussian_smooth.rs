use medcore::{Category, Declared, Dist, Facts, Filter, FilterTile, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::intensity::gaussian::{Gaussian, GaussianRule, Given, LengthUnit};

/// Smooth with a Gaussian kernel.
///
/// What the kernel's weights are, how wide it is and what lies beyond the volume's edge are as in SciPy's `gaussian_filter` and TorchIO's `Blur`,
/// or by `rule` as in MONAI or in nnU-Net's augmentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "GaussianSmooth, RandGaussianSmooth",
    "TorchIO": "Blur, RandomBlur",
    "batchgeneratorsv2": "GaussianBlurTransform",
    "SciPy": "ndimage.gaussian_filter",
    "SimpleITK": "DiscreteGaussian",
    "OpenCV": "GaussianBlur"
}))]
pub struct GaussianSmooth {
    /// Standard deviation of the kernel along x, y, z, in `unit`; 0 leaves an axis alone. One value for all axes is drawn once.
    pub sigma: PerAxis<Dist>,
    /// The unit of sigma.
    pub unit: LengthUnit,
    /// Deviations at which the kernel is cut off; if not given 4, and 3 by nnU-Net's rule.
    pub truncate: Option<f64>,
    /// Whose kernel and edges.
    pub rule: GaussianRule,
}

impl Default for GaussianSmooth {
    fn default() -> GaussianSmooth {
        GaussianSmooth {
            sigma: PerAxis::All(1.0.into()),
            unit: LengthUnit::Voxels,
            truncate: None,
            rule: GaussianRule::Scipy,
        }
    }
}

impl Declared for GaussianSmooth {
    const NAME: &'static str = "gaussian_smooth";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("sigma");
}

impl Transform for GaussianSmooth {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let GaussianSmooth { ref sigma, unit, truncate, rule } = *self;
        let given = Given { transform: Self::NAME, name: "sigma", sigma, unit, truncate, rule };
        let gaussian = Gaussian::drawn(&given, at, key)?;
        let halo = gaussian.halo;
        if halo == [0; 3] {
            return Ok(vec![]);
        }
        let [x, y, z] = gaussian.sigma;
        let label = format!("gaussian smooth, sigma {x:.4} {y:.4} {z:.4} voxels");
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| gaussian.smooth(tile, out);
        Ok(vec![Step::Filter(Filter::new(label, halo, run))])
    }
}
