//! Decoding, encoding and casting against one-value-at-a-time arithmetic.

use half::{bf16, f16};
use medkernels::convert;
use medkernels::element::Element;

use super::oracle::{Noise, bytes, wild};

/// nibabel's arithmetic, one value at a time.
fn scaled(raw: f64, scale: (f64, f64)) -> f64 {
    let mut v = raw;
    if scale.0 != 1.0 {
        v *= scale.0;
    }
    if scale.1 != 0.0 {
        v += scale.1;
    }
    v
}

fn decode<T: Element>(to_f64: impl Fn(T) -> f64, to_f32: impl Fn(T) -> f32) {
    let stored = bytes(1, 1000 * T::BYTES + 1);
    for offset in 0..2 {
        let stored = &stored[offset..offset + 1000 * T::BYTES];
        for swap in [false, true] {
            let raw: Vec<T> = stored
                .chunks(T::BYTES)
                .map(|chunk| {
                    let mut chunk = chunk.to_vec();
                    if swap {
                        chunk.reverse();
                    }
                    bytemuck::pod_read_unaligned(&chunk)
                })
                .collect();
            let mut narrow = vec![0.0f32; 1000];
            let mut wide = vec![0.0f64; 1000];
            convert::decode_f32::<T>(stored, swap, None, &mut narrow);
            convert::decode_f64::<T>(stored, swap, None, &mut wide);
            for i in 0..1000 {
                let want = to_f32(raw[i]);
                assert!(narrow[i] == want || want.is_nan() && narrow[i].is_nan());
                let want = to_f64(raw[i]);
                assert!(wide[i] == want || want.is_nan() && wide[i].is_nan());
            }
            // Rows are the same values, wherever they start.
            for (row, apart) in
                [(1, 3 * T::BYTES), (7, 7 * T::BYTES), (40, 41 * T::BYTES), (13, 13 * T::BYTES + 1)]
            {
                let rows = (stored.len() - row * T::BYTES) / apart + 1;
                for scale in [None, Some((0.1, -3.7))] {
                    let mut found = vec![0.0f32; rows * row];
                    convert::decode_f32_rows::<T>(stored, apart, row, swap, scale, &mut found);
                    let mut want = vec![0.0f32; row];
                    for (r, found) in found.chunks(row).enumerate() {
                        convert::decode_f32::<T>(
                            &stored[r * apart..][..row * T::BYTES],
                            swap,
                            scale,
                            &mut want,
                        );
                        assert!(found.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()));
                    }
                }
            }
            for scale in [(1.0, 0.0), (0.1, 0.0), (1.0, -3.7), (2.5e-3, 1000.1)] {
                convert::decode_f32::<T>(stored, swap, Some(scale), &mut narrow);
                convert::decode_f64::<T>(stored, swap, Some(scale), &mut wide);
                for i in 0..1000 {
                    let want = scaled(to_f64(raw[i]), scale);
                    assert!(
                        narrow[i].to_bits() == (want as f32).to_bits() || want.is_nan() && narrow[i].is_nan()
                    );
                    assert!(wide[i].to_bits() == want.to_bits() || want.is_nan() && wide[i].is_nan());
                }
            }
        }
    }
}

#[test]
fn decoding_is_nibabels_arithmetic() {
    decode::<u8>(f64::from, f32::from);
    decode::<i8>(f64::from, f32::from);
    decode::<u16>(f64::from, f32::from);
    decode::<i16>(f64::from, f32::from);
    decode::<u32>(f64::from, |v| v as f32);
    decode::<i32>(f64::from, |v| v as f32);
    decode::<u64>(|v| v as f64, |v| v as f32);
    decode::<i64>(|v| v as f64, |v| v as f32);
    decode::<f32>(f64::from, |v| v);
    decode::<f64>(|v| v, |v| v as f32);
    decode::<f16>(f16::to_f64, f16::to_f32);
    decode::<bf16>(bf16::to_f64, bf16::to_f32);
}

