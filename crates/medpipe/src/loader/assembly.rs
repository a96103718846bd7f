//! A batch while it is filled: memory whose rows have been given to those who make patches, and what became of them.

use std::collections::BTreeMap;

use medcore::{DType, Error as CoreError, Points, Role};
use medkernels::rows::{Divided, Row};

use super::batch::{Batch, BatchItem, BatchPoints, PatchMeta};
use super::settings::{Failure, OnError};
use crate::evaluate::buffer;
use crate::{Error, Result};

/// What one patch takes of an item's array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) dtype: DType,
    /// Channels, voxels along x, y, z.
    pub(super) shape: [usize; 4],
}

impl Part {
    pub(super) fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bytes()
    }
}

/// Bytes of a patch.
pub(super) fn bytes(parts: &[Part]) -> usize {
    parts.iter().map(Part::bytes).sum()
}

/// A patch's row of each item; items without voxels have none.
pub(super) type Rows = Vec<Option<Row>>;

/// Memory for a batch's patches of one kind.
pub(super) struct Memory {
    parts: Vec<Part>,
    /// For each item.
    whole: Vec<Divided>,
    /// For each patch its row of each item, until somebody takes them.
    rows: Vec<Option<Rows>>,
}

impl Memory {
    pub(super) fn new(parts: Vec<Part>, rows: usize) -> Result<Memory> {
        let mut memory = Memory { parts, whole: vec![], rows: (0..rows).map(|_| Some(vec![])).collect() };
        for part in &memory.parts {
            let (whole, mut taken) = match part.bytes() {
                0 => (Divided::new(buffer(0)?, 1).0, vec![]),
                n => Divided::new(buffer(n * rows)?, n),
            };
            memory.whole.push(whole);
            for row in memory.rows.iter_mut().rev().flatten() {
                row.push(taken.pop());
            }
        }
        Ok(memory)
    }
}

/// What became of a patch.
pub(super) enum Outcome {
    Made(Made),
    Failed(Failure),
    /// It does not fit what was there before it.
    Odd {
        parts: Vec<Part>,
        id: String,
        patch: usize,
    },
}

pub(super) struct Made {
    pub(super) meta: PatchMeta,
    pub(super) points: Vec<(String, Points)>,
}

/// A batch that is being filled.
pub(super) struct Assembly {
    rows: usize,
    memory: Option<Memory>,
    outcomes: Vec<Option<Outcome>>,
    missing: usize,
}

/// What somebody who has planned a patch gets.
pub(super) enum Place {
    /// The rows to be written.
    Rows(Rows),
    /// There is no memory yet.
    Nothing,
    /// The batch's patches are of another kind.
    Odd,
}

impl Assembly {
    pub(super) fn new(rows: usize) -> Assembly {
        let outcomes = (0..rows).map(|_| None).collect();
        Assembly { rows, memory: None, outcomes, missing: rows }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.memory.as_ref().map_or(0, |m| self.rows * bytes(&m.parts))
    }

    /// The rows of a patch.
    pub(super) fn take(&mut self, row: usize, parts: &[Part]) -> Place {
        match &mut self.memory {
            None => Place::Nothing,
            Some(m) if m.parts == parts => m.rows[row].take().map_or(Place::Odd, Place::Rows),
            Some(_) => Place::Odd,
        }
    }

    /// Brings the memory, if nobody else has.
    pub(super) fn supply(&mut self, memory: Memory) {
        self.memory.get_or_insert(memory);
    }

