//! The cells that samples lie in.

use super::line::Lanes;
use crate::element::floor_small;

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

/// The lower corners of the pairs that lie along each axis, x fastest.
const LOWER: [[usize; 4]; 3] = [[0, 2, 4, 6], [0, 1, 4, 5], [0, 1, 2, 3]];

/// The corners of the first cells, x fastest. `read` gives an element, `read_pair` one and the next: where an axis runs through neighbours in memory they are read together.
#[inline(always)]
pub(super) fn gather<V: Copy>(
    corners: &mut [[V; LANES]; 8],
    spots: &Spots,
    count: usize,
    strides: [isize; 3],
    read: impl Fn(usize) -> V,
    read_pair: impl Fn(usize) -> [V; 2],
) {
    match strides {
        [1, ..] => gather_pairs::<0, V>(corners, spots, count, strides, read_pair),
        [.., 1] => gather_pairs::<2, V>(corners, spots, count, strides, read_pair),
        _ => {
            let steps = steps(strides);
            for i in 0..count.min(LANES) {
                let at = spots.place[i] as usize;
                for corner in 0..8 {
                    corners[corner][i] = read(at.wrapping_add_signed(steps[corner]));
                }
            }
        }
    }
}

#[inline(always)]
fn gather_pairs<const AXIS: usize, V: Copy>(
    corners: &mut [[V; LANES]; 8],
    spots: &Spots,
    count: usize,
    strides: [isize; 3],
    read_pair: impl Fn(usize) -> [V; 2],
) {
    let steps = steps(strides);
    for i in 0..count.min(LANES) {
        let at = spots.place[i] as usize;
        for lower in LOWER[AXIS] {
            let [near, far] = read_pair(at.wrapping_add_signed(steps[lower]));
            corners[lower][i] = near;
            corners[lower | 1 << AXIS][i] = far;
        }
    }
}
