//! Cutting patches around voxels that are chosen by their label.
//!
//! A voxel of a label is found by trying some at random, which is exact: of those that have the label each is equally likely. Only where that fails, since they are rare or there are
//! none, they are counted.

use std::sync::Arc;

use medcore::{Declared, Grid, Keep, Key, Measure, Measured, Of, Place, Result, Step, Tries};

use super::chosen::{Aim, Choice, Chosen, Labels, Look};
use super::patches::Patches;
use super::random_crop_by_label::{ForcedBy, RandomCropByLabel};

/// What the patches of one volume are cut by.
#[derive(Debug, Clone)]
pub(super) struct Cutting {
    pub(super) of: RandomCropByLabel,
    pub(super) label: String,
    pub(super) patches: Patches,
    pub(super) grid: Grid,
    pub(super) key: Key,
    pub(super) places: Vec<Place>,
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

    /// Tries some patches, and counts where that does not do.
    fn count(
        self,
        values: Option<Vec<i64>>,
        keep: Keep,
        tries: Vec<(usize, Tries)>,
        then: impl Fn(&Cutting, Look) -> Result<Vec<Step>> + Send + Sync + 'static,
    ) -> Vec<Step> {
        let inside = self.patches.centres(self.grid.shape);
        let of = Of::Classes { inside, values, tries: tries.iter().map(|(_, tries)| *tries).collect() };
        self.clone().look(of, keep.clone(), move |m| then(&self, Look::of(m, keep.clone(), &inside, &tries)))
    }

    fn counts(&self, look: &Look) -> Vec<(i64, u64)> {
        look.labels.counts(&self.patches.centres(self.grid.shape))
    }

    /// What is tried for a patch.
    fn tries(&self, patch: usize, value: Option<i64>) -> (usize, Tries) {
        (patch, Tries { key: self.draw(patch).text("try"), value })
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.places.len()
    }

    /// The steps of the rules `classes` and `forced`.
    pub(super) fn by_weight(self, limit: Keep) -> Vec<Step> {
        let weights: Option<Vec<(i64, f64)>> = self.of.classes.as_ref().map(|classes| {
            classes.iter().filter(|(_, weight)| **weight > 0.0).map(|(value, w)| (*value, *w)).collect()
        });
        let aimed: Vec<usize> =
            self.all().filter(|patch| self.of.forced.is_none_or(|share| self.wants(*patch, share))).collect();
        let values = match &weights {
            _ if aimed.is_empty() => Some(vec![]),
            Some(weights) => Some(weights.iter().map(|(value, _)| *value).collect()),
            None => None,
        };
        // As if all of them were there; of one that is not no voxel is found.
        let first: Vec<(usize, i64)> = match &weights {
            Some(weights) => {
                let all: Vec<(i64, u64)> = weights.iter().map(|(value, _)| (*value, 1)).collect();
                let choice = Choice::new(0, &all, |value, _| self.weight(value));
                let class = |patch: usize| Some((patch, choice.class(self.draw(patch))?.0));
                aimed.iter().filter_map(|patch| class(*patch)).collect()
            }
            None => vec![],
        };
        let tries = first.iter().map(|(patch, value)| self.tries(*patch, Some(*value))).collect();
        self.count(values, limit, tries, move |this, look| {
            let choice = Choice::new(0, &this.counts(&look), |value, _| this.weight(value));
            let one = |patch: usize| {
                let first = first.iter().find(|(of, _)| *of == patch);
                match look.found(patch) {
                    Some(aim) => aim,
                    None if !aimed.contains(&patch) => Aim::Anywhere,
                    None => match first {
                        Some((_, value)) => choice.draw_of(*value, this.draw(patch)),
                        None => choice.draw(this.draw(patch)),
                    },
                }
            };
            this.cut(this.all().map(one).collect(), vec![look.clone()])
        })
    }

    /// How likely a label is.
    fn weight(&self, value: i64) -> f64 {
        match &self.of.classes {
            Some(classes) => classes.get(&value).copied().unwrap_or(0.0),
            None => f64::from(u8::from(value > 0)),
        }
    }

    /// The steps of the rule `foreground`: foreground counts wherever it is, background where `limit` says.
    pub(super) fn by_share(self, limit: Option<Keep>) -> Vec<Step> {
        let Some(limit) = limit else {
            let value = |patch: usize| if self.fore(patch) { None } else { Some(0) };
            let tries = self.all().map(|patch| self.tries(patch, value(patch))).collect();
            return self.count(None, Keep::All, tries, |this, look| this.apart(vec![look]));
        };
        let tries: Vec<_> =
            self.all().filter(|p| self.fore(*p)).map(|patch| self.tries(patch, None)).collect();
        let values = if tries.is_empty() { Some(vec![]) } else { None };
        self.count(values, Keep::All, tries, move |this, fore| Ok(this.background(fore, limit.clone())))
    }

    /// Whether a patch is to lie around foreground.
    fn fore(&self, patch: usize) -> bool {
        self.wants(patch, self.of.foreground.unwrap_or(0.5))
    }

    /// The steps once foreground was looked for; background is looked for only where a patch may lie around it.
    fn background(&self, fore: Look, limit: Keep) -> Vec<Step> {
        let none = fore.counted && !self.counts(&fore).iter().any(|(value, count)| *value != 0 && *count > 0);
        let patches = self.all().filter(|patch| !none && !self.fore(*patch));
        let tries: Vec<_> = patches.map(|patch| self.tries(patch, Some(0))).collect();
        let values = if none || !tries.is_empty() { vec![0] } else { vec![] };
        self.clone().count(Some(values), limit, tries, move |this, back| {
            let missing = back.counted
                && !fore.counted
                && !this.counts(&back).iter().any(|(value, count)| *value == 0 && *count > 0);
            let looks = vec![fore.clone(), back];
            if !missing {
                return this.apart(looks);
            }
            // Without background all patches lie around foreground.
            Ok(this.clone().count(None, Keep::All, vec![], move |this, fore| {
                let found = looks[0].found.clone();
                this.apart(vec![Look { found, ..fore }, looks[1].clone()])
            }))
        })
    }

    /// The steps once it is known where foreground and background lie, by one look or two.
    fn apart(&self, looks: Vec<Look>) -> Result<Vec<Step>> {
        let by_count = |fore: bool| move |v: i64, n: u64| if (v != 0) == fore { n as f64 } else { 0.0 };
        let counts: Vec<_> = looks.iter().map(|look| self.counts(look)).collect();
        let last = looks.len() - 1;
        let fore = Choice::new(0, &counts[0], by_count(true));
        let back = Choice::new(last, &counts[last], by_count(false));
        let one = |patch: usize| {
            if let Some(aim) = looks.iter().find_map(|look| look.found(patch)) {
                return aim;
            }
            let (choice, other) = if self.fore(patch) { (&fore, &back) } else { (&back, &fore) };
            // Where the volume has only one of the two it is that.
            let choice = if choice.classes.is_empty() { other } else { choice };
            choice.draw(self.draw(patch))
        };
        self.cut(self.all().map(one).collect(), looks)
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
