//! Volumes that are kept, and the way back to what they were made of.

use std::sync::Arc;

use medcore::Volume;

use super::kept::Facts;
use super::{Cache, Kept, key};
use crate::chain::Chain;
use crate::lazy::{Applied, Pending};
use crate::tile::Want;
use crate::{LazyVolume, Result, Source};

impl LazyVolume {
    /// The same volume, kept in a cache as it is here: what was chained before is made once, what is chained after reads its own region of the
    /// entry, in the dtype that the volume has here. A file without steps is kept as it is stored, with its scale.
    ///
    /// The values are those of [`LazyVolume::compute`] at this place: no interpolation before is joined with one after. Nothing is read until values are asked for, or
    /// a shape that depends on them.
    ///
    /// # Errors
    /// [`medcore::Error::Unsupported`] for a volume that is not a file with steps alone, after a random transform, and after one that is not in the
    /// catalog; [`medio::Error::Changed`] if the file changed.
    pub fn cached(&self, cache: &Cache) -> Result<LazyVolume> {
        let made_of = key::of_volume(self)?;
        let prefix = self.clone();
        let kept = Kept::new(cache, made_of, self.clone(), Box::new(move || prefix.pristine()));
        let mut out = self.clone();
        (out.planned, out.made) = Default::default();
        let steps = self.history.iter().flat_map(|h| h.iter()).cloned();
        out.history = Some(steps.chain([Applied::Cached(cache.clone())]).collect());
        if self.is_planned() {
            kept.settle()?;
            out.start = self.chain()?.kept(kept.into());
            out.pending = [].into();
        } else {
            out.pending = [Pending::Kept(kept.into())].into();
        }
        Ok(out)
    }

    /// The volume as its file and steps alone make it. One that went on from a computed result is planned anew, for interpolations may be
    /// joined then that were not.
    pub(crate) fn pristine(&self) -> Result<LazyVolume> {
        let alone = LazyVolume { made: crate::memo::Memo::default(), ..self.clone() };
        let (Some(origin), Source::Memory(start)) = (&self.origin, &self.start.source) else {
            return Ok(alone);
        };
        if let Source::Memory(first) = &origin.start.source
            && Arc::ptr_eq(first.storage(), start.storage())
        {
            return Ok(alone);
        }
        let begun = LazyVolume::of_chain(origin.start.clone(), [].into());
        let begun = LazyVolume { origin: Some(origin.clone()), name: self.name.clone(), ..begun };
        self.history.iter().flat_map(|h| h.iter()).try_fold(begun, |v, step| v.with_step(step))
    }

    /// The volume to be kept, which is not kept by itself: of a file without steps the stored numbers.
    pub(super) fn fresh(&self) -> Result<Volume> {
        if self.is_untouched() { self.source().load() } else { self.chain()?.compute(Want::Stored) }
    }

    /// What [`LazyVolume::fresh`] is like.
    pub(super) fn stored_facts(&self) -> Result<Facts> {
        let chain = self.chain()?;
        let (stored, scale) = if self.is_untouched() {
            (chain.source.stored_dtype(), chain.source.scale())
        } else {
            (chain.dtype(), None)
        };
        Ok(Facts { grid: *chain.grid(), stored, scale, extra: chain.source.extra().to_vec() })
    }
}

impl Chain {
    /// A chain that begins with an entry, in the place of this one.
    pub(crate) fn kept(&self, kept: Arc<Kept>) -> Chain {
        let done = self.stages.len();
        let mut out = Chain { idle: vec![], ..self.begun_after(done, Source::Cached(kept)) };
        // No interpolation is joined across a cache.
        out.depends(&"cached".into());
        out
    }
}
