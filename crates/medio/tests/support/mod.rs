//! The committed files and what nibabel reads from them.
#![allow(dead_code, reason = "each test program uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::{Box3, DType, Grid, Volume};
use medio::VolumeFile;
use serde_json::Value;

/// A volume of the corpus.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) stored: DType,
    pub(crate) big_endian: bool,
    pub(crate) scale: Option<(f64, f64)>,
    pub(crate) affine: Vec<f64>,
    pub(crate) sform_code: i64,
    pub(crate) qform_code: i64,
    pub(crate) extensions: Vec<(i32, String)>,
    pub(crate) values: Vec<f64>,
    pub(crate) float32: Option<Vec<f32>>,
    json: Value,
}

impl Entry {
    pub(crate) fn path(&self) -> PathBuf {
        folder().join(&self.name)
    }

    /// Values that f64 cannot hold, such as the largest uint64.
    pub(crate) fn integers(&self) -> Vec<i128> {
        let list = self.json["values"].as_array().unwrap();
        list.iter().filter_map(|v| v.to_string().parse().ok()).collect()
    }

    /// The voxel file of a pair.
    pub(crate) fn voxel_path(&self) -> PathBuf {
        folder().join(self.name.replace(".hdr", ".img"))
    }

    pub(crate) fn is_pair(&self) -> bool {
        self.name.contains(".hdr")
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/nifti")
}

/// Every volume of the corpus; fails if a file is missing, changed or new.
pub(crate) fn corpus() -> Vec<Entry> {
    let text = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let sums = all["crc32"].as_object().unwrap();
    assert_eq!(sums.len(), 104, "files in the corpus");
    for (name, crc) in sums {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        assert_eq!(u64::from(crc32fast::hash(&bytes)), crc.as_u64().unwrap(), "{name} has changed");
    }
    let floats =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let entries: Vec<Entry> = all["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| Entry {
            name: e["file"].as_str().unwrap().into(),
            shape: floats(&e["shape"]).iter().map(|&n| n as usize).collect(),
            stored: match e["stored"].as_str().unwrap() {
                "rgb" => DType::Rgb24,
                "rgba" => DType::Rgba32,
                name => name.parse().unwrap(),
            },
            big_endian: e["big_endian"].as_bool().unwrap(),
            scale: e["scale"].as_array().map(|s| (s[0].as_f64().unwrap(), s[1].as_f64().unwrap())),
            affine: e["affine"].as_array().unwrap().iter().flat_map(&floats).collect(),
            sform_code: e["sform_code"].as_i64().unwrap(),
            qform_code: e["qform_code"].as_i64().unwrap(),
            extensions: e["extensions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|x| (x[0].as_i64().unwrap() as i32, x[1].as_str().unwrap().into()))
                .collect(),
            values: floats(&e["values"]),
            float32: e["float32"]
                .is_array()
                .then(|| floats(&e["float32"]).iter().map(|&v| v as f32).collect()),
            json: e.clone(),
        })
        .collect();
    assert_eq!(entries.len(), 97, "volumes in the corpus");
    entries
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A small generator of numbers: the same on each run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// How a gzip member of some other writer looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Style {
    /// No extra field: `gzip`, and `pigz -i` after its first member.
    Bare,
    /// BGZF: `bgzip`.
    Bgzf,
    /// The size in four bytes: `mgzip`, `gzp`.
    Indexed,
    /// That, after another subfield, with name, comment and header checksum.
    Ornate,
}

/// A gzip member.
pub(crate) fn member(content: &[u8], style: Style) -> Vec<u8> {
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(6));
    deflate.write_all(content).unwrap();
    let body = deflate.finish().unwrap();
    let (flags, mut header) = match style {
        Style::Bare => (0, vec![]),
        Style::Bgzf => (4, b"\x06\0BC\x02\0\0\0".to_vec()),
        Style::Indexed => (4, b"\x08\0IG\x04\0\0\0\0\0".to_vec()),
        Style::Ornate => (4 | 8 | 16 | 2, b"\x0e\0RA\x02\0??IG\x04\0\0\0\0\0a name\0a comment\0??".to_vec()),
    };
    let size = 10 + header.len() + body.len() + 8;
    match style {
        Style::Bare => {}
        Style::Bgzf => header[6..].copy_from_slice(&u16::try_from(size - 1).unwrap().to_le_bytes()),
        Style::Indexed => header[6..].copy_from_slice(&(size as u32).to_le_bytes()),
        Style::Ornate => header[12..16].copy_from_slice(&(size as u32).to_le_bytes()),
    }
    let mut out = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    out.extend(header);
    if style == Style::Ornate {
        let at = out.len() - 2;
        let check = crc32fast::hash(&out[..at]) as u16;
        out[at..].copy_from_slice(&check.to_le_bytes());
    }
    out.extend(body);
    out.extend(crc32fast::hash(content).to_le_bytes());
    out.extend((content.len() as u32).to_le_bytes());
    out
}

/// The content of a gzip file, by the reader of the flate2 crate.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut out).unwrap();
    out
}

/// Noise of a few bits, with runs of zeros: compressible, and different everywhere.
pub(crate) fn noise(numbers: &mut Numbers, n: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(n + 64);
    while out.len() < n {
        let length = 1 + numbers.below(200);
        match numbers.below(3) {
            0 => out.resize(out.len() + length, 0),
            _ => out.extend((0..length).map(|_| numbers.next() as u8 & 0x3f)),
        }
    }
    out.truncate(n);
    out
}

/// A volume of such noise.
pub(crate) fn volume(dtype: DType, grid: Grid, extra: Vec<usize>, numbers: &mut Numbers) -> Volume {
    let n = grid.len() * extra.iter().product::<usize>() * dtype.bytes();
    Volume::packed(Arc::new(noise(numbers, n)), dtype, grid, extra, Arc::default()).unwrap()
}

/// A box of a file's content, voxel by voxel.
pub(crate) fn cut_out(content: &[u8], file: &VolumeFile, channel: usize, b: &Box3) -> Vec<u8> {
    let ([nx, ny, nz], size) = (file.grid().shape, file.stored_dtype().bytes());
    let first = content.len() - file.shape().iter().product::<usize>() * size;
    let mut out = Vec::new();
    for z in b.start[2]..b.end()[2] {
        for y in b.start[1]..b.end()[1] {
            for x in b.start[0]..b.end()[0] {
                let at = first + (((channel * nz + z) * ny + y) * nx + x) * size;
                out.extend_from_slice(&content[at..at + size]);
            }
        }
    }
    out
}
