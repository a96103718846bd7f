//! Where the values of a label lie: all runs of them, or how many are in each row.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use medcore::{
    Box3, ClassIndex, ClassRows, ClassRuns, DType, Error, Keep, Measure, Measured, Of, Tries, with_element,
};
use medkernels::element::Element;
use medkernels::{counts, runs};

use crate::Result;
use crate::chain::Chain;
use crate::source::Source;
use crate::stretches::{stretches, voxels};
use crate::tile::{Tile, Want};

/// Voxels that are counted at once: they and their counts stay in the first cache level.
const TOGETHER: usize = 2 << 10;

/// The most values that are counted by rows: each takes a look at every voxel that is not in a stretch of equal ones.
const MOST_COUNTED: usize = 32;

/// Where an item is above a value, in any of its channels.
struct Above {
    chain: Chain,
    value: f32,
}

/// A label, and what decides which of its voxels count.
struct Label {
    chain: Chain,
    above: Option<Above>,
}

impl Chain {
    /// Where the values of a label lie: an index if it is to be `kept`, else what was asked for; `other` decides which voxels count.
    pub(crate) fn classes(&self, m: &Measure, other: Option<&Chain>, kept: bool) -> Result<Measured> {
        match (&m.keep, other) {
            (Keep::Where { above, .. }, Some(other)) => {
                other.on_voxels(|other| self.label(Some((other, *above)))?.measured(&m.of, kept))
            }
            _ => self.label(None)?.measured(&m.of, kept),
        }
    }

    /// The label, with nothing left to be done to the whole of it.
    fn label(&self, above: Option<(&Chain, f64)>) -> Result<Label> {
        let chain = self.alone("where the values of a label lie")?;
        let dtype = chain.dtype();
        if !dtype.is_integer() {
            return Err(Error::Unsupported {
                what: "looking where the values of a label lie".into(),
                found: format!("{dtype} voxels of {:?}", self.name),
                hint: "load the file with role=\"label\", or cast to an integer dtype".into(),
            }
            .into());
        }
        let above = match above {
            Some((image, value)) => Some(Above { chain: image.resolved()?.chain, value: value as f32 }),
            None => None,
        };
        Ok(Label { chain, above })
    }
}

impl Label {
    fn measured(&self, of: &Of, kept: bool) -> Result<Measured> {
        match of {
            Of::Classes { inside, values, tries } if !kept => {
                // Of a file that is read anyway single voxels are looked at afterwards, when the system has it in memory.
                let at_once = !tries.is_empty() && self.in_memory();
                let mut tried = if at_once { self.tried(tries, inside)? } else { vec![] };
                if at_once && tried.iter().all(Option::is_some) {
                    return Ok(Measured { tried, ..Measured::default() });
                }
                if let Some(rows) = self.rows(inside, values.as_deref())? {
                    if !at_once {
                        tried = self.tried(tries, inside)?;
                    }
                    return Ok(Measured { rows: Some(Arc::new(rows)), tried, ..Measured::default() });
                }
            }
            Of::Voxels { rows, wanted } => {
                return Ok(Measured { drawn: self.voxels(rows, wanted)?, ..Measured::default() });
            }
            _ => {}
        }
        Ok(Measured { classes: Some(Arc::new(self.index()?)), ..Measured::default() })
    }

    fn in_memory(&self) -> bool {
        let of = |chain: &Chain| matches!(chain.source, Source::Memory(_));
        of(&self.chain) && self.above.iter().all(|above| of(&above.chain))
    }

    /// What tries find.
    fn tried(&self, tries: &[Tries], inside: &Box3) -> Result<Vec<Option<([usize; 3], i64)>>> {
        let value = |start: [usize; 3]| {
            let b = Box3 { start, shape: [1; 3] };
            let tile = self.chain.packed(0, &b, Want::Stored)?;
            let value =
                with_element!(tile.dtype, T => voxels::<T>(&tile).first().map(|v| v.to_i128()), else => None);
            let value = value.map(|v| i64::try_from(v).map_err(|_| too_large(&v))).transpose()?;
            let kept = self.kept(&b)?;
            Ok(value.filter(|_| kept.is_none_or(|kept| kept[0] != 0)))
        };
        tries.iter().map(|tries| tries.first(inside, value)).collect()
    }

