//! Contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994), with OpenCV's arithmetic.
//!
//! Each tile has a table from levels to levels, its clipped cumulative histogram; a voxel is what the tables of the tiles around it say, linearly between the tiles' middles.

use std::ops::Range;

use crate::element::Element;
use crate::histogram::{Bins, Tiles, of_byte_tiles, of_tiles, own};
use crate::kernel::kernel;
use crate::points::{self, Row};
use crate::threads;

/// Voxels that are blended together.
const RUN: usize = 64;

/// Rows of a thread's task.
const ROWS: usize = 32;

/// Rounds float32 below 2^22 to whole numbers, half to even, in the low bits.
const ROUND: f32 = 12_582_912.0;

/// What tables are made by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The most voxels of one level, in multiples of what they would be if all levels were alike; 0 sets no limit.
    pub clip: f64,
    /// Levels of the whole scale.
    pub levels: usize,
    /// Whether tables hold whole levels.
    pub whole: bool,
}

impl Rule {
    /// Tables of tiles of so many voxels from their histograms, each over the levels from `first` on; and after them what NaN becomes, NaN.
    ///
    /// What is above the limit is given to all levels alike, and what does not come out even to single ones, evenly spread.
    ///
    /// # Panics
    /// If `counts` does not have whole histograms of `bins`.
    pub fn tables(&self, counts: &[u32], bins: usize, first: usize, voxels: usize) -> Vec<f32> {
        let scale = (self.levels - 1) as f32 / voxels as f32;
        let (levels, last) = (self.levels as u64, (self.levels - 1) as f32);
        let limit = if self.clip > 0.0 {
            ((self.clip * voxels as f64 / self.levels as f64) as u64).max(1)
        } else {
            u64::MAX
        };
        let mut out = Vec::with_capacity(counts.len() / bins.max(1) * (bins + 1));
        for histogram in counts.chunks_exact(bins.max(1)) {
            let clipped: u64 = histogram.iter().map(|n| u64::from(*n).saturating_sub(limit)).sum();
            let (each, residual) = (clipped / levels, clipped % levels);
            let step = (levels / residual.max(1)).max(1);
            // Single ones have gone to levels before the first; where the next one goes.
            let mut spread = (first as u64).div_ceil(step).min(residual);
            let mut next = spread * step;
            let mut sum = each * first as u64;
            for (bin, n) in histogram.iter().enumerate() {
                if (first + bin) as u64 == next && spread < residual {
                    spread += 1;
                    next += step;
                }
                sum += u64::from(*n).min(limit) + each;
                let value = (sum + spread) as f32 * scale;
                let nearest = ((value + ROUND) - ROUND).min(last);
                out.push(if self.whole { nearest } else { value });
            }
            out.push(f32::NAN);
        }
        out
    }
}

/// Runs of an axis between the middles of the same two tiles, and the shares of all its voxels.
#[derive(Debug)]
pub struct Blend {
    runs: Vec<(Range<usize>, [usize; 2])>,
    shares: [Vec<f32>; 2],
}

impl Blend {
    /// Those of an axis of `n` voxels.
    pub fn along(tiles: Tiles, n: usize) -> Blend {
        let mut out = Blend { runs: vec![], shares: [Vec::with_capacity(n), Vec::with_capacity(n)] };
        for at in 0..n {
            let (pair, share) = tiles.around(at);
            match out.runs.last_mut() {
                Some((run, last)) if *last == pair => run.end = at + 1,
                _ => out.runs.push((at..at + 1, pair)),
            }
            out.shares.iter_mut().zip(share).for_each(|(all, s)| all.push(s));
        }
        out
    }

    fn at(&self, at: usize) -> ([usize; 2], [f32; 2]) {
        let run = self.runs.partition_point(|(run, _)| run.end <= at);
        (self.runs[run].1, [self.shares[0][at], self.shares[1][at]])
    }
}

/// Shares of the two tables in each of two directions, one after the other: for each voxel of a run.
type Shares<'a> = [&'a [f32]; 4];

macro_rules! in_runs {
    ($src:ident, $dst:ident, $shares:ident, $one:ident, $($arg:expr),*) => {{
        let mut at = 0;
        let (from, from_rest) = $src.as_chunks::<RUN>();
        let (to, to_rest) = $dst.as_chunks_mut::<RUN>();
        for (from, to) in from.iter().zip(to) {
            $one(from, to, $shares, at, $($arg),*);
            at += RUN;
        }
        for (from, to) in from_rest.as_chunks::<1>().0.iter().zip(to_rest.as_chunks_mut::<1>().0) {
            $one(from, to, $shares, at, $($arg),*);
            at += 1;
        }
    }};
}

