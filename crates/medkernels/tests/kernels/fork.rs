//! A forked child after the parent has used threads and pool: it must work, and never hang.
#![allow(unsafe_code, reason = "fork is what this file tests")]

use std::time::{Duration, Instant};

use medkernels::buffer::{Buffer, pool_stats};
use medkernels::threads;

unsafe extern "C" {
    safe fn fork() -> i32;
    safe fn _exit(code: i32) -> !;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}

const WNOHANG: i32 = 1;

/// What parent and child both do: fill a large buffer on the threads, and take and give blocks.
fn work() -> bool {
    let Ok(mut buffer) = Buffer::for_overwrite(8 << 20) else { return false };
    let mut parts: Vec<&mut [u8]> = buffer.as_bytes_mut().chunks_mut(1 << 20).collect();
    threads::for_each_mut(&mut parts, |i, part| part.fill(i as u8));
    let right = buffer.as_bytes().iter().enumerate().all(|(i, b)| *b == (i >> 20) as u8);
    drop(buffer);
    right && Buffer::zeroed(8 << 20).is_ok_and(|b| b.as_bytes().iter().all(|v| *v == 0))
}

#[test]
fn a_child_works_after_its_parent_did() {
    assert!(work());
    let inherited = Buffer::zeroed(4 << 20).unwrap();
    for round in 0..20 {
        // Helpers that are about to sleep, that sleep, and that look out for more.
        std::thread::sleep(Duration::from_micros(50 * round));
        assert!(work());
        match fork() {
            0 => {
                // The child's pool is its own, and empty.
                let fresh = pool_stats().held_bytes == 0;
                let right = work() && work();
                drop(inherited);
                _exit(i32::from(!(fresh && right)));
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
    }
    assert!(work());
}
