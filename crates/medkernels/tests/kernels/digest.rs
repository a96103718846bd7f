//! The same inputs give the same bits on every architecture: digests found once, asserted everywhere.

use medkernels::clahe::Plane;
use medkernels::histogram::{Bins, Tiles};
use medkernels::interpolate::{AxisTaps, Boundary, Part, StridedF32, spline_coefficients};
use medkernels::linear::{self, Linear};
use medkernels::philox::Stream;
use medkernels::stats::Keep;
use medkernels::{convert, copy, distance, filter, gather, interpolate, philox, points, select, stats};

use super::oracle::{bits, bytes, values, wild};

/// FNV-1a over words.
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn floats(&mut self, row: &[f32]) {
        for word in bits(row) {
            self.bytes(&word.to_le_bytes());
        }
    }

    fn double(&mut self, v: f64) {
        self.bytes(&if v.is_nan() { 0x7ff8 << 48 } else { v.to_bits() }.to_le_bytes());
    }
}

fn digest(f: impl FnOnce(&mut Digest)) -> u64 {
    let mut digest = Digest::new();
    f(&mut digest);
    digest.0
}

const N: usize = 5003;

fn in_place(f: impl Fn(&mut [f32])) -> u64 {
    digest(|d| {
        let mut row = wild(1, N);
        f(&mut row);
        d.floats(&row);
    })
}

fn conversions() -> u64 {
    digest(|d| {
        let stored = bytes(2, N * 8);
        let mut row = vec![0.0; N];
        convert::decode_f32::<i16>(&stored[..2 * N], false, Some((0.37, -11.3)), &mut row);
        d.floats(&row);
        convert::decode_f32::<half::f16>(&stored[..2 * N], false, None, &mut row);
        d.floats(&row);
        convert::decode_f32::<f64>(&stored, false, Some((1.3, 0.1)), &mut row);
        d.floats(&row);
        convert::decode_f32::<u64>(&stored, false, None, &mut row);
        d.floats(&row);
        let input = wild(3, N);
        let mut out = vec![0u8; N * 8];
        for swap in [false, true] {
            convert::encode_from_f32::<i16>(&input, &mut out[..2 * N]);
            if swap {
                convert::swap_bytes(2, &mut out[..2 * N]);
            }
            d.bytes(&out[..2 * N]);
        }
        convert::encode_from_f32::<i64>(&input, &mut out);
        d.bytes(&out);
        convert::encode_from_f32::<half::bf16>(&input, &mut out[..2 * N]);
        d.bytes(&out[..2 * N]);
        let mut q = vec![0i16; N];
        d.double(convert::quantize_i16(&input, 0.1, 3.0, &mut q));
        d.bytes(bytemuck::cast_slice(&q));
    })
}

fn statistics() -> u64 {
    digest(|d| {
        for row in [wild(4, N), values(5, 100_003, 9999.0, 10001.0)] {
            let mask = bytes(6, row.len());
            for keep in [Keep::All, Keep::Nonzero, Keep::Above(10.0), Keep::Mask(&mask)] {
                let m = stats::moments(&row, keep);
                d.double(m.mean);
                d.double(m.m2);
                let e = stats::extent(&row, keep);
                d.floats(&[e.min, e.max]);
                d.bytes(&e.nan.to_le_bytes());
                for v in select::percentiles(&[&row], None, keep, &[0.5, 33.3, 99.5]).unwrap() {
                    d.double(v);
                }
            }
        }
    })
}

fn randoms() -> u64 {
    digest(|d| {
        let mut row = vec![0.0; N];
        let stream = Stream { key: [5, 6], hi: [7, 8] };
        philox::uniform_row(&mut row, stream, 3);
        d.floats(&row);
        philox::normal_row(&mut row, stream, 1 << 40);
        d.floats(&row);
    })
}

fn copies() -> u64 {
    digest(|d| {
        let src = bytes(7, 33 * 21 * 17 * 4);
        let mut dst = vec![0u8; src.len()];
        copy::copy_strided(&mut dst, [357, 17, 1], 0, &src, [1, 33, 693], 0, [33, 21, 17], 4);
        d.bytes(&dst);
        copy::copy_strided(&mut dst, [1, 33, 693], 0, &src, [-1, 33, 693], 32, [33, 21, 17], 4);
        d.bytes(&dst);
        gather::gather_row(&mut dst[..8], &src, &[5, 3, 9, 1], 2);
        d.bytes(&dst[..8]);
    })
}

fn interpolations() -> u64 {
    digest(|d| {
        let shape = [29, 23, 19];
        let data = values(8, shape.iter().product(), -100.0, 100.0);
        let src = StridedF32::packed(&data, shape);
        for step in [2.0, 0.8, 1.3] {
            let taps = [0, 1, 2].map(|a| AxisTaps::edge(0.5 * (step - 1.0), step, 0, 9, shape[a]));
            let mut dst = vec![0.0; 729];
            interpolate::resample_linear(&mut dst, &src, [&taps[0], &taps[1], &taps[2]]);
            d.floats(&dst);
        }
        let boundaries =
            [Boundary::Constant(1.5), Boundary::Edge, Boundary::Reflect, Boundary::Mirror, Boundary::Wrap];
        for boundary in boundaries {
            let mut row = vec![0.0; 100];
            let (start, step) = ([-2.2, 15.1, 3.3], [0.41, -0.13, 0.17]);
            interpolate::sample_linear_row(&mut row, &src, start, step, 5, boundary);
            d.floats(&row);
            let view =
                copy::Strided { bytes: bytemuck::cast_slice(&data), offset: 0, strides: src.strides, shape };
            let mut near = vec![0u8; 400];
            interpolate::sample_nearest_row(&mut near, &view, 4, start, step, 5, boundary, &[1, 2, 3, 4]);
            d.bytes(&near);
        }
    })
}

