//! Smooth displacements of coordinates.

use medkernels::spline;

use crate::{Error, Result};

mod field;

pub use field::Field;

/// How far each coordinate is moved, in voxels along x, y, z, as a function of where it is (in voxels).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Displacement {
    /// A cubic B-spline over a grid of control points.
    Spline(Spline),
    /// Each coordinate moves along its own axis, by a table with an entry for each voxel; linear between two, the outermost entry beyond.
    Axes([Vec<f64>; 3]),
    /// A displacement at each voxel of a grid.
    Field(Field),
}

/// A cubic B-spline over a grid of control points.
#[derive(Debug, Clone, PartialEq)]
pub struct Spline {
    shape: [usize; 3],
    origin: [f64; 3],
    spacing: [f64; 3],
    points: Vec<spline::Point>,
}

impl Spline {
    /// From control points (displacements in voxels, x fastest), of which the first lies at `origin` (voxels) and the others `spacing` voxels
    /// apart. Coordinates beyond the second and the last but one along an axis are moved like those there.
    ///
    /// # Errors
    /// [`Error::Shape`] if an axis has fewer than four points, or there are not as many as the shape says; [`Error::Param`] if a number is not
    /// finite or a spacing not above 0.
    pub fn new(
        shape: [usize; 3],
        origin: [f64; 3],
        spacing: [f64; 3],
        points: &[[f64; 3]],
    ) -> Result<Spline> {
        if shape.iter().any(|&n| n < 4) || shape.iter().product::<usize>() != points.len() {
            let found = format!("{} for a grid of {shape:?}", points.len());
            return Err(Error::shape("control points", found, "four or more along each axis"));
        }
        let placed =
            origin.iter().all(|v| v.is_finite()) && spacing.iter().all(|v| v.is_finite() && *v > 0.0);
        if !placed || !points.iter().flatten().all(|v| (*v as f32).is_finite()) {
            let wanted = "finite displacements, an origin, and a spacing above 0";
            return Err(Error::param("displacement", "points", "numbers that are not finite", wanted));
        }
        let points = points.iter().map(|p| [p[0] as f32, p[1] as f32, p[2] as f32, 0.0]).collect();
        Ok(Spline { shape, origin, spacing, points })
    }

    /// A coordinate in control points.
    fn place(&self, axis: usize, c: f64) -> f64 {
        (c - self.origin[axis]) / self.spacing[axis]
    }

    /// The control points that places from `low` to `high` along an axis lie between.
    fn between(&self, axis: usize, low: f64, high: f64) -> std::ops::Range<usize> {
        let first = |c| spline::weights(self.place(axis, c), self.shape[axis]).0;
        first(low)..first(high) + 4
    }
}

impl Displacement {
    /// How far a coordinate is moved.
    pub fn at(&self, c: [f64; 3]) -> [f64; 3] {
        match self {
            Displacement::Spline(s) => {
                let at = [0, 1, 2].map(|a| s.place(a, c[a]));
                spline::displacement(&s.points, s.shape, at).map(f64::from)
            }
            Displacement::Axes(tables) => [0, 1, 2].map(|a| along(&tables[a], c[a])),
            Displacement::Field(f) => f.at(c),
        }
    }

    /// Adds to coordinates how far they are moved.
    pub(crate) fn add(&self, at: [&mut [f64]; 3]) {
        match self {
            Displacement::Spline(s) => {
                let Spline { shape, origin, spacing, ref points } = *s;
                spline::displace(at, &spline::Controls { points, shape, origin, spacing });
            }
            Displacement::Axes(tables) => {
                for (at, table) in at.into_iter().zip(tables) {
                    for c in at {
                        *c += along(table, *c);
                    }
                }
            }
            Displacement::Field(f) => f.add(at),
        }
    }

