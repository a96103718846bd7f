//! Output that goes past the caches.

use crate::intrinsics;
use crate::kernel::kernel;
use crate::linear::{self, Linear};

/// Bytes of output from which on it pays to store past the caches: whoever reads it next would not find it there anyway, and memory need not be
/// read to be written.
pub const STREAMED_BYTES: usize = 16 << 20;

/// Whether [`Streamed`] goes past the caches on this architecture; elsewhere it copies.
pub const STREAMS: bool = cfg!(all(target_arch = "x86_64", not(miri)));

/// A place that is filled from its start on, past the caches, from pieces that lie in the first one.
///
/// ```
/// use medkernels::streamed::Streamed;
/// let mut out = [0u8; 5];
/// let mut to = Streamed::onto(&mut out);
/// to.put(&[1, 2]);
/// to.put(&[3, 4, 5]);
/// drop(to);
/// assert_eq!(out, [1, 2, 3, 4, 5]);
/// ```
#[derive(Debug)]
pub struct Streamed<'a> {
    rest: &'a mut [u8],
}

impl<'a> Streamed<'a> {
    /// Over all bytes of `out`. They are there when this is dropped.
    pub fn onto(out: &'a mut [u8]) -> Streamed<'a> {
        Streamed { rest: out }
    }

    /// The next bytes.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn put(&mut self, piece: &[u8]) {
        let dst = self.next(piece.len());
        // From the first cache line of the output on, whole lines.
        let head = dst.as_ptr().align_offset(64).min(dst.len());
        let (dst_head, dst) = dst.split_at_mut(head);
        let (src_head, src) = piece.split_at(head);
        dst_head.copy_from_slice(src_head);
        let (lines, tail) = dst.as_chunks_mut::<64>();
        let (from, src_tail) = src.as_chunks::<64>();
        copy_lines(lines, from);
        tail.copy_from_slice(src_tail);
    }

    /// What maps that are taken [`linear::together`] make of voxels, as the next bytes; from memory to memory, without a piece in between.
    ///
    /// # Panics
    /// If there is no room for them, if the place does not suit float32, or if there are more maps than are taken together.
    pub fn put_mapped(&mut self, voxels: &[f32], maps: &[Linear]) {
        let dst = self.next(size_of_val(voxels));
        linear::past(bytemuck::cast_slice_mut(dst), voxels, maps);
    }

    fn next(&mut self, bytes: usize) -> &'a mut [u8] {
        let (next, rest) = std::mem::take(&mut self.rest).split_at_mut(bytes);
        self.rest = rest;
        next
    }
}

kernel! {
    fn copy_lines(dst: &mut [[u8; 64]], src: &[[u8; 64]]) {
        for (line, from) in dst.iter_mut().zip(src) {
            intrinsics::stream_line(line, from);
        }
    }
}

impl Drop for Streamed<'_> {
    fn drop(&mut self) {
        intrinsics::stream_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_on_the_way_give_the_bits_that_they_give_in_place() {
        let voxels: Vec<f32> =
            (0..300).map(|n| if n == 77 { f32::NAN } else { n as f32 * 0.37 - 20.0 }).collect();
        let window = |n: u32| [Linear::about(0.1 * f64::from(n), 1.1, -0.5), Linear::clamp(-5.0, 60.0)];
        for count in 0..=4 {
            let maps: Vec<Linear> = (0..count).flat_map(window).collect();
            let mut want = voxels.clone();
            linear::run(&mut want, &maps);
            for (offset, each) in [(0, 300), (1, 16), (5, 100), (16, 7)] {
                let mut out = vec![0.0f32; offset + voxels.len() + 1];
                let mut to = Streamed::onto(bytemuck::cast_slice_mut(&mut out[offset..]));
                voxels.chunks(each).for_each(|piece| to.put_mapped(piece, &maps));
                drop(to);
                let bits = |row: &[f32]| row.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&out[offset..][..voxels.len()]), bits(&want), "{count} windows");
                assert_eq!(out[offset + voxels.len()], 0.0);
            }
        }
    }

    #[test]
    fn pieces_of_any_length_lie_end_to_end() {
        let bytes: Vec<u8> = (0..2000).map(|n| (n * 7 % 251) as u8).collect();
        for (offset, each) in [(0, 64), (1, 64), (16, 100), (3, 1), (5, 700), (63, 2000)] {
            let mut out = vec![0; offset + bytes.len() + 1];
            let mut to = Streamed::onto(&mut out[offset..]);
            bytes.chunks(each).for_each(|piece| to.put(piece));
            drop(to);
            assert_eq!(out[offset..][..bytes.len()], bytes);
            assert_eq!(out[offset + bytes.len()], 0);
        }
    }
}
