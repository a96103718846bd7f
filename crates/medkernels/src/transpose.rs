//! Tiles of a plane whose fastest axes differ between source and destination.

use crate::copy::Axis;

/// Bytes of a tile's row: a cache line, so that each line of either side is touched once.
const LINE: usize = 64;

/// Copies the plane `a` x `b`: `a` is contiguous in the destination, `b` in the source (forwards or backwards).
///
/// Index (0, 0) lies at the start of `dst` and at `start` of `src`. Rows of a tile are read whole into a buffer and written whole from it:
/// no line is met twice, whatever the strides do to the cache's sets.
pub(crate) fn plane<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], a: Axis, b: Axis, start: isize) {
    let side = (LINE / N).max(4);
    let mut tile = [[[0u8; N]; LINE]; LINE];
    for b0 in (0..b.count).step_by(side) {
        let width = side.min(b.count - b0);
        for a0 in (0..a.count).step_by(side) {
            let height = side.min(a.count - a0);
            for (i, row) in tile[..height].iter_mut().enumerate() {
                let from = start + (a0 + i) as isize * a.src + b0 as isize * b.src;
                if b.src == 1 {
                    row[..width].copy_from_slice(&src[from as usize..from as usize + width]);
                } else {
                    let end = from as usize + 1;
                    row[..width]
                        .iter_mut()
                        .zip(src[end - width..end].iter().rev())
                        .for_each(|(d, s)| *d = *s);
                }
            }
            for j in 0..width {
                let to = a0 + (b0 + j) * b.dst as usize;
                for (d, row) in dst[to..to + height].iter_mut().zip(&tile) {
                    *d = row[j];
                }
            }
        }
    }
}
