//! Kernels that change each voxel of a row by itself: in place, or on the way from another row.

use crate::ahead::{self, STRETCH};
use crate::element::Element;
use crate::elementary::{self, Exponents, POW_BLOCK};
use crate::intrinsics;
use crate::kernel::kernel;
use crate::linear::{self, Linear, held};

mod log;

pub use log::log;

/// Voxels to be changed. The most used kernels take either form; a slice, an array or a vector is [`Row::Here`].
#[derive(Debug)]
pub enum Row<'a> {
    /// In place.
    Here(&'a mut [f32]),
    /// From one row into another of the same length: memory is gone through once, not twice.
    From {
        /// The voxels.
        src: &'a [f32],
        /// Where the changed ones go.
        dst: &'a mut [f32],
    },
}

impl<'a> Row<'a> {
    /// The voxels in their place, unchanged.
    ///
    /// # Panics
    /// If two rows differ in length.
    pub fn in_place(self) -> &'a mut [f32] {
        match self {
            Row::Here(row) => row,
            Row::From { src, dst } => {
                dst.copy_from_slice(src);
                dst
            }
        }
    }
}

impl<'a> From<&'a mut [f32]> for Row<'a> {
    fn from(row: &'a mut [f32]) -> Self {
        Row::Here(row)
    }
}

impl<'a, const N: usize> From<&'a mut [f32; N]> for Row<'a> {
    fn from(row: &'a mut [f32; N]) -> Self {
        Row::Here(row)
    }
}

impl<'a> From<&'a mut Vec<f32>> for Row<'a> {
    fn from(row: &'a mut Vec<f32>) -> Self {
        Row::Here(row)
    }
}

/// Asks for voxels that are wanted soon to be brought into the first cache, without waiting for them.
#[inline]
pub fn fetch(row: &[f32]) {
    for line in row.chunks(16) {
        intrinsics::prefetch(bytemuck::cast_slice(line));
    }
}

/// Sets each voxel of a row to `finish(voxel, its power)`; `raise` makes a block's powers of what `start` makes of the voxels. A macro, because a
/// function that is handed over is compiled for the base of the target and not for the kernel's level.
macro_rules! for_blocks {
    ($row:expr, $start:expr, $raise:path, $exponent:expr, $finish:expr) => {{
        let (blocks, rest) = $row.as_chunks_mut::<POW_BLOCK>();
        for block in blocks {
            let mut powers = [1.0; POW_BLOCK];
            for i in 0..POW_BLOCK {
                powers[i] = $start(block[i]);
            }
            $raise(&mut powers, $exponent);
            for i in 0..POW_BLOCK {
                block[i] = $finish(block[i], powers[i]);
            }
        }
        if !rest.is_empty() {
            let mut powers = [1.0; POW_BLOCK];
            for (power, x) in powers.iter_mut().zip(&*rest) {
                *power = $start(*x);
            }
            $raise(&mut powers, $exponent);
            for (x, power) in rest.iter_mut().zip(powers) {
                *x = $finish(*x, power);
            }
        }
    }};
}

/// Writes a point kernel for both forms of a [`Row`] from the expression for one voxel.
macro_rules! point {
    (
        $(#[$meta:meta])*
        $vis:vis fn $name:ident($x:ident, $($arg:ident: $ty:ty),*) $value:block
    ) => {
        $(#[$meta])*
        ///
        /// # Panics
        /// If the two rows of a [`Row::From`] differ in length.
        $vis fn $name<'a>(row: impl Into<Row<'a>>, $($arg: $ty),*) {
            kernel! {
                fn here(row: &mut [f32], $($arg: $ty),*) {
                    for voxel in row {
                        let $x = *voxel;
                        *voxel = $value;
                    }
                }
            }
            kernel! {
                fn on_the_way(dst: &mut [f32], src: &[f32], $($arg: $ty),*) {
                    for (voxels, from) in dst.chunks_mut(STRETCH).zip(src.chunks(STRETCH)) {
                        ahead::read(from);
                        ahead::write(voxels);
                        for (voxel, from) in voxels.iter_mut().zip(from) {
                            let $x = *from;
                            *voxel = $value;
                        }
                    }
                }
            }
            match row.into() {
                Row::Here(row) => here(row, $($arg),*),
                Row::From { src, dst } => {
                    assert_eq!(src.len(), dst.len(), "the rows differ in length");
                    on_the_way(dst, src, $($arg),*);
                }
            }
        }
    };
}

/// `(x - mean) * inv_std`, computed in f32 as `((x - hi) - lo) * inv_std` with the mean split in two.
///
/// ```
/// let mut row = [1.0, 2.0, 3.0];
/// medkernels::points::normalize(&mut row, 2.0, 0.5);
/// assert_eq!(row, [-0.5, 0.0, 0.5]);
/// ```
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn normalize<'a>(row: impl Into<Row<'a>>, mean: f64, inv_std: f64) {
    linear::run(row, &[Linear::normalize(mean, inv_std)]);
}

