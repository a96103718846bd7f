//! What a chain is made of, as far as it is the same at every visit and in every process.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use medcore::{Category, Grid, Keep, Measure, Of};
use medio::VolumeFile;
use serde_json::{Value, json};

use super::{Records, Ticket};
use crate::cache::key;
use crate::chain::Chain;
use crate::plan::touches;
use crate::planning::{Planning, State};
use crate::{Header, LazyItem, LazySample, LazyVolume, Node, Source};

/// Where a pipeline's measurements are kept, and how its transforms are named.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    pub(crate) records: Records,
    names: Arc<[Named]>,
    fuse: bool,
}

/// A transform's part in a name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// What it does, if that is the same at every visit and in every process.
    text: Option<Arc<str>>,
    /// Whether what it measures, before it has done anything, is.
    measures: bool,
    /// The transforms inside, of a group.
    pub(crate) within: Arc<[Named]>,
}

impl Naming {
    pub(crate) fn new(records: &Records, nodes: &[Node], fuse: bool) -> Naming {
        let names = nodes.iter().map(Named::new).collect();
        Naming { records: records.clone(), names, fuse }
    }
}

impl Named {
    fn new(node: &Node) -> Named {
        let text = key::settled(node).is_ok().then(|| node.to_value().to_string().into());
        let measures = text.is_some() || node.measures_alike();
        Named { text, measures, within: node.inside().iter().map(Named::new).collect() }
    }
}

/// A file, and what was done to it: equal names, equal voxels.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    records: Records,
    file: Arc<Origin>,
    /// What was done, one line each.
    steps: Arc<str>,
    /// The transform that is at work.
    within: Option<Within>,
}

#[derive(Clone, Debug)]
struct Within {
    named: Named,
    /// Whether it is to change this item.
    target: bool,
    /// Steps of it so far.
    steps: usize,
}

/// The file at the beginning, or those of a stack; what they are like now is asked for when a name is.
#[derive(Debug)]
struct Origin {
    files: Vec<VolumeFile>,
    text: OnceLock<Option<(PathBuf, Arc<str>)>>,
}

impl Origin {
    /// The canonical path (of several files, one line each), and the text of the content. `None` if a file is not what it was: reading will say so.
    fn text(&self) -> Option<&(PathBuf, Arc<str>)> {
        let ask = || {
            let (paths, text) = key::of_files(&self.files.iter().collect::<Vec<_>>()).ok()?;
            let lines: Vec<_> = paths.into_iter().map(PathBuf::into_os_string).collect();
            Some((lines.join(OsStr::new("\n")).into(), text.into()))
        };
        self.text.get_or_init(ask).as_ref()
    }
}

impl Made {
    /// What a volume is made of that was begun as `chain`, if it is a file with steps alone that draw nothing.
    fn of(volume: &LazyVolume, chain: &Chain, naming: &Naming) -> Option<Made> {
        let mut steps = key::of_steps(volume).ok()?;
        let untouched = volume.history.as_ref().is_some_and(|h| h.is_empty());
        // What goes on from a computed result joins no interpolation with those before.
        let as_planned = match (&chain.source, &volume.origin.as_ref()?.start.source) {
            (Source::Memory(now), Source::Memory(first)) => Arc::ptr_eq(now.storage(), first.storage()),
            (now, _) => !matches!(now, Source::Memory(_)),
        };
        if !untouched && !as_planned {
            return None;
        }
        steps["fuse"] = naming.fuse.into();
        let files = volume.files().into_iter().cloned().collect();
        let file = Origin { files, text: OnceLock::new() };
        let (records, steps) = (naming.records.clone(), steps.to_string().into());
        Some(Made { records, file: Arc::new(file), steps, within: None })
    }

    fn then(&mut self, text: &str) {
        self.steps = format!("{}\n{text}", self.steps).into();
    }

    /// The name of all so far; `None` where it depends on the visit.
    fn name(&self) -> Option<String> {
        match &self.within {
            Some(Within { named, steps: steps @ 1.., .. }) => {
                Some(format!("{}\n{steps} of {}", self.steps, named.text.as_ref()?))
            }
            _ => Some(self.steps.to_string()),
        }
    }

    /// The name, and the file's: for what depends on several.
    fn whole_name(&self) -> Option<String> {
        Some(json!([self.file.text()?.1, self.name()?]).to_string())
    }
}

