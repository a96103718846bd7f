//! Channels of several sources on one grid as the channels of one.

use std::sync::Arc;

use medcore::{Box3, DType, Error, Grid, ItemFacts, Meta, Volume};
use medkernels::threads;

use crate::chain::Chain;
use crate::evaluate::buffer;
use crate::source::Source;
use crate::tile::{Tile, Want};
use crate::{LazyVolume, Result};

/// Channels of sources on one grid: a region of the stack is that region of each of them.
///
/// The dtype is theirs if it is the same, else float32; the grid is the first one's.
#[derive(Clone, Debug)]
pub struct Stack {
    parts: Arc<[Part]>,
    /// For each channel the part that it is of, and its number in the part's source.
    places: Arc<[(usize, usize)]>,
    dtype: DType,
    extra: Vec<usize>,
    meta: Arc<Meta>,
}

/// Some channels of a source, in an order.
#[derive(Clone, Debug)]
pub struct Part {
    pub(crate) source: Source,
    pub(crate) channels: Arc<[usize]>,
}

impl Part {
    /// All channels of a source.
    pub(crate) fn all(source: Source) -> Part {
        let channels = (0..source.extra().iter().product()).collect();
        Part { source, channels }
    }

    /// Where the voxels come from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The channels of it, counted over all its axes after the third.
    pub fn channels(&self) -> &[usize] {
        &self.channels
    }

    fn is_all(&self) -> bool {
        let all = 0..self.source.extra().iter().product();
        self.channels.iter().copied().eq(all)
    }

    /// A box of each channel, one after the other.
    fn read_each(&self, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let whole = *b == Box3::whole(self.source.grid().shape);
        if whole && self.is_all() {
            return self.source.read_all(want, out);
        }
        if let [channel] = *self.channels {
            return self.source.read(channel, b, want, out);
        }
        // A stream is inflated once, where that is less.
        let loaded = match self.source.inflates(&self.channels, b)? {
            Some((_, true)) => Some(Source::Memory(self.source.load()?)),
            _ => None,
        };
        let source = loaded.as_ref().unwrap_or(&self.source);
        let n = (out.len() / self.channels.len().max(1)).max(1);
        let mut places = self.channels.iter().zip(out.chunks_mut(n));
        places.try_for_each(|(channel, place)| source.read(*channel, b, want, place))
    }
}

impl Stack {
    /// Parts on one grid as one source with axes of these sizes after the third.
    pub(crate) fn new(parts: Vec<Part>, extra: Vec<usize>, meta: Arc<Meta>) -> medcore::Result<Stack> {
        let first = parts.first().ok_or_else(|| Error::shape("stack", "no volume", "at least one"))?;
        let mut dtype = first.source.dtype();
        if parts.iter().any(|p| p.source.dtype() != dtype) {
            if let Some(p) = parts.iter().find(|p| !p.source.dtype().is_real()) {
                return Err(Error::not_numeric("a stack of several dtypes", p.source.dtype()));
            }
            dtype = DType::F32;
        }
        Ok(Stack::of(parts, dtype, extra, meta))
    }

    fn of(parts: Vec<Part>, dtype: DType, extra: Vec<usize>, meta: Arc<Meta>) -> Stack {
        // What is a stack itself gives its own parts.
        let mut flat: Vec<Part> = vec![];
        for part in parts {
            match &part.source {
                Source::Stack(inner) if inner.dtype == dtype || dtype == DType::F32 => {
                    flat.extend(inner.taken(&part.channels));
                }
                _ => flat.push(part),
            }
        }
        let place =
            |(n, part): (usize, &Part)| part.channels.iter().map(move |c| (n, *c)).collect::<Vec<_>>();
        let places = flat.iter().enumerate().flat_map(place).collect();
        Stack { parts: flat.into(), places, dtype, extra, meta }
    }

    /// Some of the channels, as parts.
    fn taken(&self, channels: &[usize]) -> Vec<Part> {
        let places: Vec<(usize, usize)> = channels.iter().map(|c| self.places[*c]).collect();
        let runs = places.chunk_by(|a, b| a.0 == b.0);
        let part = |run: &[(usize, usize)]| Part {
            source: self.parts[run[0].0].source.clone(),
            channels: run.iter().map(|(_, channel)| *channel).collect(),
        };
        runs.map(part).collect()
    }

