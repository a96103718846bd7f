//! Voxels copied from places of the same item: crops, pads, flips, exchanges of axes.

use medcore::Box3;

use crate::Result;
use crate::chain::{Chain, Moved};
use crate::picked::{copy_picked, outside};
use crate::tile::{Tile, Want, packed_strides};

impl Chain {
    /// A box of a channel after stage `k`, which copies, into a packed buffer.
    pub(crate) fn fill_moved(
        &self,
        k: usize,
        m: &Moved,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        if let Some(input) = m.input_inside(b) {
            if m.lattice.axes == [0, 1, 2] && m.lattice.flipped == [false; 3] {
                return self.fill(k - 1, channel, &input, want, out);
            }
            let tile = self.view(k - 1, channel, &input, want)?.through(&m.lattice, b, &input);
            tile.copy_to(out, packed_strides(b.shape), 0);
            return Ok(());
        }
        let dtype = want.dtype(self.stages[k - 1].dtype);
        let word = outside(m.boundary, dtype);
        let mut places = [0, 1, 2].map(|j| m.places(j, b));
        let mut input = Box3 { start: [0; 3], shape: [0; 3] };
        for (j, places) in places.iter_mut().enumerate() {
            let found = || places.iter().flatten().copied();
            let (Some(low), Some(high)) = (found().min(), found().max()) else {
                out.chunks_exact_mut(word.len()).for_each(|voxel| voxel.copy_from_slice(&word));
                return Ok(());
            };
            places.iter_mut().flatten().for_each(|place| *place -= low);
            (input.start[m.lattice.axes[j]], input.shape[m.lattice.axes[j]]) = (low, high - low + 1);
        }
        let tile = self.view(k - 1, channel, &input, want)?;
        let tile = Tile {
            strides: m.lattice.axes.map(|i| tile.strides[i]),
            shape: m.lattice.axes.map(|i| tile.shape[i]),
            ..tile
        };
        // Rows are copied in stretches: what lies across is turned before, of which each line is read once.
        let along = tile.strides[0] == 1 || tile.shape[0] == 1;
        let tile = if along { tile } else { tile.into_packed()? };
        copy_picked(&tile, &places, &word, out);
        Ok(())
    }
}

impl Moved {
    /// The part of an output box whose images lie inside the window.
    pub(crate) fn part_inside(&self, b: &Box3, output: [usize; 3]) -> Box3 {
        let (inside, end) = (self.inside(output), b.end());
        let start = [0, 1, 2].map(|j| inside[j][0].clamp(b.start[j], end[j]));
        let stop = [0, 1, 2].map(|j| inside[j][1].clamp(start[j], end[j]));
        Box3 { start, shape: [0, 1, 2].map(|j| stop[j] - start[j]) }
    }

    /// The input box of an output box whose images all lie inside the window.
    pub(crate) fn input_inside(&self, b: &Box3) -> Option<Box3> {
        let (low, high) = self.lattice.input_span(b);
        let end = self.window.end();
        let inside = (0..3).all(|i| low[i] >= self.window.start[i] as i64 && high[i] <= end[i] as i64);
        inside.then(|| Box3 {
            start: low.map(|v| v as usize),
            shape: [0, 1, 2].map(|i| (high[i] - low[i]) as usize),
        })
    }

    /// The input indices of an output box along its axis `j`; `None` where the constant outside is.
    fn places(&self, j: usize, b: &Box3) -> Vec<Option<usize>> {
        let i = self.lattice.axes[j];
        let sign = if self.lattice.flipped[j] { -1 } else { 1 };
        let (start, length) = (self.window.start[i], self.window.shape[i]);
        let place = |o: usize| {
            let at = self.lattice.offset[i] + sign * o as i64 - start as i64;
            self.boundary.index(at, length).map(|at| start + at)
        };
        (b.start[j]..b.end()[j]).map(place).collect()
    }
}
