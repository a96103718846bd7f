//! Buffers, their pool, and threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use medkernels::buffer::{ALIGNMENT, Buffer, pool_stats, release_memory, set_pool_limit};
use medkernels::threads;

/// Held by tests that look at the pool's counts or set the number of threads.
fn lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn buffers_are_aligned_zero_and_writable() {
    for bytes in [0, 1, 63, 64, 1000, 65_536, 65_537, 2 << 20, (2 << 20) + 1, 20 << 20] {
        let mut buffer = Buffer::zeroed(bytes).unwrap();
        assert_eq!((buffer.len(), buffer.is_empty()), (bytes, bytes == 0));
        assert!(buffer.as_bytes().iter().all(|b| *b == 0), "{bytes}");
        if bytes > 0 {
            assert_eq!(buffer.as_bytes().as_ptr() as usize % ALIGNMENT, 0);
        }
        buffer.as_bytes_mut().fill(0xff);
        assert_eq!(buffer.as_slice::<u32>().len(), bytes / 4);
        drop(buffer);
        // A recycled block is zeroed again.
        assert!(Buffer::zeroed(bytes).unwrap().as_bytes().iter().all(|b| *b == 0), "{bytes} again");
        assert_eq!(Buffer::for_overwrite(bytes).unwrap().as_mut_slice::<f64>().len(), bytes / 8);
    }
}

#[test]
fn freed_blocks_serve_again_within_the_limit() {
    let _lock = lock();
    release_memory();
    let limit = pool_stats().limit;
    assert!(limit > 0 && limit <= 1 << 30);
    let bytes = 37 << 20;
    let buffer = Buffer::for_overwrite(bytes).unwrap();
    let start = buffer.as_bytes().as_ptr();
    drop(buffer);
    assert!(pool_stats().held_bytes >= bytes);
    let hits = pool_stats().hits;
    // A little less still fits.
    let again = Buffer::for_overwrite(bytes - 100_000).unwrap();
    assert_eq!(again.as_bytes().as_ptr(), start);
    assert!(pool_stats().hits > hits);
    drop(again);
    set_pool_limit(1 << 20);
    assert!(pool_stats().held_bytes <= 1 << 20);
    drop(Buffer::for_overwrite(bytes).unwrap());
    assert!(pool_stats().held_bytes <= 1 << 20);
    set_pool_limit(limit);
    drop(Buffer::for_overwrite(bytes).unwrap());
    release_memory();
    assert!(pool_stats().held_bytes < bytes);
}

#[test]
fn too_much_is_an_error() {
    // On 64 bits, also what is a size but no memory.
    let most = if usize::BITS == 64 { usize::MAX >> 3 } else { usize::MAX };
    for bytes in [usize::MAX, isize::MAX as usize, most] {
        assert_eq!(Buffer::for_overwrite(bytes).unwrap_err().bytes, bytes);
        assert!(Buffer::zeroed(bytes).unwrap_err().to_string().contains("allocate"));
    }
}

#[test]
fn buffers_cross_threads() {
    let mut buffers: Vec<Buffer> = (0..8).map(|_| Buffer::zeroed(100_000).unwrap()).collect();
    threads::for_each_mut(&mut buffers, |i, buffer| buffer.as_bytes_mut().fill(i as u8));
    assert!(buffers.iter().enumerate().all(|(i, b)| b.as_bytes().iter().all(|v| *v == i as u8)));
}

#[test]
fn each_task_runs_once() {
    for tasks in [0, 1, 2, 3, 1000] {
        let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        threads::for_each(tasks, |i| {
            counts[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        let mut items = vec![0usize; tasks];
        threads::for_each_mut(&mut items, |i, item| *item += i + 1);
        assert!(items.iter().enumerate().all(|(i, item)| *item == i + 1));
    }
}

#[test]
fn the_number_of_threads_can_be_set() {
    let _lock = lock();
    let usual = threads::threads();
    for count in [1, 2, 5] {
        threads::set_threads(Some(count));
        assert_eq!(threads::threads(), count);
        let total = AtomicUsize::new(0);
        threads::for_each(100, |i| {
            total.fetch_add(i, Ordering::Relaxed);
        });
        assert_eq!(total.into_inner(), 4950);
    }
    threads::set_threads(Some(0));
    assert_eq!(threads::threads(), 1);
    threads::set_threads(None);
    assert_eq!(threads::threads(), usual);
}

#[test]
fn nested_calls_finish() {
    let _lock = lock();
    threads::set_threads(Some(3));
    let total = AtomicUsize::new(0);
    threads::for_each(20, |_| {
        threads::for_each(20, |_| {
            threads::for_each(3, |_| {
                total.fetch_add(1, Ordering::Relaxed);
            });
        });
    });
    assert_eq!(total.into_inner(), 1200);
    threads::set_threads(None);
}

/// Whether two tasks run at the same time.
#[cfg(not(target_family = "wasm"))]
fn two_meet() -> bool {
    let arrived = AtomicUsize::new(0);
    let met = AtomicUsize::new(0);
    threads::for_each(2, |_| {
        arrived.fetch_add(1, Ordering::Relaxed);
        let begin = std::time::Instant::now();
        while arrived.load(Ordering::Relaxed) < 2 && begin.elapsed().as_secs() < 5 {
            std::thread::yield_now();
        }
        met.fetch_add(arrived.load(Ordering::Relaxed) / 2, Ordering::Relaxed);
    });
    met.into_inner() == 2
}

#[cfg(not(target_family = "wasm"))]
#[test]
fn tasks_for_all_threads_keep_what_they_call_to_themselves() {
    let _lock = lock();
    threads::set_threads(Some(2));
    assert!(two_meet());
    threads::for_each(4, |_| {
        let outer = std::thread::current().id();
        threads::for_each(10, |_| assert_eq!(std::thread::current().id(), outer));
    });
    assert!(two_meet());
    let failed = std::panic::catch_unwind(|| threads::for_each(4, |i| assert!(i != 2, "task 2 fails")));
    assert!(failed.is_err() && two_meet());
    threads::set_threads(None);
}

// On WebAssembly a panic ends the program.
#[cfg(not(target_family = "wasm"))]
#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    for _ in 0..3 {
        let result = std::panic::catch_unwind(|| {
            threads::for_each(50, |i| assert!(i != 33, "task 33 fails"));
        });
        assert!(result.is_err());
        let mut items = vec![0; 50];
        threads::for_each_mut(&mut items, |i, item| *item = i);
        assert_eq!(items[49], 49);
    }
}
