use medcore::{Category, Declared, Dist, Facts, Key, Result, Step, Transform};
use medkernels::poisson;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Replace each voxel by a count of events as a detector would see it: a Poisson number with `scale` times the value as expectation, divided by
/// `scale`.
///
/// Values that are not above 0 become 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"SimpleITK": "ShotNoise", "scikit-image": "util.random_noise"}))]
pub struct PoissonNoise {
    /// Events that a value of 1 stands for, above 0: the fewer, the noisier. Drawn once per image.
    pub scale: Dist,
}

impl Default for PoissonNoise {
    fn default() -> PoissonNoise {
        PoissonNoise { scale: 1.0.into() }
    }
}

impl Declared for PoissonNoise {
    const NAME: &'static str = "poisson_noise";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("scale");
    const RANDOM: bool = true;
}

impl Transform for PoissonNoise {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.scale.within(Self::NAME, "scale", 1e-30, 1e30)?;
        let scale = self.scale.draw(key.text("scale"));
        let stream = key.text("counts").stream();
        Ok(vec![Step::point_at(format!("counts, {scale} for a value of 1"), move |row, at| {
            poisson::poisson_row(row, stream, at.number(), scale);
        })])
    }
}
