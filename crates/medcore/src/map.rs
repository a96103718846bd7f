//! Where voxels come from.

use std::sync::Arc;

use medkernels::spline::move_row;

use crate::displacement::Rows;
use crate::{Affine, Box3, Displacement};

/// Output voxel coordinates to input voxel coordinates: an affine, after which coordinates may be displaced and moved by an affine again, any
/// number of times.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    first: Affine,
    then: Vec<(Arc<Displacement>, Affine)>,
}

impl From<Affine> for Map {
    fn from(first: Affine) -> Map {
        Map { first, then: vec![] }
    }
}

impl From<Displacement> for Map {
    fn from(d: Displacement) -> Map {
        Map { first: Affine::IDENTITY, then: vec![(Arc::new(d), Affine::IDENTITY)] }
    }
}

impl Map {
    /// The map, if nothing is displaced.
    pub fn affine(&self) -> Option<&Affine> {
        self.then.is_empty().then_some(&self.first)
    }

    /// The map without its displacements.
    pub fn straight(&self) -> Affine {
        self.then.iter().fold(self.first, |so_far, (_, affine)| *affine * so_far)
    }

    /// The map that applies `inner` first, then this one.
    #[must_use]
    pub fn after(&self, inner: &Map) -> Map {
        let mut out = inner.clone();
        let last = out.then.last_mut().map_or(&mut out.first, |(_, affine)| affine);
        *last = self.first * *last;
        out.then.extend(self.then.iter().cloned());
        out
    }

    /// Where a coordinate is mapped.
    pub fn apply(&self, c: [f64; 3]) -> [f64; 3] {
        self.then.iter().fold(self.first.apply(c), |c, (d, affine)| affine.apply(moved(d, c)))
    }

    /// The coordinate that is mapped to `c`, to 1e-6 voxels; `None` where there is none or it was not found: where a displacement changes by about
    /// as much as the coordinates do, so that the map folds.
    pub fn back(&self, c: [f64; 3]) -> Option<[f64; 3]> {
        let mut c = c;
        for (displacement, affine) in self.then.iter().rev() {
            let wanted = affine.inverse()?.apply(c);
            c = wanted;
            let mut off = f64::INFINITY;
            for _ in 0..200 {
                let there = moved(displacement, c);
                off = (0..3).map(|a| (wanted[a] - there[a]).abs()).fold(0.0, f64::max);
                if off < 1e-9 {
                    break;
                }
                c = [0, 1, 2].map(|a| c[a] + wanted[a] - there[a]);
            }
            if off.is_nan() || off >= 1e-6 {
                return None;
            }
        }
        Some(self.first.inverse()?.apply(c))
    }

    /// Whether each axis of the input depends on the same axis of the output alone.
    pub fn is_separable(&self) -> bool {
        let diagonal = |m: &Affine| (0..3).all(|i| (0..3).all(|j| i == j || m.rows[i][j] == 0.0));
        diagonal(&self.first)
            && self.then.iter().all(|(d, m)| diagonal(m) && matches!(**d, Displacement::Axes(_)))
    }

    /// The input coordinate of an output index along an axis, of a separable map.
    pub fn along(&self, axis: usize, index: usize) -> f64 {
        let scaled = |m: &Affine, c: f64| m.rows[axis][3] + c * m.rows[axis][axis];
        self.then.iter().fold(scaled(&self.first, index as f64), |c, (d, m)| {
            let mut at = [0.0; 3];
            at[axis] = c;
            scaled(m, moved(d, at)[axis])
        })
    }

    /// The lowest and the highest input coordinate of a box of output voxels, or a little beyond; not finite where they are beyond measure.
    pub fn reach(&self, b: &Box3) -> [[f64; 3]; 2] {
        let start = b.start.map(|v| v as f64);
        let end = b.end().map(|v| v as f64 - 1.0);
        let mut span = through(&self.first, [start, end]);
        for (d, affine) in &self.then {
            let bounds = d.bounds(span[0], span[1]);
            for (axis, [low, high]) in bounds.into_iter().enumerate() {
                span[0][axis] += low;
                span[1][axis] += high;
            }
            span = through(affine, span);
        }
        span
    }

    /// The input coordinates of a box of output voxels, row by row along x.
    pub fn rows(&self, b: &Box3) -> MapRows<'_> {
        let [n, first] = [b.shape[0], b.start[0]];
        // Where y and z do not change along x, and x is the same in every row.
        let aligned = |m: &Affine| [m.rows[0][1], m.rows[0][2], m.rows[1][0], m.rows[2][0]] == [0.0; 4];
        let rows = self.then.first().filter(|_| aligned(&self.first)).map(|(d, _)| {
            let x = (first..first + n).map(|i| self.first.apply([i as f64, 0.0, 0.0])[0]);
            Rows::new(d, x.collect())
        });
        MapRows { map: self, first, rows, at: [vec![0.0; n], vec![0.0; n], vec![0.0; n]] }
    }
}

