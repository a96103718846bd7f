//! How much each voxel of a window counts.

use half::f16;
use serde::{Deserialize, Serialize};

use super::WindowRule;

/// How overlapping predictions are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Importance {
    /// All voxels alike.
    #[default]
    Constant,
    /// Less towards the window's faces, by a Gaussian with a deviation of an eighth of the window, never zero. With nnU-Net's windows it is nnU-Net's
    /// `compute_gaussian` (centre at `n // 2`, float16, zeros replaced by the smallest weight), else MONAI's `compute_importance_map` (centre at
    /// `(n - 1) / 2`, at least 0.001).
    Gaussian,
    /// Less towards the window's faces, by a Hann window of two more voxels, of which the outer ones, zero, are dropped: `TorchIO`'s `GridAggregator`.
    Hann,
}

/// The Gaussian's deviation as a part of the window.
const SIGMA: f64 = 0.125;

impl Importance {
    /// Weights of a window, z fastest, all above 0.
    pub(super) fn map(self, window: [usize; 3], rule: WindowRule) -> Vec<f32> {
        match (self, rule) {
            (Importance::Constant, _) => vec![1.0; window.iter().product()],
            (Importance::Hann, _) => product(window.map(hann)),
            (Importance::Gaussian, WindowRule::Nnunet) => nnunet(window),
            (Importance::Gaussian, _) => {
                let all = product(window.map(gaussian));
                let least = all.iter().copied().fold(f32::INFINITY, f32::min).max(1e-3);
                all.into_iter().map(|w| w.max(least)).collect()
            }
        }
    }
}

fn product(axes: [Vec<f32>; 3]) -> Vec<f32> {
    let [x, y, z] = axes;
    let mut out = Vec::with_capacity(x.len() * y.len() * z.len());
    for a in &x {
        for b in &y {
            out.extend(z.iter().map(|c| a * b * c));
        }
    }
    out
}

fn gaussian(n: usize) -> Vec<f32> {
    let (middle, sigma) = ((n as f64 - 1.0) / 2.0, n as f64 * SIGMA);
    (0..n).map(|i| libm::exp(-((i as f64 - middle) / sigma).powi(2) / 2.0) as f32).collect()
}

fn hann(n: usize) -> Vec<f32> {
    let turn = |i: usize| libm::cos(2.0 * std::f64::consts::PI * (i + 1) as f64 / (n + 1) as f64);
    (0..n).map(|i| (0.5 - 0.5 * turn(i)) as f32).collect()
}

/// `gaussian_filter` of SciPy over one voxel at `n // 2`, scaled to 10 there and rounded to float16.
fn nnunet(window: [usize; 3]) -> Vec<f32> {
    let axes = window.map(|n| {
        let (centre, sigma) = (n / 2, n as f64 * SIGMA);
        let radius = (4.0 * sigma + 0.5) as usize;
        let weight = |i: usize| {
            let d = i.abs_diff(centre);
            if d > radius { 0.0 } else { libm::exp(-0.5 * (d as f64 / sigma).powi(2)) }
        };
        (0..n).map(weight).collect::<Vec<f64>>()
    });
    let [x, y, z] = &axes;
    let halves = x.iter().flat_map(|a| y.iter().flat_map(move |b| z.iter().map(move |c| a * b * c)));
    let mut out: Vec<f32> = halves.map(|w| f16::from_f64(w * 10.0).to_f32()).collect();
    let least = out.iter().copied().filter(|w| *w > 0.0).fold(f32::INFINITY, f32::min);
    out.iter_mut().filter(|w| **w == 0.0).for_each(|w| *w = least);
    out
}
