use medcore::{Category, Declared, Dist, Facts, Filter, FilterTile, Key, Of, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::neighbours::with_neighbours;
use crate::measured::measured;

/// Add a multiple of the negative Laplacian: each voxel plus `strength` times its differences to the six voxels around it.
///
/// Beyond the volume's edge lies the edge voxel again. Corresponds to batchgeneratorsv2's `SharpeningTransform`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"batchgeneratorsv2": "SharpeningTransform"}))]
pub struct Sharpen {
    /// What the differences are multiplied by, not below 0.
    pub strength: Dist,
    /// Whether values are held in the range that the image had.
    pub keep_range: bool,
    /// Whether each channel (or frame) has its own range.
    pub channel_wise: bool,
}

impl Default for Sharpen {
    fn default() -> Sharpen {
        Sharpen { strength: 0.2.into(), keep_range: false, channel_wise: false }
    }
}

impl Declared for Sharpen {
    const NAME: &'static str = "sharpen";
    const CATEGORY: Category = Category::Intensity;
    const MAIN: Option<&'static str> = Some("strength");
}

impl Transform for Sharpen {
    fn plan(&self, _: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.strength.within(Self::NAME, "strength", 0.0, 1e6)?;
        let strength = self.strength.draw(key.text("strength")) as f32;
        let run = move |tile: &FilterTile<'_>, out: &mut [f32]| {
            sharpen(tile, strength, out);
            Ok(())
        };
        let filter = Step::Filter(Filter::new(format!("sharpen by {strength:.4}"), [1; 3], run));
        if !self.keep_range {
            return Ok(vec![filter]);
        }
        Ok(vec![measured("within the range of the voxels", Of::Extent, self.channel_wise, move |m| {
            let [low, high] = m.extent.map(|v| v as f32);
            let hold = Step::point_from(format!("hold from {low} to {high}"), move |row| {
                points::clamp(row, low, high);
            });
            Ok(vec![filter.clone(), hold])
        })])
    }
}

fn sharpen(tile: &FilterTile<'_>, strength: f32, out: &mut [f32]) {
    with_neighbours(tile, out, |v, [[before, after], [up, down], [front, behind]]| {
        let beside = before + after;
        let above = (up + down) + (front + behind);
        v + (6.0 * v - (beside + above)) * strength
    });
}
