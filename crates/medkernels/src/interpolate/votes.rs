//! Labels between voxels: the label that has the largest share of the eight neighbours.

use bytemuck::Zeroable;

use super::Boundary;
use super::border::Beyond;
use super::corners::{LANES, Spots, gather};
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
pub fn sample_votes_row<T: Element>(
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
pub fn sample_votes_at<T: Element>(
    dst: &mut [T],
    src: &Strided,
    at: [&[f64]; 3],
    boundary: Boundary,
    fill: T,
) {
    sample_row(dst, src, at, 0, boundary, fill);
}

fn sample_row<T: Element, P: Places>(
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
        let (inside, to) = places.run(from..last, LANES, [0.0; 3], limits);
        let part = &mut dst[from - first..to - first];
        match boundary {
            _ if inside => interior(part, src, places, from),
            Boundary::Edge => border(part, src, places, from, true, fill),
            Boundary::Constant(_) | Boundary::ZerosBlended => border(part, src, places, from, false, fill),
            Boundary::Reflect | Boundary::Mirror | Boundary::Wrap => {
                for (d, i) in part.iter_mut().zip(from..) {
                    *d = anywhere(src, places.at(i), boundary, fill);
                }
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

/// The same and the next.
#[inline(always)]
fn load_pair<T: Element>(bytes: &[u8], at: usize) -> [T; 2] {
    let size = size_of::<T>();
    let (low, high) = bytes[at * size..][..2 * size].split_at(size);
    [bytemuck::pod_read_unaligned(low), bytemuck::pod_read_unaligned(high)]
}

/// Samples whose neighbours all lie inside, from sample `first` on.
fn interior<T: Element, P: Places>(dst: &mut [T], src: &Strided, places: P, first: usize) {
    let mut spots = Spots::default();
    for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
        find(&mut spots, src, places, first + chunk * LANES, out.len());
        choose(out, src, &spots);
    }
}

/// Samples anywhere: outside stands `fill`, or where `held` the nearest voxel inside.
fn border<T: Element, P: Places>(dst: &mut [T], src: &Strided, places: P, first: usize, held: bool, fill: T) {
    let mut beyond = Beyond::default();
    for (chunk, out) in dst.chunks_mut(LANES).enumerate() {
        find_beyond(&mut beyond, src, places, first + chunk * LANES, out.len(), held);
        choose_beyond(out, src, &beyond, fill);
    }
}

kernel! {
    fn find[P: Places](spots: &mut Spots, src: &Strided, places: P, from: usize, count: usize) {
        spots.fill(&places.block::<LANES>(from, count), src.offset, src.strides);
    }
}

kernel! {
    fn find_beyond[P: Places](beyond: &mut Beyond, src: &Strided, places: P, from: usize, count: usize, held: bool) {
        beyond.fill(&places.block::<LANES>(from, count), src.offset, src.strides, src.shape, held);
    }
}

kernel! {
    fn choose[T: Element](out: &mut [T], src: &Strided, spots: &Spots) {
        let mut labels = [[<T as Zeroable>::zeroed(); LANES]; 8];
        let (one, two) = (|at: usize| load(src.bytes, at), |at: usize| load_pair(src.bytes, at));
        gather(&mut labels, spots, out.len(), src.strides, one, two);
        out.copy_from_slice(&votes(&labels, &spots.weights)[..out.len()]);
    }
}

kernel! {
    fn choose_beyond[T: Element](out: &mut [T], src: &Strided, beyond: &Beyond, fill: T) {
        if beyond.all_outside(out.len()) {
            out.fill(fill);
            return;
        }
        let mut labels = [[fill; LANES]; 8];
        beyond.corners(&mut labels, out.len(), src.strides, fill, |at| load(src.bytes, at));
        let chosen = votes(&labels, &beyond.weights);
        for (i, d) in out.iter_mut().enumerate() {
            *d = if beyond.is_number(i) { chosen[i] } else { fill };
        }
    }
}

/// For each of `N` samples the label of its corners, x fastest, with the largest share.
#[inline(always)]
fn votes<T: Element, const N: usize>(labels: &[[T; N]; 8], weights: &[[f32; N]; 3]) -> [T; N] {
    let mut differ = false;
    for corner in &labels[1..] {
        for i in 0..N {
            differ |= corner[i] != labels[0][i];
        }
    }
    let mut best = labels[0];
    if !differ {
        return best;
    }
    let mut shares = [[0.0f32; N]; 8];
    for (corner, shares) in shares.iter_mut().enumerate() {
        let share = |axis: usize, i: usize| {
            let w = weights[axis][i];
            if corner >> axis & 1 == 1 { w } else { 1.0 - w }
        };
        for i in 0..N {
            shares[i] = share(0, i) * share(1, i) * share(2, i);
        }
    }
    let mut most = [-1.0f32; N];
    for label in labels {
        let mut sums = [0.0f32; N];
        for (other, shares) in labels.iter().zip(&shares) {
            for i in 0..N {
                sums[i] += if other[i] == label[i] { shares[i] } else { 0.0 };
            }
        }
        // A label that several corners have is looked at again, which changes nothing.
        for i in 0..N {
            let better = (sums[i] > most[i]) | ((sums[i] == most[i]) & (label[i] < best[i]));
            best[i] = if better { label[i] } else { best[i] };
            most[i] = if better { sums[i] } else { most[i] };
        }
    }
    best
}

/// One sample anywhere.
fn anywhere<T: Element>(src: &Strided, at: [f64; 3], boundary: Boundary, fill: T) -> T {
    if at.iter().any(|c| c.is_nan()) {
        return fill;
    }
    let (mut neighbours, mut weights) = ([[None; 2]; 3], [[0.0f32]; 3]);
    for axis in 0..3 {
        let c = near(at[axis]);
        let below = floor_small(c);
        let place = |i: i64| boundary.index(i, src.shape[axis]).map(|i| i as isize * src.strides[axis]);
        neighbours[axis] = [place(below as i64), place(below as i64 + 1)];
        weights[axis] = [(c - below) as f32];
    }
    let label = |c: usize| match [neighbours[0][c & 1], neighbours[1][c >> 1 & 1], neighbours[2][c >> 2]] {
        [Some(x), Some(y), Some(z)] => [load(src.bytes, (src.offset + x + y + z) as usize)],
        _ => [fill],
    };
    votes(&std::array::from_fn(label), &weights)[0]
}
