//! exp, ln, pow, sin and cos as polynomials in plain arithmetic: the same bits on every machine, and vectorisable.
//!
//! Errors against the real functions are stated with each; the tests measure them against `libm` in f64.

use crate::element::floor_small;

/// The factor of 2^n for n in -127..=128, built from bits.
#[inline(always)]
fn power_of_two_32(n: i32) -> f32 {
    f32::from_bits(((n + 127) << 23) as u32)
}

/// e^x in f32. Below 1.1 units in the last place; subnormal results included.
#[inline(always)]
pub(crate) fn exp_32(x: f32) -> f32 {
    // Beyond these the result is 0 or infinity whatever x is.
    let held = if x < -104.0 { -104.0 } else { x };
    let held = if held > 89.0 { 89.0 } else { held };
    const ROUND: f32 = 12_582_912.0;
    let n = (held * std::f32::consts::LOG2_E + ROUND) - ROUND;
    // ln 2 in two parts: n has at most 8 bits and the first part 9 trailing zeros, so its product is exact.
    let r = (held - n * 0.693_359_375) - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let value = (p * (r * r) + r) + 1.0;
    let n = (n + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
    // Two factors reach the subnormals and infinity.
    let half = n >> 1;
    let value = value * power_of_two_32(half) * power_of_two_32(n - half);
    if x.is_nan() { x } else { value }
}

/// ln x in f32. Below 1.1 units in the last place. Zero gives -inf, a negative number NaN.
#[inline(always)]
pub(crate) fn ln_32(x: f32) -> f32 {
    // Subnormals are scaled into the normal range first.
    let is_small = x < f32::MIN_POSITIVE;
    let scaled = if is_small { x * 16_777_216.0 } else { x };
    let bits = scaled.to_bits();
    // Exponent and mantissa such that the mantissa lies in sqrt(1/2)..sqrt(2).
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let n = (shifted as i32) >> 23;
    let m = f32::from_bits(bits.wrapping_sub((n << 23) as u32));
    let n = (n - if is_small { 24 } else { 0 }) as f32;
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
    let value = (f + y) + n * 0.693_359_375;
    let value = if x == f32::INFINITY { x } else { value };
    let value = if x == 0.0 { f32::NEG_INFINITY } else { value };
    if x < 0.0 || x.is_nan() { f32::NAN } else { value }
}

/// `x^exponent` for `x >= 0` by f64 polynomials, rounded once to f32: at most 0.51 units in the last place.
///
/// 0 to a positive power is 0, to a negative one infinity; a negative or NaN `x` gives NaN.
#[inline(always)]
pub(crate) fn pow_32(x: f32, exponent: f64) -> f32 {
    let wide = x as f64;
    let bits = wide.to_bits();
    let shifted = bits.wrapping_sub(0x3fe6_a09e_667f_3bcd);
    let n = (shifted as i64 >> 52) as i32;
    let m = f64::from_bits(bits.wrapping_sub(((n as i64) << 52) as u64));
    // log2 m = 2 atanh(s) / ln 2 with |s| < 0.1716.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let p = 2.0 / 15.0;
    let p = p * z + 2.0 / 13.0;
    let p = p * z + 2.0 / 11.0;
    let p = p * z + 2.0 / 9.0;
    let p = p * z + 2.0 / 7.0;
    let p = p * z + 2.0 / 5.0;
    let p = p * z + 2.0 / 3.0;
    let log2 = (p * z + 2.0) * s * std::f64::consts::LOG2_E + n as f64;
    let y = log2 * exponent;
    let y = if y < -200.0 { -200.0 } else { y };
    let y = if y > 200.0 { 200.0 } else { y };
    let whole = floor_small(y + 0.5);
    let t = (y - whole) * std::f64::consts::LN_2;
    let p = 1.0 / 3_628_800.0;
    let p = p * t + 1.0 / 362_880.0;
    let p = p * t + 1.0 / 40_320.0;
    let p = p * t + 1.0 / 5_040.0;
    let p = p * t + 1.0 / 720.0;
    let p = p * t + 1.0 / 120.0;
    let p = p * t + 1.0 / 24.0;
    let p = p * t + 1.0 / 6.0;
    let p = p * t + 0.5;
    let p = (p * t + 1.0) * t + 1.0;
    // 2^whole, exact: whole lies in -200..=200.
    let scale = f64::from_bits((whole + 6_755_399_441_055_744.0 + 1023.0).to_bits() << 52);
    let value = (p * scale) as f32;
    let limit = if exponent > 0.0 { 0.0 } else { f32::INFINITY };
    let value = if x == 0.0 { limit } else { value };
    let value = if x == f32::INFINITY { 1.0 / limit } else { value };
    if x < 0.0 || x.is_nan() { f32::NAN } else { value }
}

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
