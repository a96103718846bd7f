//! Resampling along the axes by any weights: cubic, area and Lanczos sampling, and different ones along each axis.

use std::ops::Range;

use super::StridedF32;
use super::row_weights::{REACH, RowWeights};
use crate::copy::copy_strided;
use crate::kernel::kernel;

/// Voxels summed at once.
const LANES: usize = 64;

/// For each output index along an axis, source indices and their weights, and what part of the weight lies outside the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AxisWeights {
    ends: Vec<u32>,
    index: Vec<u32>,
    weight: Vec<f32>,
    outside: Vec<f32>,
}

/// The voxels of one output index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voxels<'a> {
    pub(super) index: &'a [u32],
    pub(super) weight: &'a [f32],
    pub(super) outside: f32,
}

impl Voxels<'_> {
    /// The one voxel that it is, if it is one.
    fn single(&self) -> Option<usize> {
        (self.index.len() == 1 && self.weight[0] == 1.0 && self.outside == 0.0)
            .then(|| self.index[0] as usize)
    }
}

impl AxisWeights {
    /// Appends an output index: voxels and their weights, `None` for what lies outside. Weights of the same voxel are added; those of less than 1e-9
    /// are left out.
    ///
    /// ```
    /// use medkernels::interpolate::AxisWeights;
    /// let mut weights = AxisWeights::default();
    /// weights.push([(Some(3), 0.5), (Some(4), 0.25), (Some(3), 0.25)]);
    /// assert_eq!((weights.len(), weights.reads()), (1, 3..5));
    /// ```
    pub fn push(&mut self, voxels: impl IntoIterator<Item = (Option<usize>, f64)>) {
        let (mut sums, mut outside): (Vec<(usize, f64)>, f64) = (vec![], 0.0);
        for (voxel, w) in voxels {
            match voxel {
                None => outside += w,
                Some(i) => match sums.iter_mut().find(|(other, _)| *other == i) {
                    Some((_, sum)) => *sum += w,
                    None => sums.push((i, w)),
                },
            }
        }
        for (i, w) in sums.into_iter().filter(|(_, w)| w.abs() > 1e-9) {
            self.index.push(i as u32);
            self.weight.push(w as f32);
        }
        self.ends.push(self.index.len() as u32);
        self.outside.push(outside as f32);
    }

    /// Number of output indices.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The source indices from the first that is read to the last.
    pub fn reads(&self) -> Range<usize> {
        let all = || self.index.iter().map(|&i| i as usize);
        all().min().unwrap_or(0)..all().max().map_or(0, |last| last + 1)
    }

    pub(super) fn at(&self, output: usize) -> Voxels<'_> {
        let from = if output == 0 { 0 } else { self.ends[output - 1] as usize };
        let range = from..self.ends[output] as usize;
        Voxels {
            index: &self.index[range.clone()],
            weight: &self.weight[range],
            outside: self.outside[output],
        }
    }
}

/// Resamples a box: `dst[x, y, z]`, packed with x fastest, from the weights of its three axes, outside the source `fill`.
///
/// Sums along z, then y, then x, each in the order of the weights, so the value of a voxel does not depend on the box that it is computed in.
/// Serial: the caller parallelises over boxes. A source whose x axis is not contiguous is packed first.
///
/// # Panics
/// If `dst` does not have the weights' lengths, a voxel lies beyond the source's shape, or the shape beyond its data.
pub fn resample_weighted(dst: &mut [f32], src: &StridedF32, weights: [&AxisWeights; 3], fill: f32) {
    let [wx, wy, wz] = weights;
    assert_eq!(dst.len(), wx.len() * wy.len() * wz.len(), "the output does not have the weights' lengths");
    if dst.is_empty() {
        return;
    }
    let reads = weights.map(AxisWeights::reads);
    for (range, &count) in reads.iter().zip(&src.shape) {
        assert!(range.end <= count, "a voxel {} of {count} is read", range.end.saturating_sub(1));
    }
    let shape = reads.each_ref().map(Range::len);
    if shape.contains(&0) {
        dst.fill(fill);
        return;
    }
    let corner = (0..3).fold(src.offset, |at, i| at + src.strides[i] * reads[i].start as isize);
    if shape[0] == 1 || src.strides[0] == 1 {
        let from = Source { data: src.data, corner, strides: src.strides };
        return sum(dst, &from, weights, &reads, fill);
    }
    let mut packed = vec![0.0f32; shape.iter().product()];
    let strides = StridedF32::packed(&[], shape).strides;
    let (to, from) = (bytemuck::cast_slice_mut(&mut packed), bytemuck::cast_slice(src.data));
    copy_strided(to, strides, 0, from, src.strides, corner as usize, shape, 4);
    sum(dst, &Source { data: &packed, corner: 0, strides }, weights, &reads, fill);
}

