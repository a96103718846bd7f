//! Cubic B-splines at coordinates: along an oblique row, or listed.

use super::coefficients::cubic_weights;
use super::line::{Line, Places, near};
use super::{Boundary, StridedF32};
use crate::element::floor_small;
use crate::kernel::kernel;

/// Samples looked at together.
const PIECE: usize = 32;

/// Samples a cubic B-spline at `start + (first + i) * step` (f64, in coefficients) into `dst[i]`.
///
/// `src` holds coefficients ([`super::spline_coefficients`]), of which the four nearest along each axis are summed, along y, then z, then x. Coefficients
/// outside the source follow `boundary`. Along an axis of one voxel, the boundary being no constant, nothing is interpolated. A NaN coordinate
/// gives the fill value (0 for boundaries without one).
///
/// # Panics
/// If the source's shape is empty, or its data do not hold a coefficient that is looked at.
pub fn sample_cubic_row(
    dst: &mut [f32],
    src: &StridedF32,
    start: [f64; 3],
    step: [f64; 3],
    first: usize,
    boundary: Boundary,
) {
    sample_row(dst, src, Line { start, step }, first, boundary);
}

/// Samples a cubic B-spline at `(at[0][i], at[1][i], at[2][i])` into `dst[i]`, as [`sample_cubic_row`] does.
///
/// # Panics
/// As [`sample_cubic_row`], or if there are fewer coordinates than samples.
pub fn sample_cubic_at(dst: &mut [f32], src: &StridedF32, at: [&[f64]; 3], boundary: Boundary) {
    sample_row(dst, src, at, 0, boundary);
}

fn sample_row<P: Places>(dst: &mut [f32], src: &StridedF32, places: P, first: usize, boundary: Boundary) {
    if dst.is_empty() {
        return;
    }
    assert!(!src.shape.contains(&0), "the source's shape is empty");
    let constant = matches!(boundary, Boundary::Constant(_) | Boundary::ZerosBlended);
    let flat = src.shape.map(|n| n == 1 && !constant);
    // Along a flat axis any place near its one voxel is inside.
    let shift = flat.map(|flat| if flat { 0.5 } else { -1.0 });
    let limits = [0, 1, 2].map(|a| if flat[a] { 1.0 } else { src.shape[a] as f64 - 3.0 });
    let last = first + dst.len();
    let mut from = first;
    while from < last {
        let (inside, to) = places.run(from..last, PIECE, shift, limits);
        let part = &mut dst[from - first..to - first];
        if inside && src.strides[0] == 1 && !flat[0] {
            interior(part, src, places, from, flat);
        } else {
            for (d, i) in part.iter_mut().zip(from..) {
                *d = sample(src, places.at(i), flat, boundary);
            }
        }
        from = to;
    }
}

/// The first coefficient of a coordinate along an axis, and the weights.
#[inline(always)]
fn around(c: f64, flat: bool) -> (f64, [f32; 4]) {
    let below = floor_small(c);
    let w = cubic_weights(c - below).map(|w| w as f32);
    if flat { (0.0, [1.0, 0.0, 0.0, 0.0]) } else { (below - 1.0, w) }
}

/// One sample anywhere.
fn sample(src: &StridedF32, at: [f64; 3], flat: [bool; 3], boundary: Boundary) -> f32 {
    if at.iter().any(|c| c.is_nan()) {
        return boundary.fill();
    }
    let mut steps = [[None; 4]; 3];
    let mut weights = [[0.0f32; 4]; 3];
    for axis in 0..3 {
        let (first, w) = around(near(at[axis]), flat[axis]);
        weights[axis] = w;
        for (k, step) in steps[axis].iter_mut().enumerate().take(if flat[axis] { 1 } else { 4 }) {
            let inside = boundary.index(first as i64 + k as i64, src.shape[axis]);
            *step = inside.map(|i| i as isize * src.strides[axis]);
        }
    }
    let count = flat.map(|flat| if flat { 1 } else { 4 });
    let value = |x: usize, y: usize, z: usize| match (steps[0][x], steps[1][y], steps[2][z]) {
        (Some(x), Some(y), Some(z)) => src.data[(src.offset + x + y + z) as usize],
        _ => boundary.fill(),
    };
    let mut row = [0.0f32; 4];
    for z in 0..count[2] {
        let mut plane = [0.0f32; 4];
        for y in 0..count[1] {
            for x in 0..count[0] {
                plane[x] += value(x, y, z) * weights[1][y];
            }
        }
        for x in 0..count[0] {
            row[x] += plane[x] * weights[2][z];
        }
    }
    ending(row, weights[0])
}

/// The sum along x.
#[inline(always)]
fn ending(row: [f32; 4], w: [f32; 4]) -> f32 {
    ((row[0] * w[0] + row[1] * w[1]) + row[2] * w[2]) + row[3] * w[3]
}

kernel! {
    /// Samples whose coefficients all lie inside, contiguous along x, from sample `first` on.
    fn interior[P: Places](dst: &mut [f32], src: &StridedF32, places: P, first: usize, flat: [bool; 3]) {
        let [_, sy, sz] = src.strides;
        let (rows, planes) = (if flat[1] { 1 } else { 4 }, if flat[2] { 1 } else { 4 });
        for (d, i) in dst.iter_mut().zip(first..) {
            let at = places.at(i);
            let [(x, wx), (y, wy), (z, wz)] = [0, 1, 2].map(|a| around(at[a], flat[a]));
            let corner = src.offset + x as isize + y as isize * sy + z as isize * sz;
            let mut row = [0.0f32; 4];
            for z in 0..planes {
                let mut plane = [0.0f32; 4];
                for y in 0..rows {
                    let from = (corner + z as isize * sz + y as isize * sy) as usize;
                    let held: &[f32] = &src.data[from..][..4];
                    for x in 0..4 {
                        plane[x] += held[x] * wy[y];
                    }
                }
                for x in 0..4 {
                    row[x] += plane[x] * wz[z];
                }
            }
            *d = ending(row, wx);
        }
    }
}
