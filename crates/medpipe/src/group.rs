//! Transforms of which a draw says which are applied, how often and in what order.

use std::sync::Arc;

use medcore::{Dist, Key};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::GroupEntry;
use crate::parameters;
use crate::pipeline::nodes_of;
use crate::{Error, Header, Node, Result};

/// Apply one of the transforms, each as likely as its weight.
///
/// Corresponds to MONAI's and `TorchIO`'s `OneOf`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OneOf {
    /// How likely each transform is against the others, in their order; all alike if not given.
    pub weights: Option<Vec<f64>>,
}

/// Apply some of the transforms, none of them twice.
///
/// Corresponds to MONAI's `SomeOf` (with `order: drawn`); with a count of all transforms and `order: drawn` to its `RandomOrder`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SomeOf {
    /// How many are applied.
    pub count: Count,
    /// In which order.
    #[serde(default)]
    pub order: Order,
    /// How likely each transform is against those that are not chosen yet; all alike if not given.
    #[serde(default)]
    pub weights: Option<Vec<f64>>,
}

/// Apply all of the transforms with probability `p`, or none of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maybe {}

/// Apply the transforms several times over, each round with draws of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    pub count: Count,
}

/// A whole number: given, from a range `[low, high]` with both ends, each equally likely, or drawn from a distribution and rounded down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a whole number, a range [low, high] of whole numbers, or a distribution of them"
)]
pub enum Count {
    /// Both ends included.
    Between([u32; 2]),
    /// Rounded down.
    Drawn(Dist),
}

/// The order of what was chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they are listed.
    #[default]
    Given,
    /// As they were drawn.
    Drawn,
}

/// The most rounds of [`Repeat`].
const MOST_ROUNDS: u32 = 1 << 10;

impl Count {
    fn bounds(&self) -> [f64; 2] {
        match self {
            Count::Between([a, b]) => [f64::from(*a), f64::from(*b)],
            Count::Drawn(d) => d.bounds().map(f64::floor),
        }
    }

    fn draw(&self, key: Key) -> usize {
        match self {
            Count::Between([a, b]) => *a as usize + key.below(u64::from(b - a) + 1) as usize,
            Count::Drawn(d) => d.draw(key) as usize,
        }
    }

    /// The number, if it is not drawn.
    fn fixed(&self) -> Option<usize> {
        let [low, high] = self.bounds();
        (low == high).then_some(low as usize)
    }

    fn within(&self, name: &str, most: usize) -> Result<()> {
        let [low, high] = self.bounds();
        if low >= 0.0 && low <= high && high <= most as f64 {
            return Ok(());
        }
        let found = serde_json::to_string(self).unwrap_or_default();
        Err(Error::spec(format!("{name}: count"), found, format!("whole numbers from 0 to {most}")))
    }
}

/// Which kind of group.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// See [`OneOf`].
    OneOf(OneOf),
    /// See [`SomeOf`].
    SomeOf(SomeOf),
    /// See [`Maybe`].
    Maybe(Maybe),
    /// See [`Repeat`].
    Repeat(Repeat),
}

/// A rule and the transforms that it chooses from. What is chosen depends on the key alone.
#[derive(Debug, Clone)]
pub struct Group {
    rule: Rule,
    nodes: Arc<[Node]>,
}

/// One transform of a group whose turn it is.
pub(crate) struct Turn {
    pub(crate) index: usize,
    /// The round, of a group that is repeated.
    pub(crate) round: Option<u64>,
}

impl Group {
    /// A rule over transforms.
    ///
    /// # Errors
    /// [`Error::Spec`] for weights or counts that do not fit the transforms.
    pub fn new(rule: Rule, nodes: Vec<Node>) -> Result<Group> {
        let out = Group { rule, nodes: nodes.into() };
        let (name, n) = (out.name(), out.nodes.len());
        if n == 0 {
            return Err(Error::spec(format!("{name}: transforms"), "an empty list", "transforms"));
        }
        if let Some(w) = out.weights() {
            let fits =
                w.len() == n && w.iter().all(|w| w.is_finite() && *w >= 0.0) && w.iter().any(|w| *w > 0.0);
            if !fits {
                let expected = format!("{n} weights from 0 on, not all of them 0");
                return Err(Error::spec(format!("{name}: weights"), format!("{w:?}"), expected));
            }
        }
        match &out.rule {
            Rule::SomeOf(r) => r.count.within(name, out.possible())?,
            Rule::Repeat(r) => r.count.within(name, MOST_ROUNDS as usize)?,
            Rule::OneOf(_) | Rule::Maybe(_) => {}
        }
        Ok(out)
    }

    /// From its value in a pipeline file.
    pub(crate) fn parse(entry: &GroupEntry, value: Value) -> Result<(Header, Group)> {
        let mut map = match value {
            Value::Object(map) => map,
            list @ Value::Array(_) => Map::from_iter([("transforms".to_owned(), list)]),
            v => return Err(Error::spec(entry.name, v, "a map with `transforms`")),
        };
        let nodes = nodes_of(entry.name, &map.shift_remove("transforms").unwrap_or_default())?;
        Group::of(entry, nodes, Value::Object(map))
    }