fn filters() -> u64 {
    digest(|d| {
        let taps = filter::gaussian_taps(1.1, 4.0);
        d.floats(&taps);
        let src = values(9, 40 * 20 * 10, -100.0, 100.0);
        for axis in 0..3 {
            let mut shape = [40, 20, 10];
            shape[axis] -= taps.len() - 1;
            let mut dst = vec![0.0; shape.iter().product()];
            filter::convolve_axis(&mut dst, &src, shape, axis, &taps);
            d.floats(&dst);
        }
    })
}

fn splines() -> u64 {
    digest(|d| {
        let shape = [29, 23, 19];
        let data = values(11, shape.iter().product(), -100.0, 100.0);
        let part = Part { voxels: &data, start: [0; 3], shape };
        for boundary in [Boundary::Constant(1.5), Boundary::Edge, Boundary::Mirror] {
            let mut made = vec![0.0; data.len()];
            spline_coefficients(&mut made, &part, ([0; 3], shape), shape, [true; 3], boundary).unwrap();
            d.floats(&made);
            let mut row = vec![0.0; 100];
            let src = StridedF32::packed(&made, shape);
            interpolate::sample_cubic_row(
                &mut row,
                &src,
                [-2.2, 15.1, 3.3],
                [0.41, -0.13, 0.17],
                5,
                boundary,
            );
            d.floats(&row);
        }
    })
}

fn equalised() -> u64 {
    digest(|d| {
        let shape = [97, 61];
        let plane = Plane { shape, tiles: Tiles::of(shape, [8, 8]), fast_first: true };
        let levels = bytes(12, 97 * 61);
        let mut bytes = vec![0; levels.len()];
        plane.equalize_u8(&levels, &mut bytes, 2.0);
        d.bytes(&bytes);
        let voxels = values(13, levels.len(), -3.0, 12.0);
        let mut floats = vec![0.0; voxels.len()];
        plane.equalize_f32(&voxels, &mut floats, &Bins::about(-3.0, 12.0, 256), 2.0);
        d.floats(&floats);
    })
}

fn distances() -> u64 {
    digest(|d| {
        let shape = [41, 29, 23];
        let label: Vec<u8> = bytes(14, shape.iter().product()).iter().map(|b| u8::from(*b > 250)).collect();
        let mut out = vec![0.0; label.len()];
        distance::to_others(&label, shape, [0.7, 1.3, 2.9], true, &mut out);
        d.floats(&out);
    })
}

#[test]
fn digests_are_the_same_everywhere() {
    let found = [
        ("normalize", in_place(|row| points::normalize(row, 1234.56789, 0.37))),
        ("rescale", in_place(|row| linear::run(row, &Linear::rescale([-3.3, 77.7], [0.0, 1.0], true)))),
        ("clamp", in_place(|row| points::clamp(row, -3.3, 7.7))),
        ("gamma_between", in_place(|row| points::gamma_between(row, -3.3, 77.7, 0.7))),
        ("exp", in_place(points::exp)),
        ("ln", in_place(points::ln)),
        ("pow", in_place(|row| points::pow(row, 0.7))),
        ("convert", conversions()),
        ("stats", statistics()),
        ("random", randoms()),
        ("copy", copies()),
        ("interpolate", interpolations()),
        ("filter", filters()),
        ("splines", splines()),
        ("clahe", equalised()),
        ("distance", distances()),
    ];
    let wanted: [(&str, u64); 16] = [
        ("normalize", 0x23cd8bc21748a7be),
        ("rescale", 0x6ba6bb8a28046ffa),
        ("clamp", 0x005481c31809bd8d),
        ("gamma_between", 0x71cfe12d260bc4f6),
        ("exp", 0xe9e744f739bd6bb9),
        ("ln", 0x763b67b565a10e59),
        ("pow", 0x3b9714b117de747d),
        ("convert", 0x6201132cf3d7a5ed),
        ("stats", 0x824ce3d3afa4bfa9),
        ("random", 0x969ddc0dfe07a3c2),
        ("copy", 0x6457cdd669edf59c),
        ("interpolate", 0x1e34c93659f46076),
        ("filter", 0xfab79ddd1863f523),
        ("splines", 0x6247ed2dec27cc8c),
        ("clahe", 0x30baea79e3cb3ba8),
        ("distance", 0xf38b3acc884c117d),
    ];
    assert_eq!(
        found.map(|(name, digest)| format!("{name} {digest:016x}")),
        wanted.map(|(name, digest)| format!("{name} {digest:016x}"))
    );
}
