//! The helping threads of a process: they stay awake for a while after their last work.
//!
//! Waking a thread costs 10 µs, and up to 200 where its processor has gone to sleep as well: as much as the whole work on a
//! megabyte. Helpers therefore linger between calls that follow each other soon, and nobody waits for one that has not
//! come: what is offered is withdrawn when the caller has done all of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lent::{Lent, lend};
use super::seat::{self, Seat};
use super::wait;
use crate::intrinsics::PerProcess;

/// How long a helper stays awake when it was not wanted for long.
const GLANCE: Duration = Duration::from_micros(20);

/// Helpers up to which each is sent to another processor than the caller's before it wakes; among more processors the system finds an idle one.
const FEW: usize = 3;

static HELPERS: PerProcess<Helpers> = PerProcess::new();

#[derive(Default)]
struct Helpers {
    state: Mutex<State>,
    /// Counts the offers: those who linger watch it.
    offers: AtomicUsize,
}

#[derive(Default)]
struct State {
    open: Vec<Offer>,
    /// Threads that were started.
    started: usize,
    /// Those that have begun.
    seats: Vec<Arc<Seat>>,
    /// Threads that look for work or have been called to do so.
    looking: usize,
    /// Those that sleep, the last one last.
    asleep: Vec<Arc<Seat>>,
}

struct Offer {
    work: Arc<Lent>,
    /// How many more helpers are wanted.
    places: usize,
}

/// Runs `work` on this thread and, if they come before it is done, on up to `count` helpers of at most `all`.
///
/// # Panics
/// With the panic of `work` on any of the threads, after all have left it.
pub(super) fn run(count: usize, all: usize, work: &(dyn Fn() + Sync)) {
    struct Withdraw(Arc<Lent>, &'static Helpers);
    impl Drop for Withdraw {
        fn drop(&mut self) {
            self.1.lock().open.retain(|offer| !Arc::ptr_eq(&offer.work, &self.0));
        }
    }
    let helpers = HELPERS.get(|_| true, Helpers::default);
    lend(work, |lent| {
        helpers.offer(Arc::clone(lent), count, all);
        Withdraw(Arc::clone(lent), helpers)
    });
}

impl Helpers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&'static self, work: Arc<Lent>, places: usize, all: usize) {
        let here = seat::processor();
        let mut state = self.lock();
        state.open.push(Offer { work, places });
        self.offers.fetch_add(1, Ordering::Relaxed);
        let wanted: usize = state.open.iter().map(|offer| offer.places).sum();
        while state.looking + state.asleep.len() < wanted && state.started < all && self.start(state.started)
        {
            state.started += 1;
            state.looking += 1;
        }
        let near: Vec<Arc<Seat>> = state.seats.iter().filter(|seat| seat.is_on(here)).cloned().collect();
        let call = wanted.saturating_sub(state.looking).min(state.asleep.len());
        state.looking += call;
        let awake = state.asleep.len() - call;
        let called = state.asleep.split_off(awake);
        drop(state);
        for seat in near {
            seat.leave(here);
        }
        for seat in called {
            if all <= FEW {
                seat.leave(here);
            }
            seat.call();
        }
    }

    /// Starts helper `index`; false if the system refuses: callers then do with fewer.
    fn start(&'static self, index: usize) -> bool {
        let name = format!("medoxide-{index}");
        std::thread::Builder::new().name(name).spawn(move || self.serve()).is_ok()
    }

    /// What a helper does all its life; it begins among those who look for work.
    fn serve(&self) {
        let mut rhythm = Rhythm { last: Instant::now(), patience: GLANCE };
        let seat = Arc::new(Seat::here());
        self.lock().seats.push(Arc::clone(&seat));
        loop {
            self.find(&mut rhythm, &seat).help();
            rhythm.last = Instant::now();
            self.lock().looking += 1;
        }
    }

    /// Waits for work: awake for a while, then asleep.
    fn find(&self, rhythm: &mut Rhythm, seat: &Arc<Seat>) -> Arc<Lent> {
        let mut state = self.lock();
        loop {
            let seen = self.offers.load(Ordering::Relaxed);
            if let Some(work) = state.take() {
                state.looking -= 1;
                return work;
            }
            drop(state);
            wait::awake(rhythm.patience, || self.offers.load(Ordering::Relaxed) != seen);
            seat.note();
            state = self.lock();
            if self.offers.load(Ordering::Relaxed) == seen {
                state.looking -= 1;
                state.asleep.push(Arc::clone(seat));
                drop(state);
                // Whoever calls has counted this thread among those who look.
                seat.sleep();
                seat.note();
                state = self.lock();
            }
            rhythm.beat();
        }
    }
}

/// How often a helper is wanted.
struct Rhythm {
    last: Instant,
    /// How long to stay awake without work.
    patience: Duration,
}

impl Rhythm {
    /// There is an offer: one that follows the last so soon promises more.
    fn beat(&mut self) {
        let pause = self.last.elapsed();
        self.patience = if pause < 2 * wait::PATIENCE { wait::PATIENCE } else { GLANCE };
        self.last += pause;
    }
}

impl State {
    /// A place at the offer that wants most helpers.
    fn take(&mut self) -> Option<Arc<Lent>> {
        let at = (0..self.open.len()).max_by_key(|&at| self.open[at].places)?;
        let offer = &mut self.open[at];
        offer.places -= 1;
        Some(if offer.places == 0 { self.open.swap_remove(at).work } else { Arc::clone(&offer.work) })
    }
}
