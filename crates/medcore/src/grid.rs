//! Where voxels lie in the world.

use crate::{Affine, Error, Orientation, Result};

/// A half-open box of voxel indices (x, y, z).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Box3 {
    /// First voxel.
    pub start: [usize; 3],
    /// Extent in voxels.
    pub shape: [usize; 3],
}

impl Box3 {
    /// The whole of a shape.
    pub const fn whole(shape: [usize; 3]) -> Box3 {
        Box3 { start: [0; 3], shape }
    }

    /// One past the last voxel.
    pub fn end(&self) -> [usize; 3] {
        [0, 1, 2].map(|i| self.start[i] + self.shape[i])
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no voxel.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Grown by `halo` voxels on every side, clipped to `domain`.
    pub fn grown(&self, halo: [usize; 3], domain: [usize; 3]) -> Box3 {
        let start = [0, 1, 2].map(|i| self.start[i].saturating_sub(halo[i]));
        let end = self.end();
        Box3 { start, shape: [0, 1, 2].map(|i| (end[i] + halo[i]).min(domain[i]).saturating_sub(start[i])) }
    }

    /// The smallest box that holds both.
    pub fn union(&self, other: &Box3) -> Box3 {
        let start = [0, 1, 2].map(|i| self.start[i].min(other.start[i]));
        let (a, b) = (self.end(), other.end());
        Box3 { start, shape: [0, 1, 2].map(|i| a[i].max(b[i]) - start[i]) }
    }
}

/// A sampling of the world: `shape` voxels (x, y, z), placed by an affine that maps voxel indices to RAS+ millimetres.
///
/// Spacing, orientation and field of view are derived from the affine, never kept beside it. Voxel *centres* lie at whole indices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Voxels along x, y, z.
    pub shape: [usize; 3],
    /// Voxel index to world millimetres.
    pub affine: Affine,
}

impl Grid {
    /// A grid from its parts.
    pub const fn new(shape: [usize; 3], affine: Affine) -> Grid {
        Grid { shape, affine }
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no voxel.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Voxel size along each axis in millimetres.
    pub fn spacing(&self) -> [f64; 3] {
        self.affine.column_lengths()
    }

    /// Axis codes.
    pub fn orientation(&self) -> Orientation {
        Orientation::of(&self.affine)
    }

    /// World millimetres of a voxel coordinate.
    pub fn world(&self, voxel: [f64; 3]) -> [f64; 3] {
        self.affine.apply(voxel)
    }

    /// Voxel coordinate of the grid's centre.
    pub fn center(&self) -> [f64; 3] {
        self.shape.map(|n| (n as f64 - 1.0) / 2.0)
    }

    /// World extent along each voxel axis in millimetres, counting whole voxels.
    pub fn field_of_view(&self) -> [f64; 3] {
        let s = self.spacing();
        [0, 1, 2].map(|i| s[i] * self.shape[i] as f64)
    }

    /// The largest distance, in voxels of `self`, between where the two affines put the corners of `self`.
    pub fn distance(&self, other: &Grid) -> f64 {
        let Some(back) = self.affine.inverse() else {
            return if self.affine == other.affine { 0.0 } else { f64::INFINITY };
        };
        let between = back * other.affine;
        let mut worst = 0.0f64;
        for corner in 0..8 {
            let p = [0, 1, 2].map(|i| if corner >> i & 1 == 1 { self.shape[i] as f64 - 1.0 } else { 0.0 });
            let q = between.apply(p);
            for i in 0..3 {
                let d = (q[i] - p[i]).abs();
                worst = if d.is_nan() { f64::INFINITY } else { worst.max(d) };
            }
        }
        worst
    }

    /// Checks that `other` is the same grid to within 1e-3 voxel.
    ///
    /// # Errors
    /// [`Error::Shape`] that shows both grids.
    pub fn expect_same(&self, what: &str, other: &Grid) -> Result<()> {
        if self.shape == other.shape && self.distance(other) <= 1e-3 {
            return Ok(());
        }
        Err(Error::shape(what, other, self))
    }
}

impl std::fmt::Display for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [x, y, z] = self.shape;
        let [a, b, c] = self.spacing();
        let t = self.affine.translation();
        write!(
            f,
            "{x} x {y} x {z} voxels of {a:.4} x {b:.4} x {c:.4} mm, {}, first voxel at ({:.3}, {:.3}, {:.3}) mm",
            self.orientation(),
            t[0],
            t[1],
            t[2]
        )
    }
}
