//! exp, ln, pow, sin and cos as polynomials in plain arithmetic: the same bits on every machine, and
//! vectorisable.
//!
//! Errors against the real functions are stated with each; the tests measure them against `libm` in f64.

/// The factor of 2^n for n in -127..=128, built from bits.
#[inline(always)]
fn power_of_two_32(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// Added and taken away again, it rounds numbers below 2^22 to whole ones.
const ROUND: f32 = 12_582_912.0;

/// e^x in f32. Below 1 unit in the last place; subnormal results included.
#[inline(always)]
pub(crate) fn exp_32(x: f32) -> f32 {
    // Beyond these the result is 0 or infinity whatever x is.
    let held = if x < -104.0 { -104.0 } else { x };
    let held = if held > 89.0 { 89.0 } else { held };
    let n = (held * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts: n has at most 8 bits and the first part 9 trailing zeros, so its product is exact.
    let r = (held - n * 0.693_359_375) - n * -2.121_944_4e-4;
    let value = times_power_of_two(exp_near_0(r), n);
    if x.is_nan() { x } else { value }
}

/// e^r for |r| up to half of ln 2.
#[inline(always)]
fn exp_near_0(r: f32) -> f32 {
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    (p * (r * r) + r) + 1.0
}

/// `value * 2^n` for a whole n in -252..=254. Two factors reach the subnormals and infinity.
#[inline(always)]
fn times_power_of_two(value: f32, n: f32) -> f32 {
    let n = (n + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
    let half = n >> 1;
    value * power_of_two_32(half) * power_of_two_32(n - half)
}

/// Exponent and mantissa of a positive normal number, `2^n * m`, such that m lies in sqrt(1/2)..sqrt(2).
#[inline(always)]
fn split(x: f32) -> (i32, f32) {
    let bits = x.to_bits();
    let n = (bits.wrapping_sub(0x3f35_04f3) as i32) >> 23;
    (n, f32::from_bits(bits.wrapping_sub((n << 23) as u32)))
}

/// ln of `2^n * m` with m as [`split`] gives it. Below 1 unit in the last place.
#[inline(always)]
fn ln_of(n: f32, m: f32) -> f32 {
    let f = m - 1.0;
    let z = f * f;
    let p = 7.037_683_6e-2;
    let p = p * f - 0.115_146_1;
    let p = p * f + 0.116_769_99;
    let p = p * f - 0.124_201_41;
    let p = p * f + 0.142_493_23;
    let p = p * f - 0.166_680_58;
    let p = p * f + 0.200_007_14;
    let p = p * f - 0.249_999_94;
    let p = p * f + 0.333_333_31;
    let y = p * f * z + n * -2.121_944_4e-4 - 0.5 * z;
    (f + y) + n * 0.693_359_375
}

/// ln x in f32, for x that is positive, normal and finite. Below 1 unit in the last place.
#[inline(always)]
pub(crate) fn ln_normal_32(x: f32) -> f32 {
    let (n, m) = split(x);
    ln_of(n as f32, m)
}

/// Whether all are positive, normal and finite.
#[inline(always)]
pub(crate) fn are_normal(values: impl Iterator<Item = f32>) -> bool {
    let smallest = f32::MIN_POSITIVE.to_bits();
    let above = values.map(|x| x.to_bits().wrapping_sub(smallest)).fold(0, u32::max);
    above < f32::INFINITY.to_bits() - smallest
}

/// ln x in f32. Below 1 unit in the last place. Zero gives -inf, a negative number NaN.
#[inline(always)]
pub(crate) fn ln_32(x: f32) -> f32 {
    // Subnormals are scaled into the normal range first.
    let is_small = x < f32::MIN_POSITIVE;
    let (n, m) = split(if is_small { x * 16_777_216.0 } else { x });
    let n = n - if is_small { 24 } else { 0 };
    let value = ln_of(n as f32, m);
    let value = if x == f32::INFINITY { x } else { value };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    if x < 0.0 || x.is_nan() { f32::NAN } else { value }
}

/// log2 x for positive finite x, in f64: absolute error below 1e-9 beside its rounding. Other x give any
/// number.
#[inline(always)]
fn log2_wide(x: f32) -> f64 {
    let is_small = x < f32::MIN_POSITIVE;
    let (n, m) = split(if is_small { x * 16_777_216.0 } else { x });
    let n = n - if is_small { 24 } else { 0 };
    // log2 m = 2 / ln 2 * atanh(s) with |s| < 0.1716, s = (m - 1) / (m + 1): an f32 reciprocal and one step
    // of Newton's. Only the leading term needs f64; the minimax polynomial in s^2 is off by 7e-10,
    // relatively.
    let wide = m as f64;
    let r = (1.0 / (m + 1.0)) as f64;
    let r = r * (2.0 - (wide + 1.0) * r);
    let wide_s = (wide - 1.0) * r;
    let s = wide_s as f32;
    let z = s * s;
    let p = (0.961_798_85 + 0.576_713_8 * z) + 0.431_750_34 * (z * z);
    (wide_s * 2.885_390_079_778_209 + (p * z * s) as f64) + n as f64
}

/// 2^y rounded to f32, relative error 2e-9 beside the rounding. NaN gives any number.
#[inline(always)]
fn exp2_wide(y: f64) -> f32 {
    let y = if y < -200.0 { -200.0 } else { y };
    let y = if y > 200.0 { 200.0 } else { y };
    // 2^y = 2^k * 2^t with t in -0.5..=0.5 and k in the low bits of the rounding sum.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let rounded = y + ROUND;
    let t = y - (rounded - ROUND);
    let t2 = t * t;
    let low = 0.999_999_999_919_332_1 + 0.693_147_206_708_315_7 * t;
    let middle = 0.240_226_515_025_656_98 + 5.550_327_217_832_646e-2 * t;
    let high = (9.617_994_792_677_379e-3 + 1.340_043_113_745_432_6e-3 * t) + 1.547_794_900_851_100_5e-4 * t2;
    let p = low + t2 * (middle + t2 * high);
    let scale = f64::from_bits((rounded.to_bits().wrapping_add(1023)) << 52);
    (p * scale) as f32
}

/// Raises each value to `exponent`: below 0.55 + 0.02 |exponent| units in the last place.
///
/// 0 to a positive power is 0, to a negative one infinity; a negative or NaN value gives NaN. The two halves
/// of the work go over a block one after the other, so that neither waits long for its own results.
#[inline(always)]
pub(crate) fn pow_block(row: &mut [f32; POW_BLOCK], exponent: f64) {
    let mut logs = [0.0f64; POW_BLOCK];
    for i in 0..POW_BLOCK {
        logs[i] = log2_wide(row[i]) * exponent;
    }
    let limit = if exponent > 0.0 { 0.0 } else { f32::INFINITY };
    for i in 0..POW_BLOCK {
        let x = row[i];
        let value = exp2_wide(logs[i]);
        let value = if x == 0.0 { limit } else { value };
        let value = if x == f32::INFINITY { 1.0 / limit } else { value };
        row[i] = if x < 0.0 || x.is_nan() { f32::NAN } else { value };
    }
}

/// A power of two as far as it makes a difference: beyond, there is 0 or infinity.
#[inline(always)]
fn limited(n: f32) -> f32 {
    let n = if n < -250.0 { -250.0 } else { n };
    if n > 250.0 { 250.0 } else { n }
}

/// The exponents of a block: one for all, or one for each.
pub(crate) trait Exponents: Copy {
    fn of(self, i: usize) -> f32;
}

impl Exponents for f32 {
    #[inline(always)]
    fn of(self, _: usize) -> f32 {
        self
    }
}

impl Exponents for &[f32; POW_BLOCK] {
    #[inline(always)]
    fn of(self, i: usize) -> f32 {
        self[i]
    }
}

/// Raises positive normal values, each to its own exponent in f32, of magnitude up to 2^14: below 1.5 + |exponent| units in the last place.
///
/// The whole power of two and the rest go separate ways, so that the rest alone is rounded.
#[inline(always)]
pub(crate) fn pow_block_32<E: Exponents>(row: &mut [f32; POW_BLOCK], exponents: E) {
    let mut whole = [0.0f32; POW_BLOCK];
    for i in 0..POW_BLOCK {
        let (n, m) = split(row[i]);
        let (n, exponent) = (n as f32, exponents.of(i));
        // Its product with n is exact.
        let high = f32::from_bits(exponent.to_bits() & 0xffff_0000);
        let power = high * n;
        whole[i] = (power + ROUND) - ROUND;
        let log = ln_of(0.0, m) * std::f32::consts::LOG2_E;
        row[i] = (power - whole[i]) + ((exponent - high) * n + exponent * log);
    }
    for i in 0..POW_BLOCK {
        let more = (row[i] + ROUND) - ROUND;
        let n = whole[i] + more;
        row[i] = times_power_of_two(exp_near_0((row[i] - more) * std::f32::consts::LN_2), limited(n));
    }
}

/// Values that [`pow_block`] takes at once.
pub(crate) const POW_BLOCK: usize = 128;

/// Cosine and sine of a turn, `2 pi k / 2^32`, in f32: absolute error below 1.2e-7.
#[inline(always)]
pub(crate) fn cos_sin_turn(k: u32) -> (f32, f32) {
    // The nearest quarter, and what is left as an angle in -pi/4..=pi/4; exact but for the last conversion.
    let quarter = k.wrapping_add(0x2000_0000) >> 30;
    let rest = k.wrapping_sub(quarter << 30) as i32;
    let a = rest as f32 * (std::f32::consts::PI / 2_147_483_648.0);
    let z = a * a;
    let s = -1.951_529_6e-4;
    let s = s * z + 8.332_161e-3;
    let s = s * z - 0.166_666_55;
    let sin = s * z * a + a;
    let c = 2.443_315_7e-5;
    let c = c * z - 1.388_731_6e-3;
    let c = c * z + 4.166_664_6e-2;
    let cos = c * z * z - 0.5 * z + 1.0;
    let (c, s) = if quarter & 1 == 0 { (cos, sin) } else { (sin, cos) };
    let c_sign = (quarter.wrapping_add(1) & 2) << 30;
    let s_sign = (quarter & 2) << 30;
    (f32::from_bits(c.to_bits() ^ c_sign), f32::from_bits(s.to_bits() ^ s_sign))
}