/// `x * mul + add`, two roundings.
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn affine<'a>(row: impl Into<Row<'a>>, mul: f32, add: f32) {
    linear::run(row, &[Linear::affine(mul, add)]);
}

/// Holds each voxel in `lo..=hi`. NaN stays NaN.
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn clamp<'a>(row: impl Into<Row<'a>>, lo: f32, hi: f32) {
    linear::run(row, &[Linear::clamp(lo, hi)]);
}

/// `from + (to - from) * t^gamma` for the share `t` of the way from `from` to `to` that a voxel has gone, `gamma` above 0, up to 2^14; what lies
/// before `from` becomes `from`. Off by less than `(2 + 1.2 gamma) * 1e-7` of the way. NaN and infinities stay.
///
/// ```
/// let mut row = [10.0, 12.0, 14.0];
/// medkernels::points::gamma_between(&mut row, 10.0, 14.0, 2.0);
/// assert_eq!(row, [10.0, 11.0, 14.0]);
/// ```
pub fn gamma_between(row: &mut [f32], from: f32, to: f32, gamma: f32) {
    one_gamma(row, [from, 1.0 / (to - from), to - from], gamma);
}

/// [`gamma_between`] with a power for each voxel.
///
/// # Panics
/// If the powers are fewer than the voxels.
pub fn gammas_between(row: &mut [f32], from: f32, to: f32, gammas: &[f32]) {
    many_gammas(row, [from, 1.0 / (to - from), to - from], gammas);
}

kernel! {
    fn one_gamma(row: &mut [f32], way: [f32; 3], gamma: f32) {
        powers_of_shares(row, way, gamma);
    }
}

kernel! {
    fn many_gammas(row: &mut [f32], way: [f32; 3], gammas: &[f32]) {
        let (whole, rest) = gammas[..row.len()].as_chunks::<POW_BLOCK>();
        let mut last = [1.0; POW_BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        for (row, gammas) in row.chunks_mut(POW_BLOCK).zip(whole.iter().chain([&last])) {
            powers_of_shares(row, way, gammas);
        }
    }
}

/// `way` is its start, one by its length, and its length.
#[inline(always)]
fn powers_of_shares<E: Exponents>(row: &mut [f32], [from, inverse, length]: [f32; 3], gamma: E) {
    let finish = |x: f32, power: f32| {
        let share = (x - from) * inverse;
        let value = from + if share < f32::MIN_POSITIVE { 0.0 } else { power } * length;
        if x.abs() < f32::INFINITY { value } else { x }
    };
    let start = |x: f32| {
        let share = (x - from) * inverse;
        if share < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { share }
    };
    for_blocks!(row, start, elementary::pow_block_32, gamma, finish);
}

kernel! {
    /// `x + other * k`, over the shorter of both lengths.
    pub fn add_scaled(row: &mut [f32], other: &[f32], k: f32) {
        for (x, y) in row.iter_mut().zip(other) {
            *x += *y * k;
        }
    }
}

kernel! {
    /// `x * other`, over the shorter of both lengths.
    pub fn multiply(row: &mut [f32], other: &[f32]) {
        for (x, y) in row.iter_mut().zip(other) {
            *x *= *y;
        }
    }
}

/// Where a piece of a piecewise linear function begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knot {
    /// The voxel value at which the piece begins.
    pub at: f32,
    /// What it becomes.
    pub value: f32,
    /// The slope from there on.
    pub slope: f32,
}

kernel! {
    /// A piecewise linear function of each voxel, `value + (x - at) * slope` of the last knot that is not above it, or of the first; `knots` rise, and voxels are
    /// first held between `ends`. NaN stays NaN.
    ///
    /// # Panics
    /// If there is no knot.
    pub fn piecewise_linear(row: &mut [f32], knots: &[Knot], ends: [f32; 2]) {
        let (groups, rest) = row.as_chunks_mut::<32>();
        for group in groups {
            pieces(group, ends[0], ends[1], knots);
        }
        for voxel in rest.as_chunks_mut::<1>().0 {
            pieces(voxel, ends[0], ends[1], knots);
        }
    }
}

#[inline(always)]
fn pieces<const W: usize>(group: &mut [f32; W], low: f32, high: f32, knots: &[Knot]) {
    let mut piece = [knots[0]; W];
    for voxel in group.iter_mut() {
        *voxel = held(*voxel, low, high);
    }
    for knot in &knots[1..] {
        for i in 0..W {
            let begun = group[i] >= knot.at;
            piece[i].at = if begun { knot.at } else { piece[i].at };
            piece[i].value = if begun { knot.value } else { piece[i].value };
            piece[i].slope = if begun { knot.slope } else { piece[i].slope };
        }
    }
    for i in 0..W {
        group[i] = piece[i].value + (group[i] - piece[i].at) * piece[i].slope;
    }
}

