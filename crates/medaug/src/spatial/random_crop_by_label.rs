use std::collections::BTreeMap;

use medcore::{Category, Declared, Error, Facts, Keep, Key, PerAxis, Result, Role, Step, Transform};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cutting::Cutting;
use super::pad::PadMode;
use super::patches::{Absent, Edges, Patches, one};

/// Cut out patches around voxels that are chosen by their label, the same for every item of the sample. With `count` above 1 the sample becomes that many.
///
/// One of three rules says what lies in the middle of a patch.
///
/// With `foreground` it is a voxel of any label but 0 with this probability, otherwise one of label 0 (where `image` is above `above`, if given); where the
/// volume has only one of the two it is that. This is MONAI's `RandCropByPosNegLabel`, where the probability is pos / (pos + neg).
///
/// With `classes` a label is drawn in proportion to its weight, those that the volume does not have left out, then one of its voxels. This is MONAI's
/// `RandCropByLabelClasses` and, with `edges: skip`, TorchIO's `LabelSampler`.
///
/// With `forced` this share of the patches lies around a voxel of a label above 0, each label of the volume equally likely (or by `classes`), and the others lie anywhere. This
/// is nnU-Net's oversampling of foreground, where every voxel of a label is a candidate instead of a stored choice of them.
///
/// Every voxel of a label is equally likely. The label is looked at in its own dtype, as it stands at this point of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-peers" = {
    "MONAI": "RandCropByPosNegLabel, RandCropByLabelClasses",
    "TorchIO": "LabelSampler"
}))]
pub struct RandomCropByLabel {
    /// Voxels of a patch along x, y, z. The voxel chosen has half of them before it, rounded down.
    pub shape: PerAxis<usize>,
    /// Number of patches.
    #[serde(default = "one")]
    pub count: usize,
    /// The label item; the first label if not given.
    #[serde(default)]
    pub label: Option<String>,
    /// Probability that a patch lies around foreground, from 0 to 1; 0.5 if neither this nor another rule is given.
    #[serde(default)]
    pub foreground: Option<f64>,
    /// Label value to weight.
    #[serde(default)]
    pub classes: Option<BTreeMap<i64, f64>>,
    /// Share of patches around foreground, the others anywhere, from 0 to 1.
    #[serde(default)]
    pub forced: Option<f64>,
    /// How the forced patches are found.
    #[serde(default)]
    pub forced_by: ForcedBy,
    /// Voxels are chosen only where this item is above `above`; with the rule `foreground` that holds for background alone.
    #[serde(default)]
    pub image: Option<String>,
    /// The value that `image` is compared with.
    #[serde(default)]
    pub above: f64,
    /// What happens near the volume's edge. `{nnunet: n}`: patches may reach beyond it by half of `n` voxels (nnU-Net's patch that is loaded less the one that is kept), and
    /// behind the volume as far as a chosen voxel needs: nnU-Net's loader.
    #[serde(default)]
    pub edges: Edges,
    /// What happens where no voxel can be chosen.
    #[serde(default)]
    pub absent: Absent,
    /// What is added where a patch reaches beyond the volume.
    #[serde(default)]
    pub mode: PadMode,
    /// The value added in mode `constant`, in real units.
    #[serde(default)]
    pub value: f64,
    /// The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
    #[serde(default)]
    pub label_value: i64,
}

/// How it is decided which patches are forced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForcedBy {
    /// Each patch by chance.
    #[default]
    Chance,
    /// The last rows of each batch, from row `round(rows * (1 - forced))` on, half to even; without a loader a volume's patches are a batch.
    Place,
}

impl Declared for RandomCropByLabel {
    const NAME: &'static str = "random_crop_by_label";
    const CATEGORY: Category = Category::Spatial;
    const MAIN: Option<&'static str> = Some("shape");
    const RANDOM: bool = true;
}

impl RandomCropByLabel {
    fn check(&self) -> Result<()> {
        let wrong = |name, found: String, wanted| Err(Error::param(Self::NAME, name, found, wanted));
        for (name, share) in [("foreground", self.foreground), ("forced", self.forced)] {
            if let Some(s) = share.filter(|s| !(0.0..=1.0).contains(s)) {
                return wrong(name, s.to_string(), "a share from 0 to 1");
            }
        }
        if self.foreground.is_some() && (self.classes.is_some() || self.forced.is_some()) {
            return wrong(
                "foreground",
                "one of two rules".into(),
                "either foreground, or classes and forced",
            );
        }
        if let Some(classes) = &self.classes {
            let fine = classes.values().all(|w| w.is_finite() && *w >= 0.0);
            if !fine || classes.values().sum::<f64>() <= 0.0 {
                return wrong(
                    "classes",
                    format!("{classes:?}"),
                    "weights that are not negative, one above 0",
                );
            }
        }
        Ok(())
    }
}

impl Transform for RandomCropByLabel {
    fn plan(&self, at: &Facts<'_>, key: Key) -> Result<Vec<Step>> {
        self.check()?;
        let outside = self.mode.outside(Self::NAME, self.value, self.label_value)?;
        let patches = Patches::new(Self::NAME, &self.shape, self.count, outside)?;
        let label = at.label(Self::NAME, self.label.as_deref())?.name.clone();
        let image = match &self.image {
            Some(name) => Some(at.named(Self::NAME, "image", Some(name), Role::Image)?.name.clone()),
            None => None,
        };
        let limit = image.map(|item| Keep::Where { item, above: self.above });
        let cutting = Cutting {
            patches: patches.with_edges(&self.edges),
            grid: *at.grid,
            key,
            places: (0..self.count).map(|n| at.place(n, self.count)).collect(),
            label,
            of: self.clone(),
        };
        Ok(if self.classes.is_some() || self.forced.is_some() {
            cutting.by_weight(limit.unwrap_or(Keep::All))
        } else {
            cutting.by_share(limit)
        })
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
