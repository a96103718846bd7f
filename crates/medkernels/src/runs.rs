//! Runs of equal voxels.

use std::ops::Range;

use crate::element::Element;
use crate::kernel::kernel;

/// Voxels looked at in one call of the kernel.
const BLOCK: usize = 4096;

kernel! {
    /// Bit `i % 64` of `starts[i / 64]` is set where voxel `i` differs from the one before it, and for the first.
    fn starts[T: Element](voxels: &[T], starts: &mut [u64]) {
        for (n, word) in starts.iter_mut().enumerate().take(voxels.len().div_ceil(64)) {
            let from = n * 64;
            let here = &voxels[from..voxels.len().min(from + 64)];
            let mut differs = [0u8; 64];
            if n > 0 && here.len() == 64 {
                let before = &voxels[from - 1..from + 63];
                // Most are: labels have long runs.
                if here == before {
                    *word = 0;
                    continue;
                }
                for ((d, a), b) in differs.iter_mut().zip(here).zip(before) {
                    *d = u8::from(*a != *b);
                }
            } else {
                for (j, d) in differs.iter_mut().enumerate().take(here.len()) {
                    *d = u8::from(from + j == 0 || voxels[from + j] != voxels[from + j - 1]);
                }
            }
            let mut bits = 0;
            for (n, eight) in differs.as_chunks::<8>().0.iter().enumerate() {
                // The product gathers the lowest bits of eight bytes in its highest byte.
                let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                bits |= gathered << (8 * n);
            }
            *word = bits;
        }
    }
}

/// Calls `f` with each run of equal voxels, in order, and their value; a NaN is a run by itself.
///
/// ```
/// let mut runs = vec![];
/// medkernels::runs::for_each_run(&[7u8, 7, 7, 0, 2, 2], |run, value| runs.push((run, value)));
/// assert_eq!(runs, [(0..3, 7), (3..4, 0), (4..6, 2)]);
/// ```
pub fn for_each_run<T: Element>(voxels: &[T], mut f: impl FnMut(Range<usize>, T)) {
    let mut begun = 0;
    let mut words = [0u64; BLOCK / 64];
    for (n, block) in voxels.chunks(BLOCK).enumerate() {
        let from = n * BLOCK;
        if from > 0 && *block == voxels[from - 1..from - 1 + block.len()] {
            continue;
        }
        starts(block, &mut words);
        if from == 0 || block[0] == voxels[from - 1] {
            words[0] &= !1;
        }
        for (n, &word) in words.iter().enumerate().take(block.len().div_ceil(64)) {
            let mut left = word;
            while left != 0 {
                let at = from + n * 64 + left.trailing_zeros() as usize;
                f(begun..at, voxels[begun]);
                begun = at;
                left &= left - 1;
            }
        }
    }
    if let Some(&value) = voxels.get(begun) {
        f(begun..voxels.len(), value);
    }
}
