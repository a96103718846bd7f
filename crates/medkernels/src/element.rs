//! The twelve number types that voxels are stored in.

use half::{bf16, f16};

/// A voxel's number type. Implemented for the eight integers, `f32`, `f64`, [`half::f16`] and [`half::bf16`].
///
/// Conversions to integers round half to even, saturate at the type's limits, and turn NaN into 0;
/// conversions to narrower floats round once, half to even, and overflow to infinity.
pub trait Element: bytemuck::Pod + PartialOrd + Send + Sync + 'static {
    /// Size in bytes: 1, 2, 4 or 8.
    const BYTES: usize = size_of::<Self>();
    /// Whether it is one of the eight integer types.
    const INTEGER: bool;
    /// Whether it can hold negative numbers.
    const SIGNED: bool;

    /// The value as f64; exact, except for 64-bit integers beyond 2^53, which round once.
    fn to_f64(self) -> f64;
    /// The value as f32, rounded once.
    fn to_f32(self) -> f32;
    /// The nearest value of this type: half to even, saturating, NaN gives 0 for integers; one rounding for
    /// floats.
    fn from_f64_saturating(v: f64) -> Self;
    /// As [`Element::from_f64_saturating`], from f32.
    fn from_f32_saturating(v: f32) -> Self;
    /// The bytes in the other order.
    fn swap(self) -> Self;
    /// The value as an integer: exact for integers; floats round half to even and saturate, NaN gives 0.
    fn to_i128(self) -> i128;
    /// The nearest value of this type to an integer, saturating.
    fn from_i128_saturating(v: i128) -> Self;
    /// The value in 64 bits: sign-extended for signed types and floats, zero-extended for unsigned types.
    /// [`Element::SIGNED`] tells which.
    fn widen(self) -> u64;
    /// From 64 bits as [`Element::widen`] gives them, `signed` being the source's [`Element::SIGNED`];
    /// saturates.
    fn narrow(bits: u64, signed: bool) -> Self;
}

/// Adding and subtracting this rounds an f64 of magnitude below 2^51 to an integer, half to even, without the
/// call that `round_ties_even` costs on plain x86-64.
const ROUND_64: f64 = 6_755_399_441_055_744.0;

/// The same for an f32 of magnitude below 2^22.
const ROUND_32: f32 = 12_582_912.0;

/// `v` rounded to an integer, half to even, at any magnitude.
#[inline(always)]
pub(crate) fn round_half_even(v: f64) -> f64 {
    let magnitude = v.abs();
    let rounded = ((magnitude + ROUND_64) - ROUND_64).copysign(v);
    if magnitude < 2_251_799_813_685_248.0 { rounded } else { v }
}

/// The largest integer not above `v`, for magnitudes below 2^51.
#[inline(always)]
pub(crate) fn floor_small(v: f64) -> f64 {
    let rounded = (v + ROUND_64) - ROUND_64;
    if rounded > v { rounded - 1.0 } else { rounded }
}

#[inline(always)]
fn clamp_64(v: f64, lo: f64, hi: f64) -> f64 {
    let v = if v < lo { lo } else { v };
    if v > hi { hi } else { v }
}

#[inline(always)]
fn clamp_32(v: f32, lo: f32, hi: f32) -> f32 {
    let v = if v < lo { lo } else { v };
    if v > hi { hi } else { v }
}

/// Integers of up to 32 bits from f64: clamp, round in the low bits of the mantissa, and drop NaN.
#[inline(always)]
fn small_from_f64(v: f64, lo: f64, hi: f64) -> u64 {
    let bits = (clamp_64(v, lo, hi) + ROUND_64).to_bits();
    if v.is_nan() { 0 } else { bits }
}

/// Integers of up to 16 bits from f32, the same way.
#[inline(always)]
fn small_from_f32(v: f32, lo: f32, hi: f32) -> u32 {
    let bits = (clamp_32(v, lo, hi) + ROUND_32).to_bits();
    if v.is_nan() { 0 } else { bits }
}

