//! Every kernel at every level this processor has, bit for bit against the plain build.

use std::sync::{Mutex, MutexGuard, PoisonError};

use medkernels::element::Element;
use medkernels::interpolate::{AxisTaps, Boundary, StridedF32};
use medkernels::level::{Level, available, force};
use medkernels::linear::{self, Linear};
use medkernels::philox::Stream;
use medkernels::stats::Keep;
use medkernels::{convert, copy, filter, gather, interpolate, philox, points, select, stats};

use super::oracle::{bits, bytes, values, wild};

/// Held by tests that force a level, which is one for the whole process.
pub(crate) fn lock() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

const LONG: usize = 1_000_003;

/// What a kernel gives, which is the same at each level.
pub(crate) fn at_levels(kernel: impl Fn() -> Vec<f32>) -> Vec<f32> {
    let _lock = lock();
    let of = |level| {
        force(Some(level)).unwrap();
        kernel()
    };
    let all: Vec<Vec<f32>> = available().into_iter().map(of).collect();
    force(None).unwrap();
    assert!(all.iter().all(|other| bits(other) == bits(&all[0])), "levels differ");
    all.into_iter().next().unwrap()
}

/// Runs `kernel(length, offset)` at each level, for lengths 0..70 at offsets 0..4 and for a long one.
fn check(name: &str, kernel: impl Fn(usize, usize) -> Vec<u32>) {
    let sizes = (0..70).flat_map(|len| (0..4).map(move |offset| (len, offset))).chain([(4097, 1), (LONG, 3)]);
    compare(name, sizes, kernel);
}

fn compare(
    name: &str,
    sizes: impl IntoIterator<Item = (usize, usize)>,
    kernel: impl Fn(usize, usize) -> Vec<u32>,
) {
    let _lock = lock();
    let levels = available();
    assert_eq!(levels.first(), Some(&Level::Plain));
    for (len, offset) in sizes {
        force(Some(Level::Plain)).unwrap();
        let plain = kernel(len, offset);
        for &level in &levels[1..] {
            force(Some(level)).unwrap();
            let found = kernel(len, offset);
            let first = found.iter().zip(&plain).position(|(a, b)| a != b);
            assert!(
                found.len() == plain.len() && first.is_none(),
                "{name} at {level} differs from plain, length {len} offset {offset}, first at {first:?}"
            );
        }
    }
    force(None).unwrap();
}

/// A row kernel that works in place on values of every kind.
fn in_place(name: &str, kernel: impl Fn(&mut [f32])) {
    let input = wild(7, LONG + 8);
    check(name, |len, offset| {
        let mut row = input[offset..offset + len].to_vec();
        kernel(&mut row);
        bits(&row)
    });
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.iter().map(|&b| u32::from(b)).collect()
}

fn halves(v: f64) -> [u32; 2] {
    let bits = if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
    [bits as u32, (bits >> 32) as u32]
}

