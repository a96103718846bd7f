//! Where each value of a label lies, in little memory.

mod coding;
mod growing;
mod rows;
#[cfg(test)]
mod tests;
mod tries;

use coding::{Coded, EVERY, Skip};
pub use growing::ClassRuns;
pub use rows::ClassRows;
pub use tries::Tries;

use medkernels::threads;

use crate::{Box3, Error, Result};

/// The most values that an index tells apart.
pub const MOST_CLASSES: usize = 1 << 16;

/// What an index's bytes begin with: a name, and the version of what follows.
const MAGIC: [u8; 8] = *b"MXCLASS\x01";

/// Where each value of a label lies: how many voxels it has, the box around them, and any of them by its number.
///
/// A class is kept as its runs of voxels in the logical order (x fastest, then y, z), each a byte for its length and the gap before it and more only where
/// these are 15 voxels or longer (one more byte for each factor of 128), and a place to begin for every 128 runs. So a voxel is found in O(log runs), a smooth label
/// takes a small part of its own voxels' bytes, and noise in a few values takes about a byte for each voxel, in `K` values about `1 + log128(K)`. An index is the same for any way in which the
/// label was divided when it was looked at.
///
/// ```
/// use medcore::{ClassIndex, ClassRuns};
///
/// // Two rows of three voxels: 0 5 5 / 5 0 0.
/// let mut runs = ClassRuns::default();
/// for (value, start, end) in [(0, 0, 1), (5, 1, 4), (0, 4, 6)] {
///     runs.push(value, start, end)?;
/// }
/// let index = runs.index([3, 2, 1])?;
/// assert_eq!(index.values().collect::<Vec<_>>(), [0, 5]);
/// assert_eq!((index.count(5), index.voxel(5, 2)), (3, Some([0, 1, 0])));
/// assert_eq!(ClassIndex::from_bytes(&index.to_bytes())?, index);
/// # Ok::<(), medcore::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassIndex {
    shape: [usize; 3],
    /// By value.
    classes: Vec<Class>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Class {
    value: i64,
    count: u64,
    bounds: Box3,
    runs: Box<[u8]>,
    skips: Box<[Skip]>,
}

impl ClassIndex {
    /// From the coded runs of each value, ascending; they are looked at as if they came from a file.
    fn new(shape: [usize; 3], classes: impl Iterator<Item = (i64, Box<[u8]>)>) -> Result<ClassIndex> {
        let voxels = shape.iter().try_fold(1u64, |all, &n| all.checked_mul(n as u64));
        let voxels = voxels.ok_or_else(|| damaged(format!("a shape of {shape:?}")))?;
        let mut all: Vec<(i64, Box<[u8]>, Option<Result<Class>>)> =
            classes.map(|(value, runs)| (value, runs, None)).collect();
        if all.len() > MOST_CLASSES || all.windows(2).any(|w| w[0].0 >= w[1].0) {
            return Err(damaged(format!("{} values, or values in another order", all.len())));
        }
        let one = |(value, runs, class): &mut (i64, Box<[u8]>, Option<Result<Class>>)| {
            *class = Some(Class::new(*value, std::mem::take(runs), shape, voxels));
        };
        if all.iter().map(|(_, runs, _)| runs.len()).sum::<usize>() < threads::PARALLEL_BYTES {
            all.iter_mut().for_each(one);
        } else {
            threads::for_each_mut(&mut all, |_, class| one(class));
        }
        let classes = all.into_iter().filter_map(|(_, _, class)| class).collect::<Result<Vec<Class>>>()?;
        let count = classes.iter().try_fold(0u64, |all, c| all.checked_add(c.count));
        if count.is_none_or(|count| count > voxels) {
            return Err(damaged(format!("more than the {voxels} voxels of the volume")));
        }
        Ok(ClassIndex { shape, classes })
    }

