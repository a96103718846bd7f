use medcore::{Category, Declared, Error, Facts, Keep, Key, Measured, Of, Result, Step, Transform};
use medkernels::linear::Linear;
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;

/// Subtract the mean and divide by the standard deviation.
///
/// Statistics are taken in float64 over the masked voxels; the deviation is the population's (divisor n), as in MONAI's `NormalizeIntensity`
/// and nnU-Net. A deviation of 0 divides by 1. NaN voxels make the mean NaN unless the mask leaves them out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "NormalizeIntensity",
    "TorchIO": "ZNormalization",
    "SimpleITK": "Normalize"
}))]
pub struct ZNormalize {
    /// Voxels that the mean and the deviation are taken over.
    pub mask: Mask,
    /// What happens to voxels that the mask leaves out.
    pub outside: Outside,
    /// Whether each channel (or frame) has its own mean and deviation.
    pub channel_wise: bool,
}

/// What happens to voxels outside a mask: `normalize` them by the same numbers (TorchIO), or `keep` them as they are (MONAI's `nonzero`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// The same arithmetic everywhere.
    #[default]
    Normalize,
    /// Voxels outside the mask are not changed.
    Keep,
}

impl Declared for ZNormalize {
    const NAME: &'static str = "z_normalize";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("mask");
}

impl Transform for ZNormalize {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let only: Option<fn(f32, f32) -> bool> = match (self.outside, &self.mask) {
            (Outside::Normalize, _) | (_, Mask::All) => None,
            (Outside::Keep, Mask::Nonzero) => Some(|v, _| v != 0.0),
            (Outside::Keep, Mask::Above(_) | Mask::AboveMean) => Some(|v, t| v > t),
            (Outside::Keep, Mask::Label(_)) => {
                return Err(Error::param(
                    Self::NAME,
                    "outside",
                    "keep with a label mask",
                    "normalize, or a mask of nonzero or above",
                ));
            }
        };
        let then = move |m: &Measured, keep: &Keep| {
            let threshold = if let Keep::Above(t) = keep { *t as f32 } else { 0.0 };
            if m.count == 0 {
                return Err(Error::Data {
                    what: Self::NAME.into(),
                    found: "the mask keeps no voxel".into(),
                    hint: "choose another mask".into(),
                });
            }
            let deviation = m.variance.sqrt();
            let (mean, inverse) = (m.mean, if deviation == 0.0 { 1.0 } else { 1.0 / deviation });
            let label = format!("z-normalise by mean {mean:.6} and deviation {deviation:.6}");
            Ok(vec![match only {
                None => Step::linear(label, [Linear::normalize(mean, inverse)]),
                Some(kept) => Step::point(label, move |row| {
                    for v in row.iter_mut().filter(|v| kept(**v, threshold)) {
                        points::normalize(std::slice::from_mut(v), mean, inverse);
                    }
                }),
            }])
        };
        let label = "z-normalise by the mean and deviation of the voxels".into();
        Ok(vec![self.mask.measured(Self::NAME, at, label, Of::Moments, self.channel_wise, then)?])
    }
}
