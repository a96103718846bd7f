use medcore::{Category, Declared, Error, Facts, Items, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::{PadMode, placed};

/// Cut out patches at random places, the same for every item of the sample. With `count` above 1 the sample becomes that many.
///
/// Every start that keeps the patch inside the volume is equally likely, the last one included. Axes shorter than the patch are padded about
/// the centre. Corresponds to MONAI's `RandSpatialCropSamples` with `random_size=False`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
}

fn one() -> usize {
    1
}

impl Declared for RandomCrop {
    const NAME: &'static str = "random_crop";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
    const RANDOM: bool = true;
}

impl Transform for RandomCrop {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let shape = self.shape.each();
        if shape.iter().any(|&m| m == 0 || m >= 1 << 31) {
            return Err(Error::param(Self::NAME, "shape", format!("{shape:?}"), "1 to 2^31 voxels per axis"));
        }
        if self.count == 0 || self.count > 1 << 20 {
            return Err(Error::param(Self::NAME, "count", self.count, "1 to 2^20"));
        }
        let boundary = self.mode.boundary(Self::NAME, self.value)?;
        let patch = |number: usize| -> Vec<Step> {
            let draw = key.text("start").index(number as u64);
            let before = [0, 1, 2].map(|i| {
                let (n, m) = (at.grid.shape[i], shape[i]);
                if m > n {
                    ((m - n) / 2) as i64
                } else {
                    -(draw.index(i as u64).below((n - m + 1) as u64) as i64)
                }
            });
            let label = format!("crop {shape:?} from {:?}", before.map(|b| -b));
            placed(label, at.grid, before, shape, boundary).into_iter().collect()
        };
        if self.count == 1 {
            return Ok(patch(0));
        }
        Ok(vec![Step::Items(Items::Split((0..self.count).map(patch).collect()))])
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
