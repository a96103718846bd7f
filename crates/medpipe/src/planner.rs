//! The transforms of a pipeline, one after the other, under the key of a visit.

use medcore::Key;

use crate::Result;
use crate::node::{Does, Node};
use crate::plan::{Planned, Reading, apply};
use crate::planning::State;
use crate::records::Named;
use crate::shared::share;

/// Plans transforms on a sample; groups are decided as they are met, by their keys alone.
pub(crate) struct Planner {
    key: Key,
    reading: Reading,
    /// What was planned, with nothing left to chance, if that is wanted.
    drawn: Option<Vec<Node>>,
}

/// Where a transform stands.
#[derive(Clone)]
struct At {
    /// The names of the groups around it and its own, each with its round.
    path: Vec<(String, Option<u64>)>,
    /// The place in the pipeline of what is outermost, from 1.
    position: usize,
    /// What errors call it.
    label: String,
}

impl At {
    fn key(&self, visit: Key) -> Key {
        self.path.iter().fold(visit, |key, (id, round)| {
            let key = key.text("transform").text(id);
            round.map_or(key, |round| key.text("round").index(round))
        })
    }

    /// The place of a transform inside.
    fn inside(&self, round: Option<u64>, node: &Node, before: &[Node]) -> At {
        let mut out = self.clone();
        if let Some(last) = out.path.last_mut() {
            last.1 = round;
        }
        out.path.push((id_of(node, before.iter()), None));
        out.label = format!("{} > {}", self.label, node.name);
        out
    }
}

/// A transform's name for random draws: given, or its name and how many of that name come before it.
fn id_of<'a>(node: &Node, before: impl Iterator<Item = &'a Node>) -> String {
    let twin = |o: &&Node| o.name == node.name && o.header.id.is_none();
    node.header.id.clone().unwrap_or_else(|| format!("{}#{}", node.name, before.filter(twin).count()))
}

/// Plans `nodes` on a sample under the key of its visit; `seen` counts the names before them, for default ids.
pub(crate) fn plan(
    state: State,
    nodes: &[Node],
    seen: &[Node],
    key: Key,
    reading: Reading,
) -> Result<Planned> {
    Planner::new(key, reading).plan(state, nodes, seen)
}

impl Planner {
    pub(crate) fn new(key: Key, reading: Reading) -> Planner {
        Planner { key, reading, drawn: None }
    }

    fn plan(&mut self, state: State, nodes: &[Node], seen: &[Node]) -> Result<Planned> {
        let names = state.names.clone();
        let mut states = vec![state];
        for (n, node) in nodes.iter().enumerate() {
            let id = id_of(node, seen.iter().chain(&nodes[..n]));
            let named = names.as_deref().and_then(|all| all.get(seen.len() + n));
            let position = seen.len() + n + 1;
            let at = At { path: vec![(id, None)], position, label: node.name.clone() };
            match self.step(states, node, named, &at)? {
                Some(made) => states = made,
                None => return Ok(Planned::NeedsVoxels),
            }
        }
        share(&mut states)?;
        Ok(Planned::Done(states))
    }

    /// The transforms as they were planned, with nothing left to chance.
    pub(crate) fn drawn(mut self, state: State, nodes: &[Node]) -> Result<Vec<Node>> {
        self.drawn = Some(vec![]);
        self.plan(state, nodes, &[])?;
        Ok(self.drawn.unwrap_or_default())
    }

    /// One transform or group on every sample; `None` where a measurement would have been needed.
    fn step(
        &mut self,
        states: Vec<State>,
        node: &Node,
        named: Option<&Named>,
        at: &At,
    ) -> Result<Option<Vec<State>>> {
        let (mut next, mut noted) = (vec![], false);
        for state in states {
            let elsewhere = node.header.patch.as_ref().is_some_and(|patch| *patch != state.patch);
            let key = node.header.key.unwrap_or_else(|| at.key(state.key(self.key)));
            if elsewhere || !node.header.occurs(key) {
                next.push(state);
                continue;
            }
            let made = match &node.does {
                Does::Transform(_) => self.transform(state, node, named, at, key, &mut noted)?,
                Does::Group(group) => {
                    let mut made = vec![state];
                    for turn in group.turns(key) {
                        let (before, rest) = group.nodes().split_at(turn.index);
                        let Some(inner) = rest.first() else { continue };
                        let named = named.and_then(|n| n.within.get(turn.index));
                        let place = at.inside(turn.round, inner, before);
                        match self.step(made, inner, named, &place)? {
                            Some(done) => made = done,
                            None => return Ok(None),
                        }
                    }
                    Some(made)
                }
            };
            match made {
                Some(made) => next.extend(made),
                None => return Ok(None),
            }
        }
        Ok(Some(next))
    }

    /// One transform on one sample.
    fn transform(
        &mut self,
        mut state: State,
        node: &Node,
        named: Option<&Named>,
        at: &At,
        key: Key,
        noted: &mut bool,
    ) -> Result<Option<Vec<State>>> {
        let Does::Transform(single) = &node.does else { return Ok(Some(vec![state])) };
        state.enter(&node.header, single.category, named);
        let patch = state.patch.clone();
        // What is the same for every sample is written once, for the first; what draws, for each of its items and channels.
        let alike = !node.is_random() && at.path.len() == 1;
        let each = node.header.key.is_none() && (single.draws() || node.header.draws_channels());
        let (drawn, mut first) = (&mut self.drawn, !(alike && *noted));
        *noted = true;
        let mut note = |key: Key, item: Option<&str>, channel: Option<usize>| -> Result<()> {
            let Some(drawn) = drawn else { return Ok(()) };
            if each || std::mem::take(&mut first) {
                let mut one =
                    if each { node.drawn(key, item, channel)? } else { node.drawn(key, None, None)? };
                if !alike && !patch.is_empty() {
                    one.header.patch = Some(patch.clone());
                }
                drawn.push(one);
            }
            Ok(())
        };
        let made = apply(state, node, single, key, self.reading, &mut note);
        Ok(match made.map_err(|e| e.at(at.position, &at.label))? {
            Planned::Done(mut made) => {
                made.iter_mut().for_each(State::leave);
                Some(made)
            }
            Planned::NeedsVoxels => None,
        })
    }
}
