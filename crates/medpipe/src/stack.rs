//! Several volumes of one grid as the channels of one.

use std::sync::Arc;

use medcore::{Box3, DType, Error, Grid, ItemFacts, Meta, Volume};
use medkernels::threads;

use crate::chain::Chain;
use crate::compute::Layout;
use crate::evaluate::buffer;
use crate::source::Source;
use crate::tile::{Tile, Want};
use crate::{LazyVolume, Result};

/// Sources of three axes on one grid, each a channel: a region of the stack is that region of each of them.
///
/// The dtype is theirs if it is the same, else float32; grid and metadata are the first one's.
#[derive(Clone, Debug)]
pub struct Stack {
    parts: Arc<[Source]>,
    dtype: DType,
    extra: [usize; 1],
}

impl Stack {
    /// The channels, in order.
    pub fn parts(&self) -> &[Source] {
        &self.parts
    }

    pub(crate) fn grid(&self) -> &Grid {
        self.parts[0].grid()
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn extra(&self) -> &[usize] {
        &self.extra
    }

    pub(crate) fn meta(&self) -> &Arc<Meta> {
        self.parts[0].meta()
    }

    /// The channels' names, one after the other.
    pub(crate) fn names(&self) -> String {
        let name = |part: &Source| match part {
            Source::File(f) => f.path().display().to_string(),
            Source::Cached(kept) => kept.name(),
            Source::Memory(_) | Source::Stack(_) | Source::Shared(_) => "memory".into(),
        };
        self.parts.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// A channel, and how it is asked for what is wanted of the stack.
    fn part(&self, channel: usize, want: Want) -> (&Source, Want) {
        let part = &self.parts[channel];
        (part, if part.dtype() == self.dtype { want } else { Want::F32 })
    }

    pub(crate) fn view(&self, channel: usize, b: &Box3, want: Want) -> Option<Tile> {
        let (part, want) = self.part(channel, want);
        part.view(0, b, want)
    }

    pub(crate) fn read(&self, channel: usize, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let (part, want) = self.part(channel, want);
        part.read(0, b, want, out)
    }

    /// The same box of all channels, one after the other, each by a thread of its own.
    pub(crate) fn read_each(&self, b: &Box3, want: Want, out: &mut [u8]) -> Result<()> {
        let n = (b.len() * want.dtype(self.dtype).bytes()).max(1);
        let whole = *b == Box3::whole(self.grid().shape);
        let mut places: Vec<_> = out.chunks_mut(n).map(|place| (place, Ok(()))).collect();
        threads::for_each_mut(&mut places, |channel, (place, done)| {
            let (part, want) = self.part(channel, want);
            *done = if whole { part.read_all(want, place) } else { part.read(0, b, want, place) };
        });
        places.into_iter().try_for_each(|(_, done)| done)
    }

    /// All channels in memory; what is of a cache is there, or made.
    pub(crate) fn load(&self) -> Result<Volume> {
        let mut out = buffer(self.grid().len() * self.parts.len() * self.dtype.bytes())?;
        self.read_each(&Box3::whole(self.grid().shape), Want::Stored, out.as_bytes_mut())?;
        let extra = self.extra.to_vec();
        Ok(Volume::packed(Arc::new(out), self.dtype, *self.grid(), extra, self.meta().clone())?)
    }

    /// What is inflated to read a box of each of these channels; `None` where nothing is.
    pub(crate) fn inflates(&self, channels: &[usize], b: &Box3) -> Result<Option<(u64, bool)>> {
        let mut sum = None;
        for &channel in channels {
            if let Some((bytes, _)) = self.parts[channel].inflates(&[0], b)? {
                sum = Some((sum.map_or(0, |(sum, _)| sum) + bytes, false));
            }
        }
        Ok(sum)
    }

    /// Runs `work` on the stack with every entry of a cache as what there is of it, or as what is made for it now.
    pub(crate) fn on_voxels<T>(&self, work: &mut dyn FnMut(&Stack) -> Result<T>) -> Result<T> {
        let cached = |(n, part): (usize, &Source)| match part {
            Source::Cached(kept) => Some((n, kept.clone())),
            _ => None,
        };
        let Some((n, kept)) = self.parts.iter().enumerate().find_map(cached) else {
            return work(self);
        };
        kept.with(|source| {
            let mut parts = self.parts.to_vec();
            parts[n] = source;
            Stack { parts: parts.into(), ..self.clone() }.on_voxels(work)
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
        let (grid, mut dtype) = (facts[0].grid, facts[0].dtype);
        for (v, f) in volumes.iter().zip(&facts) {
            let what = format!("grid of {:?} against that of {:?}", v.id(), first.id());
            grid.expect_same(&what, &f.grid)?;
            if !f.extra.is_empty() {
                let found = format!("{:?} with axes {:?}", v.id(), f.extra);
                return Err(Error::shape("stack", found, "volumes of three axes").into());
            }
        }
        if facts.iter().any(|f| f.dtype != dtype) {
            if let Some(f) = facts.iter().find(|f| !f.dtype.is_real()) {
                return Err(Error::not_numeric("a stack of several dtypes", f.dtype).into());
            }
            dtype = DType::F32;
        }
        let lazy =
            |v: &LazyVolume| v.is_untouched() && !v.is_computed() && !matches!(v.source(), Source::Memory(_));
        let source = if volumes.iter().any(lazy) {
            let part =
                |v: &LazyVolume| Ok(if lazy(v) { v.source().clone() } else { Source::Memory(v.compute()?) });
            let parts = volumes.iter().map(part).collect::<Result<_>>()?;
            Source::Stack(Stack { parts, dtype, extra: [volumes.len()] })
        } else {
            let n = grid.len() * dtype.bytes();
            let mut out = buffer(n * volumes.len())?;
            for (part, v) in out.as_bytes_mut().chunks_mut(n.max(1)).zip(volumes) {
                v.compute_as(Some(dtype), Layout::XFastest)?.copy_channel(0, part)?;
            }
            let (extra, meta) = (vec![volumes.len()], first.meta().clone());
            Source::Memory(Volume::packed(Arc::new(out), dtype, grid, extra, meta)?)
        };
        let role = first.role();
        let names: Vec<String> = volumes.iter().map(LazyVolume::id).collect();
        let out = LazyVolume::of_chain(Chain::new(source, &role.to_string(), role, true), Arc::new([]));
        Ok(out.begun_from_parts(volumes).named(names.join("\n")))
    }
}
