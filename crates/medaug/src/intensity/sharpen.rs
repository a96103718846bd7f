use std::sync::Arc;

use medcore::{Category, Declared, Dist, Facts, Filter, FilterTile, Key, Of, Result, Step, Transform};
use medkernels::points;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
        let filter = Step::Filter(Filter {
            label: format!("sharpen by {strength:.4}"),
            halo: [1; 3],
            run: Arc::new(move |tile: &FilterTile<'_>, out: &mut [f32]| {
                sharpen(tile, strength, out);
                Ok(())
            }),
        });
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
    let (have, want) = (tile.input, tile.output);
    let [nx, ny, _] = want.shape;
    // A row of the input, beyond an edge the row at the edge.
    let row = |y: i64, z: i64| {
        let y = y.clamp(0, tile.domain[1] as i64 - 1) as usize - have.start[1];
        let z = z.clamp(0, tile.domain[2] as i64 - 1) as usize - have.start[2];
        &tile.voxels[have.shape[0] * (y + have.shape[1] * z)..][..have.shape[0]]
    };
    let left = want.start[0] - have.start[0];
    for (n, out) in out.chunks_mut(nx.max(1)).enumerate() {
        let (y, z) = ((want.start[1] + n % ny) as i64, (want.start[2] + n / ny) as i64);
        let middle = row(y, z);
        let around = [row(y - 1, z), row(y + 1, z), row(y, z - 1), row(y, z + 1)];
        let around = around.map(|r| &r[left..left + nx]);
        for (i, v) in out.iter_mut().enumerate() {
            let x = middle[left + i];
            let beside = middle[(left + i).saturating_sub(1)] + middle[(left + i + 1).min(middle.len() - 1)];
            let above = (around[0][i] + around[1][i]) + (around[2][i] + around[3][i]);
            *v = x + (6.0 * x - (beside + above)) * strength;
        }
    }
}
