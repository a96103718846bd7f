use medcore::{
    Category, Declared, Error, Facts, Items, Key, PerAxis, Result, Step, Transform, WindowRule, Windows,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::PadMode;
use super::patches::Patches;

/// Cut the whole volume into patches that cover every voxel; the sample becomes as many as its shape needs.
///
/// Patches lie where the windows of sliding-window inference lie, in the same order (z fastest), by the rule that is chosen. Axes shorter than the patch are padded
/// about the centre. Corresponds to TorchIO's `GridSampler`, and to the windows of MONAI's `sliding_window_inference` (`dense_patch_slices`) and of nnU-Net's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "GridPatch, inferers.sliding_window_inference",
    "TorchIO": "GridSampler"
}))]
pub struct GridCrop {
    /// Voxels of a patch along x, y, z.
    pub shape: PerAxis<usize>,
    /// How much of a patch its neighbours have in common with it, from 0 to below 1; the rule rounds it to voxels, and more where the volume ends.
    #[serde(default = "none")]
    pub overlap: PerAxis<f64>,
    /// Whose rule places the patches.
    #[serde(default)]
    pub rule: WindowRule,
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

fn none() -> PerAxis<f64> {
    PerAxis::All(0.0)
}

impl Declared for GridCrop {
    const NAME: &'static str = "grid_crop";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
}

impl Transform for GridCrop {
    fn plan(&self, at: &Facts<'_>, _: Key) -> Result<Vec<Step>> {
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let patches = Patches::new(Self::NAME, &self.shape, 1, outside)?;
        let windows = Windows::new(at.grid, patches.shape, self.overlap.each(), self.rule);
        let windows = windows.map_err(|e| match e {
            Error::Param { name, found, wanted, .. } => Error::param(Self::NAME, &name, found, wanted),
            e => e,
        })?;
        if windows.len() > Patches::MOST {
            let found = format!("{:?}, which makes {} patches", patches.shape, windows.len());
            return Err(Error::param(Self::NAME, "shape", found, "a shape that makes up to 2^20 patches"));
        }
        let before = windows.padding().map(|[before, _]| before as i64);
        let patch = |n: usize| {
            let window = windows.get(n).start;
            patches.patch(at.grid, [0, 1, 2].map(|i| window[i] as i64 - before[i]), "")
        };
        // A volume of one patch is a sample of its own too, so that later draws do not depend on how many there are.
        Ok(vec![Step::Items(Items::Split((0..windows.len()).map(patch).collect()))])
    }

    fn patches(&self) -> Option<usize> {
        None
    }
}