#[test]
fn points_do_not_depend_on_the_level() {
    in_place("normalize", |row| points::normalize(row, 1_234.567_890_123, 0.37));
    in_place("affine", |row| points::affine(row, 1.7, -3.3));
    let clipped = Linear::rescale([-3.0, 77.7], [0.0, 1.0], true);
    in_place("rescale", |row| linear::run(row, &clipped));
    let window = |low: f64| Linear::rescale([low, low + 3.0], [-1.0, 1.5], true);
    for windows in 2..6 {
        let maps: Vec<Linear> = (0..windows).flat_map(|n| window(f64::from(n) * 0.3 - 1.0)).collect();
        in_place(&format!("{windows} windows"), |row| linear::run(row, &maps));
    }
    in_place("clamp", |row| points::clamp(row, -3.0, 5.0));
    // Every kind of map, alone and followed by every kind.
    let kinds = [
        Linear::affine(1.7, -3.3),
        Linear::about(-3.5, 0.9, 2.0),
        Linear::about(12.3, 1.7, -3.3),
        Linear::clamp(-50.0, 60.0),
    ];
    for first in kinds {
        in_place(&format!("{first:?}"), |row| linear::run(row, &[first]));
        for second in kinds {
            in_place(&format!("{first:?}, {second:?}"), |row| linear::run(row, &[first, second]));
        }
    }
    in_place("gamma_between", |row| points::gamma_between(row, -3.0, 77.7, 0.7));
    in_place("pow_signed", |row| points::pow_signed(row, 0.7));
    let knots = [-7.0, -1.0, 0.5, 30.0].map(|at| points::Knot { at, value: 2.0 - at, slope: at * 0.3 });
    in_place("piecewise_linear", |row| points::piecewise_linear(row, &knots, [-2.0, 4.0]));
    let basis = values(9, 3 * (LONG + 8), -1.0, 1.0);
    in_place("multiply_by_exp", |row| points::multiply_by_exp(row, &basis, LONG + 8, &[0.3, -0.7, 1.1]));
    let table: Vec<[f32; 2]> = (0..37u8).map(|n| [f32::from(n) * 0.3, 1.7 - f32::from(n)]).collect();
    in_place("between_even", |row| points::between_even(row, -3.0, 2.7, &table));
    in_place("log", |row| points::log(row, 1.0, 0.7, false));
    in_place("signed log", |row| points::log(row, 1.0, 0.7, true));
    in_place("sigmoid", |row| points::sigmoid(row, 1.2, 0.7, [-3.0, 9.0]));
    in_place("inside", |row| points::inside(row, -1.2, 0.7, 1.0, 0.0));
    in_place("keep_inside", |row| points::keep_inside(row, -1.2, 0.7, 5.0));
    let other = values(10, LONG + 8, -1.0, 1.0);
    in_place("over_deviation", |row| points::over_deviation(row, &other, 0.3));
    in_place("quantize", |row| points::quantize(row, -3.0, 9.0, 37));
    in_place("exp", points::exp);
    in_place("ln", points::ln);
    in_place("pow 0.7", |row| points::pow(row, 0.7));
    in_place("pow 3", |row| points::pow(row, 3.0));
    in_place("pow 0.5", |row| points::pow(row, 0.5));
    in_place("pow -2", |row| points::pow(row, -2.0));
    let other = wild(8, LONG + 8);
    in_place("add_scaled", |row| {
        let n = row.len();
        points::add_scaled(row, &other[1..=n], 0.3);
    });
    in_place("magnitude", |row| {
        let n = row.len();
        points::magnitude(row, &other[1..=n]);
    });
    in_place("gammas_between", |row| {
        let n = row.len();
        points::gammas_between(row, -3.0, 9.0, &basis[..n]);
    });
    in_place("multiply", |row| {
        let n = row.len();
        points::multiply(row, &other[1..=n]);
    });
}

fn conversions<T: Element>(name: &str) {
    let source = bytes(3, (LONG / 16 + 16) * 8);
    let sizes = || (0..70).flat_map(|len| (0..3).map(move |offset| (len, offset))).chain([(LONG / 16, 1)]);
    for scale in [None, Some((0.37, -11.25)), Some((1.0, 0.0))] {
        for swap in [false, true] {
            compare(&format!("decode {name}"), sizes(), |len, offset| {
                let stored = &source[offset..offset + len * T::BYTES];
                let mut row = vec![0.0f32; len];
                convert::decode_f32::<T>(stored, swap, scale, &mut row);
                let mut streamed = vec![0.0f32; len + 1];
                convert::decode_f32_stream::<T>(stored, swap, scale, &mut streamed[1..]);
                assert_eq!(bits(&row), bits(&streamed[1..]));
                let mut wide = vec![0.0f64; len];
                convert::decode_f64::<T>(stored, swap, scale, &mut wide);
                bits(&row).into_iter().chain(wide.into_iter().flat_map(halves)).collect()
            });
        }
    }
    let input = wild(5, LONG / 16 + 16);
    compare(&format!("encode {name}"), sizes(), |len, offset| {
        let row = &input[offset..offset + len];
        let wide: Vec<f64> = row.iter().map(|&v| f64::from(v) * 1.000_000_01).collect();
        let mut stored = vec![0u8; len * T::BYTES + 1];
        convert::encode_from_f32::<T>(row, &mut stored[1..]);
        let mut all = words(&stored);
        convert::encode_from_f64::<T>(&wide, &mut stored[..len * T::BYTES]);
        all.extend(words(&stored));
        all
    });
}