    /// The label's shape (x, y, z).
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The values, ascending.
    pub fn values(&self) -> impl Iterator<Item = i64> + '_ {
        self.classes.iter().map(|c| c.value)
    }

    fn class(&self, value: i64) -> Option<&Class> {
        self.classes.binary_search_by_key(&value, |c| c.value).ok().map(|at| &self.classes[at])
    }

    /// How many voxels have a value.
    pub fn count(&self, value: i64) -> u64 {
        self.class(value).map_or(0, |c| c.count)
    }

    /// The smallest box that holds all voxels of a value.
    pub fn bounds(&self, value: i64) -> Option<Box3> {
        self.class(value).map(|c| c.bounds)
    }

    /// The `n`-th voxel of a value (from 0; x fastest, then y, z), in O(log runs).
    pub fn voxel(&self, value: i64, n: u64) -> Option<[usize; 3]> {
        self.class(value)?.nth(n).map(|at| self.place(at))
    }

    /// The value of a voxel, in O(values + log runs); `None` of one that was not counted.
    pub fn value(&self, voxel: [usize; 3]) -> Option<i64> {
        self.classes.iter().find(|class| self.is_of(voxel, class)).map(|class| class.value)
    }

    /// Whether a voxel was counted and has a value, in O(log runs).
    pub fn has(&self, voxel: [usize; 3], value: i64) -> bool {
        self.class(value).is_some_and(|class| self.is_of(voxel, class))
    }

    fn is_of(&self, voxel: [usize; 3], class: &Class) -> bool {
        let ([nx, ny, _], b) = (self.shape, &class.bounds);
        let near = (0..3).all(|i| (b.start[i]..b.end()[i]).contains(&voxel[i]));
        near && class.has((voxel[0] + nx * (voxel[1] + ny * voxel[2])) as u64)
    }

    /// How many voxels of a value lie in a box; goes through the value's runs.
    pub fn count_in(&self, value: i64, b: &Box3) -> u64 {
        self.rows_in(value, b).map(|[start, end]| end - start).sum()
    }

    /// The `n`-th voxel of a value in a box, in the same order; goes through the value's runs.
    pub fn voxel_in(&self, value: i64, b: &Box3, n: u64) -> Option<[usize; 3]> {
        let mut left = n;
        for [start, end] in self.rows_in(value, b) {
            if left < end - start {
                return Some(self.place(start + left));
            }
            left -= end - start;
        }
        None
    }

    /// The stretches of rows, as numbers of voxels, where a value and a box meet.
    fn rows_in(&self, value: i64, b: &Box3) -> impl Iterator<Item = [u64; 2]> {
        let [nx, ny, _] = self.shape.map(|n| n.max(1) as u64);
        let (low, high) = (b.start.map(|v| v as u64), b.end().map(|v| v as u64));
        let runs = self.class(value).into_iter().flat_map(|c| Coded::new(&c.runs).map_while(Result::ok));
        runs.flat_map(move |[start, end]| {
            (start / nx..end.div_ceil(nx)).filter_map(move |row| {
                let (y, z) = (row % ny, row / ny);
                let inside = (low[1]..high[1]).contains(&y) && (low[2]..high[2]).contains(&z);
                let first = start.max(row * nx + low[0]);
                let last = end.min(row * nx + high[0].min(nx));
                (inside && first < last).then_some([first, last])
            })
        })
    }

    fn place(&self, at: u64) -> [usize; 3] {
        let [nx, ny, _] = self.shape.map(|n| n.max(1));
        let at = at as usize;
        [at % nx, at / nx % ny, at / nx / ny]
    }

    /// Bytes of memory that the index takes.
    pub fn memory(&self) -> usize {
        let of = |c: &Class| size_of::<Class>() + c.runs.len() + size_of_val(&*c.skips);
        size_of::<ClassIndex>() + self.classes.iter().map(of).sum::<usize>()
    }

    /// The index as bytes, the same on every machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for n in self.shape.into_iter().chain([self.classes.len()]) {
            out.extend((n as u64).to_le_bytes());
        }
        for c in &self.classes {
            out.extend(c.value.to_le_bytes());
            out.extend((c.runs.len() as u64).to_le_bytes());
        }
        for c in &self.classes {
            out.extend(&c.runs);
        }
        out
    }

    /// From [`ClassIndex::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Data`] for bytes that are not an index of this version: every run is checked to lie in the volume, after the one before.
    pub fn from_bytes(bytes: &[u8]) -> Result<ClassIndex> {
        let mut rest = bytes;
        let mut word = || -> Result<[u8; 8]> {
            let (word, after) = rest
                .split_first_chunk()
                .ok_or_else(|| damaged(format!("an end after {} bytes", bytes.len())))?;
            rest = after;
            Ok(*word)
        };
        if word()? != MAGIC {
            return Err(damaged("another beginning".into()));
        }
        let mut size = || -> Result<usize> {
            let n = u64::from_le_bytes(word()?);
            usize::try_from(n).map_err(|_| damaged(format!("a size of {n}")))
        };
        let shape = [size()?, size()?, size()?];
        let count = size()?;
        let mut table = vec![];
        for _ in 0..count.min(MOST_CLASSES + 1) {
            table.push((i64::from_le_bytes(word()?), u64::from_le_bytes(word()?)));
        }
        let mut runs = vec![];
        for (value, len) in table {
            let len = usize::try_from(len).ok().filter(|&len| len <= rest.len());
            let (mine, after) = rest
                .split_at(len.ok_or_else(|| damaged(format!("no room for the runs of the value {value}")))?);
            rest = after;
            runs.push((value, mine.into()));
        }
        if !rest.is_empty() {
            return Err(damaged(format!("{} bytes too many", rest.len())));
        }
        ClassIndex::new(shape, runs.into_iter())
    }
}

