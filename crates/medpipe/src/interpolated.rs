//! Interpolated boxes, and what they read.

use std::ops::Range;

use medcore::{Boundary, Box3, DType, Sampler, with_element};
use medkernels::element::Element;
use medkernels::interpolate::{self, AxisTaps, Bordered};

use crate::Result;
use crate::chain::{Chain, Interpolated, Op, Stage};
use crate::evaluate::scratch;
use crate::picked::{copy_picked, outside};
use crate::tile::{Tile, Want};
use crate::values::cast;

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
        self.fill_sampled(k, i, channel, b, want, out)?;
        if let Some(value) = i.cut {
            let dtype = if i.keeps_dtype() { want.dtype(self.stages[k - 1].dtype) } else { DType::F32 };
            i.cut_off(&outside(Boundary::Cut(value), dtype), b, self.shape_at(k - 1), out);
        }
        Ok(())
    }

    fn fill_sampled(
        &self,
        k: usize,
        i: &Interpolated,
        channel: usize,
        b: &Box3,
        want: Want,
        out: &mut [u8],
    ) -> Result<()> {
        let domain = self.shape_at(k - 1);
        let axes = [0, 1, 2];
        if i.is_between() && i.map.is_separable() {
            if i.is_linear() && i.edged() {
                let taps =
                    |a: usize| AxisTaps::at((b.start[a]..b.end()[a]).map(|o| i.map.along(a, o)), domain[a]);
                return self.fill_linear(k - 1, channel, &axes.map(taps), bytemuck::cast_slice_mut(out));
            }
            if !i.is_linear() {
                return self.fill_weighted(k, i, channel, b, bytemuck::cast_slice_mut(out));
            }
        }
        let input = i.input_box(b, domain);
        let want = if i.keeps_dtype() { want } else { Want::F32 };
        let tile = self.view(k - 1, channel, &input, if i.votes { Want::Stored } else { want })?;
        if i.is_nearest() && i.map.is_separable() {
            let places = axes.map(|a| {
                (b.start[a]..b.end()[a])
                    .map(|o| {
                        let at = i.nearest(a, i.map.along(a, o));
                        i.boundary.index(at, domain[a]).map(|v| v - input.start[a])
                    })
                    .collect::<Vec<_>>()
            });
            copy_picked(&tile, &places, &outside(i.boundary, tile.dtype), out);
            return Ok(());
        }
        let sampled = Sampled { of: i, tile: &tile, input, domain };
        if i.votes && want == Want::F32 && tile.dtype != DType::F32 {
            let mut exact = scratch(b.len() * tile.dtype.bytes())?;
            sampled.fill(b, exact.as_bytes_mut())?;
            return cast(exact.as_bytes(), tile.dtype, out, DType::F32);
        }
        sampled.fill(b, out)
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

    /// Sums voxels, or coefficients, by the weights that they have along each axis.
    fn fill_weighted(
        &self,
        k: usize,
        i: &Interpolated,
        channel: usize,
        b: &Box3,
        out: &mut [f32],
    ) -> Result<()> {
        let domain = self.shape_at(k - 1);
        let weights = [0, 1, 2].map(|a| i.weights(a, b.start[a]..b.end()[a], domain[a]));
        let reads = weights.each_ref().map(interpolate::AxisWeights::reads);
        let input =
            Box3 { start: reads.each_ref().map(|r| r.start), shape: reads.each_ref().map(Range::len) };
        let fill = if let Boundary::Constant(v) = i.boundary { v as f32 } else { 0.0 };
        if input.is_empty() {
            out.fill(fill);
            return Ok(());
        }
        let tile = self.view(k - 1, channel, &input, Want::F32)?;
        let voxels = tile.strided_f32(&input, domain);
        interpolate::resample_weighted(out, &voxels, weights.each_ref(), fill);
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
        let filters = self.stages.iter().map(|s| match &s.op {
            Op::Filter(_, f) => f.work * s.grid.len() * s.dtype.bytes(),
            _ => 0,
        });
        written + interpolations.map(read).sum::<usize>() + filters.sum::<usize>()
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
    /// Whether each sample is a voxel near it.
    pub(crate) fn is_nearest(&self) -> bool {
        self.sampler.iter().all(|s| s.is_nearest())
    }

    /// Whether each sample is a value between voxels.
    fn is_between(&self) -> bool {
        !self.is_nearest() && !self.votes
    }

    /// Whether that is linear along each axis.
    fn is_linear(&self) -> bool {
        self.sampler == [Sampler::Linear; 3]
    }

    /// Whether it sums coefficients of splines, which are made before.
    fn is_cubic(&self) -> bool {
        self.sampler.contains(&Sampler::Cubic)
    }

    /// Whether samples are voxels of the input, in its dtype.
    pub(crate) fn keeps_dtype(&self) -> bool {
        !self.is_between()
    }

    /// What a sample is, in a few words.
    pub(crate) fn how(&self) -> String {
        match self.sampler {
            _ if self.votes => "largest share".into(),
            [x, y, z] if x == y && y == z => x.to_string(),
            each => each.map(|s| s.to_string()).join(", "),
        }
    }

    /// What lies outside, in a few words.
    pub(crate) fn outside(&self) -> String {
        self.cut.map_or_else(|| self.boundary.to_string(), |v| Boundary::Cut(v).to_string())
    }

    /// Whether the boundary is the edge voxel along every axis.
    fn edged(&self) -> bool {
        matches!(self.boundary, Boundary::Edge)
    }

    /// Whether a box of the output needs no more than a box of the input.
    pub(crate) fn local(&self) -> bool {
        let straight = self.is_nearest() || !self.votes && (self.edged() || !self.is_linear());
        self.map.is_separable() && straight && !self.is_cubic()
    }

    /// The input box that an output box needs.
    pub(crate) fn input_box(&self, b: &Box3, domain: [usize; 3]) -> Box3 {
        let mut out = Box3::whole(domain);
        let [lows, highs] = self.map.reach(b);
        for i in 0..3 {
            let more = self.support(i);
            let (low, high) = (lows[i] - more, highs[i] + more);
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

/// A box of input that an interpolation looks at.
struct Sampled<'a> {
    of: &'a Interpolated,
    tile: &'a Tile,
    input: Box3,
    domain: [usize; 3],
}

/// Where the samples of a row lie.
enum Places<'a> {
    /// At equal steps, from this one on.
    Line([f64; 3], [f64; 3], usize),
    Listed([&'a [f64]; 3]),
}

impl Sampled<'_> {
    /// A box of samples that do not lie along the axes.
    fn fill(&self, b: &Box3, out: &mut [u8]) -> Result<()> {
        let size = self.tile.dtype.bytes();
        let each = out.chunks_exact_mut(b.shape[0] * size).enumerate();
        let mut each = each.map(|(n, row)| (b.start[1] + n % b.shape[1], b.start[2] + n / b.shape[1], row));
        if let Some(map) = self.of.map.affine() {
            let step = map.column(0);
            return each.try_for_each(|(y, z, row)| {
                let start = map.apply([0.0, y as f64, z as f64]);
                self.fill_row(row, &Places::Line(start, step, b.start[0]))
            });
        }
        let mut rows = self.of.map.rows(b);
        each.try_for_each(|(y, z, row)| self.fill_row(row, &Places::Listed(rows.row(y, z))))
    }

    fn fill_row(&self, row: &mut [u8], places: &Places) -> Result<()> {
        let boundary = interpolate::Boundary::from(self.of.boundary);
        if self.of.is_between() {
            let (row, src) = (bytemuck::cast_slice_mut(row), self.tile.strided_f32(&self.input, self.domain));
            match (places, self.of.is_cubic()) {
                (&Places::Line(start, step, first), false) => {
                    interpolate::sample_linear_row(row, &src, start, step, first, boundary);
                }
                (&Places::Listed(at), false) => interpolate::sample_linear_at(row, &src, at, boundary),
                (&Places::Line(start, step, first), true) => {
                    interpolate::sample_cubic_row(row, &src, start, step, first, boundary);
                }
                (&Places::Listed(at), true) => interpolate::sample_cubic_at(row, &src, at, boundary),
            }
            return Ok(());
        }
        let src = self.tile.strided(&self.input, self.domain);
        let dtype = self.tile.dtype;
        if self.of.votes {
            return with_element!(dtype, T => {
                let fill = match self.of.boundary {
                    Boundary::Constant(v) => T::from_f64_saturating(v),
                    _ => T::from_f64_saturating(0.0),
                };
                let row: &mut [T] = bytemuck::cast_slice_mut(row);
                match *places {
                    Places::Line(start, step, first) => {
                        interpolate::sample_votes_row(row, &src, start, step, first, boundary, fill);
                    }
                    Places::Listed(at) => interpolate::sample_votes_at(row, &src, at, boundary, fill),
                }
                Ok(())
            }, else => Err(medcore::Error::not_numeric("labels", dtype).into()));
        }
        let word = outside(self.of.boundary, dtype);
        match *places {
            Places::Line(start, step, first) => {
                interpolate::sample_nearest_row(row, &src, word.len(), start, step, first, boundary, &word);
            }
            Places::Listed(at) => interpolate::sample_nearest_at(row, &src, word.len(), at, boundary, &word),
        }
        Ok(())
    }
}

/// The box that taps read.
fn read_by(taps: [&AxisTaps; 3]) -> Box3 {
    let reads = taps.map(AxisTaps::reads);
    Box3 { start: reads.each_ref().map(|r| r.start), shape: reads.each_ref().map(Range::len) }
}
