//! Which voxels a statistic counts.

use std::sync::Arc;

use medcore::{Facts, Keep, Measure, Measured, Of, Result, Step};
use medkernels::stats::floor_f32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measured::measured;

/// Which voxels a statistic counts: `all`; `nonzero`; `above_mean`; `{above: 10}`; `{label: seg}` or `{label: {item: seg, values: [1, 2]}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mask {
    /// Every voxel.
    #[default]
    All,
    /// Voxels that are not exactly 0.
    Nonzero,
    /// Voxels above the mean of all, as TorchIO's `ZNormalization.mean`.
    AboveMean,
    /// Voxels above this value.
    Above(f64),
    /// Voxels with a label.
    Label(LabelMask),
}

/// A label item, and which of its values count (all but 0 if none are given).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a label item's key, or {item: key, values: [1, 2]}")]
pub enum LabelMask {
    /// The item's key.
    Item(String),
    /// The item's key and values.
    Values {
        /// Key of the label item.
        item: String,
        /// Label values that count.
        values: Vec<i64>,
    },
}

impl Mask {
    /// The measurement over the mask's voxels, and what follows from its numbers and the condition; a label must be in the sample.
    pub(crate) fn measured(
        &self,
        transform: &str,
        at: &Facts<'_>,
        label: String,
        of: Of,
        per_channel: bool,
        then: impl Fn(&Measured, &Keep) -> Result<Vec<Step>> + Send + Sync + 'static,
    ) -> Result<Step> {
        let then = Arc::new(then);
        let over = move |keep: Keep| {
            let (then, kept) = (then.clone(), keep.clone());
            let then = Arc::new(move |m: &Measured| then(m, &kept));
            Step::Measure(Measure {
                label: label.clone(),
                item: None,
                of: of.clone(),
                keep,
                per_channel,
                then,
            })
        };
        if *self != Mask::AboveMean {
            return Ok(over(self.keep(transform, at)?));
        }
        let then = move |m: &Measured| Ok(vec![over(Keep::Above(floor_f32(m.mean).into()))]);
        Ok(measured("the mean of all voxels", Of::Moments, per_channel, then))
    }

    /// The mask as a measurement's condition.
    fn keep(&self, transform: &str, at: &Facts<'_>) -> Result<Keep> {
        Ok(match self {
            Mask::All | Mask::AboveMean => Keep::All,
            Mask::Nonzero => Keep::Nonzero,
            Mask::Above(v) => Keep::Above(*v),
            Mask::Label(l) => {
                let (item, values) = match l {
                    LabelMask::Item(item) => (item, vec![]),
                    LabelMask::Values { item, values } => (item, values.clone()),
                };
                at.label(transform, Some(item))?;
                Keep::Label { item: item.clone(), values }
            }
        })
    }
}
