//! From transforms and facts to chains.

use std::sync::Arc;

use medcore::{
    Category, Error, Facts, Grid, Host, HostRun, ItemFacts, Items, Keep, Key, Measure, Measured, Of, Role,
    Step, Volume, Warp,
};

use crate::chain::Chain;
use crate::node::{Node, Single};
use crate::planning::{Planning, State};
use crate::records::{Begun, Ticket};
use crate::source::Source;
use crate::{Header, Result};

/// What the planner may do when a later shape depends on voxels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Measure at once.
    Allowed,
    /// Stop, and say that it was needed.
    Forbidden,
}

/// How planning ended.
pub(crate) enum Planned {
    /// The samples that came of it (more than one after a split).
    Done(Vec<State>),
    /// A measurement would have been needed.
    NeedsVoxels,
}

/// Whether a transform is to change an item.
pub(crate) fn touches(header: &Header, category: Category, name: &str, role: Role) -> bool {
    match (&header.keys, category) {
        (Some(keys), _) => keys.iter().any(|k| k == name),
        (None, Category::Spatial) => true,
        (None, Category::Label) => role == Role::Label,
        (None, Category::Map) => role == Role::Map,
        (None, _) => role == Role::Image,
    }
}

/// Takes note of a plan: the key that it was made under, and its item and channel, if it is of one.
pub(crate) type Note<'a> = &'a mut dyn FnMut(Key, Option<&str>, Option<usize>) -> Result<()>;

/// One transform, under the key of its place or its own.
pub(crate) fn apply(
    mut state: State,
    node: &Node,
    single: &Single,
    key: Key,
    reading: Reading,
    note: Note<'_>,
) -> Result<Planned> {
    let header = &node.header;
    if let Some(missing) = header.keys.iter().flatten().find(|k| state.items.iter().all(|i| i.name() != *k)) {
        let names: Vec<_> = state.items.iter().map(Planning::name).collect();
        return Err(Error::param(
            &node.name,
            "keys",
            format!("{missing:?}"),
            format!("keys of the sample: {}", names.join(", ")),
        )
        .into());
    }
    let touched = |name: &str, role: Role| touches(header, single.category, name, role);
    if single.category.is_of_sample() {
        let targets: Vec<bool> = state.items.iter().map(|i| touched(i.name(), i.role())).collect();
        // What is moved together lies on one grid; what is not moved may lie anywhere.
        let moved = state.items.iter().zip(&targets).filter(|(_, targeted)| **targeted);
        let moved: Vec<&Chain> =
            moved.filter_map(|(i, _)| if let Planning::Volume(c) = i { Some(c) } else { None }).collect();
        let first = moved.iter().find(|c| c.role == Role::Image).or_else(|| moved.first()).copied();
        let (grid, name) = match first {
            Some(chain) => (*chain.grid(), &chain.name),
            None => (*state.reference()?.grid(), &state.reference()?.name),
        };
        for chain in moved {
            grid.expect_same(&format!("grid of {:?} against that of {name:?}", chain.name), chain.grid())?;
        }
        let facts = state.facts(grid);
        let at = Facts { grid: &grid, items: &facts, item: None, places: &state.places };
        note(key, None, None)?;
        let steps = single.transform.plan(&at, key)?;
        if steps.is_empty() {
            for (item, _) in state.items.iter_mut().zip(&targets).filter(|(_, targeted)| **targeted) {
                if let Planning::Volume(chain) = item {
                    chain.idles(&node.name);
                }
            }
        }
        return together(state, steps, &targets, reading);
    }
    let (snapshot, mut derived, mut gone) = (state.clone(), vec![], vec![]);
    for item in &mut state.items {
        let Planning::Volume(chain) = item else { continue };
        if !touched(&chain.name, chain.role) {
            continue;
        }
        let facts = snapshot.facts(*chain.grid());
        let whole = chain.facts();
        let name = chain.name.clone();
        let key = header.key.unwrap_or_else(|| key.text("item").text(&name));
        let of_channel = |c: usize| header.key.unwrap_or_else(|| key.text("channel").index(c as u64));
        let end = chain.end();
        if let Some(channels) = header.per_channel.touched(&node.name, chain.channels(), of_channel)? {
            // Each channel as if it were an image of its own.
            let own = ItemFacts { extra: vec![], ..whole.clone() };
            let at = Facts { grid: &own.grid, items: &facts, item: Some(&own), places: &snapshot.places };
            let mut plans = vec![];
            for c in channels {
                note(of_channel(c), Some(&name), Some(c))?;
                plans.push((c, single.transform.plan(&at, of_channel(c))?));
            }
            chain.push_channels(&node.name, plans, &|name| snapshot.chain(name).cloned())?;
        } else {
            let at = Facts { grid: &whole.grid, items: &facts, item: Some(&whole), places: &snapshot.places };
            note(key, Some(&name), None)?;
            for step in single.transform.plan(&at, key)? {
                if let Step::Items(Items::Derive { items, whole, instead }) = step {
                    derived.extend(chain.derived(items, whole, &|name| snapshot.chain(name).cloned())?);
                    gone.extend(instead.then(|| name.clone()));
                    continue;
                }
                chain.push_step(step, None, &|name| snapshot.chain(name).cloned())?;
            }
        }
        if chain.end() == end && derived.is_empty() {
            chain.idles(&node.name);
        }
        if chain.grid().shape != whole.grid.shape {
            return Err(Error::shape(&node.name, chain.grid(), whole.grid).into());
        }
    }
    state.join(&node.name, derived, gone)?;
    state.share_masks();
    Ok(Planned::Done(vec![state]))
}

