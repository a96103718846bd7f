//! Affine maps of three dimensions in f64.

use std::ops::Mul;

/// A map `p -> A p + t` of three coordinates, stored as the upper three rows of a 4 x 4 matrix.
///
/// As a grid's affine it takes voxel indices (x, y, z) to world millimetres, RAS+ (x to the right, y to the front, z to the top of the
/// patient), as in nibabel. The law of composition is `(a * b).apply(p) == a.apply(b.apply(p))`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Affine {
    /// Rows; `rows[i][3]` is the translation of output coordinate `i`.
    pub rows: [[f64; 4]; 3],
}

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Affine = Affine::from_spacing([1.0; 3]);

    /// Axis-aligned voxels of the given size in millimetres, voxel 0 at the origin.
    pub const fn from_spacing(s: [f64; 3]) -> Affine {
        Affine { rows: [[s[0], 0.0, 0.0, 0.0], [0.0, s[1], 0.0, 0.0], [0.0, 0.0, s[2], 0.0]] }
    }

    /// A translation.
    pub const fn translate(t: [f64; 3]) -> Affine {
        Affine { rows: [[1.0, 0.0, 0.0, t[0]], [0.0, 1.0, 0.0, t[1]], [0.0, 0.0, 1.0, t[2]]] }
    }

    /// From a linear part (rows) and a translation.
    pub const fn new(a: [[f64; 3]; 3], t: [f64; 3]) -> Affine {
        Affine {
            rows: [
                [a[0][0], a[0][1], a[0][2], t[0]],
                [a[1][0], a[1][1], a[1][2], t[1]],
                [a[2][0], a[2][1], a[2][2], t[2]],
            ],
        }
    }

    /// The linear part, by rows.
    pub const fn linear(&self) -> [[f64; 3]; 3] {
        let r = &self.rows;
        [[r[0][0], r[0][1], r[0][2]], [r[1][0], r[1][1], r[1][2]], [r[2][0], r[2][1], r[2][2]]]
    }

    /// The translation.
    pub const fn translation(&self) -> [f64; 3] {
        [self.rows[0][3], self.rows[1][3], self.rows[2][3]]
    }

    /// Column `j` of the linear part: the step in output space for one step along input axis `j`.
    pub const fn column(&self, j: usize) -> [f64; 3] {
        [self.rows[0][j], self.rows[1][j], self.rows[2][j]]
    }

    /// The image of a point.
    pub fn apply(&self, p: [f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3])
    }

    /// The determinant of the linear part.
    pub fn determinant(&self) -> f64 {
        let a = self.linear();
        a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) - a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0])
            + a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0])
    }

    /// The inverse map, or `None` where the linear part is singular or not finite.
    pub fn inverse(&self) -> Option<Affine> {
        let a = self.linear();
        let d = self.determinant();
        let scale: f64 = (0..3).map(|j| self.column(j).iter().map(|v| v * v).sum::<f64>().sqrt()).product();
        if !d.is_finite() || d.abs() <= 1e-14 * scale || d == 0.0 {
            return None;
        }
        let c = |i: usize, j: usize| {
            let (i1, i2, j1, j2) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
            (a[j1][i1] * a[j2][i2] - a[j1][i2] * a[j2][i1]) / d
        };
        let inv = [[c(0, 0), c(0, 1), c(0, 2)], [c(1, 0), c(1, 1), c(1, 2)], [c(2, 0), c(2, 1), c(2, 2)]];
        let t = self.translation();
        let back = Affine::new(inv, [0.0; 3]).apply(t);
        Some(Affine::new(inv, back.map(|v| -v)))
    }

    /// Whether every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.rows.iter().flatten().all(|v| v.is_finite())
    }

    /// Lengths of the columns: the size of a voxel along each axis.
    pub fn column_lengths(&self) -> [f64; 3] {
        [0, 1, 2].map(|j| {
            let c = self.column(j);
            let sum = c[0] * c[0] + c[1] * c[1] + c[2] * c[2];
            sum.sqrt()
        })
    }

    /// The 4 x 4 matrix.
    pub const fn to_4x4(&self) -> [[f64; 4]; 4] {
        [self.rows[0], self.rows[1], self.rows[2], [0.0, 0.0, 0.0, 1.0]]
    }
}

impl Mul for Affine {
    type Output = Affine;

    fn mul(self, b: Affine) -> Affine {
        let mut rows = [[0.0; 4]; 3];
        for (row, a) in rows.iter_mut().zip(&self.rows) {
            for (j, v) in row.iter_mut().enumerate() {
                *v = a[0] * b.rows[0][j] + a[1] * b.rows[1][j] + a[2] * b.rows[2][j];
            }
            row[3] += a[3];
        }
        Affine { rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_an_oblique_map() {
        let a = Affine::new([[0.9, -0.2, 0.1], [0.3, 1.4, 0.0], [-0.1, 0.2, 2.0]], [5.0, -7.0, 11.0]);
        let p = [3.0, -4.0, 5.5];
        let back = a.inverse().unwrap().apply(a.apply(p));
        for i in 0..3 {
            assert!((back[i] - p[i]).abs() < 1e-12);
        }
        assert!(Affine::from_spacing([1.0, 0.0, 1.0]).inverse().is_none());
    }

    #[test]
    fn product_applies_the_right_factor_first() {
        let a = Affine::from_spacing([2.0, 3.0, 4.0]);
        let b = Affine::translate([1.0, 1.0, 1.0]);
        assert_eq!((a * b).apply([0.0; 3]), [2.0, 3.0, 4.0]);
        assert_eq!((b * a).apply([0.0; 3]), [1.0, 1.0, 1.0]);
    }
}
