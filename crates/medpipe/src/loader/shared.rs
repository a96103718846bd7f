//! What the threads of an iteration share: which work there is, who does it, and what it may hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use medkernels::threads;

use super::Inner;
use super::assembly::Assembly;
use super::counters::{Counters, Tally};
use super::order::{Order, Stop};
use crate::{Error, LazySample, Result};

/// One iteration over an epoch, from a batch on.
pub(super) struct Shared {
    pub(super) loader: Arc<Inner>,
    pub(super) order: Order,
    pub(super) epoch: u64,
    pub(super) first: usize,
    pub(super) stopped: Arc<AtomicBool>,
    /// Batches ahead of the one that is wanted.
    pub(super) prefetch: usize,
    /// Whether kernels stay on the threads that call them.
    pub(super) inline: bool,
    pub(super) state: Mutex<State>,
    /// Rung when there is work, or room for it.
    pub(super) work: Condvar,
    /// Rung when the wanted batch is complete.
    pub(super) done: Condvar,
    pub(super) tally: Tally,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) stop: bool,
    /// A thread ended that should not have.
    pub(super) broken: bool,
    /// The batch that is handed over next.
    pub(super) wanted: usize,
    /// Whether somebody waits for it.
    pub(super) waiting: bool,
    /// The next group of visits to be laid out.
    pub(super) group: usize,
    /// Visits laid out and not begun.
    pub(super) stops: VecDeque<Stop>,
    /// Patches planned and not begun, by slot.
    pub(super) patches: BTreeMap<usize, Patch>,
    /// Visits under way, by number.
    pub(super) visits: BTreeSet<usize>,
    /// Those of them that have no memory yet. They get it in order: one that came later and fits would take the room that the first one waits for.
    pub(super) queue: BTreeSet<usize>,
    pub(super) begun: usize,
    /// Visits that hold memory, and how much.
    pub(super) granted: usize,
    pub(super) held: u64,
    pub(super) batches: BTreeMap<usize, Assembly>,
    /// Bytes of each batch, or those that will be, and their sum.
    pub(super) room: BTreeMap<usize, u64>,
    pub(super) filled: u64,
    /// The most that a visit held and a patch took so far.
    pub(super) visit_bytes: u64,
    pub(super) patch_bytes: u64,
}

/// A visit under way.
pub(super) struct Visit {
    pub(super) number: usize,
    pub(super) stop: Stop,
    pub(super) opened: LazySample,
    pub(super) read: [u64; 2],
    pub(super) held: u64,
    /// Patches that are not done.
    pub(super) left: AtomicUsize,
}

/// A patch that was planned.
pub(super) struct Patch {
    pub(super) slot: usize,
    pub(super) number: usize,
    pub(super) sample: LazySample,
    pub(super) visit: Arc<Visit>,
}

pub(super) enum Task {
    Visit(usize, Stop),
    Patch(Patch),
}

