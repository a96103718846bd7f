//! Coefficients of cubic B-splines: what the voxels are to be replaced by so that the spline goes through them.

use super::weighted::sum_rows;
use super::{AxisWeights, Boundary};
use crate::buffer::{AllocError, Buffer};

/// Voxels on either side of one that its coefficient depends on. The recursive filter's impulse response falls by `2 - sqrt(3)` from voxel to voxel: what is
/// left out is 5e-8 of the largest voxel. Cut off, it needs no beginning, so any box of a volume has the bits that it has in the whole.
pub const SPLINE_REACH: usize = 13;

/// The filter's response, its sum 1.
fn response() -> [f64; 2 * SPLINE_REACH + 1] {
    let pole = 3f64.sqrt() - 2.0;
    let mut taps = [0.0; 2 * SPLINE_REACH + 1];
    let mut power = 1.0;
    for k in 0..=SPLINE_REACH {
        taps[SPLINE_REACH + k] = power;
        taps[SPLINE_REACH - k] = power;
        power *= pole;
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|v| v / sum)
}

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
    let (taps, fill) = (response(), boundary.fill());
    let weights = |axis: usize| {
        let mut out = AxisWeights::default();
        for i in start[axis]..start[axis] + shape[axis] {
            if !axes[axis] {
                out.push([(Some(i - part.start[axis]), 1.0)]);
                continue;
            }
            let first = i as i64 - SPLINE_REACH as i64;
            let inside = |i| boundary.index(i, domain[axis]).map(|v| v - part.start[axis]);
            out.push(taps.iter().zip(first..).map(|(w, i)| (inside(i), *w)));
        }
        out
    };
    let (along_y, along_z) = (weights(1), weights(2));
    // All rows of one y, of which the planes around are looked at again and again, stay in the cache.
    let mut made = Buffer::for_overwrite(if axes[2] { nx * ny * wz * 4 } else { 0 })?;
    if axes[2] {
        let made = made.as_mut_slice::<f32>();
        let mut starts = vec![];
        for y in 0..ny {
            for z in 0..wz {
                let planes = along_z.at(z);
                starts.clear();
                starts.extend(planes.index.iter().map(|&z| (z as usize * ny + y) * nx));
                let row = &mut made[(z * ny + y) * nx..][..nx];
                sum_rows(row, part.voxels, &starts, planes.weight, planes.outside * fill);
            }
        }
    }
    let row_taps = taps.map(|w| w as f32);
    let row_starts: [usize; 2 * SPLINE_REACH + 1] = std::array::from_fn(|k| k);
    let (mut line, mut padded) = (vec![0.0f32; nx], vec![0.0f32; wx + 2 * SPLINE_REACH]);
    // The voxels of a padded line that are held one after the other, and those that stand for others.
    let first = start[0] as i64 - SPLINE_REACH as i64;
    let held = first - part.start[0] as i64;
    let inside = (-held).max(0) as usize..(nx as i64 - held).clamp(0, padded.len() as i64) as usize;
    let beyond: Vec<(usize, Option<usize>)> = (0..padded.len())
        .filter(|n| axes[0] && !inside.contains(n))
        .map(|n| (n, boundary.index(first + n as i64, domain[0]).map(|i| i - part.start[0])))
        .collect();
    let mut starts = vec![];
    for (z, out) in dst.chunks_mut(wx * wy).enumerate() {
        let plane = if axes[2] {
            &made.as_slice::<f32>()[z * nx * ny..][..nx * ny]
        } else {
            &part.voxels[(start[2] - part.start[2] + z) * nx * ny..][..nx * ny]
        };
        for (y, out) in out.chunks_mut(wx).enumerate() {
            let rows = along_y.at(y);
            starts.clear();
            starts.extend(rows.index.iter().map(|&y| y as usize * nx));
            if axes[1] {
                sum_rows(&mut line, plane, &starts, rows.weight, rows.outside * fill);
            } else {
                line.copy_from_slice(&plane[starts[0]..][..nx]);
            }
            if !axes[0] {
                out.copy_from_slice(&line[start[0] - part.start[0]..][..wx]);
                continue;
            }
            padded[inside.clone()]
                .copy_from_slice(&line[(held + inside.start as i64) as usize..][..inside.len()]);
            for &(n, voxel) in &beyond {
                padded[n] = voxel.map_or(fill, |at| line[at]);
            }
            sum_rows(out, &padded, &row_starts, &row_taps, 0.0);
        }
    }
    Ok(())
}