    /// Bounds of how far the coordinates between `low` and `high` are moved along each axis.
    pub(crate) fn bounds(&self, low: [f64; 3], high: [f64; 3]) -> [[f64; 2]; 3] {
        let span = |values: &mut dyn Iterator<Item = f64>| {
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], v| [a.min(v), b.max(v)])
        };
        match self {
            // No spline leaves the span of its control points.
            Displacement::Spline(s) => {
                let [x, y, z] = [0, 1, 2].map(|a| s.between(a, low[a], high[a]));
                let [nx, ny, _] = s.shape;
                [0, 1, 2].map(|axis| {
                    let rows = z.clone().flat_map(|k| y.clone().map(move |j| (k * ny + j) * nx));
                    let points = rows.flat_map(|row| &s.points[row + x.start..row + x.end]);
                    span(&mut points.map(|p| f64::from(p[axis])))
                })
            }
            Displacement::Axes(tables) => [0, 1, 2].map(|a| {
                let last = tables[a].len().saturating_sub(1);
                let [from, to] = [low[a].floor(), high[a].ceil()].map(|v| (v.max(0.0) as usize).min(last));
                span(&mut tables[a].get(from..=to).unwrap_or(&[0.0]).iter().copied())
            }),
            Displacement::Field(f) => f.bounds(low, high),
        }
    }
}

/// A table's value between its entries.
fn along(table: &[f64], c: f64) -> f64 {
    let Some(last) = table.len().checked_sub(1) else { return 0.0 };
    let c = if c > 0.0 { c } else { 0.0 };
    let c = if c > last as f64 { last as f64 } else { c };
    let below = c.floor();
    let (a, b) = (table[below as usize], table[(below as usize + 1).min(last)]);
    a + (b - a) * (c - below)
}

