//! An index that is being made.

use std::collections::HashMap;

use super::{ClassIndex, MOST_CLASSES, coding};
use crate::{Error, Result};

/// The classes of a stretch of voxels: runs are added in order, and stretches that follow one another are put together.
#[derive(Debug, Default)]
pub struct ClassRuns {
    classes: Vec<Class>,
    places: HashMap<i64, usize>,
    /// Where values with the same lowest bits were found last: labels change between few.
    recent: Recent,
}

#[derive(Debug)]
struct Recent(Box<[(i64, usize); 256]>);

impl Default for Recent {
    fn default() -> Recent {
        Recent(Box::new([(0, usize::MAX); 256]))
    }
}

/// The runs of one value. What lies before and after decides how the first and the last one are coded, so these wait.
#[derive(Debug)]
struct Class {
    value: i64,
    first: [u64; 2],
    /// The runs between the first and the last, coded.
    middle: Vec<u8>,
    /// One past the last voxel of what is coded, or of the first run.
    end: u64,
    last: Option<[u64; 2]>,
}

impl Class {
    fn new(value: i64, run: [u64; 2]) -> Class {
        Class { value, first: run, middle: vec![], end: run[1], last: None }
    }

    fn push(&mut self, run: [u64; 2]) {
        let Some(last) = &mut self.last else {
            if run[0] == self.first[1] {
                self.first[1] = run[1];
                self.end = run[1];
            } else {
                self.last = Some(run);
            }
            return;
        };
        if run[0] == last[1] {
            last[1] = run[1];
        } else {
            coding::push(&mut self.middle, self.end, *last);
            (self.end, *last) = (last[1], run);
        }
    }

    fn followed_by(&mut self, next: &Class) {
        self.push(next.first);
        let Some(last) = next.last else { return };
        if let Some(mine) = self.last {
            coding::push(&mut self.middle, self.end, mine);
        }
        // Gaps are counted from the run before, which is the same in both.
        self.middle.extend(&next.middle);
        (self.end, self.last) = (next.end, Some(last));
    }

    fn coded(self) -> Box<[u8]> {
        let mut out = vec![];
        coding::push(&mut out, 0, self.first);
        out.extend(&self.middle);
        if let Some(last) = self.last {
            coding::push(&mut out, self.end, last);
        }
        out.into()
    }
}

impl ClassRuns {
    /// Adds the voxels `start..end` of a value; they lie after all that were added before.
    ///
    /// # Errors
    /// [`Error::Data`] for more values than [`MOST_CLASSES`].
    #[inline]
    pub fn push(&mut self, value: i64, start: u64, end: u64) -> Result<()> {
        let slot = &mut self.recent.0[(value & 255) as usize];
        if slot.1 < self.classes.len() && slot.0 == value {
            self.classes[slot.1].push([start, end]);
            return Ok(());
        }
        if let Some(&at) = self.places.get(&value) {
            *slot = (value, at);
            self.classes[at].push([start, end]);
            return Ok(());
        }
        *slot = (value, self.classes.len());
        self.add(Class::new(value, [start, end]))
    }

    fn add(&mut self, class: Class) -> Result<()> {
        if self.classes.len() == MOST_CLASSES {
            return Err(Error::Data {
                what: "an index of classes".into(),
                found: format!("more than {MOST_CLASSES} values in one label"),
                hint: "give fewer names with remap_labels, or cut patches without looking at the label"
                    .into(),
            });
        }
        self.places.insert(class.value, self.classes.len());
        self.classes.push(class);
        Ok(())
    }

    /// This stretch and the next one.
    ///
    /// # Errors
    /// As [`ClassRuns::push`].
    pub fn followed_by(mut self, next: ClassRuns) -> Result<ClassRuns> {
        for class in next.classes {
            match self.places.get(&class.value) {
                Some(&at) => self.classes[at].followed_by(&class),
                None => self.add(class)?,
            }
        }
        Ok(self)
    }

    /// The index of a volume of this shape, whose voxels were all looked at.
    ///
    /// # Errors
    /// [`Error::Data`] if runs lie outside it.
    pub fn index(mut self, shape: [usize; 3]) -> Result<ClassIndex> {
        self.classes.sort_unstable_by_key(|c| c.value);
        ClassIndex::new(shape, self.classes.into_iter().map(|c| (c.value, c.coded())))
    }
}
