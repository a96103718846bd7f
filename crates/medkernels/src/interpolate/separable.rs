//! Linear resampling along the axes: each output voxel's neighbours and weights are products of three short
//! tables.

use std::ops::Range;

use super::StridedF32;
use super::row_taps::{REACH, RowTaps, between};
use crate::copy::copy_strided;
use crate::element::floor_small;
use crate::kernel::kernel;

/// Lines, already interpolated along z, that are kept for the next output rows.
const SLOTS: usize = 8;

/// For each output index along an axis, two source indices and the weight of the second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AxisTaps {
    /// The first neighbour.
    pub i0: Vec<u32>,
    /// The second neighbour.
    pub i1: Vec<u32>,
    /// Weight of the second neighbour, in 0..=1.
    pub w: Vec<f32>,
}

impl AxisTaps {
    /// The taps of output indices `first..first + count`, whose coordinates are `start + i * step` (f64, in source
    /// voxels); see [`AxisTaps::at`].
    pub fn edge(start: f64, step: f64, first: usize, count: usize, n: usize) -> AxisTaps {
        AxisTaps::at((first..first + count).map(|i| start + i as f64 * step), n)
    }

    /// The taps of coordinates (f64, in source voxels) that are held in `0..=n - 1`: neighbours beyond the edge are
    /// the edge.
    pub fn at(coordinates: impl Iterator<Item = f64>, n: usize) -> AxisTaps {
        let last = n.saturating_sub(1) as f64;
        let mut taps = AxisTaps::default();
        for c in coordinates {
            let c = if c > 0.0 { c } else { 0.0 };
            let c = if c > last { last } else { c };
            let below = floor_small(c);
            taps.i0.push(below as u32);
            taps.i1.push((below as u32 + 1).min(last as u32));
            taps.w.push((c - below) as f32);
        }
        taps
    }

    /// Number of output voxels.
    pub fn len(&self) -> usize {
        self.w.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.w.is_empty()
    }

    /// The nearer neighbour, the other one, and the other's weight, at most 0.5.
    pub(super) fn nearer(&self, i: usize) -> (usize, usize, f32) {
        let (i0, i1, w) = (self.i0[i] as usize, self.i1[i] as usize, self.w[i]);
        if w > 0.5 { (i1, i0, 1.0 - w) } else { (i0, i1, w) }
    }

    /// The taps of some of the output voxels.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn part(&self, outputs: Range<usize>) -> AxisTaps {
        AxisTaps {
            i0: self.i0[outputs.clone()].to_vec(),
            i1: self.i1[outputs.clone()].to_vec(),
            w: self.w[outputs].to_vec(),
        }
    }

    /// The source indices from the first that is read to the last.
    pub fn reads(&self) -> Range<usize> {
        let all = || self.i0.iter().chain(&self.i1).map(|&i| i as usize);
        all().min().unwrap_or(0)..all().max().map_or(0, |last| last + 1)
    }
}

/// The value between `a` and `b` at weight `w` (0..=1) of `b`: from the nearer end, `a + (b - a) * w` or `b +
/// (a - b) * (1 - w)`.
///
/// Exactly `a` for weight 0 and `b` for weight 1, whatever the other is, and exactly `a` where both are
/// equal. Slices longer than `dst` are cut.
///
/// ```
/// let mut out = [0.0; 2];
/// medkernels::interpolate::lerp(&mut out, &[1.0, 8.0], &[3.0, 8.0], 0.25);
/// assert_eq!(out, [1.5, 8.0]);
/// ```
///
/// # Panics
/// If `a` or `b` is shorter than `dst`.
pub fn lerp(dst: &mut [f32], a: &[f32], b: &[f32], w: f32) {
    let (a, b, w) = if w > 0.5 { (b, a, 1.0 - w) } else { (a, b, w) };
    if w == 0.0 { dst.copy_from_slice(&a[..dst.len()]) } else { blend(dst, a, b, w) }
}

kernel! {
    fn blend(dst: &mut [f32], near: &[f32], far: &[f32], w: f32) {
        let near = &near[..dst.len()];
        let far = &far[..dst.len()];
        for ((d, a), b) in dst.iter_mut().zip(near).zip(far) {
            *d = a + (b - a) * w;
        }
    }
}

