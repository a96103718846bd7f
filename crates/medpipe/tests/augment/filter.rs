use serde_json::json;

use super::given::{SHAPE, close, oracle, range, run};

/// A correlation along one axis; `weights` have their middle at the voxel, `outside` says which voxel an index beyond the edge stands for.
fn along(v: &[f64], axis: usize, weights: &[f64], outside: impl Fn(i64, i64) -> Option<i64>) -> Vec<f64> {
    let (n, radius) = (SHAPE[axis] as i64, (weights.len() / 2) as i64);
    let stride: usize = SHAPE[..axis].iter().product();
    let of = |at: usize| {
        let i = (at / stride) as i64 % n;
        let voxel = |k: usize| {
            outside(i + k as i64 - radius, n)
                .map_or(0.0, |j| v[(at as i64 + (j - i) * stride as i64) as usize])
        };
        weights.iter().enumerate().map(|(k, w)| w * voxel(k)).sum()
    };
    (0..v.len()).map(of).collect()
}

fn gaussian(sigma: f64, rule: &str) -> Vec<f64> {
    let (radius, integrated) = match rule {
        "scipy" => ((4.0 * sigma + 0.5).floor() as i64, false),
        "monai" => (((4.0 * sigma).max(0.5) + 0.5).floor() as i64, true),
        _ => {
            // The odd number nearest to the width, halves up.
            let width = 6.0 * sigma + 0.5;
            let odd = (0..99).map(|n| 2 * n + 1).rev();
            let nearest = odd.min_by(|a, b| (*a as f64 - width).abs().total_cmp(&(*b as f64 - width).abs()));
            (nearest.unwrap() / 2, false)
        }
    };
    if sigma == 0.0 {
        return vec![1.0];
    }
    let below = |x: f64| 0.5 * libm::erfc(-x / sigma / std::f64::consts::SQRT_2);
    let of = |x: i64| {
        let x = x as f64;
        if integrated { below(x + 0.5) - below(x - 0.5) } else { libm::exp(-x * x / (2.0 * sigma * sigma)) }
    };
    let weights: Vec<f64> = (-radius..=radius).map(of).collect();
    let sum: f64 = if integrated { 1.0 } else { weights.iter().sum() };
    weights.iter().map(|w| w / sum).collect()
}

fn smooth(v: &[f64], sigma: [f64; 3], rule: &str) -> Vec<f64> {
    let outside = |i: i64, n: i64| match rule {
        "scipy" => Some(i.rem_euclid(2 * n)).map(|i| if i < n { i } else { 2 * n - 1 - i }),
        "nnunet" => Some(i.rem_euclid(2 * n - 2)).map(|i| if i < n { i } else { 2 * n - 2 - i }),
        _ => (0..n).contains(&i).then_some(i),
    };
    (0..3).fold(v.to_vec(), |v, axis| along(&v, axis, &gaussian(sigma[axis], rule), outside))
}

#[test]
fn smoothing_follows_each_rule() {
    for rule in ["scipy", "monai", "nnunet"] {
        for sigma in [[0.6, 1.1, 0.0], [2.5, 0.0, 0.85], [0.05, 0.75, 1.75]] {
            let wanted = oracle(1, false, |v| smooth(v, sigma, rule));
            let found = run(1, "gaussian_smooth", json!({"sigma": sigma, "rule": rule}));
            close(&found, &wanted, 1e-6, rule);
        }
        let (first, second) = ([0.9, 0.6, 1.2], [0.5, 0.0, 0.7]);
        let wanted = oracle(1, false, |v| {
            let smoothed = smooth(v, first, rule);
            let twice = smooth(&smoothed, second, rule);
            smoothed.iter().zip(twice).map(|(s, t)| s + 12.5 * (s - t)).collect()
        });
        let given = json!({"sigma1": first, "sigma2": second, "alpha": 12.5, "rule": rule});
        // What is taken away is 25 times as large as what is left.
        close(&run(1, "gaussian_sharpen", given), &wanted, 1e-5, rule);
    }
}

#[test]
fn sharpening_adds_the_negative_laplacian() {
    for (channels, each, keep) in [(1, false, false), (1, false, true), (2, true, true), (2, false, true)] {
        let wanted = oracle(channels, each, |v| {
            let [low, high] = range(v);
            let mut out = v.to_vec();
            for channel in 0..v.len() / SHAPE.iter().product::<usize>() {
                let n = SHAPE.iter().product::<usize>();
                let part = &v[channel * n..][..n];
                for axis in 0..3 {
                    let second = along(part, axis, &[-0.3, 0.6, -0.3], |i, n| Some(i.clamp(0, n - 1)));
                    out[channel * n..][..n].iter_mut().zip(second).for_each(|(o, d)| *o += d);
                }
            }
            out.iter().map(|x| if keep { x.clamp(low, high) } else { *x }).collect()
        });
        let given = json!({"strength": 0.3, "keep_range": keep, "channel_wise": each});
        close(&run(channels, "sharpen", given), &wanted, 1e-6, "sharpen");
    }
}
