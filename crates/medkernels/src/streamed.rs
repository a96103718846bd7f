//! Output that goes past the caches.

use crate::intrinsics;

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
        let (dst, rest) = std::mem::take(&mut self.rest).split_at_mut(piece.len());
        self.rest = rest;
        // From the first cache line of the output on, whole lines.
        let head = dst.as_ptr().align_offset(64).min(dst.len());
        let (dst_head, dst) = dst.split_at_mut(head);
        let (src_head, src) = piece.split_at(head);
        dst_head.copy_from_slice(src_head);
        let (lines, tail) = dst.as_chunks_mut::<64>();
        let (from, src_tail) = src.as_chunks::<64>();
        for (line, from) in lines.iter_mut().zip(from) {
            intrinsics::stream_line(line, from);
        }
        tail.copy_from_slice(src_tail);
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
