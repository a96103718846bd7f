//! The few operations that Rust offers only as unsafe: float control registers, non-temporal stores,
//! permutations by indices, and a slot that a forked child can refill without touching what its parent left in
//! it.
#![allow(unsafe_code, reason = "this file and the buffer pool are the crate's two addresses of unsafe code")]

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::gather::Block;
use crate::interpolate::{Taps, Weighed};
#[cfg(target_arch = "x86_64")]
use crate::level::{Level, level};

/// A process-wide value, made at its first use in each process. A forked child, whose process id differs,
/// makes its own and never reads, locks or drops its parent's.
pub struct PerProcess<T: 'static> {
    slot: AtomicPtr<(u32, T)>,
}

impl<T: Send + Sync> Default for PerProcess<T> {
    fn default() -> Self {
        PerProcess::new()
    }
}

impl<T: Send + Sync> PerProcess<T> {
    /// A slot without a value, for a static.
    pub const fn new() -> Self {
        PerProcess { slot: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The value, or a new one if there is none, if a parent process made it, or if it does not `fit`.
    ///
    /// A value that was replaced stays alive for ever, because others may hold a reference to it.
    pub fn get(&'static self, fit: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &'static T {
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
/// A line that does not start on a 16-byte boundary is stored as usual. For kernels: elsewhere a whole line is a call.
#[inline(always)]
pub(crate) fn stream_line(dst: &mut [u8; 64], line: &[u8; 64]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if level() == Level::Avx512 && dst.as_ptr().addr().is_multiple_of(64) {
        use std::arch::x86_64::{_mm512_loadu_si512, _mm512_stream_si512};
        #[target_feature(enable = "avx512f")]
        #[inline]
        fn at_once(dst: &mut [u8; 64], line: &[u8; 64]) {
            // SAFETY: 64 bytes are read from `line` and written to `dst`, which the caller has found on a 64-byte boundary.
            // `stream_end` orders the store before any other thread sees it.
            unsafe { _mm512_stream_si512(dst.as_mut_ptr().cast(), _mm512_loadu_si512(line.as_ptr().cast())) };
        }
        // SAFETY: a level is in use only where the processor has what it stands for.
        unsafe { at_once(dst, line) };
        return;
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if dst.as_ptr().addr().is_multiple_of(16) {
        use std::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128};
        for (d, s) in dst.as_chunks_mut::<16>().0.iter_mut().zip(line.as_chunks::<16>().0) {
            // SAFETY: 16 bytes are read from `s` and written to `d`, which lies on a 16-byte boundary. SSE2 is
            // part of x86-64. `stream_end` orders these stores before any other thread sees them.
            unsafe { _mm_stream_si128(d.as_mut_ptr().cast(), _mm_loadu_si128(s.as_ptr().cast())) };
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
    read_soon(bytes, 0);
}

/// Asks for the cache line that lies `ahead` bytes behind the first of `bytes`, which may be beyond what there is, without waiting for it.
#[inline(always)]
pub(crate) fn read_soon(bytes: &[u8], ahead: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch changes nothing and never faults. SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().wrapping_add(ahead).cast());
    }
    #[cfg(any(miri, not(target_arch = "x86_64")))]
    let _ = (bytes, ahead);
}

/// The same for a line that is to be written: fetched as this processor's own, so that no other need be asked then.
#[inline(always)]
pub(crate) fn write_soon(bytes: &[u8], ahead: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch changes nothing and never faults; a processor that has none of this kind does nothing.
    unsafe {
        let byte = bytes.as_ptr().wrapping_add(ahead);
        std::arch::asm!("prefetchw [{}]", in(reg) byte, options(nostack, preserves_flags, readonly));
    }
    #[cfg(any(miri, not(target_arch = "x86_64")))]
    let _ = (bytes, ahead);
}

/// A function that fills a row from its blocks at one level, and tells whether it did: it does nothing at others.
macro_rules! at_level {
    (
        $(#[$meta:meta])*
        fn $name:ident($dst:ident: &mut [$item:ty], $src:ident, $blocks:ident: &[$block:ty]) at $level:ident, $features:literal
        $body:block
    ) => {
        $(#[$meta])*
        ///
        /// # Panics
        /// If a block lies beyond `dst`, or a window beyond `src`.
        pub(crate) fn $name($dst: &mut [$item], $src: &[$item], $blocks: &[$block]) -> bool {
            #[cfg(target_arch = "x86_64")]
            if level() == Level::$level {
                #[target_feature(enable = $features)]
                fn row($dst: &mut [$item], $src: &[$item], $blocks: &[$block]) $body

                // SAFETY: a level is in use only where the processor has what it stands for.
                unsafe { row($dst, $src, $blocks) };
                return true;
            }
            let _ = ($dst, $src, $blocks);
            false
        }
    };
}

at_level! {
    /// Picks 64 bytes from a window of 128.
    fn pick_64(dst: &mut [u8], src, blocks: &[Block<64>]) at Avx512, "avx512f,avx512vbmi" {
        use std::arch::x86_64::{_mm512_loadu_si512, _mm512_permutex2var_epi8, _mm512_storeu_si512};
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..64], &src[block.window.from..][..128]);
            // SAFETY: 128 bytes are read from `from`, 64 from `pick`, and 64 are written to `to`.
            unsafe {
                let near = _mm512_loadu_si512(from.as_ptr().cast());
                let far = _mm512_loadu_si512(from.as_ptr().add(64).cast());
                let pick = _mm512_loadu_si512(block.pick.as_ptr().cast());
                _mm512_storeu_si512(to.as_mut_ptr().cast(), _mm512_permutex2var_epi8(near, pick, far));
            }
        }
    }
}

at_level! {
    /// Picks 16 bytes from a window of 32.
    fn pick_16(dst: &mut [u8], src, blocks: &[Block<16>]) at Avx2, "avx2" {
        use std::arch::x86_64::{
            _mm_add_epi8, _mm_loadu_si128, _mm_or_si128, _mm_set1_epi8, _mm_shuffle_epi8, _mm_storeu_si128,
        };
        // A place with its highest bit set picks nothing. 0x70 sets it for 16..32, -16 for 0..16.
        let (below, above) = (_mm_set1_epi8(0x70), _mm_set1_epi8(-16));
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..16], &src[block.window.from..][..32]);
            // SAFETY: 32 bytes are read from `from`, 16 from `pick`, and 16 are written to `to`.
            unsafe {
                let near = _mm_loadu_si128(from.as_ptr().cast());
                let far = _mm_loadu_si128(from.as_ptr().add(16).cast());
                let pick = _mm_loadu_si128(block.pick.as_ptr().cast());
                let near = _mm_shuffle_epi8(near, _mm_add_epi8(pick, below));
                let far = _mm_shuffle_epi8(far, _mm_add_epi8(pick, above));
                _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_or_si128(near, far));
            }
        }
    }
}

