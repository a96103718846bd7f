use medcore::{Category, Declared, Facts, Keep, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop_foreground::Around;

/// Crop to the smallest box that holds all voxels of some labels. A volume without them is kept whole.
///
/// All items are cropped alike. Corresponds to MONAI's `CropForeground` with a label as `source_key` (with `allow_smaller=True`: a margin never reaches beyond the volume).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "CropForeground", "TorchIO": "CropOrPad", "SimpleITK": "LabelShapeStatisticsImageFilter"}))]
pub struct CropToLabel {
    /// The labels; all but 0 if there are none.
    pub values: Vec<i64>,
    /// The label item; the first one if not given.
    pub label: Option<String>,
    /// Voxels kept around the box along x, y, z, as far as the volume reaches.
    pub margin: PerAxis<usize>,
    /// The box is grown to a multiple of this many voxels per axis, with zeros where the volume ends.
    pub divisible: usize,
}

impl Default for CropToLabel {
    fn default() -> CropToLabel {
        CropToLabel { values: vec![], label: None, margin: PerAxis::All(0), divisible: 1 }
    }
}

impl Declared for CropToLabel {
    const NAME: &'static str = "crop_to_label";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("values");
}

impl Transform for CropToLabel {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let label = at.label(Self::NAME, self.label.as_deref())?;
        let around = Around { grid: *at.grid, margin: self.margin.each(), divisible: self.divisible };
        let keep = if self.values.is_empty() { Keep::Nonzero } else { Keep::Values(self.values.clone()) };
        around.measured(Self::NAME, "labels", Some(label.name.clone()), keep)
    }
}
