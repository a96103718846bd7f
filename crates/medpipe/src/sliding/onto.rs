//! From the windows' grid onto another one, a slab at a time.

use std::ops::Range;

use medcore::{Affine, Error, Grid, Volume};
use medkernels::threads::for_each_mut;

use super::Windows;
use super::reduce::{Leading, Made, Slice};
use crate::Result;

/// How far beyond half a voxel from the outermost centres a coordinate may be by rounding.
const SLACK: f64 = 1e-6;

/// The grid of a result, and where its voxels lie in the padded volume of the windows.
pub(super) struct Onto {
    grid: Grid,
    /// The result's axes in the order in which its memory is walked, slowest first: each the one that runs most along the padded volume's x, y, z.
    axes: [usize; 3],
    /// Voxels along them.
    shape: [usize; 3],
    /// Voxel of the result, axes in that order, to voxel of the padded volume.
    map: Affine,
    /// Bounds of the volume in the padded one: its first and last voxel along each axis.
    first: [f64; 3],
    last: [f64; 3],
    /// Shape of the padded volume.
    padded: [usize; 3],
    /// The map as a shift by whole voxels, if it is one.
    shift: Option<[i64; 3]>,
}

/// Values between planes: eight neighbours with the offset of the first, and how far from it.
struct Place {
    at: usize,
    /// Offsets of the next voxel along each axis; 0 at the last one.
    step: [usize; 3],
    fraction: [f32; 3],
}

impl Onto {
    pub(super) fn new(windows: &Windows, grid: &Grid) -> Result<Onto> {
        let source = windows.grid();
        let back = source.affine.inverse().ok_or_else(|| {
            Error::param(
                "sliding windows",
                "affine",
                format!("{:?}", source.affine.rows),
                "an affine that can be inverted",
            )
        })?;
        let straight = back * grid.affine;
        let axes = along(&straight);
        let (shape, mut map) = (axes.map(|a| grid.shape[a]), straight);
        for (row, from) in map.rows.iter_mut().zip(straight.rows) {
            axes.iter().enumerate().for_each(|(i, &a)| row[i] = from[a]);
        }
        let before = windows.padding().map(|[before, _]| before as f64);
        for (row, before) in map.rows.iter_mut().zip(before) {
            row[3] += before;
        }
        let last = [0, 1, 2].map(|i| before[i] + source.shape[i] as f64 - 1.0);
        let shift = shift(&map, shape);
        Ok(Onto { grid: *grid, axes, shape, map, first: before, last, padded: windows.padded(), shift })
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The result as a volume.
    pub(super) fn volume(&self, made: Made) -> Result<Volume> {
        let (voxels, dtype, channels) = made.into_parts();
        let [_, ny, nz] = self.shape;
        let mut strides = [0; 3];
        for (&axis, stride) in self.axes.iter().zip([ny * nz, nz, 1]) {
            strides[axis] = stride as isize;
        }
        let extra: Vec<usize> = channels.into_iter().collect();
        let steps = vec![self.grid.len() as isize; extra.len()];
        Ok(Volume::strided(voxels, dtype, self.grid, 0, strides, extra, steps)?)
    }

    /// Reduces the voxels that lie between the planes that are there. `planes` are those of each class from plane `from` of the padded volume to
    /// before `upto`; those that lie between `from - 1` and `from` were done before. `ended`: no more will come.
    pub(super) fn fill(&self, planes: &[&[f32]], from: usize, upto: usize, ended: bool, made: &mut Made) {
        let [nx, ny, nz] = self.shape;
        let mut slices = made.slices(ny * nz, nx);
        // The planes that are the lower neighbour of a voxel now.
        let low = from as f64..if ended { f64::INFINITY } else { upto as f64 - 1.0 };
        for_each_mut(&mut slices, |x, slice| {
            let mut thread = Thread { onto: self, planes, from, leading: Leading::default(), rows: vec![] };
            for y in 0..ny {
                match self.shift {
                    Some(shift) => thread.copy(shift, [x, y], low.start as usize..upto, ended, slice),
                    None => thread.interpolate([x, y], &low, slice),
                }
            }
        });
        made.settle();
    }
}

/// For each axis of the padded volume the result's axis that runs most along it.
fn along(map: &Affine) -> [usize; 3] {
    let mut axes = [0, 1, 2];
    let share = |row: usize, axis: usize| {
        let length: f64 = map.rows.iter().map(|r| r[axis] * r[axis]).sum();
        map.rows[row][axis] * map.rows[row][axis] / length
    };
    for row in 0..2 {
        let best = (row..3).max_by(|&i, &j| share(row, axes[i]).total_cmp(&share(row, axes[j])));
        axes.swap(row, best.unwrap_or(row));
    }
    axes
}

/// The map as a shift by whole voxels over a grid of this shape.
fn shift(map: &Affine, shape: [usize; 3]) -> Option<[i64; 3]> {
    let shift = map.rows.map(|r| r[3].round_ties_even());
    let corner = map.apply(shape.map(|n| n as f64 - 1.0));
    let near = |p: [f64; 3], q: [f64; 3]| (0..3).all(|i| (p[i] - q[i]).abs() <= SLACK);
    let axes = (0..3).all(|i| {
        let mut p = [0.0; 3];
        p[i] = shape[i] as f64 - 1.0;
        near(map.apply(p), [0, 1, 2].map(|j| shift[j] + p[j]))
    });
    let whole = axes && near(corner, [0, 1, 2].map(|i| shift[i] + shape[i] as f64 - 1.0));
    whole.then(|| shift.map(|s| s as i64))
}

/// A thread's way through the rows of a slice.
struct Thread<'a> {
    onto: &'a Onto,
    planes: &'a [&'a [f32]],
    from: usize,
    leading: Leading,
    rows: Vec<f32>,
}

