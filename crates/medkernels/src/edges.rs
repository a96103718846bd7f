//! Voxels that have neighbours of another value.

use crate::element::Element;
use crate::kernel::kernel;

kernel! {
    /// Sets to 1 the bytes of voxels that differ from those of another row.
    ///
    /// ```
    /// let mut marks = [0, 0, 1];
    /// medkernels::edges::differ(&[1u8, 2, 3], &[1, 0, 3], &mut marks);
    /// assert_eq!(marks, [0, 1, 1]);
    /// ```
    pub fn differ[T: Element](row: &[T], other: &[T], marks: &mut [u8]) {
        for ((a, b), mark) in row.iter().zip(other).zip(marks) {
            *mark |= u8::from(a != b);
        }
    }
}

kernel! {
    /// The same of voxels that differ from one that is not 0.
    ///
    /// ```
    /// let mut marks = [0; 3];
    /// medkernels::edges::differ_from_labels(&[1u8, 2, 0], &[1, 0, 3], &mut marks);
    /// assert_eq!(marks, [0, 0, 1]);
    /// ```
    pub fn differ_from_labels[T: Element](row: &[T], other: &[T], marks: &mut [u8]) {
        let zero = T::from_f64_saturating(0.0);
        for ((a, b), mark) in row.iter().zip(other).zip(marks) {
            *mark |= u8::from((a != b) & (*b != zero));
        }
    }
}
