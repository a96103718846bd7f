use medcore::{Category, Declared, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::patches::{Patches, one};

/// Cut out patches at random places, the same for every item of the sample. With `count` above 1 the sample becomes that many.
///
/// Every start that keeps the patch inside the volume is equally likely, the last one included. Axes shorter than the patch are padded about
/// the centre. Corresponds to MONAI's `RandSpatialCropSamples` with `random_size=False`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandSpatialCrop, RandSpatialCropSamples",
    "TorchIO": "UniformSampler"
}))]
pub struct RandomCrop {
    /// Voxels of a patch along x, y, z.
    pub shape: PerAxis<usize>,
    /// Number of patches.
    #[serde(default = "one")]
    pub count: usize,
    /// What is added where the volume is smaller than the patch.
    #[serde(default)]
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    #[serde(default)]
    pub value: f64,
    /// The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
    #[serde(default)]
    pub label_value: i64,
}

impl Declared for RandomCrop {
    const NAME: &'static str = "random_crop";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
    const RANDOM: bool = true;
}

impl Transform for RandomCrop {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let patches = Patches::new(Self::NAME, &self.shape, self.count, outside)?;
        let starts: Vec<_> = (0..self.count as u64)
            .map(|n| (patches.anywhere(at.grid.shape, key.text("start").index(n)), String::new()))
            .collect();
        Ok(patches.cut(at.grid, &starts))
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
