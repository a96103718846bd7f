use medcore::{Category, Declared, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{PadMode, placed};

/// Crop or pad each axis about the centre to the given shape. The world stays in place.
///
/// Where a difference is odd, the extra voxel is where MONAI's `ResizeWithPadOrCrop` puts it: padding adds it behind, cropping starts at
/// `n // 2 - m // 2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropOrPad {
    /// Voxels along x, y, z.
    pub shape: PerAxis<usize>,
    /// What is added where the volume is too small.
    #[serde(default)]
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    #[serde(default)]
    pub value: f64,
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
        let boundary = self.mode.boundary(Self::NAME, self.value)?;
        let label = format!("crop or pad {n:?} to {shape:?}");
        Ok(placed(label, at.grid, before(n, shape), shape, boundary).into_iter().collect())
    }
}
