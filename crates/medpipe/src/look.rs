//! Measuring voxels: where they lie, if they lie in memory, else as they are made.

use std::ops::Range;
use std::sync::Arc;

use medcore::{Box3, DType, Grid, Keep, Measure, Measured, Of, Volume};
use medkernels::buffer::Buffer;
use medkernels::stats::{self, Moments};
use medkernels::threads;

use crate::Result;
use crate::chain::Chain;
use crate::compute::Resolved;
use crate::evaluate::scratch;
use crate::measure::{self, Piece, Slice};
use crate::slabs::SLAB;
use crate::source::Source;
use crate::turn::Turn;

/// What a measurement leads to.
pub(crate) struct Seen {
    /// The numbers of all channels together, or of each.
    pub(crate) numbers: Vec<Measured>,
    /// The voxels measured: where they were, or where they have been made.
    pub(crate) source: Source,
    /// The source's buffer, if it lies x fastest and nobody else holds it.
    pub(crate) fresh: Option<Arc<Buffer>>,
}

impl Seen {
    /// The same in the order of axes of `before`, of which the chain measured was turned.
    pub(crate) fn turned_back(self, turn: Turn, before: &Resolved) -> Result<Seen> {
        let source = match (self.fresh, self.source) {
            (Some(_), Source::Memory(made)) => Source::Memory(made.permuted(turn)?),
            _ => before.chain.source.clone(),
        };
        Ok(Seen { numbers: self.numbers, source, fresh: None })
    }
}

impl Chain {
    /// The turned chain in which the voxels are measured as they lie, if the numbers do not depend on the order.
    pub(crate) fn turn_to_measure(&self, m: &Measure) -> Option<(Turn, Chain)> {
        let free = matches!(m.of, Of::Extent | Of::Percentiles(_) | Of::Histogram { tiles: None, .. })
            && !matches!(m.keep, Keep::Label { .. });
        let turn = self.turn_of_source().filter(|_| free)?;
        Some((turn, self.turned(turn)?))
    }
}

impl Resolved {
    /// Measures the output, or one channel of it.
    pub(crate) fn seen(self, only: Option<usize>, m: &Measure, mask: Option<&[u8]>) -> Result<Seen> {
        let grid = *self.chain.grid();
        // The slices of the channels that are measured, among those of all.
        let nz = grid.shape[2];
        let of = only.map_or(0..self.chain.channels() * nz, |c| c * nz..(c + 1) * nz);
        if let Some(planes) = self.planes() {
            let planes = &planes[of];
            let slices = look(m, planes, &grid, mask);
            let numbers = numbers(m, &grid, planes, &slices, mask)?;
            return Ok(Seen { numbers, source: self.chain.source, fresh: self.fresh });
        }
        if let Some(numbers) = self.of_bytes(only, m) {
            return Ok(Seen { numbers, source: self.chain.source, fresh: self.fresh });
        }
        if let Some(slices) = self.strips(only, m)? {
            let numbers = numbers(m, &grid, &[], &slices[of], None)?;
            return Ok(Seen { numbers, source: self.chain.source, fresh: self.fresh });
        }
        let (extra, meta) = (self.chain.source.extra().to_vec(), self.chain.source.meta().clone());
        let (whole, slices) = self.measured(m, mask)?;
        let plane = (grid.shape[0] * grid.shape[1]).max(1);
        let planes: Vec<&[f32]> = whole.as_slice::<f32>().chunks(plane).collect();
        let numbers = numbers(m, &grid, &planes[of.clone()], &slices[of], mask)?;
        let whole = Arc::new(whole);
        let source = Source::Memory(Volume::packed(whole.clone(), DType::F32, grid, extra, meta)?);
        Ok(Seen { numbers, source, fresh: Some(whole) })
    }

    /// The output, if it is float32 in memory as it is.
    fn lying(&self) -> Option<(&Volume, &[f32])> {
        let Source::Memory(v) = &self.chain.source else { return None };
        if !self.chain.stages.is_empty() || v.scale().is_some() || v.stored_dtype() != DType::F32 {
            return None;
        }
        let bytes = v.storage().bytes();
        Some((v, bytemuck::try_cast_slice(&bytes[..bytes.len() / 4 * 4]).ok()?))
    }

    /// The planes of the output, if they are float32 in memory, each packed.
    fn planes(&self) -> Option<Vec<&[f32]>> {
        let (v, all) = self.lying()?;
        let n = v.grid().shape;
        let steps = [1, n[0] as isize];
        if (0..2).any(|axis| n[axis] > 1 && v.strides()[axis] != steps[axis]) {
            return None;
        }
        let plane = n[0] * n[1];
        let at = |c: usize, z: usize| v.channel_offset(c) as isize + z as isize * v.strides()[2];
        let planes = (0..v.channels()).flat_map(|c| (0..n[2]).map(move |z| (c, z)));
        planes.map(|(c, z)| all.get(at(c, z) as usize..at(c, z) as usize + plane)).collect()
    }

