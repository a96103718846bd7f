//! Linear and nearest sampling against sums over neighbours in f64.

use medkernels::copy::Strided;
use medkernels::interpolate::{
    AxisTaps, Bordered, Boundary, StridedF32, lerp, lerp_x, resample_linear, resample_linear_bordered,
    sample_linear_row, sample_nearest_row,
};

use super::oracle::{self, Noise, bits, mapped, values, wild};

const SHAPE: [usize; 3] = [13, 9, 7];

const BOUNDARIES: [Boundary; 6] = [
    Boundary::Constant(-50.0),
    Boundary::ZerosBlended,
    Boundary::Edge,
    Boundary::Reflect,
    Boundary::Mirror,
    Boundary::Wrap,
];

#[test]
fn boundaries_equal_a_walk() {
    for boundary in BOUNDARIES {
        for n in 1..8 {
            for i in -40..40 {
                assert_eq!(boundary.index(i, n), mapped(boundary, i, n), "{boundary:?} {i} of {n}");
            }
        }
    }
}

#[test]
fn lerp_is_exact_at_both_ends_and_between_equals() {
    let a = values(1, 1000, -1e3, 1e3);
    let b = values(2, 1000, -1e-3, 1e-3);
    let mut out = vec![0.0; 1000];
    lerp(&mut out, &a, &b, 0.0);
    assert_eq!(out, a);
    lerp(&mut out, &a, &b, 1.0);
    assert_eq!(out, b);
    for w in [0.1, 0.25, 0.5, 0.77, 0.999] {
        lerp(&mut out, &a, &a, w);
        assert_eq!(out, a);
        lerp(&mut out, &a, &b, w);
        let mut back = vec![0.0; 1000];
        lerp(&mut back, &b, &a, 1.0 - w);
        for i in 0..1000 {
            let want = f64::from(a[i]) + (f64::from(b[i]) - f64::from(a[i])) * f64::from(w);
            assert!((f64::from(out[i]) - want).abs() < 1e-7 * 1e3 * 1.3);
            if w == 0.25 {
                assert_eq!(out[i], back[i]);
            }
        }
    }
    // A neighbour of weight zero is not looked at.
    lerp(&mut out[..1], &[1.0], &[f32::NAN], 0.0);
    assert_eq!(out[0], 1.0);
    let taps = AxisTaps { i0: vec![0, 0], i1: vec![1, 1], w: vec![0.0, 1.0] };
    lerp_x(&mut out[..2], &[f32::INFINITY, 5.0], &taps);
    assert_eq!(out[..2], [f32::INFINITY, 5.0]);
}

fn resampled(src: &StridedF32, taps: [&AxisTaps; 3]) -> Vec<f32> {
    let mut dst = vec![f32::NAN; taps.iter().map(|t| t.len()).product()];
    resample_linear(&mut dst, src, taps);
    dst
}

#[test]
fn resampling_equals_the_sum_over_neighbours() {
    let data = values(3, SHAPE.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, SHAPE);
    for (start, step) in [(0.5, 2.0), (0.0, 1.0), (-0.1, 0.8), (-3.0, 1.7), (3.0, 0.01), (12.0, -1.0)] {
        let counts = [21, 11, 9];
        let taps = [0, 1, 2].map(|a| AxisTaps::edge(start, step, 0, counts[a], SHAPE[a]));
        let found = resampled(&src, [&taps[0], &taps[1], &taps[2]]);
        let mut i = 0;
        for z in 0..counts[2] {
            for y in 0..counts[1] {
                for x in 0..counts[0] {
                    let at = [x, y, z].map(|i| start + i as f64 * step);
                    // Neighbours beyond the edge are the edge, so is a coordinate held at it.
                    let held = [0, 1, 2].map(|a| at[a].clamp(0.0, SHAPE[a] as f64 - 1.0));
                    let want = oracle::linear(&data, SHAPE, held, Boundary::Edge);
                    assert!((f64::from(found[i]) - want).abs() < 5e-5, "{at:?}: {} not {want}", found[i]);
                    i += 1;
                }
            }
        }
    }
}

