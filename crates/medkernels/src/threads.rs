//! The library's own thread pool: fork-aware, dynamic, and silent below the size where threads pay.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
#[cfg(not(target_family = "wasm"))]
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::float_env::FloatEnv;

/// The environment variable that sets the number of threads.
pub const VARIABLE: &str = "MEDOXIDE_THREADS";

/// Bytes read and written below which callers should stay on one thread: waking a worker costs 10 to 60 µs.
pub const PARALLEL_BYTES: usize = 2 << 20;

/// How long the caller looks out for the last helper before it sleeps: about what waking costs.
#[cfg(not(target_family = "wasm"))]
const PATIENCE: Duration = Duration::from_micros(100);

/// The most threads that can be asked for.
pub const MAX_THREADS: usize = 1024;

/// A number of threads that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{VARIABLE} is {found:?}; expected a whole number from 1 to {MAX_THREADS}")]
pub struct ThreadsError {
    /// The text that was given.
    pub found: String,
}

/// Zero is "not decided yet".
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// The number of threads that [`for_each`] uses, the caller included.
///
/// What [`set_threads`] set, else `MEDOXIDE_THREADS` (read once), else the processors this process may use: the
/// smaller of its affinity and its cgroup's quota.
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => {
            let count = threads_from_environment().unwrap_or_else(|_| processors());
            THREADS.store(count, Ordering::Relaxed);
            count
        }
        count => count,
    }
}

/// Sets the number of threads (clamped to 1..=[`MAX_THREADS`]); `None` returns to the environment's or the
/// machine's.
pub fn set_threads(count: Option<usize>) {
    let count = count.map_or_else(
        || threads_from_environment().unwrap_or_else(|_| processors()),
        |count| count.clamp(1, MAX_THREADS),
    );
    THREADS.store(count, Ordering::Relaxed);
}

/// The number of threads that `MEDOXIDE_THREADS` asks for; the machine's if it is not set or empty.
///
/// # Errors
/// A value that is no whole number from 1 to [`MAX_THREADS`].
pub fn threads_from_environment() -> Result<usize, ThreadsError> {
    match std::env::var_os(VARIABLE) {
        None => Ok(processors()),
        Some(text) if text.is_empty() => Ok(processors()),
        Some(text) => {
            let text = text.to_string_lossy();
            match text.trim().parse() {
                Ok(count) if (1..=MAX_THREADS).contains(&count) => Ok(count),
                _ => Err(ThreadsError { found: text.into_owned() }),
            }
        }
    }
}

/// Processors that this process may use: std asks for the affinity mask and the cgroup quota (v1 and v2).
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MAX_THREADS))
}

/// Runs `f(0)`, `f(1)`, … `f(tasks - 1)`, each once, in any order, on up to [`threads`] threads.
///
/// Inline if there are fewer than two tasks or one thread; otherwise the caller works too, and each thread
/// takes the next task when it is done with its last. Nested calls are fine, and run inline where the outer
/// one has tasks for all threads. The float environment is the default one in every task. After a fork the
/// child builds its own pool and leaves the parent's alone.
///
/// # Panics
/// A panic in `f` is passed on to the caller after all threads have stopped.
pub fn for_each(tasks: usize, f: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        let _env = FloatEnv::enter();
        loop {
            let task = next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                break;
            }
            f(task);
        }
    };
    together(tasks, &work);
}

/// Runs `f(i, &mut items[i])` for each item, once, in any order, like [`for_each`].
///
/// # Panics
/// A panic in `f` is passed on to the caller.
pub fn for_each_mut<T: Send>(items: &mut [T], f: impl Fn(usize, &mut T) + Sync) {
    let tasks = items.len();
    let queue = Mutex::new(items.iter_mut().enumerate());
    let work = || {
        let _env = FloatEnv::enter();
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, item)) = next else { break };
            f(index, item);
        }
    };
    together(tasks, &work);
}

/// Runs `work` on the caller and on as many helpers as the tasks and [`threads`] allow.
#[cfg(not(target_family = "wasm"))]
fn together(tasks: usize, work: &(impl Fn() + Sync)) {
    // A helper that is busy elsewhere would be waited for, though there is nothing left for it to do.
    let helpers = if crowd::here() { 0 } else { threads().min(tasks).saturating_sub(1) };
    let pool = if helpers == 0 { None } else { pool::get(helpers) };
    let Some(pool) = pool else { return work() };
    let work = || crowd::within(tasks >= threads(), work);
    let done = AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| {
                work();
                done.fetch_add(1, Ordering::Release);
            });
        }
        work();
        // Helpers finish at about the same time: sooner than this thread would fall asleep and be woken. One that the
        // system put on this thread's processor gets it.
        let begin = Instant::now();
        let outside = pool.current_thread_index().is_none();
        while outside && done.load(Ordering::Acquire) < helpers && begin.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    });
}

#[cfg(target_family = "wasm")]
fn together(_tasks: usize, work: &(impl Fn() + Sync)) {
    work();
}

#[cfg(not(target_family = "wasm"))]
mod crowd {
    use std::cell::Cell;

    thread_local! {
        /// Whether this thread runs one of so many tasks that all threads are busy.
        static CROWDED: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn here() -> bool {
        CROWDED.get()
    }

    /// Runs `work`, in a crowd or as before.
    pub(super) fn within(crowded: bool, work: impl FnOnce()) {
        struct Restore(bool);
        impl Drop for Restore {
            fn drop(&mut self) {
                CROWDED.set(self.0);
            }
        }
        let _restore = Restore(CROWDED.replace(crowded || here()));
        work();
    }
}

#[cfg(not(target_family = "wasm"))]
mod pool {
    use crate::intrinsics::PerProcess;
    use rayon::{ThreadPool, ThreadPoolBuilder};

    struct Helpers {
        count: usize,
        /// `None` if the system refused to start the threads: then everything runs inline.
        pool: Option<ThreadPool>,
    }

    static POOL: PerProcess<Helpers> = PerProcess::new();

    /// This process's pool with at least `count` helpers. A smaller one is left behind, idle.
    pub(super) fn get(count: usize) -> Option<&'static ThreadPool> {
        let build = || {
            let pool = ThreadPoolBuilder::new()
                .num_threads(count)
                .thread_name(|index| format!("medoxide-{index}"))
                .build()
                .ok();
            Helpers { count, pool }
        };
        POOL.get(|helpers| helpers.count >= count, build).pool.as_ref()
    }
}
