use medcore::{Category, Declared, Dist, Facts, Key, Of, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Add an offset to all values.
///
/// Corresponds to MONAI's `RandShiftIntensity` and, with `unit: deviations`, `RandStdShiftIntensity`; to batchgeneratorsv2's
/// `BrightnessAdditiveTransform` with `offset: {normal: [mu, sigma]}`; and to medrs's `random_intensity_shift`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "ShiftIntensity, RandShiftIntensity, StdShiftIntensity, RandStdShiftIntensity",
    "batchgeneratorsv2": "BrightnessAdditiveTransform"
}))]
pub struct ShiftIntensity {
    /// What is added, in `unit`.
    pub offset: Dist,
    /// The unit of the offset.
    pub unit: OffsetUnit,
    /// Whether each channel (or frame) has its own standard deviation.
    pub channel_wise: bool,
}

/// The unit of an offset: `values` of the image, or `deviations`, the image's standard deviation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OffsetUnit {
    /// The image's own unit.
    #[default]
    Values,
    /// Standard deviations (divisor n) of the image.
    Deviations,
}

impl Default for ShiftIntensity {
    fn default() -> ShiftIntensity {
        ShiftIntensity { offset: 0.0.into(), unit: OffsetUnit::Values, channel_wise: false }
    }
}

impl Declared for ShiftIntensity {
    const NAME: &'static str = "shift_intensity";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("offset");
}

impl Transform for ShiftIntensity {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let offset = self.offset.draw(key.text("offset"));
        Ok(vec![match self.unit {
            OffsetUnit::Values => add(offset),
            OffsetUnit::Deviations => {
                let label = "add deviations of the voxels";
                measured(label, Of::Moments, self.channel_wise, move |m| {
                    Ok(vec![add(offset * m.variance.sqrt())])
                })
            }
        }])
    }
}

fn add(offset: f64) -> Step {
    let offset = offset as f32;
    Step::linear(format!("add {offset}"), [Linear::affine(1.0, offset)])
}
