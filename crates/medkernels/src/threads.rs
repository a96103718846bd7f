//! The library's own threads: fork-aware, as many as wanted at any time, and silent below the size where they pay.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use crate::float_env::FloatEnv;

#[cfg(not(target_family = "wasm"))]
mod crew;
#[cfg(not(target_family = "wasm"))]
mod lent;
#[cfg(not(target_family = "wasm"))]
mod seat;
#[cfg(not(target_family = "wasm"))]
mod wait;

/// The environment variable that sets the number of threads.
pub const VARIABLE: &str = "MEDOXIDE_THREADS";

/// Bytes read or written below which callers should stay on one thread: waking a helper costs the caller up to 20 µs.
pub const PARALLEL_BYTES: usize = 512 << 10;

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
/// smaller of its affinity and its cgroup's quota. One on a thread that runs [`inline`].
pub fn threads() -> usize {
    if INLINE.get() {
        return 1;
    }
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
/// one has tasks for all threads. The float environment is the default one in every task. Helping threads stay
/// awake for a while for calls that follow soon, and a call does not wait for one that is late. After a fork the
/// child starts its own and leaves the parent's alone.
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

thread_local! {
    /// Whether calls from this thread stay on it.
    static INLINE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with every [`for_each`] and [`for_each_mut`] in it on this thread alone, for callers who keep all processors busy with
/// threads of their own. Results are the same.
///
/// ```
/// use medkernels::threads;
/// threads::inline(|| assert_eq!(threads::threads(), 1));
/// ```
pub fn inline<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            INLINE.set(self.0);
        }
    }
    let _restore = Restore(INLINE.replace(true));
    work()
}

/// How many other threads a call with enough tasks asks for help here: none within [`inline`], or in a task of a call that has tasks for all threads.
#[cfg(not(target_family = "wasm"))]
pub fn helpers() -> usize {
    if crowd::here() { 0 } else { threads().saturating_sub(1) }
}

/// How many other threads a call with enough tasks asks for help: none.
#[cfg(target_family = "wasm")]
pub fn helpers() -> usize {
    0
}

/// Runs `work` on the caller and on as many helpers as the tasks and [`helpers`] allow.
#[cfg(not(target_family = "wasm"))]
fn together(tasks: usize, work: &(impl Fn() + Sync)) {
    let all = helpers();
    let helpers = all.min(tasks.saturating_sub(1));
    if helpers == 0 {
        return work();
    }
    crew::run(helpers, all, &|| crowd::within(tasks > all, work));
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