impl Thread<'_> {
    /// A row of whole voxels.
    fn copy(
        &mut self,
        shift: [i64; 3],
        [x, y]: [usize; 2],
        planes: Range<usize>,
        ended: bool,
        slice: &mut Slice<'_>,
    ) {
        let Onto { shape, first, last, padded: [_, ny, nz], .. } = self.onto;
        // The last plane waits for the next, like all others: a voxel is done once.
        let planes = planes.start..if ended { planes.end } else { planes.end - 1 };
        let inside = |i: usize, v: i64| v >= first[i] as i64 && v <= last[i] as i64;
        let (u, v) = (x as i64 + shift[0], y as i64 + shift[1]);
        if !inside(0, u) || !inside(1, v) || !planes.contains(&(u as usize)) {
            return;
        }
        let begin = (first[2] as i64 - shift[2]).max(0);
        let end = (last[2] as i64 - shift[2] + 1).min(shape[2] as i64);
        if begin >= end {
            return;
        }
        let count = (end - begin) as usize;
        let at = ((u as usize - self.from) * ny + v as usize) * nz + (begin + shift[2]) as usize;
        self.rows.clear();
        self.planes.iter().for_each(|class| self.rows.extend_from_slice(&class[at..at + count]));
        slice.put(y * shape[2] + begin as usize, count, &self.rows, &mut self.leading);
    }

    /// A row anywhere: runs of voxels whose lower neighbours are there.
    fn interpolate(&mut self, [x, y]: [usize; 2], low: &Range<f64>, slice: &mut Slice<'_>) {
        let Onto { shape: [_, _, nz], map, first, last, .. } = *self.onto;
        let start = map.apply([x as f64, y as f64, 0.0]);
        let step = map.rows.map(|r| r[2]);
        let plane = |i: usize| (start[0] + i as f64 * step[0]).clamp(first[0], last[0]).floor();
        let (a, b) = (plane(0), plane(nz - 1));
        if a.max(b) < low.start || a.min(b) >= low.end {
            return;
        }
        let mut places: Vec<Place> = Vec::with_capacity(nz);
        for i in 0..=nz {
            let point = [0, 1, 2].map(|j| start[j] + i as f64 * step[j]);
            if let Some(place) = (i < nz).then(|| self.place(point, low)).flatten() {
                places.push(place);
            } else if !places.is_empty() {
                let count = places.len();
                self.rows.clear();
                for class in self.planes {
                    self.rows.extend(places.iter().map(|p| p.value(class)));
                }
                slice.put(y * nz + i - count, count, &self.rows, &mut self.leading);
                places.clear();
            }
        }
    }

    /// The neighbours of a point; `None` outside the volume and between planes that are not there.
    fn place(&self, point: [f64; 3], low: &Range<f64>) -> Option<Place> {
        let Onto { first, last, padded: [_, ny, nz], .. } = *self.onto;
        let strides = [ny * nz, nz, 1];
        let mut place = Place { at: 0, step: [0; 3], fraction: [0.0; 3] };
        for i in 0..3 {
            if point[i] < first[i] - 0.5 - SLACK || point[i] > last[i] + 0.5 + SLACK {
                return None;
            }
            let inside = point[i].clamp(first[i], last[i]);
            let below = inside.floor();
            if i == 0 && !low.contains(&below) {
                return None;
            }
            let lowest = if i == 0 { self.from } else { 0 };
            place.at += (below as usize - lowest) * strides[i];
            place.step[i] = if below < last[i] { strides[i] } else { 0 };
            place.fraction[i] = (inside - below) as f32;
        }
        Some(place)
    }
}

impl Place {
    fn value(&self, voxels: &[f32]) -> f32 {
        let [x, y, z] = self.step;
        let [fx, fy, fz] = self.fraction;
        let along = |at: usize| {
            let (a, b) = (voxels[at], voxels[at + z]);
            a + (b - a) * fz
        };
        let across = |at: usize| {
            let (a, b) = (along(at), along(at + y));
            a + (b - a) * fy
        };
        let (a, b) = (across(self.at), across(self.at + x));
        a + (b - a) * fx
    }
}
