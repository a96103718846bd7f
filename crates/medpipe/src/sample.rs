//! Lazy volumes that belong together.

use medcore::{Points, Role};

use crate::chain::Chain;
use crate::planning::{Planning, State};
use crate::{LazyVolume, Result};

/// A member of a lazy sample.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LazyItem {
    /// A volume.
    Volume(LazyVolume),
    /// Landmarks.
    Points(Points),
}

/// Lazy volumes (and landmarks) that belong together, in order.
#[derive(Clone, Debug, Default)]
pub struct LazySample {
    /// Names and items.
    pub items: Vec<(String, LazyItem)>,
}

impl LazySample {
    /// A sample of one volume, under the name of its role.
    pub fn of_volume(volume: LazyVolume) -> LazySample {
        LazySample { items: vec![(volume.role().to_string(), LazyItem::Volume(volume))] }
    }

    /// A name for the sample: that of its first image, else of its first volume, as [`LazyVolume::content_id`].
    pub fn content_id(&self) -> String {
        let volumes = || {
            self.items.iter().filter_map(|(_, i)| match i {
                LazyItem::Volume(v) => Some(v),
                LazyItem::Points(_) => None,
            })
        };
        let first = volumes().find(|v| v.role() == Role::Image).or_else(|| volumes().next());
        first.map(LazyVolume::content_id).unwrap_or_default()
    }

    /// Adds an item.
    pub fn with(mut self, name: &str, item: LazyItem) -> LazySample {
        self.items.push((name.into(), item));
        self
    }

    /// The volume of a name.
    pub fn volume(&self, name: &str) -> Option<&LazyVolume> {
        self.items.iter().find_map(|(n, i)| match i {
            LazyItem::Volume(v) if n == name => Some(v),
            _ => None,
        })
    }

    /// The same volumes as their files and steps alone make them.
    pub(crate) fn pristine(&self) -> Result<LazySample> {
        let of = |(name, item): &(String, LazyItem)| match item {
            LazyItem::Volume(v) => Ok((name.clone(), LazyItem::Volume(v.pristine()?))),
            LazyItem::Points(_) => Ok((name.clone(), item.clone())),
        };
        Ok(LazySample { items: self.items.iter().map(of).collect::<Result<_>>()? })
    }

    /// The volume of a sample that has one; of two the one that came of the other.
    pub(crate) fn into_only_volume(self) -> Result<LazyVolume> {
        let of = |(name, item)| if let LazyItem::Volume(v) = item { Some((name, v)) } else { None };
        let mut volumes: Vec<(String, LazyVolume)> = self.items.into_iter().filter_map(of).collect();
        match (volumes.pop(), volumes.len()) {
            (Some((_, last)), 0..=1) => Ok(last),
            (last, _) => {
                let names: Vec<String> = volumes.into_iter().chain(last).map(|(name, _)| name).collect();
                let found = format!("the items {}", names.join(", "));
                let expected = "one volume; call it on {\"label\": volume} for several";
                Err(medcore::Error::shape("pipeline on one volume", found, expected).into())
            }
        }
    }

    pub(crate) fn to_state(&self, fuse: bool) -> Result<State> {
        let mut items = vec![];
        for (name, item) in &self.items {
            items.push(match item {
                LazyItem::Volume(v) => {
                    let chain = match v.computed() {
                        Some(made) => v.continued(made),
                        None => v.chain()?.clone(),
                    };
                    Planning::Volume(Chain { name: name.clone(), fuse, ..chain })
                }
                LazyItem::Points(p) => Planning::Points(name.clone(), p.clone()),
            });
        }
        Ok(State::new(items))
    }
}