    /// Notes what became of a patch, whose rows are gone.
    pub(super) fn settle(&mut self, row: usize, outcome: Outcome) {
        if let Some(memory) = &mut self.memory {
            memory.rows[row] = None;
        }
        if self.outcomes[row].replace(outcome).is_none() {
            self.missing -= 1;
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The batch, and what could not be made of it; `None` if nothing could. A batch whose patches differ in shape is an error, and so is a
    /// failure if failures are raised.
    pub(super) fn finish(
        self,
        number: usize,
        epoch: u64,
        on_error: OnError,
    ) -> (Result<Option<Batch>>, Vec<Failure>) {
        if let Some(e) = self.difference() {
            return (Err(e), vec![]);
        }
        let (mut failures, mut kept, mut made) = (vec![], vec![], vec![]);
        for (row, outcome) in self.outcomes.into_iter().enumerate() {
            match outcome {
                Some(Outcome::Made(m)) => {
                    kept.push(row);
                    made.push(m);
                }
                Some(Outcome::Failed(f)) => failures.push(f),
                Some(Outcome::Odd { .. }) | None => {}
            }
        }
        if let (OnError::Raise, Some(first)) = (on_error, failures.first()) {
            return (Err(first.error.clone()), failures);
        }
        let Some(memory) = self.memory.filter(|_| !kept.is_empty()) else { return (Ok(None), failures) };
        drop(memory.rows);
        let items = memory.parts.into_iter().zip(memory.whole).map(|(part, whole)| item(part, whole, &kept));
        let items = items.collect::<Result<Vec<_>>>();
        let (mut points, mut meta) = (BTreeMap::<String, Vec<Points>>::new(), vec![]);
        let rows = made.len();
        for (row, one) in made.into_iter().enumerate() {
            for (name, landmarks) in one.points {
                points.entry(name).or_insert_with(|| vec![Points::default(); rows])[row] = landmarks;
            }
            meta.push(one.meta);
        }
        let points = points.into_iter().map(|(name, rows)| BatchPoints { name, rows }).collect();
        (items.map(|items| Some(Batch { number, epoch, items, points, meta })), failures)
    }

    /// The error about the first two patches that do not fit one another, whichever came first.
    fn difference(&self) -> Option<Error> {
        let ours = self.memory.as_ref().map(|m| &m.parts);
        let mut kinds = self.outcomes.iter().flatten().filter_map(|o| match o {
            Outcome::Made(m) => Some((ours?, &m.meta.id, m.meta.patch)),
            Outcome::Odd { parts, id, patch } => Some((parts, id, *patch)),
            Outcome::Failed(_) => None,
        });
        let (parts, id, patch) = kinds.next()?;
        let (others, other, number) = kinds.find(|k| k.0 != parts)?;
        let differs = parts.iter().zip(others).find(|(a, b)| a != b);
        let (here, there) = match differs {
            Some((a, b)) => (a.to_string(), b.to_string()),
            None => (names(parts), names(others)),
        };
        let found = format!("{there} of case {other:?}, patch {number}");
        let expected =
            format!("{here} as of case {id:?}, patch {patch}; crop or pad all of them to one shape");
        Some(CoreError::shape("a batch", found, expected).into())
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [c, x, y, z] = self.shape;
        write!(f, "{} {:?} of {c} x {x} x {y} x {z} {}", self.role, self.name, self.dtype)
    }
}

fn names(parts: &[Part]) -> String {
    let names: Vec<_> = parts.iter().map(|p| p.name.as_str()).collect();
    format!("the volumes {}", names.join(", "))
}

/// The array of an item, of which the rows that were made close up.
fn item(part: Part, whole: Divided, kept: &[usize]) -> Result<BatchItem> {
    let mut data = whole.into_buffer().map_err(|_| {
        CoreError::shape("a batch", "a row that somebody still writes", "rows that are all done")
    })?;
    let n = part.bytes();
    for (to, &from) in kept.iter().enumerate().filter(|(to, from)| to != *from) {
        data.as_bytes_mut().copy_within(from * n..(from + 1) * n, to * n);
    }
    let [c, x, y, z] = part.shape;
    let shape = [kept.len(), c, x, y, z];
    Ok(BatchItem { name: part.name, role: part.role, dtype: part.dtype, shape, data: data.into() })
}
