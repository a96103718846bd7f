//! How far computing has come, for progress bars.

use std::sync::atomic::{AtomicU64, Ordering};

static BEGUN: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU64 = AtomicU64::new(0);

/// Slabs of output that this process has begun to compute and has finished, since it started: what happens between two looks is the difference.
/// Passes over several slabs announce them all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Slabs announced.
    pub begun: u64,
    /// Slabs finished.
    pub done: u64,
}

/// The slabs so far, those of all threads and volumes together.
///
/// ```
/// let before = medpipe::work();
/// assert!(before.done <= before.begun);
/// ```
pub fn work() -> Work {
    let done = DONE.load(Ordering::Relaxed);
    Work { begun: BEGUN.load(Ordering::Relaxed).max(done), done }
}

/// Announces slabs.
pub(crate) fn begin(slabs: usize) {
    BEGUN.fetch_add(slabs as u64, Ordering::Relaxed);
}

/// Finishes one.
pub(crate) fn finish() {
    DONE.fetch_add(1, Ordering::Relaxed);
}
