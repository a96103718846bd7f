//! Memory that is asked for before it is used.
//!
//! A processor asks for what follows by itself, but not beyond the end of a page of 4 KiB, and waits at the beginning of each. What is gone
//! through from one end to the other is therefore asked for a page ahead.

use bytemuck::Pod;

use crate::intrinsics;

/// Elements of 4 bytes that are worked on between two looks ahead.
pub(crate) const STRETCH: usize = 128;

/// How far ahead, in bytes.
const AHEAD: usize = 4 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for what lies ahead of a stretch that is read; it may end before that.
#[inline(always)]
pub(crate) fn read<S: Pod>(src: &[S]) {
    for line in bytemuck::cast_slice::<S, u8>(src).chunks(LINE) {
        intrinsics::read_soon(line, AHEAD);
    }
}

/// The same of a stretch that is written.
#[inline(always)]
pub(crate) fn write<D: Pod>(dst: &[D]) {
    for line in bytemuck::cast_slice::<D, u8>(dst).chunks(LINE) {
        intrinsics::write_soon(line, AHEAD);
    }
}