kernel! {
    /// Bytes by a table of four bytes for each level.
    fn blend_bytes(src: &[u8], dst: &mut [u8], shares: Shares<'_>, table: &[u32; 256]) {
        in_runs!(src, dst, shares, bytes, table);
    }
}

#[inline(always)]
fn bytes<const W: usize>(
    src: &[u8; W],
    dst: &mut [u8; W],
    shares: Shares<'_>,
    at: usize,
    table: &[u32; 256],
) {
    let (u0, u1) = (&shares[0][at..at + W], &shares[1][at..at + W]);
    let (w0, w1) = (&shares[2][at..at + W], &shares[3][at..at + W]);
    let mut found = [0u32; W];
    for i in 0..W {
        found[i] = table[src[i] as usize];
    }
    for i in 0..W {
        let t = found[i];
        let (a, b) = ((t & 255) as i32 as f32, (t >> 8 & 255) as i32 as f32);
        let (c, d) = ((t >> 16 & 255) as i32 as f32, (t >> 24) as i32 as f32);
        let value = (a * u0[i] + b * u1[i]) * w0[i] + (c * u0[i] + d * u1[i]) * w1[i];
        dst[i] = (value + ROUND).to_bits() as u8;
    }
}

kernel! {
    /// Levels by four tables.
    fn blend_levels(src: &[u32], dst: &mut [f32], shares: Shares<'_>, tables: [&[f32]; 4]) {
        in_runs!(src, dst, shares, levels, tables);
    }
}

#[inline(always)]
fn levels<const W: usize>(
    src: &[u32; W],
    dst: &mut [f32; W],
    shares: Shares<'_>,
    at: usize,
    tables: [&[f32]; 4],
) {
    let (u0, u1) = (&shares[0][at..at + W], &shares[1][at..at + W]);
    let (w0, w1) = (&shares[2][at..at + W], &shares[3][at..at + W]);
    let [mut a, mut b, mut c, mut d] = [[0f32; W]; 4];
    for i in 0..W {
        let level = src[i] as usize;
        a[i] = tables[0][level];
        b[i] = tables[1][level];
        c[i] = tables[2][level];
        d[i] = tables[3][level];
    }
    for i in 0..W {
        dst[i] = (a[i] * u0[i] + b[i] * u1[i]) * w0[i] + (c[i] * u0[i] + d[i] * u1[i]) * w1[i];
    }
}

kernel! {
    fn rounded[T: Element](src: &[f32], dst: &mut [T]) {
        src.iter().zip(dst).for_each(|(v, d)| *d = T::from_f32_saturating(*v));
    }
}

/// A picture: its fast axis in memory, then the other.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// Voxels along both.
    pub shape: [usize; 2],
    /// How both are divided.
    pub tiles: [Tiles; 2],
    /// Whether tables are blended along the fast axis before the other, as OpenCV does along a picture's rows.
    pub fast_first: bool,
}

impl Plane {
    /// Equalises bytes, as OpenCV's `CLAHE::apply`, bit for bit. On the library's threads.
    ///
    /// # Panics
    /// If the pictures do not have the plane's shape.
    pub fn equalize_u8(&self, src: &[u8], dst: &mut [u8], clip: f64) {
        let rule = Rule { clip, levels: 256, whole: true };
        let counts = of_byte_tiles(src, self.shape, self.tiles);
        let tables = rule.tables(&counts, 256, 0, self.tiles[0].length * self.tiles[1].length);
        let cell = |corners: [usize; 4]| {
            let of = |bin: usize, n: usize| tables[corners[n] * 257 + bin] as u32;
            Box::new(std::array::from_fn(|b| of(b, 0) | of(b, 1) << 8 | of(b, 2) << 16 | of(b, 3) << 24))
        };
        self.blended(src, dst, cell, |src, dst, shares, cell| blend_bytes(src, dst, shares, cell));
    }

