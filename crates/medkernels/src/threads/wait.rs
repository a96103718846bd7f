//! Waiting for what is about to happen: awake for a while, then asleep.

use std::time::{Duration, Instant};

/// How long a thread looks out before it sleeps: about what waking costs.
pub(super) const PATIENCE: Duration = Duration::from_micros(150);

/// Waits until `done`, at most for `patience`, without sleep; tells whether it came to that.
///
/// Other threads that want the processor get it every few microseconds.
pub(super) fn awake(patience: Duration, done: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        for _ in 0..16 {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        if begin.elapsed() > patience {
            return done();
        }
        std::thread::yield_now();
    }
}

/// Waits until `done`; whoever brings that about unparks this thread afterwards.
pub(super) fn until(done: impl Fn() -> bool) {
    if !awake(PATIENCE, &done) {
        while !done() {
            std::thread::park();
        }
    }
}