macro_rules! integer {
    ($($type:ty, $wide:ty, $signed:literal, $from_f64:expr, $from_f32:expr;)*) => {$(
        impl Element for $type {
            const INTEGER: bool = true;
            const SIGNED: bool = $signed;
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn from_f64_saturating(v: f64) -> Self {
                let convert: fn(f64) -> Self = $from_f64;
                convert(v)
            }
            #[inline(always)]
            fn from_f32_saturating(v: f32) -> Self {
                let convert: fn(f32) -> Self = $from_f32;
                convert(v)
            }
            #[inline(always)]
            fn swap(self) -> Self {
                self.swap_bytes()
            }
            #[inline(always)]
            fn to_i128(self) -> i128 {
                self as i128
            }
            #[inline(always)]
            fn from_i128_saturating(v: i128) -> Self {
                v.clamp(Self::MIN as i128, Self::MAX as i128) as Self
            }
            #[inline(always)]
            fn widen(self) -> u64 {
                self as $wide as u64
            }
            #[inline(always)]
            fn narrow(bits: u64, signed: bool) -> Self {
                if signed {
                    let v = bits as i64;
                    // u64 holds every i64 above zero, and i64 itself.
                    let low = if Self::MIN as i128 > i64::MIN as i128 { Self::MIN as i64 } else { i64::MIN };
                    let high = if (Self::MAX as i128) < i64::MAX as i128 { Self::MAX as i64 } else { i64::MAX };
                    let v = if v < low { low } else { v };
                    (if v > high { high } else { v }) as Self
                } else {
                    let high = Self::MAX as u64;
                    (if bits > high { high } else { bits }) as Self
                }
            }
        }
    )*};
}

integer! {
    u8, u64, false,
        |v| small_from_f64(v, 0.0, 255.0) as u8,
        |v| small_from_f32(v, 0.0, 255.0) as u8;
    i8, i64, true,
        |v| small_from_f64(v, -128.0, 127.0) as i8,
        |v| small_from_f32(v, -128.0, 127.0) as i8;
    u16, u64, false,
        |v| small_from_f64(v, 0.0, 65535.0) as u16,
        |v| small_from_f32(v, 0.0, 65535.0) as u16;
    i16, i64, true,
        |v| small_from_f64(v, -32768.0, 32767.0) as i16,
        |v| small_from_f32(v, -32768.0, 32767.0) as i16;
    u32, u64, false,
        |v| small_from_f64(v, 0.0, 4294967295.0) as u32,
        |v| small_from_f64(v as f64, 0.0, 4294967295.0) as u32;
    i32, i64, true,
        |v| small_from_f64(v, -2147483648.0, 2147483647.0) as i32,
        |v| small_from_f64(v as f64, -2147483648.0, 2147483647.0) as i32;
    u64, u64, false, |v| round_half_even(v) as u64, |v| round_half_even(v as f64) as u64;
    i64, i64, true, |v| round_half_even(v) as i64, |v| round_half_even(v as f64) as i64;
}

macro_rules! float {
    ($($type:ty, $to_f64:expr, $to_f32:expr, $from_f64:expr, $from_f32:expr, $swap:expr;)*) => {$(
        impl Element for $type {
            const INTEGER: bool = false;
            const SIGNED: bool = true;
            #[inline(always)]
            fn to_f64(self) -> f64 {
                let convert: fn(Self) -> f64 = $to_f64;
                convert(self)
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                let convert: fn(Self) -> f32 = $to_f32;
                convert(self)
            }
            #[inline(always)]
            fn from_f64_saturating(v: f64) -> Self {
                let convert: fn(f64) -> Self = $from_f64;
                convert(v)
            }
            #[inline(always)]
            fn from_f32_saturating(v: f32) -> Self {
                let convert: fn(f32) -> Self = $from_f32;
                convert(v)
            }
            #[inline(always)]
            fn swap(self) -> Self {
                let convert: fn(Self) -> Self = $swap;
                convert(self)
            }
            #[inline(always)]
            fn to_i128(self) -> i128 {
                round_half_even(self.to_f64()) as i128
            }
            #[inline(always)]
            fn from_i128_saturating(v: i128) -> Self {
                Self::from_f64_saturating(v as f64)
            }
            #[inline(always)]
            fn widen(self) -> u64 {
                round_half_even(self.to_f64()) as i64 as u64
            }
            #[inline(always)]
            fn narrow(bits: u64, signed: bool) -> Self {
                Self::from_f64_saturating(if signed { bits as i64 as f64 } else { bits as f64 })
            }
        }
    )*};
}

