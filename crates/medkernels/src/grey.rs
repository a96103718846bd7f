//! Brightness of colours.

use crate::element::Element;
use crate::kernel::kernel;

/// Bits after the point of weights.
const BITS: u32 = 15;

/// Weights of red, green and blue as `OpenCV` has them: in 2^-15ths, where what rounding leaves of their sum is blue's.
///
/// ```
/// assert_eq!(medkernels::grey::fixed([0.299, 0.587, 0.114]), [9798, 19235, 3735]);
/// ```
pub fn fixed(weights: [f64; 3]) -> [i32; 3] {
    let round = |v: f64| (v * f64::from(1 << BITS)).round() as i32;
    let (red, green) = (round(weights[0]), round(weights[1]));
    [red, green, round(weights.iter().sum()).saturating_sub(red.saturating_add(green))]
}

#[inline(always)]
fn weighed(colour: [u8; 3], weights: [i32; 3]) -> u8 {
    let sum = i32::from(colour[0]) * weights[0]
        + i32::from(colour[1]) * weights[1]
        + i32::from(colour[2]) * weights[2];
    ((sum + (1 << (BITS - 1))) >> BITS).clamp(0, 255) as u8
}

kernel! {
    /// The weighted sum of a colour's three bytes, rounded half up and held within a byte: `OpenCV`'s numbers. Weights as [`fixed`] gives them, of magnitudes up to 2^20.
    ///
    /// ```
    /// let mut out = [0; 2];
    /// medkernels::grey::of_rgb(&[255, 255, 255, 0, 100, 200], [9798, 19235, 3735], &mut out);
    /// assert_eq!(out, [255, 81]);
    /// ```
    pub fn of_rgb(pixels: &[u8], weights: [i32; 3], out: &mut [u8]) {
        for (colour, out) in pixels.as_chunks::<3>().0.iter().zip(out) {
            *out = weighed(*colour, weights);
        }
    }
}

kernel! {
    /// The same of colours of four bytes, of which the last is not looked at.
    pub fn of_rgba(pixels: &[u8], weights: [i32; 3], out: &mut [u8]) {
        for ([r, g, b, _], out) in pixels.as_chunks::<4>().0.iter().zip(out) {
            *out = weighed([*r, *g, *b], weights);
        }
    }
}

kernel! {
    /// The same of bytes of red, green and blue in rows of their own.
    pub fn of_planes(red: &[u8], green: &[u8], blue: &[u8], weights: [i32; 3], out: &mut [u8]) {
        for (((r, g), b), out) in red.iter().zip(green).zip(blue).zip(out) {
            *out = weighed([*r, *g, *b], weights);
        }
    }
}

kernel! {
    /// The weighted sum of red, green and blue of any dtype, in double precision from left to right, as float32.
    pub fn of_numbers[T: Element](rows: [&[T]; 3], weights: [f64; 3], out: &mut [f32]) {
        let [red, green, blue] = rows;
        for (((r, g), b), out) in red.iter().zip(green).zip(blue).zip(out) {
            *out = (r.to_f64() * weights[0] + g.to_f64() * weights[1] + b.to_f64() * weights[2]) as f32;
        }
    }
}

/// Exactly the product over 255, rounded half up.
#[inline(always)]
fn share(grey: u8, alpha: u8) -> u8 {
    let t = u32::from(grey) * u32::from(alpha) + 128;
    ((t + (t >> 8)) >> 8) as u8
}

kernel! {
    /// Bytes times the share of 255 that the last byte of each colour is, rounded half up.
    ///
    /// ```
    /// let mut grey = [200, 255];
    /// medkernels::grey::by_alpha(&[0, 0, 0, 128, 0, 0, 0, 255], &mut grey);
    /// assert_eq!(grey, [100, 255]);
    /// ```
    pub fn by_alpha(pixels: &[u8], grey: &mut [u8]) {
        for ([.., alpha], grey) in pixels.as_chunks::<4>().0.iter().zip(grey) {
            *grey = share(*grey, *alpha);
        }
    }
}

kernel! {
    /// The same of a row of such bytes.
    pub fn by_alpha_plane(alpha: &[u8], grey: &mut [u8]) {
        for (alpha, grey) in alpha.iter().zip(grey) {
            *grey = share(*grey, *alpha);
        }
    }
}

kernel! {
    /// Numbers times others.
    pub fn times[T: Element](alpha: &[T], grey: &mut [f32]) {
        for (alpha, grey) in alpha.iter().zip(grey) {
            *grey = (f64::from(*grey) * alpha.to_f64()) as f32;
        }
    }
}