#[test]
fn resampling_does_not_depend_on_boxes_or_strides() {
    let data = values(4, SHAPE.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, SHAPE);
    // The same voxels stored z fastest.
    let mut turned = vec![0.0; data.len()];
    for z in 0..SHAPE[2] {
        for y in 0..SHAPE[1] {
            for x in 0..SHAPE[0] {
                turned[(x * SHAPE[1] + y) * SHAPE[2] + z] = data[(z * SHAPE[1] + y) * SHAPE[0] + x];
            }
        }
    }
    let strides = [(SHAPE[1] * SHAPE[2]) as isize, SHAPE[2] as isize, 1];
    let other = StridedF32 { data: &turned, offset: 0, strides, shape: SHAPE };
    for (start, step) in [(0.5, 2.0), (-0.1, 0.8), (0.0, 1.0)] {
        let counts = [15, 10, 8];
        let tap = |axis: usize, first, count| AxisTaps::edge(start, step, first, count, SHAPE[axis]);
        let whole = resampled(&src, [&tap(0, 0, 15), &tap(1, 0, 10), &tap(2, 0, 8)]);
        assert_eq!(resampled(&other, [&tap(0, 0, 15), &tap(1, 0, 10), &tap(2, 0, 8)]), whole);
        let (first, size) = ([4, 3, 2], [7, 5, 3]);
        let part = resampled(
            &src,
            [&tap(0, first[0], size[0]), &tap(1, first[1], size[1]), &tap(2, first[2], size[2])],
        );
        let turned_part = resampled(
            &other,
            [&tap(0, first[0], size[0]), &tap(1, first[1], size[1]), &tap(2, first[2], size[2])],
        );
        for z in 0..size[2] {
            for y in 0..size[1] {
                for x in 0..size[0] {
                    let from = ((z + first[2]) * counts[1] + y + first[1]) * counts[0] + x + first[0];
                    let at = (z * size[1] + y) * size[0] + x;
                    assert_eq!(part[at].to_bits(), whole[from].to_bits());
                    assert_eq!(turned_part[at].to_bits(), whole[from].to_bits());
                }
            }
        }
    }
}

#[test]
fn taps_in_any_order_and_far_apart() {
    let n = 5000;
    let data = values(5, n * 20, 0.0, 1.0);
    let src = StridedF32::packed(&data, [n, 20, 1]);
    let tx = AxisTaps { i0: vec![4999, 0, 17, 0], i1: vec![0, 4999, 18, 0], w: vec![0.25, 0.5, 0.75, 0.0] };
    let ty = AxisTaps { i0: vec![0, 19, 3], i1: vec![8, 1, 11], w: vec![0.5, 0.25, 0.75] };
    let tz = AxisTaps { i0: vec![0], i1: vec![0], w: vec![0.0] };
    let found = resampled(&src, [&tx, &ty, &tz]);
    for y in 0..3 {
        for x in 0..4 {
            let v = |i: u32, j: u32| f64::from(data[j as usize * n + i as usize]);
            let row = |j: u32| {
                let w = f64::from(tx.w[x]);
                v(tx.i0[x], j) * (1.0 - w) + v(tx.i1[x], j) * w
            };
            let w = f64::from(ty.w[y]);
            let want = row(ty.i0[y]) * (1.0 - w) + row(ty.i1[y]) * w;
            assert!((f64::from(found[y * 4 + x]) - want).abs() < 1e-6);
        }
    }
}

#[test]
fn rows_of_any_length_and_step_equal_the_row_by_taps() {
    for (width, data) in [(61, wild(13, 61)), (4133, wild(14, 4133)), (1, vec![2.5])] {
        let forwards = StridedF32::packed(&data, [width, 1, 1]);
        let backwards = StridedF32 { offset: width as isize - 1, strides: [-1, 1, 1], ..forwards };
        let reversed: Vec<f32> = data.iter().rev().copied().collect();
        let one = AxisTaps::edge(0.0, 1.0, 0, 1, 1);
        for n in (1..70).chain([257]) {
            for step in [0.25, 0.8, 1.0, 1.37, 2.0, 2.05, 7.0, -0.8] {
                let start = if step < 0.0 { width as f64 } else { -0.4 };
                for taps in [
                    AxisTaps::edge(start, step, 0, n, width),
                    AxisTaps::edge(start, step, 3, n, width),
                    AxisTaps::edge(width as f64 - 20.0, step, 0, n, width),
                ] {
                    let mut want = vec![0.0; n];
                    lerp_x(&mut want, &data, &taps);
                    assert_eq!(
                        bits(&resampled(&forwards, [&taps, &one, &one])),
                        bits(&want),
                        "{n} by {step}"
                    );
                    lerp_x(&mut want, &reversed, &taps);
                    assert_eq!(
                        bits(&resampled(&backwards, [&taps, &one, &one])),
                        bits(&want),
                        "{n} by {step}"
                    );
                }
            }
        }
    }
}

