//! Voxels that are chosen by their label.

use std::sync::Arc;

use medcore::{Box3, ClassIndex, ClassRows, Keep, Key, Measured};

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

    /// A label, and the number of one of its voxels.
    pub(super) fn draw(&self, draw: Key) -> Aim {
        let Some(&(_, _, total)) = self.classes.last() else { return Aim::Nothing };
        let aim = draw.text("class").uniform() * total;
        let at = self.classes.partition_point(|c| c.2 <= aim).min(self.classes.len() - 1);
        let (value, count, _) = self.classes[at];
        Aim::Voxel(Chosen { look: self.look, value, number: draw.text("voxel").below(count), voxel: None })
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