kernel! {
    /// Each voxel times e to the power of a sum of functions: `sum over k of weights[k] * basis[k * stride + i]` for voxel `i`, `k` upwards.
    ///
    /// # Panics
    /// If `basis` is too short for the row and the weights.
    pub fn multiply_by_exp(row: &mut [f32], basis: &[f32], stride: usize, weights: &[f32]) {
        let mut at = 0;
        let (groups, rest) = row.as_chunks_mut::<32>();
        for group in groups {
            exp_of_sum(group, &basis[at..], stride, weights);
            at += 32;
        }
        for voxel in rest.as_chunks_mut::<1>().0 {
            exp_of_sum(voxel, &basis[at..], stride, weights);
            at += 1;
        }
    }
}

#[inline(always)]
fn exp_of_sum<const W: usize>(group: &mut [f32; W], basis: &[f32], stride: usize, weights: &[f32]) {
    let mut sum = [0.0f32; W];
    for (k, weight) in weights.iter().enumerate() {
        let function = &basis[k * stride..][..W];
        for i in 0..W {
            sum[i] += function[i] * *weight;
        }
    }
    for i in 0..W {
        group[i] *= elementary::exp_32(sum[i]);
    }
}

kernel! {
    /// `sqrt(x^2 + other^2)`, over the shorter of both lengths.
    pub fn magnitude(row: &mut [f32], other: &[f32]) {
        for (x, y) in row.iter_mut().zip(other) {
            *x = (*x * *x + *y * *y).sqrt();
        }
    }
}

/// The nearest of `levels` values that lie evenly from `low` to `high`; halves go to the even one, counted from `low`. What lies beyond the ends goes
/// to them. NaN stays NaN.
///
/// `levels` is from 2 to 2^20.
///
/// ```
/// let mut row = [0.0, 0.3, 0.8, 7.0];
/// medkernels::points::quantize(&mut row, 0.0, 1.0, 3);
/// assert_eq!(row, [0.0, 0.5, 1.0, 1.0]);
/// ```
///
/// # Panics
/// If the two rows of a [`Row::From`] differ in length.
pub fn quantize<'a>(row: impl Into<Row<'a>>, low: f32, high: f32, levels: u32) {
    let last = levels.clamp(2, 1 << 20) - 1;
    let step = (f64::from(high) - f64::from(low)) / f64::from(last);
    nearest_level(row, low, (1.0 / step) as f32, step as f32, last as f32);
}

point! {
    fn nearest_level(x, low: f32, inverse: f32, step: f32, last: f32) {
        const ROUND: f32 = 12_582_912.0;
        let level = held((x - low) * inverse, 0.0, last);
        low + ((level + ROUND) - ROUND) * step
    }
}

kernel! {
    /// e to the power of each voxel. Below 1 unit in the last place.
    pub fn exp(row: &mut [f32]) {
        for x in row {
            *x = elementary::exp_32(*x);
        }
    }
}

kernel! {
    /// The natural logarithm of each voxel. Below 1 unit in the last place. Zero gives -inf, a negative
    /// number NaN.
    pub fn ln(row: &mut [f32]) {
        for x in row {
            *x = elementary::ln_32(*x);
        }
    }
}

kernel! {
    /// A function of each voxel that is linear between values at even distances: the pairs of `table` are a value and the way to the next one, the first at `first`, each one by
    /// `inverse` further on. Held beyond the first and the last. NaN stays NaN.
    ///
    /// # Panics
    /// If the table is empty.
    pub fn between_even(row: &mut [f32], first: f32, inverse: f32, table: &[[f32; 2]]) {
        let (groups, rest) = row.as_chunks_mut::<64>();
        for group in groups {
            between(group, first, inverse, table);
        }
        for voxel in rest.as_chunks_mut::<1>().0 {
            between(voxel, first, inverse, table);
        }
    }
}

#[inline(always)]
fn between<const W: usize>(group: &mut [f32; W], first: f32, inverse: f32, table: &[[f32; 2]]) {
    // Places are whole below 2^22, where adding this rounds to them.
    const ROUND: f32 = 12_582_912.0;
    let last = (table.len() - 1) as f32;
    let (mut below, mut share) = ([0u32; W], [0f32; W]);
    for i in 0..W {
        let place = held((group[i] - first) * inverse, 0.0, last);
        let whole = (place + ROUND) - ROUND;
        let whole = if whole > place { whole - 1.0 } else { whole };
        share[i] = place - whole;
        let whole = if place.is_nan() { 0.0 } else { whole };
        below[i] = (whole + ROUND).to_bits() & 0x003f_ffff;
    }
    for i in 0..W {
        let [value, way] = table[below[i] as usize];
        group[i] = value + share[i] * way;
    }
}