/// Strides and offset of a packed box, its axes in an order and some of them backwards.
fn laid(shape: [usize; 3], order: [usize; 3], backwards: [bool; 3]) -> ([isize; 3], isize) {
    let (mut strides, mut offset, mut step) = ([0; 3], 0, 1);
    for axis in order {
        strides[axis] = if backwards[axis] { -step } else { step };
        offset += if backwards[axis] { step * (shape[axis] as isize - 1) } else { 0 };
        step *= shape[axis] as isize;
    }
    (strides, offset)
}

#[test]
fn a_border_is_a_copy_with_a_border() {
    let mut noise = Noise::new(15);
    for round in 0..400 {
        let shape = [0, 1, 2].map(|axis| [1, 2, 7, 13, 40 - 11 * axis][noise.below(5)]);
        let held = shape.map(|n| {
            let from = noise.below(n + 1);
            [from, if round % 7 == 0 { n } else { from + noise.below(n + 1 - from) }]
        });
        let fill = [0.0, -3.25, 1e30, f32::NAN, f32::INFINITY][noise.below(5)];
        let size = held.map(|[from, to]| to - from);
        let order = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0]][noise.below(4)];
        let (strides, first) = laid(size, order, [0; 3].map(|_| noise.below(2) == 1));
        let mut data = values(round, size.iter().product(), -100.0, 100.0);
        if let (Some(last), 0) = (data.last_mut(), round % 3) {
            *last = f32::NAN;
        }
        let offset = (0..3).fold(first, |at, axis| at - strides[axis] * held[axis][0] as isize);
        let mut copy = vec![fill; shape.iter().product()];
        for (i, v) in copy.iter_mut().enumerate() {
            let at = [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
            if (0..3).all(|axis| (held[axis][0]..held[axis][1]).contains(&at[axis])) {
                *v = data[(0..3).fold(offset, |sum, axis| sum + strides[axis] * at[axis] as isize) as usize];
            }
        }
        let step = [0.5, 0.8, 1.0, 2.0, 1.7, -0.9][noise.below(6)];
        let taps = shape.map(|n| {
            let start = if step < 0.0 { n as f64 } else { [0.0, 0.5, -1.3][noise.below(3)] };
            AxisTaps::edge(start, step, 0, 1 + noise.below(40), n)
        });
        let taps = [&taps[0], &taps[1], &taps[2]];
        let mut found = vec![0.0; taps.iter().map(|t| t.len()).product()];
        let src = Bordered { voxels: StridedF32 { data: &data, offset, strides, shape }, held, fill };
        resample_linear_bordered(&mut found, &src, taps);
        let want = resampled(&StridedF32::packed(&copy, shape), taps);
        assert_eq!(
            bits(&found),
            bits(&want),
            "{held:?} of {shape:?}, strides {strides:?}, step {step}, {fill}"
        );
    }
}

#[test]
fn taps_know_what_they_read() {
    let taps = AxisTaps::edge(0.5, 2.0, 0, 6, 13);
    assert_eq!(taps.reads(), 0..12);
    assert_eq!(taps.part(2..4), AxisTaps::edge(0.5, 2.0, 2, 2, 13));
    assert_eq!(taps.part(2..4).reads(), 4..8);
    assert_eq!(taps.part(3..3).reads(), 0..0);
}

