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

/// For each sample, the element of its cell's lowest corner that is there, what is there of the others, and the weights of the upper neighbours.
pub(super) struct Beyond {
    place: [u64; LANES],
    /// All bits where the upper neighbour is another voxel than the lower.
    ups: [[u64; LANES]; 3],
    /// Bit `axis`: the lower neighbour is there; bit `axis + 3`: the upper one; and [`NAN`].
    found: [u64; LANES],
    pub(super) weights: [[f32; LANES]; 3],
}

impl Default for Beyond {
    fn default() -> Beyond {
        Beyond { place: [0; LANES], ups: [[0; LANES]; 3], found: [0; LANES], weights: [[0.0; LANES]; 3] }
    }
}

impl Beyond {
    /// Of coordinates anywhere. Where `held`, the nearest voxel inside stands for one outside.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        block: &impl Lanes,
        offset: isize,
        strides: [isize; 3],
        shape: [usize; 3],
        held: bool,
    ) {
        let scale = strides.map(|s| s as f64);
        let last = shape.map(|n| n as f64 - 1.0);
        let (base, edge) = (offset as f64, if held { WHOLE } else { 0 });
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
                self.weights[axis][i] = weight;
                self.ups[axis][i] = if high > low { u64::MAX } else { 0 };
                offset += low * scale[axis];
            }
            self.found[i] = seen;
            self.place[i] = whole(offset);
        }
    }

    /// Whether a sample's coordinates are numbers.
    #[inline(always)]
    pub(super) fn is_number(&self, i: usize) -> bool {
        self.found[i] & NAN == 0
    }

    /// Whether along one axis neither neighbour of a sample is there.
    #[inline(always)]
    fn is_outside(&self, i: usize) -> bool {
        (self.found[i] | self.found[i] >> 3) & 0b111 != 0b111
    }

    /// Whether that holds for all of the first samples.
    #[inline(always)]
    pub(super) fn all_outside(&self, count: usize) -> bool {
        (0..count.min(LANES)).fold(true, |all, i| all & self.is_outside(i))
    }

    /// The corners of the first samples, x fastest, `fill` where one is not there; `read` gives an element.
    #[inline(always)]
    pub(super) fn corners<V: Copy>(
        &self,
        corners: &mut [[V; LANES]; 8],
        count: usize,
        strides: [isize; 3],
        fill: V,
        read: impl Fn(usize) -> V,
    ) {
        let found = &self.found;
        for i in 0..count.min(LANES) {
            let [x, y, z] = [0, 1, 2].map(|axis| strides[axis] & self.ups[axis][i] as isize);
            let steps = [0, x, y, x + y, z, x + z, y + z, x + y + z];
            let at = self.place[i] as usize;
            if found[i] & WHOLE == WHOLE {
                for corner in 0..8 {
                    corners[corner][i] = read(at.wrapping_add_signed(steps[corner]));
                }
                continue;
            }
            if self.is_outside(i) {
                for corner in corners.iter_mut() {
                    corner[i] = fill;
                }
                continue;
            }
            for corner in 0..8 {
                let needed = (0..3).fold(0, |bits, axis| bits | 1u64 << (axis + 3 * (corner >> axis & 1)));
                corners[corner][i] = if found[i] & needed == needed {
                    read(at.wrapping_add_signed(steps[corner]))
                } else {
                    fill
                };
            }
        }
    }
}

kernel! {
    /// Samples anywhere, from sample `first` on. Outside stands the fill value; where there is none, the nearest voxel inside.
    pub(super) fn border[P: Places](dst: &mut [f32], src: &StridedF32, places: P, first: usize, fill: Option<f32>) {
        let (held, fill) = (fill.is_none(), fill.unwrap_or(0.0));
        let mut beyond = Beyond::default();
        let mut corners = [[0.0f32; LANES]; 8];
        for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
            let block = places.block::<LANES>(first + chunk * LANES, out.len());
            beyond.fill(&block, src.offset, src.strides, src.shape, held);
            beyond.corners(&mut corners, out.len(), src.strides, fill, |at| src.data[at]);
            let weights = &beyond.weights;
            let mut values = [0.0f32; LANES];
            for i in 0..LANES {
                let low = [corners[0][i], corners[1][i], corners[2][i], corners[3][i]];
                let high = [corners[4][i], corners[5][i], corners[6][i], corners[7][i]];
                let value = trilinear([low, high], [weights[0][i], weights[1][i], weights[2][i]]);
                values[i] = if beyond.is_number(i) { value } else { fill };
            }
            out.copy_from_slice(&values[..out.len()]);
        }
    }
}