    /// From its parameters in a pipeline file, without the transforms.
    pub(crate) fn of(entry: &GroupEntry, nodes: Vec<Node>, parameters: Value) -> Result<(Header, Group)> {
        let name = entry.name;
        let mut map = match parameters {
            Value::Object(map) => map,
            v => return Err(Error::spec(name, v, "a map of parameters")),
        };
        let given = map.get("p").is_some_and(|p| !p.is_null());
        let header = Header::take(name, None, &mut map)?;
        let map = Value::Object(map);
        let rule = match name {
            "one_of" => Rule::OneOf(parameters::read(name, map)?),
            "some_of" => Rule::SomeOf(parameters::read(name, map)?),
            "repeat" => Rule::Repeat(parameters::read(name, map)?),
            _ if !given => return Err(Error::spec(format!("{name}: p"), "nothing", "a probability")),
            _ => Rule::Maybe(parameters::read(name, map)?),
        };
        Ok((header, Group::new(rule, nodes)?))
    }

    /// Its name in pipeline files.
    pub fn name(&self) -> &'static str {
        match self.rule {
            Rule::OneOf(_) => "one_of",
            Rule::SomeOf(_) => "some_of",
            Rule::Maybe(_) => "maybe",
            Rule::Repeat(_) => "repeat",
        }
    }

    /// The transforms inside.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Changes every transform inside.
    pub(crate) fn change(&mut self, change: impl FnMut(Node) -> Node) {
        self.nodes = self.nodes.iter().cloned().map(change).collect();
    }

    pub(crate) fn to_map(&self) -> Map<String, Value> {
        let rule = match &self.rule {
            Rule::OneOf(r) => serde_json::to_value(r),
            Rule::SomeOf(r) => serde_json::to_value(r),
            Rule::Maybe(r) => serde_json::to_value(r),
            Rule::Repeat(r) => serde_json::to_value(r),
        };
        let mut map = rule.ok().and_then(|v| v.as_object().cloned()).unwrap_or_default();
        if self.rule == Rule::Maybe(Maybe {}) {
            // The header leaves out what is certain.
            map.insert("p".into(), 1.0.into());
        }
        map.insert("transforms".into(), self.nodes.iter().map(Node::to_value).collect());
        map
    }

    fn weights(&self) -> Option<&[f64]> {
        match &self.rule {
            Rule::OneOf(r) => r.weights.as_deref(),
            Rule::SomeOf(r) => r.weights.as_deref(),
            Rule::Maybe(_) | Rule::Repeat(_) => None,
        }
    }

    /// How many transforms can be chosen.
    fn possible(&self) -> usize {
        self.weights().map_or(self.nodes.len(), |w| w.iter().filter(|w| **w > 0.0).count())
    }

    /// The transforms in the order in which they are drawn without putting back: each has a clock that rings the sooner the larger its weight is.
    fn clocks(&self, key: Key) -> Vec<usize> {
        let weight = |n: usize| self.weights().map_or(1.0, |w| w[n]);
        let ring = |n: usize| -libm::log(1.0 - key.text("clock").index(n as u64).uniform()) / weight(n);
        let mut out: Vec<(f64, usize)> =
            (0..self.nodes.len()).filter(|&n| weight(n) > 0.0).map(|n| (ring(n), n)).collect();
        out.sort_by(|a, b| a.0.total_cmp(&b.0));
        out.into_iter().map(|(_, n)| n).collect()
    }

    /// The transforms whose turn it is, in order.
    pub(crate) fn turns(&self, key: Key) -> Vec<Turn> {
        let once = |index| Turn { index, round: None };
        match &self.rule {
            Rule::OneOf(_) => self.clocks(key).into_iter().take(1).map(once).collect(),
            Rule::SomeOf(r) => {
                let mut chosen = self.clocks(key);
                chosen.truncate(r.count.draw(key.text("count")));
                if r.order == Order::Given {
                    chosen.sort_unstable();
                }
                chosen.into_iter().map(once).collect()
            }
            Rule::Maybe(_) => (0..self.nodes.len()).map(once).collect(),
            Rule::Repeat(r) => (0..r.count.draw(key.text("count")) as u64)
                .flat_map(|round| (0..self.nodes.len()).map(move |index| Turn { index, round: Some(round) }))
                .collect(),
        }
    }

    /// Whether it draws anything, or a transform inside does.
    pub(crate) fn is_random(&self) -> bool {
        let draws = match &self.rule {
            Rule::OneOf(_) => self.possible() > 1,
            Rule::SomeOf(r) => r.count.fixed() != Some(self.nodes.len()) || r.order == Order::Drawn,
            Rule::Maybe(_) => false,
            Rule::Repeat(r) => r.count.fixed().is_none(),
        };
        draws || self.nodes.iter().any(Node::is_random)
    }

    /// How many samples one becomes, if that is known.
    pub(crate) fn patches(&self) -> Option<usize> {
        let all = || self.nodes.iter().try_fold(1usize, |all, n| all.checked_mul(n.patches()?));
        let first = self.nodes.first()?.patches()?;
        match &self.rule {
            Rule::OneOf(_) => self.nodes.iter().all(|n| n.patches() == Some(first)).then_some(first),
            Rule::SomeOf(r) if r.count.fixed() == Some(self.nodes.len()) => all(),
            Rule::SomeOf(_) => self.nodes.iter().all(|n| n.patches() == Some(1)).then_some(1),
            Rule::Maybe(_) => all(),
            Rule::Repeat(r) => match (all()?, r.count.fixed()) {
                (1, _) => Some(1),
                (each, Some(n)) => each.checked_pow(u32::try_from(n).ok()?),
                (_, None) => None,
            },
        }
    }
}
