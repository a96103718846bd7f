//! Random changes of values, against their formulas in float64.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod given;

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::{Value, json};

const SHAPE: [usize; 3] = [13, 9, 7];

/// Voxels of some channels, of about -40 to 80, with a few equal ones; each channel has another scale.
fn voxels(channels: usize) -> Vec<f32> {
    let n = SHAPE.iter().product::<usize>();
    let of = |i: usize| {
        let u = Key::new(4).index(i as u64).uniform();
        (if u < 0.1 { 0.0 } else { u * 120.0 - 40.0 }) * (1 + i / n) as f64
    };
    (0..n * channels).map(|i| of(i) as f32).collect()
}

fn volume(channels: usize) -> LazyVolume {
    let bytes = bytemuck::cast_slice::<_, u8>(&voxels(channels)).to_vec();
    let extra = if channels > 1 { vec![channels] } else { vec![] };
    let grid = Grid::new(SHAPE, Affine::IDENTITY);
    let v = Volume::packed(Arc::new(bytes), DType::F32, grid, extra, Arc::default()).unwrap();
    LazyVolume::from_volume(v)
}

fn run(channels: usize, name: &str, parameters: Value) -> Vec<f64> {
    let v = volume(channels).then(Node::new(name, parameters).unwrap(), Some(7)).unwrap();
    let v = v.compute().unwrap();
    (0..channels).flat_map(|c| v.channel(c).to_f32().unwrap()).map(f64::from).collect()
}

fn close(found: &[f64], wanted: &[f64], relative: f64, what: &str) {
    assert_eq!(found.len(), wanted.len());
    let size = wanted.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= relative * size, "{what}: voxel {i} is {a}, not {b}");
    }
}

fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

