//! How often values fall in bins: of whole volumes, and of each of their tiles.

use std::sync::{Mutex, PoisonError};

use crate::element::{Element, floor_small};
use crate::interpolate::Boundary;
use crate::kernel::kernel;
use crate::stats::Keep;
use crate::threads;

/// Voxels that are looked at together.
const RUN: usize = 1 << 12;

/// Voxels of a thread's task.
const PART: usize = 1 << 17;

/// The most bins of which four tables are kept, so that equal neighbours do not wait for each other's sums.
const FEW: usize = 1 << 12;

/// Bins of one width from `low` to `high`. What lies beyond counts in the outermost bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bins {
    /// Where the first bin begins.
    pub low: f64,
    /// Where the last bin ends.
    pub high: f64,
    /// How many there are, up to 2^24.
    pub count: usize,
}

impl Bins {
    /// Bins of width 1 about whole numbers, from one to another.
    ///
    /// ```
    /// let bins = medkernels::histogram::Bins::whole(0, 255);
    /// assert_eq!((bins.low, bins.high, bins.count), (-0.5, 255.5, 256));
    /// ```
    pub fn whole(from: i64, to: i64) -> Bins {
        Bins { low: from as f64 - 0.5, high: to as f64 + 0.5, count: (to - from + 1).max(1) as usize }
    }

    /// Bins about values that lie evenly from `low` to `high`, those at the ends included.
    pub fn about(low: f64, high: f64, count: usize) -> Bins {
        let half = (high - low) / (2 * count.max(2) - 2) as f64;
        Bins { low: low - half, high: high + half, count }
    }

    /// The width of a bin.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.count as f64
    }

    /// The middle of a bin.
    pub fn centre(&self, bin: usize) -> f64 {
        self.low + (bin as f64 + 0.5) * self.width()
    }

    /// The bin of each voxel, `count` for NaN. Computed in float64.
    ///
    /// # Panics
    /// If `out` is shorter than the row.
    pub fn of(&self, row: &[f32], out: &mut [u32]) {
        let scale = 1.0 / self.width();
        let scale = if scale.is_finite() { scale } else { 0.0 };
        places(row, self.low, scale, self.count as f64 - 1.0, &mut out[..row.len()]);
    }
}

kernel! {
    fn places(row: &[f32], low: f64, scale: f64, last: f64, out: &mut [u32]) {
        const BITS: f64 = 4_503_599_627_370_496.0;
        for (out, x) in out.iter_mut().zip(row) {
            let place = floor_small((f64::from(*x) - low) * scale);
            let place = if place < 0.0 { 0.0 } else { place };
            let place = if place > last { last } else { place };
            // NaN, and infinity times a width of 0.
            let place = if x.is_nan() { last + 1.0 } else if place.is_nan() { 0.0 } else { place };
            *out = (place + BITS).to_bits() as u32;
        }
    }
}

kernel! {
    /// Whole numbers that are not negative as bins of their own, counted from `first`.
    pub(crate) fn own[T: Element](row: &[T], first: u32, out: &mut [u32]) {
        for (out, x) in out.iter_mut().zip(row) {
            *out = (x.widen() as u32).wrapping_sub(first);
        }
    }
}

kernel! {
    /// Moves voxels that are not kept to the bin after the last.
    fn drop_others(row: &[f32], mask: &[u8], keep: Keep, dropped: u32, bins: &mut [u32]) {
        match keep {
            Keep::All => {}
            Keep::Nonzero => row.iter().zip(bins.iter_mut()).for_each(|(x, b)| *b = if *x == 0.0 { dropped } else { *b }),
            Keep::Above(v) => row.iter().zip(bins.iter_mut()).for_each(|(x, b)| *b = if *x > v { *b } else { dropped }),
            Keep::Mask(m) => m.iter().zip(bins.iter_mut()).for_each(|(m, b)| *b = if *m == 0 { dropped } else { *b }),
        }
        mask.iter().zip(bins).for_each(|(m, b)| *b = if *m == 0 { dropped } else { *b });
    }
}

