//! Rows of weights.

use crate::kernel::kernel;

/// Lanes of a sum.
const LANES: usize = 16;

kernel! {
    /// The sum of a row of weights, in double precision in a fixed order; `None` if one is negative, infinite or NaN.
    ///
    /// ```
    /// use medkernels::weights::total;
    /// assert_eq!(total(&[0.5, 0.0, 2.0]), Some(2.5));
    /// assert_eq!(total(&[0.5, -1.0]), None);
    /// ```
    pub fn total(row: &[f32]) -> Option<f64> {
        let mut sums = [0f64; LANES];
        let mut fine = [true; LANES];
        let (whole, rest) = row.as_chunks::<LANES>();
        for chunk in whole {
            for (n, w) in chunk.iter().enumerate() {
                sums[n] += f64::from(*w);
                fine[n] &= (*w >= 0.0) & (*w < f32::INFINITY);
            }
        }
        for (n, w) in rest.iter().enumerate() {
            sums[n] += f64::from(*w);
            fine[n] &= (*w >= 0.0) & (*w < f32::INFINITY);
        }
        fine.iter().all(|f| *f).then(|| sums.iter().sum())
    }
}
