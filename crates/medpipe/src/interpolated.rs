//! Interpolated boxes, and what they read.

use std::ops::Range;

use medcore::{Boundary, Box3, Sampler};
use medkernels::gather::Picks;
use medkernels::interpolate::{self, AxisTaps, Bordered};

use crate::Result;
use crate::chain::{Chain, Interpolated, Op, Stage};
use crate::evaluate::fill_word;
use crate::tile::{Tile, Want};

/// Voxels of input that are made at once: 512 KiB of float32, so that what they are made from fits the second cache level too.
const PIECE: usize = 128 << 10;

/// Planes of input for each piece, at least, where pieces have planes in common and each makes them again.
const THICK: usize = 8;

impl Chain {
    /// A box of an interpolation's output.
    pub(crate) fn fill_interpolated(
        &self,
        k: usize,
        i: &Interpolated,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        let domain = self.shape_at(k - 1);
        let nearest = i.sampler == [Sampler::Nearest; 3];
        let (start, step) = ([0, 1, 2].map(|a| i.map.rows[a][3]), [0, 1, 2].map(|a| i.map.rows[a][a]));
        if !nearest && i.separable() && i.edged() {
            let taps = |a: usize| AxisTaps::edge(start[a], step[a], b.start[a], b.shape[a], domain[a]);
            return self.fill_linear(k - 1, channel, &[0, 1, 2].map(taps), bytemuck::cast_slice_mut(out));
        }
        let input = i.input_box(b, domain);
        let want = if nearest { want } else { Want::F32 };
        let tile = self.view(k - 1, channel, &input, want)?;
        if nearest && i.separable() {
            let places = [0, 1, 2].map(|a| {
                (b.start[a]..b.end()[a])
                    .map(|o| {
                        // A centre within 1e-6 voxel of half-way is half-way, and goes up: rounding does not choose.
                        let at = (start[a] + o as f64 * step[a] + 0.5 + 1e-6).floor();
                        i.boundary.index(at as i64, domain[a]).map(|v| v - input.start[a])
                    })
                    .collect::<Vec<_>>()
            });
            nearest_separable(&tile, &places, i.boundary, b.shape, out);
            return Ok(());
        }
        let column = i.map.column(0);
        let boundary = interpolate::Boundary::from(i.boundary);
        let size = tile.dtype.bytes();
        let word = match i.boundary {
            Boundary::Constant(v) => fill_word(tile.dtype, v),
            _ => vec![0; size],
        };
        for (n, row) in out.chunks_exact_mut(b.shape[0] * size).enumerate() {
            let (y, z) = (b.start[1] + n % b.shape[1], b.start[2] + n / b.shape[1]);
            let start = i.map.apply([0.0, y as f64, z as f64]);
            if nearest {
                interpolate::sample_nearest_row(
                    row,
                    &tile.strided(&input, domain),
                    size,
                    start,
                    column,
                    b.start[0],
                    boundary,
                    &word,
                );
            } else {
                let row = bytemuck::cast_slice_mut(row);
                interpolate::sample_linear_row(
                    row,
                    &tile.strided_f32(&input, domain),
                    start,
                    column,
                    b.start[0],
                    boundary,
                );
            }
        }
        Ok(())
    }

    /// Interpolates the output of the first `k` stages linearly along its axes.
    fn fill_linear(&self, k: usize, channel: usize, taps: &[AxisTaps; 3], out: &mut [f32]) -> Result<()> {
        let domain = self.shape_at(k);
        let plane = taps[0].len() * taps[1].len();
        for piece in self.pieces(k, taps) {
            let out = &mut out[piece.start * plane..piece.end * plane];
            let z = taps[2].part(piece);
            let taps = [&taps[0], &taps[1], &z];
            let input = read_by(taps);
            let (tile, held, fill) = self.bordered(k, channel, &input)?;
            let voxels = tile.strided_f32(&held, domain);
            let held = [0, 1, 2].map(|a| [held.start[a], held.end()[a]]);
            interpolate::resample_linear_bordered(out, &Bordered { voxels, held, fill }, taps);
        }
        Ok(())
    }

    /// Bytes of a channel of the output, and of the rows that interpolations read on the way: at most four for each of their own.
    pub(crate) fn traffic(&self, want: Want) -> usize {
        let written = self.grid().len() * want.dtype(self.dtype()).bytes();
        let read = |(k, stage): (usize, &Stage)| {
            let (input, [_, rows, planes]) = (self.needed_before(k), stage.grid.shape);
            let lines = (input.shape[1] * input.shape[2]).min(4 * rows * planes);
            lines * input.shape[0] * stage.dtype.bytes()
        };
        let interpolations =
            self.stages.iter().enumerate().filter(|(_, s)| matches!(s.op, Op::Interpolate(_)));
        written + interpolations.map(read).sum::<usize>()
    }

    /// A box after the first `k` stages as float32: what is held of it, and the value of the rest.
    fn bordered(&self, k: usize, channel: usize, b: &Box3) -> Result<(Tile, Box3, f32)> {
        if let Some(Stage { op: Op::Lattice(m), grid, .. }) = k.checked_sub(1).map(|i| &self.stages[i])
            && let Boundary::Constant(fill) = m.boundary
        {
            let part = m.part_inside(b, grid.shape);
            return Ok((self.view(k, channel, &part, Want::F32)?, part, fill as f32));
        }
        Ok((self.view(k, channel, b, Want::F32)?, *b, 0.0))
    }

