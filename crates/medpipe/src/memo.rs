//! Computed results that lazy volumes keep, bounded in bytes over the whole process.
//!
//! Locks are only ever tried: a forked child that finds one held by a thread it does not have computes again instead of waiting for ever.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, TryLockError, Weak};

use medcore::Volume;
use medkernels::buffer;

/// One lazy volume's result.
#[derive(Clone, Default)]
pub(crate) struct Memo(Arc<Slot>);

type Slot = Mutex<Option<Volume>>;

/// Results in the order in which they were made, with their bytes.
static KEPT: Mutex<VecDeque<(Weak<Slot>, usize)>> = Mutex::new(VecDeque::new());

/// How often a lock is tried before it counts as held for ever.
const TRIES: usize = 256;

fn with<T, R>(lock: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> Option<R> {
    // Others hold it for some nanoseconds only.
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(mut held) => return Some(f(&mut held)),
            Err(TryLockError::Poisoned(held)) => return Some(f(&mut held.into_inner())),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}

impl Memo {
    /// The result, if it is still kept.
    pub(crate) fn get(&self) -> Option<Volume> {
        with(&self.0, |v| v.clone()).flatten()
    }

    /// Forgets the result.
    pub(crate) fn clear(&self) {
        with(&self.0, Option::take);
    }

    /// Keeps a result; the oldest ones of all volumes go when there are more bytes than the buffer pool may hold.
    pub(crate) fn set(&self, volume: Volume) {
        let bytes = volume.storage().bytes().len();
        let limit = buffer::pool_stats().limit;
        with(&self.0, |slot| *slot = Some(volume));
        let mine = Arc::downgrade(&self.0);
        let dropped = with(&KEPT, |kept| {
            kept.retain(|(slot, _)| {
                slot.upgrade().is_some_and(|s| with(&s, |v| v.is_some()).unwrap_or(true))
            });
            kept.push_back((mine, bytes));
            let mut held: usize = kept.iter().map(|(_, b)| b).sum();
            let mut dropped = vec![];
            while held > limit && kept.len() > 1 {
                let Some((slot, bytes)) = kept.pop_front() else { break };
                held -= bytes;
                dropped.push(slot);
            }
            dropped
        });
        for slot in dropped.into_iter().flatten().filter_map(|s| s.upgrade()) {
            with(&slot, Option::take);
        }
    }
}
