//! A borrowed closure that other threads call until its owner takes it back.
//!
//! `std::thread::scope` starts threads for each call, and rayon's scope waits until a sleeping thread has woken for a task
//! that is no longer there. Here a call ends when nobody is in it, whoever was asked.
#![allow(unsafe_code, reason = "threads that outlive a call are shown what the call borrows")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;

use super::wait;

/// The highest bit of [`Lent::state`]: nobody may enter any more.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Work that is lent to other threads for the time of [`lend`].
pub(super) struct Lent {
    /// Lives as long as `state` is not [`CLOSED`] or counts a thread.
    work: *const (dyn Fn() + Sync),
    /// How many other threads are in `work`, and [`CLOSED`].
    state: AtomicUsize,
    owner: Thread,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `work` points to something that is `Sync`; it is read only between `help`'s entering and leaving.
unsafe impl Send for Lent {}
// SAFETY: the same.
unsafe impl Sync for Lent {}

/// Runs `work` here, while threads that get hold of what is `offer`ed run it too; returns when all of them have left it.
///
/// What `offer` returns is dropped when `work` is done here: then nobody need come any more.
///
/// # Panics
/// With the panic of `work`, here or elsewhere.
pub(super) fn lend<Offered>(work: &(dyn Fn() + Sync), offer: impl FnOnce(&Arc<Lent>) -> Offered) {
    /// Waits, even if the owner unwinds.
    struct TakeBack<'a>(&'a Lent);
    impl Drop for TakeBack<'_> {
        fn drop(&mut self) {
            self.0.state.fetch_or(CLOSED, Ordering::Relaxed);
            wait::until(|| self.0.state.load(Ordering::Acquire) == CLOSED);
        }
    }

    // SAFETY: only the lifetime is changed. `help` looks at the work only after it has counted itself in `state` while that
    // was not closed; `TakeBack` closes it, and keeps this function, and so the borrow, until nobody is counted.
    let borrowed = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(work) };
    let lent = Arc::new(Lent {
        work: borrowed,
        state: AtomicUsize::new(0),
        owner: std::thread::current(),
        panic: Mutex::new(None),
    });
    let back = TakeBack(&lent);
    let offered = offer(&lent);
    work();
    drop(offered);
    drop(back);
    let panic = lent.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(panic) = panic {
        std::panic::resume_unwind(panic);
    }
}

impl Lent {
    /// Runs the work, unless its owner is done with it.
    pub(super) fn help(&self) {
        let enter = |state: usize| (state & CLOSED == 0).then_some(state + 1);
        if self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
            return;
        }
        // SAFETY: this thread is counted and the state was not closed, so the owner is still in `lend`, and waits there
        // until the count is taken back below.
        let work = unsafe { &*self.work };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
        if self.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.owner.unpark();
        }
    }
}
