//! Sums by weights, and splines, against loops in f64.

use medkernels::interpolate::{
    AxisWeights, Boundary, Part, SPLINE_REACH, StridedF32, cubic_weights, resample_weighted, sample_cubic_at,
    sample_cubic_row, spline_coefficients,
};

use super::levels::at_levels;
use super::oracle::{Noise, bits, values};

const SHAPE: [usize; 3] = [23, 17, 11];

/// Some weights of voxels of an axis, in f64 as they were given, and as they are kept.
fn random(
    noise: &mut Noise,
    outputs: usize,
    n: usize,
    most: usize,
) -> (Vec<Vec<(Option<usize>, f64)>>, AxisWeights) {
    let mut kept = AxisWeights::default();
    let one = |noise: &mut Noise| {
        let first = noise.below(n);
        let count = 1 + noise.below(most);
        let voxel = |k: usize| if first + k < n { Some(first + k) } else { None };
        (0..count).map(|k| (voxel(k), f64::from((noise.unit() - 0.3) as f32))).collect::<Vec<_>>()
    };
    let given: Vec<_> = (0..outputs).map(|_| one(noise)).collect();
    for taps in &given {
        kept.push(taps.iter().copied());
    }
    (given, kept)
}

#[test]
fn weighted_sums_equal_a_triple_loop() {
    let data = values(1, SHAPE.iter().product(), -100.0, 100.0);
    let mut noise = Noise::new(7);
    for most in [1, 2, 4, 9] {
        let axes = [0, 1, 2].map(|a| random(&mut noise, [41, 9, 6][a], SHAPE[a], most));
        let (fill, shape) = (-7.5f32, [41, 9, 6]);
        let given = axes.each_ref().map(|a| &a.0);
        let kept = axes.each_ref().map(|a| &a.1);
        // Packed; and with z fastest, which is packed first.
        let turned: Vec<f32> = (0..data.len())
            .map(|i| {
                let [x, y, z] = [i / (SHAPE[1] * SHAPE[2]), i / SHAPE[2] % SHAPE[1], i % SHAPE[2]];
                data[x + SHAPE[0] * (y + SHAPE[1] * z)]
            })
            .collect();
        let strides = [(SHAPE[1] * SHAPE[2]) as isize, SHAPE[2] as isize, 1];
        let sources = [
            StridedF32::packed(&data, SHAPE),
            StridedF32 { data: &turned, offset: 0, strides, shape: SHAPE },
        ];
        let mut found = sources.map(|src| {
            let mut dst = vec![f32::NAN; shape.iter().product()];
            resample_weighted(&mut dst, &src, kept, fill);
            dst
        });
        assert_eq!(bits(&found[0]), bits(&found[1]));
        for (i, v) in found[0].iter_mut().enumerate() {
            let at = [i % 41, i / 41 % 9, i / 41 / 9];
            // What lies outside along one axis has no place along the others: each sum is one of rows.
            let sum = |taps: &[(Option<usize>, f64)], value: &dyn Fn(usize) -> f64| -> f64 {
                taps.iter().map(|(i, w)| w * i.map_or(f64::from(fill), value)).sum()
            };
            let want = sum(&given[0][at[0]], &|x| {
                sum(&given[1][at[1]], &|y| {
                    sum(&given[2][at[2]], &|z| f64::from(data[x + SHAPE[0] * (y + SHAPE[1] * z)]))
                })
            });
            assert!((f64::from(*v) - want).abs() < 1e-3, "{i}: {v} not {want}");
        }
    }
}

#[test]
fn voxels_without_weight_are_not_looked_at() {
    let mut data = values(2, 40, 1.0, 2.0);
    data[7] = f32::INFINITY;
    data[30] = f32::NAN;
    let mut weights = AxisWeights::default();
    for i in 0..40 {
        // Two of some and one of others, so that tables have places without weight.
        if i % 3 == 0 {
            weights.push([(Some(i), 1.0)]);
        } else {
            weights.push([(Some(i), 0.5), (Some((i + 1) % 40), 0.5)]);
        }
    }
    let mut one = AxisWeights::default();
    one.push([(Some(0), 1.0)]);
    let mut out = vec![0.0; 40];
    resample_weighted(&mut out, &StridedF32::packed(&data, [40, 1, 1]), [&weights, &one, &one], 0.0);
    for (i, v) in out.iter().enumerate() {
        let touches = |j: usize| i == j || i % 3 != 0 && i + 1 == j;
        assert_eq!(v.is_finite(), !touches(7) && !touches(30), "{i}");
        assert_eq!(*v == f32::INFINITY, touches(7) && !touches(30));
    }
}