/// Counts in the making.
pub(crate) struct Counter {
    lanes: usize,
    each: usize,
    counts: Vec<u32>,
}

impl Counter {
    /// Counts of so many bins, with a place for what is dropped.
    pub(crate) fn new(bins: usize) -> Counter {
        let lanes = if bins <= FEW { 4 } else { 1 };
        Counter { lanes, each: bins + 1, counts: vec![0; lanes * (bins + 1)] }
    }

    pub(crate) fn add(&mut self, bins: &[u32]) {
        if self.lanes == 1 {
            for bin in bins {
                self.counts[*bin as usize] += 1;
            }
            return;
        }
        let (a, rest) = self.counts.split_at_mut(self.each);
        let (b, rest) = rest.split_at_mut(self.each);
        let (c, d) = rest.split_at_mut(self.each);
        let (fours, rest) = bins.as_chunks::<4>();
        for four in fours {
            a[four[0] as usize] += 1;
            b[four[1] as usize] += 1;
            c[four[2] as usize] += 1;
            d[four[3] as usize] += 1;
        }
        for bin in rest {
            a[*bin as usize] += 1;
        }
    }

    /// Adds the counts to others, and begins anew.
    pub(crate) fn drain(&mut self, onto: &mut [u32]) {
        for lane in self.counts.chunks(self.each) {
            onto.iter_mut().zip(lane).for_each(|(sum, n)| *sum = sum.saturating_add(*n));
        }
        self.counts.fill(0);
    }
}

/// How many of the kept voxels of all blocks together fall in each bin; NaN in none. On the library's threads.
///
/// `masks` has one mask per block, as long as the block, and a voxel counts if its byte is not zero *and* `keep` keeps it.
///
/// ```
/// use medkernels::histogram::{Bins, histogram};
/// use medkernels::stats::Keep;
/// let bins = Bins { low: 0.0, high: 4.0, count: 2 };
/// assert_eq!(histogram(&[&[-1.0, 1.9, 2.0, 9.0], &[f32::NAN]], None, Keep::All, &bins), [2, 2]);
/// ```
///
/// # Panics
/// If masks do not match the blocks, or with [`Keep::Mask`], which `masks` is for.
pub fn histogram(blocks: &[&[f32]], masks: Option<&[&[u8]]>, keep: Keep, bins: &Bins) -> Vec<u32> {
    assert!(!matches!(keep, Keep::Mask(_)), "masks are given by block");
    let of = |block: usize, at: usize| {
        let voxels = &blocks[block][at..];
        let voxels = &voxels[..voxels.len().min(PART)];
        (voxels, masks.map(|m| &m[block][at..at + voxels.len()]))
    };
    let starts = (0..blocks.len()).flat_map(|b| (0..blocks[b].len()).step_by(PART).map(move |at| (b, at)));
    let parts: Vec<_> = starts.map(|(block, at)| of(block, at)).collect();
    let total: usize = blocks.iter().map(|b| b.len()).sum();
    let groups =
        if total * 4 < threads::PARALLEL_BYTES { 1 } else { (2 * threads::threads()).min(parts.len()) };
    let sums = Mutex::new(vec![0u32; bins.count]);
    let dropped = bins.count as u32;
    threads::for_each(groups.max(1), |group| {
        let (mut counter, mut places) = (Counter::new(bins.count), [0u32; RUN]);
        for (voxels, mask) in parts.iter().skip(group).step_by(groups.max(1)) {
            for (n, run) in voxels.chunks(RUN).enumerate() {
                let places = &mut places[..run.len()];
                let mask = mask.map_or(&[][..], |m| &m[n * RUN..][..run.len()]);
                bins.of(run, places);
                drop_others(run, mask, keep, dropped, places);
                counter.add(places);
            }
        }
        counter.drain(&mut sums.lock().unwrap_or_else(PoisonError::into_inner));
    });
    sums.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How often each value occurs among bytes: four tables, so that equal neighbours do not wait for each other's sums.
pub(crate) struct ByteCounter([[u32; 256]; 4]);

impl ByteCounter {
    pub(crate) fn new() -> ByteCounter {
        ByteCounter([[0; 256]; 4])
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            // Most of a background is one value.
            if *eight == [eight[0]; 8] {
                self.0[0][usize::from(eight[0])] += 8;
                continue;
            }
            for (n, v) in eight.iter().enumerate() {
                self.0[n % 4][usize::from(*v)] += 1;
            }
        }
        for v in rest {
            self.0[1][usize::from(*v)] += 1;
        }
    }

    pub(crate) fn sums(&self) -> impl Iterator<Item = u32> {
        (0..256).map(|bin| self.0.iter().map(|lane| lane[bin]).sum())
    }
}

