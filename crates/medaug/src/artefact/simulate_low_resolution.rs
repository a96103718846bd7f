use medcore::{Category, Declared, Dist, Facts, Grid, Key, PerAxis, Result, Sampler, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spatial::resample::centred;

/// Down-sample by nearest voxel and up-sample linearly to the old grid, as a coarse scan would look.
///
/// Shapes and sampling follow nnU-Net's `SimulateLowResolutionTransform`. Never joined with another interpolation: the loss is the point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandSimulateLowResolution",
    "batchgeneratorsv2": "SimulateLowResolutionTransform"
}))]
pub struct SimulateLowResolution {
    /// Resolution along x, y, z relative to the image's, above 0, up to 1; one value is drawn for all axes.
    pub scale: PerAxis<Dist>,
}

impl Default for SimulateLowResolution {
    fn default() -> SimulateLowResolution {
        SimulateLowResolution { scale: PerAxis::All(0.5.into()) }
    }
}

impl Declared for SimulateLowResolution {
    const NAME: &'static str = "simulate_low_resolution";
    const CATEGORY: Category = Category::Artefact;
    const MAIN: Option<&'static str> = Some("scale");
}

impl Transform for SimulateLowResolution {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.scale.within(Self::NAME, "scale", 1e-3, 1.0)?;
        let scale = self.scale.draw(key.text("scale"));
        let n = at.grid.shape;
        // Halves to even, as Python's `round`.
        let low = [0, 1, 2].map(|i| ((n[i] as f64 * scale[i]).round_ties_even() as usize).max(1));
        if low == n {
            return Ok(vec![]);
        }
        let ratio = [0, 1, 2].map(|i| n[i] as f64 / low[i] as f64);
        Ok(down_and_up(at.grid, low, ratio))
    }
}

/// Nearest voxels on a grid of `low` voxels that are `ratio` times as large, about the same centre, and linear values between them on the grid again.
pub(crate) fn down_and_up(grid: &Grid, low: [usize; 3], ratio: [f64; 3]) -> Vec<Step> {
    let n = grid.shape;
    let down = centred(format!("down-sample {n:?} to {low:?}"), grid, low, ratio, Sampler::Nearest);
    let back = ratio.map(|r| 1.0 / r);
    let up = centred(format!("up-sample {low:?} to {n:?}"), &down.grid, n, back, Sampler::Linear);
    vec![
        Step::Warp(Warp { composable: false, ..down }),
        // The grid is the image's own, not one that rounding has moved by 1e-16.
        Step::Warp(Warp { composable: false, grid: *grid, ..up }),
    ]
}
