use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multiply values by a factor.
///
/// Corresponds to batchgeneratorsv2's `MultiplicativeBrightnessTransform`, to MONAI's `RandScaleIntensity` (whose factor is 1 less) and to medrs's
/// `random_intensity_scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandScaleIntensity",
    "batchgeneratorsv2": "MultiplicativeBrightnessTransform"
}))]
pub struct ScaleIntensity {
    /// What values are multiplied by.
    pub factor: Dist,
}

impl Default for ScaleIntensity {
    fn default() -> ScaleIntensity {
        ScaleIntensity { factor: 1.0.into() }
    }
}

impl Declared for ScaleIntensity {
    const NAME: &'static str = "scale_intensity";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("factor");
}

impl Transform for ScaleIntensity {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let factor = self.factor.draw(key.text("factor")) as f32;
        Ok(vec![Step::linear(format!("times {factor}"), [Linear::affine(factor, 0.0)])])
    }
}
