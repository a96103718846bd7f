//! The filter that makes coefficients of cubic B-splines, in a few steps.
//!
//! Its response falls by `p = sqrt(3) - 2` from voxel to voxel, to both sides (Unser, Aldroubi and Eden 1993). Of one side, sixteen voxels are
//! `(1 + p t)(1 + p^2 t^2)(1 + p^4 t^4)(1 + p^8 t^8)`, `t` being one voxel back: four sums of two voxels each, of what the step before made.

use crate::kernel::kernel;

/// Voxels on either side of one that are looked at; what is left out is 7e-10 of the largest one.
pub const SPLINE_REACH: usize = 15;

/// Voxels between the two that each step sums.
const LAGS: [usize; 4] = [1, 2, 4, 8];

/// Voxels worked on at once.
const LANES: usize = 64;

/// Voxels of a cache line.
const LINE: usize = 16;

/// The weight of the further voxel in each step, and what makes the sum of all weights 1.
#[derive(Clone, Copy, Debug)]
struct Weights {
    steps: [f32; 4],
    scale: f32,
}

impl Weights {
    fn new() -> Weights {
        let mut power = 3f64.sqrt() - 2.0;
        let mut scale = 1.0;
        let steps = LAGS.map(|_| {
            let weight = power;
            scale /= (1.0 + weight) * (1.0 + weight);
            power *= power;
            weight as f32
        });
        Weights { steps, scale: scale as f32 }
    }
}

/// Filters across rows, which come one after the other.
#[derive(Debug)]
pub(super) struct Across {
    weights: Weights,
    /// The last rows that went into each step, as many as its lag: those of the steps back, then those of the steps ahead.
    kept: Vec<f32>,
    width: usize,
    count: usize,
}

impl Across {
    /// For rows of at most so many voxels.
    pub(super) fn new(width: usize) -> Across {
        // An odd number of cache lines, so that what is kept of the same place of two rows does not lie at the same place of two pages.
        let width = (width.div_ceil(LINE) | 1) * LINE;
        Across { weights: Weights::new(), kept: vec![0.0; 2 * SPLINE_REACH * width], width, count: 0 }
    }

    /// Takes a row; what comes out belongs to the row [`SPLINE_REACH`] before it, if twice as many came before.
    ///
    /// # Panics
    /// If the rows differ in length, or are longer than was said.
    pub(super) fn next(&mut self, row: &[f32], out: &mut [f32]) {
        assert!(row.len() == out.len() && row.len() <= self.width, "rows of other lengths");
        across(row, out, &mut self.kept, self.width, self.count, self.weights);
        self.count += 1;
    }
}

kernel! {
    fn across(row: &[f32], out: &mut [f32], kept: &mut [f32], width: usize, count: usize, w: Weights) {
        let mut at = 0;
        let (rows, row) = row.as_chunks::<LANES>();
        let (outs, out) = out.as_chunks_mut::<LANES>();
        for (row, out) in rows.iter().zip(outs) {
            block(row, out, kept, [width, at, count], w);
            at += LANES;
        }
        let (rows, row) = row.as_chunks::<8>();
        let (outs, out) = out.as_chunks_mut::<8>();
        for (row, out) in rows.iter().zip(outs) {
            block(row, out, kept, [width, at, count], w);
            at += 8;
        }
        for (row, out) in row.as_chunks::<1>().0.iter().zip(out.as_chunks_mut::<1>().0) {
            block(row, out, kept, [width, at, count], w);
            at += 1;
        }
    }
}

#[inline(always)]
fn block<const W: usize>(
    row: &[f32; W],
    out: &mut [f32; W],
    kept: &mut [f32],
    [width, at, count]: [usize; 3],
    w: Weights,
) {
    let mut v = row.map(|v| v * w.scale);
    for (lag, w) in LAGS.into_iter().zip(w.steps) {
        let slot = lag - 1 + count % lag;
        let Some(kept) = kept[slot * width + at..].first_chunk_mut::<W>() else { return };
        for i in 0..W {
            let back = kept[i];
            kept[i] = v[i];
            v[i] += back * w;
        }
    }
    for (lag, w) in LAGS.into_iter().zip(w.steps) {
        let slot = SPLINE_REACH + lag - 1 + count % lag;
        let Some(kept) = kept[slot * width + at..].first_chunk_mut::<W>() else { return };
        for i in 0..W {
            let here = kept[i];
            kept[i] = v[i];
            v[i] = here + v[i] * w;
        }
    }
    *out = v;
}

/// Voxels of rows that are filtered along themselves together: so many that what one step puts down is in the cache when the next wants it, between voxels.
const ROWS: usize = 1 << 10;

/// Filters along rows of one length, some at once.
#[derive(Debug)]
pub(super) struct Along {
    weights: Weights,
    made: [Vec<f32>; 2],
    width: usize,
    /// Voxels from one row to the next.
    pitch: usize,
    rows: usize,
}

impl Along {
    /// For rows that give so many voxels.
    pub(super) fn new(width: usize) -> Along {
        let pitch = (width + 2 * SPLINE_REACH).next_multiple_of(LINE);
        let rows = (ROWS / pitch).clamp(1, 8);
        let line = || vec![0.0; rows * pitch + LINE];
        Along { weights: Weights::new(), made: [line(), line()], width, pitch, rows }
    }

    /// How many rows go together.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Where the voxels of a row go, with [`SPLINE_REACH`] more on either side.
    pub(super) fn row(&mut self, n: usize) -> &mut [f32] {
        &mut self.made[0][n * self.pitch..][..self.width + 2 * SPLINE_REACH]
    }

    /// Filters the rows, which are others afterwards, into `out`, where they lie one after the other.
    ///
    /// # Panics
    /// If there are more of them than go together.
    pub(super) fn filter(&mut self, out: &mut [f32]) {
        let [line, other] = &mut self.made;
        along(line, other, out.len() / self.width * self.pitch, self.weights);
        for (out, made) in out.chunks_mut(self.width).zip(line.chunks(self.pitch)) {
            out.copy_from_slice(&made[..out.len()]);
        }
    }
}

/// The sum of each voxel and a weight times the one `lag` before it, which lies where that was.
#[inline(always)]
fn back(to: &mut [f32], from: &[f32], len: usize, lag: usize, w: f32) {
    for ((to, here), before) in to[..len].iter_mut().zip(&from[lag..lag + len]).zip(&from[..len]) {
        *to = here + before * w;
    }
}

/// The sum of each voxel and a weight times the one `lag` behind it.
#[inline(always)]
fn ahead(to: &mut [f32], from: &[f32], len: usize, lag: usize, w: f32) {
    for ((to, here), behind) in to[..len].iter_mut().zip(&from[..len]).zip(&from[lag..lag + len]) {
        *to = here + behind * w;
    }
}

kernel! {
    /// What lies behind a row's last voxels goes into nothing that is wanted of it.
    fn along(line: &mut [f32], other: &mut [f32], len: usize, w: Weights) {
        line[..len].iter_mut().for_each(|v| *v *= w.scale);
        let [a, b, c, d] = w.steps;
        back(other, line, len, 1, a);
        back(line, other, len, 2, b);
        back(other, line, len, 4, c);
        back(line, other, len, 8, d);
        ahead(other, line, len, 1, a);
        ahead(line, other, len, 2, b);
        ahead(other, line, len, 4, c);
        ahead(line, other, len, 8, d);
    }
}
