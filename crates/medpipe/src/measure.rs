//! Numbers of whole volumes.
//!
//! Every z-slice is reduced by itself, packed with x fastest however it lies in memory, and slices are merged in order: any tiling, any
//! strides and any number of threads give the same bits.

use medcore::{Box3, Error, Keep, Measure, Measured, Of, with_element};
use medkernels::element::Element;
use medkernels::stats::{self, Extent, Moments};
use medkernels::{histogram, select, threads};

use crate::Result;
use crate::chain::Chain;
use crate::tile::Want;

/// What one slice contributes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slice {
    moments: Moments,
    extent: Option<Extent>,
    bounds: Option<[[usize; 2]; 2]>,
    count: u64,
}

/// What a piece of a slice contributes: whole blocks of its sums, its extent, or all that is wanted of the whole slice.
pub(crate) enum Piece {
    Blocks(Vec<Moments>),
    Extent(Extent),
    Whole(Slice),
}

impl Slice {
    /// The slice of no voxels.
    pub(crate) fn empty(m: &Measure) -> Slice {
        slice(m, &[], 0, None)
    }

    /// The slice so far and the piece that follows.
    pub(crate) fn followed_by(self, piece: Piece) -> Slice {
        match piece {
            Piece::Blocks(blocks) => {
                let moments = blocks.into_iter().fold(self.moments, Moments::merge);
                Slice { moments, count: moments.n, ..self }
            }
            Piece::Extent(extent) => Slice { extent: self.extent.map(|so_far| so_far.merge(extent)), ..self },
            Piece::Whole(slice) => slice,
        }
    }

    /// Whether infinities were met, which an extent passes over.
    pub(crate) fn is_infinite(&self) -> bool {
        self.extent.is_some_and(|extent| extent.infinite > 0)
    }
}

/// Which voxels of a slice count.
enum Kept<'a> {
    Plain(stats::Keep<'a>),
    Values(&'a [i64]),
    Mask(&'a [u8]),
}

impl Kept<'_> {
    fn row(&self, at: std::ops::Range<usize>) -> stats::Keep<'_> {
        match self {
            Kept::Plain(stats::Keep::Nonzero) => stats::Keep::Nonzero,
            Kept::Plain(stats::Keep::Above(v)) => stats::Keep::Above(*v),
            // Of values only a box is measured.
            Kept::Plain(_) | Kept::Values(_) => stats::Keep::All,
            Kept::Mask(m) => stats::Keep::Mask(&m[at]),
        }
    }

    /// Whether voxel `x` of a row counts; `start` is the row's place in the slice.
    fn counts(&self, row: &[f32], start: usize, x: usize) -> bool {
        match self {
            Kept::Mask(m) => m[start + x] != 0,
            Kept::Plain(stats::Keep::Nonzero) => row[x] != 0.0,
            Kept::Plain(stats::Keep::Above(v)) => row[x] > *v,
            Kept::Values(values) => values.iter().any(|v| *v as f32 == row[x]),
            Kept::Plain(_) => true,
        }
    }
}

/// The extent of a row's finite voxels that count.
fn finite_extent(row: &[f32], counts: impl Fn(usize) -> bool) -> Extent {
    let mut out = Extent::default();
    for (_, &v) in row.iter().enumerate().filter(|(x, v)| v.is_finite() && counts(*x)) {
        out.min = if v < out.min { v } else { out.min };
        out.max = if v > out.max { v } else { out.max };
        out.n += 1;
    }
    out
}

fn kept<'a>(keep: &'a Keep, mask: Option<&'a [u8]>) -> Kept<'a> {
    match (keep, mask) {
        (Keep::Nonzero, _) => Kept::Plain(stats::Keep::Nonzero),
        (Keep::Above(v), _) => Kept::Plain(stats::Keep::Above(*v as f32)),
        (Keep::Label { .. }, Some(m)) => Kept::Mask(m),
        (Keep::Values(values), _) => Kept::Values(values),
        _ => Kept::Plain(stats::Keep::All),
    }
}

/// How many voxels of a slice of `plane` can be looked at apart from the others: those of whole blocks of its sums.
pub(crate) fn divisible(m: &Measure, plane: usize) -> usize {
    const VOXELS: usize = 8 * stats::BLOCK;
    match m.of {
        Of::Moments | Of::Extent => VOXELS.min(plane),
        _ => plane,
    }
}

