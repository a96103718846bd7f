//! What the threads of an iteration share: which work there is, who does it, and what it may hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use medkernels::threads;

use super::assembly::{Assembly, Made, Memory, Outcome, Part, Place, Rows, bytes};
use super::counters::{Counters, Tally};
use super::order::{Order, Stop};
use super::settings::Failure;
use super::visit::{self, volumes};
use super::{Inner, LazySample};
use crate::{Error, Result};

/// One iteration over an epoch, from a batch on.
pub(super) struct Shared {
    loader: Arc<Inner>,
    order: Order,
    epoch: u64,
    first: usize,
    stopped: Arc<AtomicBool>,
    /// Batches ahead of the one that is wanted.
    prefetch: usize,
    /// Whether kernels stay on the threads that call them.
    inline: bool,
    state: Mutex<State>,
    /// Rung when there is work, or room for it.
    work: Condvar,
    /// Rung when the wanted batch is complete.
    done: Condvar,
    pub(super) tally: Tally,
}

#[derive(Default)]
struct State {
    stop: bool,
    /// A thread ended that should not have.
    broken: bool,
    /// The batch that is handed over next.
    wanted: usize,
    /// Whether somebody waits for it.
    waiting: bool,
    /// The next group of visits to be laid out.
    group: usize,
    /// Visits laid out and not begun.
    stops: VecDeque<Stop>,
    /// Patches planned and not begun, by slot.
    patches: BTreeMap<usize, Patch>,
    /// Visits under way, by number.
    visits: BTreeSet<usize>,
    begun: usize,
    /// Visits that hold memory, and how much.
    granted: usize,
    held: u64,
    batches: BTreeMap<usize, Assembly>,
    /// Bytes of the batches.
    filled: u64,
    /// The most that a visit held and a patch took so far.
    visit_bytes: u64,
    patch_bytes: u64,
}

/// A visit under way.
struct Visit {
    number: usize,
    stop: Stop,
    opened: LazySample,
    read: [u64; 2],
    held: u64,
    /// Patches that are not done.
    left: AtomicUsize,
}

/// A patch that was planned.
struct Patch {
    slot: usize,
    number: usize,
    sample: LazySample,
    visit: Arc<Visit>,
}

enum Task {
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