    /// The same for 16-bit pictures. On the library's threads.
    ///
    /// # Panics
    /// If the pictures do not have the plane's shape.
    pub fn equalize_u16(&self, src: &[u16], dst: &mut [u16], clip: f64) {
        let ends = src.iter().fold([u16::MAX, 0], |[low, high], v| [low.min(*v), high.max(*v)]);
        let first = u32::from(ends[0].min(ends[1]));
        let bins = (u32::from(ends[1]) - first) as usize + 1;
        let rule = Rule { clip, levels: 1 << 16, whole: true };
        let tables = self.tables(src, &rule, bins, first as usize, |row, out| own(row, first, out));
        let cell = |corners: [usize; 4]| corners.map(|n| &tables[n * (bins + 1)..][..=bins]);
        self.blended(src, dst, cell, |src, dst, shares, cell| {
            in_parts(src, dst, shares, |src, dst, shares, places, values| {
                own(src, first, places);
                blend_levels(places, values, shares, *cell);
                rounded(values, dst);
            });
        });
    }

    /// The same for float32, whose levels are the middles of `bins`; values between levels are not rounded, NaN stays NaN. On the library's threads.
    ///
    /// # Panics
    /// If the pictures do not have the plane's shape.
    pub fn equalize_f32(&self, src: &[f32], dst: &mut [f32], bins: &Bins, clip: f64) {
        let rule = Rule { clip, levels: bins.count, whole: false };
        let count = bins.count;
        let tables = self.tables(src, &rule, count, 0, |row, out| bins.of(row, out));
        let cell = |corners: [usize; 4]| corners.map(|n| &tables[n * (count + 1)..][..=count]);
        let (width, low) = (bins.width() as f32, bins.centre(0) as f32);
        self.blended(src, dst, cell, |src, dst, shares, cell| {
            in_parts(src, dst, shares, |src, dst, shares, places, values| {
                bins.of(src, places);
                blend_levels(places, values, shares, *cell);
                points::affine(Row::From { src: values, dst }, width, low);
            });
        });
    }

    fn tables<T: Sync>(
        &self,
        src: &[T],
        rule: &Rule,
        bins: usize,
        first: usize,
        place: impl Fn(&[T], &mut [u32]) + Sync,
    ) -> Vec<f32> {
        assert_eq!(src.len(), self.shape[0] * self.shape[1], "the picture does not have its shape");
        let alone = Tiles { count: 1, length: 1 };
        let tiles = [self.tiles[0], self.tiles[1], alone];
        let counts = of_tiles(&[src], self.shape, tiles, bins, place);
        rule.tables(&counts, bins, first, self.tiles[0].length * self.tiles[1].length)
    }

