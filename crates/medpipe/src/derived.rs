//! Items that come of others while a sample is planned.

use medcore::{Derived, Error, Step};

use crate::Result;
use crate::chain::Chain;
use crate::planning::{Planning, State};

impl Chain {
    /// What comes of this item as it stands. Where all voxels of it are wanted, it is made once for all of them and for itself.
    pub(crate) fn derived(
        &mut self,
        items: Vec<Derived>,
        whole: bool,
        masks: &dyn Fn(&str) -> Option<Chain>,
    ) -> Result<Vec<Chain>> {
        // What cannot be divided is made once, and each takes its channels of it.
        let takes = |d: &Derived| d.steps.iter().any(|s| matches!(s, Step::Take(_)));
        if whole || items.iter().any(takes) && !self.is_divisible() {
            *self = self.for_all_items();
        }
        let one = |d: Derived| {
            // What it is made of is no file with steps, so no number of it has a name.
            let mut chain = Chain { name: d.name, role: d.role, made: None, idle: vec![], ..self.clone() };
            for step in d.steps {
                chain.push_step(step, None, masks)?;
            }
            Ok(chain)
        };
        items.into_iter().map(one).collect()
    }
}

impl State {
    /// Adds items that came of others; one that has a name of the sample stands in its place. Items whose place they take, all of them, are gone.
    pub(crate) fn join(&mut self, transform: &str, derived: Vec<Chain>, mut gone: Vec<String>) -> Result<()> {
        gone.retain(|name| derived.iter().all(|chain| chain.name != *name));
        for (n, chain) in derived.iter().enumerate() {
            if derived[..n].iter().any(|other| other.name == chain.name) {
                let wanted = format!("one item that {:?} comes of", chain.name);
                return Err(Error::param(transform, "keys", "several items", wanted).into());
            }
        }
        for chain in derived {
            let same = self.items.iter().position(|i| i.name() == chain.name);
            match same.map(|n| &mut self.items[n]) {
                Some(old) => *old = Planning::Volume(chain),
                None => self.items.push(Planning::Volume(chain)),
            }
        }
        self.items.retain(|item| !gone.iter().any(|name| name == item.name()));
        Ok(())
    }

    /// Makes one item of the volumes among `targets`, where the first of them stood; tells which of the items it is.
    pub(crate) fn merge(&mut self, item: Option<&str>, targets: &[bool]) -> Result<Vec<bool>> {
        let of = |(item, target): (&Planning, &bool)| matches!(item, Planning::Volume(_)) && *target;
        let merged: Vec<bool> = self.items.iter().zip(targets).map(of).collect();
        let wrong =
            |name: &str, found: String, wanted: &str| Error::param("merge_channels", name, found, wanted);
        let chains: Vec<&Chain> = self
            .items
            .iter()
            .zip(&merged)
            .filter(|(_, m)| **m)
            .filter_map(|(item, _)| match item {
                Planning::Volume(chain) => Some(chain),
                Planning::Points(..) => None,
            })
            .collect();
        let Some(first) = chains.first() else {
            let names: Vec<_> = self.items.iter().map(Planning::name).collect();
            return Err(
                wrong("keys", "no volume".into(), &format!("volumes among {}", names.join(", "))).into()
            );
        };
        if let Some(other) = chains.iter().find(|c| c.role != first.role) {
            let found = format!("{:?}, a {}, and {:?}, a {}", first.name, first.role, other.name, other.role);
            return Err(wrong("keys", found, "items of one role").into());
        }
        let name = item.unwrap_or(&first.name).to_owned();
        let mut others = self.items.iter().zip(&merged).filter(|(_, m)| !**m);
        if others.any(|(item, _)| item.name() == name) {
            return Err(wrong("item", format!("{name:?}"), "a name that no other item has").into());
        }
        let chain = Chain::merged(&chains, &name)?;
        let (mut made, mut place) = (vec![], Some(chain));
        for (item, merged) in std::mem::take(&mut self.items).into_iter().zip(&merged) {
            made.extend(if *merged { place.take().map(Planning::Volume) } else { Some(item) });
        }
        self.items = made;
        Ok(self.items.iter().map(|i| i.name() == name).collect())
    }
}
