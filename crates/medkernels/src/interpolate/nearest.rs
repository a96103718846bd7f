//! Nearest samples along an oblique row, in the voxels' own type.

use super::Boundary;
use super::line::{Line, near};
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
    let line = Line { start, step };
    match element {
        1 => row::<1>(dst, src, line, first, boundary, fill),
        2 => row::<2>(dst, src, line, first, boundary, fill),
        3 => row::<3>(dst, src, line, first, boundary, fill),
        4 => row::<4>(dst, src, line, first, boundary, fill),
        6 => row::<6>(dst, src, line, first, boundary, fill),
        8 => row::<8>(dst, src, line, first, boundary, fill),
        12 => row::<12>(dst, src, line, first, boundary, fill),
        16 => row::<16>(dst, src, line, first, boundary, fill),
        _ => panic!("elements of {element} bytes cannot be sampled; 1, 2, 3, 4, 6, 8, 12 and 16 can"),
    }
}

fn row<const N: usize>(
    dst: &mut [u8],
    src: &Strided,
    line: Line,
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
        let (inside, to) = if simple { (true, last) } else { line.run(from..last, LANES, 0.5, limits) };
        let part = &mut dst[from - first..to - first];
        if inside {
            for (chunk, out) in part.chunks_mut(LANES).enumerate() {
                places(&mut found, src.offset, src.strides, src.shape, edge, line, from + chunk * LANES);
                for (d, at) in out.iter_mut().zip(&found) {
                    *d = if *at == OUTSIDE { *fill } else { data[*at as usize] };
                }
            }
        } else {
            for (d, i) in part.iter_mut().zip(from..) {
                *d = place(src, line.at(i), boundary).map_or(*fill, |at| data[at]);
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
    /// The elements that coordinates fall on, from index `first` of the line on; [`OUTSIDE`] where a fill value stands. With `edge` that is at NaN only.
    fn places(
        places: &mut [u64; LANES],
        offset: isize,
        strides: [isize; 3],
        shape: [usize; 3],
        edge: bool,
        line: Line,
        first: usize,
    ) {
        let (scale, limits) = (strides.map(|s| s as f64), shape.map(|n| n as f64));
        for i in 0..LANES {
            let at = line.at(first + i);
            let (mut place, mut counts) = (offset as f64, true);
            for axis in 0..3 {
                let (c, limit) = (at[axis], limits[axis]);
                let half = c + 0.5;
                counts &= ((half >= 0.0) & (half < limit)) | (edge & !c.is_nan());
                let c = if c > 0.0 { c } else { 0.0 };
                let c = if c > limit - 1.0 { limit - 1.0 } else { c };
                place += floor_small(c + 0.5) * scale[axis];
            }
            // A whole number below 2^51: its bits are the sum's low bits.
            let place = (place + 4_503_599_627_370_496.0).to_bits() & 0x000f_ffff_ffff_ffff;
            places[i] = if counts { place } else { OUTSIDE };
        }
    }
}
