//! Strided copies of any element size: crops, flips, permutations, transposes.

use crate::kernel::kernel;
use crate::threads;
use crate::transpose::{self, Area};

/// Three axes of elements in a slice of bytes.
///
/// Element `(x, y, z)` starts at byte `(offset + x * strides[0] + y * strides[1] + z * strides[2]) *
/// element`; `offset` and strides count elements, and strides may be negative.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The element at index (0, 0, 0); outside the slice if that holds only a part of the shape, which
    /// samplers take as long as what they look at is held.
    pub offset: isize,
    /// Elements from one index to the next, per axis.
    pub strides: [isize; 3],
    /// Elements per axis.
    pub shape: [usize; 3],
}

impl Strided<'_> {
    /// Copies all elements of `element` bytes into `dst`, packed with the first axis fastest.
    ///
    /// # Panics
    /// As [`copy_strided`].
    pub fn copy_packed(&self, element: usize, dst: &mut [u8]) {
        let [nx, ny, _] = self.shape;
        let strides = [1, nx as isize, (nx * ny) as isize];
        copy_strided(dst, strides, 0, self.bytes, self.strides, self.offset as usize, self.shape, element);
    }
}

/// One axis of a copy: count, and steps in elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) count: usize,
    pub(crate) dst: isize,
    pub(crate) src: isize,
}

const SINGLE: Axis = Axis { count: 1, dst: 0, src: 0 };

/// Copies `shape` elements of `element` bytes (1, 2, 3, 4, 6, 8, 12 or 16) between any strides, signs and
/// orders of axes.
///
/// Strides and offsets count elements; an offset is where index (0, 0, 0) lies. Runs are copied whole where
/// both sides are contiguous, reversed where one side is, and by tiles where the fastest axes differ. On the
/// library's threads from 512 KiB of traffic on, if the destination's slowest axis does not interleave with the
/// others. Destination elements that coincide get one of the values.
///
/// ```
/// use medkernels::copy::copy_strided;
/// // A 3 x 2 plane, x fastest, written y fastest.
/// let mut out = [0u8; 6];
/// copy_strided(&mut out, [2, 1, 6], 0, &[1, 2, 3, 4, 5, 6], [1, 3, 6], 0, [3, 2, 1], 1);
/// assert_eq!(out, [1, 4, 2, 5, 3, 6]);
/// ```
///
/// # Panics
/// If an index of either side lies outside its slice (checked once, before anything is written), or for
/// another element size.
#[expect(clippy::too_many_arguments, reason = "two strided sides, a shape and an element size")]
pub fn copy_strided(
    dst: &mut [u8],
    dst_strides: [isize; 3],
    dst_offset: usize,
    src: &[u8],
    src_strides: [isize; 3],
    src_offset: usize,
    shape: [usize; 3],
    element: usize,
) {
    let mut plan = Plan { axes: [SINGLE; 3], dst: dst_offset, src: src_offset };
    for (axis, ((&count, &dst), &src)) in
        plan.axes.iter_mut().zip(shape.iter().zip(&dst_strides).zip(&src_strides))
    {
        *axis = Axis { count, dst, src };
    }
    if shape.contains(&0) {
        return;
    }
    match element {
        1 => copy::<1>(dst, src, plan),
        2 => copy::<2>(dst, src, plan),
        3 => copy::<3>(dst, src, plan),
        4 => copy::<4>(dst, src, plan),
        6 => copy::<6>(dst, src, plan),
        8 => copy::<8>(dst, src, plan),
        12 => copy::<12>(dst, src, plan),
        16 => copy::<16>(dst, src, plan),
        _ => panic!("elements of {element} bytes cannot be copied; 1, 2, 3, 4, 6, 8, 12 and 16 can"),
    }
}

/// Axes and the element at index 0 on both sides.
#[derive(Clone, Copy, Debug)]
struct Plan {
    axes: [Axis; 3],
    dst: usize,
    src: usize,
}

/// Whether all of `offset + sum of index * step` lie in `0..len`.
fn fits(len: usize, offset: usize, steps: impl Iterator<Item = (usize, isize)>) -> bool {
    let (mut low, mut high) = (offset as i128, offset as i128);
    for (count, step) in steps {
        let reach = (count as i128 - 1) * step as i128;
        if reach < 0 {
            low += reach;
        } else {
            high += reach;
        }
    }
    low >= 0 && high < len as i128
}

