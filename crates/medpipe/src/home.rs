//! Where results are kept, and what this process knows of each such place.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use crate::Result;

/// A folder, or memory of this process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    /// A folder, by its canonical path.
    Folder(PathBuf),
    /// Memory, by a number of its own.
    Memory(u64),
}

impl Home {
    /// A folder, which is made if it is not there.
    pub(crate) fn on_disk(dir: &Path) -> Result<Home> {
        let made = std::fs::create_dir_all(dir).and_then(|()| std::fs::canonicalize(dir));
        let dir = made.map_err(|source| medio::Error::Io { path: dir.into(), source })?;
        Ok(Home::Folder(dir))
    }

    /// Memory that is nobody else's.
    pub(crate) fn in_memory() -> Home {
        Home::Memory(crate::pipeline::system_seed())
    }

    /// The folder, if it is one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        match self {
            Home::Folder(dir) => Some(dir),
            Home::Memory(_) => None,
        }
    }
}

/// The handles that a process has of places, and what it knows of each.
pub(crate) struct Registry<I, H, S> {
    handles: HashMap<I, Weak<H>>,
    states: HashMap<I, Arc<S>>,
}

impl<I, H, S> Default for Registry<I, H, S> {
    fn default() -> Self {
        Registry { handles: HashMap::new(), states: HashMap::new() }
    }
}

impl<I: Clone + Eq + Hash, H, S: Default> Registry<I, H, S> {
    /// The handle that there is, or a new one.
    pub(crate) fn handle(&mut self, id: &I, new: impl FnOnce() -> H) -> Arc<H> {
        if let Some(handle) = self.handles.get(id).and_then(Weak::upgrade) {
            return handle;
        }
        let handle = Arc::new(new());
        self.handles.insert(id.clone(), Arc::downgrade(&handle));
        handle
    }

    /// What is known of a place.
    pub(crate) fn state(&mut self, id: &I) -> Arc<S> {
        self.states.entry(id.clone()).or_default().clone()
    }

    /// Called with the end of a handle. What is known of a folder stays, it is little; memory goes, and is given back to be dropped without a lock.
    pub(crate) fn dropped(&mut self, id: &I, home: &Home) -> Option<Arc<S>> {
        // Another one may have been made meanwhile.
        if self.handles.get(id).is_some_and(|h| h.strong_count() > 0) {
            return None;
        }
        self.handles.remove(id);
        if matches!(home, Home::Memory(_)) { self.states.remove(id) } else { None }
    }
}