at_level! {
    /// Interpolates 16 values from a window of 32: `near + (far - near) * w`, or `near` where the weight is zero.
    fn lerp_16(dst: &mut [f32], src, blocks: &[Taps<16>]) at Avx512, "avx512f" {
        use std::arch::x86_64::{
            _CMP_NEQ_UQ, _mm512_cmp_ps_mask, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_add_ps,
            _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
        };
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..16], &src[block.window.from..][..32]);
            // SAFETY: 32 values are read from `from`, 16 from each table, and 16 are written to `to`.
            unsafe {
                let low = _mm512_loadu_ps(from.as_ptr());
                let high = _mm512_loadu_ps(from.as_ptr().add(16));
                let near = _mm512_loadu_si512(block.near.as_ptr().cast());
                let near = _mm512_permutex2var_ps(low, near, high);
                let far = _mm512_loadu_si512(block.far.as_ptr().cast());
                let far = _mm512_permutex2var_ps(low, far, high);
                let w = _mm512_loadu_ps(block.w.as_ptr());
                let weighs = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(w, _mm512_setzero_ps());
                let part = _mm512_mul_ps(_mm512_sub_ps(far, near), w);
                _mm512_storeu_ps(to.as_mut_ptr(), _mm512_mask_add_ps(near, weighs, near, part));
            }
        }
    }
}

