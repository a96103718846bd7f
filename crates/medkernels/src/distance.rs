//! Exact Euclidean distances to other values.

use crate::element::Element;
use crate::kernel::kernel;
use crate::runs::for_each_run;
use crate::threads;

/// Lines that are worked on side by side.
const LANES: usize = 16;

/// Blocks of lines that are fetched together: rows lie far apart, where caches have little room.
const BLOCKS: usize = 4;

/// Voxels up to which neighbours along a line are looked at one after the other; where that does not settle every voxel, envelopes are drawn.
const REACH: usize = 48;

/// For each voxel the distance to the centre of the nearest voxel of another value; infinite where there is none. Voxels, x fastest, have the given size along
/// x, y and z, in the unit of the distances. Voxels that are 0 have distance 0, or with `both` their own distance, negative.
///
/// Squared distances along x are extended along y, then z, by the lowest of parabolas (Saito and Toriwaki 1994; Felzenszwalb and Huttenlocher 2012), in float32. What lies outside
/// the volume is no voxel.
///
/// # Panics
/// If `voxels` or `out` does not have the shape's voxels.
///
/// ```
/// let mut out = [0.0; 5];
/// medkernels::distance::to_others(&[0u8, 1, 1, 1, 2], [5, 1, 1], [2.0, 1.0, 1.0], false, &mut out);
/// assert_eq!(out, [0.0, 2.0, 4.0, 2.0, 2.0]);
/// medkernels::distance::to_others(&[0u8, 1, 1, 1, 1], [5, 1, 1], [2.0, 1.0, 1.0], true, &mut out);
/// assert_eq!(out, [-2.0, 2.0, 4.0, 6.0, 8.0]);
/// ```
pub fn to_others<T: Element>(voxels: &[T], shape: [usize; 3], size: [f64; 3], both: bool, out: &mut [f32]) {
    let [nx, ny, nz] = shape;
    let plane = nx * ny;
    assert!(voxels.len() == plane * nz && out.len() == plane * nz, "voxels of the shape");
    if out.is_empty() {
        return;
    }
    let zero = T::from_f64_saturating(0.0);
    let mut planes: Vec<&mut [f32]> = out.chunks_mut(plane).collect();
    threads::for_each_mut(&mut planes, |z, squares| {
        let voxels = &voxels[z * plane..(z + 1) * plane];
        along_x(voxels, nx, size[0], both, squares);
        let mut rows: Vec<&mut [f32]> = squares.chunks_mut(nx).collect();
        along(&mut rows, |y| &voxels[y * nx..(y + 1) * nx], size[1], |_, _| {});
    });
    let mut rows: Vec<Vec<&mut [f32]>> = (0..ny).map(|_| Vec::with_capacity(nz)).collect();
    for (n, row) in out.chunks_mut(nx).enumerate() {
        rows[n % ny].push(row);
    }
    threads::for_each_mut(&mut rows, |y, rows| {
        let of = |z: usize| &voxels[z * plane + y * nx..][..nx];
        along(rows, of, size[2], |voxels, squares| {
            for (square, v) in squares.iter_mut().zip(voxels) {
                let distance = square.sqrt();
                *square = if both && *v == zero { -distance } else { distance };
            }
        });
    });
}

/// The square of so many voxels.
fn square(count: usize, size: f64) -> f32 {
    let length = (count as f64 * size) as f32;
    length * length
}

/// Squared distances within each row of a plane.
fn along_x<T: Element>(voxels: &[T], nx: usize, size: f64, both: bool, squares: &mut [f32]) {
    let zero = T::from_f64_saturating(0.0);
    let steps: Vec<f32> = (0..=nx).map(|n| square(n, size)).collect();
    for_each_run(voxels, |run, value| {
        let mut start = run.start;
        while start < run.end {
            let row = start / nx * nx;
            let end = run.end.min(row + nx);
            let (first, last, len) = (start == row, end == row + nx, end - start);
            let squares = &mut squares[start..end];
            if value == zero && !both {
                squares.fill(0.0);
            } else if first && last {
                squares.fill(f32::INFINITY);
            } else {
                // The nearer end that is no end of the row.
                let before = if first {
                    0
                } else if last {
                    len
                } else {
                    len.div_ceil(2)
                };
                squares[..before].copy_from_slice(&steps[1..=before]);
                for (square, step) in squares[before..].iter_mut().zip(steps[1..=len - before].iter().rev()) {
                    *square = *step;
                }
            }
            start = end;
        }
    });
}

