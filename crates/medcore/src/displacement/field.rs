//! Displacements that are given at the voxels of a grid.

use std::sync::Arc;

use crate::map::through;
use crate::{Affine, Error, Result};

/// A displacement at each voxel of a grid, which need not be the volume's: linear between them, and beyond the outermost the one there.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    shape: [usize; 3],
    vectors: Arc<[[f32; 3]]>,
    place: Affine,
    turn: [[f64; 3]; 3],
}

impl Field {
    /// From vectors (x fastest). `place` maps voxels of the volume to voxels of the field, and `turn` vectors to displacements in voxels of the
    /// volume.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are none, or not as many as the shape says; [`Error::Param`] if a number is not finite.
    pub fn new(
        shape: [usize; 3],
        vectors: Arc<[[f32; 3]]>,
        place: Affine,
        turn: [[f64; 3]; 3],
    ) -> Result<Field> {
        if vectors.is_empty() || shape.iter().product::<usize>() != vectors.len() {
            let found = format!("{} for a field of {shape:?}", vectors.len());
            return Err(Error::shape("vectors", found, "one for each voxel of the field"));
        }
        let finite =
            vectors.iter().flatten().all(|v| v.is_finite()) && turn.iter().flatten().all(|v| v.is_finite());
        if !finite || !place.is_finite() {
            return Err(Error::param(
                "displacement",
                "field",
                "numbers that are not finite",
                "finite numbers",
            ));
        }
        Ok(Field { shape, vectors, place, turn })
    }

    /// How far a coordinate is moved.
    pub(crate) fn at(&self, c: [f64; 3]) -> [f64; 3] {
        let u = self.place.apply(c);
        let (mut first, mut next, mut part) = ([0; 3], [0; 3], [0.0; 3]);
        for a in 0..3 {
            let last = self.shape[a] - 1;
            // NaN becomes the first place.
            let v = if u[a] > 0.0 { u[a] } else { 0.0 };
            let v = if v > last as f64 { last as f64 } else { v };
            first[a] = v as usize;
            next[a] = (first[a] + 1).min(last);
            part[a] = v - first[a] as f64;
        }
        let [nx, ny, _] = self.shape;
        let along_x = |y: usize, z: usize| {
            let row = nx * (y + ny * z);
            between(
                self.vectors[row + first[0]].map(f64::from),
                self.vectors[row + next[0]].map(f64::from),
                part[0],
            )
        };
        let along_y = |z: usize| between(along_x(first[1], z), along_x(next[1], z), part[1]);
        self.turned(between(along_y(first[2]), along_y(next[2]), part[2]))
    }

    fn turned(&self, d: [f64; 3]) -> [f64; 3] {
        self.turn.map(|r| r[0] * d[0] + r[1] * d[1] + r[2] * d[2])
    }

    /// Adds to coordinates how far they are moved.
    pub(crate) fn add(&self, [x, y, z]: [&mut [f64]; 3]) {
        for ((x, y), z) in x.iter_mut().zip(y).zip(z) {
            let [dx, dy, dz] = self.at([*x, *y, *z]);
            *x += dx;
            *y += dy;
            *z += dz;
        }
    }

    /// Bounds of how far the coordinates between `low` and `high` are moved along each axis.
    pub(crate) fn bounds(&self, low: [f64; 3], high: [f64; 3]) -> [[f64; 2]; 3] {
        let [low, high] = through(&self.place, [low, high]);
        let [x, y, z] = [0, 1, 2].map(|a| {
            let last = self.shape[a] - 1;
            let first = (low[a].floor().max(0.0) as usize).min(last);
            let end = if high[a].is_nan() { last } else { (high[a].ceil().max(0.0) as usize).min(last) };
            first..end + 1
        });
        let mut span = [[f64::INFINITY; 3], [f64::NEG_INFINITY; 3]];
        for k in z {
            for j in y.clone() {
                let row = self.shape[0] * (j + self.shape[1] * k);
                for v in &self.vectors[row + x.start..row + x.end] {
                    for (a, v) in v.iter().enumerate() {
                        span[0][a] = span[0][a].min(f64::from(*v));
                        span[1][a] = span[1][a].max(f64::from(*v));
                    }
                }
            }
        }
        let [low, high] = through(&Affine::new(self.turn, [0.0; 3]), span);
        [0, 1, 2].map(|a| [low[a], high[a]])
    }
}

fn between(a: [f64; 3], b: [f64; 3], t: f64) -> [f64; 3] {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Key;

    pub(crate) fn field() -> Field {
        let vectors =
            (0..140u64).map(|n| [0, 1, 2].map(|a| Key::new(n).index(a).uniform() as f32 * 6.0 - 2.0));
        let place = Affine::new([[0.3, 0.05, 0.0], [-0.1, 0.4, 0.0], [0.0, 0.0, 0.5]], [1.5, -0.5, 0.25]);
        let turn = [[0.5, 0.1, 0.0], [0.0, -1.0, 0.2], [0.0, 0.0, 2.0]];
        Field::new([7, 5, 4], vectors.collect(), place, turn).unwrap()
    }

    #[test]
    fn a_field_is_linear_between_its_voxels_and_bounded_by_them() {
        let f = field();
        // A hat on each voxel, held at the faces.
        for n in 0..300u64 {
            let c = [0, 1, 2].map(|a| Key::new(n).text("c").index(a).uniform() * 30.0 - 8.0);
            let u = f.place.apply(c);
            let held = [0, 1, 2].map(|a| u[a].clamp(0.0, f.shape[a] as f64 - 1.0));
            let mut sum = [0.0f64; 3];
            for (i, v) in f.vectors.iter().enumerate() {
                let at = [i % 7, i / 7 % 5, i / 35];
                let hat = |a: usize| 1.0 - (held[a] - at[a] as f64).abs();
                let w: f64 = (0..3).map(|a| hat(a).max(0.0)).product();
                (0..3).for_each(|a| sum[a] += w * f64::from(v[a]));
            }
            let want = f.turn.map(|r| (0..3).map(|a| r[a] * sum[a]).sum::<f64>());
            let found = f.at(c);
            assert!((0..3).all(|a| (found[a] - want[a]).abs() < 1e-9), "{c:?}: {found:?} not {want:?}");
            for wide in [0.0, 3.0] {
                let bounds = f.bounds(c.map(|v| v - wide), c);
                assert!((0..3).all(|a| bounds[a][0] <= found[a] + 1e-9 && found[a] <= bounds[a][1] + 1e-9));
            }
        }
        let none = Field::new([1, 0, 2], Arc::new([]), Affine::IDENTITY, [[0.0; 3]; 3]);
        assert!(none.is_err() && Field::new([2; 3], f.vectors.clone(), f.place, f.turn).is_err());
        let bad: Arc<[[f32; 3]]> = Arc::new([[f32::NAN, 0.0, 0.0]]);
        assert!(Field::new([1; 3], bad, f.place, f.turn).is_err());
    }
}
