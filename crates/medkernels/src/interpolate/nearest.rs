//! Nearest samples along an oblique row, in the voxels' own type.

use std::ops::Range;

use super::Boundary;
use super::corners::whole;
use super::line::{Lanes, Line, Places, near};
use crate::copy::Strided;
use crate::element::floor_small;
use crate::kernel::kernel;

/// Indices computed at once.
const LANES: usize = 64;

/// No element.
const OUTSIDE: u64 = u64::MAX;

/// Samples the nearest voxel at `start + (first + i) * step` (f64, in source voxels) into element `i` of `dst`.
///
/// Halves go up: the index is `floor(c + 0.5)`. An index outside the source follows `boundary`; where that
/// has a fill value, the element is `fill` (one element's bytes), whatever number the boundary carries.
/// `element` is 1, 2, 3, 4, 6, 8, 12 or 16 bytes. A NaN coordinate gives `fill`.
///
/// # Panics
/// If the source's shape is empty, if its bytes do not hold a voxel that is looked at, if `fill` is not
/// `element` bytes long, or for another element size.
#[expect(clippy::too_many_arguments, reason = "a row, a source, a line of coordinates and two rules")]
pub fn sample_nearest_row(
    dst: &mut [u8],
    src: &Strided,
    element: usize,
    start: [f64; 3],
    step: [f64; 3],
    first: usize,
    boundary: Boundary,
    fill: &[u8],
) {
    by_size(dst, src, element, Line { start, step }, first, boundary, fill);
}

/// Samples the nearest voxel at `(at[0][i], at[1][i], at[2][i])` (source voxels) into element `i` of `dst`, as
/// [`sample_nearest_row`] does.
///
/// # Panics
/// As [`sample_nearest_row`], or if there are fewer coordinates than samples.
pub fn sample_nearest_at(
    dst: &mut [u8],
    src: &Strided,
    element: usize,
    at: [&[f64]; 3],
    boundary: Boundary,
    fill: &[u8],
) {
    by_size(dst, src, element, at, 0, boundary, fill);
}

fn by_size<P: Places>(
    dst: &mut [u8],
    src: &Strided,
    element: usize,
    samples: P,
    first: usize,
    boundary: Boundary,
    fill: &[u8],
) {
    match element {
        1 => row::<1, P>(dst, src, samples, first, boundary, fill),
        2 => row::<2, P>(dst, src, samples, first, boundary, fill),
        3 => row::<3, P>(dst, src, samples, first, boundary, fill),
        4 => row::<4, P>(dst, src, samples, first, boundary, fill),
        6 => row::<6, P>(dst, src, samples, first, boundary, fill),
        8 => row::<8, P>(dst, src, samples, first, boundary, fill),
        12 => row::<12, P>(dst, src, samples, first, boundary, fill),
        16 => row::<16, P>(dst, src, samples, first, boundary, fill),
        _ => panic!("elements of {element} bytes cannot be sampled; 1, 2, 3, 4, 6, 8, 12 and 16 can"),
    }
}

fn row<const N: usize, P: Places>(
    dst: &mut [u8],
    src: &Strided,
    samples: P,
    first: usize,
    boundary: Boundary,
    fill: &[u8],
) {
    let dst = dst.as_chunks_mut::<N>().0;
    let data = src.bytes.as_chunks::<N>().0;
    let fill: &[u8; N] = fill.try_into().unwrap_or_else(|_| panic!("the fill value is not {N} bytes long"));
    if dst.is_empty() {
        return;
    }
    assert!(!src.shape.contains(&0), "the source's shape is empty");
    let edge = boundary == Boundary::Edge;
    let simple = edge || matches!(boundary, Boundary::Constant(_) | Boundary::ZerosBlended);
    let (limits, last) = (src.shape.map(|n| n as f64), first + dst.len());
    let mut found = [0u64; LANES];
    let mut from = first;
    while from < last {
        let (inside, to) =
            if simple { (true, last) } else { samples.run(from..last, LANES, [0.5; 3], limits) };
        let part = &mut dst[from - first..to - first];
        if inside {
            for (chunk, out) in part.chunks_mut(LANES).enumerate() {
                places(
                    &mut found,
                    src.offset,
                    src.strides,
                    src.shape,
                    edge,
                    samples,
                    from + chunk * LANES..last,
                );
                for (d, at) in out.iter_mut().zip(&found) {
                    *d = if *at == OUTSIDE { *fill } else { data[*at as usize] };
                }
            }
        } else {
            for (d, i) in part.iter_mut().zip(from..) {
                *d = place(src, samples.at(i), boundary).map_or(*fill, |at| data[at]);
            }
        }
        from = to;
    }
}

/// The element that a coordinate anywhere falls on; `None` for the fill value.
fn place(src: &Strided, at: [f64; 3], boundary: Boundary) -> Option<usize> {
    let mut place = src.offset;
    for axis in 0..3 {
        if at[axis].is_nan() {
            return None;
        }
        let index = boundary.index(floor_small(near(at[axis]) + 0.5) as i64, src.shape[axis])?;
        place += index as isize * src.strides[axis];
    }
    Some(place as usize)
}

kernel! {
    /// The elements that coordinates fall on, from the first that is wanted on; [`OUTSIDE`] where a fill value stands. With `edge` that is at NaN only.
    fn places[P: Places](
        places: &mut [u64; LANES],
        offset: isize,
        strides: [isize; 3],
        shape: [usize; 3],
        edge: bool,
        samples: P,
        wanted: Range<usize>,
    ) {
        let block = samples.block::<LANES>(wanted.start, wanted.len());
        let (scale, limits) = (strides.map(|s| s as f64), shape.map(|n| n as f64));
        for i in 0..LANES {
            let at = block.lane(i);
            let (mut place, mut counts) = (offset as f64, true);
            for axis in 0..3 {
                let (c, limit) = (at[axis], limits[axis]);
                let half = c + 0.5;
                counts &= ((half >= 0.0) & (half < limit)) | (edge & !c.is_nan());
                let c = if c > 0.0 { c } else { 0.0 };
                let c = if c > limit - 1.0 { limit - 1.0 } else { c };
                place += floor_small(c + 0.5) * scale[axis];
            }
            places[i] = if counts { whole(place) } else { OUTSIDE };
        }
    }
}
