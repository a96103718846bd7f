use medcore::{Category, Declared, Dist, Facts, Key, Of, Result, RowAt, Step, Transform};
use medkernels::philox::{self, Stream};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{keeping_statistics, measured};

/// Take the magnitude of the values with normally distributed noise added to a real and an imaginary part, as in MR magnitude images:
/// `sqrt((v + n1)^2 + n2^2)`.
///
/// Corresponds to MONAI's `RandRicianNoise`; with `from_minimum` and `keep_stats` to batchgeneratorsv2's `RicianNoiseTransform`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "RandRicianNoise", "batchgeneratorsv2": "RicianNoiseTransform"}))]
pub struct RicianNoise {
    /// Standard deviation of both parts' noise, not below 0; drawn once per image.
    pub std: Dist,
    /// Mean of both parts' noise; drawn once per image.
    pub mean: Dist,
    /// Whether `std` is a multiple of the image's own standard deviation.
    pub relative: bool,
    /// Whether the smallest value stands for no signal, instead of 0.
    pub from_minimum: bool,
    /// Whether mean and standard deviation are brought back to what they were.
    pub keep_stats: bool,
    /// Whether each channel (or frame) has its own smallest value, mean and deviation.
    pub channel_wise: bool,
}

impl Default for RicianNoise {
    fn default() -> RicianNoise {
        RicianNoise {
            std: 0.1.into(),
            mean: 0.0.into(),
            relative: false,
            from_minimum: false,
            keep_stats: false,
            channel_wise: false,
        }
    }
}

impl Declared for RicianNoise {
    const NAME: &'static str = "rician_noise";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("std");
    const RANDOM: bool = true;
}

/// The noise of an image, as far as it is drawn.
#[derive(Debug, Clone, Copy)]
struct Noise {
    real: Stream,
    imaginary: Stream,
    std: f64,
    mean: f32,
}

impl Transform for RicianNoise {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.std.within(Self::NAME, "std", 0.0, f64::MAX)?;
        let noise = Noise {
            real: key.text("real").stream(),
            imaginary: key.text("imaginary").stream(),
            std: self.std.draw(key.text("std")),
            mean: self.mean.draw(key.text("mean")) as f32,
        };
        let RicianNoise { from_minimum, channel_wise, .. } = *self;
        let from = move |noise: Noise| {
            if !from_minimum {
                return noise.step(0.0);
            }
            measured("above the smallest of the voxels", Of::Extent, channel_wise, move |m| {
                Ok(vec![noise.step(m.extent[0] as f32)])
            })
        };
        let step = if self.relative {
            measured("noise in deviations of the voxels", Of::Moments, channel_wise, move |m| {
                Ok(vec![from(Noise { std: noise.std * m.variance.sqrt(), ..noise })])
            })
        } else {
            from(noise)
        };
        Ok(vec![if self.keep_stats { keeping_statistics(channel_wise, vec![step]) } else { step }])
    }
}

impl Noise {
    fn step(self, floor: f32) -> Step {
        let label = format!("Rician noise of deviation {}, mean {}", self.std, self.mean);
        let std = self.std as f32;
        Step::point_at(label, move |row, at: &RowAt| {
            let mut second = [0f32; 1024];
            for (n, part) in row.chunks_mut(second.len()).enumerate() {
                let (second, at) = (&mut second[..part.len()], at.number() + (n * 1024) as u64);
                second.fill(0.0);
                philox::add_normal_row(second, self.imaginary, at, std, self.mean);
                points::affine(&mut *part, 1.0, -floor);
                philox::add_normal_row(part, self.real, at, std, self.mean);
                points::magnitude(part, second);
                points::affine(part, 1.0, floor);
            }
        })
    }
}