at_level! {
    /// Interpolates 8 values from a window of 16, as [`lerp_16`] does.
    fn lerp_8(dst: &mut [f32], src, blocks: &[Taps<8>]) at Avx2, "avx2" {
        use std::arch::x86_64::{
            __m256, _CMP_NEQ_UQ, _mm256_add_ps, _mm256_blendv_ps, _mm256_castsi256_ps, _mm256_cmp_ps,
            _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mul_ps, _mm256_permutevar8x32_ps, _mm256_setzero_ps,
            _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
        };
        #[target_feature(enable = "avx2")]
        #[inline]
        fn pick(low: __m256, high: __m256, table: &[u32; 8]) -> __m256 {
            // SAFETY: 8 numbers are read from `table`.
            let index = unsafe { _mm256_loadu_si256(table.as_ptr().cast()) };
            let low = _mm256_permutevar8x32_ps(low, index);
            let high = _mm256_permutevar8x32_ps(high, index);
            // The bit for 8 becomes the sign, by which the half is chosen.
            _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32::<28>(index)))
        }
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..8], &src[block.window.from..][..16]);
            // SAFETY: 16 values are read from `from`, 8 from `w`, and 8 are written to `to`.
            unsafe {
                let low = _mm256_loadu_ps(from.as_ptr());
                let high = _mm256_loadu_ps(from.as_ptr().add(8));
                let (near, far) = (pick(low, high, &block.near), pick(low, high, &block.far));
                let w = _mm256_loadu_ps(block.w.as_ptr());
                let weighs = _mm256_cmp_ps::<_CMP_NEQ_UQ>(w, _mm256_setzero_ps());
                let value = _mm256_add_ps(near, _mm256_mul_ps(_mm256_sub_ps(far, near), w));
                _mm256_storeu_ps(to.as_mut_ptr(), _mm256_blendv_ps(near, value, weighs));
            }
        }
    }
}

at_level! {
    /// Sums voxels from a window of 32 with weights, 16 sums at once; without weight a voxel counts nothing.
    fn weigh_16(dst: &mut [f32], src, blocks: &[Weighed<16>]) at Avx512, "avx512f" {
        use std::arch::x86_64::{
            _CMP_NEQ_UQ, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_loadu_ps, _mm512_loadu_si512,
            _mm512_maskz_mul_ps, _mm512_permutex2var_ps, _mm512_setzero_ps, _mm512_storeu_ps,
        };
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..16], &src[block.window.from..][..32]);
            // SAFETY: 32 values are read from `from`, 16 from each table, and 16 are written to `to`.
            unsafe {
                let low = _mm512_loadu_ps(from.as_ptr());
                let high = _mm512_loadu_ps(from.as_ptr().add(16));
                let mut sum = _mm512_loadu_ps(block.bias.as_ptr());
                for (place, weight) in &block.voxels {
                    let place = _mm512_loadu_si512(place.as_ptr().cast());
                    let voxel = _mm512_permutex2var_ps(low, place, high);
                    let w = _mm512_loadu_ps(weight.as_ptr());
                    let weighs = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(w, _mm512_setzero_ps());
                    sum = _mm512_add_ps(sum, _mm512_maskz_mul_ps(weighs, voxel, w));
                }
                _mm512_storeu_ps(to.as_mut_ptr(), sum);
            }
        }
    }
}

at_level! {
    /// Sums voxels from a window of 16, as [`weigh_16`] does.
    fn weigh_8(dst: &mut [f32], src, blocks: &[Weighed<8>]) at Avx2, "avx2" {
        use std::arch::x86_64::{
            _CMP_NEQ_UQ, _mm256_add_ps, _mm256_and_ps, _mm256_blendv_ps, _mm256_castsi256_ps, _mm256_cmp_ps,
            _mm256_loadu_ps, _mm256_loadu_si256, _mm256_mul_ps, _mm256_permutevar8x32_ps, _mm256_setzero_ps,
            _mm256_slli_epi32, _mm256_storeu_ps,
        };
        for block in blocks {
            let (to, from) = (&mut dst[block.window.to..][..8], &src[block.window.from..][..16]);
            // SAFETY: 16 values are read from `from`, 8 from each table, and 8 are written to `to`.
            unsafe {
                let low = _mm256_loadu_ps(from.as_ptr());
                let high = _mm256_loadu_ps(from.as_ptr().add(8));
                let mut sum = _mm256_loadu_ps(block.bias.as_ptr());
                for (place, weight) in &block.voxels {
                    let place = _mm256_loadu_si256(place.as_ptr().cast());
                    // The bit for 8 becomes the sign, by which the half is chosen.
                    let half = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(place));
                    let (low, high) =
                        (_mm256_permutevar8x32_ps(low, place), _mm256_permutevar8x32_ps(high, place));
                    let w = _mm256_loadu_ps(weight.as_ptr());
                    let weighs = _mm256_cmp_ps::<_CMP_NEQ_UQ>(w, _mm256_setzero_ps());
                    let part = _mm256_mul_ps(_mm256_blendv_ps(low, high, half), w);
                    sum = _mm256_add_ps(sum, _mm256_and_ps(part, weighs));
                }
                _mm256_storeu_ps(to.as_mut_ptr(), sum);
            }
        }
    }
}
