//! How a loader goes through its cases.

use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{DType, Role};
use medio::checkpoints::Keep;

use super::host::HostCalls;
use crate::{Error, Result};

/// What becomes of a patch that cannot be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Its error takes the place of its batch; the batches after it follow if they are asked for.
    #[default]
    Raise,
    /// Its batch is smaller, and it is counted.
    Skip,
    /// Its batch is smaller, and its error is kept: [`Batches::errors`](super::Batches::errors).
    Collect,
}

/// How a [`Loader`](super::Loader) goes through its cases.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Patches of a batch; 1 unless told otherwise.
    pub batch_size: usize,
    /// Whether every epoch has an order of its own; otherwise cases come as they are listed. On unless told otherwise.
    pub shuffle: bool,
    /// What names the order; the pipeline's seed if not given. If the pipeline was given no seed, its draws are named by this one too.
    pub seed: Option<u64>,
    /// Visits that follow one another of which the patches are shuffled together; those of one visit stay together for 0 and 1.
    pub mix: usize,
    /// Whether a last batch that is not full is left out.
    pub drop_last: bool,
    /// Which of the processes that share an epoch this is, from 0.
    pub rank: usize,
    /// Processes that share an epoch: process `rank` visits every `world`-th case of its order.
    pub world: usize,
    /// Threads; 0: everything happens in the thread that asks for a batch. As many as [`medkernels::threads::threads`] unless told otherwise.
    pub workers: Option<usize>,
    /// Batches that are worked on before they are asked for; enough for two patches a thread, and 2 at least, unless told otherwise.
    pub prefetch: Option<usize>,
    /// Bytes that batches which nobody has taken yet and visits under way may hold; a quarter of what the process may use, unless told
    /// otherwise. However few there are, one visit at a time goes on.
    pub memory: Option<u64>,
    /// What becomes of a patch that cannot be made.
    pub on_error: OnError,
    /// Dtypes by key; float32 for images and maps, int16 for labels unless told otherwise.
    pub dtypes: BTreeMap<String, DType>,
    /// Where the checkpoints of gzip files are kept: [`Keep::Auto`] unless told otherwise.
    pub checkpoints: Keep,
    /// Where the caller's functions are run, if not in the loader's threads; there is then one thread more.
    pub host: Option<Arc<HostCalls>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            batch_size: 1,
            shuffle: true,
            seed: None,
            mix: 0,
            drop_last: false,
            rank: 0,
            world: 1,
            workers: None,
            prefetch: None,
            memory: None,
            on_error: OnError::Raise,
            dtypes: BTreeMap::new(),
            checkpoints: Keep::Auto,
            host: None,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        let param =
            |name, found: usize, wanted| Err(medcore::Error::param("loader", name, found, wanted).into());
        if self.batch_size == 0 || self.batch_size > 1 << 20 {
            return param("batch_size", self.batch_size, "1 to 2^20 patches");
        }
        if self.world == 0 {
            return param("world", self.world, "1 process at least");
        }
        if self.rank >= self.world {
            return param("rank", self.rank, "a process from 0 to world - 1");
        }
        if self.workers.is_some_and(|n| n > medkernels::threads::MAX_THREADS) {
            return param("workers", self.workers.unwrap_or_default(), "0 to 1024 threads");
        }
        Ok(())
    }

    /// Threads to be started.
    pub(super) fn workers(&self) -> usize {
        let threads = || medkernels::threads::threads();
        match self.workers.unwrap_or_else(threads) {
            0 => 0,
            n => n + usize::from(self.host.as_ref().is_some_and(|h| h.is_here())),
        }
    }

    /// Batches ahead of the one that is asked for.
    pub(super) fn prefetch(&self) -> usize {
        self.prefetch.unwrap_or_else(|| (2 * self.workers()).div_ceil(self.batch_size).max(2))
    }

    pub(super) fn memory(&self) -> u64 {
        self.memory.unwrap_or_else(|| medkernels::buffer::usable_memory().map_or(1 << 30, |all| all / 4))
    }

    /// The dtype in which an item comes.
    pub(super) fn dtype(&self, name: &str, role: Role) -> DType {
        let usual = if role == Role::Label { DType::I16 } else { DType::F32 };
        self.dtypes.get(name).copied().unwrap_or(usual)
    }
}

/// A patch that could not be made.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case.
    pub id: String,
    /// Its files.
    pub paths: Vec<std::path::PathBuf>,
    /// The patch of the visit, from 0.
    pub patch: usize,
    /// The epoch.
    pub epoch: u64,
    /// The batch of the epoch.
    pub batch: usize,
    /// Why.
    pub error: Error,
}
