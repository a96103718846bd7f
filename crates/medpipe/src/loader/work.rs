//! What a thread of the loader does: it visits cases and makes patches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use super::assembly::{Assembly, Made, Memory, Outcome, Part, Place, Rows, bytes};
use super::order::Stop;
use super::settings::Failure;
use super::shared::{Patch, Shared, Task, Visit};
use super::visit::{self, volumes};
use crate::{Error, LazySample, Result};

impl Shared {
    /// Does a task.
    pub(super) fn run(&self, task: Task) {
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
        let mut patches: Vec<Patch> = planned
            .into_iter()
            .zip(slots)
            .enumerate()
            .filter(|(_, (_, slot))| self.order.is_wanted(*slot, self.first))
            .map(|(number, (sample, slot))| Patch { slot, number, sample, visit: Arc::clone(&visit) })
            .collect();
        drop(visit);
        let first = patches.iter().enumerate().min_by_key(|(_, patch)| patch.slot).map(|(at, _)| at);
        self.lock().held -= held - now;
        // What patches of a visit share is made with the first: whoever took another would wait for it.
        if let Some(at) = first {
            self.patch(patches.swap_remove(at));
        }
        let mut state = self.lock();
        if !state.stop {
            state.patches.extend(patches.into_iter().map(|patch| (patch.slot, patch)));
        }
        drop(state);
        self.work.notify_all();
    }

    /// Waits until there is memory for a visit, or nobody else holds any; `None` if the iteration was stopped meanwhile.
    fn grant(&self, number: usize, stop: &Stop, opened: &LazySample) -> Option<u64> {
        let estimate = visit::estimate(opened);
        let mut state = self.lock();
        state.visit_bytes = state.visit_bytes.max(estimate);
        loop {
            if state.stop {
                return None;
            }
            let begun = self.begins(&state, stop, estimate);
            let need = estimate + begun.iter().map(|b| b.1).sum::<u64>();
            let alone = state.waiting || state.filled == 0;
            let next = state.visits.first() == Some(&number) && state.granted == 0 && alone;
            let turn = state.queue.first() == Some(&number);
            if next || turn && self.fits(&state, need) {
                state.queue.remove(&number);
                state.granted += 1;
                state.held += estimate;
                for (batch, bytes) in begun {
                    state.hold(batch, bytes);
                }
                drop(state);
                self.work.notify_all();
                return Some(estimate);
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a visit is over.
    fn leave(&self, number: usize, held: u64, granted: bool) {
        let mut state = self.lock();
        state.visits.remove(&number);
        state.queue.remove(&number);
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
                assembly.supply(memory);
                let bytes = assembly.bytes() as u64;
                state.hold(batch, bytes);
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
