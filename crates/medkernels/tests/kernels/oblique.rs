//! Samples at listed coordinates, from any order of memory, and labels by votes.

use medkernels::copy::Strided;
use medkernels::interpolate::{
    Boundary, StridedF32, sample_linear_at, sample_linear_row, sample_nearest_at, sample_nearest_row,
    sample_votes_at, sample_votes_row,
};
use medkernels::level::{available, force};
use medkernels::spline;

use super::levels::lock;
use super::oracle::{Noise, values};

const SHAPE: [usize; 3] = [19, 14, 11];

const BOUNDARIES: [Boundary; 6] = [
    Boundary::Constant(3.5),
    Boundary::ZerosBlended,
    Boundary::Edge,
    Boundary::Reflect,
    Boundary::Mirror,
    Boundary::Wrap,
];

fn line(noise: &mut Noise) -> ([f64; 3], [f64; 3]) {
    let start = SHAPE.map(|n| (noise.unit() * 2.0 - 0.5) * n as f64);
    let step = [0; 3].map(|_| if noise.below(4) == 0 { 0.0 } else { noise.unit() - 0.5 });
    (start, step)
}

/// The coordinates of a row, listed by axis.
fn listed(start: [f64; 3], step: [f64; 3], first: usize, n: usize) -> [Vec<f64>; 3] {
    [0, 1, 2].map(|a| (first..first + n).map(|i| start[a] + i as f64 * step[a]).collect())
}

/// Strides of a packed volume whose axes lie in this order, some of them backwards, and where voxel (0, 0, 0) lies.
fn packed(order: [usize; 3], backwards: [bool; 3]) -> (isize, [isize; 3]) {
    let (mut strides, mut step, mut offset) = ([0; 3], 1, 0);
    for axis in order {
        strides[axis] = if backwards[axis] { -step } else { step };
        offset += if backwards[axis] { step * (SHAPE[axis] as isize - 1) } else { 0 };
        step *= SHAPE[axis] as isize;
    }
    (offset, strides)
}

/// The same voxels, x fastest, in another order of memory.
fn moved<T: Copy>(data: &[T], offset: isize, strides: [isize; 3]) -> Vec<T> {
    let mut out = data.to_vec();
    let [x, y, _] = SHAPE;
    for (n, v) in data.iter().enumerate() {
        let at = [n % x, n / x % y, n / x / y].map(|i| i as isize);
        out[(offset + at[0] * strides[0] + at[1] * strides[1] + at[2] * strides[2]) as usize] = *v;
    }
    out
}

#[test]
fn listed_coordinates_and_orders_of_memory_give_the_bits_of_a_row() {
    let _lock = lock();
    let data = values(40, SHAPE.iter().product(), -100.0, 100.0);
    let plain = StridedF32::packed(&data, SHAPE);
    let bytes = bytemuck::cast_slice(&data);
    let mut noise = Noise::new(41);
    for level in available() {
        force(Some(level)).unwrap();
        for round in 0..60 {
            let ((start, step), first) = (line(&mut noise), noise.below(4));
            let order = [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]][round % 4];
            let (offset, strides) = packed(order, [0; 3].map(|_| noise.below(2) == 0));
            let other = moved(&data, offset, strides);
            let turned = StridedF32 { data: &other, offset, strides, shape: SHAPE };
            let n = [70, 32, 9][round % 3];
            let at = listed(start, step, first, n);
            let at = at.each_ref().map(Vec::as_slice);
            for boundary in BOUNDARIES {
                let mut want = vec![0.0; n];
                sample_linear_row(&mut want, &plain, start, step, first, boundary);
                let mut found = vec![0.0; n];
                sample_linear_row(&mut found, &turned, start, step, first, boundary);
                assert_eq!(found, want, "{level} {order:?} {strides:?}");
                sample_linear_at(&mut found, &turned, at, boundary);
                assert_eq!(found, want, "{level} {order:?} {strides:?}, listed");
                let view = Strided { bytes, offset: 0, strides: plain.strides, shape: SHAPE };
                let (mut row, mut list) = (vec![0u8; 4 * n], vec![0u8; 4 * n]);
                sample_nearest_row(&mut row, &view, 4, start, step, first, boundary, &[7; 4]);
                sample_nearest_at(&mut list, &view, 4, at, boundary, &[7; 4]);
                assert_eq!(row, list, "{level}, nearest");
            }
        }
    }
    force(None).unwrap();
}

/// One-hot channels interpolated in f64, and the largest: every label that is within 1e-6 of it.
fn winners(labels: &[i16], at: [f64; 3], boundary: Boundary, fill: i16) -> Vec<i16> {
    let mut sums = std::collections::BTreeMap::new();
    for corner in 0..8usize {
        let mut share = 1.0;
        let mut place = Some([0; 3]);
        for axis in 0..3 {
            let (below, upper) = (at[axis].floor(), corner >> axis & 1);
            let w = at[axis] - below;
            share *= if upper == 1 { w } else { 1.0 - w };
            let index = boundary.index(below as i64 + upper as i64, SHAPE[axis]);
            place = place.zip(index).map(|(mut p, i)| {
                p[axis] = i;
                p
            });
        }
        let label = place.map_or(fill, |p| labels[(p[2] * SHAPE[1] + p[1]) * SHAPE[0] + p[0]]);
        *sums.entry(label).or_insert(0.0) += share;
    }
    let most = sums.values().fold(0.0f64, |a, b| a.max(*b));
    sums.into_iter().filter(|(_, s)| *s > most - 1e-6).map(|(l, _)| l).collect()
}

