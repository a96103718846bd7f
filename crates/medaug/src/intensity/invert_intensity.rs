use medcore::{Category, Declared, Facts, Key, Of, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Turn high values into low ones: mirror them about the middle of the range, the mean, or 0.
///
/// `about: mean` with `channel_wise` is batchgeneratorsv2's `InvertImageTransform`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "batchgeneratorsv2": "InvertImageTransform",
    "SimpleITK": "InvertIntensity"
}))]
pub struct InvertIntensity {
    /// What stays where it is.
    pub about: Pivot,
    /// Whether each channel (or frame) has its own range or mean.
    pub channel_wise: bool,
}

/// What values are mirrored about: the middle of the `range` (smallest and largest change places), the `mean`, or `zero`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pivot {
    /// The middle between the smallest and the largest value.
    #[default]
    Range,
    /// The mean.
    Mean,
    /// 0.
    Zero,
}

impl Declared for InvertIntensity {
    const NAME: &'static str = "invert_intensity";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("about");
}

impl Transform for InvertIntensity {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let each = self.channel_wise;
        Ok(vec![match self.about {
            Pivot::Zero => mirrored(0.0, 0.0),
            Pivot::Mean => measured("mirror about the mean of the voxels", Of::Moments, each, |m| {
                Ok(vec![mirrored(m.mean, m.mean)])
            }),
            Pivot::Range => measured("mirror the range of the voxels", Of::Extent, each, |m| {
                Ok(if m.count > 0 { vec![mirrored(m.extent[1], m.extent[0])] } else { vec![] })
            }),
        }])
    }
}

/// `from` becomes `to`, and what lies above it lies below.
fn mirrored(from: f64, to: f64) -> Step {
    Step::linear(format!("mirror {from} to {to}"), [Linear::about(from, -1.0, to as f32)])
}
