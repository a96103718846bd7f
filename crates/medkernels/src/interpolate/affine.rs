//! Linear samples along an oblique row of coordinates.

use std::ops::Range;

use super::{Boundary, StridedF32};
use crate::element::floor_small;
use crate::kernel::kernel;

/// Voxels worked on at once.
const LANES: usize = 32;

/// Coordinates beyond this are as good as infinitely far away.
const FAR: f64 = 1e12;

/// Samples linearly at `start + (first + i) * step` (f64, in source voxels) into `dst[i]`.
///
/// Eight neighbours, weights rounded to f32, `a + (b - a) * w` along x, then y, then z. Never accumulated: a
/// row may be cut anywhere and gives the same bits. Neighbours outside the source follow `boundary`; those
/// with weight zero are not looked at. A NaN coordinate gives the fill value (0 for boundaries without one).
///
/// # Panics
/// If the source's shape is empty, or its data do not hold a voxel that is looked at.
pub fn sample_linear_row(
    dst: &mut [f32],
    src: &StridedF32,
    start: [f64; 3],
    step: [f64; 3],
    first: usize,
    boundary: Boundary,
) {
    if dst.is_empty() {
        return;
    }
    assert!(!src.shape.contains(&0), "the source's shape is empty");
    let line = Line { start, step };
    let inside = line.inside(first..first + dst.len(), 0.0, src.shape.map(|n| n as f64 - 1.0));
    let (head, rest) = dst.split_at_mut(inside.start - first);
    let (body, tail) = rest.split_at_mut(inside.len());
    for (i, d) in head.iter_mut().enumerate() {
        *d = sample(src, line.at(first + i), boundary);
    }
    interior(body, src, line, inside.start);
    for (i, d) in tail.iter_mut().enumerate() {
        *d = sample(src, line.at(inside.end + i), boundary);
    }
}

/// A row of coordinates.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) start: [f64; 3],
    pub(super) step: [f64; 3],
}

impl Line {
    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> [f64; 3] {
        let i = i as f64;
        [self.start[0] + i * self.step[0], self.start[1] + i * self.step[1], self.start[2] + i * self.step[2]]
    }

    /// A run of `range` in which `0 <= c + shift < limit` holds for the coordinate `c` of each axis. It may
    /// leave out a few at each end, and is the same wherever the row is cut.
    pub(super) fn inside(&self, range: Range<usize>, shift: f64, limits: [f64; 3]) -> Range<usize> {
        let none = range.start..range.start;
        // Indices that both f64 and usize hold.
        const MOST: f64 = if usize::BITS < 64 { 2.0e9 } else { 4.0e15 };
        let (mut from, mut to) = (0.0, MOST);
        for ((start, step), limit) in self.start.into_iter().zip(self.step).zip(limits) {
            let start = start + shift;
            if step == 0.0 {
                if !(0.0..limit).contains(&start) {
                    return none;
                }
                continue;
            }
            let (a, b) = (-start / step, (limit - start) / step);
            let (a, b) = if a < b { (a, b) } else { (b, a) };
            // One voxel of margin for the roundings of the division.
            from = if a + 1.0 > from { a + 1.0 } else { from };
            to = if b - 1.0 < to { b - 1.0 } else { to };
        }
        let from = if from < MOST { from } else { MOST };
        let (from, to) = (if from > 0.0 { from as usize + 1 } else { 0 }, to as usize);
        if from >= to {
            return none;
        }
        // Coordinates are monotonic in the index, so the ends speak for the rest; NaN holds nowhere.
        let holds =
            |i: usize| self.at(i).iter().zip(&limits).all(|(c, limit)| (0.0..*limit).contains(&(c + shift)));
        let run = from.max(range.start)..to.min(range.end);
        if run.is_empty() || !holds(from) || !holds(to - 1) { none } else { run }
    }
}

