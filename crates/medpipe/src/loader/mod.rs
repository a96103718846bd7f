//! The training loader: cases in, batches of patches out, in the same order for any number of threads.
//!
//! An epoch is arithmetic: [`order`] says which patch stands where, so that an iteration can begin at any batch. A visit opens a case and plans the
//! pipeline on it; what comes of it are patches, each of which a thread writes into its own row of its batch's memory, once. Nothing of this
//! depends on which thread does it or when.

mod assembly;
mod batch;
mod batches;
mod counters;
mod host;
mod order;
mod settings;
mod shared;
mod visit;
mod work;

use std::sync::{Arc, Mutex};

use order::{Order, Patches, Plan};
use visit::Opened;

pub use batch::{Batch, BatchItem, BatchPoints, PatchMeta};
pub use batches::{Batches, Next};
pub use counters::Counters;
pub use host::{HostCalls, Served, on_host};
pub use settings::{Failure, OnError, Settings};

use crate::{Case, Pipeline, Result};

/// Batches of patches from cases, epoch after epoch.
///
/// The pipeline cuts the patches (`random_crop` and the like); what it leaves of a case is a patch, whole if nothing cuts it. All patches of a
/// batch have one shape. Images and maps come as float32 and labels as int16 unless [`Settings::dtypes`] says otherwise, as arrays of patches,
/// channels, x, y, z.
///
/// The same seed gives the same batches, bit for bit, for any number of threads, however many are prefetched, and from whichever batch on
/// they are asked for. Draws of a patch are those of [`Pipeline::apply`] for the case's name and the epoch.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{Case, CaseItem, LazyVolume, Loader, Pipeline, Settings};
///
/// let cases: Vec<Case> = (0..3)
///     .map(|n| {
///         let volume = Volume::from_f32(Grid::new([8, 8, 8], Affine::IDENTITY), &[n as f32; 512])?;
///         let item = CaseItem::Volume(LazyVolume::from_volume(volume));
///         Ok(Case::new(n.to_string()).with("image", item))
///     })
///     .collect::<Result<_, medcore::Error>>()?;
/// let pipeline = Pipeline::from_yaml("{medoxide: 1, seed: 7, transforms: [{random_crop: {shape: 4, count: 2}}]}")?;
/// let loader = Loader::new(cases, pipeline, Settings { batch_size: 2, ..Settings::default() })?;
/// assert_eq!(loader.len(0)?, 3);
/// for batch in loader.batches(0, 0)? {
///     let batch = batch?;
///     assert_eq!(batch.items[0].shape, [2, 1, 4, 4, 4]);
///     assert_eq!(batch.meta.len(), 2);
/// }
/// # Ok::<(), medpipe::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    cases: Arc<[Case]>,
    pipeline: Pipeline,
    settings: Settings,
    opened: Opened,
    /// The patches of each case in the epoch that was asked for last, where cases differ.
    counted: Mutex<Option<(u64, Vec<usize>)>>,
}

impl Loader {
    /// A loader of cases.
    ///
    /// # Errors
    /// [`medcore::Error::Param`] for settings out of range.
    pub fn new(cases: impl Into<Arc<[Case]>>, pipeline: Pipeline, settings: Settings) -> Result<Loader> {
        settings.check()?;
        let cases: Arc<[Case]> = cases.into();
        let pipeline = match settings.seed {
            Some(seed) if !pipeline.has_own_seed() => pipeline.with_seed(seed),
            _ => pipeline,
        };
        let opened = Opened::new(cases.len());
        let inner = Inner { cases, pipeline, settings, opened, counted: Mutex::default() };
        Ok(Loader { inner: Arc::new(inner) })
    }

    /// The cases.
    pub fn cases(&self) -> &[Case] {
        &self.inner.cases
    }

    /// The pipeline, with the seed in use.
    pub fn pipeline(&self) -> &Pipeline {
        &self.inner.pipeline
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The seed that names the order.
    pub fn seed(&self) -> u64 {
        self.inner.settings.seed.unwrap_or(self.inner.pipeline.seed())
    }

    /// Batches of an epoch for this process. Where cases have different numbers of patches, as with `grid_crop`, their headers are read.
    /// Batches of which no patch can be made are counted too; with [`OnError::Skip`] and [`OnError::Collect`] they are left out.
    ///
    /// # Errors
    /// None at present; a case that cannot be planned counts as one patch, whose error comes at its place.
    pub fn len(&self, epoch: u64) -> Result<usize> {
        Ok(self.order(epoch).batches())
    }

    /// Whether there are no cases.
    pub fn is_empty(&self) -> bool {
        self.inner.cases.is_empty()
    }

    /// The batches of an epoch, from batch `from` on; threads begin with the first one that is asked for.
    ///
    /// # Errors
    /// As [`Loader::len`].
    pub fn batches(&self, epoch: u64, from: usize) -> Result<Batches> {
        Ok(Batches::new(Arc::clone(&self.inner), self.order(epoch).batches(), epoch, from))
    }

    fn order(&self, epoch: u64) -> Order {
        self.inner.order(epoch)
    }
}

impl Inner {
    fn order(&self, epoch: u64) -> Order {
        let s = &self.settings;
        Order::new(Plan {
            seed: s.seed.unwrap_or(self.pipeline.seed()),
            epoch,
            cases: self.cases.len(),
            patches: self.pipeline.patches().map_or_else(|| Patches::Of(self.counted(epoch)), Patches::Each),
            shuffle: s.shuffle,
            mix: s.mix,
            rank: s.rank,
            world: s.world,
            batch_size: s.batch_size,
            drop_last: s.drop_last,
        })
    }

    /// The patches of each case, planned from headers.
    fn counted(&self, epoch: u64) -> Vec<usize> {
        // Only tried, as all locks that a forked child may find held.
        if let Ok(Some((_, counts))) =
            self.counted.try_lock().as_deref().map(|c| c.as_ref().filter(|c| c.0 == epoch))
        {
            return counts.clone();
        }
        let mut counts = vec![1; self.cases.len()];
        medkernels::threads::for_each_mut(&mut counts, |number, count| {
            let case = &self.cases[number];
            let planned = work::caught(|| {
                let sample = self.opened.open(number, case, &self.settings)?;
                self.pipeline.apply(&sample, &case.id, epoch)
            });
            *count = planned.map_or(1, |made| made.len());
        });
        if let Ok(mut kept) = self.counted.try_lock() {
            *kept = Some((epoch, counts.clone()));
        }
        counts
    }
}