/// How often each value occurs among bytes of all blocks together. On the library's threads.
///
/// ```
/// let counts = medkernels::histogram::of_bytes(&[&[7, 7, 0], &[7]]);
/// assert_eq!((counts[7], counts[0], counts[1]), (3, 1, 0));
/// ```
pub fn of_bytes(blocks: &[&[u8]]) -> [u64; 256] {
    let parts: Vec<&[u8]> = blocks.iter().flat_map(|block| block.chunks(PART)).collect();
    let total: usize = blocks.iter().map(|b| b.len()).sum();
    let groups =
        if total < threads::PARALLEL_BYTES / 2 { 1 } else { (2 * threads::threads()).min(parts.len()) };
    let sums = Mutex::new([0u64; 256]);
    threads::for_each(groups.max(1), |group| {
        let mut own = [0u64; 256];
        for part in parts.iter().skip(group).step_by(groups.max(1)) {
            let mut counter = ByteCounter::new();
            counter.add(part);
            own.iter_mut().zip(counter.sums()).for_each(|(own, n)| *own += u64::from(n));
        }
        let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.iter_mut().zip(own).for_each(|(sum, n)| *sum += n);
    });
    sums.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How an axis is divided: tiles of one length from its first voxel on. What the last ones lack is the axis mirrored about the centre of its last voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// How many there are.
    pub count: usize,
    /// Voxels of each.
    pub length: usize,
}

impl Tiles {
    /// Tiles by OpenCV's rule: where a number of tiles does not divide its axis, every axis grows, by as many voxels as make it divisible, and by as many as there are tiles if it
    /// is divisible already.
    ///
    /// ```
    /// use medkernels::histogram::Tiles;
    /// assert_eq!(Tiles::of([512, 512], [8, 8]).map(|t| t.length), [64, 64]);
    /// assert_eq!(Tiles::of([512, 500], [8, 8]).map(|t| t.length), [65, 63]);
    /// ```
    pub fn of<const N: usize>(shape: [usize; N], counts: [usize; N]) -> [Tiles; N] {
        let counts = counts.map(|n| n.max(1));
        let even = (0..N).all(|a| shape[a].is_multiple_of(counts[a]));
        std::array::from_fn(|a| {
            let grown = if even { shape[a] } else { shape[a] + counts[a] - shape[a] % counts[a] };
            Tiles { count: counts[a], length: grown / counts[a] }
        })
    }

    /// The voxels of a tile, of an axis of `n`: those that are one after the other, then others.
    pub(crate) fn voxels(&self, tile: usize, n: usize) -> (std::ops::Range<usize>, Vec<usize>) {
        let (start, end) = (tile * self.length, (tile + 1) * self.length);
        let mirrored = (start.max(n)..end).filter_map(|i| Boundary::Mirror.index(i as i64, n));
        (start.min(n)..end.min(n), mirrored.collect())
    }

    /// For a voxel, the tiles on either side of it and the share of the second: linear between the tiles' middles.
    pub(crate) fn around(&self, at: usize) -> ([usize; 2], [f32; 2]) {
        let place = at as f32 * (1.0 / self.length as f32) - 0.5;
        let first = libm::floorf(place);
        let share = place - first;
        let last = self.count as i64 - 1;
        let tiles = [first as i64, first as i64 + 1].map(|t| t.clamp(0, last) as usize);
        (tiles, [1.0 - share, share])
    }
}