/// A box of coordinates moved by an affine: the box around it.
pub(crate) fn through(m: &Affine, [low, high]: [[f64; 3]; 2]) -> [[f64; 3]; 2] {
    let mut out = [m.translation(), m.translation()];
    for (i, row) in m.rows.iter().enumerate() {
        for j in 0..3 {
            let ends = [row[j] * low[j], row[j] * high[j]];
            out[0][i] += ends[0].min(ends[1]);
            out[1][i] += ends[0].max(ends[1]);
        }
    }
    out
}

fn moved(d: &Displacement, c: [f64; 3]) -> [f64; 3] {
    let by = d.at(c);
    [0, 1, 2].map(|a| c[a] + by[a])
}

/// Rows of coordinates, as a map makes them. A coordinate does not depend on the box that it is made for.
#[derive(Debug)]
pub struct MapRows<'a> {
    map: &'a Map,
    first: usize,
    rows: Option<Rows<'a>>,
    at: [Vec<f64>; 3],
}

impl MapRows<'_> {
    /// The coordinates of the row of output voxels at `y` and `z`, by axis.
    pub fn row(&mut self, y: usize, z: usize) -> [&[f64]; 3] {
        let map = self.map;
        let [ax, ay, az] = &mut self.at;
        if let Some(rows) = &self.rows {
            let [_, first_y, first_z] = map.first.apply([0.0, y as f64, z as f64]);
            rows.begin([ax, ay, az], first_y, first_z);
        } else {
            for (i, ((ax, ay), az)) in ax.iter_mut().zip(ay.iter_mut()).zip(az.iter_mut()).enumerate() {
                [*ax, *ay, *az] = map.first.apply([(self.first + i) as f64, y as f64, z as f64]);
            }
        }
        for (n, (d, affine)) in map.then.iter().enumerate() {
            match &mut self.rows {
                Some(rows) if n == 0 => {
                    let (y, z) = (ay.first().copied(), az.first().copied());
                    rows.add([ax, ay, az], y.unwrap_or_default(), z.unwrap_or_default());
                }
                _ => d.add([ax, ay, az]),
            }
            if *affine != Affine::IDENTITY {
                move_row([ax, ay, az], &affine.rows);
            }
        }
        self.at.each_ref().map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spline;

    fn map() -> Map {
        let points: Vec<[f64; 3]> = (0..125u64)
            .map(|n| [0, 1, 2].map(|a| crate::Key::new(n).index(a).uniform() * 2.0 - 1.0))
            .collect();
        let spline = Spline::new([5; 3], [-6.0; 3], [6.0; 3], &points).unwrap();
        let turn = Affine::new([[0.9, 0.2, 0.0], [-0.2, 0.9, 0.1], [0.0, 0.0, 1.1]], [1.0, 2.0, -3.0]);
        Map::from(turn).after(&Map::from(Displacement::Spline(spline)))
    }

    #[test]
    fn maps_compose_in_order_and_are_undone() {
        let (a, b) = (map(), Map::from(Affine::translate([0.25, -1.0, 2.0])));
        for n in 0..50 {
            let c = [0.3 * f64::from(n), 7.0 - 0.1 * f64::from(n), 4.0];
            let one = a.after(&b).apply(c);
            let two = a.apply(b.apply(c));
            assert!((0..3).all(|i| (one[i] - two[i]).abs() < 1e-12));
            let twice = a.after(&a).apply(c);
            let in_turn = a.apply(a.apply(c));
            assert!((0..3).all(|i| (twice[i] - in_turn[i]).abs() < 1e-12));
            let back = a.after(&b).back(one).unwrap();
            assert!((0..3).all(|i| (back[i] - c[i]).abs() < 1e-6), "{back:?} not {c:?}");
        }
        let fold = Displacement::Axes([vec![0.0, 50.0, -50.0, 50.0], vec![0.0], vec![0.0]]);
        assert_eq!(Map::from(fold).back([1.25, 0.0, 0.0]), None);
    }

    #[test]
    fn rows_and_reach_are_those_of_single_coordinates() {
        let turn = Affine::new([[0.5, 0.1, 0.0], [0.0, 1.0, 0.3], [0.2, 0.0, 1.0]], [0.5, 0.0, 1.0]);
        let stretch = Affine::new([[1.5, 0.0, 0.0], [0.0, 1.0, 0.3], [0.0, 0.2, 1.0]], [0.5, 0.0, 1.0]);
        for map in [map(), map().after(&Map::from(turn)), map().after(&Map::from(stretch)), Map::from(turn)] {
            let b = Box3 { start: [3, 1, 2], shape: [23, 4, 3] };
            let [low, high] = map.reach(&b);
            let (mut whole, part) = (map.rows(&b), Box3 { start: [9, 1, 2], shape: [5, 4, 3] });
            let mut part = map.rows(&part);
            for (y, z) in [(1, 2), (4, 2), (2, 4), (1, 2)] {
                let row = whole.row(y, z).map(<[f64]>::to_vec);
                for i in 0..23 {
                    let want = map.apply([(3 + i) as f64, y as f64, z as f64]);
                    for a in 0..3 {
                        assert!((row[a][i] - want[a]).abs() < 1e-5);
                        assert!((low[a] - 1e-5..high[a] + 1e-5).contains(&want[a]));
                    }
                }
                let cut = part.row(y, z);
                (0..3).for_each(|a| assert_eq!(cut[a], &row[a][6..11]));
            }
        }
    }
}
