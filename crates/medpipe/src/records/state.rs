//! What one process knows of its records.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use medcore::Measured;
use medkernels::PerProcess;

use super::disk::{self, Found};
use super::{Handle, RecordStats};
use crate::cache::{Notice, tell};
use crate::flight::{Flights, Turn};
use crate::home::{Home, Registry};

/// Bytes of numbers that are held in memory; more than some hundred thousand files have, unless they have class indices.
const MOST: usize = 256 << 20;

/// Measurements of one file; those that were put down first go for more. What was measured with a label that has changed since is never asked for again.
const EACH: usize = 64;

/// The numbers of one file.
#[derive(Clone)]
pub(super) struct Record {
    /// The text of the file's content, and of this version.
    pub(super) head: Arc<str>,
    /// Names and numbers of what was measured, in the order in which it was put down.
    pub(super) measurements: Vec<(Arc<str>, Numbers)>,
}

/// The numbers of a measurement, for all channels or for each.
pub(crate) type Numbers = Arc<[Measured]>;

impl Record {
    fn numbers(&self, name: &str) -> Option<Numbers> {
        self.measurements.iter().find(|(n, _)| **n == *name).map(|(_, numbers)| Arc::clone(numbers))
    }

    /// Adds what another record has more.
    fn add(&mut self, other: Record) {
        for (name, numbers) in other.measurements {
            if self.numbers(&name).is_none() {
                self.measurements.push((name, numbers));
            }
        }
        let many = self.measurements.len().saturating_sub(EACH);
        self.measurements.drain(..many);
    }

    fn bytes(&self) -> usize {
        let one = |(name, numbers): &(Arc<str>, Numbers)| {
            let each = |m: &Measured| {
                let classes = m.classes.as_ref().map_or(0, |c| c.memory());
                size_of::<Measured>() + m.percentiles.len() * 8 + m.counts.len() * 4 + classes
            };
            name.len() + 64 + numbers.iter().map(each).sum::<usize>()
        };
        self.head.len() + 256 + self.measurements.iter().map(one).sum::<usize>()
    }
}

/// A file, as records know it.
pub(super) struct File<'a> {
    /// Its canonical path.
    pub(super) path: &'a Path,
    /// The text of its content, and of this version.
    pub(super) head: &'a Arc<str>,
    /// Where its record is, if it is on disk.
    pub(super) record: Option<PathBuf>,
}

impl File<'_> {
    fn place(&self) -> String {
        self.record.as_deref().unwrap_or(self.path).display().to_string()
    }
}

/// A file and a measurement of it.
pub(super) type Wanted = (Arc<str>, Arc<str>);

/// What there is of records in this process.
#[derive(Default)]
pub(super) struct State {
    inside: Mutex<Inside>,
    flights: Arc<Flights<Wanted, Numbers>>,
    known: AtomicU64,
    measured: AtomicU64,
    remeasured: AtomicU64,
    not_recorded: AtomicU64,
}

#[derive(Default)]
struct Inside {
    files: HashMap<PathBuf, Held>,
    bytes: usize,
    clock: u64,
}

struct Held {
    record: Record,
    bytes: usize,
    used: u64,
}