/// Coefficients of a row that is continued by a boundary for long, by the recursive filter in f64.
fn recursive(row: &[f64], boundary: Boundary, around: usize) -> Vec<f64> {
    const BEYOND: usize = 60;
    let pole = 3f64.sqrt() - 2.0;
    let fill = if let Boundary::Constant(v) = boundary { f64::from(v) } else { 0.0 };
    let at = |i: i64| boundary.index(i, row.len()).map_or(fill, |i| row[i]);
    let first = -((BEYOND + around) as i64);
    let mut line: Vec<f64> = (first..row.len() as i64 - first).map(|i| 6.0 * at(i)).collect();
    for i in 1..line.len() {
        line[i] += pole * line[i - 1];
    }
    let last = line.len() - 1;
    line[last] *= -pole / (1.0 - pole);
    for i in (0..last).rev() {
        line[i] = pole * (line[i + 1] - line[i]);
    }
    line[BEYOND..line.len() - BEYOND].to_vec()
}

const BOUNDARIES: [Boundary; 5] =
    [Boundary::Constant(-50.0), Boundary::Edge, Boundary::Reflect, Boundary::Mirror, Boundary::Wrap];

fn coefficients(data: &[f32], shape: [usize; 3], axes: [bool; 3], boundary: Boundary) -> Vec<f32> {
    let mut out = vec![f32::NAN; data.len()];
    let part = Part { voxels: data, start: [0; 3], shape };
    spline_coefficients(&mut out, &part, ([0; 3], shape), shape, axes, boundary).unwrap();
    out
}

#[test]
fn coefficients_are_those_of_the_recursive_filter() {
    for boundary in BOUNDARIES {
        for n in [1, 2, 5, 29, 64] {
            let data = values(n as u64, n, -100.0, 100.0);
            let row: Vec<f64> = data.iter().map(|v| f64::from(*v)).collect();
            let want = recursive(&row, boundary, 0);
            for axis in 0..3 {
                let (mut shape, mut axes) = ([1; 3], [false; 3]);
                (shape[axis], axes[axis]) = (n, true);
                let found = coefficients(&data, shape, axes, boundary);
                for (f, w) in found.iter().zip(&want) {
                    assert!((f64::from(*f) - w).abs() < 2e-4, "{boundary:?} {n} axis {axis}: {f} not {w}");
                }
            }
        }
    }
}

#[test]
fn a_part_has_the_coefficients_of_the_whole_and_all_levels_agree() {
    let shape = [41, 37, 33];
    let data = values(3, shape.iter().product(), -10.0, 10.0);
    for axes in [[true; 3], [true, false, true], [false, true, false]] {
        let whole = at_levels(|| coefficients(&data, shape, axes, Boundary::Mirror));
        let (start, size) = ([20, 3, 15], [9, 31, 2]);
        let grown = |a: usize| if axes[a] { SPLINE_REACH } else { 0 };
        let from = [0, 1, 2].map(|a| usize::saturating_sub(start[a], grown(a)));
        let to = [0, 1, 2].map(|a| (start[a] + size[a] + grown(a)).min(shape[a]));
        let held = [0, 1, 2].map(|a| to[a] - from[a]);
        let mut voxels = vec![];
        for z in from[2]..to[2] {
            for y in from[1]..to[1] {
                let row = shape[0] * (y + shape[1] * z);
                voxels.extend_from_slice(&data[row + from[0]..row + to[0]]);
            }
        }
        let mut out = vec![0.0; size.iter().product()];
        let part = Part { voxels: &voxels, start: from, shape: held };
        spline_coefficients(&mut out, &part, (start, size), shape, axes, Boundary::Mirror).unwrap();
        for (i, v) in out.iter().enumerate() {
            let [x, y, z] = [i % size[0], i / size[0] % size[1], i / size[0] / size[1]];
            let at = start[0] + x + shape[0] * (start[1] + y + shape[1] * (start[2] + z));
            assert_eq!(v.to_bits(), whole[at].to_bits());
        }
    }
}