#[test]
fn a_ramp_stays_a_ramp() {
    let data: Vec<f32> =
        (0..SHAPE.iter().product::<usize>()).map(|i| (i % SHAPE[0]) as f32 * 2.0 + 1.0).collect();
    let src = StridedF32::packed(&data, SHAPE);
    let tx = AxisTaps::edge(0.3, 0.7, 0, 17, SHAPE[0]);
    let other = AxisTaps::edge(0.1, 0.9, 0, 4, SHAPE[2]);
    let found = resampled(&src, [&tx, &other, &other]);
    for (i, v) in found.iter().enumerate() {
        let want = (0.3 + 0.7 * (i % 17) as f64) * 2.0 + 1.0;
        assert!((f64::from(*v) - want).abs() < 1e-5);
    }
}

/// A row of coordinates through and around a volume.
fn random_line(noise: &mut Noise) -> ([f64; 3], [f64; 3]) {
    let start = SHAPE.map(|n| (noise.unit() * 3.0 - 1.0) * n as f64);
    let step = [0; 3].map(|_| if noise.below(4) == 0 { 0.0 } else { noise.unit() * 2.0 - 1.0 });
    (start, step)
}

#[test]
fn oblique_linear_rows_equal_the_sum_over_neighbours() {
    let data = values(6, SHAPE.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, SHAPE);
    let mut noise = Noise::new(7);
    for _ in 0..400 {
        let (start, step) = random_line(&mut noise);
        for boundary in BOUNDARIES {
            let first = noise.below(5);
            let mut row = vec![0.0; 60];
            sample_linear_row(&mut row, &src, start, step, first, boundary);
            for (i, v) in row.iter().enumerate() {
                let at = [0, 1, 2].map(|a| start[a] + (first + i) as f64 * step[a]);
                let want = oracle::linear(&data, SHAPE, at, boundary);
                // Weights are f32: 6e-8 of differences up to 200, on three axes.
                assert!((f64::from(*v) - want).abs() < 1e-4, "{boundary:?} {at:?}: {v} not {want}");
            }
        }
    }
}

#[test]
fn oblique_rows_do_not_depend_on_cuts_or_strides() {
    let data = values(8, SHAPE.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, SHAPE);
    let reversed: Vec<f32> = data.iter().rev().copied().collect();
    let backwards = StridedF32 {
        data: &reversed,
        offset: data.len() as isize - 1,
        strides: src.strides.map(|s| -s),
        shape: SHAPE,
    };
    let mut noise = Noise::new(9);
    for _ in 0..100 {
        let (start, step) = random_line(&mut noise);
        let boundary = BOUNDARIES[noise.below(6)];
        let mut whole = vec![0.0; 60];
        sample_linear_row(&mut whole, &src, start, step, 0, boundary);
        let mut other = vec![0.0; 60];
        sample_linear_row(&mut other, &backwards, start, step, 0, boundary);
        assert_eq!(other, whole);
        for cut in [1, 7, 30, 31, 59] {
            let mut parts = vec![0.0; 60];
            let (head, tail) = parts.split_at_mut(cut);
            sample_linear_row(head, &src, start, step, 0, boundary);
            sample_linear_row(tail, &src, start, step, cut, boundary);
            assert_eq!(parts, whole);
        }
    }
}

#[test]
fn the_identity_is_exact_and_odd_coordinates_are_safe() {
    let data = values(10, SHAPE.iter().product(), -100.0, 100.0);
    let src = StridedF32::packed(&data, SHAPE);
    for boundary in BOUNDARIES {
        let mut row = vec![0.0; SHAPE[0]];
        sample_linear_row(&mut row, &src, [0.0, 3.0, 2.0], [1.0, 0.0, 0.0], 0, boundary);
        assert_eq!(row, data[(2 * SHAPE[1] + 3) * SHAPE[0]..][..SHAPE[0]]);
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e15] {
            let mut row = [0.0; 9];
            sample_linear_row(&mut row, &src, [odd, 1.0, 1.0], [0.1, 0.0, 0.0], 0, boundary);
            assert!(row.iter().all(|v| v.is_finite()), "{boundary:?} {odd}");
            sample_linear_row(&mut row, &src, [1.0, 1.0, 1.0], [odd, 0.0, 0.0], 0, boundary);
            assert!(row[1..].iter().all(|v| v.is_finite()), "{boundary:?} {odd}");
        }
    }
    // Neighbours outside that have no weight do not count, even if the fill is NaN.
    let mut row = vec![0.0; SHAPE[0]];
    sample_linear_row(&mut row, &src, [0.0, 8.0, 6.0], [1.0, 0.0, 0.0], 0, Boundary::Constant(f32::NAN));
    assert_eq!(row, data[(6 * SHAPE[1] + 8) * SHAPE[0]..][..SHAPE[0]]);
}

