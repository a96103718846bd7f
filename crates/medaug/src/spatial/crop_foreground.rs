use std::sync::Arc;

use medcore::{
    Category, Declared, Error, Facts, Grid, Keep, Key, Measure, Of, PerAxis, Result, Step, Transform,
};
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

/// The part of a volume around a box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub(crate) grid: Grid,
    /// Voxels around the box, as far as the volume reaches.
    pub(crate) margin: [usize; 3],
    /// The part's shape is a multiple of this.
    pub(crate) divisible: usize,
}

impl Around {
    /// The crop to the box; nothing where there is none.
    pub(crate) fn crop(&self, of: &str, bounds: Option<[[usize; 3]; 2]>) -> Vec<Step> {
        let Some([start, end]) = bounds else { return vec![] };
        let (mut before, mut shape, k) = ([0i64; 3], [0; 3], self.divisible);
        for i in 0..3 {
            let low = start[i].saturating_sub(self.margin[i]);
            let high = end[i].saturating_add(self.margin[i]).min(self.grid.shape[i]);
            let size = (high - low).div_ceil(k) * k;
            // What divisibility adds is split as evenly as it goes, the odd voxel behind.
            let first = low as i64 - ((size - (high - low)) / 2) as i64;
            before[i] = -first;
            shape[i] = size;
        }
        let label = format!("crop to {of}, {shape:?} from {:?}", before.map(|b| -b));
        placed(label, &self.grid, before, shape, Outside::ZEROS).into_iter().collect()
    }

    /// The measurement of a box of an item, and the crop to it.
    pub(crate) fn measured(
        self,
        transform: &str,
        of: &'static str,
        item: Option<String>,
        keep: Keep,
    ) -> Result<Vec<Step>> {
        if !(1..=1 << 20).contains(&self.divisible) {
            return Err(Error::param(transform, "divisible", self.divisible, "1 to 2^20"));
        }
        Ok(vec![Step::Measure(Measure {
            label: format!("crop to the box of {of}"),
            item,
            of: Of::Box,
            keep,
            per_channel: false,
            then: Arc::new(move |m| Ok(self.crop(of, m.bounds))),
        })])
    }
}

impl Transform for CropForeground {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let around = Around { grid: *at.grid, margin: self.margin.each(), divisible: self.divisible };
        around.measured(Self::NAME, "the foreground", self.source.clone(), Keep::Above(self.above))
    }
}
