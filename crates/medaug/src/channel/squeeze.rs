use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Take, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Along, ChannelAxis};

/// Drop axes of length 1 after x, y, z: a time series of one volume becomes a volume, a file of x, y, z, 1, c one with c channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "SqueezeDim", "NumPy": "squeeze"}))]
pub struct Squeeze {
    /// The axis to drop, which must have the length 1; all such axes if not given.
    pub axis: Option<ChannelAxis>,
}

impl Declared for Squeeze {
    const NAME: &'static str = "squeeze";
    const CATEGORY: Category = Category::Channels;
    const MAIN: Option<&'static str> = Some("axis");
}

impl Transform for Squeeze {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let extra = at.item.map(|i| i.extra.clone()).unwrap_or_default();
        let label = format!("axes {extra:?} without those of one");
        if self.axis.is_some() {
            let along = Along::of(Self::NAME, &extra, self.axis)?;
            if along.count() != 1 {
                let wanted = format!("an axis of length 1, not {}", along.count());
                return Err(Error::param(Self::NAME, "axis", format!("{:?}", self.axis), wanted));
            }
            return Ok(vec![Step::Take(along.take(label, &[0], true))]);
        }
        let left: Vec<usize> = extra.iter().copied().filter(|n| *n != 1).collect();
        if left.len() == extra.len() {
            return Ok(vec![]);
        }
        Ok(vec![Step::Take(Take { label, channels: (0..extra.iter().product()).collect(), extra: left })])
    }
}