#[test]
fn votes_are_the_largest_of_interpolated_one_hot_channels() {
    let mut noise = Noise::new(43);
    let labels: Vec<i16> = (0..SHAPE.iter().product::<usize>())
        .map(|n| if n / 40 % 3 == 0 { noise.below(4) as i16 - 1 } else { (n / 90 % 3) as i16 })
        .collect();
    let view = Strided {
        bytes: bytemuck::cast_slice(&labels),
        offset: 0,
        strides: [1, SHAPE[0] as isize, (SHAPE[0] * SHAPE[1]) as isize],
        shape: SHAPE,
    };
    let (mut plain, mut mixed, mut tied) = (0, 0, 0);
    for round in 0..300 {
        let (mut start, mut step) = line(&mut noise);
        if round % 3 == 0 {
            // Ties.
            start = start.map(|v| (v * 2.0).round() / 2.0);
            step = step.map(|v| (v * 4.0).round() / 4.0);
        }
        let first = noise.below(5);
        let at = listed(start, step, first, 50);
        for boundary in BOUNDARIES {
            let (mut row, mut list) = ([0i16; 50], [0i16; 50]);
            sample_votes_row(&mut row, &view, start, step, first, boundary, -7);
            sample_votes_at(&mut list, &view, at.each_ref().map(Vec::as_slice), boundary, -7);
            assert_eq!(row, list);
            for (i, found) in row.iter().enumerate() {
                let at = [at[0][i], at[1][i], at[2][i]];
                let wanted = winners(&labels, at, boundary, -7);
                if round % 3 == 0 {
                    // Weights are exact: the lowest of the tied.
                    assert_eq!(*found, wanted[0], "{boundary:?} {at:?} {wanted:?}");
                    tied += usize::from(wanted.len() > 1);
                } else {
                    assert!(wanted.contains(found), "{boundary:?} {at:?}: {found} of {wanted:?}");
                }
                if wanted[0] == -7 { plain += 1 } else { mixed += 1 }
            }
        }
    }
    assert!(plain > 1000 && mixed > 1000 && tied > 300, "{plain} {mixed} {tied}");
    let mut row = [0i16; 3];
    sample_votes_row(&mut row, &view, [f64::NAN; 3], [0.0; 3], 0, Boundary::Edge, 9);
    assert_eq!(row, [9; 3]);
}

#[test]
fn displaced_rows_do_not_depend_on_the_level_and_are_those_of_single_places() {
    let _lock = lock();
    let shape = [7, 6, 5];
    let values = values(45, 4 * 210, -3.0, 3.0);
    let points: Vec<spline::Point> =
        values.as_chunks::<4>().0.iter().map(|p| [p[0], p[1], p[2], 0.0]).collect();
    let by = spline::Controls { points: &points, shape, origin: [-3.0, -2.0, 0.5], spacing: [4.0, 3.5, 2.5] };
    let mut noise = Noise::new(46);
    for n in [1, 7, 31, 64, 83] {
        let given = [0; 3].map(|_| (0..n).map(|_| noise.unit() * 40.0 - 10.0).collect::<Vec<f64>>());
        let (y, z) = (noise.unit() * 20.0, noise.unit() * 12.0);
        let mut found = Vec::new();
        for level in available() {
            force(Some(level)).unwrap();
            let mut listed = given.clone();
            let [ax, ay, az] = &mut listed;
            spline::displace([ax, ay, az], &by);
            // The same along a row, summed along z, y and x.
            let place = |axis: usize, c: f64| (c - by.origin[axis]) / by.spacing[axis];
            let (mut plane, mut row) = (vec![[0.0; 4]; 42], vec![[0.0; 4]; 7]);
            let (first, w) = spline::weights(place(2, z), shape[2]);
            spline::sum_rows(&mut plane, &points[42 * first..], 42, w);
            let (first, w) = spline::weights(place(1, y), shape[1]);
            spline::sum_rows(&mut row, &plane[7 * first..], 7, w);
            let mut rows = [given[0].clone(), vec![y; n], vec![z; n]];
            let [ax, ay, az] = &mut rows;
            spline::Along::new(given[0].iter().map(|c| place(0, *c)), shape[0], 0).add([ax, ay, az], &row);
            let mut moved = rows.clone();
            let [mx, my, mz] = &mut moved;
            spline::move_row(
                [mx, my, mz],
                &[[0.9, 0.1, -0.2, 3.0], [0.0, 1.1, 0.3, -1.0], [0.2, 0.0, 1.0, 0.5]],
            );
            for i in 0..n {
                let c = [given[0][i], y, z];
                let d = spline::displacement(&points, shape, [0, 1, 2].map(|a| place(a, c[a])));
                assert!((0..3).all(|a| rows[a][i] == c[a] + f64::from(d[a])), "{level}");
            }
            found.push((listed, rows, moved));
        }
        assert!(found.iter().all(|f| *f == found[0]));
    }
    force(None).unwrap();
}