/// Steps that concern the whole sample.
fn together(mut state: State, steps: Vec<Step>, targets: &[bool], reading: Reading) -> Result<Planned> {
    let mut steps = steps.into_iter();
    while let Some(step) = steps.next() {
        match step {
            Step::Warp(w) => warp(&mut state, &w, targets)?,
            Step::Measure(m) => {
                let Some(then) = measured(&mut state, &m, reading)? else { return Ok(Planned::NeedsVoxels) };
                return together(state, then.into_iter().chain(steps).collect(), targets, reading);
            }
            Step::Items(Items::Split(branches)) => {
                let rest: Vec<Step> = steps.collect();
                for item in &mut state.items {
                    if let Planning::Volume(c) = item {
                        *c = Chain { made: None, ..c.split() };
                    }
                }
                let (mut out, count) = (vec![], branches.len());
                let places = std::mem::take(&mut state.places);
                for (n, branch) in branches.into_iter().enumerate() {
                    let share = n * places.len() / count..(n + 1) * places.len() / count;
                    let mut one = state.clone().placed(&places[share]);
                    one.patch.push(n as u64);
                    let steps = branch.into_iter().chain(rest.iter().cloned()).collect();
                    match together(one, steps, targets, reading)? {
                        Planned::Done(made) => out.extend(made),
                        Planned::NeedsVoxels => return Ok(Planned::NeedsVoxels),
                    }
                }
                return Ok(Planned::Done(out));
            }
            Step::Items(Items::Merge { item }) => {
                let merged = state.merge(item.as_deref(), targets)?;
                return together(state, steps.collect(), &merged, reading);
            }
            Step::Host(Host { label, run: HostRun::Sample(run) }) => {
                if reading == Reading::Forbidden {
                    return Ok(Planned::NeedsVoxels);
                }
                let (fuse, one_grid) = (state.reference()?.fuse, state.is_together()?);
                let made = run(state.sample()?)?;
                let items = made.items.into_iter().map(|i| Planning::of_item(i, fuse));
                state.items = items.collect::<Result<_>>()?;
                if one_grid && !state.is_together()? {
                    let grids: Vec<_> =
                        state.chains().map(|c| format!("{:?} on {}", c.name, c.grid())).collect();
                    return Err(
                        Error::shape(&label, grids.join(", "), "volumes on one grid, as before").into()
                    );
                }
                let all = vec![true; state.items.len()];
                return together(state, steps.collect(), &all, reading);
            }
            other => {
                for (item, _) in state.items.iter_mut().zip(targets).filter(|(_, t)| **t) {
                    if let Planning::Volume(c) = item
                        && c.role == Role::Image
                    {
                        c.push_step(other.clone(), None, &|_| None)?;
                    }
                }
            }
        }
    }
    Ok(Planned::Done(vec![state]))
}

/// One warp for every item, by role.
fn warp(state: &mut State, w: &Warp, targets: &[bool]) -> Result<()> {
    let before = *state.reference()?.grid();
    for (item, _) in state.items.iter_mut().zip(targets).filter(|(_, t)| **t) {
        match item {
            Planning::Volume(c) => {
                c.push_warp(w)?;
                c.stepped();
            }
            Planning::Points(_, p) => {
                if w.deforms {
                    p.world.iter_mut().try_for_each(|v| moved(v, w, &before))?;
                }
            }
        }
    }
    Ok(())
}

/// Moves a landmark to where the content goes that it marks.
fn moved(point: &mut [f64; 3], w: &Warp, before: &Grid) -> Result<()> {
    let voxel = before.affine.inverse().map(|m| m.apply(*point));
    let there = voxel.and_then(|v| w.map.back(v)).ok_or_else(|| Error::Data {
        what: w.label.clone(),
        found: format!("a landmark at {point:.1?} mm, to which no place or several are mapped"),
        hint: "displace by less, or over longer distances, so that the map does not fold".into(),
    })?;
    *point = w.grid.affine.apply(there);
    Ok(())
}

