use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{
    Category, Declared, Error, Facts, Grid, Keep, Key, Measure, Measured, Of, PerAxis, Place, Result, Role,
    Step, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chosen::{Aim, Choice, Chosen, Labels, Look};
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

/// What the patches of one volume are cut by.
#[derive(Debug, Clone)]
struct Cutting {
    of: RandomCropByLabel,
    label: String,
    patches: Patches,
    grid: Grid,
    key: Key,
    places: Vec<Place>,
}

impl Cutting {
    fn draw(&self, patch: usize) -> Key {
        self.key.text("patch").index(patch as u64)
    }

    /// Whether a patch lies around a voxel of the labels that are looked for first, if this share of the patches does.
    fn wants(&self, patch: usize, share: f64) -> bool {
        if self.of.forced.is_some() && self.of.forced_by == ForcedBy::Place {
            let place = &self.places[patch];
            return place.row >= (place.of as f64 * (1.0 - share)).round_ties_even() as usize;
        }
        self.draw(patch).text("share").uniform() < share
    }

    /// The values that have to be counted to begin with; all if not given.
    fn values(&self) -> Option<Vec<i64>> {
        if let Some(share) = self.of.forced
            && !(0..self.places.len()).any(|patch| self.wants(patch, share))
        {
            return Some(vec![]);
        }
        let classes = self.of.classes.as_ref()?;
        Some(classes.iter().filter(|(_, weight)| **weight > 0.0).map(|(value, _)| *value).collect())
    }

    /// Looks where labels lie; then come other steps.
    fn look(
        &self,
        of: Of,
        keep: Keep,
        then: impl Fn(&Measured) -> Result<Vec<Step>> + Send + Sync + 'static,
    ) -> Vec<Step> {
        vec![Step::Measure(Measure {
            label: format!("crop around voxels by the label {:?}", self.label),
            item: Some(self.label.clone()),
            of,
            keep,
            per_channel: false,
            then: Arc::new(then),
        })]
    }

    fn count(
        self,
        values: Option<Vec<i64>>,
        keep: Keep,
        then: impl Fn(&Cutting, Look) -> Result<Vec<Step>> + Send + Sync + 'static,
    ) -> Vec<Step> {
        let inside = self.patches.centres(self.grid.shape);
        self.clone().look(Of::Classes { inside, values }, keep.clone(), move |m| {
            then(&self, Look { labels: Labels::of(m), keep: keep.clone() })
        })
    }

    /// The steps once one kind of labels was looked for.
    fn chosen(&self, look: Look) -> Result<Vec<Step>> {
        let counts = look.labels.counts(&self.patches.centres(self.grid.shape));
        let classes = self.of.classes.as_ref();
        let choice = Choice::new(0, &counts, |value, _| match classes {
            Some(classes) => classes.get(&value).copied().unwrap_or(0.0),
            None => f64::from(u8::from(value > 0)),
        });
        let one = |patch: usize| match self.of.forced {
            Some(share) if !self.wants(patch, share) => Aim::Anywhere,
            _ => choice.draw(self.draw(patch)),
        };
        self.cut((0..self.places.len()).map(one).collect(), vec![look])
    }

    /// The steps once it is known where foreground lies; background is where `limit` says.
    fn foreground(&self, fore: Look, limit: Option<&Keep>) -> Result<Vec<Step>> {
        let Some(limit) = limit else { return self.apart(vec![fore]) };
        // It is looked for only where a patch may lie around it.
        let share = self.of.foreground.unwrap_or(0.5);
        let counts = fore.labels.counts(&self.patches.centres(self.grid.shape));
        let none = !counts.iter().any(|&(value, count)| value != 0 && count > 0);
        let values = if none || (0..self.places.len()).any(|patch| !self.wants(patch, share)) {
            vec![0]
        } else {
            vec![]
        };
        Ok(self
            .clone()
            .count(Some(values), limit.clone(), move |this, back| this.apart(vec![fore.clone(), back])))
    }

    /// The steps once it is known where foreground and background lie, by one look or two.
    fn apart(&self, looks: Vec<Look>) -> Result<Vec<Step>> {
        let inside = self.patches.centres(self.grid.shape);
        let by_count = |fore: bool| move |v: i64, n: u64| if (v != 0) == fore { n as f64 } else { 0.0 };
        let counts: Vec<_> = looks.iter().map(|look| look.labels.counts(&inside)).collect();
        let last = looks.len() - 1;
        let fore = Choice::new(0, &counts[0], by_count(true));
        let back = Choice::new(last, &counts[last], by_count(false));
        let wanted = self.of.foreground.unwrap_or(0.5);
        let one = |patch: usize| {
            let share = if fore.classes.is_empty() {
                0.0
            } else if back.classes.is_empty() {
                1.0
            } else {
                wanted
            };
            let choice = if self.wants(patch, share) { &fore } else { &back };
            choice.draw(self.draw(patch))
        };
        self.cut((0..self.places.len()).map(one).collect(), looks)
    }

    /// The steps once it is drawn what each patch lies around.
    fn cut(&self, mut aims: Vec<Aim>, looks: Vec<Look>) -> Result<Vec<Step>> {
        let inside = self.patches.centres(self.grid.shape);
        for (n, look) in looks.iter().enumerate() {
            match &look.labels {
                Labels::Index(index) => {
                    for aim in &mut aims {
                        let Some(chosen) = aim.open(n) else { continue };
                        let voxel = if inside.shape == index.shape() {
                            index.voxel(chosen.value, chosen.number)
                        } else {
                            index.voxel_in(chosen.value, &inside, chosen.number)
                        };
                        if voxel.is_some() {
                            chosen.voxel = voxel;
                        } else {
                            *aim = Aim::Nothing;
                        }
                    }
                }
                Labels::Rows(rows) => {
                    let open = aims.iter_mut().filter_map(|aim| aim.open(n));
                    let wanted: Vec<(i64, u64)> = open.map(|c| (c.value, c.number)).collect();
                    if wanted.is_empty() {
                        continue;
                    }
                    let (of, keep) = (Of::Voxels { rows: rows.clone(), wanted }, look.keep.clone());
                    let cutting = self.clone();
                    return Ok(self.look(of, keep, move |m| {
                        let mut aims = aims.clone();
                        let open = aims.iter_mut().filter_map(|aim| aim.open(n));
                        open.zip(&m.drawn).for_each(|(chosen, voxel)| chosen.voxel = Some(*voxel));
                        cutting.cut(aims, looks.clone())
                    }));
                }
            }
        }
        let start = |(patch, aim): (usize, &Aim)| {
            match aim {
                Aim::Voxel(Chosen { value, voxel: Some(voxel), .. }) => {
                    let start = self.patches.around(self.grid.shape, *voxel);
                    return Ok((start, format!(" around {voxel:?}, label {value}")));
                }
                Aim::Anywhere => {}
                Aim::Nothing | Aim::Voxel(_) => {
                    self.of.absent.check(RandomCropByLabel::NAME, "no voxel that can be chosen")?;
                }
            }
            Ok((self.patches.anywhere(self.grid.shape, self.draw(patch).text("start")), String::new()))
        };
        let starts = aims.iter().enumerate().map(start).collect::<Result<Vec<_>>>()?;
        Ok(self.patches.cut(&self.grid, &starts))
    }
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
        if self.classes.is_some() || self.forced.is_some() {
            let values = cutting.values();
            return Ok(cutting.count(values, limit.unwrap_or(Keep::All), Cutting::chosen));
        }
        // Foreground counts wherever it is.
        Ok(cutting.count(None, Keep::All, move |this, fore| this.foreground(fore, limit.as_ref())))
    }

    fn patches(&self) -> Option<usize> {
        Some(self.count)
    }
}
