//! Rows of overlapping predictions: weighted, summed, divided, compared.

use crate::kernel::kernel;

kernel! {
    /// `sums[i] += weights[i] * values[i]`, as far as the shortest goes.
    pub fn add_weighted(sums: &mut [f32], weights: &[f32], values: &[f32]) {
        for ((s, w), v) in sums.iter_mut().zip(weights).zip(values) {
            *s += *w * *v;
        }
    }
}

kernel! {
    /// `sums[i] += weights[i]`, as far as the shorter goes.
    pub fn add(sums: &mut [f32], weights: &[f32]) {
        for (s, w) in sums.iter_mut().zip(weights) {
            *s += *w;
        }
    }
}

kernel! {
    /// `sums[i] /= weights[i]`, as far as the shorter goes; whether all quotients are finite.
    pub fn divide(sums: &mut [f32], weights: &[f32]) -> bool {
        let mut finite = true;
        for (s, w) in sums.iter_mut().zip(weights) {
            *s /= *w;
            finite &= s.is_finite();
        }
        finite
    }
}

kernel! {
    /// Where `values[i]` is greater than `best[i]`, it becomes the best, and `index` the one of it: called for one class after the other, the
    /// first of equal ones wins, as in NumPy's `argmax`.
    pub fn take_greater(values: &[f32], index: u32, best: &mut [f32], of_best: &mut [u32]) {
        for ((v, b), n) in values.iter().zip(best).zip(of_best) {
            let greater = *v > *b;
            *b = if greater { *v } else { *b };
            *n = if greater { index } else { *n };
        }
    }
}
