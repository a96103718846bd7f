use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::{philox, points};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multiply each voxel by 1 plus normally distributed noise, as the speckle of ultrasound is often modelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"SimpleITK": "SpeckleNoise", "scikit-image": "util.random_noise"}))]
pub struct SpeckleNoise {
    /// Standard deviation of the noise, relative to the value, not below 0; drawn once per image.
    pub std: Dist,
    /// Mean of the noise, relative to the value; drawn once per image.
    pub mean: Dist,
}

impl Default for SpeckleNoise {
    fn default() -> SpeckleNoise {
        SpeckleNoise { std: 0.1.into(), mean: 0.0.into() }
    }
}

impl Declared for SpeckleNoise {
    const NAME: &'static str = "speckle_noise";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("std");
    const RANDOM: bool = true;
}

impl Transform for SpeckleNoise {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.std.within(Self::NAME, "std", 0.0, f64::MAX)?;
        let (std, mean) = (self.std.draw(key.text("std")) as f32, self.mean.draw(key.text("mean")) as f32);
        let stream = key.text("noise").stream();
        Ok(vec![Step::point_at(
            format!("times 1 and noise of deviation {std}, mean {mean}"),
            move |row, at| {
                let mut factors = [0f32; 1024];
                for (n, part) in row.chunks_mut(factors.len()).enumerate() {
                    let factors = &mut factors[..part.len()];
                    factors.fill(1.0);
                    philox::add_normal_row(factors, stream, at.number() + (n * 1024) as u64, std, mean);
                    points::multiply(part, factors);
                }
            },
        )])
    }
}
