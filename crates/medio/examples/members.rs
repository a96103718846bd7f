//! What the size of gzip members costs and gains: file size, writing, whole reads, 64³ crops. Page cache warm; the least of some rounds,
//! interleaved, because other work on the machine only adds.
//!
//! `cargo run --release -p medio --features libdeflate --example members -- FILE FOLDER NIBABEL_BYTES KIB,KIB,... LEVEL,LEVEL,...`
//! (0 KiB: one member, 1 KiB: BGZF.) `benchmarks/members.py` makes the files and calls this.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use libdeflater::Decompressor;
use medcore::{Box3, Volume};
use medio::{Gzip, Level, SaveOptions};
use medkernels::buffer::Buffer;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ROUNDS: usize = 5;
const CROPS: usize = 24;

struct Row {
    path: PathBuf,
    options: SaveOptions,
    bytes: u64,
    write: f64,
    whole: f64,
    crop: f64,
    /// Mean over the crops.
    members: f64,
}

fn time<T>(best: &mut f64, f: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let out = f()?;
    *best = best.min(start.elapsed().as_secs_f64() * 1e3);
    Ok(out)
}

/// Random places, the same for every row.
fn corners(shape: [usize; 3]) -> Vec<[usize; 3]> {
    let mut state = 7u64;
    let mut next = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    (0..CROPS).map(|_| shape.map(|n| next(n - 63))).collect()
}

fn round(row: &mut Row, volume: &Volume) -> Result<()> {
    row.bytes = time(&mut row.write, || Ok(medio::save(&row.path, volume, &row.options)?.bytes))?;
    let shape = volume.grid().shape;
    let mut out = Buffer::for_overwrite(volume.grid().len() * 4)?;
    time(&mut row.whole, || Ok(medio::open(&row.path)?.read_all_f32(out.as_mut_slice())?))?;
    let mut patch = vec![0f32; 64 * 64 * 64];
    let (mut all, mut members) = (Vec::new(), 0);
    for start in corners(shape) {
        let mut ms = f64::MAX;
        for _ in 0..2 {
            let file = time(&mut ms, || {
                let file = medio::open(&row.path)?;
                file.read_f32(0, &Box3 { start, shape: [64; 3] }, &mut patch)?;
                Ok(file)
            })?;
            members += file.members_inflated() - 1;
        }
        all.push(ms);
    }
    all.sort_by(f64::total_cmp);
    row.crop = row.crop.min(all[CROPS / 2]);
    row.members = members as f64 / (2 * CROPS) as f64;
    Ok(())
}

/// libdeflate on the whole stream as one member, one thread, into touched memory.
fn inflate(folder: &Path, volume: &Volume) -> Result<f64> {
    let path = folder.join("one.nii.gz");
    let options = SaveOptions { gzip: Gzip::Single, sync: false, ..SaveOptions::default() };
    medio::save(&path, volume, &options)?;
    let packed = std::fs::read(&path)?;
    let mut out = vec![1; volume.grid().len() * volume.stored_dtype().bytes() + 352];
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        time(&mut best, || Ok(Decompressor::new().gzip_decompress(&packed, &mut out)?))?;
    }
    Ok(best)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, folder, nibabel, sizes, levels] = &args[..] else {
        return Err("see the head of the file".into());
    };
    let (folder, nibabel) = (Path::new(folder), nibabel.parse::<f64>()?);
    let volume = medio::open(file)?.load()?;
    let mut rows = Vec::new();
    for level in levels.split(',') {
        for kib in sizes.split(',') {
            let (level, kib): (Level, u32) = (level.parse()?, kib.parse()?);
            let gzip = match kib {
                0 => Gzip::Single,
                1 => Gzip::Bgzf,
                n => Gzip::Blocks(n << 10),
            };
            let options = SaveOptions { level, gzip, sync: false, ..SaveOptions::default() };
            let path = folder.join(format!("members-{level}-{kib}.nii.gz"));
            rows.push(Row {
                path,
                options,
                bytes: 0,
                write: f64::MAX,
                whole: f64::MAX,
                crop: f64::MAX,
                members: 0.0,
            });
        }
    }
    for _ in 0..ROUNDS {
        rows.iter_mut().try_for_each(|row| round(row, &volume))?;
    }
    let inflate = inflate(folder, &volume)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{file}: libdeflate inflates the stream in {inflate:.1} ms")?;
    writeln!(
        out,
        "{:>22} {:>6} {:>9} {:>8} {:>8} {:>9} {:>8} {:>8}",
        "members", "level", "x nibabel", "write ms", "whole ms", "x inflate", "crop ms", "members"
    )?;
    for row in rows {
        let name = format!("{:?}", row.options.gzip);
        let (size, whole) = (row.bytes as f64 / nibabel, row.whole / inflate);
        writeln!(
            out,
            "{name:>22} {:>6} {size:>9.3} {:>8.1} {:>8.1} {whole:>9.2} {:>8.2} {:>8.1}",
            row.options.level.to_string(),
            row.write,
            row.whole,
            row.crop,
            row.members
        )?;
        std::fs::remove_file(&row.path)?;
    }
    Ok(())
}
