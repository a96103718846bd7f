//! How often a value occurs.

use crate::element::Element;
use crate::kernel::kernel;

/// The most voxels that are looked at in one call: counts have 16 bits.
pub const MOST: usize = u16::MAX as usize;

kernel! {
    /// Adds to each row's count the voxels of the row that are `value`, of those whose byte in `kept` is 1, and gives how many they are in all. Rows have `nx` voxels.
    ///
    /// ```
    /// let mut counts = [10, 0];
    /// assert_eq!(medkernels::counts::rows(&[7i16, 0, 7, 7, 7, 7], None, 7, 3, &mut counts), 5);
    /// assert_eq!(counts, [12, 3]);
    /// ```
    pub fn rows[T: Element](voxels: &[T], kept: Option<&[u8]>, value: T, nx: usize, counts: &mut [u16]) -> usize {
        let mut all = 0;
        match kept {
            None => {
                for (row, count) in voxels.chunks_exact(nx.max(1)).zip(counts) {
                    let found = row.iter().fold(0u16, |n, v| n + u16::from(*v == value));
                    *count += found;
                    all += usize::from(found);
                }
            }
            Some(kept) => {
                let kept = kept.chunks_exact(nx.max(1));
                for ((row, kept), count) in voxels.chunks_exact(nx.max(1)).zip(kept).zip(counts) {
                    let found = row.iter().zip(kept).fold(0u16, |n, (v, k)| n + (u16::from(*v == value) & u16::from(*k)));
                    *count += found;
                    all += usize::from(found);
                }
            }
        }
        all
    }
}

kernel! {
    /// Adds 1 to the count at each place where the voxel is `value`, of those whose byte in `kept` is 1, and gives how many they are; of up to [`MOST`] voxels.
    ///
    /// ```
    /// let mut counts = [10, 0, 3];
    /// assert_eq!(medkernels::counts::places(&[7u8, 7, 0], Some(&[1, 0, 1]), 7, &mut counts), 1);
    /// assert_eq!(counts, [11, 0, 3]);
    /// ```
    pub fn places[T: Element](voxels: &[T], kept: Option<&[u8]>, value: T, counts: &mut [u16]) -> usize {
        let mut all = 0u16;
        match kept {
            None => {
                for (v, count) in voxels.iter().zip(counts) {
                    let found = u16::from(*v == value);
                    *count += found;
                    all += found;
                }
            }
            Some(kept) => {
                for ((v, k), count) in voxels.iter().zip(kept).zip(counts) {
                    let found = u16::from(*v == value) & u16::from(*k);
                    *count += found;
                    all += found;
                }
            }
        }
        usize::from(all)
    }
}

kernel! {
    /// Sets the bytes to 1 of voxels above `value`.
    pub fn above(voxels: &[f32], value: f32, kept: &mut [u8]) {
        for (v, k) in voxels.iter().zip(kept) {
            *k |= u8::from(*v > value);
        }
    }
}