#[test]
fn every_half_decodes_and_encodes_to_itself() {
    for bits in 0..=u16::MAX {
        let h = f16::from_bits(bits);
        let wide = Element::to_f32(h);
        assert!(wide.to_bits() == h.to_f32().to_bits() || wide.is_nan() && h.is_nan());
        let back = f16::from_f32_saturating(wide);
        assert!(back == h && back.is_sign_negative() == h.is_sign_negative() || back.is_nan() && h.is_nan());
        let b = bf16::from_bits(bits);
        let wide = Element::to_f32(b);
        assert!(wide.to_bits() == b.to_f32().to_bits() || wide.is_nan() && b.is_nan());
        let back = bf16::from_f64_saturating(f64::from(wide));
        assert!(back.to_bits() == b.to_bits() || back.is_nan() && b.is_nan());
    }
}

/// The nearest of all finite halves, the even one of two, by search.
fn nearest_half(v: f64, halves: &[f64]) -> f64 {
    let place = halves.partition_point(|h| *h < v.abs());
    let high = halves.get(place).copied().unwrap_or(65536.0);
    let low = if place == 0 { 0.0 } else { halves[place - 1] };
    let (up, down) = (high - v.abs(), v.abs() - low);
    let even = place % 2 == 0;
    let magnitude = if up < down || up == down && even { high } else { low };
    (if magnitude >= 65536.0 { f64::INFINITY } else { magnitude }).copysign(v)
}

#[test]
fn encoding_to_half_rounds_once_to_even() {
    let halves: Vec<f64> = (0..0x7c00u16).map(|bits| f16::from_bits(bits).to_f64()).collect();
    let mut noise = Noise::new(4);
    for _ in 0..200_000 {
        let exponent = noise.unit() * 50.0 - 30.0;
        let v = libm::exp2(exponent) * if noise.below(2) == 0 { 1.0 } else { -1.0 };
        // Ties and their neighbours, where two roundings would go wrong.
        let tie = {
            let i = noise.below(halves.len() - 1);
            f64::midpoint(halves[i], halves[i + 1])
        };
        for v in [v, tie, tie * (1.0 + 1e-15), tie * (1.0 - 1e-15)] {
            let want = nearest_half(v, &halves);
            assert_eq!(Element::to_f64(<f16 as Element>::from_f64_saturating(v)), want, "{v:e}");
            let narrow = v as f32;
            let want = nearest_half(f64::from(narrow), &halves);
            assert_eq!(Element::to_f64(<f16 as Element>::from_f32_saturating(narrow)), want, "{narrow:e}");
        }
    }
}

fn encode<T: Element + std::fmt::Debug>(min: f64, max: f64) {
    let mut input = wild(9, 5000);
    input.extend([
        0.5,
        1.5,
        2.5,
        -0.5,
        -1.5,
        254.5,
        255.5,
        127.5,
        -128.5,
        32767.5,
        65534.5,
        8388609.0,
        2147483648.0,
    ]);
    input.extend([4294967296.0, 9.3e18, 1.9e19, -9.3e18]);
    let mut stored = vec![0u8; input.len() * T::BYTES];
    convert::encode_from_f32::<T>(&input, &mut stored);
    let from_f32: Vec<T> = stored.chunks(T::BYTES).map(bytemuck::pod_read_unaligned).collect();
    let wide: Vec<f64> = input.iter().map(|&v| f64::from(v)).collect();
    convert::encode_from_f64::<T>(&wide, &mut stored);
    let from_f64: Vec<T> = stored.chunks(T::BYTES).map(bytemuck::pod_read_unaligned).collect();
    for i in 0..input.len() {
        let v = wide[i];
        let rounded = libm::rint(v);
        let want = if v.is_nan() {
            0
        } else if rounded <= min {
            min as i128
        } else if rounded >= max {
            // The largest u64 and i64 are no f64.
            T::from_i128_saturating(i128::MAX).to_i128()
        } else {
            rounded as i128
        };
        assert_eq!(from_f32[i].to_i128(), want, "f32 {v:e}");
        assert_eq!(from_f64[i].to_i128(), want, "f64 {v:e}");
    }
}

