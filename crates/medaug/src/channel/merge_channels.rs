use medcore::{Category, Declared, Facts, Items, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Make one item of several, whose channels are its channels: of the weightings of a scan in files of their own, one image.
///
/// All images of the sample, or the volumes that `keys` names, in the sample's order. They lie on one grid and have one role; if their dtypes differ, float32 is made
/// of them. What comes of a file stays a read of the region that is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "ConcatItemsd", "NumPy": "stack, concatenate", "PyTorch": "stack, cat"}))]
pub struct MergeChannels {
    /// The name of the item; the first one's if not given.
    pub item: Option<String>,
}

impl Declared for MergeChannels {
    const NAME: &'static str = "merge_channels";
    const CATEGORY: Category = Category::Items;
    const MAIN: Option<&'static str> = Some("item");
}

impl Transform for MergeChannels {
    fn plan(&self, _: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        Ok(vec![Step::Items(Items::Merge { item: self.item.clone() })])
    }

    fn derives(&self) -> bool {
        true
    }
}