    /// The output planes in pieces. Input that has to be made first stays in the cache until it is read, unless making it in pieces is more work.
    fn pieces(&self, k: usize, taps: &[AxisTaps; 3]) -> Vec<Range<usize>> {
        let [tx, ty, tz] = taps;
        let input = read_by([tx, ty, tz]);
        let alone = |s: &Stage| matches!(s.op, Op::Lattice(_) | Op::Points(_) | Op::Cast(_) | Op::Relabel(_));
        let mut pieces = vec![];
        let mut from = 0;
        if self.lying(k, 0, &input, Want::F32).is_none() && self.stages[..k].iter().all(alone) {
            let most = PIECE / (input.shape[0] * input.shape[1]).max(1);
            for next in 1..tz.len() {
                let (done, more) = (tz.part(from..next).reads(), tz.part(next..next + 1).reads());
                let shared = more.start < done.end && done.start < more.end;
                if done.len() + more.len() > if shared { most.max(THICK) } else { most } {
                    pieces.push(from..next);
                    from = next;
                }
            }
        }
        pieces.push(from..tz.len());
        pieces
    }
}

impl Interpolated {
    /// Whether each output axis walks along the input axis of the same number.
    pub(crate) fn separable(&self) -> bool {
        (0..3).all(|i| (0..3).all(|j| i == j || self.map.rows[i][j] == 0.0))
    }

    /// Whether the boundary is the edge voxel along every axis.
    fn edged(&self) -> bool {
        matches!(self.boundary, Boundary::Edge)
    }

    /// Whether a box of the output needs no more than a box of the input.
    pub(crate) fn local(&self) -> bool {
        self.separable() && (self.edged() || self.sampler == [Sampler::Nearest; 3])
    }

    /// The input box that an output box needs.
    pub(crate) fn input_box(&self, b: &Box3, domain: [usize; 3]) -> Box3 {
        let mut out = Box3::whole(domain);
        for i in 0..3 {
            let row = self.map.rows[i];
            let (mut low, mut high) = (row[3], row[3]);
            for j in 0..3 {
                let ends = [row[j] * b.start[j] as f64, row[j] * (b.end()[j] - 1) as f64];
                low += ends[0].min(ends[1]);
                high += ends[0].max(ends[1]);
            }
            // One voxel more than needed on either side, for rounding.
            let (low, high) = ((low - 1.0).floor(), (high + 2.0).ceil());
            let n = domain[i];
            let outside = low < 0.0 || high > n as f64;
            let periodic = matches!(self.boundary, Boundary::Reflect | Boundary::Symmetric | Boundary::Wrap);
            if n == 0 || (outside && periodic) || !low.is_finite() || !high.is_finite() {
                continue;
            }
            let first = (low.max(0.0) as usize).min(n - 1);
            let last = (high.max(0.0) as usize).clamp(first + 1, n);
            out.start[i] = first;
            out.shape[i] = last - first;
        }
        out
    }
}

/// The box that taps read.
fn read_by(taps: [&AxisTaps; 3]) -> Box3 {
    let reads = taps.map(AxisTaps::reads);
    Box3 { start: reads.each_ref().map(|r| r.start), shape: reads.each_ref().map(Range::len) }
}

/// Copies voxels by three lists of input indices; `None` is outside.
fn nearest_separable(
    tile: &Tile,
    places: &[Vec<Option<usize>>; 3],
    boundary: Boundary,
    shape: [usize; 3],
    out: &mut [u8],
) {
    let size = tile.dtype.bytes();
    let word = match boundary {
        Boundary::Constant(v) => fill_word(tile.dtype, v),
        _ => vec![0; size],
    };
    let columns: Vec<Option<isize>> =
        places[0].iter().map(|p| p.map(|v| v as isize * tile.strides[0])).collect();
    // Where no column lies outside, all rows are picked by the same indices, counted from the lowest.
    let low = columns.iter().flatten().copied().min().unwrap_or(0);
    let index = columns.iter().map(|c| c.and_then(|c| u32::try_from(c - low).ok()));
    let picks = index.collect::<Option<Vec<u32>>>().map(|index| Picks::new(index, size));
    let from = tile.bytes();
    for (n, row) in out.chunks_exact_mut(shape[0] * size).enumerate() {
        let (Some(y), Some(z)) = (places[1][n % shape[1]], places[2][n / shape[1]]) else {
            row.chunks_exact_mut(size).for_each(|v| v.copy_from_slice(&word));
            continue;
        };
        let base = tile.offset as isize + y as isize * tile.strides[1] + z as isize * tile.strides[2];
        if let Some(picks) = &picks {
            picks.gather(row, &from[(base + low) as usize * size..]);
            continue;
        }
        for (voxel, column) in row.chunks_exact_mut(size).zip(&columns) {
            match column {
                Some(c) => {
                    let at = (base + c) as usize * size;
                    voxel.copy_from_slice(&from[at..at + size]);
                }
                None => voxel.copy_from_slice(&word),
            }
        }
    }
}
