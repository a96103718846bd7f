//! Volumes that are changed, and what the changes are held against.

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::Value;

pub(crate) const SHAPE: [usize; 3] = [13, 9, 7];

/// Voxels of some channels, of about -40 to 80, with a few equal ones; each channel has another scale.
pub(crate) fn voxels(channels: usize) -> Vec<f32> {
    let n = SHAPE.iter().product::<usize>();
    let of = |i: usize| {
        let u = Key::new(4).index(i as u64).uniform();
        (if u < 0.1 { 0.0 } else { u * 120.0 - 40.0 }) * (1 + i / n) as f64
    };
    (0..n * channels).map(|i| of(i) as f32).collect()
}

pub(crate) fn volume(channels: usize) -> LazyVolume {
    let bytes = bytemuck::cast_slice::<_, u8>(&voxels(channels)).to_vec();
    let extra = if channels > 1 { vec![channels] } else { vec![] };
    let grid = Grid::new(SHAPE, Affine::IDENTITY);
    let v = Volume::packed(Arc::new(bytes), DType::F32, grid, extra, Arc::default()).unwrap();
    LazyVolume::from_volume(v)
}

pub(crate) fn run(channels: usize, name: &str, parameters: Value) -> Vec<f64> {
    let v = volume(channels).then(Node::new(name, parameters).unwrap(), Some(7)).unwrap();
    let v = v.compute().unwrap();
    (0..channels).flat_map(|c| v.channel(c).to_f32().unwrap()).map(f64::from).collect()
}

pub(crate) fn close(found: &[f64], wanted: &[f64], relative: f64, what: &str) {
    assert_eq!(found.len(), wanted.len());
    let size = wanted.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= relative * size, "{what}: voxel {i} is {a}, not {b}");
    }
}

pub(crate) fn mean(v: &[f64]) -> f64 {
    v.iter().sum::<f64>() / v.len() as f64
}

pub(crate) fn deviation(v: &[f64]) -> f64 {
    let mean = mean(v);
    (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt()
}

pub(crate) fn range(v: &[f64]) -> [f64; 2] {
    [v.iter().copied().fold(f64::INFINITY, f64::min), v.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
}

/// Applies a formula to all voxels at once, or to each channel.
pub(crate) fn oracle(channels: usize, each: bool, formula: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let all: Vec<f64> = voxels(channels).into_iter().map(f64::from).collect();
    if each { all.chunks(all.len() / channels).flat_map(formula).collect() } else { formula(&all) }
}

/// The voxels of a volume of one value, changed under a seed.
pub(crate) fn flat(shape: [usize; 3], value: f32, seed: u64, name: &str, parameters: Value) -> Vec<f32> {
    let grid = Grid::new(shape, Affine::IDENTITY);
    let v = Volume::from_f32(grid, &vec![value; grid.len()]).unwrap();
    let v = LazyVolume::from_volume(v).then(Node::new(name, parameters).unwrap(), Some(seed)).unwrap();
    v.compute().unwrap().to_f32().unwrap()
}

/// Whether numbers could have been drawn from a distribution, by Kolmogorov's 0.1 % point.
pub(crate) fn is_drawn_from(numbers: &[f32], below: impl Fn(f64) -> f64) -> bool {
    let mut sorted: Vec<f64> = numbers.iter().map(|v| f64::from(*v)).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let far = sorted.iter().enumerate().map(|(i, x)| {
        let p = below(*x);
        (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
    });
    far.fold(0.0, f64::max) < 1.95 / n.sqrt()
}
