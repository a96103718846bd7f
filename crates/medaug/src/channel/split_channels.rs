use medcore::{Category, Declared, Derived, Error, Facts, Items, Key, Result, Role, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Along, ChannelAxis};

/// Make an item of each channel or frame, in place of the one that they are of.
///
/// Transforms that come after treat each as an image of its own, with its own random numbers; `merge_channels` brings them together again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "SplitDimd, SplitDim", "NumPy": "split", "PyTorch": "unbind"}))]
pub struct SplitChannels {
    /// The names of the items, one for each channel; the item's own with `_0`, `_1` and so on if not given.
    pub items: Option<Vec<String>>,
    /// The axis after x, y, z that is divided; the others stay. All as one if not given.
    pub axis: Option<ChannelAxis>,
}

impl Declared for SplitChannels {
    const NAME: &'static str = "split_channels";
    const CATEGORY: Category = Category::Channels;
    const MAIN: Option<&'static str> = Some("items");
}

impl Transform for SplitChannels {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let extra = at.item.map(|i| i.extra.clone()).unwrap_or_default();
        let (own, role) = at.item.map_or(("image", Role::Image), |i| (i.name.as_str(), i.role));
        let along = Along::of(Self::NAME, &extra, self.axis)?;
        let n = along.count();
        let names: Vec<String> = match &self.items {
            Some(names) => names.clone(),
            None => (0..n).map(|c| format!("{own}_{c}")).collect(),
        };
        let taken = |name: &String| name != own && at.items.iter().any(|i| i.name == *name);
        let again = |(n, name): (usize, &String)| names[..n].contains(name);
        if names.len() != n || names.iter().any(taken) || names.iter().enumerate().any(again) {
            let wanted = format!("{n} names that no other item has, one for each channel of {own:?}");
            return Err(Error::param(Self::NAME, "items", names.join(", "), wanted));
        }
        let one = |(c, name): (usize, &String)| {
            let take = along.take(format!("channel {c} of {n}"), &[c], true);
            Derived { name: name.clone(), role, steps: vec![Step::Take(take)] }
        };
        let items = names.iter().enumerate().map(one).collect();
        Ok(vec![Step::Items(Items::Derive { items, whole: false, instead: true })])
    }

    fn derives(&self) -> bool {
        true
    }
}
