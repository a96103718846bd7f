//! Linear resampling along the axes: each output voxel's neighbours and weights are products of three short
//! tables.

use super::StridedF32;
use crate::copy::copy_strided;
use crate::element::floor_small;
use crate::kernel::kernel;

/// Voxels of a row that the gathering kernel can index without bounds checks. Longer rows take a checked path.
const REACH: usize = 4096;

/// Rows, already interpolated along z, that are kept for the next output rows.
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
    /// The taps of output indices `first..first + count`, whose coordinates `start + i * step` (f64, in
    /// source voxels) are held in `0..=n - 1`: neighbours beyond the edge are the edge.
    pub fn edge(start: f64, step: f64, first: usize, count: usize, n: usize) -> AxisTaps {
        let last = n.saturating_sub(1) as f64;
        let mut taps = AxisTaps::default();
        for i in first..first + count {
            let c = start + i as f64 * step;
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
    fn nearer(&self, i: usize) -> (usize, usize, f32) {
        let (i0, i1, w) = (self.i0[i] as usize, self.i1[i] as usize, self.w[i]);
        if w > 0.5 { (i1, i0, 1.0 - w) } else { (i0, i1, w) }
    }

    /// First and last source index that is read.
    fn range(&self) -> (usize, usize) {
        let all = || self.i0.iter().chain(&self.i1).map(|&i| i as usize);
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
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

#[inline(always)]
fn between(near: f32, far: f32, w: f32) -> f32 {
    let value = near + (far - near) * w;
    if w == 0.0 { near } else { value }
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

/// The taps of a row, looked at once for all rows.
enum RowTaps {
    /// Each output voxel is the source voxel that many after its own index.
    Same,
    /// Each is the mean of a pair.
    Pairs,
    /// The general case: near index, far index, weight of the far one.
    Gather { near: Vec<u32>, far: Vec<u32>, w: Vec<f32> },
}

impl RowTaps {
    /// From taps whose lowest index is `low`.
    fn new(taps: &AxisTaps, low: usize) -> RowTaps {
        let nearer: Vec<(usize, usize, f32)> =
            (0..taps.len()).map(|i| taps.nearer(i)).map(|(n, f, w)| (n - low, f - low, w)).collect();
        if nearer.iter().enumerate().all(|(i, &(near, _, w))| near == i && w == 0.0) {
            return RowTaps::Same;
        }
        if nearer.iter().enumerate().all(|(i, &(near, far, w))| near == 2 * i && far == near + 1 && w == 0.5)
        {
            return RowTaps::Pairs;
        }
        RowTaps::Gather {
            near: nearer.iter().map(|tap| tap.0 as u32).collect(),
            far: nearer.iter().map(|tap| tap.1 as u32).collect(),
            w: nearer.iter().map(|tap| tap.2).collect(),
        }
    }
}

kernel! {
    fn pairs(dst: &mut [f32], src: &[f32]) {
        for (d, [a, b]) in dst.iter_mut().zip(src.as_chunks::<2>().0) {
            *d = a + (b - a) * 0.5;
        }
    }
}

kernel! {
    fn gather(dst: &mut [f32], src: &[f32; REACH], near: &[u32], far: &[u32], w: &[f32]) {
        for (((d, near), far), w) in dst.iter_mut().zip(near).zip(far).zip(w) {
            *d = between(src[*near as usize % REACH], src[*far as usize % REACH], *w);
        }
    }
}

/// Resamples a box linearly: `dst[x, y, z]`, packed with x fastest, from the taps of its three axes.
///
/// Interpolates along z, then y, then x, each with [`lerp`]'s arithmetic, so the value of a voxel does not
/// depend on the box it is computed in. Serial: the caller parallelises over boxes. A source whose x axis is
/// not contiguous is packed first.
///
/// # Panics
/// If `dst` does not have the taps' lengths, a tap lies beyond the source's shape, or the shape beyond its
/// data.
pub fn resample_linear(dst: &mut [f32], src: &StridedF32, taps: [&AxisTaps; 3]) {
    let [tx, ty, tz] = taps;
    assert_eq!(dst.len(), tx.len() * ty.len() * tz.len(), "the output does not have the taps' lengths");
    if dst.is_empty() {
        return;
    }
    let ranges = taps.map(AxisTaps::range);
    for (range, &count) in ranges.iter().zip(&src.shape) {
        assert!(range.1 < count, "a tap reads voxel {} of {count}", range.1);
    }
    if src.strides[0] == 1 {
        resample(dst, src, taps, ranges);
        return;
    }
    // Pack what is read; the taps then count from the box's corner.
    let shape = ranges.map(|(low, high)| high - low + 1);
    let mut packed = vec![0.0f32; shape.iter().product()];
    let corner =
        src.strides.iter().zip(ranges).fold(src.offset, |at, (stride, (low, _))| at + stride * low as isize);
    let whole = StridedF32::packed(&[], shape).strides;
    copy_strided(
        bytemuck::cast_slice_mut(&mut packed),
        whole,
        0,
        bytemuck::cast_slice(src.data),
        src.strides,
        corner as usize,
        shape,
        4,
    );
    let shifted = [0, 1, 2].map(|axis| {
        let low = ranges[axis].0 as u32;
        let taps = taps[axis];
        AxisTaps {
            i0: taps.i0.iter().map(|i| i - low).collect(),
            i1: taps.i1.iter().map(|i| i - low).collect(),
            w: taps.w.clone(),
        }
    });
    let taps = [&shifted[0], &shifted[1], &shifted[2]];
    resample(dst, &StridedF32::packed(&packed, shape), taps, shape.map(|count| (0, count - 1)));
}

/// Rows interpolated along z, each in the slot of its y.
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

fn resample(dst: &mut [f32], src: &StridedF32, taps: [&AxisTaps; 3], ranges: [(usize, usize); 3]) {
    let [tx, ty, tz] = taps;
    let (low, high) = ranges[0];
    let width = high - low + 1;
    let row_taps = RowTaps::new(tx, low);
    let row = |y: usize, z: usize| {
        let at = src.offset + low as isize + y as isize * src.strides[1] + z as isize * src.strides[2];
        &src.data[at as usize..at as usize + width]
    };
    let mut rows = Rows { width, data: vec![0.0; (SLOTS + 1) * width], holds: [usize::MAX; SLOTS + 1] };
    let mut line = vec![0.0f32; width.max(REACH)];
    for (z, plane) in dst.chunks_mut(tx.len() * ty.len()).enumerate() {
        let (z_near, z_far, z_w) = tz.nearer(z);
        rows.holds = [usize::MAX; SLOTS + 1];
        for (y, out) in plane.chunks_mut(tx.len()).enumerate() {
            let (y_near, y_far, y_w) = ty.nearer(y);
            let near_slot = y_near % SLOTS;
            let far_slot = if y_far % SLOTS == near_slot && y_far != y_near { SLOTS } else { y_far % SLOTS };
            // With weight zero the source row itself is the row.
            if z_w != 0.0 {
                for (slot, y) in [(near_slot, y_near), (far_slot, y_far)] {
                    if rows.holds[slot] != y && (y == y_near || y_w != 0.0) {
                        rows.holds[slot] = y;
                        let into = &mut rows.data[slot * width..][..width];
                        blend(into, row(y, z_near), row(y, z_far), z_w);
                    }
                }
            }
            let near = if z_w == 0.0 { row(y_near, z_near) } else { rows.slot(near_slot) };
            let far = if z_w == 0.0 { row(y_far, z_near) } else { rows.slot(far_slot) };
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
            match &row_taps {
                RowTaps::Same => {}
                RowTaps::Pairs => pairs(out, &line[..width]),
                RowTaps::Gather { near, far, w } => match line.first_chunk::<REACH>() {
                    Some(reach) if width <= REACH => gather(out, reach, near, far, w),
                    _ => {
                        for (i, d) in out.iter_mut().enumerate() {
                            *d = between(line[near[i] as usize], line[far[i] as usize], w[i]);
                        }
                    }
                },
            }
        }
    }
}