/// One sample anywhere.
fn sample(src: &StridedF32, at: [f64; 3], boundary: Boundary) -> f32 {
    if at.iter().any(|c| c.is_nan()) {
        return boundary.fill();
    }
    // Elements from the first voxel on; `None` where the fill value stands.
    let mut neighbours = [[None; 2]; 3];
    let mut weights = [0.0f32; 3];
    for axis in 0..3 {
        let c = if at[axis] > FAR { FAR } else { at[axis] };
        let c = if c < -FAR { -FAR } else { c };
        let below = floor_small(c);
        let w = (c - below) as f32;
        let steps = |i: i64| boundary.index(i, src.shape[axis]).map(|i| i as isize * src.strides[axis]);
        let lower = steps(below as i64);
        let upper = steps(below as i64 + 1);
        neighbours[axis] = [lower, if upper.is_none() && w == 0.0 { lower } else { upper }];
        weights[axis] = w;
    }
    let whole = neighbours.iter().flatten().all(Option::is_some);
    let steps = neighbours.map(|pair| pair.map(|step| step.unwrap_or(0)));
    let value = |x: usize, y: usize, z: usize| -> f32 {
        if !whole && (neighbours[0][x].is_none() || neighbours[1][y].is_none() || neighbours[2][z].is_none())
        {
            return boundary.fill();
        }
        src.data[(src.offset + steps[0][x] + steps[1][y] + steps[2][z]) as usize]
    };
    let corners = [
        [value(0, 0, 0), value(1, 0, 0), value(0, 1, 0), value(1, 1, 0)],
        [value(0, 0, 1), value(1, 0, 1), value(0, 1, 1), value(1, 1, 1)],
    ];
    trilinear(corners, weights)
}

#[inline(always)]
fn trilinear(corners: [[f32; 4]; 2], [wx, wy, wz]: [f32; 3]) -> f32 {
    let plane = |[a, b, c, d]: [f32; 4]| {
        let low = a + (b - a) * wx;
        let high = c + (d - c) * wx;
        low + (high - low) * wy
    };
    let near = plane(corners[0]);
    let far = plane(corners[1]);
    near + (far - near) * wz
}

kernel! {
    /// Samples whose neighbours all lie inside, from index `first` of the line on.
    fn interior(dst: &mut [f32], src: &StridedF32, line: Line, first: usize) {
        let strides = src.strides;
        let scale = strides.map(|s| s as f64);
        let base = src.offset as f64;
        let data = src.data;
        let steps = [
            0,
            strides[0],
            strides[1],
            strides[0] + strides[1],
            strides[2],
            strides[0] + strides[2],
            strides[1] + strides[2],
            strides[0] + strides[1] + strides[2],
        ];
        let mut place = [0u64; LANES];
        let mut weights = [[0.0f32; LANES]; 3];
        let mut corners = [[0.0f32; LANES]; 8];
        for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
            let from = first + chunk * LANES;
            for i in 0..LANES {
                let at = line.at(from + i);
                let mut offset = base;
                for axis in 0..3 {
                    let below = floor_small(at[axis]);
                    weights[axis][i] = (at[axis] - below) as f32;
                    offset += below * scale[axis];
                }
                // A whole number below 2^51: its bits are the sum's low bits.
                place[i] = (offset + 4_503_599_627_370_496.0).to_bits() & 0x000f_ffff_ffff_ffff;
            }
            if strides[0] == 1 {
                // Neighbours along x are read in pairs.
                for i in 0..out.len() {
                    let at = place[i] as usize;
                    for pair in 0..4 {
                        let at = at.wrapping_add_signed(steps[2 * pair]);
                        let [near, far] = &data[at..][..2] else { continue };
                        corners[2 * pair][i] = *near;
                        corners[2 * pair + 1][i] = *far;
                    }
                }
            } else {
                for i in 0..out.len() {
                    let at = place[i] as usize;
                    for corner in 0..8 {
                        corners[corner][i] = data[at.wrapping_add_signed(steps[corner])];
                    }
                }
            }
            let mut values = [0.0f32; LANES];
            for i in 0..LANES {
                let low = [corners[0][i], corners[1][i], corners[2][i], corners[3][i]];
                let high = [corners[4][i], corners[5][i], corners[6][i], corners[7][i]];
                values[i] = trilinear([low, high], [weights[0][i], weights[1][i], weights[2][i]]);
            }
            out.copy_from_slice(&values[..out.len()]);
        }
    }
}
