//! What several patches of one visit, or several items of a sample, share: voxels that are read, or made, once.

use std::fmt;
use std::sync::Arc;

use medcore::{Box3, DType, Grid, Lattice, Meta, Remake, Scale, Volume, Warp};
use medio::VolumeFile;
use medkernels::PerProcess;

use crate::Result;
use crate::chain::{Chain, Op, Stage};
use crate::flight::{Flights, Turn};
use crate::memo::Memo;
use crate::planning::{Planning, State};
use crate::remake::remade;
use crate::source::Source;
use crate::tile::Want;

/// A source that several patches of one visit, or several items of a sample, take their voxels from: filled by the first that needs it, given back with the last.
pub struct Shared {
    what: What,
    made: Memo,
}

enum What {
    /// The voxels of a file (or of several, as channels) that the patches need, as they are stored.
    Part(Source, Box3),
    /// All that a chain gives.
    Whole(Chain),
    /// The same, for items of one sample.
    Items(Chain),
    /// The same, of which each that needs it makes its own box.
    Boxes(Chain),
    /// What is made of all that a chain gives; made anew for each that needs it.
    Made(Chain, Remake),
}

impl What {
    /// The same, for several.
    fn shared(self) -> Source {
        Source::Shared(Arc::new(Shared { what: self, made: Memo::default() }))
    }
}

impl Shared {
    pub(crate) fn grid(&self) -> &Grid {
        match &self.what {
            What::Part(source, _) => source.grid(),
            What::Whole(chain) | What::Items(chain) | What::Boxes(chain) | What::Made(chain, _) => {
                chain.grid()
            }
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match &self.what {
            What::Part(source, _) => source.dtype(),
            What::Whole(chain) | What::Items(chain) | What::Boxes(chain) => chain.dtype(),
            What::Made(_, remake) => remake.dtype,
        }
    }

    pub(crate) fn stored_dtype(&self) -> DType {
        match &self.what {
            What::Part(source, _) => source.stored_dtype(),
            What::Whole(chain) | What::Items(chain) | What::Boxes(chain) => chain.dtype(),
            What::Made(_, remake) => remake.dtype,
        }
    }

    pub(crate) fn scale(&self) -> Option<Scale> {
        match &self.what {
            What::Part(source, _) => source.scale(),
            What::Whole(_) | What::Items(_) | What::Boxes(_) | What::Made(..) => None,
        }
    }

    /// Where the voxels come from.
    pub(crate) fn source(&self) -> &Source {
        match &self.what {
            What::Part(source, _) => source,
            What::Whole(chain) | What::Items(chain) | What::Boxes(chain) | What::Made(chain, _) => {
                &chain.source
            }
        }
    }

    pub(crate) fn extra(&self) -> &[usize] {
        match &self.what {
            What::Made(_, remake) => &remake.extra,
            _ => self.source().extra(),
        }
    }

    pub(crate) fn meta(&self) -> &Arc<Meta> {
        self.source().meta()
    }

    /// What `explain` prints.
    pub(crate) fn explain(&self) -> Result<(String, String)> {
        Ok(match &self.what {
            What::Part(source, b) => {
                let paths = source.files().into_iter().map(|f| f.path().display().to_string());
                let paths = paths.collect::<Vec<_>>().join(", ");
                let voxels = format!("{:?} at {:?} of it", b.shape, b.start);
                (String::new(), format!("{paths} (all patches together read {voxels}, once)"))
            }
            What::Whole(chain) => {
                (chain.explain()?, "what the above gives (made once for all patches)".into())
            }
            What::Items(chain) => {
                (chain.explain()?, "what the above gives (made once for all that come of it)".into())
            }
            What::Boxes(chain) => (chain.explain()?, "what the above gives".into()),
            What::Made(chain, remake) => {
                (chain.explain()?, format!("what the above gives, as {}", remake.label))
            }
        })
    }

    /// All voxels.
    pub(crate) fn load(self: &Arc<Shared>) -> Result<Volume> {
        match &self.what {
            What::Part(source, _) => source.load(),
            What::Whole(_) | What::Items(_) => self.voxels(),
            What::Boxes(chain) => chain.compute(Want::Stored),
            What::Made(chain, remake) => remade(remake, &chain.compute(Want::Stored)?),
        }
    }

    /// A box of all channels.
    pub(crate) fn part(self: &Arc<Shared>, b: &Box3) -> Result<Volume> {
        let whole = *b == Box3::whole(self.grid().shape);
        match &self.what {
            What::Boxes(chain) if !whole => chain.cropped(b)?.compute(Want::Stored),
            What::Made(chain, remake) if !whole && remake.by.is_local() => {
                remade(remake, &chain.cropped(b)?.compute(Want::Stored)?)
            }
            What::Part(source, held) if held.union(b) != *held => source.part(b),
            What::Part(_, held) => {
                let start = [0, 1, 2].map(|i| b.start[i] - held.start[i]);
                Source::Memory(self.voxels()?).part(&Box3 { start, shape: b.shape })
            }
            _ if whole => self.load(),
            _ => Source::Memory(self.load()?).part(b),
        }
    }

    /// The voxels that are shared. Of several threads one makes them.
    fn voxels(self: &Arc<Shared>) -> Result<Volume> {
        static MAKING: PerProcess<Arc<Flights<usize, Volume>>> = PerProcess::new();
        let flights = MAKING.get(|_| true, Arc::default);
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let flight = match flights.begin(&(Arc::as_ptr(self) as usize), || self.made.get().is_some()) {
            Turn::Made(made) => return Ok(made),
            Turn::Known => None,
            Turn::Mine(flight) => flight,
        };
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let made = match &self.what {
            What::Part(source, b) => source.part(b)?,
            What::Whole(chain) | What::Items(chain) => chain.compute(Want::Stored)?,
            What::Boxes(_) | What::Made(..) => self.load()?,
        };
        self.made.set(made.clone());
        if let Some(flight) = flight {
            flight.land(&made);
        }
        Ok(made)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Part(source, b) => write!(f, "Shared({b:?} of {source:?})"),
            What::Whole(chain) | What::Items(chain) | What::Boxes(chain) => write!(f, "Shared({chain:?})"),
            What::Made(chain, remake) => write!(f, "Shared({remake:?} of {chain:?})"),
        }
    }
}