/// The histogram of each tile of a volume, x fastest; `planes` are its planes along z, and `place` gives the bins of a row's voxels. On the library's threads.
pub(crate) fn of_tiles<T: Sync>(
    planes: &[&[T]],
    [nx, ny]: [usize; 2],
    tiles: [Tiles; 3],
    bins: usize,
    place: impl Fn(&[T], &mut [u32]) + Sync,
) -> Vec<u32> {
    let each = tiles[0].count * bins;
    let mut out = vec![0u32; each * tiles[1].count * tiles[2].count];
    let mut strips: Vec<&mut [u32]> = out.chunks_mut(each.max(1)).collect();
    let columns: Vec<_> = (0..tiles[0].count).map(|t| tiles[0].voxels(t, nx)).collect();
    let both = |(range, more): (std::ops::Range<usize>, Vec<usize>)| range.chain(more).collect::<Vec<_>>();
    let one = |n: usize, strip: &mut [u32]| {
        let mut counters: Vec<Counter> = columns.iter().map(|_| Counter::new(bins)).collect();
        let mut places = vec![0u32; nx];
        let rows = both(tiles[1].voxels(n % tiles[1].count, ny));
        for z in both(tiles[2].voxels(n / tiles[1].count, planes.len())) {
            for y in &rows {
                place(&planes[z][y * nx..(y + 1) * nx], &mut places);
                for ((range, more), counter) in columns.iter().zip(&mut counters) {
                    counter.add(&places[range.clone()]);
                    for x in more {
                        counter.add(&places[*x..=*x]);
                    }
                }
            }
        }
        for (counter, onto) in counters.iter_mut().zip(strip.chunks_mut(bins.max(1))) {
            counter.drain(onto);
        }
    };
    if nx * ny * planes.len() * size_of::<T>() < threads::PARALLEL_BYTES / 4 {
        strips.iter_mut().enumerate().for_each(|(n, strip)| one(n, strip));
    } else {
        threads::for_each_mut(&mut strips, |n, strip| one(n, strip));
    }
    out
}

/// The histogram of each tile of a picture of bytes, one bin for each value, tiles along its fast axis first. On the library's threads.
pub(crate) fn of_byte_tiles(picture: &[u8], [nx, ny]: [usize; 2], tiles: [Tiles; 2]) -> Vec<u32> {
    assert_eq!(picture.len(), nx * ny, "the picture does not have its shape");
    let mut out = vec![0u32; 256 * tiles[0].count * tiles[1].count];
    let mut strips: Vec<&mut [u32]> = out.chunks_mut(256 * tiles[0].count).collect();
    let columns: Vec<_> = (0..tiles[0].count).map(|t| tiles[0].voxels(t, nx)).collect();
    let one = |n: usize, strip: &mut [u32]| {
        let (range, more) = tiles[1].voxels(n, ny);
        let rows: Vec<usize> = range.chain(more).collect();
        for ((range, more), onto) in columns.iter().zip(strip.chunks_mut(256)) {
            let mut counter = ByteCounter::new();
            for y in &rows {
                let row = &picture[y * nx..(y + 1) * nx];
                counter.add(&row[range.clone()]);
                for x in more {
                    counter.add(&row[*x..=*x]);
                }
            }
            onto.iter_mut().zip(counter.sums()).for_each(|(sum, n)| *sum = n);
        }
    };
    if picture.len() < threads::PARALLEL_BYTES / 4 {
        strips.iter_mut().enumerate().for_each(|(n, strip)| one(n, strip));
    } else {
        threads::for_each_mut(&mut strips, |n, strip| one(n, strip));
    }
    out
}

/// The histogram of each tile of a float32 volume of `nx` voxels a row and `ny` rows a plane; tiles x fastest, those of NaN are not counted. On the library's threads.
///
/// # Panics
/// If a plane is smaller than that.
pub fn tile_histograms(planes: &[&[f32]], nx: usize, ny: usize, tiles: [Tiles; 3], bins: &Bins) -> Vec<u32> {
    of_tiles(planes, [nx, ny], tiles, bins.count, |row, out| bins.of(row, out))
}