fn deviation(v: &[f64]) -> f64 {
    let mean = mean(v);
    (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt()
}

fn range(v: &[f64]) -> [f64; 2] {
    [v.iter().copied().fold(f64::INFINITY, f64::min), v.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

/// Applies a formula to all voxels at once, or to each channel.
fn oracle(channels: usize, each: bool, formula: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let all: Vec<f64> = voxels(channels).into_iter().map(f64::from).collect();
    if each { all.chunks(all.len() / channels).flat_map(formula).collect() } else { formula(&all) }
}

fn power(v: &[f64], gamma: f64, invert: bool) -> Vec<f64> {
    let sign = if invert { -1.0 } else { 1.0 };
    let v: Vec<f64> = v.iter().map(|x| x * sign).collect();
    let [low, high] = range(&v);
    v.iter().map(|x| sign * (libm::pow((x - low) / (high - low), gamma) * (high - low) + low)).collect()
}

fn restored(v: &[f64], to: &[f64]) -> Vec<f64> {
    let (from, ratio, onto) = (mean(v), deviation(to) / deviation(v), mean(to));
    v.iter().map(|x| (x - from) * ratio + onto).collect()
}

#[test]
fn gamma_is_its_formula() {
    for channels in [1, 3] {
        for each in [false, true] {
            for (gamma, invert) in [(0.7, false), (1.5, true), (3.3, false)] {
                let given = json!({"gamma": gamma, "invert": invert, "channel_wise": each});
                let wanted = oracle(channels, each, |v| power(v, gamma, invert));
                close(&run(channels, "gamma", given.clone()), &wanted, 5e-7, "gamma");
                let mut given = given;
                given["keep_stats"] = json!(true);
                let wanted = oracle(channels, each, |v| restored(&power(v, gamma, invert), v));
                close(&run(channels, "gamma", given), &wanted, 1e-6, "gamma with statistics kept");
            }
        }
    }
    let wanted = oracle(1, false, |v| v.iter().map(|x| libm::pow(x.abs(), 0.6).copysign(*x)).collect());
    close(&run(1, "gamma", json!({"gamma": 0.6, "relative_to": "magnitude"})), &wanted, 2e-7, "magnitude");
}

#[test]
fn images_of_one_value_have_no_gamma() {
    let v = Volume::from_f32(Grid::new([3, 2, 1], Affine::IDENTITY), &[7.5; 6]).unwrap();
    for given in [json!(0.5), json!({"gamma": 2.0, "keep_stats": true, "invert": true})] {
        let out =
            LazyVolume::from_volume(v.clone()).then(Node::new("gamma", given).unwrap(), Some(1)).unwrap();
        assert_eq!(out.compute().unwrap().to_f32().unwrap(), [7.5; 6]);
    }
}

#[test]
fn contrast_scales_about_the_mean() {
    for channels in [1, 3] {
        for each in [false, true] {
            for keep in [false, true] {
                let wanted = oracle(channels, each, |v| {
                    let (mean, [low, high]) = (mean(v), range(v));
                    let hold = |x: f64| if keep { x.clamp(low, high) } else { x };
                    v.iter().map(|x| hold((x - mean) * 1.4 + mean)).collect()
                });
                let given = json!({"factor": 1.4, "keep_range": keep, "channel_wise": each});
                close(&run(channels, "contrast", given), &wanted, 5e-7, "contrast");
            }
        }
    }
}

#[test]
fn scales_and_shifts() {
    let wanted = oracle(1, false, |v| v.iter().map(|x| x * 1.3).collect());
    close(&run(1, "scale_intensity", json!(1.3)), &wanted, 2e-7, "scale");
    let wanted = oracle(1, false, |v| v.iter().map(|x| x - 2.25).collect());
    close(&run(1, "shift_intensity", json!(-2.25)), &wanted, 2e-7, "shift");
    for each in [false, true] {
        let wanted = oracle(3, each, |v| v.iter().map(|x| x + 0.5 * deviation(v)).collect());
        let given = json!({"offset": 0.5, "unit": "deviations", "channel_wise": each});
        close(&run(3, "shift_intensity", given), &wanted, 2e-7, "shift by deviations");
    }
}

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

#[test]
fn bias_fields_are_exponentials_of_polynomials() {
    let legendre: [fn(f64) -> f64; 4] =
        [|_| 1.0, |x| x, |x| 1.5 * x * x - 0.5, |x| 2.5 * x * x * x - 1.5 * x];
    let powers: [fn(f64) -> f64; 4] = [|_| 1.0, |x| x, |x| x * x, |x| x * x * x];
    for (name, basis) in [("legendre", legendre), ("powers", powers)] {
        for degree in 0..4 {
            let wanted = oracle(2, true, |v| {
                let of = |(n, voxel): (usize, &f64)| {
                    let index = [n % SHAPE[0], n / SHAPE[0] % SHAPE[1], n / SHAPE[0] / SHAPE[1]];
                    let at = [0, 1, 2].map(|a| 2.0 * index[a] as f64 / (SHAPE[a] - 1) as f64 - 1.0);
                    let mut sum = 0.0;
                    for i in 0..=degree {
                        for j in 0..=degree - i {
                            for k in 0..=degree - i - j {
                                sum += 0.2 * basis[i](at[0]) * basis[j](at[1]) * basis[k](at[2]);
                            }
                        }
                    }
                    voxel * libm::exp(sum)
                };
                v.iter().enumerate().map(of).collect()
            });
            let given = json!({"coefficients": [0.2, 0.2], "degree": degree, "basis": name});
            close(&run(2, "bias_field", given), &wanted, 1e-6, name);
        }
    }
}

#[test]
fn bent_scales_rise_and_keep_their_ends() {
    let n = 1001;
    let ramp: Vec<f32> = (0..n).map(|i| i as f32 * 0.25 - 30.0).collect();
    let v = Volume::from_f32(Grid::new([n, 1, 1], Affine::IDENTITY), &ramp).unwrap();
    let mut first = vec![];
    for seed in 0..400 {
        let node = Node::new("histogram_shift", json!(6)).unwrap();
        let v = LazyVolume::from_volume(v.clone()).then(node, Some(seed)).unwrap();
        let out = v.compute().unwrap().to_f32().unwrap();
        assert!(out.windows(2).all(|w| w[0] <= w[1]), "it falls");
        assert_eq!([out[0], out[n - 1]], [ramp[0], ramp[n - 1]]);
        // Five lines: the slope changes at the four inner points and nowhere else.
        let bends = (1..n - 1).filter(|&i| (out[i + 1] - 2.0 * out[i] + out[i - 1]).abs() > 1e-3);
        assert!(bends.clone().all(|i| i % 200 == 0), "{:?}", bends.collect::<Vec<_>>());
        first.push(f64::from(out[200] - ramp[0]) / f64::from(ramp[n - 1] - ramp[0]));
    }
    // The first point is uniform between the lowest and the second: Kolmogorov's 0.1 % point.
    first.sort_by(f64::total_cmp);
    let far = first.iter().enumerate().map(|(i, x)| (x / 0.4 - (i as f64 + 0.5) / 400.0).abs());
    assert!(far.fold(0.0, f64::max) < 1.95 / 20.0);
}
