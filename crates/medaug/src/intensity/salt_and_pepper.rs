use medcore::{Category, Declared, Dist, Error, Facts, Key, Of, Result, Step, Transform};
use medkernels::philox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Set single voxels, drawn each by itself, to a high or a low value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"SimpleITK": "SaltAndPepperNoise", "scikit-image": "util.random_noise"}))]
pub struct SaltAndPepper {
    /// Share of the voxels that are set, from 0 to 1; drawn once per image.
    pub fraction: Dist,
    /// Share of those that become high, from 0 to 1; drawn once per image.
    pub salt: Dist,
    /// The low and the high value; the smallest and the largest of the image if not given.
    pub values: Option<[f64; 2]>,
    /// Whether each channel (or frame) has its own smallest and largest value.
    pub channel_wise: bool,
}

impl Default for SaltAndPepper {
    fn default() -> SaltAndPepper {
        SaltAndPepper { fraction: 0.01.into(), salt: 0.5.into(), values: None, channel_wise: false }
    }
}

impl Declared for SaltAndPepper {
    const NAME: &'static str = "salt_and_pepper";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("fraction");
    const RANDOM: bool = true;
}

impl Transform for SaltAndPepper {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.fraction.within(Self::NAME, "fraction", 0.0, 1.0)?;
        self.salt.within(Self::NAME, "salt", 0.0, 1.0)?;
        let (fraction, salt) = (self.fraction.draw(key.text("fraction")), self.salt.draw(key.text("salt")));
        let limits = [(fraction * salt) as f32, fraction as f32];
        let stream = key.text("voxels").stream();
        let set = move |[low, high]: [f64; 2]| {
            let label = format!("set {fraction:.4} of the voxels to {high} or {low}");
            let (low, high) = (low as f32, high as f32);
            Step::point_at(label, move |row, at| {
                let mut drawn = [0f32; 1024];
                for (n, part) in row.chunks_mut(drawn.len()).enumerate() {
                    let drawn = &mut drawn[..part.len()];
                    philox::uniform_row(drawn, stream, at.number() + (n * 1024) as u64);
                    for (voxel, u) in part.iter_mut().zip(drawn) {
                        let set = if *u < limits[0] { high } else { low };
                        *voxel = if *u < limits[1] { set } else { *voxel };
                    }
                }
            })
        };
        Ok(vec![match self.values {
            Some(values) if values.iter().all(|v| v.is_finite()) => set(values),
            Some(values) => {
                return Err(Error::param(Self::NAME, "values", format!("{values:?}"), "two finite numbers"));
            }
            None => {
                measured("set voxels to the ends of the range", Of::Extent, self.channel_wise, move |m| {
                    Ok(if m.count > 0 { vec![set(m.extent)] } else { vec![] })
                })
            }
        }])
    }
}
