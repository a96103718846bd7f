//! Of several threads that want the same thing, one makes it and the others wait.

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How long a thread waits for another that makes what it wants, before it makes it itself: the other may be waiting for this thread's help.
const PATIENCE: Duration = Duration::from_secs(10);

/// Things in the making, by name.
pub(crate) struct Flights<K, T> {
    flying: Mutex<HashMap<K, Arc<OnceLock<T>>>>,
    /// Wakes those who wait for one of them.
    landed: Condvar,
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Flights { flying: Mutex::default(), landed: Condvar::new() }
    }
}

/// How a thread comes to what it wants.
pub(crate) enum Turn<K: Eq + Hash + Clone, T> {
    /// It is there, or was a moment ago.
    Known,
    /// Another thread has just made it.
    Made(T),
    /// This thread looks for it, and makes it if need be.
    Mine(Option<Flight<K, T>>),
}

/// The right to make something, until it is dropped.
pub(crate) struct Flight<K: Eq + Hash + Clone, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    made: Arc<OnceLock<T>>,
}

thread_local! {
    /// Things that this thread is making: while it does, it waits for nobody who may be waiting for it.
    static MAKING: Cell<usize> = const { Cell::new(0) };
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    /// How a thread comes to what it wants; waits while another thread makes it. `known` says whether it is there.
    pub(crate) fn begin(self: &Arc<Self>, key: &K, known: impl Fn() -> bool) -> Turn<K, T> {
        let mut flying = self.flying();
        loop {
            if known() {
                return Turn::Known;
            }
            let Some(flight) = flying.get(key).cloned() else { break };
            if MAKING.get() > 0 {
                return Turn::Mine(None);
            }
            let there =
                |f: &mut HashMap<K, Arc<OnceLock<T>>>| f.get(key).is_some_and(|f| Arc::ptr_eq(f, &flight));
            let waited = self.landed.wait_timeout_while(flying, PATIENCE, there);
            let (now, patience) = waited.unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = flight.get() {
                return Turn::Made(made.clone());
            }
            if patience.timed_out() {
                return Turn::Mine(None);
            }
            // It found the thing, or failed: whoever comes first now takes the next turn, and the others wait for that one.
            flying = now;
        }
        let made = Arc::default();
        flying.insert(key.clone(), Arc::clone(&made));
        MAKING.set(MAKING.get() + 1);
        Turn::Mine(Some(Flight { flights: Arc::clone(self), key: key.clone(), made }))
    }
}

impl<K, T> Flights<K, T> {
    fn flying(&self) -> MutexGuard<'_, HashMap<K, Arc<OnceLock<T>>>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Flight<K, T> {
    /// Gives what was made to those who wait for it.
    pub(crate) fn land(&self, made: &T) {
        let _ = self.made.set(made.clone());
    }
}

impl<K: Eq + Hash + Clone, T> Drop for Flight<K, T> {
    fn drop(&mut self) {
        MAKING.set(MAKING.get() - 1);
        self.flights.flying().remove(&self.key);
        self.flights.landed.notify_all();
    }
}