    /// All runs.
    fn index(&self) -> Result<ClassIndex> {
        let shape = self.chain.grid().shape;
        let found = stretches(&Box3::whole(shape), self.together(), |b| {
            let tile = self.chain.packed(0, b, Want::Stored)?;
            let kept = self.kept(b)?;
            let from = (b.start[0] + shape[0] * (b.start[1] + shape[1] * b.start[2])) as u64;
            with_element!(self.chain.dtype(), T => class_runs::<T>(&voxels(&tile), from, kept.as_deref()),
                else => Ok(ClassRuns::default()))
        })?;
        let all = found.into_iter().try_fold(ClassRuns::default(), ClassRuns::followed_by)?;
        Ok(all.index(shape)?)
    }

    /// 1 for each voxel of a box that counts, packed, if not all do.
    fn kept(&self, b: &Box3) -> Result<Option<Vec<u8>>> {
        let Some(Above { chain, value }) = &self.above else { return Ok(None) };
        let mut out = vec![0u8; b.len()];
        for channel in 0..chain.channels() {
            counts::above(&voxels(&chain.packed(channel, b, Want::F32)?), *value, &mut out);
        }
        Ok(Some(out))
    }

    /// How many voxels of each value lie in each row of a box, if the values are few. They are counted in the order in which they lie.
    fn rows(&self, inside: &Box3, values: Option<&[i64]>) -> Result<Option<ClassRows>> {
        match self.chain.dtype().bytes() {
            1 => self.rows_of::<u8>(inside, values),
            2 => self.rows_of::<u16>(inside, values),
            4 => self.rows_of::<u32>(inside, values),
            _ => self.rows_of::<u64>(inside, values),
        }
    }

    /// The same for voxels of this size, whatever their sign: equal values have equal bits.
    fn rows_of<T: Element>(&self, inside: &Box3, values: Option<&[i64]>) -> Result<Option<ClassRows>> {
        if inside.is_empty() {
            return Ok(Some(ClassRows::new(*inside, [1, 1], vec![])));
        }
        let dtype = self.chain.dtype();
        let given: Option<Vec<T>> = values
            .map(|all| all.iter().filter_map(|&v| bits(v, dtype)).map(|v| T::narrow(v, false)).collect());
        let [nx, ny, nz] = inside.shape;
        if nx > counts::MOST || given.as_ref().is_some_and(|given| given.len() > MOST_COUNTED) {
            return Ok(None);
        }
        let fast = self.fast_axis::<T>(inside);
        let planes = if fast == 0 { self.together() } else { 1 };
        // Stretches follow one another along the axis that is neither x nor the one that voxels lie along.
        let axes = if fast == 2 { [0, 2, 1] } else { [0, 1, 2] };
        let turned = |b: &Box3| Box3 { start: axes.map(|i| b.start[i]), shape: axes.map(|i| b.shape[i]) };
        let known = Mutex::new(vec![]);
        let found = stretches(&turned(inside), planes, |b| {
            let b = turned(b);
            let mut found = Counted::new(given.as_deref(), &known, b.shape[1] * b.shape[2]);
            if fast == 0 {
                self.count_rows(&b, &mut found)?;
            } else {
                self.count_columns(&b, fast, &mut found);
            }
            Ok(found)
        })?;
        let mut all: Vec<(T, Vec<u16>)> = vec![];
        let mut before = 0;
        for part in found {
            if part.too_many {
                return Ok(None);
            }
            for (value, counts) in part.values.iter().zip(&part.counts) {
                let at = all.iter().position(|(v, _)| v == value).unwrap_or_else(|| {
                    all.push((*value, vec![0; ny * nz]));
                    all.len() - 1
                });
                all[at].1[before..before + counts.len()].copy_from_slice(counts);
            }
            before += part.rows;
        }
        let named = all.into_iter().map(|(v, counts)| Ok((value(v.widen(), dtype)?, counts)));
        let strides = if fast == 2 { [nz, 1] } else { [1, ny] };
        Ok(Some(ClassRows::new(*inside, strides, named.collect::<Result<_>>()?)))
    }

    /// Planes that are looked at together, for all items that are looked at.
    fn together(&self) -> usize {
        self.above.iter().fold(self.chain.together(), |n, above| n.max(above.chain.together()))
    }

    /// The axis along which the voxels of all that is looked at lie together; x where they have to be packed.
    fn fast_axis<T: Element>(&self, b: &Box3) -> usize {
        let along = |tile: Option<Tile>, fits: &dyn Fn(&Tile) -> bool| {
            let tile = tile.filter(fits)?;
            (0..3).find(|&i| tile.shape[i] > 1 && tile.strides[i] == 1 && tile.shape[i] <= counts::MOST)
        };
        let label = along(self.lying(b), &|tile| !all_of::<T>(tile).is_empty());
        let same = |above: &Above| {
            (0..above.chain.channels()).all(|c| along(above.lying(c, b), &Tile::aligned) == label)
        };
        label.filter(|_| self.above.iter().all(same)).unwrap_or(0)
    }

