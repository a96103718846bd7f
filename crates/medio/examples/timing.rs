//! Times the ways of reading a file, and writing it again: medians in milliseconds, page cache warm.
//!
//! `cargo run --release -p medio --example timing -- FILE OUTPUT_FOLDER`

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use medcore::Box3;
use medio::{Level, SaveOptions};
use medkernels::buffer::Buffer;

fn median(times: usize, mut f: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut all = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        f()?;
        all.push(start.elapsed().as_secs_f64() * 1e3);
    }
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() / 2])
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (path, folder) = (args.first().ok_or("no file")?, Path::new(args.get(1).ok_or("no folder")?));
    let mut out = std::io::stdout().lock();
    let mut show = |what: &str, ms: f64| writeln!(out, "{what:<40} {ms:9.3} ms");

    show("open", median(201, || medio::open(path).map(drop).map_err(Into::into))?)?;
    let file = medio::open(path)?;
    let voxels: usize = file.shape().iter().product();
    let fresh = median(15, || {
        medkernels::buffer::release_memory();
        let mut b = Buffer::for_overwrite(voxels * 4)?;
        Ok(file.read_all_f32(b.as_mut_slice())?)
    })?;
    show("whole, float32, fresh memory", fresh)?;
    let pooled = median(15, || {
        let mut b = Buffer::for_overwrite(voxels * 4)?;
        Ok(file.read_all_f32(b.as_mut_slice())?)
    })?;
    show("whole, float32, pooled memory", pooled)?;
    show("load (stored dtype)", median(15, || file.load().map(drop).map_err(Into::into))?)?;
    let shape = file.grid().shape;
    let mut crop = vec![0f32; 64 * 64 * 64];
    let mut at = 7usize;
    let crop_ms = median(101, || {
        at = at.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let start = [0, 1, 2].map(|i| (at >> (16 + 8 * i)) % (shape[i] - 63));
        Ok(file.read_f32(0, &Box3 { start, shape: [64; 3] }, &mut crop)?)
    })?;
    show("64^3 crop, random place", crop_ms)?;
    let volume = file.load()?;
    for (name, level) in
        [("plain.nii", 0), ("l1.nii.gz", 1), ("l3.nii.gz", 3), ("l4.nii.gz", 4), ("l6.nii.gz", 6)]
    {
        let options = SaveOptions { level: Level::new(level)?, sync: false, ..SaveOptions::default() };
        let target = folder.join(name);
        let mut bytes = 0;
        let ms = median(5, || {
            bytes = medio::save(&target, &volume, &options)?.bytes;
            Ok(())
        })?;
        show(&format!("save {name}, {bytes} bytes"), ms)?;
    }
    Ok(())
}