/// Resamples one row by its taps, with [`lerp`]'s arithmetic.
///
/// # Panics
/// If `dst.len() != taps.len()` or an index lies beyond `src`.
pub fn lerp_x(dst: &mut [f32], src: &[f32], taps: &AxisTaps) {
    assert_eq!(dst.len(), taps.len(), "output voxels and taps differ");
    for (i, d) in dst.iter_mut().enumerate() {
        let (near, far, w) = taps.nearer(i);
        *d = between(src[near], src[far], w);
    }
}

/// A volume of which a box is held; around the box is one value.
#[derive(Clone, Copy, Debug)]
pub struct Bordered<'a> {
    /// The whole grid. What lies outside the box is not looked at.
    pub voxels: StridedF32<'a>,
    /// For each axis, the first index of the box and the one after its last. A box may be empty.
    pub held: [[usize; 2]; 3],
    /// The voxels outside the box.
    pub fill: f32,
}

/// Resamples a box linearly: `dst[x, y, z]`, packed with x fastest, from the taps of its three axes.
///
/// Interpolates along z, then y, then x, each with [`lerp`]'s arithmetic, so the value of a voxel does not
/// depend on the box it is computed in. Serial: the caller parallelises over boxes. A source whose x axis is
/// contiguous, forwards or backwards, is read where it lies; another is packed first.
///
/// # Panics
/// If `dst` does not have the taps' lengths, a tap lies beyond the source's shape, or the shape beyond its
/// data.
pub fn resample_linear(dst: &mut [f32], src: &StridedF32, taps: [&AxisTaps; 3]) {
    resample_linear_bordered(
        dst,
        &Bordered { voxels: *src, held: src.shape.map(|n| [0, n]), fill: 0.0 },
        taps,
    );
}

/// As [`resample_linear`] of a copy of the source in which the border has its value.
///
/// # Panics
/// As [`resample_linear`], or if what is held lies beyond the shape.
pub fn resample_linear_bordered(dst: &mut [f32], src: &Bordered, taps: [&AxisTaps; 3]) {
    let [tx, ty, tz] = taps;
    assert_eq!(dst.len(), tx.len() * ty.len() * tz.len(), "the output does not have the taps' lengths");
    if dst.is_empty() {
        return;
    }
    let reads = taps.map(AxisTaps::reads);
    for (range, &count) in reads.iter().zip(&src.voxels.shape) {
        assert!(range.end <= count, "a tap reads voxel {} of {count}", range.end - 1);
    }
    // What is held of what is read.
    let held = [0, 1, 2].map(|axis| {
        let ([from, to], &Range { start, end }) = (src.held[axis], &reads[axis]);
        assert!(to <= src.voxels.shape[axis], "{to} voxels are held of {}", src.voxels.shape[axis]);
        let from = from.clamp(start, end);
        [from, to.clamp(from, end)]
    });
    let src = Bordered { held, ..*src };
    let shape = held.map(|[from, to]| to - from);
    if shape[0] <= 1 || src.voxels.strides[0].abs() == 1 {
        resample(dst, &src, taps, &reads[0]);
        return;
    }
    let mut packed = vec![0.0f32; shape.iter().product()];
    let strides = StridedF32::packed(&[], shape).strides;
    let first = |offset: isize, strides: [isize; 3]| {
        (0..3).fold(offset, |at, i| at + strides[i] * held[i][0] as isize)
    };
    if !packed.is_empty() {
        let corner = first(src.voxels.offset, src.voxels.strides) as usize;
        let (to, from) = (bytemuck::cast_slice_mut(&mut packed), bytemuck::cast_slice(src.voxels.data));
        copy_strided(to, strides, 0, from, src.voxels.strides, corner, shape, 4);
    }
    let voxels = StridedF32 { data: &packed, offset: -first(0, strides), strides, shape: src.voxels.shape };
    resample(dst, &Bordered { voxels, ..src }, taps, &reads[0]);
}

/// Source rows as lines: the voxels that are read, in the order of memory, the border around them.
struct Lines<'a> {
    src: Bordered<'a>,
    /// Voxels of a line, and those of the border before those that are held.
    width: usize,
    before: usize,
    /// The held part of a line in the border.
    border: Vec<f32>,
}

