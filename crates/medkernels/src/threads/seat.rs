//! Where a helper waits, and how it is called.
//!
//! Linux wakes a thread on the processor that it slept on or on its waker's, and where there are few processors it hardly
//! looks for an idle one while they are busy. A helper on the caller's own processor has its turn when the call is over, and
//! then sleeps there. So whoever calls a helper sends it to another processor; once it is there, it may go anywhere again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

pub(super) use system::processor;

/// Where one helper waits.
#[derive(Debug)]
pub(super) struct Seat {
    thread: Thread,
    /// Whether it was called and has not woken yet.
    called: AtomicBool,
    place: system::Place,
}

impl Seat {
    /// That of the calling thread.
    pub(super) fn here() -> Seat {
        Seat { thread: std::thread::current(), called: AtomicBool::new(false), place: system::Place::here() }
    }

    /// Sleeps until it is called; by the helper.
    pub(super) fn sleep(&self) {
        while !self.called.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    }

    /// Wakes the helper.
    pub(super) fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Whether the helper was last seen on this processor.
    pub(super) fn is_on(&self, processor: usize) -> bool {
        self.place.is_on(processor)
    }

    /// Sends the helper away from this processor of the caller's, if there is another that it may run on.
    pub(super) fn leave(&self, processor: usize) {
        self.place.leave(processor);
    }

    /// Notes where the helper is; by the helper. If it was sent there, it may go anywhere again.
    pub(super) fn note(&self) {
        self.place.note();
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    /// The processor that the calling thread is on.
    pub(in super::super) fn processor() -> usize {
        sched_getcpu()
    }

    /// The processor of a helper.
    #[derive(Debug)]
    pub(super) struct Place {
        thread: Pid,
        /// Where it was last seen.
        processor: AtomicUsize,
        sent: Mutex<Option<Sent>>,
    }

    /// Where a helper might run, and where it was let run.
    #[derive(Debug)]
    struct Sent {
        before: CpuSet,
        now: CpuSet,
    }

    impl Place {
        pub(super) fn here() -> Place {
            let processor = AtomicUsize::new(processor());
            Place { thread: gettid(), processor, sent: Mutex::new(None) }
        }

        fn sent(&self) -> MutexGuard<'_, Option<Sent>> {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn is_on(&self, processor: usize) -> bool {
            self.processor.load(Ordering::Relaxed) == processor
        }

        pub(super) fn leave(&self, processor: usize) {
            let mut sent = self.sent();
            // A helper that calls others is where it should be.
            if sent.as_ref().is_some_and(|sent| !sent.now.is_set(processor)) || self.thread == gettid() {
                return;
            }
            let before = match &*sent {
                Some(sent) => Ok(sent.before),
                None => sched_getaffinity(Some(self.thread)),
            };
            let Ok(before) = before else { return };
            let mut now = before;
            now.unset(processor);
            // A system that refuses leaves it where it is.
            if now.count() > 0 && sched_setaffinity(Some(self.thread), &now).is_ok() {
                *sent = Some(Sent { before, now });
            }
        }

        pub(super) fn note(&self) {
            self.processor.store(processor(), Ordering::Relaxed);
            // If somebody else has said since where it may run, that holds.
            if let Some(Sent { before, now }) = self.sent().take()
                && sched_getaffinity(None) == Ok(now)
            {
                let _ = sched_setaffinity(None, &before);
            }
        }
    }
}

/// Other systems do not tell.
#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(in super::super) fn processor() -> usize {
        0
    }

    #[derive(Debug)]
    pub(super) struct Place;

    impl Place {
        pub(super) fn here() -> Place {
            Place
        }

        pub(super) fn is_on(&self, _processor: usize) -> bool {
            false
        }

        pub(super) fn leave(&self, _processor: usize) {}

        pub(super) fn note(&self) {}
    }
}
