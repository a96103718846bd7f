use medcore::{Category, Declared, Error, Facts, Key, PerAxis, Result, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pad::Outside;
use super::patches::Patches;

/// Cut out a patch of random shape at a random place, the same for every item of the sample.
///
/// Along each axis the length is drawn by itself, every number of voxels from the smallest to the largest equally likely; a range given as shares
/// of the volume is rounded up to voxels. Corresponds to MONAI's `RandSpatialCrop` with `random_size=True` (`smallest` and `largest` are its `roi_size`
/// and `max_roi_size`) and to `RandScaleCrop` (`unit: share`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {"MONAI": "RandSpatialCrop, RandScaleCrop"}))]
pub struct RandomSizedCrop {
    /// The shortest length along x, y, z.
    pub smallest: PerAxis<f64>,
    /// The greatest length along x, y, z; the volume's if not given. No patch is longer than the volume.
    #[serde(default)]
    pub largest: Option<PerAxis<f64>>,
    /// What lengths are counted in.
    #[serde(default)]
    pub unit: CropUnit,
    /// Where the patch lies.
    #[serde(default)]
    pub place: CropPlace,
}

/// What lengths of a patch are counted in: `voxels`, or `share` of the volume's (0 to 1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CropUnit {
    /// Voxels.
    #[default]
    Voxels,
    /// Shares of the volume.
    Share,
}

/// Where a patch lies: `random`, every place inside the volume equally likely, or `centre`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CropPlace {
    /// Anywhere.
    #[default]
    Random,
    /// About the centre, as `crop_or_pad`.
    Centre,
}

impl Declared for RandomSizedCrop {
    const NAME: &'static str = "random_sized_crop";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("smallest");
    const RANDOM: bool = true;
}

impl RandomSizedCrop {
    /// Voxels of a length along an axis of `n`.
    fn voxels(&self, name: &str, length: f64, n: usize) -> Result<usize> {
        let (voxels, wanted) = match self.unit {
            CropUnit::Voxels => (length, "whole numbers of voxels above 0"),
            CropUnit::Share => ((length * n as f64).ceil(), "shares above 0"),
        };
        if !(length > 0.0 && voxels < (1u64 << 31) as f64 && voxels.fract() == 0.0) {
            return Err(Error::param(Self::NAME, name, length, wanted));
        }
        Ok((voxels as usize).min(n.max(1)))
    }
}

impl Transform for RandomSizedCrop {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        let n = at.grid.shape;
        let (smallest, largest) = (self.smallest.each(), self.largest.as_ref().map(PerAxis::each));
        let mut shape = [0; 3];
        for a in 0..3 {
            let low = self.voxels("smallest", smallest[a], n[a])?;
            let high = match largest {
                Some(l) => self.voxels("largest", l[a], n[a])?,
                None => n[a],
            };
            if low > high {
                let wanted = format!("at least smallest, {}", smallest[a]);
                return Err(Error::param(Self::NAME, "largest", format!("{largest:?}"), wanted));
            }
            let draw = key.text("shape").index(a as u64).below((high - low + 1) as u64);
            shape[a] = low + draw as usize;
        }
        let patches = Patches::new(Self::NAME, &PerAxis::Each(shape), 1, Outside::ZEROS)?;
        let start = match self.place {
            CropPlace::Random => patches.anywhere(n, key.text("start")),
            CropPlace::Centre => super::crop_or_pad::before(n, shape).map(|b| -b),
        };
        Ok(patches.patch(at.grid, start, ""))
    }
}