impl Chain {
    /// The same values, for several that go on from here: what needs the whole volume is done once for all of them, when the first one is computed.
    pub(crate) fn split(&self) -> Chain {
        let done = self.stages.iter().rposition(|s| s.op.is_whole()).map_or(0, |at| at + 1);
        let again = match &self.source {
            Source::Cached(kept) => kept.too_large(),
            Source::Shared(shared) => {
                matches!(&shared.what, What::Made(_, r) if !r.by.is_local())
            }
            _ => false,
        };
        if done == 0 && !again {
            return Chain { source: self.source.split(), ..self.clone() };
        }
        let start = Chain { stages: self.stages[..done].to_vec(), made: None, ..self.clone() };
        self.begun_after(done, What::Whole(start).shared())
    }

    /// The same values, for this item and others that come of it: made once, when the first of them is computed.
    pub(crate) fn for_all_items(&self) -> Chain {
        if self.stages.is_empty() && !self.source.compressed() {
            return self.clone();
        }
        let start = Chain { made: None, ..self.clone() };
        Chain { idle: vec![], ..self.begun_after(self.stages.len(), What::Items(start).shared()) }
    }

    /// What is made voxel by voxel of another chain, if that is all there is to be done.
    pub(crate) fn as_made(&self) -> Result<Option<Volume>> {
        match &self.source {
            Source::Shared(shared) if self.stages.is_empty() && matches!(shared.what, What::Made(..)) => {
                shared.load().map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What the chain gives, as a source of its own.
    pub(crate) fn as_source(&self) -> Source {
        if self.stages.is_empty() {
            return self.source.clone();
        }
        What::Boxes(Chain { made: None, ..self.clone() }).shared()
    }

    /// The chain of a box of what this one gives.
    fn cropped(&self, b: &Box3) -> Result<Chain> {
        let crop = Lattice { offset: b.start.map(|v| v as i64), ..Lattice::IDENTITY };
        let mut part = self.clone();
        part.push_warp(&Warp::lattice("a part", self.grid(), crop, b.shape))?;
        Ok(part)
    }

    /// What is made for all items that come of one, if this is such an item; else the chain itself.
    pub(crate) fn beginning(&self) -> &Chain {
        match &self.source {
            Source::Shared(shared) => match &shared.what {
                What::Items(start) => start,
                What::Part(..) | What::Whole(_) | What::Boxes(_) | What::Made(..) => self,
            },
            _ => self,
        }
    }

    /// The chain on the voxels that its source shares with others.
    pub(crate) fn on_shared(&self, shared: &Arc<Shared>) -> Result<Chain> {
        let memory = |source| Chain { source, ..self.clone() };
        match &shared.what {
            What::Part(source, b) if b.union(&self.source_box()) != *b => Ok(memory(source.clone())),
            What::Part(_, b) if *b != Box3::whole(shared.grid().shape) => {
                Ok(self.clone().on_part(Source::Memory(shared.voxels()?), b, shared.grid()))
            }
            What::Made(_, remake) if !remake.by.is_local() => Ok(memory(Source::Memory(shared.load()?))),
            What::Boxes(_) | What::Made(..) => {
                let (b, grid) = (self.source_box(), shared.grid());
                let part = Source::Memory(shared.part(&b)?);
                let whole = b == Box3::whole(grid.shape);
                Ok(if whole { memory(part) } else { self.clone().on_part(part, &b, grid) })
            }
            _ => Ok(memory(Source::Memory(shared.voxels()?))),
        }
    }

    /// What is made of this chain's voxels, as the start of another.
    pub(crate) fn remade(&self, remake: Remake) -> Chain {
        let start = Chain { made: None, ..self.clone() };
        let source = What::Made(start, remake).shared();
        Chain { source, stages: vec![], idle: vec![], made: None, ..self.clone() }
    }
}

impl State {
    /// Lets an item begin with another source of the same voxels, and with it what comes of the same item.
    fn begin_with(&mut self, item: usize, source: &Source) {
        let Some(Planning::Volume(chain)) = self.items.get_mut(item) else { return };
        let Source::Shared(old) = &chain.source else {
            chain.source = source.clone();
            return;
        };
        let old = Arc::clone(old);
        let new = What::Items(Chain { source: source.clone(), ..chain.beginning().clone() }).shared();
        for item in &mut self.items {
            if let Planning::Volume(Chain { source: Source::Shared(shared), .. }) = item
                && Arc::ptr_eq(shared, &old)
                && let Source::Shared(new) = &new
            {
                *shared = Arc::clone(new);
            }
        }
    }

    /// Lets a gzipped label that is still to be looked at as a mask, and what becomes of it in the sample, inflate the file once.
    pub(crate) fn share_masks(&mut self) {
        let masks = |c: &Chain| -> Vec<(String, Source)> {
            let of = |s: &Stage| match &s.op {
                Op::Measure(_, _, Some(mask), _) if mask.source.compressed() => {
                    Some((mask.name.clone(), mask.source.clone()))
                }
                _ => None,
            };
            c.stages.iter().filter_map(of).collect()
        };
        let all: Vec<(String, Source)> = self.chains().flat_map(masks).collect();
        for (name, source) in all {
            let same = |c: &Chain| c.name == name && c.source.same_files(&source);
            let shared = What::Part(source.clone(), Box3::whole(source.grid().shape)).shared();
            for item in &mut self.items {
                let Planning::Volume(chain) = item else { continue };
                if same(chain) {
                    chain.source = shared.clone();
                }
                for stage in &mut chain.stages {
                    if let Op::Measure(_, _, Some(mask), _) = &mut stage.op
                        && same(mask)
                    {
                        Arc::make_mut(mask).source = shared.clone();
                    }
                }
            }
        }
    }
}

impl Source {
    /// The same voxels, for several patches: what needs a whole volume is done once for all of them.
    pub(crate) fn split(&self) -> Source {
        match self {
            Source::Stack(stack) => Source::Stack(stack.split()),
            Source::Shared(shared) => match &shared.what {
                What::Boxes(chain) => What::Boxes(chain.split()).shared(),
                _ => self.clone(),
            },
            other => other.clone(),
        }
    }

    /// Whether both read the same files and nothing else.
    fn same_files(&self, other: &Source) -> bool {
        let plain = |s: &Source| match s {
            Source::File(_) => true,
            Source::Stack(s) => s.parts().iter().all(|p| matches!(p.source, Source::File(_))),
            _ => false,
        };
        let identities = |s: &Source| s.files().into_iter().map(VolumeFile::identity).collect::<Vec<_>>();
        let channels = |s: &Source| match s {
            Source::Stack(s) => s.parts().iter().map(|p| p.channels.clone()).collect(),
            _ => vec![],
        };
        plain(self)
            && plain(other)
            && identities(self) == identities(other)
            && channels(self) == channels(other)
    }
}

/// Where several samples of one visit read the same file, and together less than each by itself, they read it together.
pub(crate) fn share(states: &mut [State]) -> Result<()> {
    if states.len() < 2 {
        return Ok(());
    }
    for item in 0..states.iter().map(|s| s.items.len()).min().unwrap_or(0) {
        let mut chains: Vec<(usize, &Chain)> = states
            .iter()
            .enumerate()
            .filter_map(|(n, s)| match &s.items[item] {
                Planning::Volume(chain) => Some((n, chain.beginning())),
                Planning::Points(..) => None,
            })
            .collect();
        let Some(source) = chains.first().map(|(_, c)| c.source.clone()) else { continue };
        chains.retain(|(_, c)| c.source.same_files(&source));
        let (numbers, boxes): (Vec<usize>, Vec<Box3>) =
            chains.into_iter().map(|(n, c)| (n, c.source_box())).unzip();
        if let Some(b) = together(&source, &boxes)? {
            let shared = What::Part(source, b).shared();
            for n in numbers {
                states[n].begin_with(item, &shared);
            }
        }
    }
    Ok(())
}

/// The part of a source that holds several boxes, if to read it is less than to read them.
fn together(source: &Source, boxes: &[Box3]) -> Result<Option<Box3>> {
    let boxes: Vec<&Box3> = boxes.iter().filter(|b| !b.is_empty()).collect();
    let [first, others @ ..] = &boxes[..] else { return Ok(None) };
    if others.is_empty() {
        return Ok(None);
    }
    let mut apart = source.worth_reading(first)?.0;
    for b in others {
        apart += source.worth_reading(b)?.0;
    }
    let union = others.iter().fold(**first, |all, b| all.union(b));
    let (once, part) = source.worth_reading(&union)?;
    Ok((once < apart).then_some(part))
}