    /// The parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) fn grid(&self) -> &Grid {
        self.parts[0].source.grid()
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn extra(&self) -> &[usize] {
        &self.extra
    }

    pub(crate) fn meta(&self) -> &Arc<Meta> {
        &self.meta
    }

    /// The parts' names, one after the other.
    pub(crate) fn names(&self) -> String {
        let name = |part: &Part| {
            let name = match &part.source {
                Source::File(f) => f.path().display().to_string(),
                Source::Cached(kept) => kept.name(),
                Source::Memory(_) | Source::Stack(_) => "memory".into(),
                Source::Shared(_) => "the above".into(),
            };
            if part.is_all() { name } else { format!("{name} (channels {:?})", part.channels) }
        };
        self.parts.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Bytes that one voxel takes in all channels, as stored.
    pub(crate) fn voxel_bytes(&self) -> usize {
        self.parts.iter().map(|p| p.source.stored_dtype().bytes() * p.channels.len()).sum()
    }

    /// How a part is asked for what is wanted of the stack.
    fn want(&self, part: &Part, want: Want) -> Want {
        if part.source.dtype() == self.dtype { want } else { Want::F32 }
    }

    pub(crate) fn view(&self, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        let (n, channel) = self.places[channel];
        let part = &self.parts[n];
        part.source.view(channel, b, self.want(part, want))
    }

    pub(crate) fn read(&self, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let (n, channel) = self.places[channel];
        let part = &self.parts[n];
        part.source.read(channel, b, self.want(part, want), out)
    }

    /// The same box of all channels, one after the other, each part's by a thread of its own.
    pub(crate) fn read_each(&self, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let n = b.len() * want.dtype(self.dtype).bytes();
        let (mut places, mut rest) = (vec![], out);
        for part in &*self.parts {
            let place;
            (place, rest) = rest.split_at_mut(n * part.channels.len());
            places.push((place, part, Ok(())));
        }
        threads::for_each_mut(&mut places, |_, (place, part, done)| {
            *done = part.read_each(b, self.want(part, want), place);
        });
        places.into_iter().try_for_each(|(_, _, done)| done)
    }

    /// All channels in memory; what is of a cache is there, or made.
    pub(crate) fn load(&self) -> Result<Volume> {
        let mut out = buffer(self.grid().len() * self.places.len() * self.dtype.bytes())?;
        self.read_each(&Box3::whole(self.grid().shape), Want::Stored, out.as_bytes_mut())?;
        let extra = self.extra.clone();
        Ok(Volume::packed(Arc::new(out), self.dtype, *self.grid(), extra, self.meta.clone())?)
    }

    /// What is inflated to read a box of each of these channels; `None` where nothing is.
    pub(crate) fn inflates(&self, channels: &[usize], b: &Box3) -> Result<Option<(u64, bool)>> {
        let mut sum = None;
        for part in self.taken(channels) {
            if let Some((bytes, _)) = part.source.inflates(&part.channels, b)? {
                sum = Some((sum.map_or(0, |(sum, _)| sum) + bytes, false));
            }
        }
        Ok(sum)
    }

    /// Runs `work` on the stack with every entry of a cache as what there is of it, or as what is made for it now.
    pub(crate) fn on_voxels<T>(&self, work: &mut dyn FnMut(&Stack) -> Result<T>) -> Result<T> {
        let cached = |(n, part): (usize, &Part)| match &part.source {
            Source::Cached(kept) => Some((n, kept.clone())),
            _ => None,
        };
        let Some((n, kept)) = self.parts.iter().enumerate().find_map(cached) else {
            return work(self);
        };
        kept.with(|source| {
            let mut parts = self.parts.to_vec();
            parts[n].source = source;
            Stack { parts: parts.into(), ..self.clone() }.on_voxels(work)
        })
    }

    /// The same, of which what several patches need is made once for all of them.
    pub(crate) fn split(&self) -> Stack {
        let one = |part: &Part| Part { source: part.source.split(), channels: part.channels.clone() };
        Stack { parts: self.parts.iter().map(one).collect(), ..self.clone() }
    }

    /// Whether a part is made of other voxels.
    fn is_made(&self) -> bool {
        self.parts.iter().any(|p| matches!(p.source, Source::Shared(_)))
    }

    /// A box of each part, in memory.
    fn part(&self, b: &Box3) -> Result<Stack> {
        let one = |part: &Part| {
            Ok(match &part.source {
                Source::Shared(shared) => {
                    Part { source: Source::Memory(shared.part(b)?), channels: part.channels.clone() }
                }
                source => {
                    let alone = Stack::of(
                        vec![part.clone()],
                        source.dtype(),
                        vec![part.channels.len()],
                        self.meta.clone(),
                    );
                    Part::all(Source::Memory(Source::Stack(alone).part(b)?))
                }
            })
        };
        let parts = self.parts.iter().map(one).collect::<Result<_>>()?;
        Ok(Stack::of(parts, self.dtype, self.extra.clone(), self.meta.clone()))
    }
}

impl Chain {
    /// The chain on a stack whose cached parts are there: of what is made for it, on the box that is needed.
    pub(crate) fn on_stack(&self, stack: &Stack) -> Result<Chain> {
        if !stack.is_made() {
            return Ok(Chain { source: Source::Stack(stack.clone()), ..self.clone() });
        }
        let b = self.source_box();
        let part = Source::Stack(stack.part(&b)?);
        if b == Box3::whole(stack.grid().shape) {
            return Ok(Chain { source: part, ..self.clone() });
        }
        Ok(self.clone().on_part(part, &b, stack.grid()))
    }

