//! A forked child goes on with the iteration, and never hangs.
#![allow(unsafe_code, reason = "fork is what this file tests")]

use std::time::{Duration, Instant};

use medpipe::Settings;

use super::given::{Seen, epoch, in_memory, loader, patches};

unsafe extern "C" {
    safe fn fork() -> i32;
    safe fn _exit(code: i32) -> !;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}

const WNOHANG: i32 = 1;

#[test]
fn a_child_goes_on_where_its_parent_was() {
    for workers in [0, 2] {
        let settings = Settings { batch_size: 3, mix: 2, workers: Some(workers), ..Settings::default() };
        let loader = loader(in_memory(12), patches(2), settings);
        let expected = epoch(&loader, 0, 0);
        let mut batches = loader.batches(0, 0).unwrap();
        for taken in 0..expected.len() {
            // Threads that work, and threads that wait.
            std::thread::sleep(Duration::from_micros(200 * taken as u64));
            match fork() {
                0 => {
                    let rest: Vec<_> = batches.by_ref().map(|b| b.map(|b| Seen::of(&b)).ok()).collect();
                    let right = rest.len() == expected.len() - taken
                        && rest.iter().zip(&expected[taken..]).all(|(a, b)| a.as_ref() == Some(b));
                    let again = epoch(&loader, 0, 0) == expected;
                    drop(batches);
                    _exit(i32::from(!(right && again)));
                }
                child => {
                    assert!(child > 0);
                    let deadline = Instant::now() + Duration::from_secs(20);
                    let mut status = -1;
                    // SAFETY: `status` is ours for the time of the call.
                    while unsafe { waitpid(child, &raw mut status, WNOHANG) } == 0 {
                        assert!(Instant::now() < deadline, "the child hangs");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    assert_eq!(status, 0, "the child failed");
                }
            }
            assert!(Seen::of(&batches.next().unwrap().unwrap()) == expected[taken]);
        }
        assert!(batches.next().is_none());
    }
}
