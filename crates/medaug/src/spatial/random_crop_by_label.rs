use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{
    Category, ClassIndex, Declared, Error, Facts, Grid, Keep, Key, Measure, Of, PerAxis, Place, Result, Role,
    Step, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// Voxels of some labels, and how likely each label is.
struct Choice {
    index: Arc<ClassIndex>,
    /// Value, voxels that can be chosen, weight so far.
    classes: Vec<(i64, u64, f64)>,
}

impl Choice {
    fn draw(&self, patches: &Patches, draw: Key) -> Option<(i64, [usize; 3])> {
        let &(_, _, total) = self.classes.last()?;
        let aim = draw.text("class").uniform() * total;
        let at = self.classes.partition_point(|c| c.2 <= aim).min(self.classes.len() - 1);
        let (value, count, _) = self.classes[at];
        let (inside, n) = (patches.centres(self.index.shape()), draw.text("voxel").below(count));
        let voxel = if inside.shape == self.index.shape() {
            self.index.voxel(value, n)
        } else {
            self.index.voxel_in(value, &inside, n)
        };
        Some((value, voxel?))
    }
}

/// What the patches of one volume are cut by.
#[derive(Debug, Clone)]
struct Cutting {
    of: RandomCropByLabel,
    patches: Patches,
    grid: Grid,
    key: Key,
    places: Vec<Place>,
}

impl Cutting {
    /// The labels that weight is given to (by value and number of voxels), where there are voxels to choose.
    fn choice(&self, index: &Arc<ClassIndex>, weight: impl Fn(i64, u64) -> f64) -> Choice {
        let inside = self.patches.centres(index.shape());
        let mut so_far = 0.0;
        let class = |value: i64| {
            let count = if inside.shape == index.shape() {
                index.count(value)
            } else {
                index.count_in(value, &inside)
            };
            let weight = if count > 0 { weight(value, count) } else { 0.0 };
            so_far += weight;
            (weight > 0.0).then_some((value, count, so_far))
        };
        let classes = index.values().filter_map(class).collect();
        Choice { index: index.clone(), classes }
    }

    /// The steps once it is known where labels lie; `background` is told apart where an image limits it.
    fn steps(&self, index: &Arc<ClassIndex>, background: Option<&Arc<ClassIndex>>) -> Result<Vec<Step>> {
        let by_count = |fore: bool| move |v: i64, n: u64| if (v != 0) == fore { n as f64 } else { 0.0 };
        let (main, other, share) = match (&self.of.classes, self.of.forced) {
            (Some(classes), forced) => {
                (self.choice(index, |v, _| classes.get(&v).copied().unwrap_or(0.0)), None, forced)
            }
            (None, Some(_)) => (self.choice(index, |v, _| f64::from(u8::from(v > 0))), None, self.of.forced),
            (None, None) => {
                let (fore, back) = (
                    self.choice(index, by_count(true)),
                    self.choice(background.unwrap_or(index), by_count(false)),
                );
                let share = if fore.classes.is_empty() {
                    0.0
                } else if back.classes.is_empty() {
                    1.0
                } else {
                    self.of.foreground.unwrap_or(0.5)
                };
                (fore, Some(back), Some(share))
            }
        };
        let starts = self.places.iter().enumerate().map(|(n, place)| {
            let draw = self.key.text("patch").index(n as u64);
            let wanted = match share {
                Some(share) if self.of.forced.is_some() && self.of.forced_by == ForcedBy::Place => {
                    place.row >= (place.of as f64 * (1.0 - share)).round_ties_even() as usize
                }
                Some(share) => draw.text("share").uniform() < share,
                None => true,
            };
            let choice = if wanted { Some(&main) } else { other.as_ref() };
            match choice.map(|c| c.draw(&self.patches, draw)) {
                Some(Some((value, voxel))) => {
                    let start = self.patches.around(self.grid.shape, voxel);
                    return Ok((start, format!(" around {voxel:?}, label {value}")));
                }
                Some(None) => self.of.absent.check(RandomCropByLabel::NAME, "no voxel that can be chosen")?,
                None => {}
            }
            Ok((self.patches.anywhere(self.grid.shape, draw.text("start")), String::new()))
        });
        Ok(self.patches.cut(&self.grid, &starts.collect::<Result<Vec<_>>>()?))
    }
}

/// Where labels lie, and the steps that follow.
fn look(
    label: &str,
    keep: Keep,
    then: impl Fn(&Arc<ClassIndex>) -> Result<Vec<Step>> + Send + Sync + 'static,
) -> Vec<Step> {
    vec![Step::Measure(Measure {
        label: format!("crop around voxels by the label {label:?}"),
        item: Some(label.into()),
        of: Of::Classes,
        keep,
        per_channel: false,
        then: Arc::new(move |m| m.classes.as_ref().map_or(Ok(vec![]), &then)),
    })]
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
            of: self.clone(),
        };
        Ok(match limit {
            // Foreground counts wherever it is.
            Some(limit) if self.classes.is_none() && self.forced.is_none() => {
                let name = label.clone();
                look(&label, Keep::All, move |index| {
                    let (index, cutting) = (index.clone(), cutting.clone());
                    Ok(look(&name, limit.clone(), move |back| cutting.steps(&index, Some(back))))
                })
            }
            limit => look(&label, limit.unwrap_or(Keep::All), move |index| cutting.steps(index, None)),
        })
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