    fn lying(&self, b: &Box3) -> Option<Tile> {
        self.chain.lying(self.chain.stages.len(), 0, b, Want::Stored)
    }

    /// Counts the voxels of a box that are packed row by row.
    fn count_rows<T: Element>(&self, b: &Box3, found: &mut Counted<'_, T>) -> Result<()> {
        let (tile, kept) = (self.chain.packed(0, b, Want::Stored)?, self.kept(b)?);
        let (label, nx) = (voxels::<T>(&tile), b.shape[0]);
        let each = (TOGETHER / nx).max(1);
        for (n, chunk) in label.chunks(each * nx).enumerate() {
            let kept = kept.as_ref().map(|kept| &kept[n * each * nx..][..chunk.len()]);
            found.add(chunk, kept, n * each..n * each + chunk.len() / nx, Some(nx));
        }
        Ok(())
    }

    /// Counts the voxels of a box that lie along another axis than x, each row's at its place along that axis.
    fn count_columns<T: Element>(&self, b: &Box3, fast: usize, found: &mut Counted<'_, T>) {
        let Some(label) = self.lying(b) else { return };
        let images: Vec<Tile> = self
            .above
            .iter()
            .flat_map(|above| (0..above.chain.channels()).filter_map(|c| above.lying(c, b)))
            .collect();
        let (other, line) = (3 - fast, b.shape[fast]);
        // Lines that follow one another are looked at together.
        let joined = [&label].into_iter().chain(&images).all(|tile| tile.strides[other] == line as isize);
        let each = if joined { (TOGETHER / line).max(1) } else { 1 };
        let first = |tile: &Tile, x: usize, n: usize| {
            (tile.offset as isize + x as isize * tile.strides[0] + n as isize * tile.strides[other]) as usize
        };
        let values = all_of::<T>(&label);
        let mut kept = vec![];
        for n in (0..b.shape[other]).step_by(each) {
            let at = n * line..(n + each).min(b.shape[other]) * line;
            for x in 0..b.shape[0] {
                let chunk = &values[first(&label, x, n)..][..at.len()];
                if let Some(above) = &self.above {
                    kept.clear();
                    kept.resize(at.len(), 0);
                    for image in &images {
                        counts::above(&image.f32()[first(image, x, n)..][..at.len()], above.value, &mut kept);
                    }
                }
                found.add(chunk, self.above.as_ref().map(|_| &kept[..]), at.clone(), None);
            }
        }
    }

    /// The voxels wanted, each in the row that the counts tell.
    fn voxels(&self, rows: &ClassRows, wanted: &[(i64, u64)]) -> Result<Vec<[usize; 3]>> {
        let one = |&(value, n): &(i64, u64)| {
            let lost = || Error::Data {
                what: format!("the label {:?}", self.chain.name),
                found: format!("fewer voxels of the value {value} than before"),
                hint: "do not change what is being read".into(),
            };
            let (start, mut left) = rows.row(value, n).ok_or_else(lost)?;
            let b = Box3 { start, shape: [rows.inside().shape[0], 1, 1] };
            let (tile, kept) = (self.chain.packed(0, &b, Want::Stored)?, self.kept(&b)?);
            let is = |x: usize, here: bool| here && kept.as_ref().is_none_or(|kept| kept[x] != 0);
            let x = with_element!(tile.dtype, T => {
                voxels::<T>(&tile).iter().enumerate().position(|(x, v)| {
                    let hit = is(x, v.to_i128() == i128::from(value));
                    let found = hit && left == 0;
                    left = left.saturating_sub(u64::from(hit));
                    found
                })
            }, else => None);
            Ok([start[0] + x.ok_or_else(lost)?, start[1], start[2]])
        };
        wanted.iter().map(one).collect()
    }
}

impl Above {
    fn lying(&self, channel: usize, b: &Box3) -> Option<Tile> {
        self.chain.lying(self.chain.stages.len(), channel, b, Want::F32)
    }
}

/// The counts of one stretch, whose values become known as they are met.
struct Counted<'a, T> {
    values: Vec<T>,
    /// For each value, of each row.
    counts: Vec<Vec<u16>>,
    rows: usize,
    /// Values met in any stretch; `None` if no others than those at the beginning are counted.
    known: Option<&'a Mutex<Vec<T>>>,
    too_many: bool,
}

