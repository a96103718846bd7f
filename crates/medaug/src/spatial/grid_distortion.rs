use medcore::{Category, Declared, Displacement, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::sampling::{Interpolation, LabelInterpolation, sampling};

/// Stretch and squeeze the cells of a grid along their axes, at random; the grid of voxels stays.
///
/// Each axis is divided into `cells`, each of which takes as many voxels of the content as its width times a step drawn from `1 + limits`. The
/// coordinates are those of MONAI's `GridDistortion`: within a cell they go from its beginning to the next one's in equal parts, both included, and
/// voxels left over at the end are one more cell. Landmarks move with the content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "GridDistortion, RandGridDistortion"}))]
pub struct GridDistortion {
    /// Cells along x, y, z.
    pub cells: PerAxis<usize>,
    /// Range from which each cell's change of width is drawn, relative to it.
    pub limits: [f64; 2],
    /// Steps of all cells along x, y, z, `cells + 1` of each, instead of drawn ones.
    pub steps: Option<[Vec<f64>; 3]>,
    /// How images are sampled between voxels.
    pub interpolation: Interpolation,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours.
    pub label_interpolation: LabelInterpolation,
    /// What lies outside the volume.
    pub mode: PadMode,
    /// The value outside in mode `constant`.
    pub value: f64,
    /// The label outside in mode `constant`.
    pub label_value: i64,
}

impl Default for GridDistortion {
    fn default() -> GridDistortion {
        GridDistortion {
            cells: PerAxis::All(5),
            limits: [-0.03, 0.03],
            steps: None,
            interpolation: Interpolation::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
        }
    }
}

impl Declared for GridDistortion {
    const NAME: &'static str = "grid_distortion";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("limits");
    const RANDOM: bool = true;
}

/// The coordinate of each of `n` voxels along an axis of so many cells, less the voxel's own.
fn displaced(n: usize, cells: usize, steps: &[f64]) -> Vec<f64> {
    let width = n / cells;
    let mut out = vec![0.0; n];
    let mut begin = 0.0;
    for (cell, step) in steps.iter().enumerate() {
        let (from, to) = (cell * width, ((cell + 1) * width).min(n));
        let end = if (cell + 1) * width > n { n as f64 } else { begin + width as f64 * step };
        let parts = (to - from).saturating_sub(1).max(1) as f64;
        for (i, d) in out[from..to].iter_mut().enumerate() {
            *d = begin + (end - begin) * (i as f64 / parts) - (from + i) as f64;
        }
        begin = end;
    }
    out
}

impl GridDistortion {
    fn drawn(&self, cells: [usize; 3], key: Key) -> Result<[Vec<f64>; 3]> {
        if let Some(given) = &self.steps {
            if (0..3).any(|a| given[a].len() != cells[a] + 1 || given[a].iter().any(|v| !v.is_finite())) {
                let found = given.each_ref().map(Vec::len);
                let wanted = "one finite number more than cells, for each axis";
                return Err(Error::param(Self::NAME, "steps", format!("{found:?}"), wanted));
            }
            return Ok(given.clone());
        }
        let [low, high] = self.limits;
        let key = key.text("steps");
        let one = |a: u64, i: u64| 1.0 + low + (high - low) * key.index(a).index(i).uniform();
        Ok([0, 1, 2].map(|a| (0..=cells[a] as u64).map(|i| one(a as u64, i)).collect()))
    }
}

impl Transform for GridDistortion {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let [low, high] = self.limits;
        if !(-1.0 < low && low <= high && high.is_finite()) {
            let wanted = "[low, high] with low above -1";
            return Err(Error::param(Self::NAME, "limits", format!("{:?}", self.limits), wanted));
        }
        let n = at.grid.shape;
        let cells = self.cells.each();
        if cells.contains(&0) {
            return Err(Error::param(Self::NAME, "cells", format!("{cells:?}"), "1 or more per axis"));
        }
        // An axis has no more cells than voxels.
        let cells = [0, 1, 2].map(|a| if self.steps.is_none() { cells[a].min(n[a]) } else { cells[a] });
        if (0..3).any(|a| cells[a] > n[a]) {
            let wanted = format!("no more than there are voxels, {n:?}");
            return Err(Error::param(Self::NAME, "cells", format!("{cells:?}"), wanted));
        }
        let steps = self.drawn(cells, key)?;
        let tables = [0, 1, 2].map(|a| displaced(n[a], cells[a], &steps[a]));
        let label = format!("distort a grid of {cells:?} cells");
        sampling!(self).displaced(label, at, Displacement::Axes(tables))
    }
}