/// The contribution of a packed piece of a slice of [`divisible`] voxels; a slice that [is infinite](Slice::is_infinite)
/// has to be looked at as a whole.
pub(crate) fn piece(m: &Measure, voxels: &[f32], nx: usize, mask: Option<&[u8]>) -> Piece {
    let kept = kept(&m.keep, mask);
    match m.of {
        Of::Moments => Piece::Blocks(stats::block_moments(voxels, kept.row(0..voxels.len())).collect()),
        Of::Extent => Piece::Extent(stats::extent(voxels, kept.row(0..voxels.len()))),
        _ => Piece::Whole(slice(m, voxels, nx, mask)),
    }
}

/// The contribution of one packed slice of `nx` voxels a row.
pub(crate) fn slice(m: &Measure, voxels: &[f32], nx: usize, mask: Option<&[u8]>) -> Slice {
    let kept = kept(&m.keep, mask);
    let mut out = Slice::default();
    match m.of {
        Of::Moments => {
            out.moments = stats::moments(voxels, kept.row(0..voxels.len()));
            out.count = out.moments.n;
        }
        Of::Extent => {
            let extent = stats::extent(voxels, kept.row(0..voxels.len()));
            let finite = || finite_extent(voxels, |at| kept.counts(voxels, 0, at));
            out.extent = Some(if extent.infinite > 0 { finite() } else { extent });
        }
        Of::Box => {
            for (y, row) in voxels.chunks(nx.max(1)).enumerate() {
                let counts = |x: usize| kept.counts(row, y * nx, x);
                let Some(first) = (0..row.len()).find(|&x| counts(x)) else { continue };
                let last = (first..row.len()).rev().find(|&x| counts(x)).unwrap_or(first);
                let [[x0, x1], [y0, _]] = out.bounds.unwrap_or([[first, last + 1], [y, y + 1]]);
                out.bounds = Some([[x0.min(first), x1.max(last + 1)], [y0, y + 1]]);
                out.count += 1;
            }
        }
        _ => {}
    }
    out
}

/// The numbers of a volume of this shape from the contributions of its slices, z in order, and its voxels (planes in order) where order statistics or histograms are asked for.
pub(crate) fn total(
    m: &Measure,
    slices: &[Slice],
    [nx, _, nz]: [usize; 3],
    blocks: &[&[f32]],
    masks: Option<&[&[u8]]>,
) -> Result<Measured> {
    let mut out = Measured::default();
    let mut moments = Moments::default();
    let mut extent: Option<Extent> = None;
    for (n, s) in slices.iter().enumerate() {
        moments = moments.merge(s.moments);
        extent = match (extent, s.extent) {
            (Some(a), Some(b)) => Some(a.merge(b)),
            (a, b) => a.or(b),
        };
        out.count += s.count;
        if let Some([[x0, x1], [y0, y1]]) = s.bounds {
            let z = n % nz.max(1);
            let [low, high] = out.bounds.unwrap_or([[x0, y0, z], [x1, y1, z + 1]]);
            out.bounds = Some([
                [low[0].min(x0), low[1].min(y0), low[2].min(z)],
                [high[0].max(x1), high[1].max(y1), high[2].max(z + 1)],
            ]);
        }
    }
    match &m.of {
        Of::Moments => {
            (out.count, out.mean) = (moments.n, moments.mean);
            out.variance = moments.variance();
        }
        Of::Extent => {
            if let Some(e) = extent {
                // Which of 0 and -0 came first depends on the order of memory: both are 0.
                (out.count, out.extent) = (e.n, [f64::from(e.min) + 0.0, f64::from(e.max) + 0.0]);
            }
        }
        Of::Extents(axis) => {
            out.extents = extents(*axis, [nx, nz], blocks);
            out.count = blocks.iter().map(|plane| plane.len() as u64).sum();
        }
        Of::Percentiles(q) => {
            out.percentiles =
                select::percentiles(blocks, masks, plain(&m.keep), q).map_err(|e| Error::Data {
                    what: m.label.clone(),
                    found: e.to_string(),
                    hint: "choose a mask that keeps voxels".into(),
                })?;
            out.count = 1;
        }
        Of::Histogram { bins, tiles: None } => {
            out.counts = histogram::histogram(blocks, masks, plain(&m.keep), bins).into();
            out.count = out.counts.iter().map(|n| u64::from(*n)).sum();
        }
        Of::Histogram { bins, tiles: Some(tiles) } => {
            let rows = blocks.first().map_or(0, |plane| plane.len() / nx.max(1));
            out.counts = histogram::tile_histograms(blocks, nx, rows, *tiles, bins).into();
            out.count = blocks.iter().map(|plane| plane.len() as u64).sum();
        }
        _ => {}
    }
    Ok(out)
}