#[test]
fn nearest_rows_round_halves_up() {
    let data: Vec<u16> = (0..SHAPE.iter().product::<usize>() as u16).collect();
    let view = Strided {
        bytes: bytemuck::cast_slice(&data),
        offset: 0,
        strides: [1, SHAPE[0] as isize, (SHAPE[0] * SHAPE[1]) as isize],
        shape: SHAPE,
    };
    let mut noise = Noise::new(11);
    for round in 0..400 {
        let (mut start, mut step) = random_line(&mut noise);
        if round % 2 == 0 {
            // Exact halves.
            start = start.map(|v| (v * 2.0).round() / 2.0);
            step = step.map(|v| (v * 4.0).round() / 4.0);
        }
        for boundary in BOUNDARIES {
            let first = noise.below(5);
            let mut row = vec![0u8; 2 * 60];
            sample_nearest_row(&mut row, &view, 2, start, step, first, boundary, &[0xff, 0xee]);
            for (i, v) in row.chunks(2).enumerate() {
                let index = [0, 1, 2].map(|a| {
                    let c = start[a] + (first + i) as f64 * step[a];
                    mapped(boundary, (c + 0.5).floor() as i64, SHAPE[a])
                });
                let want = match index {
                    [Some(x), Some(y), Some(z)] => data[(z * SHAPE[1] + y) * SHAPE[0] + x].to_ne_bytes(),
                    _ => [0xff, 0xee],
                };
                assert_eq!(v, want, "{boundary:?} {start:?} {step:?} {first} + {i}");
            }
        }
    }
    // Just below the middle between two voxels of a one-voxel axis.
    let one = Strided { bytes: &[7], offset: 0, strides: [1, 1, 1], shape: [1, 1, 1] };
    let mut row = [0u8; 5];
    let below = 0.499_999_999_999_999_94;
    sample_nearest_row(&mut row, &one, 1, [below; 3], [0.0; 3], 0, Boundary::Edge, &[9]);
    assert_eq!(row, [7; 5]);
    sample_nearest_row(&mut row, &one, 1, [f64::NAN; 3], [0.0; 3], 0, Boundary::Edge, &[9]);
    assert_eq!(row, [9; 5]);
}

#[test]
fn a_source_may_hold_only_what_is_looked_at() {
    let data = values(12, SHAPE.iter().product(), -100.0, 100.0);
    let whole = StridedF32::packed(&data, SHAPE);
    // Planes 2, 3 and 4 of the same grid.
    let plane = SHAPE[0] * SHAPE[1];
    let held = StridedF32 { data: &data[2 * plane..5 * plane], offset: -(2 * plane as isize), ..whole };
    let (start, step) = ([-1.5, 0.2, 2.0], [0.6, 0.3, 0.08]);
    for boundary in BOUNDARIES {
        let (mut a, mut b) = ([0.0; 24], [0.0; 24]);
        sample_linear_row(&mut a, &whole, start, step, 0, boundary);
        sample_linear_row(&mut b, &held, start, step, 0, boundary);
        assert_eq!(a, b);
        let view = |src: &StridedF32| {
            let mut row = [0u8; 96];
            let bytes = bytemuck::cast_slice(src.data);
            let src = Strided { bytes, offset: src.offset, strides: src.strides, shape: SHAPE };
            sample_nearest_row(&mut row, &src, 4, start, step, 0, boundary, &[0; 4]);
            row
        };
        assert_eq!(view(&whole), view(&held));
    }
    let (tx, tz) = (AxisTaps::edge(0.3, 0.9, 0, 13, SHAPE[0]), AxisTaps::edge(2.1, 0.7, 0, 3, SHAPE[2]));
    let ty = AxisTaps::edge(0.0, 1.0, 0, 9, SHAPE[1]);
    assert_eq!(resampled(&held, [&tx, &ty, &tz]), resampled(&whole, [&tx, &ty, &tz]));
}
