//! Prints a volume file's facts as one line of JSON: shape, dtype, affine, scale, warnings, header, and CRC-32 digests of the stored voxels
//! (native byte order) and of their float32 and float64 values.
//!
//! `cargo run -p medio --example dump -- FILE...`

use std::error::Error;
use std::io::Write;

fn facts(path: &str) -> Result<serde_json::Value, Box<dyn Error>> {
    let file = medio::open(path)?;
    let voxels: usize = file.shape().iter().product();
    let mut raw = vec![0; voxels * file.stored_dtype().bytes()];
    file.read_all_raw(&mut raw)?;
    let mut digests = vec![crc32fast::hash(&raw)];
    if file.stored_dtype().is_real() {
        let (mut single, mut double) = (vec![0f32; voxels], vec![0f64; voxels]);
        file.read_all_f32(&mut single)?;
        file.read_all_f64(&mut double)?;
        digests.push(crc32fast::hash(bytemuck::cast_slice(&single)));
        digests.push(crc32fast::hash(bytemuck::cast_slice(&double)));
    }
    let header: serde_json::Map<_, _> =
        file.header().fields().into_iter().map(|(k, v)| (k.to_owned(), serde_json::json!(v))).collect();
    let extensions: Vec<_> = file.meta().extensions.iter().map(|e| (e.code, e.data.len())).collect();
    Ok(serde_json::json!({
        "path": path,
        "format": file.format(),
        "compressed": file.compressed(),
        "shape": file.shape(),
        "stored": file.stored_dtype().name(),
        "dtype": file.dtype().name(),
        "scale": file.scale().map(|s| (s.slope, s.intercept)),
        "affine": file.grid().affine.rows,
        "digests": digests,
        "extensions": extensions,
        "warnings": file.meta().warnings,
        "header": header,
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args().skip(1) {
        let line = facts(&path).unwrap_or_else(|e| serde_json::json!({"path": path, "error": e.to_string()}));
        writeln!(out, "{line}")?;
    }
    Ok(())
}