impl Class {
    fn new(value: i64, runs: Box<[u8]>, shape: [usize; 3], voxels: u64) -> Result<Class> {
        let (mut count, mut skips) = (0u64, vec![]);
        let mut extent = Extent::new(shape);
        let mut coded = Coded::new(&runs);
        for number in 0usize.. {
            let here = Skip { before: count, end: coded.end(), at: coded.at() };
            let Some(run) = coded.next() else { break };
            let [start, end] = run?;
            if end > voxels || (number > 0 && start == here.end) {
                return Err(damaged(format!("a run {start}..{end} of the value {value}")));
            }
            if number > 0 && number.is_multiple_of(EVERY) {
                skips.push(here);
            }
            count += end - start;
            extent.add(start, end);
        }
        let bounds = extent.bounds().ok_or_else(|| damaged(format!("no voxel of the value {value}")))?;
        Ok(Class { value, count, bounds, runs, skips: skips.into() })
    }

    /// Whether a voxel has the value.
    fn has(&self, voxel: u64) -> bool {
        let skip = self.skips.partition_point(|s| s.end <= voxel).checked_sub(1).map(|at| self.skips[at]);
        let runs = Coded::from(&self.runs, skip.unwrap_or_default()).map_while(Result::ok);
        runs.take_while(|[start, _]| *start <= voxel).any(|[_, end]| voxel < end)
    }

    /// The `n`-th voxel, as a number in the volume.
    fn nth(&self, n: u64) -> Option<u64> {
        let skip = self.skips.partition_point(|s| s.before <= n).checked_sub(1).map(|at| self.skips[at]);
        let skip = skip.unwrap_or_default();
        let mut left = n - skip.before;
        for run in Coded::from(&self.runs, skip).map_while(Result::ok) {
            let [start, end] = run;
            if left < end - start {
                return Some(start + left);
            }
            left -= end - start;
        }
        None
    }
}

/// The box around runs.
struct Extent {
    shape: [u64; 3],
    low: [u64; 3],
    high: [u64; 3],
    /// First voxel of the row that was looked at last: most runs lie in it, or in the next.
    row: Option<u64>,
}

impl Extent {
    fn new(shape: [usize; 3]) -> Extent {
        let shape = shape.map(|n| n.max(1) as u64);
        Extent { shape, low: [u64::MAX; 3], high: [0; 3], row: None }
    }

    fn add(&mut self, start: u64, end: u64) {
        let [nx, ny, _] = self.shape;
        if let Some(row) = self.row.filter(|row| start >= *row && end <= row + nx) {
            self.low[0] = self.low[0].min(start - row);
            self.high[0] = self.high[0].max(end - row);
            return;
        }
        // A run over several rows holds whole ones, or both their ends.
        let (first, last) = (start / nx, (end - 1) / nx);
        let row = last * nx;
        self.row = Some(row);
        let x = if first == last { [start - row, end - row] } else { [0, nx] };
        let (z, ends) = (first / ny, last / ny);
        let y = if z == ends { [first - z * ny, last - z * ny + 1] } else { [0, ny] };
        for (axis, [a, b]) in [x, y, [z, ends + 1]].into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(a);
            self.high[axis] = self.high[axis].max(b);
        }
    }

    fn bounds(&self) -> Option<Box3> {
        let start = self.low.map(|v| v as usize);
        (self.high[0] > 0).then(|| Box3 { start, shape: [0, 1, 2].map(|i| self.high[i] as usize - start[i]) })
    }
}

/// Bytes, or runs, that are no index.
fn damaged(found: String) -> Error {
    Error::Data { what: "an index of classes".into(), found, hint: "make it again from the label".into() }
}
