use medcore::{Category, Declared, Dist, Error, Facts, Key, Of, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::{measured, range};

/// Round values to few levels that lie evenly in a range, as a coarse digitiser does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {}))]
pub struct Quantize {
    /// Number of levels, 2 to 65536; a drawn number is rounded down.
    pub levels: Dist,
    /// The lowest and the highest level, to which values beyond are brought; the smallest and the largest value of the image if not given.
    pub range: Option<[f64; 2]>,
    /// Whether each channel (or frame) has its own smallest and largest value.
    pub channel_wise: bool,
}

impl Default for Quantize {
    fn default() -> Quantize {
        Quantize { levels: 256.0.into(), range: None, channel_wise: false }
    }
}

impl Declared for Quantize {
    const NAME: &'static str = "quantize";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("levels");
}

impl Transform for Quantize {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.levels.within(Self::NAME, "levels", 2.0, 65_536.0)?;
        let levels = self.levels.draw(key.text("levels")) as u32;
        let round = move |[low, high]: [f32; 2]| {
            Step::point_from(format!("{levels} levels from {low} to {high}"), move |row| {
                points::quantize(row, low, high, levels);
            })
        };
        Ok(vec![match self.range {
            Some(range) if range[0] < range[1] && range.iter().all(|v| v.is_finite()) => {
                round(range.map(|v| v as f32))
            }
            Some(range) => {
                let wanted = "two finite numbers, low then high";
                return Err(Error::param(Self::NAME, "range", format!("{range:?}"), wanted));
            }
            None => measured("levels in the range of the voxels", Of::Extent, self.channel_wise, move |m| {
                Ok(range(m).map(round).into_iter().collect())
            }),
        }])
    }
}