impl Chain {
    /// Begins with a transform; `grid` is what it is planned on.
    fn enter(&mut self, named: Option<&Named>, target: bool, grid: &Grid) {
        let own = *self.grid();
        let Some(made) = &mut self.made else { return };
        let Some(named) = named else {
            self.made = None;
            return;
        };
        // Within the tolerance of what belongs together, but not the same.
        if target && bits(&own) != bits(grid) {
            made.then(&json!({ "on": bits(grid) }).to_string());
        }
        made.within = Some(Within { named: named.clone(), target, steps: 0 });
    }

    /// Takes note of a step.
    pub(crate) fn stepped(&mut self) {
        if let Some(within) = self.made.as_mut().and_then(|m| m.within.as_mut()) {
            within.steps += 1;
        }
    }

    /// Ends a transform.
    fn leave(&mut self) {
        let Some(made) = &mut self.made else { return };
        match made.within.take() {
            Some(Within { named: Named { text: Some(text), .. }, steps: 1.., .. }) => made.then(&text),
            Some(Within { named: Named { text: None, .. }, target: true, .. }) => self.made = None,
            _ => {}
        }
    }

    /// Takes note of what the chain depends on besides its own file and the transforms' parameters.
    pub(crate) fn depends(&mut self, on: &Value) {
        if let Some(made) = &mut self.made {
            made.then(&on.to_string());
        }
    }

    /// The same, for numbers that were measured of another chain.
    pub(crate) fn depends_on(&mut self, other: Option<&Made>) {
        match other.and_then(Made::whole_name) {
            Some(name) => self.depends(&json!({ "measured": name })),
            None => self.made = None,
        }
    }

    /// The right to look up a measurement at this place of the chain and to put it down, if it can be named; `other` decides which voxels count, if an item does.
    pub(crate) fn ticket(
        &self,
        channel: Option<usize>,
        m: &Measure,
        other: Option<&Chain>,
    ) -> Option<Ticket> {
        let made = self.made.as_ref()?;
        if made.within.as_ref().is_some_and(|w| !w.named.measures) {
            return None;
        }
        let of = match &m.of {
            // Whatever is counted for want of an index, the index is that of all.
            Of::Classes { .. } => "Classes".into(),
            of @ (Of::Moments | Of::Extent | Of::Percentiles(_) | Of::Box | Of::Histogram { .. }) => {
                format!("{of:?}")
            }
            _ => return None,
        };
        let each = m.per_channel && channel.is_none() && self.channels() > 1;
        let channels = match channel {
            Some(c) => format!(", channel {c}"),
            None => if each { ", each channel" } else { "" }.into(),
        };
        let what = format!("{of} of {:?}{channels}", m.keep);
        let other = match (&m.keep, other) {
            (Keep::Label { .. } | Keep::Where { .. }, Some(chain)) => chain.made.as_ref()?.whole_name()?,
            (Keep::All | Keep::Nonzero | Keep::Above(_) | Keep::Values(_), _) => String::new(),
            _ => return None,
        };
        let name = json!([made.name()?, what, other]).to_string();
        let (path, head) = made.file.text()?;
        let count = if each { self.channels() } else { 1 };
        Some(Ticket::new(&made.records, path, head, name, count))
    }
}

/// A grid's numbers, bit for bit.
pub(crate) fn bits(grid: &Grid) -> ([usize; 3], [[u64; 4]; 3]) {
    (grid.shape, grid.affine.rows.map(|row| row.map(f64::to_bits)))
}

impl State {
    /// The same, with what each of its chains is made of.
    pub(crate) fn named(mut self, sample: &LazySample, naming: &Naming) -> State {
        for (item, (_, from)) in self.items.iter_mut().zip(&sample.items) {
            if let (Planning::Volume(chain), LazyItem::Volume(volume)) = (item, from) {
                chain.made = Made::of(volume, chain, naming);
            }
        }
        self.names = Some(Arc::clone(&naming.names));
        self
    }

    /// Begins with a transform, under its name if it has one.
    pub(crate) fn enter(&mut self, header: &Header, category: Category, named: Option<&Named>) {
        if self.names.is_none() {
            return;
        }
        let reference = self.reference().ok().map(|c| *c.grid());
        for item in &mut self.items {
            if let Planning::Volume(chain) = item {
                let grid = reference.filter(|_| category.is_of_sample()).unwrap_or(*chain.grid());
                chain.enter(named, touches(header, category, &chain.name, chain.role), &grid);
            }
        }
    }

    /// Ends a transform.
    pub(crate) fn leave(&mut self) {
        for item in &mut self.items {
            if let Planning::Volume(chain) = item {
                chain.leave();
            }
        }
    }
}
