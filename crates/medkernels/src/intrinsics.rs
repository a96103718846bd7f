//! The few operations that Rust offers only as unsafe: float control registers, non-temporal stores, and a slot
//! that a forked child can refill without touching what its parent left in it.
#![allow(unsafe_code, reason = "this file and the buffer pool are the crate's two addresses of unsafe code")]

use std::sync::atomic::{AtomicPtr, Ordering};

/// A process-wide value, made at its first use in each process. A forked child, whose process id differs,
/// makes its own and never reads, locks or drops its parent's.
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
    // SAFETY: only values that `float_control` read, or those with mode bits cleared, are given: no reserved
    // bit is set, and exceptions stay as masked as they were or become masked.
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

/// Stores a line past the caches: for output that is too large to be found there again.
///
/// A line that does not start on a 16-byte boundary is stored as usual.
#[inline(always)]
pub(crate) fn stream_line(dst: &mut [f32; 16], line: &[f32; 16]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if dst.as_ptr().addr().is_multiple_of(16) {
        use std::arch::x86_64::{_mm_loadu_ps, _mm_stream_ps};
        for (d, s) in dst.as_chunks_mut::<4>().0.iter_mut().zip(line.as_chunks::<4>().0) {
            // SAFETY: 16 bytes are read from `s` and written to `d`, which lies on a 16-byte boundary. SSE is
            // part of x86-64. `stream_end` orders these stores before any other thread sees them.
            unsafe { _mm_stream_ps(d.as_mut_ptr(), _mm_loadu_ps(s.as_ptr())) };
        }
        return;
    }
    *dst = *line;
}

/// Orders the stores of [`stream_line`] before all later ones; called once after the last.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn stream_end() {
    // SAFETY: a fence has no precondition.
    unsafe { std::arch::x86_64::_mm_sfence() };
}

/// Nothing to order here.
#[cfg(any(miri, not(target_arch = "x86_64")))]
pub(crate) fn stream_end() {}

/// Asks for the cache line of the first byte of `bytes`, without waiting for it.
#[inline(always)]
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch changes nothing and never faults. SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(bytes.as_ptr().cast());
    }
    #[cfg(any(miri, not(target_arch = "x86_64")))]
    let _ = bytes;
}