impl Shared {
    pub(super) fn new(loader: Arc<Inner>, order: Order, epoch: u64, first: usize) -> Shared {
        let workers = loader.settings.workers();
        let prefetch = if workers == 0 { 0 } else { loader.settings.prefetch() };
        let inline = workers > 1 && order.visits() >= workers;
        let state = State { wanted: first, group: order.group_of(first), ..State::default() };
        Shared {
            loader,
            order,
            epoch,
            first,
            stopped: Arc::default(),
            prefetch,
            inline,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread of the loader does until it is stopped.
    pub(super) fn serve(&self) {
        struct Broken<'a>(&'a Shared);
        impl Drop for Broken<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    self.0.lock().broken = true;
                    self.0.done.notify_all();
                }
            }
        }
        let _broken = Broken(self);
        let host = self.loader.settings.host.as_ref().filter(|h| h.is_here());
        let _host = host.map(|h| h.enter(&self.stopped));
        let all = || {
            let mut state = self.lock();
            loop {
                if state.stop {
                    return;
                }
                match self.next_task(&mut state) {
                    Some(task) => {
                        drop(state);
                        self.run(task);
                        state = self.lock();
                    }
                    None => state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        if self.inline { threads::inline(all) } else { all() }
    }

    /// Ends the iteration: threads leave when they are done with what they do.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stop = true;
        state.patches.clear();
        state.stops.clear();
        state.batches.clear();
        drop(state);
        self.stopped.store(true, Ordering::Release);
        self.work.notify_all();
        self.done.notify_all();
        if let Some(host) = &self.loader.settings.host {
            host.wake();
        }
    }

    /// The next batch as it was filled; `None` if it is not complete in time.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> Result<Option<(usize, Assembly)>> {
        let mut state = self.lock();
        let until = timeout.map(|t| std::time::Instant::now() + t);
        loop {
            if let Some(taken) = self.take(&mut state) {
                return Ok(Some(taken));
            }
            if state.broken {
                return Err(Error::Panic { message: "a thread of the loader ended".into() });
            }
            if !std::mem::replace(&mut state.waiting, true) {
                self.work.notify_all();
            }
            let left = until.map(|u| u.saturating_duration_since(std::time::Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return Ok(None),
                Some(left) => self.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.done.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The next batch, made on this thread; `None` if it is not complete in time.
    pub(super) fn make(&self, timeout: Option<Duration>) -> Option<(usize, Assembly)> {
        let until = timeout.map(|t| std::time::Instant::now() + t);
        loop {
            let mut state = self.lock();
            if let Some(taken) = self.take(&mut state) {
                return Some(taken);
            }
            state.waiting = true;
            let task = self.next_task(&mut state)?;
            drop(state);
            self.run(task);
            if until.is_some_and(|u| std::time::Instant::now() >= u) {
                return self.take(&mut self.lock());
            }
        }
    }

    /// Takes the wanted batch, if it is complete.
    fn take(&self, state: &mut State) -> Option<(usize, Assembly)> {
        let wanted = state.wanted;
        if !state.batches.get(&wanted)?.is_complete() {
            return None;
        }
        let batch = state.batches.remove(&wanted)?;
        state.hold(wanted, 0);
        state.wanted += 1;
        state.waiting = false;
        self.work.notify_all();
        Some((wanted, batch))
    }

    /// What is under way.
    pub(super) fn look(&self, counters: &mut Counters) {
        let state = self.lock();
        counters.ready = state.batches.values().filter(|b| b.is_complete()).count();
        counters.under_way = state.visits.len();
        counters.memory = state.held + state.filled;
        drop(state);
        self.tally.onto(counters);
    }

    /// A planned patch, the one that is wanted first; else a visit, if there is room for it.
    fn next_task(&self, state: &mut State) -> Option<Task> {
        if let Some((_, patch)) = state.patches.pop_first() {
            return Some(Task::Patch(patch));
        }
        while state.stops.is_empty() {
            state.stops = self.order.group(state.group, self.first)?.into();
            state.group += 1;
        }
        let stop = state.stops.front()?;
        let slot = *self.wanted_slots(stop).first()?;
        let near = self.order.batch(slot) <= state.wanted + self.prefetch;
        let begun: u64 = self.begins(state, stop, state.visit_bytes).iter().map(|b| b.1).sum();
        let room = self.fits(state, state.visit_bytes + begun);
        let alone = state.visits.is_empty() && (state.waiting || state.filled == 0);
        if !near || !(room || alone) {
            return None;
        }
        let stop = state.stops.pop_front()?;
        let number = state.begun;
        state.begun += 1;
        state.visits.insert(number);
        state.queue.insert(number);
        Some(Task::Visit(number, stop))
    }

    pub(super) fn fits(&self, state: &State, more: u64) -> bool {
        state.held + state.filled + more <= self.loader.settings.memory()
    }

    /// The slots of a visit that end up in batches of this iteration, in order.
    pub(super) fn wanted_slots(&self, stop: &Stop) -> Vec<usize> {
        let mut slots: Vec<usize> =
            stop.slots.iter().copied().filter(|&s| self.order.is_wanted(s, self.first)).collect();
        slots.sort_unstable();
        slots
    }

    /// The batches that a visit would begin, with the bytes that they will hold; a patch is as large as the case as long as none has been planned.
    pub(super) fn begins(&self, state: &State, stop: &Stop, visit: u64) -> Vec<(usize, u64)> {
        let patch = if state.patch_bytes > 0 { state.patch_bytes } else { visit };
        let mut batches: Vec<usize> =
            self.wanted_slots(stop).into_iter().map(|slot| self.order.batch(slot)).collect();
        batches.dedup();
        let fresh = batches.into_iter().filter(|b| !state.room.contains_key(b));
        fresh.map(|b| (b, self.order.rows(b) as u64 * patch)).collect()
    }
}

impl State {
    /// Notes what a batch holds or will hold; nothing when it is gone.
    pub(super) fn hold(&mut self, batch: usize, bytes: u64) {
        let before = if bytes == 0 { self.room.remove(&batch) } else { self.room.insert(batch, bytes) };
        self.filled = self.filled - before.unwrap_or(0) + bytes;
    }
}
