//! Nearest samples along an oblique row, in the voxels' own type.

use super::Boundary;
use super::affine::Line;
use crate::copy::Strided;
use crate::element::floor_small;
use crate::kernel::kernel;

/// Indices computed at once.
const LANES: usize = 64;

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
    let inside = line.inside(first..first + dst.len(), 0.5, src.shape.map(|n| n as f64));
    let (head, rest) = dst.split_at_mut(inside.start - first);
    let (body, tail) = rest.split_at_mut(inside.len());
    let outer = |i: usize| -> [u8; N] {
        match place(src, line.at(i), boundary) {
            Some(at) => data[at],
            None => *fill,
        }
    };
    for (i, d) in head.iter_mut().enumerate() {
        *d = outer(first + i);
    }
    let mut places = [0u64; LANES];
    for (chunk, out) in body.chunks_mut(LANES).enumerate() {
        interior(&mut places, src.offset, src.strides, line, inside.start + chunk * LANES);
        for (d, at) in out.iter_mut().zip(&places) {
            *d = data[*at as usize];
        }
    }
    for (i, d) in tail.iter_mut().enumerate() {
        *d = outer(inside.end + i);
    }
}

/// The element that a coordinate anywhere falls on; `None` for the fill value.
fn place(src: &Strided, at: [f64; 3], boundary: Boundary) -> Option<usize> {
    let mut place = src.offset;
    for axis in 0..3 {
        if at[axis].is_nan() {
            return None;
        }
        let c = if at[axis] > 1e12 { 1e12 } else { at[axis] };
        let c = if c < -1e12 { -1e12 } else { c };
        let index = boundary.index(floor_small(c + 0.5) as i64, src.shape[axis])?;
        place += index as isize * src.strides[axis];
    }
    Some(place as usize)
}

kernel! {
    fn interior(places: &mut [u64; LANES], offset: isize, strides: [isize; 3], line: Line, first: usize) {
        let scale = strides.map(|s| s as f64);
        for i in 0..LANES {
            let at = line.at(first + i);
            let mut place = offset as f64;
            for axis in 0..3 {
                place += floor_small(at[axis] + 0.5) * scale[axis];
            }
            // A whole number below 2^51: its bits are the sum's low bits.
            places[i] = (place + 4_503_599_627_370_496.0).to_bits() & 0x000f_ffff_ffff_ffff;
        }
    }
}