fn copy<const N: usize>(dst: &mut [u8], src: &[u8], plan: Plan) {
    let dst = dst.as_chunks_mut::<N>().0;
    let src = src.as_chunks::<N>().0;
    assert!(
        fits(dst.len(), plan.dst, plan.axes.iter().map(|axis| (axis.count, axis.dst))),
        "the copy leaves the destination of {} elements: {plan:?}",
        dst.len()
    );
    assert!(
        fits(src.len(), plan.src, plan.axes.iter().map(|axis| (axis.count, axis.src))),
        "the copy leaves the source of {} elements: {plan:?}",
        src.len()
    );
    let plan = plan.simplify();
    let voxels: usize = plan.axes.iter().map(|axis| axis.count).product();
    // The slowest axis is cut, if then the parts of the destination do not overlap.
    let slow = plan.axes.iter().rposition(|axis| axis.count > 1).unwrap_or(0);
    let inner: usize =
        1 + plan.axes[..slow].iter().map(|axis| (axis.count - 1) * axis.dst as usize).sum::<usize>();
    let axis = plan.axes[slow];
    let workers = threads::threads();
    if 2 * voxels * N < threads::PARALLEL_BYTES || workers < 2 || axis.count < 2 || inner > axis.dst as usize
    {
        copy_part(&mut dst[plan.dst..], src, plan.axes, plan.src as isize);
        return;
    }
    // Cuts across lines would make both sides share them, and halve the transposition's tiles.
    let unit = if axis.src.abs() == 1 { transpose::LINE.div_ceil(N) } else { 1 };
    let units = axis.count.div_ceil(unit);
    let pieces = (8 * workers).min(2 * voxels * N / (threads::PARALLEL_BYTES / 4)).min(units).max(1);
    let mut parts = Vec::with_capacity(pieces);
    let mut rest = &mut dst[plan.dst..];
    let mut done = 0;
    for piece in 0..pieces {
        let end = (units * (piece + 1) / pieces * unit).min(axis.count);
        let count = end - done;
        let cut = if end == axis.count { rest.len() } else { count * axis.dst as usize };
        let (part, after) = rest.split_at_mut(cut);
        let mut axes = plan.axes;
        axes[slow].count = count;
        parts.push((part, axes, plan.src as isize + done as isize * axis.src));
        rest = after;
        done = end;
    }
    threads::for_each_mut(&mut parts, |_, (part, axes, start)| copy_part(part, src, *axes, *start));
}

impl Plan {
    /// The same copy with positive destination steps, fastest first, and with axes joined that run on in both.
    fn simplify(self) -> Plan {
        let Plan { axes, mut dst, mut src } = self;
        let mut axes: Vec<Axis> = axes.into_iter().filter(|axis| axis.count > 1).collect();
        for axis in &mut axes {
            if axis.dst < 0 {
                let last = axis.count as isize - 1;
                dst = dst.wrapping_add_signed(last * axis.dst);
                src = src.wrapping_add_signed(last * axis.src);
                axis.dst = -axis.dst;
                axis.src = -axis.src;
            }
        }
        axes.sort_by_key(|axis| axis.dst);
        let mut joined: Vec<Axis> = Vec::with_capacity(3);
        for axis in axes {
            match joined.last_mut() {
                Some(last)
                    if last.dst * last.count as isize == axis.dst
                        && last.src * last.count as isize == axis.src =>
                {
                    last.count *= axis.count;
                }
                _ => joined.push(axis),
            }
        }
        joined.resize(3, SINGLE);
        Plan { axes: [joined[0], joined[1], joined[2]], dst, src }
    }
}

/// Copies with the destination's index 0 at the start of `dst` and the source's at `start`.
fn copy_part<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]], axes: [Axis; 3], start: isize) {
    let [a, b, c] = axes;
    if a.dst == 1 && (a.src == 1 || a.src == -1) {
        for z in 0..c.count as isize {
            for y in 0..b.count as isize {
                let to = (y * b.dst + z * c.dst) as usize;
                let from = start + y * b.src + z * c.src;
                let row = &mut dst[to..to + a.count];
                if a.src == 1 {
                    row.copy_from_slice(&src[from as usize..from as usize + a.count]);
                } else {
                    let end = from as usize + 1;
                    reverse(row, &src[end - a.count..end]);
                }
            }
        }
        return;
    }
    // The source's contiguous axis, if it is not the destination's.
    let contiguous = |axis: &Axis| axis.src == 1 || axis.src == -1;
    if a.dst == 1 && (contiguous(&b) || contiguous(&c)) {
        let (b, c) = if contiguous(&b) { (b, c) } else { (c, b) };
        transpose::turn(dst, src, Area { a, b, c, start });
        return;
    }
    for z in 0..c.count as isize {
        for y in 0..b.count as isize {
            let mut to = (y * b.dst + z * c.dst) as usize;
            let mut from = start + y * b.src + z * c.src;
            for _ in 0..a.count {
                dst[to] = src[from as usize];
                to += a.dst as usize;
                from += a.src;
            }
        }
    }
}

fn reverse<const N: usize>(dst: &mut [[u8; N]], src: &[[u8; N]]) {
    let (to, from) = (dst.as_flattened_mut(), src.as_flattened());
    match N {
        1 => reverse_1(to, from),
        2 => reverse_2(to, from),
        4 => reverse_4(to, from),
        8 => reverse_8(to, from),
        _ => dst.iter_mut().zip(src.iter().rev()).for_each(|(d, s)| *d = *s),
    }
}

macro_rules! reverse {
    ($($name:ident, $type:ty, $size:literal;)*) => {$(
        kernel! {
            fn $name(dst: &mut [u8], src: &[u8]) {
                let dst = dst.as_chunks_mut::<$size>().0;
                let src = src.as_chunks::<$size>().0;
                for (d, s) in dst.iter_mut().zip(src.iter().rev()) {
                    *d = <$type>::from_ne_bytes(*s).to_ne_bytes();
                }
            }
        }
    )*};
}

reverse! {
    reverse_1, u8, 1;
    reverse_2, u16, 2;
    reverse_4, u32, 4;
    reverse_8, u64, 8;
}
