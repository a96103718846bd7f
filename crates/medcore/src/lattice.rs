//! Index maps that move voxels without changing them.

use crate::{Affine, Box3, Grid};

/// A map from output voxels to input voxels that only permutes, flips and shifts: `input[axes[j]] = sign[j] * output[j] + offset[axes[j]]`.
///
/// Crops, pads, flips, quarter turns and reorientations are lattices; they copy voxels exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lattice {
    /// The input axis that each output axis walks along.
    pub axes: [usize; 3],
    /// Whether it walks backwards.
    pub flipped: [bool; 3],
    /// Input index (per input axis) of output voxel (0, 0, 0). May lie outside the input.
    pub offset: [i64; 3],
}

impl Lattice {
    /// Nothing moves.
    pub const IDENTITY: Lattice = Lattice { axes: [0, 1, 2], flipped: [false; 3], offset: [0; 3] };

    /// The lattice that a map from output to input voxels is, if each entry lies within 1e-6 voxel of one over the whole output shape.
    pub fn of(map: &Affine, output: [usize; 3]) -> Option<Lattice> {
        const TOLERANCE: f64 = 1e-6;
        let mut out = Lattice::IDENTITY;
        let mut used = [false; 3];
        for j in 0..3 {
            let reach = (output[j].max(2) - 1) as f64;
            let column = map.column(j);
            let axis = (0..3).find(|&i| (column[i].abs() - 1.0).abs() * reach <= TOLERANCE && !used[i])?;
            if (0..3).any(|i| i != axis && column[i].abs() * reach > TOLERANCE) {
                return None;
            }
            used[axis] = true;
            out.axes[j] = axis;
            out.flipped[j] = column[axis] < 0.0;
        }
        for (offset, t) in out.offset.iter_mut().zip(map.translation()) {
            if (t - t.round()).abs() > TOLERANCE || t.abs() > 1e15 {
                return None;
            }
            *offset = t.round() as i64;
        }
        Some(out)
    }

    /// The same map as an affine.
    pub fn to_affine(&self) -> Affine {
        let mut a = [[0.0; 3]; 3];
        for j in 0..3 {
            a[self.axes[j]][j] = if self.flipped[j] { -1.0 } else { 1.0 };
        }
        Affine::new(a, self.offset.map(|v| v as f64))
    }

    /// `self` after `first`: output voxels of `self` to input voxels of `first`.
    pub fn after(&self, first: &Lattice) -> Lattice {
        let mut out = Lattice::IDENTITY;
        for j in 0..3 {
            let middle = self.axes[j];
            out.axes[j] = first.axes[middle];
            out.flipped[j] = self.flipped[j] != first.flipped[middle];
        }
        for m in 0..3 {
            let sign = if first.flipped[m] { -1 } else { 1 };
            out.offset[first.axes[m]] = sign * self.offset[m] + first.offset[first.axes[m]];
        }
        out
    }

    /// For output axis `j`, the half-open range of output indices whose input index lies inside `0..input[axes[j]]`, clipped to `0..output`.
    pub fn inside(&self, j: usize, input: [usize; 3], output: usize) -> [usize; 2] {
        let i = self.axes[j];
        let (n, o) = (input[i] as i64, self.offset[i]);
        let (lo, hi) = if self.flipped[j] { (o - n + 1, o + 1) } else { (-o, n - o) };
        let lo = lo.clamp(0, output as i64) as usize;
        let hi = hi.clamp(lo as i64, output as i64) as usize;
        [lo, hi]
    }

    /// The smallest input box that holds the images of an output box; may reach outside the input.
    pub fn input_span(&self, b: &Box3) -> ([i64; 3], [i64; 3]) {
        let (mut lo, mut hi) = ([0; 3], [0; 3]);
        for j in 0..3 {
            let i = self.axes[j];
            let (first, last) = (b.start[j] as i64, (b.start[j] + b.shape[j].max(1) - 1) as i64);
            let (a, z) = if self.flipped[j] {
                (self.offset[i] - last, self.offset[i] - first)
            } else {
                (self.offset[i] + first, self.offset[i] + last)
            };
            (lo[i], hi[i]) = (a, z + 1);
        }
        (lo, hi)
    }

    /// The grid of the output, given the grid of the input: the world stays where it is.
    pub fn grid(&self, input: &Grid, output: [usize; 3]) -> Grid {
        Grid::new(output, input.affine * self.to_affine())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_lattices_and_only_those() {
        let a = Affine::new([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [9.0, -3.0, 2.0]);
        let l = Lattice::of(&a, [10, 10, 10]).unwrap();
        assert_eq!(l.axes, [1, 0, 2]);
        assert_eq!(l.flipped, [false, true, false]);
        assert_eq!(l.to_affine(), a);
        assert!(Lattice::of(&Affine::translate([0.5, 0.0, 0.0]), [4; 3]).is_none());
        assert!(Lattice::of(&Affine::from_spacing([2.0, 1.0, 1.0]), [4; 3]).is_none());
        assert!(Lattice::of(&Affine::from_spacing([1.0 + 1e-5, 1.0, 1.0]), [512; 3]).is_none());
    }

    #[test]
    fn composition_is_that_of_the_affines() {
        let a = Lattice { axes: [2, 0, 1], flipped: [true, false, true], offset: [4, -1, 7] };
        let b = Lattice { axes: [1, 2, 0], flipped: [false, true, true], offset: [-2, 5, 3] };
        assert_eq!(a.after(&b).to_affine(), b.to_affine() * a.to_affine());
    }
}
