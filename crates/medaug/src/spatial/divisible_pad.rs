use medcore::{Category, Declared, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{PadMode, placed};

/// Pad each axis to a multiple of so many voxels, as networks that halve their input want it. The world stays in place.
///
/// Voxels are added on both sides, an odd one behind, as MONAI's `DivisiblePad` does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-peers" = {"MONAI": "DivisiblePad", "TorchIO": "EnsureShapeMultiple"}))]
pub struct DivisiblePad {
    /// Each axis becomes a multiple of this, along x, y, z; 1 leaves it as it is.
    pub multiple: PerAxis<usize>,
    /// What is added.
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    pub value: f64,
    /// The label added in mode `constant`.
    pub label_value: i64,
}

impl Default for DivisiblePad {
    fn default() -> DivisiblePad {
        DivisiblePad { multiple: PerAxis::All(16), mode: PadMode::Constant, value: 0.0, label_value: 0 }
    }
}

impl Declared for DivisiblePad {
    const NAME: &'static str = "divisible_pad";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("multiple");
}

impl Transform for DivisiblePad {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let k = self.multiple.each();
        if k.iter().any(|k| !(1..=1 << 20).contains(k)) {
            return Err(Error::param(Self::NAME, "multiple", format!("{k:?}"), "1 to 2^20 per axis"));
        }
        let n = at.grid.shape;
        let shape = [0, 1, 2].map(|i| n[i].div_ceil(k[i]) * k[i]);
        let before = [0, 1, 2].map(|i| ((shape[i] - n[i]) / 2) as i64);
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let label = format!("pad {n:?} to {shape:?}");
        Ok(placed(label, at.grid, before, shape, outside).into_iter().collect())
    }
}