/// Rows of coordinates along x, of which y and z are the same in a row, as a displacement moves them.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    of: &'a Displacement,
    along: spline::Along,
    columns: std::ops::Range<usize>,
    x: Vec<f64>,
    /// The control points summed along z for the plane at this coordinate, and then along y for a row.
    plane: (Option<f64>, Vec<spline::Point>),
    row: Vec<spline::Point>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(of: &'a Displacement, x: Vec<f64>) -> Rows<'a> {
        let (mut along, mut columns) = (spline::Along::default(), 0..0);
        if let (Displacement::Spline(s), Some(first), Some(last)) = (of, x.first(), x.last()) {
            columns = s.between(0, first.min(*last), first.max(*last));
            let places = x.iter().map(|c| s.place(0, *c));
            along = spline::Along::new(places, s.shape[0], columns.start);
        }
        Rows { of, along, columns, x, plane: (None, vec![]), row: vec![] }
    }

    /// The row's coordinates before they are moved.
    pub(crate) fn begin(&self, [x, all_y, all_z]: [&mut [f64]; 3], y: f64, z: f64) {
        x.copy_from_slice(&self.x);
        all_y.fill(y);
        all_z.fill(z);
    }

    /// Adds to a row of coordinates how far they are moved; `y` and `z` are those of the row.
    pub(crate) fn add(&mut self, at: [&mut [f64]; 3], y: f64, z: f64) {
        let s = match self.of {
            Displacement::Spline(s) => s,
            Displacement::Axes(tables) => {
                let [ax, ay, az] = at;
                for (to, x) in ax.iter_mut().zip(&self.x) {
                    *to += along(&tables[0], *x);
                }
                let (dy, dz) = (along(&tables[1], y), along(&tables[2], z));
                for (ay, az) in ay.iter_mut().zip(az) {
                    *ay += dy;
                    *az += dz;
                }
                return;
            }
            Displacement::Field(f) => return f.add(at),
        };
        let [nx, ny, nz] = s.shape;
        let width = self.columns.len();
        if self.plane.0 != Some(z) {
            let (first, w) = spline::weights(s.place(2, z), nz);
            self.plane.1.resize(width * ny, [0.0; 4]);
            for (j, row) in self.plane.1.chunks_exact_mut(width.max(1)).enumerate() {
                let from = (first * ny + j) * nx + self.columns.start;
                spline::sum_rows(row, &s.points[from..], nx * ny, w);
            }
            self.plane.0 = Some(z);
        }
        let (first, w) = spline::weights(s.place(1, y), ny);
        self.row.resize(width, [0.0; 4]);
        spline::sum_rows(&mut self.row, &self.plane.1[first * width..], width, w);
        self.along.add(at, &self.row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    /// The basis function of cubic B-splines.
    fn basis(t: f64) -> f64 {
        let t = t.abs();
        if t < 1.0 {
            2.0 / 3.0 - t * t + t * t * t / 2.0
        } else if t < 2.0 {
            (2.0 - t).powi(3) / 6.0
        } else {
            0.0
        }
    }

    fn spline() -> Spline {
        let shape = [7, 5, 4];
        let points: Vec<[f64; 3]> =
            (0..140u64).map(|n| [0, 1, 2].map(|a| Key::new(n).index(a).uniform() * 8.0 - 4.0)).collect();
        Spline::new(shape, [-2.5, -4.0, -1.0], [3.0, 4.5, 5.0], &points).unwrap()
    }

    #[test]
    fn a_spline_is_the_sum_of_its_basis_functions() {
        let s = spline();
        let moved = Displacement::Spline(s.clone());
        for n in 0..300u64 {
            let u = [0, 1, 2].map(|a| {
                // Inside, at the edges of the cells, and beyond.
                let u = Key::new(n).index(a).uniform() * s.shape[a as usize] as f64;
                if n % 5 == 0 { u.round() } else { u }
            });
            let c = [0, 1, 2].map(|a| s.origin[a] + u[a] * s.spacing[a]);
            let held = [0, 1, 2].map(|a| u[a].clamp(1.0, s.shape[a] as f64 - 2.0));
            let mut want = [0.0; 3];
            for (i, p) in s.points.iter().enumerate() {
                let at = [i % 7, i / 7 % 5, i / 35];
                let w: f64 = (0..3).map(|a| basis(held[a] - at[a] as f64)).product();
                (0..3).for_each(|a| want[a] += w * f64::from(p[a]));
            }
            let found = moved.at(c);
            assert!((0..3).all(|a| (found[a] - want[a]).abs() < 1e-5), "{u:?}: {found:?} not {want:?}");
            let bounds = moved.bounds(c, c);
            assert!((0..3).all(|a| bounds[a][0] <= found[a] + 1e-5 && found[a] <= bounds[a][1] + 1e-5));
        }
    }

    #[test]
    fn rows_are_their_coordinates_wherever_they_are_cut() {
        let tables = [vec![0.5, -1.0, 2.0, 0.25], vec![1.0], vec![0.0, 3.0]];
        for of in [
            Displacement::Spline(spline()),
            Displacement::Axes(tables),
            Displacement::Field(field::tests::field()),
        ] {
            let xs: Vec<f64> = (0..40).map(|i| -4.0 + 0.7 * f64::from(i)).collect();
            for (y, z) in [(1.3, 0.4), (-20.0, 0.4), (7.0, 30.0)] {
                let row = |x: &[f64]| {
                    let mut at = [x.to_vec(), vec![y; x.len()], vec![z; x.len()]];
                    let [ax, ay, az] = &mut at;
                    Rows::new(&of, x.to_vec()).add([ax, ay, az], y, z);
                    at
                };
                let whole = row(&xs);
                for (i, x) in xs.iter().enumerate() {
                    let d = of.at([*x, y, z]);
                    let c = [*x, y, z];
                    assert!((0..3).all(|a| (whole[a][i] - c[a] - d[a]).abs() < 1e-5));
                }
                let (head, tail) = (row(&xs[..17]), row(&xs[17..]));
                (0..3).for_each(|a| assert_eq!([&head[a][..], &tail[a][..]].concat(), whole[a]));
            }
        }
    }
}