/// Extends squared distances to lines across rows, of which `values` gives the voxels; `last` is done to what was made of part of a row.
fn along<'a, T: Element>(
    rows: &mut [&mut [f32]],
    values: impl Fn(usize) -> &'a [T],
    size: f64,
    last: impl Fn(&[T], &mut [f32]),
) {
    let (n, nx) = (rows.len(), rows[0].len());
    let steps: Vec<f32> = (0..=n).map(|k| square(k, size)).collect();
    let zero = T::from_f64_saturating(0.0);
    let room = n * LANES * BLOCKS;
    let (mut of, mut before, mut after) = (vec![zero; room], vec![0f32; room], vec![0f32; room]);
    for x in (0..nx).step_by(LANES * BLOCKS) {
        // Where the lines of a block lie in a row, and those of its row `p` side by side.
        let blocks = (x..nx.min(x + LANES * BLOCKS)).step_by(LANES).map(|x| x..nx.min(x + LANES)).enumerate();
        let held = |block: usize, p: usize, lanes: usize| {
            let first = (block * n + p) * LANES;
            first..first + lanes
        };
        for (p, row) in rows.iter().enumerate() {
            for (block, lanes) in blocks.clone() {
                let at = held(block, p, lanes.len());
                of[at.clone()].copy_from_slice(&values(p)[lanes.clone()]);
                before[at].copy_from_slice(&row[lanes]);
            }
        }
        for (block, lanes) in blocks.clone() {
            let all = block * n * LANES..(block + 1) * n * LANES;
            let (of, before, after) = (&of[all.clone()], &before[all.clone()], &mut after[all]);
            if !nearest(of, before, &steps, after) {
                for lane in 0..lanes.len() {
                    envelope(&of[lane..], &before[lane..], size, &steps, &mut after[lane..]);
                }
            }
        }
        for (p, row) in rows.iter_mut().enumerate() {
            for (block, lanes) in blocks.clone() {
                let (at, row) = (held(block, p, lanes.len()), &mut row[lanes]);
                row.copy_from_slice(&after[at.clone()]);
                last(&of[at], row);
            }
        }
    }
}

kernel! {
    /// The least of squared distances plus squared steps, of which the voxels of another value have the steps' alone, on lines side by side; or `false` where some voxel needs
    /// to look further than is worth it.
    fn nearest[T: Element](of: &[T], before: &[f32], steps: &[f32], after: &mut [f32]) -> bool {
        let n = steps.len() - 1;
        for p in 0..n {
            let Ok(mine) = <&[T; LANES]>::try_from(&of[p * LANES..][..LANES]) else { return false };
            let Ok(mut least) = <[f32; LANES]>::try_from(&before[p * LANES..][..LANES]) else { return false };
            for k in 1..=n {
                let step = steps[k];
                let further = least.iter().fold(false, |further, v| further | (*v > step));
                if !further || (k > p && p + k >= n) {
                    break;
                }
                if k > REACH {
                    return false;
                }
                if k <= p {
                    let at = (p - k) * LANES;
                    let (theirs, squares) = (&of[at..at + LANES], &before[at..at + LANES]);
                    for l in 0..LANES {
                        let there = step + if theirs[l] == mine[l] { squares[l] } else { 0.0 };
                        least[l] = if there < least[l] { there } else { least[l] };
                    }
                }
                if p + k < n {
                    let at = (p + k) * LANES;
                    let (theirs, squares) = (&of[at..at + LANES], &before[at..at + LANES]);
                    for l in 0..LANES {
                        let there = step + if theirs[l] == mine[l] { squares[l] } else { 0.0 };
                        least[l] = if there < least[l] { there } else { least[l] };
                    }
                }
            }
            after[p * LANES..][..LANES].copy_from_slice(&least);
        }
        true
    }
}

/// A parabola of an envelope: where its lowest point is and how high, and from where on it is the lowest.
struct Parabola {
    at: usize,
    height: f32,
    from: f64,
}

