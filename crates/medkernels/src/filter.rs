//! Convolution of rows and boxes with short filters.

use crate::kernel::kernel;

/// Voxels summed at once: eight AVX2 or four AVX-512 registers.
const LANES: usize = 64;

/// The Gaussian filter of SciPy's `gaussian_filter`: radius `int(truncate * sigma + 0.5)`, weights `exp(-x^2
/// / (2 sigma^2))` normalised to sum 1 in f64, then rounded to f32. `2 * radius + 1` weights, the middle one
/// first in importance.
///
/// A `sigma_voxels` that is not positive (or NaN) gives the identity, one weight of 1.
pub fn gaussian_taps(sigma_voxels: f64, truncate: f64) -> Vec<f32> {
    let reach = truncate * sigma_voxels + 0.5;
    if sigma_voxels.is_nan() || sigma_voxels <= 0.0 || reach.is_nan() || reach < 1.0 {
        return vec![1.0];
    }
    sampled_gaussian_taps(sigma_voxels, reach as usize)
}

/// Weights `exp(-x^2 / (2 sigma^2))` for x from `-radius` to `radius`, normalised to sum 1 in f64, then rounded to f32. A `radius` beyond 2^20 is cut
/// to it.
pub fn sampled_gaussian_taps(sigma_voxels: f64, radius: usize) -> Vec<f32> {
    let radius = radius.min(1 << 20) as i64;
    let factor = -0.5 / (sigma_voxels * sigma_voxels);
    let weights: Vec<f64> = (-radius..=radius).map(|x| libm::exp(factor * (x * x) as f64)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w / sum) as f32).collect()
}

/// The share of a normal distribution that lies within half a voxel of x, for x from `-radius` to `radius`: the integral over each voxel, not
/// normalised, so that the sum is what lies within `radius + 0.5`. MONAI's `erf` kernel. A `radius` beyond 2^20 is cut to it.
pub fn integrated_gaussian_taps(sigma_voxels: f64, radius: usize) -> Vec<f32> {
    let radius = radius.min(1 << 20) as i64;
    let scale = std::f64::consts::FRAC_1_SQRT_2 / sigma_voxels;
    let below = |x: f64| libm::erf(scale * x);
    let of = |x: i64| 0.5 * (below(x.abs() as f64 + 0.5) - below(x.abs() as f64 - 0.5));
    (-radius..=radius).map(|x| of(x).max(0.0) as f32).collect()
}

/// `dst[i] = sum over k of taps[k] * src[i + k]`: a correlation, which for symmetric filters is the
/// convolution.
///
/// `src` is the row with its halo, `dst.len() + taps.len() - 1` long. Summation order: for a symmetric filter
/// of odd length the middle, then the pairs around it, outwards, each pair added before it is multiplied; for
/// others `k` upwards.
///
/// # Panics
/// If `taps` is empty or `src` is shorter than that.
pub fn convolve_x(dst: &mut [f32], src: &[f32], taps: &[f32]) {
    assert!(!taps.is_empty() && src.len() + 1 >= dst.len() + taps.len(), "the source row lacks its halo");
    if is_symmetric(taps) { symmetric_row(dst, src, 1, taps) } else { general_row(dst, src, 1, taps) }
}

/// Filters a packed box (first axis fastest) along `axis` (0, 1 or 2).
///
/// `dst` has `shape`; `src` has the same with `taps.len() - 1` more along `axis`: voxel `i` of the output
/// sums `taps[k] * src[i + k]`, in the order of [`convolve_x`]. Results do not depend on how a volume is cut
/// into boxes.
///
/// # Panics
/// If `taps` is empty, `axis` is not 0, 1 or 2, or a slice's length does not match.
pub fn convolve_axis(dst: &mut [f32], src: &[f32], shape: [usize; 3], axis: usize, taps: &[f32]) {
    assert!(!taps.is_empty() && axis < 3, "no taps, or axis {axis} of three");
    let [nx, ny, nz] = shape;
    let mut padded = shape;
    padded[axis] += taps.len() - 1;
    assert_eq!(dst.len(), nx * ny * nz, "the output does not have its shape");
    assert_eq!(src.len(), padded.iter().product::<usize>(), "the source box lacks its halo");
    if dst.is_empty() {
        return;
    }
    let symmetric = is_symmetric(taps);
    let stride = [1, nx, nx * ny][axis];
    for (row, out) in dst.chunks_mut(nx).enumerate() {
        let (y, z) = (row % ny, row / ny);
        let start = (z * padded[1] + y) * padded[0];
        let from = &src[start..];
        if symmetric { symmetric_row(out, from, stride, taps) } else { general_row(out, from, stride, taps) }
    }
}

fn is_symmetric(taps: &[f32]) -> bool {
    taps.len() % 2 == 1 && taps.iter().eq(taps.iter().rev())
}

/// One run of `W` outputs from `at` on, of a symmetric filter.
#[inline(always)]
fn symmetric_run<const W: usize>(out: &mut [f32; W], src: &[f32], at: usize, stride: usize, taps: &[f32]) {
    let radius = taps.len() / 2;
    let mut sum = [0.0f32; W];
    let row = &src[radius * stride + at..][..W];
    for i in 0..W {
        sum[i] = row[i] * taps[radius];
    }
    for k in 1..=radius {
        let below = &src[(radius - k) * stride + at..][..W];
        let above = &src[(radius + k) * stride + at..][..W];
        let tap = taps[radius + k];
        for i in 0..W {
            sum[i] += (below[i] + above[i]) * tap;
        }
    }
    *out = sum;
}

/// The same for any filter.
#[inline(always)]
fn general_run<const W: usize>(out: &mut [f32; W], src: &[f32], at: usize, stride: usize, taps: &[f32]) {
    let mut sum = [0.0f32; W];
    for (k, tap) in taps.iter().enumerate() {
        let row = &src[k * stride + at..][..W];
        for i in 0..W {
            sum[i] += row[i] * tap;
        }
    }
    *out = sum;
}

macro_rules! row {
    ($name:ident, $run:ident) => {
        kernel! {
            /// Tap `k` reads from `src[k * stride..]`.
            fn $name(dst: &mut [f32], src: &[f32], stride: usize, taps: &[f32]) {
                let mut at = 0;
                let (runs, rest) = dst.as_chunks_mut::<LANES>();
                for out in runs {
                    $run(out, src, at, stride, taps);
                    at += LANES;
                }
                let (runs, rest) = rest.as_chunks_mut::<8>();
                for out in runs {
                    $run(out, src, at, stride, taps);
                    at += 8;
                }
                for out in rest.as_chunks_mut::<1>().0 {
                    $run(out, src, at, stride, taps);
                    at += 1;
                }
            }
        }
    };
}

row!(symmetric_row, symmetric_run);
row!(general_row, general_run);
