//! Where windows lie, by each library's rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Box3, Error, Grid, Result};

/// How windows are laid over a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowRule {
    /// Steps of `int(window * (1 - overlap))` voxels, the last window shifted back to fit: MONAI's `dense_patch_slices` (1.6).
    #[default]
    Monai,
    /// As many windows as steps of `window * (1 - overlap)` need, spread evenly and rounded half to even: nnU-Net's
    /// `compute_steps_for_sliding_window` (version 2); its `tile_step_size` is 1 - overlap.
    Nnunet,
    /// As MONAI's, with an overlap of a whole, even number of voxels: `int(window * overlap)`, made even downwards: `TorchIO`'s `GridSampler` (1.2).
    Torchio,
}

impl WindowRule {
    /// The first voxels of the windows along an axis of `length` voxels, not shorter than `window`, `overlap` in 0..1 of a window.
    fn starts(self, length: usize, window: usize, overlap: f64) -> Vec<usize> {
        let last = length - window;
        let step = match self {
            WindowRule::Monai => ((window as f64 * (1.0 - overlap)) as usize).max(1),
            WindowRule::Torchio => window - ((window as f64 * overlap) as usize / 2 * 2),
            WindowRule::Nnunet => {
                let steps = (last as f64 / (window as f64 * (1.0 - overlap))).ceil();
                let actual = if steps > 0.0 { last as f64 / steps } else { 0.0 };
                return (0..=steps as usize)
                    .map(|i| (actual * i as f64).round_ties_even() as usize)
                    .collect();
            }
        };
        let mut out: Vec<usize> = (0..last).step_by(step).collect();
        out.push(last);
        out
    }
}

/// Windows over a grid, in the order in which they are to be predicted: z runs fastest, x slowest, so that slabs along x are finished one after the other. It is the
/// order of MONAI, nnU-Net and `TorchIO`.
///
/// Where a window is longer than the grid, the grid is padded: half before (rounded down) and the rest after, as MONAI and nnU-Net do.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    grid: Grid,
    window: [usize; 3],
    before: [usize; 3],
    starts: [Vec<usize>; 3],
    rule: WindowRule,
}

impl Windows {
    /// Windows of `window` voxels (x, y, z) that overlap by `overlap` (a fraction of the window, from 0 to below 1, per axis).
    ///
    /// # Errors
    /// [`Error::Param`] for an empty window, an overlap outside 0..1; [`Error::Shape`] for an empty grid.
    ///
    /// ```
    /// use medcore::{Affine, Grid, WindowRule, Windows};
    ///
    /// let grid = Grid::new([100, 60, 40], Affine::IDENTITY);
    /// let windows = Windows::new(&grid, [64; 3], [0.25; 3], WindowRule::Monai)?;
    /// assert_eq!(windows.len(), 2);
    /// assert_eq!(windows.get(1).start, [36, 0, 0]);
    /// assert_eq!(windows.padding(), [[0, 0], [2, 2], [12, 12]]);
    /// # Ok::<(), medcore::Error>(())
    /// ```
    pub fn new(grid: &Grid, window: [usize; 3], overlap: [f64; 3], rule: WindowRule) -> Result<Windows> {
        const WHO: &str = "sliding windows";
        if window.contains(&0) {
            return Err(Error::param(
                WHO,
                "window",
                format!("{window:?}"),
                "at least 1 voxel along each axis",
            ));
        }
        if let Some(o) = overlap.iter().find(|o| !(0.0..1.0).contains(*o)) {
            return Err(Error::param(WHO, "overlap", o, "a fraction of the window, from 0 to below 1"));
        }
        if grid.is_empty() {
            return Err(Error::shape(WHO, format!("{:?} voxels", grid.shape), "a volume with voxels"));
        }
        let before = [0, 1, 2].map(|i| window[i].saturating_sub(grid.shape[i]) / 2);
        let starts = [0, 1, 2].map(|i| rule.starts(grid.shape[i].max(window[i]), window[i], overlap[i]));
        Ok(Windows { grid: *grid, window, before, starts, rule })
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.starts.iter().map(Vec::len).product()
    }

    /// Never: there is at least one window.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The window's shape (x, y, z).
    pub fn window(&self) -> [usize; 3] {
        self.window
    }

    /// The rule by which they lie.
    pub fn rule(&self) -> WindowRule {
        self.rule
    }

    /// The volume's grid, without padding.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Voxels to be added before and after each axis (x, y, z), so that windows fit.
    pub fn padding(&self) -> [[usize; 2]; 3] {
        let padded = self.padded();
        [0, 1, 2].map(|i| [self.before[i], padded[i] - self.grid.shape[i] - self.before[i]])
    }

    /// Shape after padding.
    pub fn padded(&self) -> [usize; 3] {
        [0, 1, 2].map(|i| self.grid.shape[i].max(self.window[i]))
    }

    /// The window of this number, in voxels of the padded volume.
    ///
    /// # Panics
    /// If there is no such window.
    pub fn get(&self, index: usize) -> Box3 {
        let [_, y, z] = [0, 1, 2].map(|i| self.starts[i].len());
        assert!(index < self.len(), "window {index} of {}", self.len());
        let at = [index / (y * z), index / z % y, index % z];
        Box3 { start: [0, 1, 2].map(|i| self.starts[i][at[i]]), shape: self.window }
    }
}