impl Lines<'_> {
    fn held(&self) -> usize {
        self.border.len()
    }

    /// The part of a row that is held; of the border, if the row is not.
    fn row(&self, y: usize, z: usize) -> &[f32] {
        let [x, rows, planes] = self.src.held;
        if self.held() == 0 || !(rows[0]..rows[1]).contains(&y) || !(planes[0]..planes[1]).contains(&z) {
            return &self.border;
        }
        let StridedF32 { data, offset, strides, .. } = self.src.voxels;
        let x = if strides[0] < 0 { x[1] - 1 } else { x[0] };
        let at = offset + x as isize * strides[0] + y as isize * strides[1] + z as isize * strides[2];
        &data[at as usize..at as usize + self.held()]
    }

    /// Whether a row as it lies in memory is its line.
    fn bare(&self) -> bool {
        self.held() == self.width
    }

    /// Makes the line of row `y` between two planes.
    fn fill(&self, line: &mut [f32], y: usize, (near, far, w): (usize, usize, f32)) {
        let fill = between(self.src.fill, self.src.fill, w);
        let (before, rest) = line.split_at_mut(self.before);
        let (held, after) = rest.split_at_mut(self.held());
        before.fill(fill);
        after.fill(fill);
        if w == 0.0 {
            held.copy_from_slice(self.row(y, near));
        } else {
            blend(held, self.row(y, near), self.row(y, far), w);
        }
    }
}

/// Lines, already interpolated along z, each in the slot of its y.
struct Rows {
    width: usize,
    data: Vec<f32>,
    holds: [usize; SLOTS + 1],
}

impl Rows {
    fn slot(&self, slot: usize) -> &[f32] {
        &self.data[slot * self.width..][..self.width]
    }
}

/// From a source whose rows are contiguous; `reads` is what the taps read along x.
fn resample(dst: &mut [f32], src: &Bordered, taps: [&AxisTaps; 3], reads: &Range<usize>) {
    let [tx, ty, tz] = taps;
    let width = reads.len();
    let [from, to] = src.held[0];
    let backwards = src.voxels.strides[0] < 0;
    let place = |i: usize| if backwards { reads.end - 1 - i } else { i - reads.start };
    let before = if backwards { reads.end - to } else { from - reads.start };
    let lines = Lines { src: *src, width, before, border: vec![src.fill; to - from] };
    let mut line = vec![0.0f32; width.max(REACH)];
    let row_taps = RowTaps::new(tx, line.len(), place);
    let mut rows = Rows { width, data: vec![0.0; (SLOTS + 1) * width], holds: [usize::MAX; SLOTS + 1] };
    for (z, plane) in dst.chunks_mut(tx.len() * ty.len()).enumerate() {
        let z_tap = tz.nearer(z);
        // With weight zero the source row itself is the line.
        let direct = z_tap.2 == 0.0 && lines.bare();
        rows.holds = [usize::MAX; SLOTS + 1];
        for (y, out) in plane.chunks_mut(tx.len()).enumerate() {
            let (y_near, y_far, y_w) = ty.nearer(y);
            let near_slot = y_near % SLOTS;
            let far_slot = if y_far % SLOTS == near_slot && y_far != y_near { SLOTS } else { y_far % SLOTS };
            if !direct {
                for (slot, y) in [(near_slot, y_near), (far_slot, y_far)] {
                    if rows.holds[slot] != y && (y == y_near || y_w != 0.0) {
                        rows.holds[slot] = y;
                        lines.fill(&mut rows.data[slot * width..][..width], y, z_tap);
                    }
                }
            }
            let near = if direct { lines.row(y_near, z_tap.0) } else { rows.slot(near_slot) };
            let far = if direct { lines.row(y_far, z_tap.0) } else { rows.slot(far_slot) };
            if let RowTaps::Same = row_taps {
                if y_w == 0.0 {
                    out.copy_from_slice(&near[..out.len()]);
                } else {
                    blend(out, near, far, y_w);
                }
                continue;
            }
            if y_w == 0.0 {
                line[..width].copy_from_slice(near);
            } else {
                blend(&mut line[..width], near, far, y_w);
            }
            row_taps.apply(out, &line, width);
        }
    }
}
