//! Smooth displacements: cubic B-splines over a grid of control points, and coordinates that they move.
//!
//! A control point is `[dx, dy, dz, 0]`, so that four values are worked on at once. Sums go over z, then y, then x.

use crate::element::floor_small;
use crate::kernel::kernel;

/// A control point, or a sum of some.
pub type Point = [f32; 4];

/// The first of the four control points that a place along an axis of `n` (4 or more) lies between, and their weights.
///
/// Control point `i` lies at `i`. Places before the second or behind the last but one are held there.
///
/// ```
/// let (first, weights) = medkernels::spline::weights(1.0, 7);
/// assert_eq!(first, 0);
/// assert_eq!(weights, [1.0 / 6.0, 4.0 / 6.0, 1.0 / 6.0, 0.0].map(|w: f64| w as f32));
/// ```
///
/// # Panics
/// If `n` is below 4.
#[inline(always)]
pub fn weights(u: f64, n: usize) -> (usize, [f32; 4]) {
    assert!(n >= 4, "a cubic spline needs four control points, not {n}");
    // NaN becomes the first place.
    let u = if u > 1.0 { u } else { 1.0 };
    let most = (n - 2) as f64;
    let u = if u > most { most } else { u };
    let below = floor_small(u);
    let below = if below > most - 1.0 { most - 1.0 } else { below };
    let t = u - below;
    let s = 1.0 - t;
    let w = [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ];
    (below as usize - 1, w.map(|w| w as f32))
}

/// Sums four rows of control points with weights: `rows[n]` begins `n * stride` points after the first.
///
/// # Panics
/// If the points are fewer.
pub fn sum_rows(out: &mut [Point], points: &[Point], stride: usize, weights: [f32; 4]) {
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| &points[n * stride..][..out.len()]);
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out = sum([a, b, c, d], weights);
    }
}

#[inline(always)]
fn sum(points: [&Point; 4], w: [f32; 4]) -> Point {
    let mut out = points[0].map(|v| v * w[0]);
    for (point, w) in points.into_iter().zip(w).skip(1) {
        for (to, v) in out.iter_mut().zip(point) {
            *to += v * w;
        }
    }
    out
}

/// The displacement at one place (in control points), of a packed grid of control points, x fastest.
///
/// # Panics
/// If an axis has fewer than four points, or `points` fewer than the shape.
#[inline(always)]
pub fn displacement(points: &[Point], shape: [usize; 3], at: [f64; 3]) -> [f32; 3] {
    let [(x, wx), (y, wy), (z, wz)] = [0, 1, 2].map(|a| weights(at[a], shape[a]));
    let [nx, ny, _] = shape;
    let along_z = |x: usize, y: usize| {
        let at = |k: usize| &points[(k * ny + y) * nx + x];
        sum([at(z), at(z + 1), at(z + 2), at(z + 3)], wz)
    };
    let along_y = |x: usize| {
        let rows = [0, 1, 2, 3].map(|j| along_z(x, y + j));
        sum(rows.each_ref(), wy)
    };
    let columns = [0, 1, 2, 3].map(|i| along_y(x + i));
    let [dx, dy, dz, _] = sum(columns.each_ref(), wx);
    [dx, dy, dz]
}

/// A packed grid of control points, x fastest, the first at `origin` and the others `spacing` apart.
#[derive(Clone, Copy, Debug)]
pub struct Controls<'a> {
    /// The control points.
    pub points: &'a [Point],
    /// Control points along each axis.
    pub shape: [usize; 3],
    /// The coordinate of the first.
    pub origin: [f64; 3],
    /// From one to the next.
    pub spacing: [f64; 3],
}

/// Adds to coordinates the displacements where they are.
///
/// # Panics
/// As [`displacement`], or if there are fewer coordinates on one axis than on the first.
pub fn displace(at: [&mut [f64]; 3], by: &Controls) {
    let [x, y, z] = at;
    displace_all(x, y, z, by);
}

kernel! {
    fn displace_all(x: &mut [f64], y: &mut [f64], z: &mut [f64], by: &Controls) {
        let n = x.len();
        let (y, z) = (&mut y[..n], &mut z[..n]);
        for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
            let c = [*x, *y, *z];
            let place = [0, 1, 2].map(|a| (c[a] - by.origin[a]) / by.spacing[a]);
            let [dx, dy, dz] = displacement(by.points, by.shape, place).map(f64::from);
            *x += dx;
            *y += dy;
            *z += dz;
        }
    }
}

/// Places along one axis, in runs that lie between the same control points.
#[derive(Clone, Debug, Default)]
pub struct Along {
    /// First and last (exclusive) place of a run, and its first control point.
    runs: Vec<[usize; 3]>,
    weights: [Vec<f32>; 4],
}

impl Along {
    /// Of places along an axis of `n` control points, of which a row has those from `from` on.
    ///
    /// # Panics
    /// If `n` is below 4, or a place lies before `from`.
    pub fn new(places: impl Iterator<Item = f64>, n: usize, from: usize) -> Along {
        let mut out = Along::default();
        for (i, u) in places.enumerate() {
            let (first, w) = weights(u, n);
            let first = first - from;
            match out.runs.last_mut() {
                Some(run) if run[2] == first => run[1] = i + 1,
                _ => out.runs.push([i, i + 1, first]),
            }
            for (all, w) in out.weights.iter_mut().zip(w) {
                all.push(w);
            }
        }
        out
    }

    /// Adds to coordinates the displacements of a row of control points.
    ///
    /// # Panics
    /// If there are fewer coordinates than places, or fewer points than the places lie between.
    pub fn add(&self, at: [&mut [f64]; 3], row: &[Point]) {
        add_row(at, row, &self.runs, &self.weights);
    }
}

kernel! {
    fn add_row(at: [&mut [f64]; 3], row: &[Point], runs: &[[usize; 3]], weights: &[Vec<f32>; 4]) {
        for (axis, at) in at.into_iter().enumerate() {
            for &[from, to, first] in runs {
                let [a, b, c, d] = [0, 1, 2, 3].map(|n| row[first + n][axis]);
                let [wa, wb, wc, wd] = weights.each_ref().map(|w| &w[from..to]);
                for ((((at, wa), wb), wc), wd) in at[from..to].iter_mut().zip(wa).zip(wb).zip(wc).zip(wd) {
                    *at += f64::from(((a * wa + b * wb) + c * wc) + d * wd);
                }
            }
        }
    }
}

/// Moves coordinates by an affine: `at[a][i] = r[0] * x + r[1] * y + r[2] * z + r[3]` with `r = rows[a]`.
///
/// # Panics
/// If there are fewer coordinates on one axis than on the first.
pub fn move_row(at: [&mut [f64]; 3], rows: &[[f64; 4]; 3]) {
    let [x, y, z] = at;
    move_by(x, y, z, rows);
}

kernel! {
    fn move_by(x: &mut [f64], y: &mut [f64], z: &mut [f64], rows: &[[f64; 4]; 3]) {
        let n = x.len();
        let (y, z) = (&mut y[..n], &mut z[..n]);
        for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
            let [a, b, c] = rows.map(|r| r[0] * *x + r[1] * *y + r[2] * *z + r[3]);
            (*x, *y, *z) = (a, b, c);
        }
    }
}
