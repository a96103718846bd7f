//! The checkpoints that this process knows, by file.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use medkernels::PerProcess;

use crate::Result;
use crate::disk::{Handle, Identity};

use super::checkpoint::Index;
use super::header::TRAILER;

/// What makes the checkpoints those of this file: where it is, its size and time, and the end of its content's checksum.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// With its canonical path.
    pub(crate) file: Identity,
    /// The last bytes: CRC-32 and length of the last member.
    pub(crate) trailer: [u8; TRAILER],
}

impl Key {
    /// The key of an open file.
    pub(crate) fn of(file: &Handle, identity: &Identity) -> Result<Key> {
        let mut trailer = [0; TRAILER];
        file.read_exact_at(&mut trailer, file.size.saturating_sub(TRAILER as u64))?;
        let path = std::fs::canonicalize(&identity.path).map_err(|e| crate::Error::io(&identity.path, e))?;
        Ok(Key { file: Identity { path, ..identity.clone() }, trailer })
    }
}

#[derive(Default)]
struct Cache {
    files: HashMap<Key, Entry>,
    bytes: usize,
    clock: u64,
}

struct Entry {
    index: Index,
    bytes: usize,
    used: u64,
}

/// Bytes that checkpoints may take.
static LIMIT: AtomicUsize = AtomicUsize::new(64 << 20);

fn cache() -> MutexGuard<'static, Cache> {
    // A forked child begins with nothing: another thread of its parent may have held the lock.
    static CACHE: PerProcess<Mutex<Cache>> = PerProcess::new();
    CACHE.get(|_| true, Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.files.remove(key) {
            self.bytes -= entry.bytes;
        }
    }

    /// Forgets what was used longest ago until all is within the limit.
    fn shrink(&mut self, limit: usize) {
        while self.bytes > limit {
            let Some(oldest) = self.files.iter().min_by_key(|(_, e)| e.used).map(|(k, _)| k.clone()) else {
                return;
            };
            self.remove(&oldest);
        }
    }
}

/// What is known of a file.
pub(crate) fn get(key: &Key) -> Option<Index> {
    let mut cache = cache();
    cache.clock += 1;
    let now = cache.clock;
    let entry = cache.files.get_mut(key)?;
    entry.used = now;
    Some(entry.index.clone())
}

/// Keeps what was found, if it is more than is known; forgets what the file was before it changed.
pub(crate) fn keep(key: Key, index: Index) {
    let limit = limit();
    let bytes = index.bytes() + size_of::<Key>() + size_of::<Entry>();
    let mut cache = cache();
    let extent = |i: &Index| (i.complete, i.points.len(), i.reached);
    if bytes > limit || cache.files.get(&key).is_some_and(|e| extent(&e.index) >= extent(&index)) {
        return;
    }
    let stale: Vec<Key> = cache.files.keys().filter(|k| k.file.path == key.file.path).cloned().collect();
    for k in &stale {
        cache.remove(k);
    }
    cache.clock += 1;
    let used = cache.clock;
    cache.bytes += bytes;
    cache.files.insert(key, Entry { index, bytes, used });
    cache.shrink(limit);
}

/// Bytes that checkpoints may take.
pub(crate) fn limit() -> usize {
    LIMIT.load(Ordering::Relaxed)
}

/// Sets that, and forgets what is too much.
pub(crate) fn set_limit(bytes: usize) {
    LIMIT.store(bytes, Ordering::Relaxed);
    cache().shrink(bytes);
}

/// Bytes that they take.
pub(crate) fn bytes() -> usize {
    cache().bytes
}

/// Forgets all.
pub(crate) fn clear() {
    cache().shrink(0);
}