impl State {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers of a measurement: from memory, or from the disk.
    pub(super) fn numbers(&self, file: &File<'_>, name: &str) -> Option<Numbers> {
        let held = self.inside().of(file).and_then(|r| r.numbers(name));
        let found = held.or_else(|| {
            let record = self.read(file)?;
            let numbers = record.numbers(name);
            self.inside().add(file.path, record);
            numbers
        });
        self.known.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    /// How a thread comes to numbers that were not there when it planned; waits while another thread measures them.
    pub(super) fn begin(&self, file: &File<'_>, name: &Arc<str>) -> Turn<Wanted, Numbers> {
        let wanted = (Arc::clone(file.head), Arc::clone(name));
        self.flights.begin(&wanted, || self.inside().of(file).is_some_and(|r| r.numbers(name).is_some()))
    }

    /// Puts numbers down.
    pub(super) fn put(&self, file: &File<'_>, name: &Arc<str>, numbers: &Numbers) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        let measurements = vec![(Arc::clone(name), Arc::clone(numbers))];
        let new = Record { head: Arc::clone(file.head), measurements };
        let Some(path) = &file.record else {
            self.inside().add(file.path, new);
            return;
        };
        // What others put there meanwhile is kept.
        let mut all = self.read(file).unwrap_or_else(|| Record { measurements: vec![], ..new.clone() });
        all.add(new);
        if let Err(why) = disk::write(path, &all) {
            self.not_recorded.fetch_add(1, Ordering::Relaxed);
            tell(Notice::NotRecorded { record: file.place(), why });
        }
        self.inside().add(file.path, all);
    }

    /// The record on disk; one that cannot be used is removed, and told.
    fn read(&self, file: &File<'_>) -> Option<Record> {
        let path = file.record.as_deref()?;
        match disk::read(path, file.head) {
            Found::Sound(record) => Some(record),
            Found::Absent => None,
            Found::Unfit(why) => {
                // What cannot be removed is replaced.
                let _ = std::fs::remove_file(path);
                self.remeasured.fetch_add(1, Ordering::Relaxed);
                tell(Notice::Remeasured { record: file.place(), why });
                None
            }
        }
    }

    /// Forgets all.
    pub(super) fn forget_all(&self) {
        *self.inside() = Inside::default();
    }

    pub(super) fn stats(&self) -> RecordStats {
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let inside = self.inside();
        RecordStats {
            known: count(&self.known),
            measured: count(&self.measured),
            remeasured: count(&self.remeasured),
            not_recorded: count(&self.not_recorded),
            files: inside.files.len() as u64,
            measurements: inside.files.values().map(|h| h.record.measurements.len() as u64).sum(),
            bytes: inside.bytes as u64,
        }
    }
}

impl Inside {
    /// The record of a file's present content.
    fn of(&mut self, file: &File<'_>) -> Option<&Record> {
        self.clock += 1;
        let clock = self.clock;
        let held = self.files.get_mut(file.path).filter(|h| h.record.head == *file.head)?;
        held.used = clock;
        Some(&held.record)
    }

    /// Adds to the numbers of a file; those of another content of it go.
    fn add(&mut self, path: &Path, new: Record) {
        self.clock += 1;
        let old = self.files.remove(path);
        self.bytes -= old.as_ref().map_or(0, |h| h.bytes);
        let record = match old {
            Some(mut held) if held.record.head == new.head => {
                held.record.add(new);
                held.record
            }
            _ => new,
        };
        let bytes = record.bytes();
        self.bytes += bytes;
        self.files.insert(path.into(), Held { record, bytes, used: self.clock });
        while self.bytes > MOST && self.files.len() > 1 {
            let oldest = self.files.iter().min_by_key(|(_, h)| h.used).map(|(path, _)| path.clone());
            let Some(gone) = oldest.and_then(|path| self.files.remove(&path)) else { return };
            self.bytes -= gone.bytes;
        }
    }
}

fn registry() -> MutexGuard<'static, Registry<Home, Handle, State>> {
    // A forked child begins with nothing: another thread of its parent may have held a lock.
    static RECORDS: PerProcess<Mutex<Registry<Home, Handle, State>>> = PerProcess::new();
    RECORDS.get(|_| true, Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handle that this process has of records, or a new one.
pub(super) fn handle(home: &Home, new: impl FnOnce() -> Handle) -> Arc<Handle> {
    registry().handle(home, new)
}

/// What this process knows of records.
pub(super) fn of(home: &Home) -> Arc<State> {
    registry().state(home)
}

/// Called with the end of a handle.
pub(super) fn dropped(home: &Home) {
    let gone = registry().dropped(home, home);
    // Given back without the lock.
    drop(gone);
}