kernel! {
    /// The logistic function of `(x - centre) * steepness`, from 0 to 1 brought onto a range.
    pub fn sigmoid(row: &mut [f32], centre: f32, steepness: f32, range: [f32; 2]) {
        let [low, high] = range;
        for x in row {
            *x = low + (high - low) / (1.0 + elementary::exp_32((centre - *x) * steepness));
        }
    }
}

kernel! {
    /// `other` over the root of each voxel, or over `floor` where that is larger; over the shorter of both lengths.
    pub fn over_deviation(row: &mut [f32], other: &[f32], floor: f32) {
        for (x, y) in row.iter_mut().zip(other) {
            let deviation = x.sqrt();
            *x = *y / if deviation < floor { floor } else { deviation };
        }
    }
}

point! {
    /// What is from `low` to `high` becomes `inside`, all else, NaN too, `outside`.
    pub fn inside(x, low: f32, high: f32, inside: f32, outside: f32) {
        if (x >= low) & (x <= high) { inside } else { outside }
    }
}

kernel! {
    /// What is in `range` becomes `inside`, or stays if there is none; all else becomes `outside`. Over the shorter of both lengths.
    pub fn within[T: Element](src: &[T], dst: &mut [T], range: [T; 2], inside: Option<T>, outside: T) {
        let [low, high] = range;
        let pairs = src.iter().zip(dst);
        match inside {
            Some(inside) => pairs.for_each(|(x, y)| *y = if (*x >= low) & (*x <= high) { inside } else { outside }),
            None => pairs.for_each(|(x, y)| *y = if (*x >= low) & (*x <= high) { *x } else { outside }),
        }
    }
}

point! {
    /// What is not from `low` to `high`, NaN too, becomes `outside`.
    pub fn keep_inside(x, low: f32, high: f32, outside: f32) {
        if (x >= low) & (x <= high) { x } else { outside }
    }
}

/// Each voxel to the power `gamma`: below 0.55 + 0.02 |gamma| units in the last place, special cases as IEEE
/// 754's `pow`.
///
/// A negative voxel gives NaN unless `gamma` is whole. `gamma` 1 changes nothing, 0 gives 1 everywhere.
pub fn pow(row: &mut [f32], gamma: f64) {
    if gamma == 1.0 {
        return;
    }
    if gamma == 0.0 {
        row.fill(1.0);
    } else if gamma == 2.0 {
        square(row);
    } else if gamma == 0.5 {
        square_root(row);
    } else if gamma.is_finite() && gamma == libm::trunc(gamma) {
        pow_whole(row, gamma, if libm::fmod(gamma, 2.0) == 0.0 { 1.0 } else { -1.0 });
    } else {
        pow_positive(row, gamma);
    }
}

kernel! {
    fn square(row: &mut [f32]) {
        for x in row {
            *x *= *x;
        }
    }
}

kernel! {
    fn square_root(row: &mut [f32]) {
        for x in row {
            // IEEE 754 has pow(-inf, 0.5) = inf and pow(-0, 0.5) = 0.
            *x = if *x == f32::NEG_INFINITY { f32::INFINITY } else { x.sqrt() + 0.0 };
        }
    }
}

kernel! {
    /// The sign of each voxel times its magnitude to the power `gamma`, above 0, up to 2^14: below 1.5 + gamma units in the last place. Subnormal
    /// magnitudes count as 0. NaN and infinities stay.
    pub fn pow_signed(row: &mut [f32], gamma: f32) {
        let start = |x: f32| if x.abs() < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { x.abs() };
        let finish = |x: f32, power: f32| {
            let value = if x.abs() < f32::MIN_POSITIVE { 0.0 } else { power };
            if x.abs() < f32::INFINITY { value.copysign(x) } else { x }
        };
        for_blocks!(row, start, elementary::pow_block_32, gamma, finish);
    }
}

kernel! {
    fn pow_positive(row: &mut [f32], gamma: f64) {
        // -0 has the powers of 0, and -inf those of inf.
        let finish = |x: f32, value: f32| if x < 0.0 && x != f32::NEG_INFINITY { f32::NAN } else { value };
        for_blocks!(row, f32::abs, elementary::pow_block, gamma, finish);
    }
}

kernel! {
    /// `sign` is what a negative voxel's power is multiplied by.
    fn pow_whole(row: &mut [f32], gamma: f64, sign: f32) {
        let finish = |x: f32, value: f32| if x.is_sign_negative() { value * sign } else { value };
        for_blocks!(row, f32::abs, elementary::pow_block, gamma, finish);
    }
}
