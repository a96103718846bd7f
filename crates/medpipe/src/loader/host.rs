//! Functions of the caller that only one of his threads may run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use medcore::{Error, Result};

thread_local! {
    /// Where this thread's work has functions run, and whether the work was stopped.
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

#[derive(Clone)]
struct Here {
    calls: Arc<HostCalls>,
    stopped: Arc<AtomicBool>,
}

/// Calls that a loader's threads hand to a thread of the caller, which [serves](HostCalls::serve) them: for interpreters that one thread at a
/// time may enter. A loader's thread waits for its answer while the others go on.
///
/// ```
/// use std::time::Duration;
/// use medpipe::{HostCalls, Served, on_host};
/// // Outside of a loader's threads a function is called where it is.
/// assert_eq!(on_host(|| 2 + 2)?, 4);
/// let calls = HostCalls::new();
/// assert_eq!(calls.serve(Duration::ZERO), Served::Nothing);
/// calls.close();
/// assert_eq!(calls.serve(Duration::from_secs(9)), Served::Closed);
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Default)]
pub struct HostCalls {
    queue: Mutex<Queue>,
    /// Rung for the thread that serves.
    asked: Condvar,
    /// Rung for those who wait for an answer.
    answered: Condvar,
    nanoseconds: AtomicU64,
    process: u32,
}

#[derive(Default)]
struct Queue {
    calls: VecDeque<Box<dyn FnOnce() + Send>>,
    closed: bool,
}

/// What [`HostCalls::serve`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It ran a function.
    Call,
    /// Nobody called in time.
    Nothing,
    /// Nobody will call any more.
    Closed,
}

impl HostCalls {
    /// An empty queue.
    pub fn new() -> Arc<HostCalls> {
        Arc::new(HostCalls { process: std::process::id(), ..HostCalls::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was made in this process: a forked child has no thread that serves.
    pub(super) fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    /// Runs the next call on this thread; waits for one at most this long.
    pub fn serve(&self, wait: Duration) -> Served {
        let until = Instant::now() + wait;
        let mut queue = self.lock();
        let call = loop {
            if queue.closed {
                return Served::Closed;
            }
            if let Some(call) = queue.calls.pop_front() {
                break call;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Served::Nothing;
            }
            queue = self.asked.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        drop(queue);
        let begun = Instant::now();
        call();
        self.nanoseconds.fetch_add(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        let _queue = self.lock();
        self.answered.notify_all();
        Served::Call
    }

    /// Ends the serving: who waits for an answer gets an error, and so does who calls later.
    pub fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.calls.clear();
        self.asked.notify_all();
        self.answered.notify_all();
    }

    /// Time that calls have taken.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Has those who wait look whether they were stopped.
    pub(super) fn wake(&self) {
        if self.is_here() {
            let _queue = self.lock();
            self.answered.notify_all();
        }
    }

    /// Has `f` run by whoever serves, and waits for that, unless stopped.
    fn call<T: Send + 'static>(
        &self,
        stopped: &AtomicBool,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::downgrade(&answer);
        let take = || answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut queue = self.lock();
        if !queue.closed {
            queue.calls.push_back(Box::new(move || {
                // Nobody waits for it any more if there is no slot.
                if let Some(slot) = slot.upgrade() {
                    let made = catch_unwind(AssertUnwindSafe(f));
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
                }
            }));
            self.asked.notify_one();
        }
        loop {
            if let Some(made) = take() {
                drop(queue);
                return Ok(made.unwrap_or_else(|panic| resume_unwind(panic)));
            }
            if queue.closed || stopped.load(Ordering::Acquire) {
                return Err(Error::Data {
                    what: "a function of the caller".into(),
                    found: "nobody runs it any more".into(),
                    hint: "the loader was stopped".into(),
                });
            }
            queue = self.answered.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has the functions of this thread's work run by whoever serves, as long as the guard lives.
    pub(super) fn enter(self: &Arc<Self>, stopped: &Arc<AtomicBool>) -> impl Drop + use<> {
        struct Leave(Option<Here>);
        impl Drop for Leave {
            fn drop(&mut self) {
                HERE.set(self.0.take());
            }
        }
        Leave(HERE.replace(Some(Here { calls: Arc::clone(self), stopped: Arc::clone(stopped) })))
    }
}

impl std::fmt::Debug for HostCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCalls").field("time", &self.time()).finish_non_exhaustive()
    }
}

/// Runs a function of the caller: in a loader's thread by way of its [`HostCalls`], if it has them, else here.
///
/// # Errors
/// [`Error::Data`] if the loader was stopped meanwhile.
///
/// # Panics
/// With the panic of `f`.
pub fn on_host<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    match HERE.with_borrow(Clone::clone) {
        Some(here) => here.calls.call(&here.stopped, f),
        None => Ok(f()),
    }
}
