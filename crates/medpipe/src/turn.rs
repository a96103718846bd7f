//! A chain with its axes in another order: where voxels lie with another axis than x fastest and no stage minds, they
//! are worked on as they lie.

use medcore::{Box3, Grid, Lattice};

use crate::chain::{Chain, Interpolated, Moved, Op, Stage};
use crate::source::Source;

/// An exchange of x with y or with z; the exchange of an exchange is nothing.
pub(crate) type Turn = [usize; 3];

impl Chain {
    /// The turn after which the source, a volume in memory, lies with x fastest; `None` if it does or is a file.
    pub(crate) fn turn_of_source(&self) -> Option<Turn> {
        let Source::Memory(v) = &self.source else { return None };
        let shape = v.grid().shape;
        let long = (0..3).filter(|&axis| shape[axis] > 1);
        match long.min_by_key(|&axis| v.strides()[axis].unsigned_abs()) {
            Some(1) => Some([1, 0, 2]),
            Some(2) => Some([2, 1, 0]),
            _ => None,
        }
    }

    /// The turn in which voxels that lie with z fastest are worked on as they lie, C-contiguous before and after.
    pub(crate) fn turned_to_c(&self) -> Option<Chain> {
        let flat = self.source.grid().shape[2] == 1 && self.grid().shape[2] == 1;
        let turn = if flat { [1, 0, 2] } else { [2, 1, 0] };
        if self.turn_of_source() == Some(turn) { self.turned(turn) } else { None }
    }

    /// The same work in the turned order of axes, bit for bit; `None` where a stage's bits depend on the order.
    pub(crate) fn turned(&self, turn: Turn) -> Option<Chain> {
        let Source::Memory(v) = &self.source else { return None };
        let stages = self.stages.iter().map(|s| s.turned(turn)).collect::<Option<Vec<_>>>()?;
        let source = Source::Memory(v.clone().permuted(turn).ok()?);
        Some(Chain { source, stages, ..self.clone() })
    }
}

impl Stage {
    /// Whether it can be done in the turned order of axes, bit for bit.
    pub(crate) fn turns(&self, turn: Turn) -> bool {
        self.turned(turn).is_some()
    }

    fn turned(&self, turn: Turn) -> Option<Stage> {
        let op = match &self.op {
            Op::Points(runs) if runs.iter().all(|(_, run)| !run.indexed) => Op::Points(runs.clone()),
            Op::Cast(to) => Op::Cast(*to),
            Op::Relabel(table) => Op::Relabel(table.clone()),
            Op::Lattice(m) => Op::Lattice(m.turned(turn)),
            Op::Filter(only, f) => Op::Filter(*only, f.turned.as_ref()?(turn)?),
            Op::Interpolate(i) if i.map.is_separable() && i.is_nearest() => Op::Interpolate(i.turned(turn)?),
            _ => return None,
        };
        let grid = grid_turned(&self.grid, turn);
        Some(Stage { op, grid, dtype: self.dtype, label: self.label.clone(), awaited: None })
    }
}

impl Moved {
    fn turned(&self, turn: Turn) -> Moved {
        let Lattice { axes, flipped, offset } = self.lattice;
        let lattice = Lattice {
            axes: turn.map(|j| turn[axes[j]]),
            flipped: turn.map(|j| flipped[j]),
            offset: turn.map(|i| offset[i]),
        };
        let window =
            Box3 { start: turn.map(|i| self.window.start[i]), shape: turn.map(|i| self.window.shape[i]) };
        Moved { lattice, window, boundary: self.boundary }
    }
}

impl Interpolated {
    /// `None` where the map is none that turns.
    fn turned(&self, turn: Turn) -> Option<Interpolated> {
        let exchange = Lattice { axes: turn, ..Lattice::IDENTITY }.to_affine();
        let map = (exchange * *self.map.affine()? * exchange).into();
        Some(Interpolated { map, sampler: turn.map(|axis| self.sampler[axis]), ..self.clone() })
    }
}

fn grid_turned(grid: &Grid, turn: Turn) -> Grid {
    Lattice { axes: turn, ..Lattice::IDENTITY }.grid(grid, turn.map(|axis| grid.shape[axis]))
}
