//! Pipelines whose deterministic beginning is kept.

use medcore::{Key, Place};

use super::{Cache, Kept, key};
use crate::plan::{Planned, Reading};
use crate::planner::plan;
use crate::planning::{Planning, State};
use crate::{LazyItem, LazySample, LazyVolume, Node, Pipeline, Result};

impl Pipeline {
    /// How many transforms come before the first that is random or the caller's own, or that gives the sample items which are not looked for in a cache.
    fn deterministic(&self) -> usize {
        let ends = |node: &Node| node.is_random() || !node.is_of_catalog() || node.derives();
        self.nodes().iter().position(ends).unwrap_or(self.nodes().len())
    }

    /// The first `n` transforms, planned on a sample; what comes before the first random one is kept, if that is wanted.
    pub(crate) fn planned(
        &self,
        sample: &LazySample,
        n: usize,
        key: Key,
        places: &[Place],
        reading: Reading,
    ) -> Result<Planned> {
        let nodes = &self.nodes()[..n];
        let Some(cache) = self.cache().filter(|_| n >= self.deterministic()) else {
            return plan(self.state(sample)?.placed(places), nodes, &[], key, reading);
        };
        // Fewer, where one of them cuts patches.
        for first in (0..=self.deterministic()).rev() {
            match self.kept(cache, sample, first, key, reading)? {
                Begun::Kept(state) => {
                    return plan(state.placed(places), &nodes[first..], &nodes[..first], key, reading);
                }
                Begun::NeedsVoxels => return Ok(Planned::NeedsVoxels),
                Begun::Several => {}
            }
        }
        plan(self.state(sample)?.placed(places), nodes, &[], key, reading)
    }

    /// A sample after the first transforms, its volumes kept.
    fn kept(
        &self,
        cache: &Cache,
        sample: &LazySample,
        first: usize,
        key: Key,
        reading: Reading,
    ) -> Result<Begun> {
        let nodes = &self.nodes()[..first];
        let volumes: Vec<(&str, &LazyVolume)> = sample
            .items
            .iter()
            .filter_map(|(name, item)| if let LazyItem::Volume(v) = item { Some((&**name, v)) } else { None })
            .collect();
        let pristine = sample.pristine()?;
        let made_of = |item: &str| key::of_item(&volumes, self, first, item);
        let mut begun = match plan(self.state(&pristine)?, nodes, &[], key, Reading::Forbidden)? {
            Planned::Done(states) => states,
            Planned::NeedsVoxels => {
                if let Some(state) = self.found(cache, &pristine, first, made_of)? {
                    return Ok(Begun::Kept(state));
                }
                match plan(self.state(&pristine)?, nodes, &[], key, reading)? {
                    Planned::Done(states) => states,
                    Planned::NeedsVoxels => return Ok(Begun::NeedsVoxels),
                }
            }
        };
        let (Some(mut state), true) = (begun.pop(), begun.is_empty()) else { return Ok(Begun::Several) };
        for item in &mut state.items {
            if let Planning::Volume(chain) = item {
                let prefix = LazyVolume::of_chain(chain.clone(), nodes.into());
                let made = prefix.clone();
                let kept =
                    Kept::new(cache, made_of(&chain.name)?, prefix, Box::new(move || Ok(made.clone())));
                kept.settle()?;
                *chain = chain.kept(kept.into());
            }
        }
        Ok(Begun::Kept(state))
    }

    /// The sample after transforms that measure voxels, if all of it is in the cache. Landmarks are not kept: they move as is measured.
    fn found(
        &self,
        cache: &Cache,
        sample: &LazySample,
        first: usize,
        made_of: impl Fn(&str) -> Result<String>,
    ) -> Result<Option<State>> {
        let mut state = self.state(sample)?;
        for item in &mut state.items {
            let Planning::Volume(chain) = item else { return Ok(None) };
            let (pipeline, whole, name) = (self.clone(), sample.clone(), chain.name.clone());
            let make = move || pipeline.item(&whole, first, &name);
            let prefix = LazyVolume::of_chain(chain.clone(), [].into());
            let kept = Kept::new(cache, made_of(&chain.name)?, prefix, Box::new(make));
            if !kept.found() {
                return Ok(None);
            }
            *chain = chain.kept(kept.into());
        }
        Ok(Some(state))
    }

    /// An item after the first transforms, which are not random.
    fn item(&self, sample: &LazySample, first: usize, name: &str) -> Result<LazyVolume> {
        let made = plan(self.state(sample)?, &self.nodes()[..first], &[], Key::new(0), Reading::Allowed)?;
        let state = if let Planned::Done(mut states) = made { states.pop() } else { None };
        let chain = state.into_iter().flat_map(|s| s.items).find_map(|i| match i {
            Planning::Volume(c) if c.name == name => Some(c),
            _ => None,
        });
        let chain =
            chain.ok_or_else(|| medcore::Error::shape("cache", "no volume", format!("the item {name:?}")))?;
        Ok(LazyVolume::of_chain(chain, [].into()))
    }
}

/// How a sample's kept beginning was planned.
enum Begun {
    Kept(State),
    /// A measurement would have been needed.
    NeedsVoxels,
    /// The transforms make several samples of one.
    Several,
}
