//! Buffers and their pool.

use std::sync::{Mutex, MutexGuard, PoisonError};

use medkernels::buffer::{ALIGNMENT, Buffer, pool_stats, release_memory, set_pool_limit};
use medkernels::threads;

/// Held by tests that look at the pool's counts or set the number of threads.
pub(crate) fn lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn buffers_are_aligned_zero_and_writable() {
    let sizes = [0, 1, 63, 64, 1000, 65_536, 65_537, 2 << 20, (2 << 20) + 1, 20 << 20];
    // Miri takes a microsecond for each byte that is looked at.
    for bytes in sizes.into_iter().take(if cfg!(miri) { 7 } else { sizes.len() }) {
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
fn scratch_memory_serves_again_however_small() {
    let _lock = lock();
    release_memory();
    for bytes in [5000, 33 << 10, 64_640, 100 << 10] {
        let first = Buffer::scratch(bytes).unwrap();
        assert_eq!((first.len(), first.as_bytes().len()), (bytes, bytes));
        let hits = pool_stats().hits;
        drop(first);
        // Whoever took it first had it from the pool.
        drop(Buffer::scratch(bytes).unwrap());
        assert!(pool_stats().hits > hits, "{bytes}");
    }
    assert_eq!(Buffer::scratch(0).unwrap().len(), 0);
    release_memory();
}

#[test]
fn freed_blocks_serve_again_within_the_limit() {
    let _lock = lock();
    release_memory();
    let limit = pool_stats().limit;
    assert!(limit > 0 && limit <= 1 << 30);
    let bytes = if cfg!(miri) { 700 << 10 } else { 37 << 20 };
    let buffer = Buffer::for_overwrite(bytes).unwrap();
    let start = buffer.as_bytes().as_ptr();
    drop(buffer);
    assert!(pool_stats().held_bytes >= bytes);
    let hits = pool_stats().hits;
    // A little less still fits.
    let again = Buffer::for_overwrite(bytes - bytes / 400).unwrap();
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
fn a_block_that_nobody_takes_goes_back_in_time() {
    let _lock = lock();
    // Twice the most that all other tests together may leave in the pool.
    let bytes = if cfg!(miri) { 3 << 20 } else { (pool_stats().limit / 2).min(200 << 20) };
    release_memory();
    drop(Buffer::for_overwrite(bytes).unwrap());
    assert!(pool_stats().held_bytes >= bytes);
    let turn = || drop(Buffer::for_overwrite(64 << 10).unwrap());
    (0..2000).for_each(|_| turn());
    assert!(pool_stats().held_bytes >= bytes, "it is kept for a while");
    // Whoever takes it has it wait anew.
    drop(Buffer::for_overwrite(bytes).unwrap());
    (0..3000).for_each(|_| turn());
    assert!(pool_stats().held_bytes >= bytes);
    (0..2000).for_each(|_| turn());
    assert!(pool_stats().held_bytes < bytes, "{:?}", pool_stats());
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
