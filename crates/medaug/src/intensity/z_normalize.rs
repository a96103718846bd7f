use medcore::{
    Category, Declared, Error, Facts, ItemFacts, Keep, Key, Measured, Of, Result, Step, Transform,
};
use medkernels::linear::{self, Linear, Only};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Mask;

/// Subtract the mean and divide by the standard deviation.
///
/// Statistics are taken in float64 over the masked voxels; the deviation is the population's (divisor n), as in MONAI's `NormalizeIntensity`
/// and nnU-Net. A deviation of 0 divides by 1. NaN voxels make the mean NaN unless the mask leaves them out. With `mean` and `std` given nothing is measured: after a `clamp`
/// to the percentiles of a data set's foreground, its mean and deviation are nnU-Net's `CTNormalization`.
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
    /// What is subtracted, for all channels or one number for each, instead of the mean.
    pub mean: Option<GivenNumbers>,
    /// What is divided by, for all channels or one number for each, instead of the deviation; 0 divides by 1.
    pub std: Option<GivenNumbers>,
}

/// One number for all channels, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or a list with one for each channel")]
pub enum GivenNumbers {
    /// For all channels.
    All(f64),
    /// For each channel.
    Each(Vec<f64>),
}

impl GivenNumbers {
    /// One for each of so many channels.
    fn of(&self, name: &str, channels: usize) -> Result<Vec<f64>> {
        let all = match self {
            GivenNumbers::All(v) => vec![*v; channels],
            GivenNumbers::Each(list) => list.clone(),
        };
        if all.len() == channels && all.iter().all(|v| v.is_finite()) {
            return Ok(all);
        }
        let wanted = format!("a finite number, or {channels} of them");
        Err(Error::param(ZNormalize::NAME, name, format!("{all:?}"), wanted))
    }
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
        let only = |threshold: f32| match (self.outside, &self.mask) {
            (Outside::Normalize, _) | (_, Mask::All) => None,
            (Outside::Keep, Mask::Nonzero) => Some(Only::Nonzero),
            (Outside::Keep, _) => Some(Only::Above(threshold)),
        };
        if let (Outside::Keep, Mask::Label(_)) = (self.outside, &self.mask) {
            return Err(Error::param(
                Self::NAME,
                "outside",
                "keep with a label mask",
                "normalize, or a mask of nonzero or above",
            ));
        }
        let channels = at.item.map_or(1, ItemFacts::channels);
        let given = |name: &str, numbers: &Option<GivenNumbers>| {
            numbers.as_ref().map(|n| n.of(name, channels)).transpose()
        };
        let numbers = Numbers { mean: given("mean", &self.mean)?, deviation: given("std", &self.std)? };
        let measured_above = matches!((self.outside, &self.mask), (Outside::Keep, Mask::AboveMean));
        if self.mean.is_some() && self.std.is_some() && !measured_above {
            let threshold = if let Mask::Above(v) = self.mask { v as f32 } else { 0.0 };
            return Ok(vec![numbers.point(f64::NAN, f64::NAN, only(threshold))]);
        }
        let outside = only(0.0);
        let then = move |m: &Measured, keep: &Keep| {
            let only = match (outside, keep) {
                (Some(Only::Above(_)), Keep::Above(t)) => Some(Only::Above(*t as f32)),
                (only, _) => only,
            };
            if m.count == 0 {
                return Err(Error::Data {
                    what: Self::NAME.into(),
                    found: "the mask keeps no voxel".into(),
                    hint: "choose another mask".into(),
                });
            }
            Ok(vec![numbers.point(m.mean, m.variance.sqrt(), only)])
        };
        let label = "z-normalise by the mean and deviation of the voxels".into();
        Ok(vec![self.mask.measured(Self::NAME, at, label, Of::Moments, self.channel_wise, then)?])
    }
}

/// What is given for each channel.
struct Numbers {
    mean: Option<Vec<f64>>,
    deviation: Option<Vec<f64>>,
}

impl Numbers {
    /// The point, where the mean and deviation that are not given are these.
    fn point(&self, mean: f64, deviation: f64, only: Option<Only>) -> Step {
        let each = |given: &Option<Vec<f64>>, measured: f64| given.clone().unwrap_or_else(|| vec![measured]);
        let (means, deviations) = (each(&self.mean, mean), each(&self.deviation, deviation));
        let label = format!("z-normalise by mean {means:.6?} and deviation {deviations:.6?}");
        let label = label.replace(['[', ']'], "");
        let of = |all: &[f64], n: usize| *all.get(n).unwrap_or(&all[0]);
        let map = |n: usize| {
            let deviation = of(&deviations, n);
            Linear::normalize(of(&means, n), if deviation == 0.0 { 1.0 } else { 1.0 / deviation })
        };
        let maps: Vec<Linear> = (0..means.len().max(deviations.len())).map(map).collect();
        match (only, &maps[..]) {
            (None, [map]) => Step::linear(label, [*map]),
            (None, _) => Step::point_at(label, move |row, at| {
                linear::run(row, &[*maps.get(at.channel).unwrap_or(&maps[0])]);
            }),
            (Some(only), [map]) => {
                let map = *map;
                Step::point_from(label, move |row| linear::run_only(row, map, only))
            }
            (Some(only), _) => Step::point_at(label, move |row, at| {
                linear::run_only(row, *maps.get(at.channel).unwrap_or(&maps[0]), only);
            }),
        }
    }
}
