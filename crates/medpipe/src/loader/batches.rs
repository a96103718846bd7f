//! An iteration over the batches of an epoch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Inner;
use super::assembly::Assembly;
use super::batch::Batch;
use super::counters::Counters;
use super::settings::{Failure, OnError};
use super::shared::Shared;
use crate::Result;

/// The batches of an epoch, in order, made ahead by threads of their own.
///
/// Dropping it ends the threads without waiting for them: each leaves when it is done with what it does. In a forked child the iteration goes on
/// with threads of the child's own.
#[derive(Debug)]
pub struct Batches {
    loader: Arc<Inner>,
    epoch: u64,
    len: usize,
    /// The batch that comes next.
    next: usize,
    running: Option<Running>,
    errors: Vec<Failure>,
    counters: Counters,
}

/// Threads at work, or the work that this thread does itself.
struct Running {
    shared: Arc<Shared>,
    threads: usize,
    process: u32,
}

/// What [`Batches::next_within`] has found.
#[derive(Debug)]
pub enum Next {
    /// A batch, or why there is none in its place.
    Batch(Result<Batch>),
    /// The next one takes longer.
    NotYet,
    /// There are no more.
    End,
}

impl Batches {
    pub(super) fn new(loader: Arc<Inner>, len: usize, epoch: u64, from: usize) -> Batches {
        let (errors, counters) = (vec![], Counters::default());
        Batches { loader, epoch, len, next: from.min(len), running: None, errors, counters }
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Batches of the whole epoch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the epoch has no batches.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The batch that comes next: an iteration from there gives what is left.
    pub fn position(&self) -> usize {
        self.next
    }

    /// What could not be made of the batches so far, in their order, with [`OnError::Collect`].
    pub fn errors(&self) -> &[Failure] {
        &self.errors
    }

    /// What has been done so far, and what is under way.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        if let Some(r) = self.running.as_ref().filter(|r| r.is_ours()) {
            r.shared.look(&mut counters);
        }
        counters.host = self.loader.settings.host.as_ref().map_or(Duration::ZERO, |h| h.time());
        counters
    }

    /// Starts the threads, if they do not run yet.
    pub fn start(&mut self) {
        if let Some(r) = self.running.take() {
            if r.is_ours() {
                self.running = Some(r);
                return;
            }
            // They are the parent's, as are the locks that they may hold.
            std::mem::forget(r);
        }
        let order = self.loader.order(self.epoch);
        let shared = Arc::new(Shared::new(Arc::clone(&self.loader), order, self.epoch, self.next));
        let mut threads = 0;
        for n in 0..self.loader.settings.workers() {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(format!("medoxide-load-{n}"));
            // With fewer than wanted, if the system refuses.
            threads += usize::from(thread.spawn(move || shared.serve()).is_ok());
        }
        self.running = Some(Running { shared, threads, process: std::process::id() });
    }

    /// Ends the threads and forgets what they have made ahead; the next call begins again at [`Batches::position`].
    pub fn stop(&mut self) {
        if let Some(r) = self.running.take() {
            if r.is_ours() {
                r.shared.stop();
                r.shared.tally.onto(&mut self.counters);
            } else {
                std::mem::forget(r);
            }
        }
    }

    /// The next batch, if it comes within `timeout`; without one this waits for it. Callers who must look at something else now and then, such as
    /// signals, ask again.
    pub fn next_within(&mut self, timeout: Option<Duration>) -> Next {
        let begun = Instant::now();
        loop {
            if self.next >= self.len {
                self.stop();
                return Next::End;
            }
            self.start();
            let Some(r) = &self.running else { return Next::End };
            let left = timeout.map(|t| t.saturating_sub(begun.elapsed()));
            let waited = Instant::now();
            let taken = if r.threads == 0 { Ok(r.shared.make(left)) } else { r.shared.wait(left) };
            self.counters.waiting += waited.elapsed();
            match taken {
                Ok(Some((number, assembly))) => {
                    self.next = number + 1;
                    if let Some(found) = self.finished(number, assembly).transpose() {
                        return Next::Batch(found);
                    }
                }
                Ok(None) => return Next::NotYet,
                Err(e) => {
                    self.stop();
                    return Next::Batch(Err(e));
                }
            }
        }
    }

    /// The batch that was filled; `None` if nothing is left of it.
    fn finished(&mut self, number: usize, assembly: Assembly) -> Result<Option<Batch>> {
        let on_error = self.loader.settings.on_error;
        let (batch, failures) = assembly.finish(number, self.epoch, on_error);
        self.counters.failed += failures.len() as u64;
        if on_error == OnError::Collect {
            self.errors.extend(failures);
        }
        let batch = batch?;
        if let Some(b) = &batch {
            self.counters.batches += 1;
            self.counters.patches += b.meta.len() as u64;
        }
        Ok(batch)
    }
}

impl Iterator for Batches {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        loop {
            match self.next_within(None) {
                Next::Batch(batch) => return Some(batch),
                Next::End => return None,
                Next::NotYet => {}
            }
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    /// Whether the threads are of this process.
    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("threads", &self.threads).finish_non_exhaustive()
    }
}