#[test]
fn conversions_do_not_depend_on_the_level() {
    conversions::<u8>("u8");
    conversions::<i8>("i8");
    conversions::<u16>("u16");
    conversions::<i16>("i16");
    conversions::<u32>("u32");
    conversions::<i32>("i32");
    conversions::<u64>("u64");
    conversions::<i64>("i64");
    conversions::<f32>("f32");
    conversions::<f64>("f64");
    conversions::<half::f16>("f16");
    conversions::<half::bf16>("bf16");
}

#[test]
fn quantising_swapping_and_casting_do_not_depend_on_the_level() {
    let input = wild(11, LONG + 8);
    check("quantize_i16", |len, offset| {
        let mut q = vec![0i16; len];
        let worst = convert::quantize_i16(&input[offset..offset + len], 0.031, 7.5, &mut q);
        q.iter().map(|&v| v as u32).chain(halves(worst)).collect()
    });
    let source = bytes(12, LONG + 8);
    check("swap_bytes", |len, offset| {
        let mut all = Vec::new();
        for size in [2, 4, 8, 16] {
            let mut row = source[offset..offset + len].to_vec();
            convert::swap_bytes(size, &mut row);
            all.extend(words(&row));
        }
        all
    });
    check("cast_int", |len, offset| {
        let wide: Vec<i64> =
            source[offset..offset + len].iter().map(|&b| (i64::from(b) - 100) << (b % 40)).collect();
        let mut narrow = vec![0u16; len];
        convert::cast_int(&wide, &mut narrow);
        let mut back = vec![0i32; len];
        convert::cast_int(&narrow, &mut back);
        narrow.iter().map(|&v| u32::from(v)).chain(back.iter().map(|&v| v as u32)).collect()
    });
}

#[test]
fn statistics_do_not_depend_on_the_level() {
    let tame = values(21, LONG + 8, 9999.0, 10001.0);
    let wild = wild(22, LONG + 8);
    let mask = bytes(23, LONG + 8);
    check("stats", |len, offset| {
        let mut all = Vec::new();
        for row in [&tame[offset..offset + len], &wild[offset..offset + len]] {
            for keep in [Keep::All, Keep::Nonzero, Keep::Above(3.0), Keep::Mask(&mask[..len])] {
                let m = stats::moments(row, keep);
                all.extend([m.n as u32]);
                all.extend(halves(m.mean));
                all.extend(halves(m.m2));
                let e = stats::extent(row, keep);
                all.extend(bits(&[e.min, e.max]));
                all.extend([e.n as u32, e.nan as u32, e.infinite as u32]);
            }
        }
        all
    });
    compare("percentiles", [(5, 0), (70, 1), (4097, 3), (40_000, 1), (LONG, 3)], |len, offset| {
        let row = &tame[offset..offset + len];
        let mut all = Vec::new();
        for keep in [Keep::All, Keep::Nonzero, Keep::Above(10_000.5), Keep::Mask(&mask[..len])] {
            let found = select::percentiles(&[row], None, keep, &[0.5, 50.0, 99.5]);
            all.extend(found.unwrap_or_default().into_iter().flat_map(halves));
        }
        all
    });
}

#[test]
fn random_rows_do_not_depend_on_the_level() {
    let stream = Stream { key: [1, 2], hi: [3, 4] };
    check("philox rows", |len, offset| {
        let mut row = vec![0.0f32; len];
        philox::uniform_row(&mut row, stream, offset as u64 + 5);
        let mut all = bits(&row);
        philox::normal_row(&mut row, stream, u64::from(u32::MAX) * 4 - 33 + offset as u64);
        all.extend(bits(&row));
        all
    });
}

