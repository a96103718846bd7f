//! libdeflate, asked how much of its input a stream took.
#![allow(unsafe_code, reason = "the safe crate does not say how much input was taken; the C function does")]

use std::ffi::c_void;
use std::ptr::NonNull;

use libdeflate_sys as c;

/// A decoder of raw deflate streams, from memory to memory.
pub(super) struct TakingInflate(NonNull<c::libdeflate_decompressor>);

// SAFETY: what the pointer leads to is owned by this alone and knows no thread; the method that touches it takes `&mut self`.
unsafe impl Send for TakingInflate {}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It ended: bytes of input that it took, the last perhaps in part, and bytes that it gave.
    All { used: usize, made: usize },
    /// It holds more than there is room for.
    Full,
    /// It is no deflate data, or not all of it.
    Bad,
}

impl TakingInflate {
    /// `None` if there is no memory.
    pub(super) fn new() -> Option<TakingInflate> {
        // SAFETY: the function takes nothing, and gives a decoder or null.
        NonNull::new(unsafe { c::libdeflate_alloc_decompressor() }).map(TakingInflate)
    }

    /// Decodes a stream from its start to its end.
    pub(super) fn inflate(&mut self, input: &[u8], out: &mut [u8]) -> Taken {
        let (mut used, mut made) = (0, 0);
        let (from, to) = (input.as_ptr().cast::<c_void>(), out.as_mut_ptr().cast::<c_void>());
        // SAFETY: the decoder is alive; `input.len()` bytes may be read at `from` and `out.len()` bytes written at `to`, which do not overlap, and both
        // borrows last longer than the call, after which the library does not use the pointers; it writes two numbers where they point.
        let code = unsafe {
            c::libdeflate_deflate_decompress_ex(
                self.0.as_ptr(),
                from,
                input.len(),
                to,
                out.len(),
                &raw mut used,
                &raw mut made,
            )
        };
        match code {
            c::libdeflate_result_LIBDEFLATE_SUCCESS => Taken::All { used, made },
            c::libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE => Taken::Full,
            _ => Taken::Bad,
        }
    }
}

impl Drop for TakingInflate {
    fn drop(&mut self) {
        // SAFETY: it was made by `libdeflate_alloc_decompressor` and is freed here only.
        unsafe { c::libdeflate_free_decompressor(self.0.as_ptr()) };
    }
}
