use medcore::{Category, Declared, Error, Facts, Key, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::axis::{Along, ChannelAxis};

/// Keep some of the channels or frames: one volume of a time series, a few of a scan's weightings.
///
/// Of a file only these are read. Channels are counted over all axes after x, y, z, the first of them fastest, unless `axis` says which one is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "SplitDim, Lambda", "NumPy": "take"}))]
pub struct PickChannels {
    /// The number of one, whose axis is dropped; a list of several, in the order that they will have; or a range of them. Negative numbers count from the end.
    pub channels: Picked,
    /// The axis after x, y, z that they are counted along; the others stay. All as one if not given.
    #[serde(default)]
    pub axis: Option<ChannelAxis>,
}

/// Which channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number, a list of numbers, or a map with start, stop and step")]
pub enum Picked {
    /// One.
    One(i64),
    /// Several.
    Several(Vec<i64>),
    /// Those from `start` on (0 if not given), before `stop` (the end), every `step`-th (1): as in a slice of Python.
    Range(ChannelRange),
}

/// A range of channels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelRange {
    /// The first one.
    pub start: Option<i64>,
    /// The one before which it ends.
    pub stop: Option<i64>,
    /// From one to the next; not 0, and backwards if negative.
    pub step: Option<i64>,
}

impl ChannelRange {
    /// Numbers below `n`, as a slice of Python tells them; `None` for steps of 0.
    fn numbers(&self, n: usize) -> Option<Vec<usize>> {
        let (n, step) = (n as i64, self.step.unwrap_or(1));
        let (least, most) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let place = |at: i64| (if at < 0 { at.saturating_add(n) } else { at }).clamp(least, most);
        let start = self.start.map_or(if step > 0 { least } else { most }, place);
        let stop = self.stop.map_or(if step > 0 { most } else { least }, place);
        let inside = move |at: &i64| if step > 0 { *at < stop } else { *at > stop };
        if step == 0 {
            return None;
        }
        let next = move |at: &i64| at.checked_add(step);
        Some(std::iter::successors(Some(start), next).take_while(inside).map(|at| at as usize).collect())
    }
}

impl Declared for PickChannels {
    const NAME: &'static str = "pick_channels";
    const CATEGORY: Category = Category::Channels;
    const MAIN: Option<&'static str> = Some("channels");
}

impl Transform for PickChannels {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let extra = at.item.map(|i| i.extra.clone()).unwrap_or_default();
        let along = Along::of(Self::NAME, &extra, self.axis)?;
        let n = along.count();
        let number =
            |c: &i64| usize::try_from(if *c < 0 { *c + n as i64 } else { *c }).ok().filter(|c| *c < n);
        let numbers = match &self.channels {
            Picked::One(c) => number(c).map(|c| vec![c]),
            Picked::Several(all) => all.iter().map(number).collect(),
            Picked::Range(range) => range.numbers(n),
        };
        let numbers = numbers.filter(|all| !all.is_empty()).ok_or_else(|| {
            let found = match &self.channels {
                Picked::One(c) => c.to_string(),
                Picked::Several(all) => format!("{all:?}"),
                Picked::Range(range) => format!("{range:?}"),
            };
            Error::param(Self::NAME, "channels", found, format!("one or more of the {n} channels"))
        })?;
        let label = format!("channels {numbers:?} of {n}");
        Ok(vec![Step::Take(along.take(label, &numbers, matches!(self.channels, Picked::One(_))))])
    }
}