/// The extent of each slice across an axis, of planes of rows of `nx` voxels.
fn extents(axis: usize, [nx, nz]: [usize; 2], planes: &[&[f32]]) -> Vec<[f32; 2]> {
    let rows = planes.first().map_or(0, |plane| plane.len() / nx.max(1));
    let mut out = vec![Extent::default(); [nx, rows, nz][axis]];
    let of = |voxels: &[f32]| {
        let extent = stats::extent(voxels, stats::Keep::All);
        if extent.infinite > 0 { finite_extent(voxels, |_| true) } else { extent }
    };
    for (n, plane) in planes.iter().enumerate() {
        match axis {
            0 => {
                for row in plane.chunks(nx.max(1)) {
                    for (so_far, v) in out.iter_mut().zip(row) {
                        if v.is_finite() {
                            (so_far.min, so_far.max) = (so_far.min.min(*v), so_far.max.max(*v));
                        }
                    }
                }
            }
            1 => {
                for (so_far, row) in out.iter_mut().zip(plane.chunks(nx.max(1))) {
                    *so_far = so_far.merge(of(row));
                }
            }
            _ => out[n % nz.max(1)] = out[n % nz.max(1)].merge(of(plane)),
        }
    }
    let all = |e: Extent| {
        if e.min <= e.max { [e.min + 0.0, e.max + 0.0] } else { [f32::NEG_INFINITY, f32::INFINITY] }
    };
    out.into_iter().map(all).collect()
}

/// The condition on a voxel's own value.
fn plain(keep: &Keep) -> stats::Keep<'static> {
    match keep {
        Keep::Nonzero => stats::Keep::Nonzero,
        Keep::Above(v) => stats::Keep::Above(*v as f32),
        _ => stats::Keep::All,
    }
}

/// A measurement that cannot be made where it was asked for.
pub(crate) fn unsupported(m: &Measure) -> Error {
    Error::Unsupported {
        what: m.label.clone(),
        found: format!("{:?} of {:?}", m.of, m.keep),
        hint: "where values lie, and draws, are measured of whole samples; a label as mask, of single items"
            .into(),
    }
}

/// A label chain as bytes: 1 where the label is one of the values (any but 0 if none are given).
pub(crate) fn mask(chain: &Chain, values: &[i64]) -> Result<Vec<u8>> {
    let volume = chain.compute(Want::Stored)?;
    let shape = volume.grid().shape;
    let n = volume.grid().len();
    let mut out = vec![0u8; n];
    let size = volume.stored_dtype().bytes();
    let mut raw = vec![0u8; n * size];
    volume.copy_box(0, &Box3::whole(shape), &mut raw)?;
    let plane = (shape[0] * shape[1]).max(1);
    let mut parts: Vec<_> = out.chunks_mut(plane).zip(raw.chunks(plane * size)).collect();
    threads::for_each_mut(&mut parts, |_, (out, raw)| {
        with_element!(volume.stored_dtype(), T => {
            for (o, c) in out.iter_mut().zip(raw.chunks_exact(size_of::<T>())) {
                let v = bytemuck::pod_read_unaligned::<T>(c).to_i128();
                let hit = if values.is_empty() { v != 0 } else { values.iter().any(|&w| i128::from(w) == v) };
                *o = u8::from(hit);
            }
        }, else => ());
    });
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_extent_does_not_know_which_zero_came_first() {
        let of = |voxels: &[f32]| {
            let m = Measure {
                label: "extent".into(),
                item: None,
                of: Of::Extent,
                keep: Keep::All,
                per_channel: false,
                then: Arc::new(|_| Ok(vec![])),
            };
            total(&m, &[slice(&m, voxels, 1, None)], [1, 1, 1], &[], None)
                .map(|n| n.extent.map(f64::to_bits))
                .ok()
        };
        assert_eq!(of(&[0.0, -0.0]), Some([0; 2]));
        assert_eq!(of(&[-0.0, 0.0]), Some([0; 2]));
    }
}