/// What is read of a source.
struct Source<'a> {
    data: &'a [f32],
    /// The first voxel that is read.
    corner: isize,
    strides: [isize; 3],
}

fn sum(dst: &mut [f32], src: &Source, [wx, wy, wz]: [&AxisWeights; 3], reads: &[Range<usize>; 3], fill: f32) {
    let [width, height, _] = reads.each_ref().map(Range::len);
    let along = RowWeights::new(wx, reads[0].start, width.max(REACH), fill);
    let mut plane = vec![0.0f32; width * height];
    let mut line = vec![0.0f32; width.max(REACH)];
    let mut starts = vec![];
    for (z, out) in dst.chunks_mut(wx.len() * wy.len()).enumerate() {
        let planes = wz.at(z);
        let row_of = |z: usize, y: usize| {
            let [y, z] = [(y - reads[1].start) as isize, (z - reads[2].start) as isize];
            (src.corner + y * src.strides[1] + z * src.strides[2]) as usize
        };
        let single = planes.single();
        if single.is_none() {
            for (row, y) in plane.chunks_mut(width).zip(reads[1].clone()) {
                starts.clear();
                starts.extend(planes.index.iter().map(|&z| row_of(z as usize, y)));
                sum_rows(row, src.data, &starts, planes.weight, planes.outside * fill);
            }
        }
        for (y, out) in out.chunks_mut(wx.len()).enumerate() {
            let rows = wy.at(y);
            let (data, at): (&[f32], &dyn Fn(usize) -> usize) = match single {
                Some(z) => (src.data, &move |y| row_of(z, y)),
                None => (&plane, &|y| (y - reads[1].start) * width),
            };
            if let Some(y) = rows.single() {
                line[..width].copy_from_slice(&data[at(y)..][..width]);
            } else {
                starts.clear();
                starts.extend(rows.index.iter().map(|&y| at(y as usize)));
                sum_rows(&mut line[..width], data, &starts, rows.weight, rows.outside * fill);
            }
            along.apply(out, &line);
        }
    }
}

/// One run of `W` outputs from `at` on.
#[inline(always)]
fn run<const W: usize>(
    out: &mut [f32; W],
    data: &[f32],
    at: usize,
    starts: &[usize],
    weights: &[f32],
    bias: f32,
) {
    let mut sum = [bias; W];
    for (start, w) in starts.iter().zip(weights) {
        let row = &data[start + at..][..W];
        for i in 0..W {
            sum[i] += row[i] * w;
        }
    }
    *out = sum;
}

/// Runs of `W` from `from` on, the last of which ends with the row and may overlap the one before; where the row is long enough.
#[inline(always)]
fn runs<const W: usize>(
    dst: &mut [f32],
    from: usize,
    data: &[f32],
    starts: &[usize],
    weights: &[f32],
    bias: f32,
) -> bool {
    let Some(last) = dst.len().checked_sub(W) else { return false };
    let mut at = from;
    while at < dst.len() {
        let here = if at < last { at } else { last };
        if let Some(out) = dst[here..].first_chunk_mut::<W>() {
            run(out, data, here, starts, weights, bias);
        }
        at = here + W;
    }
    true
}

kernel! {
    /// `dst[i] = bias + sum over k of weights[k] * data[starts[k] + i]`, `k` upwards.
    pub(super) fn sum_rows(dst: &mut [f32], data: &[f32], starts: &[usize], weights: &[f32], bias: f32) {
        let whole = dst.len() / LANES * LANES;
        if whole > 0 {
            runs::<LANES>(&mut dst[..whole], 0, data, starts, weights, bias);
        }
        if !runs::<8>(dst, whole, data, starts, weights, bias) {
            runs::<1>(dst, whole, data, starts, weights, bias);
        }
    }
}
