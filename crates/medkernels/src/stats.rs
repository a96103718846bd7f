//! Mean, variance, minimum and maximum of rows, with f64 sums in fixed lanes.

use crate::kernel::kernel;

/// Lanes of a sum: fixed, so that every level adds in the same order.
const LANES: usize = 32;

/// Values summed about one shift before they are merged: 16 KiB, which stays in the first cache.
pub const BLOCK: usize = 4096;

/// The largest float32 that is not above `v`: a float32 is above the one if it is above the other.
///
/// ```
/// use medkernels::stats::floor_f32;
/// assert_eq!(floor_f32(0.5), 0.5);
/// // The float32 nearest to 0.1 is above it.
/// assert_eq!(floor_f32(0.1), 0.1f32.next_down());
/// ```
pub fn floor_f32(v: f64) -> f32 {
    let near = v as f32;
    if f64::from(near) > v { near.next_down() } else { near }
}

/// Which voxels of a row count.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// Every voxel.
    All,
    /// Those not equal to zero (NaN is kept).
    Nonzero,
    /// Those greater than this (NaN is not kept).
    Above(f32),
    /// Those whose byte is not zero; as long as the row.
    Mask(&'a [u8]),
}

impl Keep<'_> {
    fn check(self, len: usize) {
        if let Keep::Mask(mask) = self {
            assert_eq!(mask.len(), len, "the mask and the row differ in length");
        }
    }
}

/// Count, mean and sum of squared deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Values counted.
    pub n: u64,
    /// Their mean; 0 if there are none.
    pub mean: f64,
    /// The sum of `(x - mean)^2`.
    pub m2: f64,
}

