//! The few operations that Rust offers only as unsafe: float control registers, non-temporal stores, and a slot
//! that a forked child can refill without touching what its parent left in it.
#![allow(unsafe_code, reason = "this file and the buffer pool are the crate's two addresses of unsafe code")]

use std::sync::atomic::{AtomicPtr, Ordering};

/// A process-wide value, made at its first use in each process. A forked child, whose process id differs, makes its
/// own and never reads, locks or drops its parent's.
pub(crate) struct PerProcess<T: 'static> {
    slot: AtomicPtr<(u32, T)>,
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess { slot: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The value, or a new one if there is none, if a parent process made it, or if it does not `fit`.
    ///
    /// A value that was replaced stays alive for ever, because others may hold a reference to it.
    pub(crate) fn get(&'static self, fit: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &'static T {
        let process = process_id();
        let mut found = self.slot.load(Ordering::Acquire);
        // SAFETY: the slot is null or holds a pointer from `Box::into_raw` that is never freed once stored.
        let usable =
            |p: *mut (u32, T)| unsafe { p.as_ref() }.filter(|(id, value)| *id == process && fit(value));
        if let Some((_, value)) = usable(found) {
            return value;
        }
        let made = Box::into_raw(Box::new((process, make())));
        loop {
            match self.slot.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
                // SAFETY: `made` came from `Box::into_raw`, and from here on is never freed.
                Ok(_) => return &unsafe { &*made }.1,
                Err(other) => {
                    if let Some((_, value)) = usable(other) {
                        // SAFETY: `made` came from `Box::into_raw` above and was not published.
                        drop(unsafe { Box::from_raw(made) });
                        return value;
                    }
                    found = other;
                }
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn process_id() -> u32 {
    std::process::id()
}

/// WebAssembly has one process and no fork.
#[cfg(target_family = "wasm")]
fn process_id() -> u32 {
    0
}

/// The float control register: MXCSR on x86-64, FPCR on aarch64, 0 elsewhere.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn float_control() -> u64 {
    let mut control = 0u32;
    // SAFETY: stores MXCSR in four bytes that we own.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags));
    }
    u64::from(control)
}

/// Sets what [`float_control`] reads.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn set_float_control(control: u64) {
    let control = control as u32;
    // SAFETY: only values that `float_control` read, or those with mode bits cleared, are given: no reserved bit is
    // set, and exceptions stay as masked as they were or become masked.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags));
    }
}

/// `found` with the default modes: nearest, nothing flushed, all exceptions masked; its sticky flags kept.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) const fn float_default(found: u64) -> u64 {
    (found & 0x3f) | 0x1f80
}

/// The float control register: MXCSR on x86-64, FPCR on aarch64, 0 elsewhere.
#[cfg(all(target_arch = "aarch64", not(miri)))]
pub(crate) fn float_control() -> u64 {
    let control: u64;
    // SAFETY: reads a register that user code may read.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags));
    }
    control
}

/// Sets what [`float_control`] reads.
#[cfg(all(target_arch = "aarch64", not(miri)))]
pub(crate) fn set_float_control(control: u64) {
    // SAFETY: only values that `float_control` read, or zero (the default), are given.
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags));
    }
}

/// The default: nearest, nothing flushed, no traps.
#[cfg(all(target_arch = "aarch64", not(miri)))]
pub(crate) const fn float_default(_found: u64) -> u64 {
    0
}

/// Nothing to read here.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn float_control() -> u64 {
    0
}

/// Nothing to set here.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn set_float_control(_control: u64) {}

/// Nothing to set here.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) const fn float_default(found: u64) -> u64 {
    found
}

/// Copies `src` into `dst` past the caches: for output that is too large to be found there again.
///
/// Bytes before the first and after the last 16-byte boundary of `dst` are stored as usual.
///
/// # Panics
/// If the lengths differ.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[expect(clippy::cast_ptr_alignment, reason = "the load takes any address, the store's is checked")]
pub(crate) fn stream(dst: &mut [u8], src: &[u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
    assert_eq!(dst.len(), src.len());
    let head = dst.as_ptr().align_offset(16).min(dst.len());
    let (dst_head, dst) = dst.split_at_mut(head);
    let (src_head, src) = src.split_at(head);
    dst_head.copy_from_slice(src_head);
    let (dst_body, dst_tail) = dst.as_chunks_mut::<16>();
    let (src_body, src_tail) = src.as_chunks::<16>();
    for (d, s) in dst_body.iter_mut().zip(src_body) {
        // SAFETY: 16 bytes are read from `s` and written to `d`, which lies on a 16-byte boundary because `head` bytes
        // were skipped. SSE2 is part of x86-64. `stream_end` orders these stores before any other thread sees them.
        unsafe {
            _mm_stream_si128(d.as_mut_ptr().cast::<__m128i>(), _mm_loadu_si128(s.as_ptr().cast::<__m128i>()));
        }
    }
    dst_tail.copy_from_slice(src_tail);
}

/// Orders the stores of [`stream`] before all later ones; called once after the last.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn stream_end() {
    // SAFETY: a fence has no precondition.
    unsafe { std::arch::x86_64::_mm_sfence() };
}

/// An ordinary copy, where there are no such stores.
#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(crate) fn stream(dst: &mut [u8], src: &[u8]) {
    dst.copy_from_slice(src);
}

/// Nothing to order here.
#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(crate) fn stream_end() {}