/// The same for one line, of which every `LANES`-th number is one, stretch by stretch of one value.
fn envelope<T: Element>(of: &[T], before: &[f32], size: f64, steps: &[f32], after: &mut [f32]) {
    let n = steps.len() - 1;
    let mut lowest: Vec<Parabola> = Vec::with_capacity(n + 2);
    let mut start = 0;
    while start < n {
        let value = of[start * LANES];
        let end = (start + 1..n).find(|p| of[p * LANES] != value).unwrap_or(n);
        lowest.clear();
        // The voxels of other values on either side have distance 0.
        let (left, right) = (start.checked_sub(1), (end < n).then_some(end));
        let inside = (start..end).map(|p| (p, before[p * LANES])).filter(|(_, height)| height.is_finite());
        for (at, height) in left.map(|p| (p, 0.0)).into_iter().chain(inside).chain(right.map(|p| (p, 0.0))) {
            let mut from = f64::NEG_INFINITY;
            while let Some(last) = lowest.last() {
                // Where both are equally high; positions are small, so that nothing is lost to their squares.
                let rise =
                    (f64::from(height) - f64::from(last.height)) / (size * size * (at - last.at) as f64);
                from = 0.5 * (rise + (at + last.at) as f64);
                if from > last.from {
                    break;
                }
                lowest.pop();
                from = f64::NEG_INFINITY;
            }
            lowest.push(Parabola { at, height, from });
        }
        let mut at = 0;
        for p in start..end {
            while lowest.get(at + 1).is_some_and(|next| next.from <= p as f64) {
                at += 1;
            }
            after[p * LANES] = lowest.get(at).map_or(f32::INFINITY, |l| steps[l.at.abs_diff(p)] + l.height);
        }
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(n: usize, seed: u64, values: u64, dense: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        (0..n).map(|_| if next() % 1000 < dense { (next() % values) as u8 } else { 1 }).collect()
    }

    /// Every pair of voxels, in float64.
    fn naive(v: &[u8], shape: [usize; 3], size: [f64; 3], both: bool) -> Vec<f64> {
        let place = |n: usize| [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
        let one = |n: usize| {
            if v[n] == 0 && !both {
                return 0.0;
            }
            let square = |m: usize| -> f64 {
                let (a, b) = (place(n), place(m));
                (0..3).map(|i| (a[i].abs_diff(b[i]) as f64 * size[i]).powi(2)).sum()
            };
            let least = (0..v.len()).filter(|&m| v[m] != v[n]).map(square).fold(f64::INFINITY, f64::min);
            if v[n] == 0 { -least.sqrt() } else { least.sqrt() }
        };
        (0..v.len()).map(one).collect()
    }

    #[test]
    fn distances_are_those_of_every_pair() {
        let shapes = [[13, 9, 7], [1, 17, 5], [37, 3, 4], [5, 1, 1], [1, 1, 1], [2, 61, 3], [3, 2, 120]];
        for (n, shape) in shapes.into_iter().enumerate() {
            for (values, dense) in [(2, 1000), (3, 1000), (4, 80), (2, 4), (2, 0)] {
                for size in [[1.0; 3], [0.7, 1.3, 2.9]] {
                    for both in [false, true] {
                        let v = random(shape.iter().product(), n as u64 * 7 + values, values, dense);
                        let mut out = vec![f32::NAN; v.len()];
                        to_others(&v, shape, size, both, &mut out);
                        for (at, (have, want)) in out.iter().zip(naive(&v, shape, size, both)).enumerate() {
                            let near = (f64::from(*have) - want).abs() <= 1e-6 * want.abs();
                            assert!(near || f64::from(*have) == want, "{shape:?} {at}: {have}, not {want}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn envelopes_and_neighbours_agree() {
        for (seed, n) in [(1, 30), (2, 47), (3, 41)] {
            let of = random(n * LANES, seed, 3, 60);
            let mut before: Vec<f32> =
                random(n * LANES, seed + 9, 120, 1000).iter().map(|v| f32::from(*v) * 1.7).collect();
            before.iter_mut().step_by(5).for_each(|v| *v = f32::INFINITY);
            let steps: Vec<f32> = (0..=n).map(|k| square(k, 1.3)).collect();
            let (mut a, mut b) = (vec![0.0; n * LANES], vec![0.0; n * LANES]);
            assert!(nearest(&of, &before, &steps, &mut a));
            for lane in 0..LANES {
                envelope(&of[lane..], &before[lane..], 1.3, &steps, &mut b[lane..]);
            }
            assert!(a.iter().zip(&b).all(|(a, b)| a == b || (a - b).abs() <= 1e-6 * a));
        }
    }
}