#[test]
fn copies_do_not_depend_on_the_level() {
    let source = bytes(31, 40 * 41 * 42 * 16);
    compare("copy_strided", (0..40).map(|n| (n, n % 3)), |n, _| {
        let mut all = Vec::new();
        for element in [1, 2, 3, 4, 8, 16] {
            let shape = [n, 41 - n, 5];
            let mut dst = vec![0u8; n * (41 - n) * 5 * element];
            let packed = [1, n as isize, (n * (41 - n)) as isize];
            copy::copy_strided(&mut dst, packed, 0, &source, [-1, 41, 1640], 39, shape, element);
            all.extend(words(&dst));
            copy::copy_strided(&mut dst, packed, 0, &source, [41, 1, 1640], 0, shape, element);
            all.extend(words(&dst));
        }
        all
    });
}

#[test]
fn gathers_do_not_depend_on_the_level() {
    let source = bytes(32, 500 * 8);
    compare("picks", (0..70).map(|n| (n, n % 3)).chain([(160, 1)]), |n, offset| {
        let mut all = Vec::new();
        for element in [1, 2, 4, 8] {
            for step in [0.8, 1.3, 2.0, 3.0] {
                let index = (0..n).map(|i| ((i + offset) as f64 * step) as u32).collect();
                let mut row = vec![0u8; n * element];
                gather::Picks::new(index, element).gather(&mut row, &source);
                all.extend(words(&row));
            }
        }
        all
    });
}

#[test]
fn interpolation_does_not_depend_on_the_level() {
    let shape = [37, 23, 19];
    let data = values(41, shape.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, shape);
    let backwards = StridedF32 { offset: data.len() as isize - 1, strides: src.strides.map(|s| -s), ..src };
    compare("resample_linear", [(5, 0), (18, 1), (37, 2), (64, 3)], |n, offset| {
        let mut all = Vec::new();
        for src in [src, backwards] {
            for step in [0.5, 1.0, 2.0, 0.77] {
                let tx = AxisTaps::edge(offset as f64 * 0.3, step, 0, n, shape[0]);
                let ty = AxisTaps::edge(0.5, step, 1, 7, shape[1]);
                let tz = AxisTaps::edge(0.25, step, 2, 3, shape[2]);
                let mut dst = vec![0.0; n * 21];
                interpolate::resample_linear(&mut dst, &src, [&tx, &ty, &tz]);
                all.extend(bits(&dst));
            }
        }
        all
    });
    let boundaries = [
        Boundary::Constant(3.5),
        Boundary::ZerosBlended,
        Boundary::Edge,
        Boundary::Reflect,
        Boundary::Mirror,
        Boundary::Wrap,
    ];
    compare("oblique rows", (0..70).map(|n| (n, n % 5)), |n, offset| {
        let mut all = Vec::new();
        let (start, step) = ([-3.2, 4.1, 20.3], [0.97, 0.31, -0.42]);
        for boundary in boundaries {
            let mut row = vec![0.0; n];
            interpolate::sample_linear_row(&mut row, &src, start, step, offset, boundary);
            all.extend(bits(&row));
            let volume =
                copy::Strided { bytes: bytemuck::cast_slice(&data), offset: 0, strides: src.strides, shape };
            let mut nearest = vec![0u8; 4 * n];
            interpolate::sample_nearest_row(&mut nearest, &volume, 4, start, step, offset, boundary, &[9; 4]);
            all.extend(words(&nearest));
        }
        all
    });
}

#[test]
fn filters_do_not_depend_on_the_level() {
    let input = wild(51, LONG + 40);
    let smooth = filter::gaussian_taps(1.3, 4.0);
    check("convolve_x", |len, offset| {
        let mut all = Vec::new();
        for taps in [&smooth[..], &[0.25, 0.5], &[1.0, -2.0, 0.5]] {
            let mut row = vec![0.0; len];
            filter::convolve_x(&mut row, &input[offset..offset + len + taps.len() - 1], taps);
            all.extend(bits(&row));
        }
        all
    });
    compare("convolve_axis", [(1, 0), (33, 0), (70, 1), (131, 2)], |n, axis| {
        let shape = [n, 5, 4];
        let mut padded = shape;
        padded[axis] += smooth.len() - 1;
        let mut dst = vec![0.0; n * 20];
        filter::convolve_axis(&mut dst, &input[..padded.iter().product()], shape, axis, &smooth);
        bits(&dst)
    });
}
