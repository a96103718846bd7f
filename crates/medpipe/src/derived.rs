//! Items that come of others while a sample is planned.

use medcore::{Derived, Error};

use crate::Result;
use crate::chain::Chain;
use crate::plan::{Planning, State};

impl Chain {
    /// What comes of this item as it stands. Where all voxels of it are wanted, it is made once for all of them and for itself.
    pub(crate) fn derived(&mut self, items: Vec<Derived>, whole: bool) -> Result<Vec<Chain>> {
        if whole {
            *self = self.for_all_items();
        }
        let one = |d: Derived| {
            // What it is made of is no file with steps, so no number of it has a name.
            let mut chain = Chain { name: d.name, role: d.role, made: None, idle: vec![], ..self.clone() };
            for step in d.steps {
                chain.push_step(step, None, &|_| None)?;
            }
            Ok(chain)
        };
        items.into_iter().map(one).collect()
    }
}

impl State {
    /// Adds items that came of others; one that has a name of the sample stands in its place.
    pub(crate) fn join(&mut self, transform: &str, derived: Vec<Chain>) -> Result<()> {
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
        Ok(())
    }
}
