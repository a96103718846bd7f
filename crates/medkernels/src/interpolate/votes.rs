//! Labels between voxels: the label that has the largest share of the eight neighbours.

use super::Boundary;
use super::corners::{LANES, PIECE, Spots, steps};
use super::line::{Line, Places, near};
use crate::copy::Strided;
use crate::element::{Element, floor_small};
use crate::kernel::kernel;

/// Samples labels at `start + (first + i) * step` (f64, in source voxels) into `dst[i]`: each of the eight
/// neighbours counts with its linear weight (f32, x before y before z), and of the labels that the neighbours
/// have the one with the largest sum is taken, the lowest where several have it.
///
/// That is the linear interpolation of one-hot channels and the largest of them, without the channels. Neighbours
/// outside the source follow `boundary`; where that has a fill value, they have the label `fill`, whatever number
/// the boundary carries. A NaN coordinate gives `fill`.
///
/// # Panics
/// If the source's shape is empty, or its bytes do not hold a voxel that is looked at.
pub fn sample_votes_row<T: Element + PartialOrd>(
    dst: &mut [T],
    src: &Strided,
    start: [f64; 3],
    step: [f64; 3],
    first: usize,
    boundary: Boundary,
    fill: T,
) {
    sample_row(dst, src, Line { start, step }, first, boundary, fill);
}

/// Samples labels at `(at[0][i], at[1][i], at[2][i])` (source voxels) into `dst[i]`, as [`sample_votes_row`] does.
///
/// # Panics
/// As [`sample_votes_row`], or if there are fewer coordinates than samples.
pub fn sample_votes_at<T: Element + PartialOrd>(
    dst: &mut [T],
    src: &Strided,
    at: [&[f64]; 3],
    boundary: Boundary,
    fill: T,
) {
    sample_row(dst, src, at, 0, boundary, fill);
}

fn sample_row<T: Element + PartialOrd, P: Places>(
    dst: &mut [T],
    src: &Strided,
    places: P,
    first: usize,
    boundary: Boundary,
    fill: T,
) {
    if dst.is_empty() {
        return;
    }
    assert!(!src.shape.contains(&0), "the source's shape is empty");
    let (limits, last) = (src.shape.map(|n| n as f64 - 1.0), first + dst.len());
    let mut from = first;
    while from < last {
        let (inside, to) = places.run(from..last, PIECE, 0.0, limits);
        let part = &mut dst[from - first..to - first];
        if inside {
            interior(part, src, places, from);
        } else {
            for (d, i) in part.iter_mut().zip(from..) {
                *d = anywhere(src, places.at(i), boundary, fill);
            }
        }
        from = to;
    }
}

/// The element number `at`, whether or not it is aligned.
#[inline(always)]
fn load<T: Element>(bytes: &[u8], at: usize) -> T {
    let size = size_of::<T>();
    bytemuck::pod_read_unaligned(&bytes[at * size..][..size])
}

/// Samples whose neighbours all lie inside, from sample `first` on.
fn interior<T: Element + PartialOrd, P: Places>(dst: &mut [T], src: &Strided, places: P, first: usize) {
    let steps = steps(src.strides);
    let mut spots = Spots::default();
    for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
        find(&mut spots, src.offset, src.strides, places, first + chunk * LANES, out.len());
        for (i, d) in out.iter_mut().enumerate() {
            let at = spots.place[i] as usize;
            let labels = steps.map(|step| load::<T>(src.bytes, at.wrapping_add_signed(step)));
            *d = if labels.iter().fold(true, |same, l| same & (*l == labels[0])) {
                labels[0]
            } else {
                vote(labels, spots.weights.map(|w| w[i]))
            };
        }
    }
}

kernel! {
    fn find[P: Places](spots: &mut Spots, offset: isize, strides: [isize; 3], places: P, from: usize, count: usize) {
        spots.fill(&places.block::<LANES>(from, count), offset, strides);
    }
}

/// The label of the corners, x fastest, with the largest share.
fn vote<T: Copy + PartialOrd>(labels: [T; 8], weights: [f32; 3]) -> T {
    let pairs = weights.map(|w| [1.0 - w, w]);
    let shares: [f32; 8] = std::array::from_fn(|c| pairs[0][c & 1] * pairs[1][c >> 1 & 1] * pairs[2][c >> 2]);
    let (mut best, mut most) = (labels[0], -1.0);
    for (n, label) in labels.iter().enumerate() {
        if labels[..n].contains(label) {
            continue;
        }
        let mine = labels.iter().zip(shares).filter(|(l, _)| *l == label);
        let sum = mine.fold(0.0, |sum, (_, share)| sum + share);
        if sum > most || (sum == most && *label < best) {
            (best, most) = (*label, sum);
        }
    }
    best
}

/// One sample anywhere.
fn anywhere<T: Element + PartialOrd>(src: &Strided, at: [f64; 3], boundary: Boundary, fill: T) -> T {
    if at.iter().any(|c| c.is_nan()) {
        return fill;
    }
    let (mut neighbours, mut weights) = ([[None; 2]; 3], [0.0f32; 3]);
    for axis in 0..3 {
        let c = near(at[axis]);
        let below = floor_small(c);
        let place = |i: i64| boundary.index(i, src.shape[axis]).map(|i| i as isize * src.strides[axis]);
        neighbours[axis] = [place(below as i64), place(below as i64 + 1)];
        weights[axis] = (c - below) as f32;
    }
    let label = |c: usize| match [neighbours[0][c & 1], neighbours[1][c >> 1 & 1], neighbours[2][c >> 2]] {
        [Some(x), Some(y), Some(z)] => load(src.bytes, (src.offset + x + y + z) as usize),
        _ => fill,
    };
    vote(std::array::from_fn(label), weights)
}