/// Runs a measurement that later shapes depend on, or looks it up, and gives the steps that follow; `None` where it must not be run.
fn measured(state: &mut State, m: &Measure, reading: Reading) -> Result<Option<Vec<Step>>> {
    let name = match &m.item {
        Some(name) => name.clone(),
        None => state.reference()?.name.clone(),
    };
    let other = if let Keep::Where { item, .. } = &m.keep { Some(item) } else { None };
    let both: Vec<&String> = [&name].into_iter().chain(other).collect();
    let mut looked_at = vec![];
    for item in &both {
        let chain = volume_of(state, m, item)?;
        // Whether it is measured or not, and whatever is kept of what was read.
        chain.close();
        looked_at.push(chain.clone());
    }
    let nothing = matches!(&m.of, Of::Classes { values: Some(values), .. } if values.is_empty());
    let ticket = if nothing { None } else { looked_at[0].ticket(None, m, looked_at.get(1)) };
    let numbers = match (ticket.as_ref().and_then(Ticket::numbers), reading) {
        (Some(numbers), _) => numbers,
        (None, _) if nothing => vec![Measured::default()].into(),
        (None, Reading::Forbidden) => return Ok(None),
        (None, Reading::Allowed) => match ticket.as_ref().map(Ticket::begin) {
            Some(Begun::Known(numbers)) => numbers,
            begun => {
                for (item, chain) in both.iter().zip(&mut looked_at) {
                    // What is read for it is kept, in its own dtype, and not read again.
                    *chain = chain.settled(chain.source.compressed())?;
                    *volume_of(state, m, item)? = chain.clone();
                }
                let kept = begun.is_some();
                let numbers = vec![looked_at[0].measured(m, looked_at.get(1), kept)?];
                match begun {
                    Some(Begun::Mine(measuring)) => measuring.put(numbers),
                    _ => numbers.into(),
                }
            }
        },
    };
    for of in looked_at {
        for item in &mut state.items {
            if let Planning::Volume(c) = item
                && c.name != of.name
            {
                c.depends_on(of.made.as_ref());
            }
        }
    }
    let mut steps = vec![];
    for one in &*numbers {
        steps.extend((m.then)(one)?);
    }
    Ok(Some(steps))
}

/// A volume of the sample that is measured.
fn volume_of<'a>(state: &'a mut State, m: &Measure, name: &str) -> Result<&'a mut Chain> {
    let names: Vec<_> = state.items.iter().map(|i| i.name().to_owned()).collect();
    let slot = state.items.iter_mut().find_map(|i| match i {
        Planning::Volume(c) if c.name == name => Some(c),
        _ => None,
    });
    let wrong = || {
        let wanted = format!("a volume of the sample: {}", names.join(", "));
        Error::param(&m.label, "source", format!("{name:?}"), wanted)
    };
    Ok(slot.ok_or_else(wrong)?)
}

impl Chain {
    /// The same values, with everything that needs the whole volume done and kept, and with `once` what comes from the file too.
    fn settled(&self, once: bool) -> Result<Chain> {
        if self.stages.iter().any(|s| s.op.is_whole()) || (once && !self.stages.is_empty()) {
            let volume = self.compute(crate::tile::Want::Stored)?;
            let source = Source::Memory(volume);
            return Ok(Chain { idle: vec![], ..self.begun_after(self.stages.len(), source) });
        }
        match &self.source {
            Source::File(_) | Source::Cached(_) | Source::Stack(_) if once => {
                Ok(Chain { source: Source::Memory(self.source.load()?), ..self.clone() })
            }
            _ => Ok(self.clone()),
        }
    }
}

/// A volume in memory as its own item; used where labels are narrowed.
pub(crate) fn as_label(volume: &Volume) -> Result<Volume> {
    use medcore::DType;
    if volume.scale().is_none() && volume.stored_dtype().is_integer() {
        return Ok(volume.clone());
    }
    let fail = |found: String| Error::Data {
        what: "a label".into(),
        found,
        hint: "labels are whole numbers; load it with role=\"image\" or role=\"map\" if it is not a label"
            .into(),
    };
    let chain = Chain::new(Source::Memory(volume.clone()), "label", Role::Image, true);
    if !chain.dtype().is_real() {
        return Err(fail(format!("{} voxels", chain.dtype())).into());
    }
    let values = chain.compute(crate::tile::Want::Stored)?;
    let mut exact = vec![0u8; values.grid().len() * values.channels() * 8];
    let n = values.grid().len() * values.stored_dtype().bytes();
    let mut raw = vec![0u8; n];
    for (c, out) in exact.chunks_mut((values.grid().len() * 8).max(1)).enumerate() {
        values.copy_channel(c, &mut raw)?;
        crate::values::cast(&raw, values.stored_dtype(), out, DType::F64)?;
    }
    let numbers: &[f64] = bytemuck::try_cast_slice(&exact).unwrap_or_default();
    let (mut low, mut high) = (0f64, 0f64);
    for &v in numbers {
        if v.fract() != 0.0 || !v.is_finite() {
            return Err(fail(format!("the value {v}")).into());
        }
        (low, high) = (low.min(v), high.max(v));
    }
    let dtype =
        DType::smallest_integer(low, high).ok_or_else(|| fail(format!("values from {low} to {high}")))?;
    let mut out = crate::evaluate::buffer(numbers.len() * dtype.bytes())?;
    crate::values::cast(&exact, DType::F64, out.as_bytes_mut(), dtype)?;
    Ok(Volume::packed(Arc::new(out), dtype, *volume.grid(), volume.extra().to_vec(), volume.meta().clone())?)
}
