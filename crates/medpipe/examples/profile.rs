//! Times one chain on a synthetic head, beside a copy of its input: `profile SIZE [RUNS] STEP...`, where a step is `name:yaml`.
//!
//! `cargo run --release -p medpipe --example profile -- 128 20 'resample:{spacing: 2}' z_normalize`. Run it under `perf record` or
//! `cargo flamegraph` to see where the time goes. With `nii` as the first step the volume is read from a `.nii` file each time, and
//! with `c_order` the result is stored z fastest.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::time::Instant;

use medcore::{Affine, DType, Grid, Volume};
use medpipe::{Layout, LazyVolume, Node, Pipeline};

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).peekable();
    let size: usize = args.next().ok_or("profile SIZE [RUNS] STEP...")?.parse()?;
    let runs: Option<usize> = args.peek().and_then(|a| a.parse().ok());
    if runs.is_some() {
        args.next();
    }
    let runs = runs.unwrap_or(20);
    let (mut file, mut layout) = (false, Layout::XFastest);
    let mut nodes = vec![];
    for step in args {
        match step.as_str() {
            "nii" => file = true,
            "c_order" => layout = Layout::ZFastest,
            _ => {
                let (name, value) = step.split_once(':').unwrap_or((&step, "null"));
                let yaml = format!("medoxide: 1\ntransforms: [{{{name}: {value}}}]");
                nodes.extend(Pipeline::from_yaml(&yaml)?.nodes().to_vec());
            }
        }
    }
    let grid = Grid::new([size; 3], Affine::IDENTITY);
    let voxels = head(size);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("head.nii");
    let volume = Volume::from_f32(grid, &voxels)?;
    if file {
        let v = LazyVolume::from_volume(volume.clone()).then(Node::new("cast", "int16".into())?, None)?;
        medio::save(&path, &v.compute()?, &medio::SaveOptions::default())?;
    }
    let pipeline = Pipeline::new(nodes).with_seed(1);
    let (mut times, mut copies) = (vec![], vec![]);
    let mut touched = voxels.clone();
    for run in 0..=runs {
        let start = Instant::now();
        touched.copy_from_slice(&voxels);
        copies.push(start.elapsed().as_secs_f64() * 1e3);
        std::hint::black_box(&touched);
        let start = Instant::now();
        let source = if file { LazyVolume::open(&path)? } else { LazyVolume::from_volume(volume.clone()) };
        let out = pipeline.apply_to_volume(&source)?.compute_as(Some(DType::F32), layout)?;
        let time = start.elapsed().as_secs_f64() * 1e3;
        std::hint::black_box(&out);
        if run > 0 {
            times.push(time);
        } else {
            println!("first {time:.3} ms");
        }
    }
    times.sort_by(f64::total_cmp);
    copies.sort_by(f64::total_cmp);
    let (t, c) = (times[times.len() / 2], copies[copies.len() / 2]);
    println!("median {t:.3} ms, best {:.3} ms, copy {c:.3} ms, ratio {:.2}", times[0], t / c);
    Ok(())
}
