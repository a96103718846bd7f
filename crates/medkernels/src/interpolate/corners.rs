//! The cells that samples lie in, and their eight corners.

use crate::element::floor_small;
use crate::intrinsics;

/// Samples worked on at once.
pub(super) const LANES: usize = 32;

/// For each sample, the element of its cell's lowest corner and the weights of the upper neighbours.
pub(super) struct Spots {
    pub(super) place: [u64; LANES],
    pub(super) weights: [[f32; LANES]; 3],
}

impl Default for Spots {
    fn default() -> Spots {
        Spots { place: [0; LANES], weights: [[0.0; LANES]; 3] }
    }
}

impl Spots {
    /// Of coordinates inside a source, of which the first `count` are wanted.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        block: &[[f64; LANES]; 3],
        offset: isize,
        strides: [isize; 3],
        count: usize,
    ) {
        let scale = strides.map(|s| s as f64);
        for i in 0..LANES {
            let mut place = offset as f64;
            for axis in 0..3 {
                let below = floor_small(block[axis][i]);
                self.weights[axis][i] = (block[axis][i] - below) as f32;
                place += below * scale[axis];
            }
            self.place[i] = whole(place);
        }
        // Whatever is loaded for the others lies in the source.
        let first = self.place[0];
        self.place[count..].fill(first);
    }
}

/// The bits of a whole number below 2^51.
#[inline(always)]
pub(super) fn whole(v: f64) -> u64 {
    (v + 4_503_599_627_370_496.0).to_bits() & 0x000f_ffff_ffff_ffff
}

/// Where the corners of a cell lie from its lowest, x fastest.
pub(super) fn steps(strides: [isize; 3]) -> [isize; 8] {
    std::array::from_fn(|corner| {
        (0..3).filter(|axis| corner >> axis & 1 == 1).map(|axis| strides[axis]).sum()
    })
}

/// The corners of a block of cells, loaded in pairs where an axis is contiguous.
pub(super) struct Corners {
    steps: [isize; 8],
    /// The corners of each pair in the order of memory.
    pairs: [[usize; 2]; 4],
    paired: bool,
    values: [[[f32; LANES]; 2]; 4],
}

impl Corners {
    pub(super) fn new(strides: [isize; 3]) -> Corners {
        let contiguous = (0..3).find(|&axis| strides[axis].abs() == 1);
        let axis = contiguous.unwrap_or(0);
        let pairs = std::array::from_fn(|n| {
            // The number with a zero where the axis has its bit.
            let low = n & ((1 << axis) - 1);
            let lower = (n - low) << 1 | low;
            let pair = [lower, lower | 1 << axis];
            if strides[axis] < 0 { [pair[1], pair[0]] } else { pair }
        });
        Corners { steps: steps(strides), pairs, paired: contiguous.is_some(), values: [[[0.0; LANES]; 2]; 4] }
    }

    /// Loads the corners of the first `count` cells.
    #[inline(always)]
    pub(super) fn load(&mut self, data: &[f32], place: &[u64; LANES], count: usize) {
        let firsts = self.pairs.map(|pair| self.steps[pair[0]]);
        if self.paired && intrinsics::gather_pairs(&mut self.values, data, place, firsts) {
            return;
        }
        for i in 0..count {
            let at = place[i] as usize;
            for (pair, values) in self.pairs.iter().zip(&mut self.values) {
                let first = at.wrapping_add_signed(self.steps[pair[0]]);
                if self.paired {
                    let [near, far] = &data[first..][..2] else { continue };
                    values[0][i] = *near;
                    values[1][i] = *far;
                } else {
                    values[0][i] = data[first];
                    values[1][i] = data[at.wrapping_add_signed(self.steps[pair[1]])];
                }
            }
        }
    }

    /// What was loaded, by corner.
    #[inline(always)]
    pub(super) fn by_corner(&self) -> [&[f32; LANES]; 8] {
        let mut out = [&self.values[0][0]; 8];
        for (pair, values) in self.pairs.iter().zip(&self.values) {
            out[pair[0]] = &values[0];
            out[pair[1]] = &values[1];
        }
        out
    }
}
