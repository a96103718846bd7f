use std::sync::Arc;

use medcore::{Category, Declared, Facts, Keep, Key, Measure, Of, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{Outside, placed};

/// Crop to the smallest box that holds all foreground voxels. A volume without foreground is kept whole.
///
/// Corresponds to MONAI's `CropForeground` (with `allow_smaller=True`: a margin never reaches beyond the volume).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "CropForeground"}))]
pub struct CropForeground {
    /// Voxels above this value are foreground.
    pub above: f64,
    /// Voxels kept around the box along x, y, z, as far as the volume reaches.
    pub margin: PerAxis<usize>,
    /// The box is grown to a multiple of this many voxels per axis, with zeros where the volume ends.
    pub divisible: usize,
    /// The item whose foreground counts; the first image if not given.
    pub source: Option<String>,
}

impl Default for CropForeground {
    fn default() -> CropForeground {
        CropForeground { above: 0.0, margin: PerAxis::All(0), divisible: 1, source: None }
    }
}

impl Declared for CropForeground {
    const NAME: &'static str = "crop_foreground";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("above");
}

impl Transform for CropForeground {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        if self.divisible == 0 || self.divisible > 1 << 20 {
            return Err(medcore::Error::param(Self::NAME, "divisible", self.divisible, "1 to 2^20"));
        }
        let (grid, margin, k) = (*at.grid, self.margin.each(), self.divisible);
        let then = move |m: &medcore::Measured| {
            let Some([start, end]) = m.bounds else { return Ok(vec![]) };
            let (mut before, mut shape) = ([0i64; 3], [0; 3]);
            for i in 0..3 {
                let low = start[i].saturating_sub(margin[i]);
                let high = end[i].saturating_add(margin[i]).min(grid.shape[i]);
                let size = (high - low).div_ceil(k) * k;
                // What divisibility adds is split as evenly as it goes, the odd voxel behind.
                let first = low as i64 - ((size - (high - low)) / 2) as i64;
                before[i] = -first;
                shape[i] = size;
            }
            let label = format!("crop to the foreground, {shape:?} from {:?}", before.map(|b| -b));
            Ok(placed(label, &grid, before, shape, Outside::ZEROS).into_iter().collect())
        };
        Ok(vec![Step::Measure(Measure {
            label: "crop to the box of the foreground".into(),
            item: self.source.clone(),
            of: Of::Box,
            keep: Keep::Above(self.above),
            per_channel: false,
            then: Arc::new(then),
        })])
    }
}
