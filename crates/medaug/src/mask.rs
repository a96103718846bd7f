//! Which voxels a statistic counts.

use medcore::{Facts, Keep, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which voxels a statistic counts: `all`; `nonzero`; `{above: 10}`; `{label: seg}` or `{label: {item: seg, values: [1, 2]}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mask {
    /// Every voxel.
    #[default]
    All,
    /// Voxels that are not exactly 0.
    Nonzero,
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
    /// The mask as a measurement's condition; a label must be in the sample.
    pub(crate) fn keep(&self, transform: &str, at: &Facts<'_>) -> Result<Keep> {
        Ok(match self {
            Mask::All => Keep::All,
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
