//! The cells that samples lie in.

use super::line::Lanes;
use crate::element::floor_small;

/// Samples worked on at once.
pub(super) const LANES: usize = 32;

/// Labels of which it is found out together whether all their neighbours lie inside: few, since beyond the border each costs several times as much.
pub(super) const PIECE: usize = 8;

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
    /// Of coordinates inside a source.
    #[inline(always)]
    pub(super) fn fill(&mut self, block: &impl Lanes, offset: isize, strides: [isize; 3]) {
        let scale = strides.map(|s| s as f64);
        for i in 0..LANES {
            let (at, mut place) = (block.lane(i), offset as f64);
            for axis in 0..3 {
                let below = floor_small(at[axis]);
                self.weights[axis][i] = (at[axis] - below) as f32;
                place += below * scale[axis];
            }
            self.place[i] = whole(place);
        }
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
