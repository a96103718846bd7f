//! Medians over boxes of neighbours, by comparisons that do not depend on the voxels: the same for every voxel, so many are compared at once.
//!
//! The rows of a box are sorted voxel by voxel, once for all boxes that a column of voxels is in. Then the columns of a box are sorted rank by rank; what is in the table
//! that results has a known number of voxels below and above, so most of it cannot be the median. Among the rest, the smallest and the largest go in turns.

mod sliding;
mod small;

use crate::kernel::kernel;
use crate::select::keys;
use small::{least, most};

/// A comparison of two places: the smaller value goes to the first, the larger to the second, where that place is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exchange {
    low: usize,
    high: usize,
    keeps: [bool; 2],
    /// Whether the places have not been looked at before, and hold what their columns hold.
    fresh: [bool; 2],
}

/// The median of boxes of one size.
///
/// ```
/// use medkernels::median::{Median, Room};
/// let median = Median::of(3, 1);
/// let mut out = [0u8; 3];
/// median.row(&[&[9, 1, 2, 8, 7]], &mut out, &mut Room::of(&median));
/// assert_eq!(out, [2, 2, 7]);
/// ```
#[derive(Clone, Debug)]
pub struct Median {
    width: usize,
    rows: usize,
    columns: Vec<Exchange>,
    table: Vec<Exchange>,
    result: usize,
}

/// Voxels that can be compared.
pub trait Ordered: bytemuck::Pod + Ord {
    /// As [`Median::row`].
    #[doc(hidden)]
    fn medians(median: &Median, src: &[&[Self]], dst: &mut [Self], room: &mut Room<Self>);
}

impl Median {
    /// For boxes of so many voxels along x, up to 17, and so many rows, both odd.
    ///
    /// # Panics
    /// If one is even, or the first above 17.
    pub fn of(width: usize, rows: usize) -> Median {
        assert!(width <= 17, "a box is {width} voxels wide, more than 17");
        assert!(width % 2 == 1 && rows % 2 == 1, "a box of {width} times {rows} voxels has no middle");
        let columns = sorting(rows, |n| n);
        let at = |rank: usize, column: usize| rank * width + column;
        let mut table: Vec<Exchange> =
            (0..rows).flat_map(|rank| sorting(width, move |n| at(rank, n))).collect();
        let middle = width * rows / 2 + 1;
        let left: Vec<usize> = (0..rows)
            .flat_map(|i| (0..width).map(move |j| (i, j)))
            .filter(|(i, j)| (i + 1) * (j + 1) <= middle && (rows - i) * (width - j) <= middle)
            .map(|(i, j)| at(i, j))
            .collect();
        let result = selecting(&left, &mut table);
        looked_at(&mut table, result);
        Median { width, rows, columns, table, result }
    }

    /// How often a voxel is written on the way to the medians, which is about the time that takes.
    fn work(&self) -> usize {
        let kept = |e: &Exchange| e.keeps.into_iter().filter(|keeps| *keeps).count();
        self.rows + self.columns.iter().chain(&self.table).map(kept).sum::<usize>()
    }

    /// The medians of a row: of voxel `i`, over `src[..][i..i + width]`.
    ///
    /// # Panics
    /// If there are not as many rows, each as long as `dst` and a box's width less 1.
    pub fn row<T: Ordered>(&self, src: &[&[T]], dst: &mut [T], room: &mut Room<T>) {
        assert_eq!(src.len(), self.rows, "a box has another number of rows");
        let long = dst.len() + self.width - 1;
        assert!(src.iter().all(|row| row.len() >= long), "a row lacks what lies beside it");
        T::medians(self, src, dst, room);
    }
}

/// Batcher's merge exchange: sorts any number of places.
fn sorting(count: usize, place: impl Fn(usize) -> usize) -> Vec<Exchange> {
    let mut out = vec![];
    let most = count.next_power_of_two() / 2;
    let mut p = most;
    while p > 0 {
        let (mut q, mut r, mut d) = (most, 0, p);
        loop {
            for i in (0..count.saturating_sub(d)).filter(|i| i & p == r) {
                out.push(Exchange { low: place(i), high: place(i + d), keeps: [true; 2], fresh: [false; 2] });
            }
            if q == p {
                break;
            }
            (d, r) = (q - p, p);
            q /= 2;
        }
        p /= 2;
    }
    out
}

