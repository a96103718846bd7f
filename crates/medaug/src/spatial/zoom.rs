use medcore::{Category, Declared, Dist, Error, Facts, Grid, Key, PerAxis, Result, Step, Transform, Warp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop_or_pad::before;
use super::pad::{PadMode, placed};
use super::resample::centred;
use super::sampling::{LabelInterpolation, Resampling};

/// Magnify the content; the grid stays, or its shape follows.
///
/// The volume is sampled on `floor(n * factor)` voxels over its field of view, and cropped or padded about the centre to its old shape, as MONAI's `Zoom`
/// does with `mode="trilinear"`. Landmarks move with the content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "Zoom, RandZoom"}))]
pub struct Zoom {
    /// Magnification along x, y, z; one value is drawn for all axes.
    pub factor: PerAxis<Dist>,
    /// Whether the result has the shape of the volume.
    pub keep_shape: bool,
    /// How images are sampled between voxels.
    pub interpolation: Resampling,
    /// How labels are sampled between voxels: `nearest`, or `linear` for the label with the largest share of the neighbours.
    pub label_interpolation: LabelInterpolation,
    /// What is added where the zoomed volume is smaller.
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    pub value: f64,
    /// The label added in mode `constant`.
    pub label_value: i64,
}

impl Default for Zoom {
    fn default() -> Zoom {
        Zoom {
            factor: PerAxis::All(1.1.into()),
            keep_shape: true,
            interpolation: Resampling::Linear,
            label_interpolation: LabelInterpolation::Nearest,
            mode: PadMode::Edge,
            value: 0.0,
            label_value: 0,
        }
    }
}

impl Declared for Zoom {
    const NAME: &'static str = "zoom";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("factor");
}

impl Transform for Zoom {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.factor.within(Self::NAME, "factor", 1e-3, 1e3)?;
        let factor = self.factor.draw(key.text("factor"));
        let n = at.grid.shape;
        let shape = [0, 1, 2].map(|a| (n[a] as f64 * factor[a]).floor() as usize);
        if shape.contains(&0) {
            let wanted = format!("one voxel at least of {n:?}");
            return Err(Error::param(Self::NAME, "factor", format!("{factor:?}"), wanted));
        }
        if shape == n {
            return Ok(vec![]);
        }
        let ratio = [0, 1, 2].map(|a| n[a] as f64 / shape[a] as f64);
        let label = format!("zoom {n:?} to {shape:?}");
        // Voxels keep their size: what they show is larger.
        let grid = Grid::new(shape, at.grid.affine);
        let zoomed = Warp {
            grid,
            label_sampler: self.label_interpolation.into(),
            deforms: true,
            ..centred(label, at.grid, shape, ratio, self.interpolation.into())
        };
        let mut steps = vec![Step::Warp(zoomed)];
        if self.keep_shape {
            let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
            let cut = placed(format!("crop or pad to {n:?}"), &grid, before(shape, n), n, outside);
            if let Some(Step::Warp(cut)) = cut {
                steps.push(Step::Warp(Warp { grid: *at.grid, deforms: true, ..cut }));
            }
        }
        Ok(steps)
    }
}