#[test]
fn a_spline_goes_through_its_voxels_and_is_the_sum_of_its_basis() {
    let n: usize = SHAPE.iter().product();
    let data = values(4, n, -100.0, 100.0);
    for boundary in BOUNDARIES {
        let made = coefficients(&data, SHAPE, [true; 3], boundary);
        let src = StridedF32::packed(&made, SHAPE);
        let mut noise = Noise::new(5);
        let mut at = [vec![], vec![], vec![]];
        for i in 0..500 {
            for a in 0..3 {
                let c = -4.0 + noise.unit() * (SHAPE[a] as f64 + 8.0);
                at[a].push(if i % 7 == 0 { c.round() } else { c });
            }
        }
        let mut found = vec![0.0; 500];
        sample_cubic_at(&mut found, &src, [&at[0], &at[1], &at[2]], boundary);
        for i in 0..500 {
            let c = [0, 1, 2].map(|a| at[a][i]);
            let mut want = 0.0;
            for k in 0..64 {
                let mut weight = 1.0;
                let mut place = Some(0);
                let mut stride = 1;
                for a in 0..3 {
                    let j = k >> (2 * a) & 3;
                    weight *= cubic_weights(c[a] - c[a].floor())[j];
                    let inside = boundary.index(c[a].floor() as i64 - 1 + j as i64, SHAPE[a]);
                    place = place.zip(inside).map(|(p, i)| p + i * stride);
                    stride *= SHAPE[a];
                }
                let fill = if let Boundary::Constant(v) = boundary { v } else { 0.0 };
                want += weight * f64::from(place.map_or(fill, |p| made[p]));
            }
            assert!((f64::from(found[i]) - want).abs() < 1e-3, "{boundary:?} {c:?}: {} not {want}", found[i]);
        }
        // On voxels it is the voxel, three of them from the faces where a constant lies outside.
        let mut row = vec![0.0; SHAPE[0]];
        sample_cubic_row(&mut row, &src, [0.0, 8.0, 5.0], [1.0, 0.0, 0.0], 0, boundary);
        let from = SHAPE[0] * (8 + SHAPE[1] * 5);
        for x in 1..SHAPE[0] - 1 {
            assert!((row[x] - data[from + x]).abs() < 2e-3, "{boundary:?} {x}");
        }
    }
}

#[test]
fn cubic_rows_are_cut_anywhere_and_flat_axes_cost_nothing() {
    let data = values(6, SHAPE[0] * SHAPE[1], -10.0, 10.0);
    let shape = [SHAPE[0], SHAPE[1], 1];
    let src = StridedF32::packed(&data, shape);
    let (start, step) = ([-1.5, 3.25, 0.0], [0.55, 0.2, 0.0]);
    let whole = at_levels(|| {
        let mut out = vec![0.0; 60];
        sample_cubic_row(&mut out, &src, start, step, 0, Boundary::Edge);
        out
    });
    for first in [1, 17, 40] {
        let mut out = vec![0.0; 60 - first];
        sample_cubic_row(&mut out, &src, start, step, first, Boundary::Edge);
        assert_eq!(bits(&out), bits(&whole[first..]));
    }
    // Three planes alike are one plane.
    let thick: Vec<f32> = [&data[..], &data, &data].concat();
    let mut out = vec![0.0; 60];
    let src = StridedF32::packed(&thick, [shape[0], shape[1], 3]);
    sample_cubic_row(&mut out, &src, [-1.5, 3.25, 1.0], step, 0, Boundary::Edge);
    assert!(out.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-4));
    let nan = &mut [0.0];
    sample_cubic_at(nan, &src, [&[f64::NAN], &[0.0], &[0.0]], Boundary::Constant(3.0));
    assert_eq!(nan[0], 3.0);
}

#[test]
fn weighted_rows_are_the_same_at_all_levels() {
    let mut noise = Noise::new(9);
    for (n, outputs, most) in [(50, 70, 4), (50, 7, 3), (300, 120, 2), (5000, 6000, 5), (40, 33, 12)] {
        let data = values(8, n, -1.0, 1.0);
        let (_, x) = random(&mut noise, outputs, n, most);
        // Outputs in order, as they are in resampling, so that blocks are cut.
        let mut ordered = AxisWeights::default();
        for o in 0..outputs {
            let c = o as f64 * (n - 4) as f64 / outputs as f64;
            ordered.push((0..4).map(|k| (Some(c as usize + k), cubic_weights(c.fract())[k])));
        }
        for weights in [&x, &ordered] {
            let mut one = AxisWeights::default();
            one.push([(Some(0), 1.0)]);
            at_levels(|| {
                let mut out = vec![0.0; outputs];
                resample_weighted(
                    &mut out,
                    &StridedF32::packed(&data, [n, 1, 1]),
                    [weights, &one, &one],
                    0.5,
                );
                out
            });
        }
    }
}