impl Moments {
    /// Those of both sets together (Chan, Golub and LeVeque 1979). The order of merging decides the last
    /// bits: merge rows in index order.
    #[must_use]
    pub fn merge(self, other: Moments) -> Moments {
        if other.n == 0 {
            return self;
        }
        if self.n == 0 {
            return other;
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let delta = other.mean - self.mean;
        Moments {
            n,
            mean: self.mean + delta * share,
            m2: self.m2 + other.m2 + delta * delta * (self.n as f64 * share),
        }
    }

    /// The population variance, `m2 / n`, as NumPy's `var`; NaN if there are no values.
    pub fn variance(&self) -> f64 {
        if self.n == 0 { f64::NAN } else { self.m2 / self.n as f64 }
    }

    /// The population standard deviation, as NumPy's `std`; NaN if there are no values.
    pub fn std(&self) -> f64 {
        self.variance().sqrt()
    }
}

/// Count, mean and squared deviations of the kept voxels of a row.
///
/// Blocks of 4096 are summed in f64 about a value of their own, and again about their mean if that proves
/// ill-conditioned, so a mean of 1e4 with a deviation of 0.1 loses nothing. NaN among the kept voxels makes
/// mean and m2 NaN; an infinity makes m2 NaN.
///
/// ```
/// use medkernels::stats::{Keep, moments};
/// let m = moments(&[0.0, 1.0, 3.0], Keep::Nonzero);
/// assert_eq!((m.n, m.mean, m.std()), (2, 2.0, 1.0));
/// ```
///
/// # Panics
/// If a mask's length differs from the row's.
pub fn moments(row: &[f32], keep: Keep) -> Moments {
    block_moments(row, keep).fold(Moments::default(), Moments::merge)
}

/// The moments of each [`BLOCK`] of a row, which merged in order are the [`moments`] of the row: so parts of it that are
/// whole blocks can be looked at apart.
///
/// # Panics
/// If a mask's length differs from the row's.
pub fn block_moments<'a>(row: &'a [f32], keep: Keep<'a>) -> impl Iterator<Item = Moments> + 'a {
    keep.check(row.len());
    row.chunks(BLOCK).enumerate().map(move |(index, block)| match keep {
        Keep::All => block_all(block),
        Keep::Nonzero => block_nonzero(block),
        Keep::Above(limit) => block_above(block, limit),
        Keep::Mask(mask) => block_masked(block, &mask[index * BLOCK..][..block.len()]),
    })
}

kernel! {
    fn block_all(row: &[f32]) -> Moments {
        block(row, row, |_, _| true)
    }
}

kernel! {
    fn block_nonzero(row: &[f32]) -> Moments {
        block(row, row, |x, _| x != 0.0)
    }
}

kernel! {
    fn block_above(row: &[f32], limit: f32) -> Moments {
        block(row, row, |x, _| x > limit)
    }
}

kernel! {
    fn block_masked(row: &[f32], mask: &[u8]) -> Moments {
        block(row, mask, |_, m| m != 0)
    }
}

/// The moments of at most [`BLOCK`] values. `side` runs beside the row and decides with the value what is kept.
#[inline(always)]
fn block<S: Copy>(row: &[f32], side: &[S], kept: impl Fn(f32, S) -> bool + Copy) -> Moments {
    let Some(first) = first_kept(row, side, kept) else { return Moments::default() };
    let shift = if first.is_finite() { first as f64 } else { 0.0 };
    let (n, s1, s2) = sums(row, side, shift, kept);
    let offset = s1 / n;
    let m2 = s2 - s1 * offset;
    // The relative error of m2 is about s2 / m2 roundings; beyond some dozens, sum again about the mean.
    if s2 <= 64.0 * m2 || s2 == 0.0 {
        return Moments { n: n as u64, mean: shift + offset, m2 };
    }
    let mean = shift + offset;
    if !mean.is_finite() {
        return Moments { n: n as u64, mean, m2: f64::NAN };
    }
    let (_, s1, s2) = sums(row, side, mean, kept);
    let offset = s1 / n;
    Moments { n: n as u64, mean: mean + offset, m2: s2 - s1 * offset }
}

#[inline(always)]
fn first_kept<S: Copy>(row: &[f32], side: &[S], kept: impl Fn(f32, S) -> bool + Copy) -> Option<f32> {
    for (values, sides) in row.chunks(LANES).zip(side.chunks(LANES)) {
        let mut any = false;
        for (x, s) in values.iter().zip(sides) {
            any |= kept(*x, *s);
        }
        if any {
            return values.iter().zip(sides).find(|(x, s)| kept(**x, **s)).map(|(x, _)| *x);
        }
    }
    None
}

/// Count, sum and sum of squares of `x - shift` over the kept values.
#[inline(always)]
fn sums<S: Copy>(row: &[f32], side: &[S], shift: f64, kept: impl Fn(f32, S) -> bool) -> (f64, f64, f64) {
    let mut n = [0u32; LANES];
    let mut s1 = [0.0f64; LANES];
    let mut s2 = [0.0f64; LANES];
    let (values, values_tail) = row.as_chunks::<LANES>();
    let (sides, sides_tail) = side.as_chunks::<LANES>();
    for (x, s) in values.iter().zip(sides) {
        for i in 0..LANES {
            let is_kept = kept(x[i], s[i]);
            let d = if is_kept { x[i] as f64 - shift } else { 0.0 };
            n[i] += u32::from(is_kept);
            s1[i] += d;
            s2[i] += d * d;
        }
    }
    for (i, (x, s)) in values_tail.iter().zip(sides_tail).enumerate() {
        if kept(*x, *s) {
            let d = *x as f64 - shift;
            n[i] += 1;
            s1[i] += d;
            s2[i] += d * d;
        }
    }
    (f64::from(n.iter().sum::<u32>()), total(&s1), total(&s2))
}

/// The sum of the lanes, halves onto halves.
#[inline(always)]
fn total(lanes: &[f64; LANES]) -> f64 {
    let mut sums = *lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

/// Smallest and largest value, and how many were counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// The smallest kept value that is not NaN; +inf if there is none.
    pub min: f32,
    /// The largest kept value that is not NaN; -inf if there is none.
    pub max: f32,
    /// Kept values, NaN and infinities included.
    pub n: u64,
    /// Kept values that are NaN.
    pub nan: u64,
    /// Kept values that are infinite; they take part in `min` and `max`.
    pub infinite: u64,
}

impl Default for Extent {
    /// That of no values.
    fn default() -> Self {
        Extent { min: f32::INFINITY, max: f32::NEG_INFINITY, n: 0, nan: 0, infinite: 0 }
    }
}

impl Extent {
    /// That of both sets together.
    #[must_use]
    pub fn merge(self, other: Extent) -> Extent {
        Extent {
            min: if other.min < self.min { other.min } else { self.min },
            max: if other.max > self.max { other.max } else { self.max },
            n: self.n + other.n,
            nan: self.nan + other.nan,
            infinite: self.infinite + other.infinite,
        }
    }
}

/// Minimum, maximum and counts of the kept voxels of a row.
///
/// ```
/// use medkernels::stats::{Keep, extent};
/// let e = extent(&[3.0, f32::NAN, -1.0], Keep::All);
/// assert_eq!((e.min, e.max, e.n, e.nan), (-1.0, 3.0, 3, 1));
/// ```
///
/// # Panics
/// If a mask's length differs from the row's.
pub fn extent(row: &[f32], keep: Keep) -> Extent {
    keep.check(row.len());
    let mut total = Extent::default();
    // Lane counts are 32 bits wide; parts keep them far from overflow.
    const PART: usize = 1 << 20;
    for (index, part) in row.chunks(PART).enumerate() {
        total = total.merge(match keep {
            Keep::All => extent_all(part),
            Keep::Nonzero => extent_nonzero(part),
            Keep::Above(limit) => extent_above(part, limit),
            Keep::Mask(mask) => extent_masked(part, &mask[index * PART..][..part.len()]),
        });
    }
    total
}

kernel! {
    fn extent_all(row: &[f32]) -> Extent {
        extent_of(row, row, |_, _| true)
    }
}

kernel! {
    fn extent_nonzero(row: &[f32]) -> Extent {
        extent_of(row, row, |x, _| x != 0.0)
    }
}

kernel! {
    fn extent_above(row: &[f32], limit: f32) -> Extent {
        extent_of(row, row, |x, _| x > limit)
    }
}

kernel! {
    fn extent_masked(row: &[f32], mask: &[u8]) -> Extent {
        extent_of(row, mask, |_, m| m != 0)
    }
}

#[inline(always)]
fn extent_of<S: Copy>(row: &[f32], side: &[S], kept: impl Fn(f32, S) -> bool + Copy) -> Extent {
    let mut min = [f32::INFINITY; LANES];
    let mut max = [f32::NEG_INFINITY; LANES];
    let mut n = [0u32; LANES];
    // The largest bits without sign: NaN and infinities are the largest of all.
    let mut peak = [0u32; LANES];
    let mut add = |i: usize, x: f32, s: S| {
        let is_kept = kept(x, s);
        min[i] = if is_kept & (x < min[i]) { x } else { min[i] };
        max[i] = if is_kept & (x > max[i]) { x } else { max[i] };
        n[i] += u32::from(is_kept);
        peak[i] = peak[i].max(if is_kept { x.abs().to_bits() } else { 0 });
    };
    let (values, values_tail) = row.as_chunks::<LANES>();
    let (sides, sides_tail) = side.as_chunks::<LANES>();
    for (x, s) in values.iter().zip(sides) {
        for i in 0..LANES {
            add(i, x[i], s[i]);
        }
    }
    for (i, (x, s)) in values_tail.iter().zip(sides_tail).enumerate() {
        add(i, *x, *s);
    }
    let mut total = Extent::default();
    for i in 0..LANES {
        total = total.merge(Extent { min: min[i], max: max[i], n: u64::from(n[i]), nan: 0, infinite: 0 });
    }
    if peak.iter().all(|&bits| bits < f32::INFINITY.to_bits()) {
        return total;
    }
    for (x, s) in row.iter().zip(side) {
        let is_kept = kept(*x, *s);
        total.nan += u64::from(is_kept & x.is_nan());
        total.infinite += u64::from(is_kept & (x.abs() == f32::INFINITY));
    }
    total
}
