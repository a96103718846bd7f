//! Voxels that are chosen by their label.

use std::convert::Infallible;
use std::sync::Arc;

use medcore::{Box3, ClassIndex, ClassRows, Keep, Key, Measured, Tries};

/// Where labels lie: every run of them, or how many there are in each row.
#[derive(Clone)]
pub(super) enum Labels {
    Index(Arc<ClassIndex>),
    Rows(Arc<ClassRows>),
}

impl Labels {
    pub(super) fn of(m: &Measured) -> Labels {
        match (&m.classes, &m.rows) {
            (Some(index), _) => Labels::Index(index.clone()),
            (None, Some(rows)) => Labels::Rows(rows.clone()),
            (None, None) => Labels::Rows(Arc::new(ClassRows::new(Box3::whole([0; 3]), [0; 2], vec![]))),
        }
    }

    /// The values, and how many voxels of each can be chosen.
    pub(super) fn counts(&self, inside: &Box3) -> Vec<(i64, u64)> {
        match self {
            Labels::Index(index) if inside.shape == index.shape() => {
                index.values().map(|v| (v, index.count(v))).collect()
            }
            Labels::Index(index) => index.values().map(|v| (v, index.count_in(v, inside))).collect(),
            Labels::Rows(rows) => rows.values().map(|v| (v, rows.count(v))).collect(),
        }
    }
}

/// A look at the label.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) labels: Labels,
    /// The voxels that it counted.
    pub(super) keep: Keep,
    /// Whether it counted.
    pub(super) counted: bool,
    /// The voxels that were found by trying, and the patches that they are for.
    pub(super) found: Vec<(usize, Chosen)>,
}

impl Look {
    /// What was seen; the tries are those of some patches. Where no index is, they were made when voxels were looked at.
    pub(super) fn of(m: &Measured, keep: Keep, inside: &Box3, tries: &[(usize, Tries)]) -> Look {
        let seen = |n: usize, tries: &Tries| match &m.classes {
            Some(index) => {
                let value = |voxel| match tries.value {
                    Some(value) => index.has(voxel, value).then_some(value),
                    None => index.value(voxel),
                };
                let Ok(found) = tries.first(inside, |voxel| Ok::<_, Infallible>(value(voxel)));
                found
            }
            None => m.tried.get(n).copied().flatten(),
        };
        let chosen = |(voxel, value)| Chosen { look: 0, value, number: 0, voxel: Some(voxel) };
        let found = tries.iter().enumerate();
        let found = found.filter_map(|(n, (patch, tries))| Some((*patch, chosen(seen(n, tries)?)))).collect();
        Look { labels: Labels::of(m), keep, counted: m.classes.is_some() || m.rows.is_some(), found }
    }

    /// The voxel that was found for a patch.
    pub(super) fn found(&self, patch: usize) -> Option<Aim> {
        self.found.iter().find(|(of, _)| *of == patch).map(|(_, chosen)| Aim::Voxel(chosen.clone()))
    }
}

/// Voxels of some labels, and how likely each label is.
pub(super) struct Choice {
    /// Which look they were counted by.
    look: usize,
    /// Value, voxels that can be chosen, weight so far.
    pub(super) classes: Vec<(i64, u64, f64)>,
}

impl Choice {
    /// The labels that weight is given to (by value and number of voxels), where there are voxels to choose.
    pub(super) fn new(look: usize, counts: &[(i64, u64)], weight: impl Fn(i64, u64) -> f64) -> Choice {
        let mut so_far = 0.0;
        let class = |&(value, count): &(i64, u64)| {
            let weight = if count > 0 { weight(value, count) } else { 0.0 };
            so_far += weight;
            (weight > 0.0).then_some((value, count, so_far))
        };
        let classes = counts.iter().filter_map(class).collect();
        Choice { look, classes }
    }

    /// A label, and how many voxels it has.
    pub(super) fn class(&self, draw: Key) -> Option<(i64, u64)> {
        let &(_, _, total) = self.classes.last()?;
        let aim = draw.text("class").uniform() * total;
        let at = self.classes.partition_point(|c| c.2 <= aim).min(self.classes.len() - 1);
        let (value, count, _) = self.classes[at];
        Some((value, count))
    }

    /// A label, and the number of one of its voxels.
    pub(super) fn draw(&self, draw: Key) -> Aim {
        let Some((value, count)) = self.class(draw) else { return Aim::Nothing };
        Aim::Voxel(Chosen { look: self.look, value, number: draw.text("voxel").below(count), voxel: None })
    }

    /// The same of a label that was drawn already, if it has voxels; else of another.
    pub(super) fn draw_of(&self, value: i64, draw: Key) -> Aim {
        match self.classes.iter().find(|(v, ..)| *v == value) {
            Some(&(value, count, _)) => {
                let number = draw.text("voxel").below(count);
                Aim::Voxel(Chosen { look: self.look, value, number, voxel: None })
            }
            None => self.draw(draw.text("again")),
        }
    }
}

/// What a patch is to lie around.
#[derive(Clone)]
pub(super) enum Aim {
    /// It lies anywhere.
    Anywhere,
    /// A voxel, but there is none.
    Nothing,
    Voxel(Chosen),
}

impl Aim {
    /// The voxel chosen, if it was counted by this look and it is not known yet where it lies.
    pub(super) fn open(&mut self, look: usize) -> Option<&mut Chosen> {
        match self {
            Aim::Voxel(chosen) if chosen.look == look && chosen.voxel.is_none() => Some(chosen),
            _ => None,
        }
    }
}

/// A voxel by its label.
#[derive(Clone)]
pub(super) struct Chosen {
    /// By which look at the label it was counted.
    look: usize,
    pub(super) value: i64,
    /// Which of the label's voxels that can be chosen.
    pub(super) number: u64,
    /// Once it is known.
    pub(super) voxel: Option<[usize; 3]>,
}
