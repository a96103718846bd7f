//! Cubic interpolation: coefficients of a B-spline first, then their sums.

use medcore::{Affine, Boundary, Box3, DType, Filter, FilterTile, Grid, Lattice, Map, Sampler};
use medkernels::interpolate::{self, Part, SPLINE_REACH, spline_coefficients};

use crate::chain::{Chain, Interpolated, Moved, Op, Stage};

impl Chain {
    /// The same chain, in which every cubic interpolation is one of coefficients, with what makes these before it.
    pub(crate) fn with_coefficients(mut self) -> Chain {
        let mut k = 0;
        while k < self.stages.len() {
            if let Some(made) = self.stages[k].with_coefficients(&self.grid_at(k)) {
                self.stages.splice(k..=k, made);
            }
            k += 1;
        }
        self
    }
}

impl Stage {
    /// A cubic interpolation, after what makes its coefficients; `None` where they are made, or none are needed.
    pub(crate) fn with_coefficients(&self, before: &Grid) -> Option<Vec<Stage>> {
        let Op::Interpolate(i) = &self.op else { return None };
        if i.coefficients || !i.sampler.contains(&Sampler::Cubic) {
            return None;
        }
        let mut i = Interpolated { coefficients: true, ..i.clone() };
        let n = before.shape;
        let (straight, constant) = (i.map.is_separable(), matches!(i.boundary, Boundary::Constant(_)));
        let axes = [0, 1, 2].map(|axis| {
            // On voxels, and along one alone, there is nothing between them.
            let on_voxels = straight && i.map.affine().is_some_and(|m| on_voxels(m, axis));
            if i.sampler[axis] == Sampler::Cubic && on_voxels {
                i.sampler[axis] = Sampler::Nearest;
            }
            i.sampler[axis] == Sampler::Cubic && (n[axis] > 1 || constant)
        });
        let [low, high] = i.map.reach(&Box3::whole(self.grid.shape));
        let mut window = Lattice::IDENTITY;
        let mut shape = n;
        for axis in (0..3).filter(|&axis| axes[axis]) {
            // Coefficients outside that differ from those further out, as far as they are looked at.
            let [before, after] =
                [1.0 - low[axis].floor(), high[axis].floor() + 3.0 - n[axis] as f64].map(|v| {
                    match i.boundary {
                        Boundary::Edge | Boundary::Constant(_) => {
                            v.clamp(0.0, SPLINE_REACH as f64 + 1.0) as usize
                        }
                        Boundary::Wrap => v.clamp(0.0, f64::from(1 << 20)) as usize + SPLINE_REACH,
                        _ => 0,
                    }
                });
            window.offset[axis] = -(before as i64);
            shape[axis] += before + after;
        }
        let mut out = vec![];
        let grid = window.grid(before, shape);
        let stage =
            |op, label: &str| Stage { op, grid, dtype: DType::F32, label: label.into(), awaited: None };
        if shape != n {
            let moved = Moved { lattice: window, window: Box3::whole(n), boundary: i.boundary };
            out.push(stage(Op::Lattice(moved), "around it what lies outside"));
            i.map = Map::from(Affine::translate(window.offset.map(|v| -v as f64))).after(&i.map);
            if i.boundary == Boundary::Wrap {
                i.boundary = Boundary::Edge;
            }
        }
        if axes != [false; 3] {
            let boundary = interpolate::Boundary::from(i.boundary);
            let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
                let Box3 { start, shape } = tile.input;
                let part = Part { voxels: tile.voxels, start, shape };
                let wanted = (tile.output.start, tile.output.shape);
                Ok(spline_coefficients(out, &part, wanted, tile.domain, axes, boundary)?)
            };
            let label = "spline coefficients";
            let halo = axes.map(|a| if a { SPLINE_REACH } else { 0 });
            out.push(stage(Op::Filter(None, Filter::new(label, halo, run)), label));
        }
        out.push(Stage { op: Op::Interpolate(i), ..self.clone() });
        Some(out)
    }
}

/// Whether a map puts every index of an axis on a voxel of it.
fn on_voxels(map: &Affine, axis: usize) -> bool {
    map.rows[axis][axis].abs() == 1.0 && map.rows[axis][3].fract() == 0.0
}
