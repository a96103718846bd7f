//! Medians over boxes of neighbours, by comparisons that do not depend on the voxels: the same for every voxel, so many are compared at once.
//!
//! The rows of a box are sorted voxel by voxel, once for all boxes that a column of voxels is in. Then the columns of a box are sorted rank by rank; what is in the table
//! that results has a known number of voxels below and above, so most of it cannot be the median. Among the rest, the smallest and the largest go in turns.

use crate::kernel::kernel;
use crate::select::keys;

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
/// use medkernels::median::{Median, Ordered};
/// let median = Median::of(3, 1);
/// let mut out = [0u8; 3];
/// median.row(&[&[9, 1, 2, 8, 7]], &mut out, &mut u8::room(&median));
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
    /// Room for voxels on their way.
    type Room;

    /// Room for the boxes of a median.
    fn room(median: &Median) -> Self::Room;

    /// As [`Median::row`].
    #[doc(hidden)]
    fn medians(median: &Median, src: &[&[Self]], dst: &mut [Self], room: &mut Self::Room);
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

    /// The medians of a row: of voxel `i`, over `src[..][i..i + width]`.
    ///
    /// # Panics
    /// If there are not as many rows, each as long as `dst` and a box's width less 1.
    pub fn row<T: Ordered>(&self, src: &[&[T]], dst: &mut [T], room: &mut T::Room) {
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

/// Compares two places, each voxel by itself.
#[inline(always)]
fn exchange<T: Copy + Ord, const W: usize>(places: &mut [[T; W]], exchange: &Exchange) {
    let Ok([a, b]) = places.get_disjoint_mut([exchange.low, exchange.high]) else { return };
    match exchange.keeps {
        [true, true] => {
            for i in 0..W {
                let (x, y) = (a[i], b[i]);
                a[i] = if y < x { y } else { x };
                b[i] = if y < x { x } else { y };
            }
        }
        [true, false] => {
            for i in 0..W {
                a[i] = if b[i] < a[i] { b[i] } else { a[i] };
            }
        }
        _ => {
            for i in 0..W {
                b[i] = if b[i] < a[i] { a[i] } else { b[i] };
            }
        }
    }
}

/// Voxels on their way, `W` of a row at a time, with `C` of each column's: as many more as boxes are wide, less 1.
#[derive(Debug)]
pub struct Room<T, const W: usize, const C: usize> {
    columns: Vec<[T; C]>,
    table: Vec<[T; W]>,
}

#[inline(always)]
fn medians<T: Ordered, const W: usize, const C: usize>(
    median: &Median,
    src: &[&[T]],
    dst: &mut [T],
    room: &mut Room<T, W, C>,
) {
    let Room { columns, table } = room;
    let beside = median.width - 1;
    for (n, dst) in dst.chunks_mut(W).enumerate() {
        let (start, len) = (n * W, dst.len() + beside);
        for (column, row) in columns.iter_mut().zip(src) {
            column[..len].copy_from_slice(&row[start..start + len]);
        }
        for e in &median.columns {
            exchange(columns, e);
        }
        for e in &median.table {
            for place in [(e.low, e.fresh[0]), (e.high, e.fresh[1])].into_iter().filter(|p| p.1) {
                let (rank, shift) = (place.0 / median.width, place.0 % median.width);
                let own: &mut [T; W] = &mut table[place.0];
                own.copy_from_slice(&columns[rank][shift..shift + W]);
            }
            exchange(table, e);
        }
        if median.table.is_empty() {
            dst.copy_from_slice(
                &columns[median.result / median.width][median.result % median.width..][..dst.len()],
            );
        } else {
            dst.copy_from_slice(&table[median.result][..dst.len()]);
        }
    }
}

macro_rules! ordered {
    ($($name:ident: $type:ty, $together:literal, $columns:literal;)*) => {$(
        kernel! {
            fn $name(median: &Median, src: &[&[$type]], dst: &mut [$type], room: &mut Room<$type, $together, $columns>) {
                medians::<$type, $together, $columns>(median, src, dst, room);
            }
        }

        impl Ordered for $type {
            type Room = Room<Self, $together, $columns>;

            fn room(median: &Median) -> Self::Room {
                Room { columns: vec![[0; $columns]; median.rows], table: vec![[0; $together]; median.rows * median.width] }
            }

            fn medians(median: &Median, src: &[&[Self]], dst: &mut [Self], room: &mut Self::Room) {
                $name(median, src, dst, room);
            }
        }
    )*};
}

// Some registers of voxels at a time.
ordered! {
    bytes: u8, 256, 272;
    signed_bytes: i8, 256, 272;
    shorts: u16, 128, 144;
    signed_shorts: i16, 128, 144;
    words: i32, 64, 80;
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