    /// Several chains on one grid as the channels of one, which takes the first one's place.
    pub(crate) fn merged(chains: &[&Chain], name: &str) -> medcore::Result<Chain> {
        let first = chains.first().ok_or_else(|| Error::shape("merge", "no volume", "at least one"))?;
        let parts: Vec<Part> = chains.iter().map(|c| Part::all(c.as_source())).collect();
        let meta = first.source.meta().clone();
        let source = Source::Stack(Stack::new(parts, vec![chains.iter().map(|c| c.channels()).sum()], meta)?);
        Ok(Chain {
            name: name.into(),
            made: None,
            idle: vec![],
            ..first.begun_after(first.stages.len(), source)
        })
    }
}

impl LazyVolume {
    /// Several volumes of one grid as channels of one, in order. Files are read when values are asked for, and of each only the
    /// region that is needed; volumes with steps are computed at once, and arrays copied. The dtype is theirs if it is the same, else float32.
    ///
    /// # Errors
    /// [`medcore::Error::Shape`] if there are none, one has channels of its own, or a grid differs by more than 1e-3 voxel; reading errors.
    pub fn stack(volumes: &[LazyVolume]) -> Result<LazyVolume> {
        let first = volumes.first().ok_or_else(|| Error::shape("stack", "no volume", "at least one"))?;
        let facts: Vec<ItemFacts> = volumes.iter().map(LazyVolume::facts).collect::<Result<_>>()?;
        let grid = facts[0].grid;
        for (v, f) in volumes.iter().zip(&facts) {
            let what = format!("grid of {:?} against that of {:?}", v.id(), first.id());
            grid.expect_same(&what, &f.grid)?;
            if !f.extra.is_empty() {
                let found = format!("{:?} with axes {:?}", v.id(), f.extra);
                return Err(Error::shape("stack", found, "volumes of three axes").into());
            }
        }
        let lazy =
            |v: &LazyVolume| v.is_untouched() && !v.is_computed() && !matches!(v.source(), Source::Memory(_));
        let part = |v: &LazyVolume| {
            Ok(Part::all(if lazy(v) { v.source().clone() } else { Source::Memory(v.compute()?) }))
        };
        let parts = volumes.iter().map(part).collect::<Result<_>>()?;
        let stack = Stack::new(parts, vec![volumes.len()], first.meta().clone())?;
        let source =
            if volumes.iter().any(lazy) { Source::Stack(stack) } else { Source::Memory(stack.load()?) };
        let role = first.role();
        let names: Vec<String> = volumes.iter().map(LazyVolume::id).collect();
        let out = LazyVolume::of_chain(Chain::new(source, &role.to_string(), role, true), Arc::new([]));
        Ok(out.begun_from_parts(volumes).named(names.join("\n")))
    }
}
