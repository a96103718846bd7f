//! Coefficients of cubic B-splines: what the voxels are to be replaced by so that the spline goes through them.

use super::Boundary;
use super::cascade::{Across, Along, SPLINE_REACH};
use crate::buffer::{AllocError, Buffer};
use crate::points;

/// Voxels of a row that go through a filter across rows together: what it keeps of them stays in the first cache.
const STRIP: usize = 256;

/// How many rows ahead are fetched: they lie too far apart for the processor to foresee.
const AHEAD: usize = 2;

/// Weights of the four coefficients from the one before the lower neighbour on, at a fraction `t` of the way to the next.
#[inline(always)]
pub fn cubic_weights(t: f64) -> [f64; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * s * s * s - 6.0 * s * s + 4.0) / 6.0,
        t * t * t / 6.0,
    ]
}

/// A box of a volume.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its voxels, packed, x fastest.
    pub voxels: &'a [f32],
    /// Its first voxel.
    pub start: [usize; 3],
    /// Voxels along each axis.
    pub shape: [usize; 3],
}

/// Fills the packed box of `shape` voxels from `start` on with coefficients along some `axes`; along the others voxels stay.
///
/// `part` holds what is read: the box grown by [`SPLINE_REACH`] along those axes, as far as the volume, of `domain` voxels, goes. What lies beyond it follows
/// `boundary`, [`Boundary::Wrap`] only as far as `part` holds the other side. Along z, then y, then x.
///
/// # Errors
/// [`AllocError`] where there is no room for what is made on the way.
///
/// # Panics
/// If a slice does not have the length of its shape, or `part` does not hold what is read.
pub fn spline_coefficients(
    dst: &mut [f32],
    part: &Part,
    (start, shape): ([usize; 3], [usize; 3]),
    domain: [usize; 3],
    axes: [bool; 3],
    boundary: Boundary,
) -> Result<(), AllocError> {
    let ([nx, ny, _], [wx, wy, wz]) = (part.shape, shape);
    assert_eq!(dst.len(), wx * wy * wz, "the output does not have its shape");
    assert_eq!(part.voxels.len(), part.shape.iter().product::<usize>(), "the part does not have its shape");
    if dst.is_empty() {
        return Ok(());
    }
    let fill = boundary.fill();
    // The voxels that a filter looks at along an axis, from the first to the last, in the part; `None` where the fill value stands.
    let seen = |axis: usize| -> Vec<Option<usize>> {
        let [first, end] = [start[axis], start[axis] + shape[axis]].map(|i| i as i64);
        let reach = if axes[axis] { SPLINE_REACH as i64 } else { 0 };
        let inside = |i| boundary.index(i, domain[axis]).map(|v| v - part.start[axis]);
        (first - reach..end + reach).map(inside).collect()
    };
    let [xs, ys, zs] = [0, 1, 2].map(seen);
    // Of a row's, those that lie in the part one after the other, and those that stand for others.
    let first = start[0] as i64 - if axes[0] { SPLINE_REACH as i64 } else { 0 };
    let inside = (-first).max(0) as usize..(domain[0] as i64 - first).clamp(0, xs.len() as i64) as usize;
    let held = (first + inside.start as i64) as usize - part.start[0];
    let beyond: Vec<usize> = (0..xs.len()).filter(|n| !inside.contains(n)).collect();
    let filled = vec![fill; STRIP];
    let plane = nx * ny;
    let mut made = Buffer::for_overwrite(if axes[2] { plane * wz * 4 } else { 0 })?;
    if axes[2] {
        across(made.as_mut_slice(), part.voxels, plane, &zs, &filled);
    }
    let mut rows = vec![0.0f32; if axes[1] { nx * wy } else { 0 }];
    let mut along = Along::new(wx);
    for (z, out) in dst.chunks_mut(wx * wy).enumerate() {
        let plane = if axes[2] {
            &made.as_slice::<f32>()[z * plane..][..plane]
        } else {
            &part.voxels[zs[z].unwrap_or(0) * plane..][..plane]
        };
        if axes[1] {
            across(&mut rows, plane, nx, &ys, &filled);
        }
        let row = |y: usize| {
            if axes[1] { &rows[y * nx..][..nx] } else { &plane[ys[y].unwrap_or(0) * nx..][..nx] }
        };
        if !axes[0] {
            out.chunks_mut(wx).enumerate().for_each(|(y, out)| out.copy_from_slice(&row(y)[held..][..wx]));
            continue;
        }
        let together = along.rows();
        for (n, out) in out.chunks_mut(wx * together).enumerate() {
            for y in 0..out.len() / wx {
                let (from, to) = (row(n * together + y), along.row(y));
                to[inside.clone()].copy_from_slice(&from[held..][..inside.len()]);
                beyond.iter().for_each(|&n| to[n] = xs[n].map_or(fill, |x| from[x]));
            }
            along.filter(out);
        }
    }
    Ok(())
}

/// Filters across rows of `width` voxels: those that are `seen`, one after the other, or `filled` where there is none.
fn across(dst: &mut [f32], src: &[f32], width: usize, seen: &[Option<usize>], filled: &[f32]) {
    let mut spare = vec![0.0; STRIP.min(width)];
    for from in (0..width).step_by(STRIP) {
        let wide = STRIP.min(width - from);
        let mut filter = Across::new(wide);
        for (n, place) in seen.iter().enumerate() {
            if let Some(&Some(next)) = seen.get(n + AHEAD) {
                points::fetch(&src[next * width + from..][..wide]);
            }
            let row = place.map_or(&filled[..wide], |place| &src[place * width + from..][..wide]);
            let out = match n.checked_sub(2 * SPLINE_REACH) {
                Some(n) => &mut dst[n * width + from..][..wide],
                None => &mut spare[..wide],
            };
            filter.next(row, out);
        }
    }
}
