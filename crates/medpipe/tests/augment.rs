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