    /// What each slice contributes to moments, if the voxels are float32 in memory in another order: packed strip by
    /// strip, in the cache, the same numbers as those of packed slices. Slices of channels that are not measured stay empty.
    fn strips(&self, only: Option<usize>, m: &Measure) -> Result<Option<Vec<Slice>>> {
        let keep = match m.keep {
            Keep::All => stats::Keep::All,
            Keep::Nonzero => stats::Keep::Nonzero,
            Keep::Above(v) => stats::Keep::Above(v as f32),
            _ => return Ok(None),
        };
        let (Of::Moments, Some((v, _))) = (&m.of, self.lying()) else { return Ok(None) };
        let [nx, ny, nz] = v.grid().shape;
        // Rows that make whole blocks of the sums, and rows and slices enough for a cache line.
        let whole = stats::BLOCK >> nx.trailing_zeros().min(stats::BLOCK.trailing_zeros());
        let rows = whole.next_multiple_of(16).min(ny.max(1));
        let group = if v.strides()[2].unsigned_abs() < 16 { 16 } else { 1 };
        struct Part {
            channel: usize,
            b: Box3,
            /// The blocks of each slice.
            found: Result<Vec<Vec<Moments>>>,
        }
        let each = rows * (SLAB / 8 / (nx * rows * group).max(1)).max(1);
        let starts = move |n: usize, step: usize| (0..n).step_by(step);
        let mut parts: Vec<Part> = only
            .map_or(0..v.channels(), |c| c..c + 1)
            .flat_map(|c| starts(nz, group).flat_map(move |z| starts(ny, each).map(move |y| (c, y, z))))
            .map(|(channel, y, z)| {
                let b = Box3 { start: [0, y, z], shape: [nx, each.min(ny - y), group.min(nz - z)] };
                Part { channel, b, found: Ok(vec![]) }
            })
            .collect();
        let one = |part: &mut Part| -> Result<Vec<Vec<Moments>>> {
            let Box3 { start: [_, y0, z], shape: [_, height, depth] } = part.b;
            let mut found = vec![vec![]; depth];
            let mut strip = scratch(nx * rows * depth * 4)?;
            for y in (0..height).step_by(rows) {
                let b = Box3 { start: [0, y0 + y, z], shape: [nx, rows.min(height - y), depth] };
                let packed = &mut strip.as_bytes_mut()[..b.len() * 4];
                v.copy_box(part.channel, &b, packed)?;
                let packed: &[f32] = bytemuck::cast_slice(packed);
                let plane = (b.shape[0] * b.shape[1]).max(1);
                for (blocks, voxels) in found.iter_mut().zip(packed.chunks(plane)) {
                    blocks.extend(stats::block_moments(voxels, keep));
                }
            }
            Ok(found)
        };
        on_threads(v.grid().len() * v.channels(), &mut parts, |part| part.found = one(part));
        let mut slices = vec![Slice::empty(m); nz * v.channels()];
        for part in parts {
            let first = part.channel * nz + part.b.start[2];
            for (slice, blocks) in slices[first..].iter_mut().zip(part.found?) {
                *slice = slice.followed_by(Piece::Blocks(blocks));
            }
        }
        Ok(Some(slices))
    }
}

/// Runs `f` of each part, on all threads if so many voxels are worth it.
fn on_threads<T: Send>(voxels: usize, parts: &mut [T], f: impl Fn(&mut T) + Sync) {
    if voxels * 4 < threads::PARALLEL_BYTES {
        parts.iter_mut().for_each(f);
    } else {
        threads::for_each_mut(parts, |_, part| f(part));
    }
}

/// What each plane contributes to a measurement.
pub(crate) fn look(m: &Measure, planes: &[&[f32]], grid: &Grid, mask: Option<&[u8]>) -> Vec<Slice> {
    let [nx, ny, nz] = grid.shape;
    let plane = (nx * ny).max(1);
    let mask_of = |n: usize| mask.map(|mask| &mask[n % nz.max(1) * plane..][..plane]);
    let each = measure::divisible(m, plane);
    let pieces =
        |n: usize, len: usize| (0..len).step_by(each).map(move |at| ((n, at..len.min(at + each)), None));
    let mut parts: Vec<_> =
        planes.iter().enumerate().flat_map(|(n, voxels)| pieces(n, voxels.len())).collect();
    let mut groups: Vec<_> = parts.chunks_mut((SLAB / 8 / each).max(1)).collect();
    on_threads(planes.len() * plane, &mut groups, |parts| {
        for ((n, range), found) in parts.iter_mut() {
            let mask = mask_of(*n).map(|mask| &mask[range.clone()]);
            *found = Some(measure::piece(m, &planes[*n][range.clone()], nx, mask));
        }
    });
    let mut slices = vec![Slice::empty(m); planes.len()];
    for ((n, _), found) in parts {
        slices[n] = found.map_or(slices[n], |piece| slices[n].followed_by(piece));
    }
    for (n, slice) in slices.iter_mut().enumerate().filter(|(_, slice)| slice.is_infinite()) {
        *slice = measure::slice(m, planes[n], nx, mask_of(n));
    }
    slices
}

/// The numbers of a measurement, of all channels whose slices these are together or of each. `planes` are looked at for percentiles.
fn numbers(
    m: &Measure,
    grid: &Grid,
    planes: &[&[f32]],
    slices: &[Slice],
    mask: Option<&[u8]>,
) -> Result<Vec<Measured>> {
    let nz = grid.shape[2];
    let plane = (grid.shape[0] * grid.shape[1]).max(1);
    let masks: Option<Vec<&[u8]>> = mask.map(|m| m.chunks(plane).cycle().take(planes.len()).collect());
    let each = if m.per_channel { nz } else { slices.len() };
    let groups = (0..slices.len() / each.max(1)).map(|n| n * each..(n + 1) * each);
    let of = |range: Range<usize>| {
        let masks = masks.as_ref().map(|m| &m[range.clone()]);
        let planes = planes.get(range.clone()).unwrap_or_default();
        measure::total(m, &slices[range], grid.shape, planes, masks)
    };
    groups.map(of).collect()
}