/// Adds what finds the median of some places, an odd number; where it is then. Of one more than half of them, and two, the smallest and the largest are not the median.
fn selecting(places: &[usize], out: &mut Vec<Exchange>) -> usize {
    let start = (places.len() / 2 + 2).min(places.len());
    let (mut held, rest) = (places[..start].to_vec(), &places[start..]);
    let mut rest = rest.iter();
    while held.len() > 2 {
        let mut exchange =
            |low: usize, high: usize| out.push(Exchange { low, high, keeps: [true; 2], fresh: [false; 2] });
        let half = held.len() / 2;
        for n in 0..half {
            exchange(held[n], held[held.len() - 1 - n]);
        }
        // The smallest is among the first half, the largest among the last; of an odd number the middle may be either.
        let last = held.len() - 1;
        for n in 1..held.len() - half {
            exchange(held[0], held[n]);
        }
        for n in half..last {
            exchange(held[n], held[last]);
        }
        held.pop();
        held.remove(0);
        held.extend(rest.next());
    }
    held[0]
}

/// Leaves out what does not change the result.
fn looked_at(table: &mut Vec<Exchange>, result: usize) {
    let size = table.iter().map(|e| e.low.max(e.high)).max().unwrap_or(0).max(result) + 1;
    let mut needed = vec![false; size];
    needed[result] = true;
    for exchange in table.iter_mut().rev() {
        exchange.keeps = [needed[exchange.low], needed[exchange.high]];
        if exchange.keeps != [false; 2] {
            needed[exchange.low] = true;
            needed[exchange.high] = true;
        }
    }
    table.retain(|e| e.keeps != [false; 2]);
    let mut seen = vec![false; size];
    for exchange in table {
        exchange.fresh = [!seen[exchange.low], !seen[exchange.high]];
        seen[exchange.low] = true;
        seen[exchange.high] = true;
    }
}

/// Bytes of a line of voxels, of which places are made: the widest register.
const LINE: usize = 64;

/// Bytes that the places of a table take together, if there are not too many of them: most of the first cache level.
const TABLE: usize = 32 << 10;

/// Voxels on their way: of every row of a box, and of every place of the table, so many of a row at a time.
#[derive(Debug)]
pub struct Room<T> {
    /// Voxels of a row that are worked on together.
    together: usize,
    /// Some more, for what lies beside them.
    columns: Vec<T>,
    table: Vec<T>,
}

impl<T: bytemuck::Pod> Room<T> {
    /// Room for the boxes of a median.
    pub fn of(median: &Median) -> Room<T> {
        let (line, places) = (LINE / size_of::<T>(), median.width * median.rows);
        let together = line * (TABLE / (LINE * places)).clamp(4, 16);
        let columns = vec![T::zeroed(); (together + small::TOGETHER) * median.rows];
        Room { together, columns, table: vec![T::zeroed(); together * places] }
    }
}

/// Compares two places, each voxel by itself; `x` and `y` are what they hold, if they have not been looked at before.
#[inline(always)]
fn exchange<T: Copy + Ord>([a, b]: [&mut [T]; 2], [x, y]: [Option<&[T]>; 2], keeps: [bool; 2]) {
    match (keeps, x, y) {
        ([true, true], None, None) => {
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (least(*a, *b), most(*a, *b));
            }
        }
        ([true, true], Some(x), None) => {
            for ((a, b), x) in a.iter_mut().zip(b).zip(x) {
                (*a, *b) = (least(*x, *b), most(*x, *b));
            }
        }
        ([true, true], None, Some(y)) => {
            for ((a, b), y) in a.iter_mut().zip(b).zip(y) {
                (*a, *b) = (least(*a, *y), most(*a, *y));
            }
        }
        ([true, true], Some(x), Some(y)) => {
            for ((a, b), (x, y)) in a.iter_mut().zip(b).zip(x.iter().zip(y)) {
                (*a, *b) = (least(*x, *y), most(*x, *y));
            }
        }
        ([true, false], None, y) => a.iter_mut().zip(y.unwrap_or(b)).for_each(|(a, y)| *a = least(*a, *y)),
        ([true, false], Some(x), y) => {
            let both = x.iter().zip(y.unwrap_or(b));
            a.iter_mut().zip(both).for_each(|(a, (x, y))| *a = least(*x, *y));
        }
        ([false, _], x, None) => b.iter_mut().zip(x.unwrap_or(a)).for_each(|(b, x)| *b = most(*x, *b)),
        ([false, _], x, Some(y)) => {
            let both = x.unwrap_or(a).iter().zip(y);
            b.iter_mut().zip(both).for_each(|(b, (x, y))| *b = most(*x, *y));
        }
    }
}