#[test]
fn encoding_integers_rounds_half_to_even_and_saturates() {
    encode::<u8>(0.0, 255.0);
    encode::<i8>(-128.0, 127.0);
    encode::<u16>(0.0, 65535.0);
    encode::<i16>(-32768.0, 32767.0);
    encode::<u32>(0.0, 4294967295.0);
    encode::<i32>(-2147483648.0, 2147483647.0);
    encode::<u64>(0.0, 18446744073709551615.0);
    encode::<i64>(-9223372036854775808.0, 9223372036854775807.0);
}

fn cast<S: Element, D: Element>() {
    let mut noise = Noise::new(77);
    let edges =
        [i128::from(i64::MIN), -32769, -32768, -129, -128, -1, 0, 1, 127, 128, 255, 256, 65535, 65536];
    let far = [i128::from(u32::MAX), i128::from(i64::MAX), i128::from(u64::MAX), 1 << 53, (1 << 53) + 1];
    let source: Vec<S> = edges
        .into_iter()
        .chain(far)
        .chain((0..3000).map(|_| i128::from(noise.bits() as i64 >> noise.below(64))))
        .map(S::from_i128_saturating)
        .collect();
    let mut found = vec![D::from_i128_saturating(0); source.len()];
    convert::cast_int(&source, &mut found);
    for (s, d) in source.iter().zip(&found) {
        assert_eq!(d.to_i128(), D::from_i128_saturating(s.to_i128()).to_i128());
    }
}

fn cast_from<S: Element>() {
    cast::<S, u8>();
    cast::<S, i8>();
    cast::<S, u16>();
    cast::<S, i16>();
    cast::<S, u32>();
    cast::<S, i32>();
    cast::<S, u64>();
    cast::<S, i64>();
}

#[test]
fn integer_casts_are_exact_and_saturate() {
    cast_from::<u8>();
    cast_from::<i8>();
    cast_from::<u16>();
    cast_from::<i16>();
    cast_from::<u32>();
    cast_from::<i32>();
    cast_from::<u64>();
    cast_from::<i64>();
}

#[test]
fn quantising_reports_its_error() {
    let input: Vec<f32> = (0..1003).map(|i| i as f32 * 0.77 - 300.0).collect();
    let (slope, inter) = (0.031, 7.5);
    let mut q = vec![0i16; input.len()];
    let worst = convert::quantize_i16(&input, slope, inter, &mut q);
    let mut want = 0.0f64;
    for (x, q) in input.iter().zip(&q) {
        let exact = libm::rint((f64::from(*x) - inter) / slope).clamp(-32768.0, 32767.0);
        assert_eq!(f64::from(*q), exact);
        want = want.max((exact * slope + inter - f64::from(*x)).abs());
    }
    assert_eq!(worst, want);
    assert!(worst > 0.0 && worst <= slope / 2.0 * 1.000_001);
    // Saturation is an error too.
    assert!(convert::quantize_i16(&[1e6], slope, inter, &mut [0]) > 9e5);
}

#[test]
fn swapping_bytes_reverses_each_element() {
    for size in [2usize, 4, 8, 16] {
        let mut row: Vec<u8> = (0..=size as u8 * 9).collect();
        let want: Vec<u8> =
            row.chunks(size).flat_map(|c| c.iter().rev().copied().collect::<Vec<_>>()).collect();
        convert::swap_bytes(size, &mut row);
        assert_eq!(row, want);
    }
    let mut row = [1, 2, 3];
    convert::swap_bytes(1, &mut row);
    assert_eq!(row, [1, 2, 3]);
}
