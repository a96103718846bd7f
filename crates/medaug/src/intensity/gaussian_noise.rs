use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::philox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Add normally distributed noise, independent in every voxel.
///
/// A voxel's draw depends on the key and on its index in the whole grid only, so that any patch of a noisy volume has the noise of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandGaussianNoise",
    "TorchIO": "Noise, RandomNoise",
    "batchgeneratorsv2": "GaussianNoiseTransform",
    "SimpleITK": "AdditiveGaussianNoise"
}))]
pub struct GaussianNoise {
    /// Standard deviation of the noise, in the image's unit; drawn once per image.
    pub std: Dist,
    /// Mean of the noise, in the image's unit; drawn once per image.
    pub mean: Dist,
}

impl Default for GaussianNoise {
    fn default() -> GaussianNoise {
        GaussianNoise { std: 0.1.into(), mean: 0.0.into() }
    }
}

impl Declared for GaussianNoise {
    const NAME: &'static str = "gaussian_noise";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("std");
    const RANDOM: bool = true;
}

impl Transform for GaussianNoise {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.std.within(Self::NAME, "std", 0.0, f64::MAX)?;
        let (std, mean) = (self.std.draw(key.text("std")) as f32, self.mean.draw(key.text("mean")) as f32);
        let stream = key.text("noise").stream();
        Ok(vec![Step::point_at(format!("add noise of deviation {std}, mean {mean}"), move |row, at| {
            philox::add_normal_row(row, stream, at.number(), std, mean);
        })])
    }
}
