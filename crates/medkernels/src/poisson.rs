//! Counts: a Poisson number for each voxel, by name.

use crate::philox::{self, Stream};

/// Replaces each voxel by a Poisson number with `scale` times its value as expectation, divided by `scale`; voxel `start + i` in `row[i]`.
///
/// Expectations that are not above 0 give 0; NaN and infinities stay. Below an expectation of 10 the number is found by inversion, from there on by
/// transformed rejection (W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance: Mathematics and
/// Economics 12, 1993), so that the distribution is exact to the digits of f64. Draws depend on the stream and the voxel's number alone.
///
/// ```
/// use medkernels::philox::Stream;
/// let mut row = [0.0, 3.0, 1e6];
/// medkernels::poisson::poisson_row(&mut row, Stream { key: [1, 2], hi: [3, 4] }, 0, 1.0);
/// assert!(row[0] == 0.0 && row[1].fract() == 0.0 && (row[2] - 1e6).abs() < 6e3);
/// ```
pub fn poisson_row(row: &mut [f32], stream: Stream, start: u64, scale: f64) {
    for (i, voxel) in row.iter_mut().enumerate() {
        if !voxel.is_finite() {
            continue;
        }
        let expected = f64::from(*voxel) * scale;
        let uniforms = |attempt| uniforms(stream, start.wrapping_add(i as u64), attempt);
        let count = if expected <= 0.0 {
            0.0
        } else if expected < 10.0 {
            by_inversion(expected, uniforms(0)[0])
        } else {
            by_rejection(expected, uniforms)
        };
        *voxel = (count / scale) as f32;
    }
}

/// Two numbers in (0, 1), of the block that belongs to a voxel's attempt.
fn uniforms(stream: Stream, voxel: u64, attempt: u32) -> [f64; 2] {
    let counter = [voxel as u32, (voxel >> 32) as u32, stream.hi[0], stream.hi[1].wrapping_add(attempt)];
    let [a, b, c, d] = philox::block(counter, stream.key);
    let of = |low: u32, high: u32| {
        let bits = (u64::from(high) << 32 | u64::from(low)) >> 11;
        (bits as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
    };
    [of(a, b), of(c, d)]
}

fn by_inversion(expected: f64, mut u: f64) -> f64 {
    let (mut count, mut p) = (0.0, libm::exp(-expected));
    // Beyond 100 the probability is below 1e-60.
    while u > p && count < 100.0 {
        u -= p;
        count += 1.0;
        p *= expected / count;
    }
    count
}

fn by_rejection(expected: f64, uniforms: impl Fn(u32) -> [f64; 2]) -> f64 {
    let (root, log) = (expected.sqrt(), libm::log(expected));
    let b = 0.931 + 2.53 * root;
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let accepted = 0.9277 - 3.6224 / (b - 2.0);
    // One of five attempts fails at most.
    for attempt in 0..256 {
        let [u, v] = uniforms(attempt);
        let u = u - 0.5;
        let share = 0.5 - u.abs();
        let count = ((2.0 * a / share + b) * u + expected + 0.43).floor();
        if share >= 0.07 && v <= accepted {
            return count;
        }
        if count < 0.0 || share < 0.013 && v > share {
            continue;
        }
        let left = libm::log(v) + libm::log(inverse_alpha) - libm::log(a / (share * share) + b);
        if left <= count * log - expected - libm::lgamma(count + 1.0) {
            return count;
        }
    }
    expected.round()
}
