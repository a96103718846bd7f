//! A sample on its way through the planner.

use std::sync::Arc;

use medcore::{
    Affine, Boundary, Clip, Error, Grid, Item, ItemFacts, Key, Place, Points, Role, Sample, Sampler, Value,
    Warp,
};

use crate::chain::Chain;
use crate::node::Node;
use crate::plan::as_label;
use crate::records::{Named, bits};
use crate::source::Source;
use crate::{LazyItem, LazySample, LazyVolume, Mismatch, Result};

/// A sample on its way through the planner.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) items: Vec<Planning>,
    /// The path of splits that led here; part of every later key.
    pub(crate) patch: Vec<u64>,
    /// Rows of the batch for what becomes of it, in order; empty if nobody said.
    pub(crate) places: Vec<Place>,
    /// How the pipeline's transforms are named, if it keeps records.
    pub(crate) names: Option<Arc<[Named]>>,
}

/// One item of it.
#[derive(Clone, Debug)]
pub(crate) enum Planning {
    Volume(Chain),
    Points(String, Points),
}

impl State {
    pub(crate) fn new(items: Vec<Planning>) -> State {
        State { items, patch: vec![], places: vec![], names: None }
    }

    /// The same, with a row of the batch for each sample that becomes of it.
    pub(crate) fn placed(self, places: &[Place]) -> State {
        State { places: places.to_vec(), ..self }
    }

    pub(crate) fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.items.iter().filter_map(|i| if let Planning::Volume(c) = i { Some(c) } else { None })
    }

    /// The chain whose grid is the sample's: the first image, else the first volume.
    pub(crate) fn reference(&self) -> Result<&Chain> {
        let first = self.chains().find(|c| c.role == Role::Image).or_else(|| self.chains().next());
        Ok(first.ok_or_else(|| Error::shape("sample", "no volume", "at least one volume"))?)
    }

    pub(crate) fn facts(&self, grid: Grid) -> Vec<ItemFacts> {
        let of = |i: &Planning| match i {
            Planning::Volume(c) => c.facts(),
            Planning::Points(name, _) => ItemFacts {
                name: name.clone(),
                role: Role::Points,
                dtype: medcore::DType::F64,
                extra: vec![],
                grid,
            },
        };
        self.items.iter().map(of).collect()
    }

    /// Whether all volumes lie on one grid.
    pub(crate) fn is_together(&self) -> Result<bool> {
        let grid = self.reference()?.grid();
        Ok(self.chains().all(|c| grid.expect_same("grid", c.grid()).is_ok()))
    }

    pub(crate) fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains().find(|c| c.name == name)
    }

    /// Brings items whose grids differ from the reference onto it, by the pipeline's rule.
    pub(crate) fn settle_grids(&mut self, rule: Mismatch) -> Result<()> {
        let Ok(reference) = self.reference() else { return Ok(()) };
        let (name, grid) = (reference.name.clone(), *reference.grid());
        for item in &mut self.items {
            let Planning::Volume(c) = item else { continue };
            if rule == Mismatch::Error || grid.expect_same("grid", c.grid()).is_ok() {
                continue;
            }
            let what = format!("grid of {:?} against that of {name:?}", c.name);
            if rule == Mismatch::TrustShape && c.grid().shape != grid.shape {
                return Err(Error::shape(&what, c.grid(), grid).into());
            }
            let map = if rule == Mismatch::TrustShape {
                Affine::IDENTITY
            } else {
                let back = c.grid().affine.inverse();
                back.ok_or_else(|| Error::shape(&what, "an affine that cannot be inverted", grid))?
                    * grid.affine
            };
            let label = format!("onto the grid of {name:?}");
            let sampler = [Sampler::Linear; 3];
            let boundary = Boundary::Constant(0.0);
            c.depends(&serde_json::json!({ "onto": bits(&grid), "by": rule }));
            c.push_warp(&Warp {
                label,
                grid,
                map: map.into(),
                sampler,
                label_sampler: Sampler::Nearest,
                boundary,
                label_fill: 0.0,
                clip: Clip::No,
                composable: true,
                deforms: false,
            })?;
        }
        Ok(())
    }

    pub(crate) fn key(&self, root: Key) -> Key {
        self.patch.iter().fold(root, |k, &n| k.text("patch").index(n))
    }

    /// The sample with its voxels, for a user's function.
    pub(crate) fn sample(&self) -> Result<Sample> {
        let mut out = Sample::default();
        for item in &self.items {
            let value = match item {
                Planning::Volume(c) => Value::Volume(c.compute(crate::tile::Want::Stored)?),
                Planning::Points(_, p) => Value::Points(p.clone()),
            };
            out.items.push(Item { name: item.name().to_owned(), role: item.role(), value });
        }
        Ok(out)
    }

    /// A whole sample planned: each item a volume that is computed when asked for.
    pub(crate) fn finish(self, nodes: &Arc<[Node]>) -> LazySample {
        let items = self.items.into_iter().map(|i| match i {
            Planning::Volume(c) => {
                let chain = Chain { made: None, ..c };
                (chain.name.clone(), LazyItem::Volume(LazyVolume::of_chain(chain, nodes.clone())))
            }
            Planning::Points(name, p) => (name, LazyItem::Points(p)),
        });
        LazySample { items: items.collect() }
    }
}

impl Planning {
    /// An item with its voxels as the start of a chain.
    pub(crate) fn of_item(item: Item, fuse: bool) -> Result<Planning> {
        Ok(match item.value {
            Value::Volume(v) => {
                let v = crate::host::owned(v)?;
                let v = if item.role == Role::Label { as_label(&v)? } else { v };
                Planning::Volume(Chain::new(Source::Memory(v), &item.name, item.role, fuse))
            }
            Value::Points(p) => Planning::Points(item.name, p),
            _ => Planning::Points(item.name, Points::default()),
        })
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Planning::Volume(c) => &c.name,
            Planning::Points(name, _) => name,
        }
    }

    pub(crate) fn role(&self) -> Role {
        match self {
            Planning::Volume(c) => c.role,
            Planning::Points(..) => Role::Points,
        }
    }
}