    fn lock(&self) -> MutexGuard<'_, State> {
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
        state.filled -= batch.bytes() as u64;
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
        let slot = *self.wanted_slots(state.stops.front()?).first()?;
        let near = self.order.batch(slot) <= state.wanted + self.prefetch;
        let room = self.fits(state, state.visit_bytes + state.patch_bytes);
        let alone = state.visits.is_empty() && (state.waiting || state.filled == 0);
        if !near || !(room || alone) {
            return None;
        }
        let stop = state.stops.pop_front()?;
        let number = state.begun;
        state.begun += 1;
        state.visits.insert(number);
        Some(Task::Visit(number, stop))
    }

    fn fits(&self, state: &State, more: u64) -> bool {
        state.held + state.filled + more <= self.loader.settings.memory()
    }

    /// The slots of a visit that end up in batches of this iteration, in order.
    fn wanted_slots(&self, stop: &Stop) -> Vec<usize> {
        let mut slots: Vec<usize> =
            stop.slots.iter().copied().filter(|&s| self.order.is_wanted(s, self.first)).collect();
        slots.sort_unstable();
        slots
    }

    fn run(&self, task: Task) {
        match task {
            Task::Visit(number, stop) => self.visit(number, stop),
            Task::Patch(patch) => self.patch(patch),
        }
    }

    /// Opens and plans a case.
    fn visit(&self, number: usize, stop: Stop) {
        self.tally.visits.fetch_add(1, Ordering::Relaxed);
        let case = &self.loader.cases[stop.case];
        let open = || self.loader.opened.open(stop.case, case, &self.loader.settings);
        let opened = match self.tally.planning.time(|| caught(open)) {
            Ok(opened) => opened,
            Err(e) => {
                self.fail(&stop, &e);
                return self.leave(number, 0, false);
            }
        };
        let Some(held) = self.grant(number, &stop, &opened) else { return };
        let read = visit::read(&opened);
        let places: Vec<_> = stop.slots.iter().map(|&slot| self.order.place(slot)).collect();
        let (pipeline, epoch) = (&self.loader.pipeline, self.epoch);
        let plan = || visit::plan(pipeline, &opened, &case.id, epoch, &places);
        let planned = match self.tally.planning.time(|| caught(plan)) {
            Ok(planned) => planned,
            Err(e) => {
                self.count(&opened, read);
                self.fail(&stop, &e);
                return self.leave(number, held, true);
            }
        };
        let now = visit::estimate_planned(&planned, held);
        let slots = stop.slots.clone();
        let left = AtomicUsize::new(self.wanted_slots(&stop).len());
        let visit = Arc::new(Visit { number, stop, opened, read, held: now, left });
        let mut state = self.lock();
        state.held -= held - now;
        if state.stop {
            return;
        }
        for (number, (sample, slot)) in planned.into_iter().zip(slots).enumerate() {
            if self.order.is_wanted(slot, self.first) {
                state.patches.insert(slot, Patch { slot, number, sample, visit: Arc::clone(&visit) });
            }
        }
        drop(state);
        self.work.notify_all();
    }

    /// Waits until there is memory for a visit, or nobody else holds any; `None` if the iteration was stopped meanwhile.
    fn grant(&self, number: usize, stop: &Stop, opened: &LazySample) -> Option<u64> {
        let need = visit::estimate(opened);
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            let mut batches: Vec<usize> =
                self.wanted_slots(stop).into_iter().map(|slot| self.order.batch(slot)).collect();
            batches.dedup();
            let fresh = batches.iter().filter(|b| state.batches.get(b).is_none_or(|b| b.bytes() == 0));
            let rows: usize = fresh.map(|&b| self.order.rows(b)).sum();
            let patch = if state.patch_bytes > 0 { state.patch_bytes } else { need };
            let need = need + rows as u64 * patch;
            let alone = state.waiting || state.filled == 0;
            let next = state.visits.first() == Some(&number) && state.granted == 0 && alone;
            if next || self.fits(&state, need) {
                state.granted += 1;
                state.held += need;
                state.visit_bytes = state.visit_bytes.max(need);
                return Some(need);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a visit is over.
    fn leave(&self, number: usize, held: u64, granted: bool) {
        let mut state = self.lock();
        state.visits.remove(&number);
        state.granted -= usize::from(granted);
        state.held -= held;
        drop(state);
        self.work.notify_all();
    }

    /// Notes that a visit has failed, and with it all its patches.
    fn fail(&self, stop: &Stop, e: &Error) {
        for (number, &slot) in stop.slots.iter().enumerate() {
            if self.order.is_wanted(slot, self.first) {
                self.settle(slot, Outcome::Failed(self.failure(stop, number, slot, e.clone())));
            }
        }
    }

    fn failure(&self, stop: &Stop, patch: usize, slot: usize, cause: Error) -> Failure {
        let case = &self.loader.cases[stop.case];
        let error = Error::Patch { id: case.id.clone(), patch, cause: Box::new(cause) };
        let paths = visit::paths(case).into_iter().flat_map(|(_, paths)| paths).collect();
        let (id, epoch, batch) = (case.id.clone(), self.epoch, self.order.batch(slot));
        Failure { id, paths, patch, epoch, batch, error }
    }

    /// Makes a patch.
    fn patch(&self, patch: Patch) {
        let Patch { slot, number, sample, visit } = patch;
        let outcome = match self.tally.computing.time(|| caught(|| self.made(slot, number, &sample, &visit)))
        {
            Ok(outcome) => outcome,
            Err(e) => Outcome::Failed(self.failure(&visit.stop, number, slot, e)),
        };
        drop(sample);
        self.settle(slot, outcome);
        if visit.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.count(&visit.opened, visit.read);
            self.leave(visit.number, visit.held, true);
        }
    }

    fn made(&self, slot: usize, number: usize, sample: &LazySample, visit: &Visit) -> Result<Outcome> {
        let case = &self.loader.cases[visit.stop.case];
        let settings = &self.loader.settings;
        let parts = visit::parts(sample, settings)?;
        let Some(rows) = self.rows(slot, &parts)? else {
            return Ok(Outcome::Odd { parts, id: case.id.clone(), patch: number });
        };
        for ((volume, row), part) in volumes(sample).zip(rows).zip(&parts) {
            let mut row = row;
            let out = row.as_mut().map_or(&mut [][..], |row| row.as_bytes_mut());
            volume.compute_into(part.dtype, out).map_err(|e| e.of_item(&case.id, &part.name))?;
        }
        self.tally.voxels_resampled.fetch_add(visit::resampled(sample), Ordering::Relaxed);
        let at = (visit.stop.visit, number, self.epoch, self.loader.pipeline.seed());
        let meta = visit::meta(case, at, &visit.opened, sample);
        Ok(Outcome::Made(Made { meta, points: visit::points(sample) }))
    }

    /// The rows for a patch; `None` if its batch is of another kind, or is wanted no more.
    fn rows(&self, slot: usize, parts: &[Part]) -> Result<Option<Rows>> {
        let (batch, row) = (self.order.batch(slot), self.order.place(slot).row);
        loop {
            let rows = self.order.rows(batch);
            {
                let mut state = self.lock();
                if state.stop {
                    return Ok(None);
                }
                state.patch_bytes = state.patch_bytes.max(bytes(parts) as u64);
                match state.batches.entry(batch).or_insert_with(|| Assembly::new(rows)).take(row, parts) {
                    Place::Rows(rows) => return Ok(Some(rows)),
                    Place::Odd => return Ok(None),
                    Place::Nothing => {}
                }
            }
            let memory = Memory::new(parts.to_vec(), rows)?;
            let mut state = self.lock();
            if let Some(assembly) = state.batches.get_mut(&batch) {
                let added = assembly.supply(memory) as u64;
                state.filled += added;
            }
        }
    }

    /// Notes what became of a patch.
    fn settle(&self, slot: usize, outcome: Outcome) {
        let (batch, row) = (self.order.batch(slot), self.order.place(slot).row);
        let mut state = self.lock();
        if state.stop {
            return;
        }
        let rows = self.order.rows(batch);
        let assembly = state.batches.entry(batch).or_insert_with(|| Assembly::new(rows));
        assembly.settle(row, outcome);
        if assembly.is_complete() && batch == state.wanted {
            self.done.notify_all();
        }
    }

    /// Adds what a visit has read.
    fn count(&self, opened: &LazySample, before: [u64; 2]) {
        let now = visit::read(opened);
        self.tally.bytes_read.fetch_add(now[0].saturating_sub(before[0]), Ordering::Relaxed);
        self.tally.bytes_inflated.fetch_add(now[1].saturating_sub(before[1]), Ordering::Relaxed);
    }
}

/// Runs `work`; a panic becomes an error.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(Error::Panic { message: text.into() })
    })
}