float! {
    f32, |v| v as f64, |v| v, |v| v as f32, |v| v, |v| f32::from_bits(v.to_bits().swap_bytes());
    f64, |v| v, |v| v as f32, |v| v, |v| v as f64, |v| f64::from_bits(v.to_bits().swap_bytes());
    f16, |v| half_to_f32(v.to_bits()) as f64, |v| half_to_f32(v.to_bits()),
        |v| f16::from_bits(f32_to_half(round_to_odd(v))), |v| f16::from_bits(f32_to_half(v)),
        |v| f16::from_bits(v.to_bits().swap_bytes());
    bf16, |v| bfloat_to_f32(v.to_bits()) as f64, |v| bfloat_to_f32(v.to_bits()),
        |v| bf16::from_bits(f32_to_bfloat(round_to_odd(v))), |v| bf16::from_bits(f32_to_bfloat(v)),
        |v| bf16::from_bits(v.to_bits().swap_bytes());
}

/// bfloat16 to f32, exact: its upper half.
#[inline(always)]
fn bfloat_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// f64 to f32 so that a later rounding to 16 bits is right: inexact results get an odd last bit.
#[inline(always)]
fn round_to_odd(v: f64) -> f32 {
    let nearest = v as f32;
    let bits = nearest.to_bits();
    let back = nearest as f64;
    let toward_zero = if back.abs() > v.abs() { bits - 1 } else { bits };
    if back == v || v.is_nan() { nearest } else { f32::from_bits(toward_zero | 1) }
}

/// IEEE binary16 to f32, exact; subnormals by a subtraction of normals, so that no float mode can flush them.
#[inline(always)]
fn half_to_f32(bits: u16) -> f32 {
    let sign = (u32::from(bits) & 0x8000) << 16;
    let rest = u32::from(bits) & 0x7fff;
    let normal = (rest << 13) + 0x3800_0000;
    let subnormal = (f32::from_bits(0x3880_0000 + (rest << 13)) - f32::from_bits(0x3880_0000)).to_bits();
    let special = (rest << 13) | 0x7f80_0000;
    let magnitude = if rest < 0x0400 { subnormal } else { normal };
    let magnitude = if rest >= 0x7c00 { special } else { magnitude };
    f32::from_bits(magnitude | sign)
}

/// f32 to IEEE binary16, half to even; overflow gives infinity, NaN a quiet NaN.
#[inline(always)]
fn f32_to_half(v: f32) -> u16 {
    let bits = v.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let rest = bits & 0x7fff_ffff;
    // 0.5 + |v| leaves |v| in units of 2^-24 in the low bits, rounded by the addition itself.
    let subnormal = (f32::from_bits(rest) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
    let normal = rest.wrapping_sub(0x3800_0000).wrapping_add(0x0fff + ((rest >> 13) & 1)) >> 13;
    let magnitude = if rest < 0x3880_0000 { subnormal } else { normal };
    // From 65520 up the nearest half is infinity.
    let magnitude = if rest >= 0x477f_f000 { 0x7c00 } else { magnitude };
    let magnitude = if rest > 0x7f80_0000 { 0x7e00 } else { magnitude };
    (magnitude | sign) as u16
}

/// f32 to bfloat16, half to even; NaN gives a quiet NaN.
#[inline(always)]
fn f32_to_bfloat(v: f32) -> u16 {
    let bits = v.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    (if v.is_nan() { (bits >> 16) | 0x40 } else { rounded }) as u16
}
