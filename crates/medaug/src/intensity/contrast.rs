use medcore::{Category, Declared, Dist, Facts, Key, Of, Result, Step, Transform};
use medkernels::linear::Linear;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Scale values about the image's mean, `(v - mean) * factor + mean`.
///
/// Corresponds to batchgeneratorsv2's `ContrastTransform` (`channel_wise: true`) and to MONAI's `RandScaleIntensityFixedMean`, whose factor is
/// 1 less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "ScaleIntensityFixedMean, RandScaleIntensityFixedMean",
    "batchgeneratorsv2": "ContrastTransform"
}))]
pub struct Contrast {
    /// What distances from the mean are multiplied by: above 1 more contrast, below 1 less, not below 0.
    pub factor: Dist,
    /// Whether values are held in the range that the image had.
    pub keep_range: bool,
    /// Whether each channel (or frame) has its own mean and range.
    pub channel_wise: bool,
}

impl Default for Contrast {
    fn default() -> Contrast {
        Contrast { factor: 1.0.into(), keep_range: false, channel_wise: false }
    }
}

impl Declared for Contrast {
    const NAME: &'static str = "contrast";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("factor");
}

impl Transform for Contrast {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.factor.within(Self::NAME, "factor", 0.0, f64::MAX)?;
        let factor = self.factor.draw(key.text("factor"));
        let Contrast { keep_range, channel_wise, .. } = *self;
        let about = move |mean: f64, range: Option<[f64; 2]>| {
            let label = format!("distances from the mean {mean:.6} times {factor:.6}");
            let held = range.map(|[low, high]| Linear::clamp(low as f32, high as f32));
            let map = Linear::about(mean, factor as f32, mean as f32);
            Step::linear(label, [map].into_iter().chain(held).collect::<Vec<_>>())
        };
        Ok(vec![measured("scale about the mean of the voxels", Of::Moments, channel_wise, move |m| {
            let mean = m.mean;
            if !keep_range {
                return Ok(vec![about(mean, None)]);
            }
            Ok(vec![measured("within the range of the voxels", Of::Extent, channel_wise, move |m| {
                Ok(vec![about(mean, Some(m.extent))])
            })])
        })])
    }
}
