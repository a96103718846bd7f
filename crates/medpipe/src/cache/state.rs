//! What one process knows of its caches: entries that it opened or holds, and who is making which.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use medcore::Volume;
use medkernels::PerProcess;

use super::{Handle, Id, Place, Stats};
use crate::Source;

/// Entries on disk that stay opened in mind: their headers and which of their blocks were found sound.
const OPENED: usize = 4096;

/// How often the use of an entry is noted on disk.
const NOTED: Duration = Duration::from_secs(60);

/// How long a thread waits for another that makes what it wants, before it makes it itself: the other may be waiting for this thread's help.
const PATIENCE: Duration = Duration::from_secs(10);

/// What there is of one cache in this process.
#[derive(Default)]
pub(crate) struct State {
    inside: Mutex<Inside>,
    /// Wakes those who wait for an entry in the making.
    landed: Condvar,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) rebuilt: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) not_kept: AtomicU64,
}

#[derive(Default)]
struct Inside {
    known: HashMap<u64, Known>,
    /// Entries in the making.
    flights: HashMap<u64, Arc<OnceLock<Volume>>>,
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

/// How a thread comes to an entry.
pub(super) enum Turn<'a> {
    /// It is there, or was a moment ago.
    Known,
    /// Another thread has just made it.
    Made(Volume),
    /// This thread looks for it, and makes it if need be.
    Mine(Option<Flight<'a>>),
}

/// The right to make an entry, until it is dropped.
pub(super) struct Flight<'a> {
    state: &'a State,
    key: u64,
    made: Arc<OnceLock<Volume>>,
}

thread_local! {
    /// Entries that this thread is making: while it does, it waits for nobody who may be waiting for it.
    static MAKING: Cell<usize> = const { Cell::new(0) };
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
    pub(super) fn begin(&self, key: u64, made_of: &str) -> Turn<'_> {
        let mut inside = self.inside();
        loop {
            if inside.known.get(&key).is_some_and(|k| *k.made_of == *made_of) {
                return Turn::Known;
            }
            let Some(flight) = inside.flights.get(&key).cloned() else { break };
            if MAKING.get() > 0 {
                return Turn::Mine(None);
            }
            let flying = |i: &mut Inside| i.flights.get(&key).is_some_and(|f| Arc::ptr_eq(f, &flight));
            let waited = self.landed.wait_timeout_while(inside, PATIENCE, flying);
            let (now, patience) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = flight.get() {
                return Turn::Made(made.clone());
            }
            if patience.timed_out() {
                return Turn::Mine(None);
            }
            // It found the entry, or failed: whoever comes first now takes the next turn, and the others wait for that one.
            inside = now;
        }
        let made = Arc::default();
        inside.flights.insert(key, Arc::clone(&made));
        MAKING.set(MAKING.get() + 1);
        Turn::Mine(Some(Flight { state: self, key, made }))
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

impl Flight<'_> {
    /// Gives what was made to those who wait for it.
    pub(super) fn land(&self, volume: &Volume) {
        let _ = self.made.set(volume.clone());
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        MAKING.set(MAKING.get() - 1);
        self.state.inside().flights.remove(&self.key);
        self.state.landed.notify_all();
    }
}

/// The caches of this process.
#[derive(Default)]
struct Caches {
    handles: HashMap<Id, Weak<Handle>>,
    states: HashMap<Id, Arc<State>>,
}

fn caches() -> MutexGuard<'static, Caches> {
    // A forked child begins with nothing: another thread of its parent may have held a lock.
    static CACHES: PerProcess<Mutex<Caches>> = PerProcess::new();
    CACHES.get(|_| true, Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The handle that this process has of a cache, or a new one.
pub(super) fn handle(id: &Id, new: impl FnOnce() -> Arc<Handle>) -> Arc<Handle> {
    let mut caches = caches();
    if let Some(handle) = caches.handles.get(id).and_then(Weak::upgrade) {
        return handle;
    }
    let handle = new();
    caches.handles.insert(id.clone(), Arc::downgrade(&handle));
    handle
}

/// What this process knows of a cache.
pub(super) fn of(id: &Id) -> Arc<State> {
    caches().states.entry(id.clone()).or_default().clone()
}

/// Called with the end of a handle. What is known of a folder stays, it is little; memory goes.
pub(super) fn dropped(id: &Id) {
    let mut caches = caches();
    // Another one may have been made meanwhile.
    if caches.handles.get(id).is_some_and(|h| h.strong_count() > 0) {
        return;
    }
    caches.handles.remove(id);
    let state = if matches!(id.place, Place::Memory(_)) { caches.states.remove(id) } else { None };
    drop(caches);
    // Volumes are given back without the lock.
    drop(state);
}