    /// Runs `run` on each stretch of a row between the same tiles, with what `cell` makes of the numbers of the four.
    fn blended<T: Sync, D: Send, C>(
        &self,
        src: &[T],
        dst: &mut [D],
        cell: impl Fn([usize; 4]) -> C + Sync,
        run: impl Fn(&[T], &mut [D], Shares<'_>, &C) + Sync,
    ) {
        assert_eq!(dst.len(), src.len(), "the pictures differ in shape");
        let [nx, ny] = self.shape;
        let (fast, slow) = (Blend::along(self.tiles[0], nx), Blend::along(self.tiles[1], ny));
        let mut parts = vec![];
        let mut rest = dst;
        for (rows, pair) in &slow.runs {
            for start in rows.clone().step_by(ROWS) {
                let end = rows.end.min(start + ROWS);
                let (part, others) = rest.split_at_mut((end - start) * nx);
                parts.push((start, *pair, part));
                rest = others;
            }
        }
        let tile = |fast: usize, slow: usize| fast + slow * self.tiles[0].count;
        let one = |(start, [s0, s1], part): &mut (usize, [usize; 2], &mut [D])| {
            let corners = |[f0, f1]: [usize; 2]| {
                if self.fast_first {
                    [(f0, *s0), (f1, *s0), (f0, *s1), (f1, *s1)]
                } else {
                    [(f0, *s0), (f0, *s1), (f1, *s0), (f1, *s1)]
                }
            };
            let cells: Vec<C> =
                fast.runs.iter().map(|(_, pair)| cell(corners(*pair).map(|(f, s)| tile(f, s)))).collect();
            let mut beside = [vec![0.0; nx], vec![0.0; nx]];
            for (n, dst) in part.chunks_mut(nx).enumerate() {
                let row = *start + n;
                let src = &src[row * nx..][..nx];
                beside.iter_mut().zip(slow.at(row).1).for_each(|(all, share)| all.fill(share));
                let [a, b] = &beside;
                for ((range, _), cell) in fast.runs.iter().zip(&cells) {
                    let [c, d] = fast.shares.each_ref().map(|s| &s[range.clone()]);
                    let [a, b] = [&a[range.clone()], &b[range.clone()]];
                    let shares = if self.fast_first { [c, d, a, b] } else { [a, b, c, d] };
                    run(&src[range.clone()], &mut dst[range.clone()], shares, cell);
                }
            }
        };
        if size_of_val(src) < threads::PARALLEL_BYTES / 4 {
            parts.iter_mut().for_each(one);
        } else {
            threads::for_each_mut(&mut parts, |_, part| one(part));
        }
    }
}

/// Room for bins and levels of voxels on their way.
fn in_parts<T, D>(
    src: &[T],
    dst: &mut [D],
    shares: Shares<'_>,
    mut run: impl FnMut(&[T], &mut [D], Shares<'_>, &mut [u32], &mut [f32]),
) {
    const PART: usize = 8 * RUN;
    let (mut places, mut values) = ([0; PART], [0.0; PART]);
    for (n, (src, dst)) in src.chunks(PART).zip(dst.chunks_mut(PART)).enumerate() {
        let len = src.len();
        let shares = shares.map(|s| &s[n * PART..][..len]);
        run(src, dst, shares, &mut places[..len], &mut values[..len]);
    }
}

/// The tables of a volume's tiles, and where they lie.
#[derive(Debug)]
pub struct Volume {
    /// Levels of the tables.
    bins: Bins,
    tables: Vec<f32>,
    counts: [usize; 3],
    blends: [Blend; 3],
}

impl Volume {
    /// From the [`tile_histograms`](crate::histogram::tile_histograms) of a volume of this shape over `bins`, which are levels `first` and on of the scale that `rule` tells.
    pub fn new(
        shape: [usize; 3],
        tiles: [Tiles; 3],
        counts: &[u32],
        bins: Bins,
        first: usize,
        rule: &Rule,
    ) -> Volume {
        let voxels = tiles.iter().map(|t| t.length).product();
        Volume {
            bins,
            tables: rule.tables(counts, bins.count, first, voxels),
            counts: tiles.map(|t| t.count),
            blends: std::array::from_fn(|a| Blend::along(tiles[a], shape[a])),
        }
    }

    /// Equalises voxels of a row, of which the first is at `index`: tables are blended along z, then y, then x. The scale begins at `low` and has levels `width` apart. NaN stays NaN.
    ///
    /// # Panics
    /// If the row goes beyond the volume.
    pub fn equalize(&self, row: &mut [f32], index: [usize; 3], low: f32, width: f32) {
        const PART: usize = 8 * RUN;
        let (ys, y) = self.blends[1].at(index[1]);
        let (zs, z) = self.blends[2].at(index[2]);
        let table = |x: usize, y: usize, z: usize| {
            let n = x + self.counts[0] * (y + self.counts[1] * z);
            &self.tables[n * (self.bins.count + 1)..][..=self.bins.count]
        };
        let [z, y] = [z, y].map(|pair| pair.map(|share| [share; PART]));
        let (mut places, mut values) = ([0; PART], [[0f32; PART]; 2]);
        let end = index[0] + row.len();
        for (range, xs) in &self.blends[0].runs {
            let (mut at, stop) = (range.start.max(index[0]), range.end.min(end));
            while at < stop {
                let len = PART.min(stop - at);
                let row = &mut row[at - index[0]..][..len];
                let places = &mut places[..len];
                self.bins.of(row, places);
                let shares = [&z[0][..len], &z[1][..len], &y[0][..len], &y[1][..len]];
                for (values, x) in values.iter_mut().zip(xs) {
                    let corners = [(ys[0], zs[0]), (ys[0], zs[1]), (ys[1], zs[0]), (ys[1], zs[1])];
                    let tables = corners.map(|(y, z)| table(*x, y, z));
                    blend_levels(places, &mut values[..len], shares, tables);
                }
                let [before, after] = &values;
                let [left, right] = self.blends[0].shares.each_ref().map(|s| &s[at..][..len]);
                joined(row, [&before[..len], &after[..len]], [left, right], low, width);
                at += len;
            }
        }
    }
}

kernel! {
    fn joined(row: &mut [f32], values: [&[f32]; 2], shares: [&[f32]; 2], low: f32, width: f32) {
        let values = values[0].iter().zip(values[1]);
        let shares = shares[0].iter().zip(shares[1]);
        for (voxel, ((a, b), (left, right))) in row.iter_mut().zip(values.zip(shares)) {
            *voxel = (*a * *left + *b * *right) * width + low;
        }
    }
}