impl<'a, T: Element> Counted<'a, T> {
    fn new(given: Option<&[T]>, known: &'a Mutex<Vec<T>>, rows: usize) -> Counted<'a, T> {
        let met = || known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let values = given.map_or_else(met, <[T]>::to_vec);
        let too_many = values.len() > MOST_COUNTED;
        let counts = if too_many { vec![] } else { values.iter().map(|_| vec![0; rows]).collect() };
        Counted { values, counts, rows, known: given.is_none().then_some(known), too_many }
    }

    /// Adds a chunk of packed rows of `nx` voxels, or of voxels of neighbouring rows each, to the counts of the rows `at`.
    fn add(&mut self, chunk: &[T], kept: Option<&[u8]>, at: Range<usize>, nx: Option<usize>) {
        if self.too_many {
            return;
        }
        // How many there are is asked only where all are to be found.
        let mut left = match kept.filter(|_| self.known.is_some()) {
            Some(kept) => kept.iter().map(|k| usize::from(*k)).sum(),
            None => chunk.len(),
        };
        let mut tried = 0u32;
        let count = |value: T, counts: &mut Vec<u16>| match nx {
            Some(nx) => counts::rows(chunk, kept, value, nx, &mut counts[at.clone()]),
            None => counts::places(chunk, kept, value, &mut counts[at.clone()]),
        };
        // Most chunks have few values: those at their ends come first.
        let likely = [chunk.first(), chunk.last()].map(|end| self.values.iter().position(|v| Some(v) == end));
        for place in likely.into_iter().flatten().chain(0..self.values.len()) {
            if left > 0 && tried & (1 << place) == 0 {
                tried |= 1 << place;
                left -= count(self.values[place], &mut self.counts[place]);
            }
        }
        let Some(known) = self.known else { return };
        let mut from = 0;
        while left > 0 {
            let new = (from..chunk.len())
                .find(|&n| kept.is_none_or(|kept| kept[n] != 0) && !self.values.contains(&chunk[n]));
            let Some(new) = new else { return };
            let mut counts = vec![0; self.rows];
            left -= count(chunk[new], &mut counts);
            self.values.push(chunk[new]);
            self.counts.push(counts);
            from = new + 1;
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if !known.contains(&chunk[new]) {
                known.push(chunk[new]);
            }
            if known.len() > MOST_COUNTED || self.values.len() > MOST_COUNTED {
                self.too_many = true;
                return;
            }
        }
    }
}

/// The whole storage of a tile, whose first voxel is at its offset; nothing if it lies at an odd address.
fn all_of<T: Element>(tile: &Tile) -> &[T] {
    let bytes = tile.bytes();
    bytemuck::try_cast_slice(&bytes[..bytes.len() / size_of::<T>() * size_of::<T>()]).unwrap_or_default()
}

/// The bits of a value in an integer dtype, if that holds it.
fn bits(value: i64, dtype: DType) -> Option<u64> {
    with_element!(dtype, T => {
        let own = T::from_i128_saturating(i128::from(value));
        let all = u64::MAX >> (64 - dtype.bytes() * 8);
        (own.to_i128() == i128::from(value)).then(|| own.widen() & all)
    }, else => None)
}

/// The value that bits stand for in an integer dtype.
fn value(bits: u64, dtype: DType) -> Result<i64> {
    let (size, signed) = (8 * dtype.bytes(), with_element!(dtype, T => T::SIGNED, else => false));
    if signed {
        return Ok((bits << (64 - size)) as i64 >> (64 - size));
    }
    Ok(i64::try_from(bits).map_err(|_| too_large(&bits))?)
}

/// A value that no number of a class can be.
fn too_large(value: &dyn std::fmt::Display) -> Error {
    Error::Data {
        what: "where the values of a label lie".into(),
        found: format!("the value {value}"),
        hint: "values up to 2^63 - 1 can be looked for".into(),
    }
}

/// The runs of a stretch whose first voxel has the number `from`, of voxels that count.
fn class_runs<T: Element>(label: &[T], from: u64, kept: Option<&[u8]>) -> Result<ClassRuns> {
    let mut out = ClassRuns::default();
    let mut failed = None;
    runs::for_each_run(label, |run, value| {
        let Ok(value) = i64::try_from(value.to_i128()) else {
            failed = Some(too_large(&value.to_i128()));
            return;
        };
        let mut add = |start: usize, end: usize| {
            if let Err(e) = out.push(value, from + start as u64, from + end as u64) {
                failed = Some(e);
            }
        };
        match kept {
            None => add(run.start, run.end),
            Some(kept) => runs::for_each_run(&kept[run.clone()], |part, yes| {
                if yes != 0 {
                    add(run.start + part.start, run.start + part.end);
                }
            }),
        }
    });
    match failed {
        Some(e) => Err(e.into()),
        None => Ok(out),
    }
}
