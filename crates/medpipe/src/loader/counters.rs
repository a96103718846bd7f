//! What a loader has done so far, and what is under way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the batches of one iteration have cost so far, and what is under way. Times of threads add up: with two of them a second of
/// computing is done in half a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Batches handed over.
    pub batches: u64,
    /// Patches in them.
    pub patches: u64,
    /// Cases visited.
    pub visits: u64,
    /// Patches that could not be made, of batches handed over.
    pub failed: u64,
    /// Bytes read from volume files.
    pub bytes_read: u64,
    /// Bytes that came out of inflating them.
    pub bytes_inflated: u64,
    /// Voxels that were interpolated.
    pub voxels_resampled: u64,
    /// Batches that are ready to be taken.
    pub ready: usize,
    /// Visits under way.
    pub under_way: usize,
    /// Bytes of batches that nobody has taken and, as estimated, of visits under way.
    pub memory: u64,
    /// Time that threads took to open cases and to plan, which reads what shapes depend on.
    pub planning: Duration,
    /// Time that threads took to make patches.
    pub computing: Duration,
    /// Time that functions of the caller took, by way of [`HostCalls`](super::HostCalls).
    pub host: Duration,
    /// Time that the caller waited for batches.
    pub waiting: Duration,
}

/// The counters that threads write.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) visits: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
    pub(crate) bytes_inflated: AtomicU64,
    pub(crate) voxels_resampled: AtomicU64,
    pub(crate) planning: Clock,
    pub(crate) computing: Clock,
}

/// A sum of times.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// Runs `work` and adds the time that it took.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let out = work();
        self.0.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        out
    }

    fn sum(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Tally {
    /// Adds what the threads wrote.
    pub(crate) fn onto(&self, counters: &mut Counters) {
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        counters.visits += of(&self.visits);
        counters.bytes_read += of(&self.bytes_read);
        counters.bytes_inflated += of(&self.bytes_inflated);
        counters.voxels_resampled += of(&self.voxels_resampled);
        counters.planning += self.planning.sum();
        counters.computing += self.computing.sum();
    }
}
