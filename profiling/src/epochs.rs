//! Times epochs of the training loader: random patches of many files, in batches.
//!
//! `cargo run --release -p profiling --bin epochs -- head128_i16.nii.gz` visits twenty copies of a file. Every epoch goes to new threads, as in training.
#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use medcore::Role;
use medio::checkpoints::{self, Keep};
use medpipe::{Cache, Case, CaseItem, Loader, Pipeline, Settings};

/// Which checkpoints are gathered.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Checkpoints {
    Auto,
    All,
    None,
}

/// Times epochs of the training loader.
#[derive(Parser, Debug)]
struct Options {
    /// The file that cases are copies of.
    file: PathBuf,
    /// A label file that cases have a copy of, too.
    #[arg(long)]
    label: Option<PathBuf>,
    /// A pipeline file instead of the random crop.
    #[arg(long, conflicts_with_all = ["count", "patch", "then"])]
    pipeline: Option<PathBuf>,
    /// Cases.
    #[arg(long, default_value_t = 20)]
    cases: usize,
    /// Patches of a visit.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Voxels of a patch along each axis.
    #[arg(long, default_value_t = 64)]
    patch: usize,
    /// Patches of a batch.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Threads; as many as processors if not given.
    #[arg(long)]
    workers: Option<usize>,
    /// Epochs.
    #[arg(long, default_value_t = 20)]
    epochs: u64,
    /// Checkpoints: those that pay, all, or none.
    #[arg(long, value_enum, default_value = "auto")]
    checkpoints: Checkpoints,
    /// Forget checkpoints and headers before every epoch, as if each was the first.
    #[arg(long)]
    first: bool,
    /// Keep decoded volumes on disk.
    #[arg(long)]
    cache: bool,
    /// More transforms, after the crop, as in a pipeline file.
    #[arg(long, default_value = "")]
    then: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let o = Options::parse();
    let folder = tempfile::tempdir()?;
    let copied = |n: usize, key: &str, role: Role, file: &Path| -> std::io::Result<CaseItem> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = folder.path().join(format!("{n}-{key}-{name}"));
        std::fs::copy(file, &path)?;
        Ok(CaseItem::Files { paths: vec![path], role })
    };
    let mut cases = vec![];
    for n in 0..o.cases {
        let mut case =
            Case::new(format!("case {n}")).with("image", copied(n, "image", Role::Image, &o.file)?);
        if let Some(label) = &o.label {
            case = case.with("label", copied(n, "label", Role::Label, label)?);
        }
        cases.push(case);
    }
    let text = format!(
        "{{medoxide: 1, seed: 1, transforms: [{{random_crop: {{shape: {}, count: {}}}}}{}]}}",
        o.patch,
        o.count,
        if o.then.is_empty() { String::new() } else { format!(", {}", o.then) }
    );
    let mut pipeline = Pipeline::from_yaml(&match &o.pipeline {
        Some(path) => std::fs::read_to_string(path)?,
        None => text,
    })?;
    if o.cache {
        pipeline = pipeline.with_cache(&Cache::on_disk(folder.path().join("cache"), 4 << 30)?);
    }
    let checkpoints = match o.checkpoints {
        Checkpoints::Auto => Keep::Auto,
        Checkpoints::All => Keep::Memory,
        Checkpoints::None => Keep::Off,
    };
    let settings = Settings { batch_size: o.batch, workers: o.workers, checkpoints, ..Settings::default() };
    let mut loader = Loader::new(cases.clone(), pipeline.clone(), settings.clone())?;
    let (mut times, mut patches) = (vec![], 0);
    for epoch in 0..o.epochs {
        let begun = Instant::now();
        patches = 0;
        if o.first {
            checkpoints::clear();
            loader = Loader::new(cases.clone(), pipeline.clone(), settings.clone())?;
        }
        let mut batches = loader.batches(epoch, 0)?;
        for batch in batches.by_ref() {
            patches += batch?.meta.len();
        }
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        times.push(ms);
        if epoch < 2 || epoch + 1 == o.epochs {
            let c = batches.counters();
            println!(
                "epoch {epoch}: {patches} patches in {ms:.2} ms, {:.0}/s; inflated {} MB, planning {:?}, computing {:?}, waiting {:?}",
                patches as f64 / ms * 1e3,
                c.bytes_inflated >> 20,
                c.planning,
                c.computing,
                c.waiting
            );
        }
    }
    times.drain(..1);
    times.sort_by(f64::total_cmp);
    if let (Some(best), Some(middle)) = (times.first(), times.get(times.len() / 2)) {
        println!(
            "later epochs: best {best:.2} ms, {:.0}/s; median {middle:.2} ms, {:.0}/s",
            patches as f64 / best * 1e3,
            patches as f64 / middle * 1e3
        );
    }
    Ok(())
}
