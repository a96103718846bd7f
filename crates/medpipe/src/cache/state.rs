//! What one process knows of its caches: entries that it opened or holds, and who is making which.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use medcore::Volume;
use medkernels::PerProcess;

use super::{Handle, Id, Stats};
use crate::Source;
use crate::flight::{Flights, Turn};
use crate::home::Registry;

/// Entries on disk that stay opened in mind: their headers and which of their blocks were found sound.
const OPENED: usize = 4096;

/// How often the use of an entry is noted on disk.
const NOTED: Duration = Duration::from_secs(60);

/// What there is of one cache in this process.
#[derive(Default)]
pub(crate) struct State {
    inside: Mutex<Inside>,
    flights: Arc<Flights<u64, Volume>>,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) rebuilt: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) not_kept: AtomicU64,
}

#[derive(Default)]
struct Inside {
    known: HashMap<u64, Known>,
    clock: u64,
}

struct Known {
    source: Source,
    made_of: Arc<str>,
    /// Bytes that it takes of the cache's memory.
    bytes: u64,
    used: u64,
    /// When its use was last noted, if it is on disk.
    noted: Option<Instant>,
}

impl State {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An entry that this process knows, and whether its use is to be noted on disk.
    pub(super) fn known(&self, key: u64, made_of: &str) -> Option<(Source, bool)> {
        let mut inside = self.inside();
        inside.clock += 1;
        let clock = inside.clock;
        let known = inside.known.get_mut(&key).filter(|k| *k.made_of == *made_of)?;
        known.used = clock;
        let note = known.noted.is_some_and(|at| at.elapsed() > NOTED);
        if note {
            known.noted = Some(Instant::now());
        }
        Some((known.source.clone(), note))
    }

    /// How a thread comes to an entry; waits while another thread does.
    pub(super) fn begin(&self, key: u64, made_of: &str) -> Turn<u64, Volume> {
        self.flights.begin(&key, || self.inside().known.get(&key).is_some_and(|k| *k.made_of == *made_of))
    }

    /// Remembers an entry on disk that was opened.
    pub(super) fn opened(&self, key: u64, made_of: &Arc<str>, source: Source) {
        let mut inside = self.inside();
        inside.insert(
            key,
            Known { source, made_of: made_of.clone(), bytes: 0, used: 0, noted: Some(Instant::now()) },
        );
        while inside.known.len() > OPENED {
            inside.drop_oldest();
        }
    }

    /// Keeps a volume in memory, in place of what was used longest ago; says how many entries went for it.
    ///
    /// # Errors
    /// Why it was not kept.
    pub(super) fn hold(
        &self,
        max_bytes: u64,
        key: u64,
        made_of: &Arc<str>,
        volume: &Volume,
    ) -> Result<u64, String> {
        let bytes = volume.storage().bytes().len() as u64;
        if bytes > max_bytes {
            return Err(format!("its {bytes} bytes are more than the cache may hold, {max_bytes}"));
        }
        let mut inside = self.inside();
        inside.known.remove(&key);
        let mut evicted = 0;
        let mut held: u64 = inside.known.values().map(|k| k.bytes).sum();
        while held > max_bytes - bytes {
            held -= inside.drop_oldest();
            evicted += 1;
        }
        let source = Source::Memory(volume.clone());
        inside.insert(key, Known { source, made_of: made_of.clone(), bytes, used: 0, noted: None });
        Ok(evicted)
    }

    /// Forgets an entry on disk, if it is still the file that was read, and does `then`. Nobody opens it meanwhile.
    pub(super) fn forget(&self, key: u64, read: &Source, then: impl FnOnce()) {
        let mut inside = self.inside();
        if let (Some(Source::File(known)), Source::File(read)) =
            (inside.known.get(&key).map(|k| &k.source), read)
            && known.identity() == read.identity()
        {
            then();
            inside.known.remove(&key);
        }
    }

    /// Forgets all.
    pub(super) fn forget_all(&self) {
        self.inside().known.clear();
    }

    /// What this process did, and what it holds in memory.
    pub(super) fn stats(&self) -> Stats {
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let inside = self.inside();
        Stats {
            hits: count(&self.hits),
            misses: count(&self.misses),
            rebuilt: count(&self.rebuilt),
            evicted: count(&self.evicted),
            not_kept: count(&self.not_kept),
            entries: inside.known.len() as u64,
            bytes: inside.known.values().map(|k| k.bytes).sum(),
        }
    }
}

impl Inside {
    fn insert(&mut self, key: u64, known: Known) {
        self.clock += 1;
        let used = self.clock;
        self.known.insert(key, Known { used, ..known });
    }

    /// Forgets what was used longest ago; says how many bytes that was.
    fn drop_oldest(&mut self) -> u64 {
        let oldest = self.known.iter().min_by_key(|(_, k)| k.used).map(|(key, _)| *key);
        oldest.and_then(|key| self.known.remove(&key)).map_or(0, |k| k.bytes)
    }
}

fn caches() -> MutexGuard<'static, Registry<Id, Handle, State>> {
    // A forked child begins with nothing: another thread of its parent may have held a lock.
    static CACHES: PerProcess<Mutex<Registry<Id, Handle, State>>> = PerProcess::new();
    CACHES.get(|_| true, Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handle that this process has of a cache, or a new one.
pub(super) fn handle(id: &Id) -> Arc<Handle> {
    caches().handle(id, || Handle(id.clone()))
}

/// What this process knows of a cache.
pub(super) fn of(id: &Id) -> Arc<State> {
    caches().state(id)
}

/// Called with the end of a handle.
pub(super) fn dropped(id: &Id) {
    let gone = caches().dropped(id, &id.home);
    // Volumes are given back without the lock.
    drop(gone);
}
