//! Times a preset on a sample in memory, an image and a label of 160³ as NumPy keeps them, to C-contiguous arrays.
//!
//! `cargo run --release -p profiling --bin recipes -- nnunet_v2 --skip 1` leaves out the preset's first transform.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use medcore::{Affine, DType, Grid, Role, Volume};
use medpipe::{Layout, LazyItem, LazySample, LazyVolume, Pipeline};
use serde_json::{Map, Value};

/// Times a preset on a sample in memory.
#[derive(Parser, Debug)]
struct Options {
    /// The preset's name.
    preset: String,
    /// Its parameters, as JSON.
    #[arg(long, default_value = "{}")]
    with: String,
    /// Transforms at its beginning that are left out.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Voxels along each axis.
    #[arg(long, default_value_t = 160)]
    size: usize,
    /// Keys, each of which is timed once a run.
    #[arg(long, default_value_t = 50)]
    keys: u64,
    /// Runs.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Whether the label is noise, not smooth.
    #[arg(long)]
    noisy: bool,
    /// Also prints each key's best time, and what is done of each item.
    #[arg(long)]
    each: bool,
}

/// A label of four values with smooth borders, or without, and an image that goes with it, z fastest.
fn sample(options: &Options) -> Result<LazySample, Box<dyn std::error::Error>> {
    let n = options.size;
    let half = n as f32 / 2.0;
    let (mut image, mut label) = (vec![], vec![]);
    for i in 0..n * n * n {
        let p = [i / n / n, i / n % n, i % n].map(|v| (v as f32 - half) / half);
        let r = p[0] * p[0] + p[1] * p[1] * 1.3 + p[2] * p[2] + 0.2 * p[0] * p[1];
        let noise = ((i as u32).wrapping_mul(2_654_435_761) >> 22) as f32 / 1024.0;
        let bumps = 0.3 * (9.0 * p[0] * p[1]).abs().min(1.0);
        image.push(if r < 0.9 { 1.0 - r + 0.3 * noise + bumps } else { -0.5 });
        let smooth = i16::from(r < 0.9) + i16::from(r < 0.5 + bumps) + i16::from(r < 0.1);
        label.push(if options.noisy { smooth - (smooth + (noise * 5.0) as i16) % 2 } else { smooth });
    }
    let grid = Grid::new([n; 3], Affine::IDENTITY);
    let strides = [n * n, n, 1].map(|s| s as isize);
    let volume =
        |bytes: Vec<u8>, dtype| Volume::strided(Arc::new(bytes), dtype, grid, 0, strides, vec![], vec![]);
    let image = volume(image.iter().flat_map(|v| v.to_ne_bytes()).collect(), DType::F32)?;
    let label = volume(label.iter().flat_map(|v| v.to_ne_bytes()).collect(), DType::I16)?;
    let label = LazyVolume::from_volume_as(label, Role::Label)?;
    let image = LazyItem::Volume(LazyVolume::from_volume(image));
    Ok(LazySample::default().with("image", image).with("label", LazyItem::Volume(label)))
}

/// Makes all that becomes of a sample, and forgets it.
fn make(pipeline: &Pipeline, sample: &LazySample, key: u64) -> medpipe::Result<()> {
    for one in pipeline.apply(sample, "head", key)? {
        for (_, item) in &one.items {
            if let LazyItem::Volume(v) = item {
                let dtype = v.facts()?.dtype;
                std::hint::black_box(v.compute_as(Some(dtype), Layout::ZFastest)?);
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let with: Map<String, Value> = serde_json::from_str(&options.with)?;
    let whole = Pipeline::from_yaml(&medpipe::preset(&options.preset)?.file(&with)?)?;
    let pipeline = Pipeline::new(whole.nodes()[options.skip..].to_vec()).with_seed(1);
    let sample = sample(&options)?;
    println!("level {}, {} threads", medkernels::level::level(), medkernels::threads::threads());
    let mut best = vec![f64::INFINITY; options.keys as usize];
    let mut means = vec![];
    for _ in 0..options.runs {
        let begun = Instant::now();
        for key in 0..options.keys {
            let start = Instant::now();
            make(&pipeline, &sample, key)?;
            let ms = start.elapsed().as_secs_f64() * 1e3;
            best[key as usize] = best[key as usize].min(ms);
        }
        means.push(begun.elapsed().as_secs_f64() * 1e3 / options.keys as f64);
    }
    means.sort_by(f64::total_cmp);
    let least = best.iter().sum::<f64>() / best.len() as f64;
    println!(
        "mean of the best of each key {least:.3} ms, best run {:.3}, median run {:.3}",
        means[0],
        means[means.len() / 2]
    );
    if options.each {
        for (key, ms) in best.iter().enumerate() {
            let drawn = pipeline.drawn(&sample, "head", key as u64)?;
            let names: Vec<&str> = drawn.nodes().iter().map(|n| n.name.as_str()).collect();
            println!("{key:>4} {ms:>8.3} {}", names.join(" "));
        }
    }
    Ok(())
}
