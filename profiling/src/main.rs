//! Times chains of transforms on a synthetic head, across volume sizes, beside a copy of the same bytes.
//!
//! `cargo run --release -p profiling -- 'resample:{spacing: 2}' z_normalize` times that chain at 64³, 128³ and 256³. Under `perf record` or
//! `cargo flamegraph` the same program shows where the time goes; README.md beside it says how.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::path::PathBuf;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use medcore::{Affine, DType, Grid, Volume};
use medpipe::{Layout, LazyVolume, Node, Pipeline};

/// Where the volume comes from.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum From {
    /// float32 in memory.
    Memory,
    /// An int16 `.nii` file, in the page cache.
    Nii,
    /// An int16 `.nii.gz` file.
    Gz,
}

/// Times a chain of transforms on a synthetic head, across volume sizes.
#[derive(Parser, Debug)]
struct Options {
    /// Voxels along each axis.
    #[arg(long, value_delimiter = ',', default_value = "64,128,256")]
    sizes: Vec<usize>,
    /// Timed runs for each size, after one that is not counted.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Where the volume comes from.
    #[arg(long, value_enum, default_value = "memory")]
    from: From,
    /// Store the result z fastest, as a C-contiguous array, instead of x fastest.
    #[arg(long)]
    c_order: bool,
    /// The transforms: `name`, or `name:yaml`, such as 'resample:{spacing: 2}'.
    steps: Vec<String>,
}

/// An ellipsoid of tissue with noise, on a background of exact zeros, as scanners leave it.
fn head(n: usize) -> Vec<f32> {
    let half = n as f32 / 2.0;
    (0..n * n * n)
        .map(|i| {
            let p = [i % n, i / n % n, i / n / n].map(|v| (v as f32 - half) / half);
            let r = p[0] * p[0] + p[1] * p[1] * 1.3 + p[2] * p[2];
            let noise = ((i as u32).wrapping_mul(2_654_435_761) >> 22) as f32 / 16.0;
            if r < 0.6 { 300.0 + 200.0 * p[0] + noise } else { 0.0 }
        })
        .collect()
}

/// Milliseconds of a call.
fn time<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let out = f();
    (start.elapsed().as_secs_f64() * 1e3, out)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut nodes: Vec<Node> = vec![];
    for step in &options.steps {
        let (name, value) = step.split_once(':').unwrap_or((step, "null"));
        let yaml = format!("medoxide: 1\ntransforms: [{{{name}: {value}}}]");
        nodes.extend(Pipeline::from_yaml(&yaml)?.nodes().to_vec());
    }
    let pipeline = Pipeline::new(nodes).with_seed(1);
    let layout = if options.c_order { Layout::ZFastest } else { Layout::XFastest };
    println!("level {}, {} threads", medkernels::level::level(), medkernels::threads::threads());
    println!(
        "{:>6} {:>10} {:>10} {:>10} {:>10}  times copy",
        "size", "first ms", "median ms", "best ms", "copy ms"
    );
    let folder = tempfile::tempdir()?;
    for &size in &options.sizes {
        let voxels = head(size);
        let volume = Volume::from_f32(Grid::new([size; 3], Affine::IDENTITY), &voxels)?;
        let file: Option<PathBuf> = match options.from {
            From::Memory => None,
            From::Nii => Some(folder.path().join(format!("{size}.nii"))),
            From::Gz => Some(folder.path().join(format!("{size}.nii.gz"))),
        };
        if let Some(path) = &file {
            let v = LazyVolume::from_volume(volume.clone()).then(Node::new("cast", "int16".into())?, None)?;
            medio::save(path, &v.compute()?, &medio::SaveOptions::default())?;
        }
        let (mut times, mut copies) = (vec![], vec![]);
        let mut touched = voxels.clone();
        for _ in 0..=options.runs {
            copies.push(time(|| touched.copy_from_slice(&voxels)).0);
            std::hint::black_box(&touched);
            let (ms, out) = time(|| {
                let source = match &file {
                    Some(path) => LazyVolume::open(path)?,
                    None => LazyVolume::from_volume(volume.clone()),
                };
                pipeline.apply_to_volume(&source)?.compute_as(Some(DType::F32), layout)
            });
            std::hint::black_box(out?);
            times.push(ms);
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        copies.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or(first);
        let (best, copy) = (times.first().copied().unwrap_or(first), copies[copies.len() / 2]);
        println!("{size:>6} {first:>10.3} {median:>10.3} {best:>10.3} {copy:>10.3}  {:.2}", median / copy);
    }
    Ok(())
}
