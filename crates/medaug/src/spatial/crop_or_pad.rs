use medcore::{Category, Declared, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{PadMode, placed};

/// Crop or pad each axis about the centre to the given shape. The world stays in place.
///
/// Where a difference is odd, the extra voxel is where MONAI's `ResizeWithPadOrCrop` puts it, unless `odd` says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "ResizeWithPadOrCrop", "TorchIO": "CropOrPad"}))]
pub struct CropOrPad {
    /// Voxels along x, y, z.
    pub shape: PerAxis<usize>,
    /// What is added where the volume is too small.
    #[serde(default)]
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    #[serde(default)]
    pub value: f64,
    /// The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
    #[serde(default)]
    pub label_value: i64,
    /// Where the middle lies if a difference is odd.
    #[serde(default)]
    pub odd: OddVoxel,
}

/// Which end an odd voxel is added to or taken from: `monai` (`ResizeWithPadOrCrop`: added behind, and crops start at `n // 2 - m // 2`) or `torchio`
/// (`CropOrPad`: added and taken in front).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OddVoxel {
    /// As MONAI and nnU-Net.
    #[default]
    Monai,
    /// As TorchIO.
    Torchio,
}

impl Declared for CropOrPad {
    const NAME: &'static str = "crop_or_pad";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
}

/// Voxels added before the first of each axis (negative: cropped) where `n` become `m` about the centre.
pub(crate) fn before(n: [usize; 3], m: [usize; 3]) -> [i64; 3] {
    [0, 1, 2].map(|i| {
        let (n, m) = (n[i] as i64, m[i] as i64);
        if m >= n { (m - n) / 2 } else { m / 2 - n / 2 }
    })
}

impl Transform for CropOrPad {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let shape = self.shape.each();
        if shape.iter().any(|&m| m == 0 || m >= 1 << 31) {
            return Err(Error::param(Self::NAME, "shape", format!("{shape:?}"), "1 to 2^31 voxels per axis"));
        }
        let n = at.grid.shape;
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let label = format!("crop or pad {n:?} to {shape:?}");
        let first = match self.odd {
            OddVoxel::Monai => before(n, shape),
            // Half of the difference, rounded away from nothing.
            OddVoxel::Torchio => [0, 1, 2].map(|i| {
                let more = shape[i] as i64 - n[i] as i64;
                more / 2 + more % 2
            }),
        };
        Ok(placed(label, at.grid, first, shape, outside).into_iter().collect())
    }
}