#[inline(always)]
fn medians<T: Ordered, const L: usize>(median: &Median, src: &[&[T]], dst: &mut [T], room: &mut Room<T>) {
    let Room { together, columns, table } = room;
    let (beside, long) = (median.width - 1, *together + L);
    for (n, dst) in dst.chunks_mut(*together).enumerate() {
        let (start, len) = (n * *together, dst.len() + beside);
        let lines = dst.len().next_multiple_of(L);
        for (column, row) in columns.chunks_mut(long).zip(src) {
            column[..len].copy_from_slice(&row[start..start + len]);
        }
        for e in &median.columns {
            let wide = lines + L;
            let places = [e.low, e.high].map(|place| place * long..place * long + wide);
            if let Ok(places) = columns.get_disjoint_mut(places) {
                exchange(places, [None; 2], [true; 2]);
            }
        }
        let column = |place: usize| &columns[place / median.width * long + place % median.width..][..lines];
        for e in &median.table {
            let places = [e.low, e.high].map(|place| place * *together..place * *together + lines);
            let Ok(places) = table.get_disjoint_mut(places) else { continue };
            let [low, high] = e.fresh;
            exchange(places, [low.then(|| column(e.low)), high.then(|| column(e.high))], e.keeps);
        }
        let found =
            if median.table.is_empty() { column(median.result) } else { &table[median.result * *together..] };
        dst.copy_from_slice(&found[..dst.len()]);
    }
}

macro_rules! ordered {
    ($($name:ident: $type:ty, $slides:expr;)*) => {$(
        kernel! {
            fn $name(median: &Median, src: &[&[$type]], dst: &mut [$type], room: &mut Room<$type>) {
                const L: usize = LINE / size_of::<$type>();
                match (median.width, median.rows) {
                    (3, 3) => small::of_nine::<$type, L>(src, dst, room),
                    (5, 5) => small::of_25(src, dst, room),
                    _ => medians::<$type, L>(median, src, dst, room),
                }
            }
        }

        impl Ordered for $type {
            fn medians(median: &Median, src: &[&[Self]], dst: &mut [Self], room: &mut Room<Self>) {
                let slides: Option<fn(&Median, &[&[Self]], &mut [Self])> = $slides;
                match slides {
                    Some(slide) if median.work() > sliding::WORTH * median.rows => slide(median, src, dst),
                    _ => $name(median, src, dst, room),
                }
            }
        }
    )*};
}

ordered! {
    bytes: u8, Some(sliding::slide);
    signed_bytes: i8, None;
    shorts: u16, None;
    signed_shorts: i16, None;
    words: i32, None;
}

kernel! {
    /// Numbers that sort as the voxels do: both zeros are one, NaN comes last.
    pub fn sort_keys(row: &[f32], keys_of: &mut [i32]) {
        for (key, x) in keys_of.iter_mut().zip(row) {
            *key = if x.is_nan() { i32::MAX } else { keys::key(*x) };
        }
    }
}

kernel! {
    /// The voxels of [`sort_keys`].
    pub fn of_sort_keys(keys_of: &[i32], row: &mut [f32]) {
        for (x, key) in row.iter_mut().zip(keys_of) {
            *x = keys::value(*key);
        }
    }
}
