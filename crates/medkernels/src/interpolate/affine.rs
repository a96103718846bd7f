//! Linear samples at coordinates: along an oblique row, or listed.

use super::border::border;
use super::corners::{LANES, Spots, gather};
use super::line::{Line, Places, near};
use super::{Boundary, StridedF32};
use crate::element::floor_small;
use crate::kernel::kernel;

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
    sample_row(dst, src, Line { start, step }, first, boundary);
}

/// Samples linearly at `(at[0][i], at[1][i], at[2][i])` (source voxels) into `dst[i]`, as [`sample_linear_row`] does.
///
/// # Panics
/// As [`sample_linear_row`], or if there are fewer coordinates than samples.
pub fn sample_linear_at(dst: &mut [f32], src: &StridedF32, at: [&[f64]; 3], boundary: Boundary) {
    sample_row(dst, src, at, 0, boundary);
}

fn sample_row<P: Places>(dst: &mut [f32], src: &StridedF32, places: P, first: usize, boundary: Boundary) {
    if dst.is_empty() {
        return;
    }
    assert!(!src.shape.contains(&0), "the source's shape is empty");
    let (limits, last) = (src.shape.map(|n| n as f64 - 1.0), first + dst.len());
    let mut from = first;
    while from < last {
        let (inside, to) = places.run(from..last, LANES, [0.0; 3], limits);
        let part = &mut dst[from - first..to - first];
        match boundary {
            _ if inside => interior(part, src, places, from),
            Boundary::Edge => border(part, src, places, from, None),
            Boundary::Constant(_) | Boundary::ZerosBlended => {
                border(part, src, places, from, Some(boundary.fill()));
            }
            Boundary::Reflect | Boundary::Mirror | Boundary::Wrap => {
                for (d, i) in part.iter_mut().zip(from..) {
                    *d = sample(src, places.at(i), boundary);
                }
            }
        }
        from = to;
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
        let c = near(at[axis]);
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
    let plane = |z| [value(0, 0, z), value(1, 0, z), value(0, 1, z), value(1, 1, z)];
    trilinear([plane(0), plane(1)], weights)
}

/// From the corners of a cell, x fastest, z slowest.
#[inline(always)]
pub(super) fn trilinear(corners: [[f32; 4]; 2], [wx, wy, wz]: [f32; 3]) -> f32 {
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
    /// Samples whose neighbours all lie inside, from sample `first` on.
    fn interior[P: Places](dst: &mut [f32], src: &StridedF32, places: P, first: usize) {
        let data = src.data;
        let mut spots = Spots::default();
        let mut corners = [[0.0f32; LANES]; 8];
        for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
            let block = places.block::<LANES>(first + chunk * LANES, out.len());
            spots.fill(&block, src.offset, src.strides);
            let pair = |at: usize| {
                let pair = &data[at..][..2];
                [pair[0], pair[1]]
            };
            gather(&mut corners, &spots, out.len(), src.strides, |at| data[at], pair);
            let weights = &spots.weights;
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
