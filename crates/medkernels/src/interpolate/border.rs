//! Linear samples of which neighbours may lie outside.

use super::StridedF32;
use super::affine::trilinear;
use super::corners::{LANES, whole};
use super::line::{Lanes, Places, near};
use crate::element::floor_small;
use crate::kernel::kernel;

/// Both neighbours of each axis are there.
const WHOLE: u64 = 0b11_1111;

/// A coordinate is no number.
const NAN: u64 = 1 << 6;

kernel! {
    /// Samples anywhere, from sample `first` on. Outside stands the fill value; where there is none, the nearest voxel inside.
    pub(super) fn border[P: Places](dst: &mut [f32], src: &StridedF32, places: P, first: usize, fill: Option<f32>) {
        let (strides, data) = (src.strides, src.data);
        let scale = strides.map(|s| s as f64);
        let last = src.shape.map(|n| n as f64 - 1.0);
        let base = src.offset as f64;
        let edge = if fill.is_some() { 0 } else { WHOLE };
        let fill = fill.unwrap_or(0.0);
        let mut place = [0u64; LANES];
        let mut ups = [[0u64; LANES]; 3];
        let mut found = [0u64; LANES];
        let mut weights = [[0.0f32; LANES]; 3];
        let mut corners = [[0.0f32; LANES]; 8];
        for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
            let block = places.block::<LANES>(first + chunk * LANES, out.len());
            for i in 0..LANES {
                let at = block.lane(i);
                let (mut offset, mut seen) = (base, edge);
                for axis in 0..3 {
                    let number = !at[axis].is_nan();
                    let c = near(if number { at[axis] } else { 0.0 });
                    let (lower, end) = (floor_small(c), last[axis]);
                    let (weight, upper) = ((c - lower) as f32, lower + 1.0);
                    let inside = |v: f64| {
                        let v = if v < 0.0 { 0.0 } else { v };
                        if v > end { end } else { v }
                    };
                    let (low, high) = (inside(lower), inside(upper));
                    // A neighbour without weight does not count.
                    let below = low == lower;
                    let above = (high == upper) | (below & (weight == 0.0));
                    seen |= u64::from(below) << axis | u64::from(above) << (axis + 3);
                    seen |= if number { 0 } else { NAN };
                    weights[axis][i] = weight;
                    ups[axis][i] = if high > low { u64::MAX } else { 0 };
                    offset += low * scale[axis];
                }
                found[i] = seen;
                place[i] = whole(offset);
            }
            for i in 0..out.len() {
                let [x, y, z] = [0, 1, 2].map(|axis| strides[axis] & ups[axis][i] as isize);
                let steps = [0, x, y, x + y, z, x + z, y + z, x + y + z];
                let at = place[i] as usize;
                if found[i] & WHOLE == WHOLE {
                    for corner in 0..8 {
                        corners[corner][i] = data[at.wrapping_add_signed(steps[corner])];
                    }
                    continue;
                }
                if (found[i] | found[i] >> 3) & 0b111 != 0b111 {
                    // Along one axis neither neighbour is there.
                    for corner in &mut corners {
                        corner[i] = fill;
                    }
                    continue;
                }
                for corner in 0..8 {
                    let needed = (0..3).fold(0, |bits, axis| bits | 1u64 << (axis + 3 * (corner >> axis & 1)));
                    corners[corner][i] =
                        if found[i] & needed == needed { data[at.wrapping_add_signed(steps[corner])] } else { fill };
                }
            }
            let mut values = [0.0f32; LANES];
            for i in 0..LANES {
                let low = [corners[0][i], corners[1][i], corners[2][i], corners[3][i]];
                let high = [corners[4][i], corners[5][i], corners[6][i], corners[7][i]];
                let value = trilinear([low, high], [weights[0][i], weights[1][i], weights[2][i]]);
                values[i] = if found[i] & NAN == 0 { value } else { fill };
            }
            out.copy_from_slice(&values[..out.len()]);
        }
    }
}
