use medcore::{Category, Declared, Dist, Error, Facts, Key, Measured, Of, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{keeping_statistics, measured, range};

/// Raise values to a power, relative to the image's own range.
///
/// A value that lies a share `t` of the way from the smallest to the largest value goes to the share `t^gamma` of it, as in MONAI's
/// `AdjustContrast` and batchgeneratorsv2's `GammaTransform`; an image of one value stays as it is. With `relative_to: magnitude` the magnitude
/// is raised and the sign kept, as in TorchIO's `RandomGamma` (`gamma: {log_uniform: [0.74, 1.35]}` is its default).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "AdjustContrast, RandAdjustContrast",
    "TorchIO": "Gamma, RandomGamma",
    "batchgeneratorsv2": "GammaTransform",
    "scikit-image": "exposure.adjust_gamma"
}))]
pub struct Gamma {
    /// The exponent, 1e-6 to 1e4: below 1 lightens, above 1 darkens.
    pub gamma: Dist,
    /// What is raised to the power.
    pub relative_to: GammaOf,
    /// Whether the way goes from the largest value down to the smallest, as if the image were negated before and after.
    pub invert: bool,
    /// Whether mean and standard deviation are brought back to what they were.
    pub keep_stats: bool,
    /// Whether each channel (or frame) has its own range, mean and deviation.
    pub channel_wise: bool,
}

/// What is raised to a power: the place of a value in the image's `range`, or its `magnitude`, with its sign kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GammaOf {
    /// The share of the way from the smallest to the largest value.
    #[default]
    Range,
    /// The magnitude of the value, whose sign is kept.
    Magnitude,
}

impl Default for Gamma {
    fn default() -> Gamma {
        Gamma {
            gamma: 1.0.into(),
            relative_to: GammaOf::Range,
            invert: false,
            keep_stats: false,
            channel_wise: false,
        }
    }
}

impl Declared for Gamma {
    const NAME: &'static str = "gamma";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("gamma");
}

impl Transform for Gamma {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.gamma.within(Self::NAME, "gamma", 1e-6, 1e4)?;
        let gamma = self.gamma.draw(key.text("gamma"));
        let (invert, channel_wise) = (self.invert, self.channel_wise);
        if gamma == 1.0 {
            return Ok(vec![]);
        }
        let step = match self.relative_to {
            GammaOf::Magnitude if invert => {
                return Err(Error::param(Self::NAME, "invert", "true with magnitude", "relative_to: range"));
            }
            GammaOf::Magnitude => {
                let label = format!("magnitudes to the power {gamma:.6}");
                Step::point(label, move |row| points::pow_signed(row, gamma as f32))
            }
            GammaOf::Range => measured(
                "raise to a power within the range of the voxels",
                Of::Extent,
                channel_wise,
                move |m| Ok(power(m, gamma, invert).into_iter().collect()),
            ),
        };
        Ok(vec![if self.keep_stats { keeping_statistics(channel_wise, vec![step]) } else { step }])
    }
}

/// The point, if the image has more than one value.
fn power(m: &Measured, gamma: f64, invert: bool) -> Option<Step> {
    let [low, high] = range(m)?;
    let (from, to) = if invert { (high, low) } else { (low, high) };
    let label = format!("power {gamma:.6} of the way from {from} to {to}");
    Some(Step::point(label, move |row| points::gamma_between(row, from, to, gamma as f32)))
}
