//! Which voxels along an axis a sample is made of.

use std::ops::Range;

use medcore::Sampler;
use medkernels::interpolate::{AxisWeights, SPLINE_REACH, cubic_weights};

use crate::chain::Interpolated;

/// Rounding does not choose: what lies within so many voxels of a limit lies on it.
const SLACK: f64 = 1e-6;

/// Voxels on either side that a Lanczos window has.
const LANCZOS: f64 = 3.0;

impl Interpolated {
    /// The voxel that is nearest to a coordinate, by the sampler's rule; it may lie outside.
    pub(crate) fn nearest(&self, axis: usize, c: f64) -> i64 {
        let from =
            if self.sampler[axis] == Sampler::NearestFloor { 0.5 * (1.0 - self.width(axis)) } else { 0.5 };
        (c + from + SLACK).floor() as i64
    }

    /// The weights of `n` voxels along an axis in some of the outputs.
    pub(crate) fn weights(&self, axis: usize, outputs: Range<usize>, n: usize) -> AxisWeights {
        let (sampler, width) = (self.sampler[axis], self.width(axis));
        let inside = |i: i64| self.boundary.index(i, n);
        let mut out = AxisWeights::default();
        for c in outputs.map(|o| self.map.along(axis, o)) {
            let below = c.floor();
            // What an output voxel covers, faces of voxels at whole numbers.
            let (low, high) = (c + 0.5 - width / 2.0, c + 0.5 + width / 2.0);
            let from = |first: f64| move |(k, w): (usize, f64)| (inside(first as i64 + k as i64), w);
            match sampler {
                Sampler::Linear => {
                    out.push([1.0 - (c - below), c - below].into_iter().enumerate().map(from(below)));
                }
                Sampler::Cubic => {
                    out.push(cubic_weights(c - below).into_iter().enumerate().map(from(below - 1.0)));
                }
                Sampler::Area => {
                    let first = (low + SLACK).floor();
                    let count = ((high - SLACK).ceil() - first).max(1.0) as usize;
                    let share = |k: usize| {
                        let face = first + k as f64;
                        let shared = (face + 1.0).min(high) - face.max(low);
                        if count == 1 { 1.0 } else { shared.max(0.0) / width }
                    };
                    out.push((0..count).map(|k| (k, share(k))).map(from(first)));
                }
                Sampler::AreaWhole => {
                    let first = (low + SLACK).floor();
                    let count = ((high - SLACK).ceil() - first).max(1.0) as usize;
                    out.push((0..count).map(|k| (k, 1.0 / count as f64)).map(from(first)));
                }
                Sampler::Lanczos => {
                    let scale = width.max(1.0);
                    let first = (c - LANCZOS * scale + SLACK).ceil();
                    let count = ((c + LANCZOS * scale - SLACK).floor() - first + 1.0) as usize;
                    let values: Vec<f64> =
                        (0..count).map(|k| lanczos((first + k as f64 - c) / scale)).collect();
                    let sum: f64 = values.iter().sum();
                    out.push(values.into_iter().map(|v| v / sum).enumerate().map(from(first)));
                }
                _ => out.push([(inside(self.nearest(axis, c)), 1.0)]),
            }
        }
        out
    }

    /// Input voxels that an output voxel is wide, of a map along the axes.
    fn width(&self, axis: usize) -> f64 {
        self.map.affine().map_or(1.0, |map| map.rows[axis][axis].abs())
    }

    /// Voxels beyond the two around a coordinate that are looked at on either side.
    pub(crate) fn support(&self, axis: usize) -> f64 {
        match self.sampler[axis] {
            Sampler::Cubic if self.coefficients => 1.0,
            Sampler::Cubic => (SPLINE_REACH + 1) as f64,
            Sampler::Lanczos => (LANCZOS * self.width(axis).max(1.0)).ceil(),
            Sampler::Nearest | Sampler::Linear => 0.0,
            _ => (self.width(axis) / 2.0).ceil(),
        }
    }
}

/// The sinc, windowed by one that is three times as wide.
fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let angle = std::f64::consts::PI * x;
        if x.abs() < 1e-9 { 1.0 } else { libm::sin(angle) / angle }
    };
    if x.abs() < LANCZOS { sinc(x) * sinc(x / LANCZOS) } else { 0.0 }
}
