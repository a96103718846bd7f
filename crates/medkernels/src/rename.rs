//! Values renamed.

use crate::element::Element;
use crate::kernel::kernel;

/// Voxels renamed at a time, in the first cache level.
const BLOCK: usize = 1024;

kernel! {
    /// Replaces each first value of a pair by the second, at once: what a pair has given is not replaced again. Each pair takes a look at every voxel, so a few are best.
    ///
    /// ```
    /// let mut voxels = [1u8, 2, 3, 1];
    /// medkernels::rename::rename(&mut voxels, &[(1, 2), (2, 1)]);
    /// assert_eq!(voxels, [2, 1, 3, 2]);
    /// ```
    pub fn rename[T: Element](voxels: &mut [T], pairs: &[(T, T)]) {
        for block in voxels.chunks_mut(BLOCK) {
            let mut before = [block[0]; BLOCK];
            let before = &mut before[..block.len()];
            before.copy_from_slice(block);
            for &(old, new) in pairs {
                for (v, was) in block.iter_mut().zip(&*before) {
                    *v = if *was == old { new } else { *v };
                }
            }
        }
    }
}
