//! What befell entries of caches and records, for whoever wants to tell it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use medkernels::PerProcess;

/// More than anybody reads.
const REMEMBERED: usize = 64;

/// Something that a cache or records did not do as asked; results are right all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An entry was damaged and is made again.
    Rebuilt {
        /// The entry.
        entry: String,
        /// What was found.
        why: String,
    },
    /// A result was given, but not kept.
    NotKept {
        /// The entry.
        entry: String,
        /// The reason.
        why: String,
    },
    /// Numbers of a file were damaged, or another version's or content's, and are measured again.
    Remeasured {
        /// The record.
        record: String,
        /// What was found.
        why: String,
    },
    /// Numbers were measured, but not written down.
    NotRecorded {
        /// The record.
        record: String,
        /// The reason.
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Rebuilt { entry, why } => {
                write!(f, "cache entry {entry} was damaged and is made again: {why}")
            }
            Notice::NotKept { entry, why } => write!(f, "cache entry {entry} was not kept: {why}"),
            Notice::Remeasured { record, why } => {
                write!(f, "the numbers in {record} cannot be used and are measured again: {why}")
            }
            Notice::NotRecorded { record, why } => {
                write!(f, "numbers could not be written to {record}: {why}")
            }
        }
    }
}

fn queue() -> &'static Mutex<VecDeque<Notice>> {
    static QUEUE: PerProcess<Mutex<VecDeque<Notice>>> = PerProcess::new();
    QUEUE.get(|_| true, Mutex::default)
}

/// What befell entries of all caches and records of this process since this was last asked; of very many only the latest.
pub fn notices() -> Vec<Notice> {
    queue().lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
}

pub(crate) fn tell(notice: Notice) {
    let mut queue = queue().lock().unwrap_or_else(PoisonError::into_inner);
    if queue.len() == REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(notice);
}
