use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limit values to a range, in real units. NaN stays NaN.
///
/// Corresponds to `numpy.clip`, TorchIO's `Clamp` and MONAI's `ClipIntensityPercentiles` with values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "ThresholdIntensity, ClipIntensityPercentiles",
    "TorchIO": "Clamp",
    "NumPy": "clip",
    "SimpleITK": "Clamp"
}))]
pub struct Clamp {
    /// Values below become this; no lower limit if not given.
    pub min: Option<f64>,
    /// Values above become this; no upper limit if not given.
    pub max: Option<f64>,
}

impl Declared for Clamp {
    const NAME: &'static str = "clamp";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = None;
}

impl Transform for Clamp {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let (low, high) = (self.min.unwrap_or(f64::NEG_INFINITY), self.max.unwrap_or(f64::INFINITY));
        if low.is_nan() || high.is_nan() || low > high {
            return Err(Error::param(
                Self::NAME,
                "min",
                format!("{low} with max {high}"),
                "min not above max",
            ));
        }
        let label = format!("clamp to {low} to {high}");
        Ok(vec![Step::linear(label, [Linear::clamp(low as f32, high as f32)])])
    }
}
