//! A region is the slice of the whole, whatever holds it: ten thousand random boxes over all containers, two to five dimensions.
#![allow(
    clippy::unwrap_used,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, and names are our own"
)]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::{Affine, Box3, DType, Grid, Scale, Volume};
use medio::nifti::Header;
use medio::{ByteOrder, Gzip, Nifti2, SaveOptions, checkpoints, open, save};
use support::{Numbers, Style, cut_out, gzip, member, volume};

/// Boxes of each container and each number of dimensions.
const BOXES: usize = 200;

/// Shapes of two to five dimensions, with a dtype each: some ten thousand voxels, and enough for checkpoints.
const SMALL: [(&[usize], DType); 4] = [
    (&[97, 61], DType::F64),
    (&[45, 40, 37], DType::I16),
    (&[30, 28, 20, 5], DType::F32),
    (&[24, 18, 12, 4, 3], DType::U16),
];
const LARGE: [(&[usize], DType); 4] = [
    (&[1000, 800], DType::I16),
    (&[120, 110, 60], DType::I16),
    (&[50, 40, 30, 7], DType::F32),
    (&[50, 40, 30, 10, 3], DType::U8),
];

fn quick(gzip: Gzip) -> SaveOptions {
    SaveOptions { sync: false, gzip, ..SaveOptions::default() }
}

fn noisy((shape, dtype): (&[usize], DType), numbers: &mut Numbers) -> Volume {
    let axis = |i: usize| shape.get(i).copied().unwrap_or(1);
    let grid = Grid::new([axis(0), axis(1), axis(2)], Affine::IDENTITY);
    volume(dtype, grid, shape.get(3..).unwrap_or(&[]).to_vec(), numbers)
}

/// The file as it would be without compression.
fn plain(dir: &Path, v: &Volume) -> Vec<u8> {
    let path = dir.join("plain.nii");
    save(&path, v, &quick(Gzip::Single)).unwrap();
    fs::read(path).unwrap()
}

/// The same in the other byte order.
fn swapped(bytes: &[u8], voxel: usize) -> Vec<u8> {
    let mut header = Header::parse(bytes).unwrap();
    let first = header.vox_offset as usize;
    header.order = if header.order == ByteOrder::Big { ByteOrder::Little } else { ByteOrder::Big };
    let mut out = header.serialise();
    out.extend(&bytes[out.len()..first]);
    out.extend(bytes[first..].chunks(voxel).flat_map(|v| v.iter().rev()));
    out
}

/// As `pigz` writes: a block of its own every 128 KiB.
fn flushed(bytes: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::new(4));
    for part in bytes.chunks(128 << 10) {
        e.write_all(part).unwrap();
        e.flush().unwrap();
    }
    e.finish().unwrap()
}

fn members(bytes: &[u8], styles: &[Style], numbers: &mut Numbers) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (part, after) = rest.split_at((1 + numbers.below(20_000)).min(rest.len()));
        out.extend(member(part, styles[numbers.below(styles.len())]));
        if numbers.below(9) == 0 {
            out.extend(member(b"", styles[0]));
        }
        rest = after;
    }
    out
}

const CONTAINERS: [&str; 14] = [
    "plain",
    "one member",
    "one member, checkpoints in memory",
    "one member, an index beside it",
    "several members, checkpoints in memory",
    "blocks of 64 KiB",
    "BGZF",
    "members without sizes",
    "members of several writers",
    "pair",
    "pair, gzipped",
    "NIfTI-2",
    "the other byte order",
    "scaled",
];

/// Writes a volume as the container has it; says where.
fn write(dir: &Path, container: &str, v: &Volume, numbers: &mut Numbers) -> PathBuf {
    let at = |name: &str| dir.join(name);
    let saved = |name: &str, options: &SaveOptions| {
        save(at(name), v, options).unwrap();
        at(name)
    };
    let put = |name: &str, bytes: &[u8]| {
        fs::write(at(name), bytes).unwrap();
        at(name)
    };
    match container {
        "plain" => saved("a.nii", &quick(Gzip::Single)),
        "one member" => saved("a.nii.gz", &quick(Gzip::Single)),
        "one member, checkpoints in memory" => put("a.nii.gz", &flushed(&plain(dir, v))),
        "one member, an index beside it" => {
            let path = put("a.nii.gz", &flushed(&plain(dir, v)));
            open(&path).unwrap().write_index().unwrap();
            assert!(at("a.nii.gz.mxi").exists());
            path
        }
        "several members, checkpoints in memory" => {
            let bytes = plain(dir, v);
            let (a, b) = bytes.split_at(bytes.len() / 3);
            put("a.nii.gz", &[gzip(&a[..a.len() / 2]), gzip(&a[a.len() / 2..]), flushed(b)].concat())
        }
        "blocks of 64 KiB" => saved("a.nii.gz", &quick(Gzip::Blocks(64 << 10))),
        "BGZF" => saved("a.nii.gz", &quick(Gzip::Bgzf)),
        "members without sizes" => {
            put("a.nii.gz", &members(&plain(dir, v), &[Style::Bare], &mut Numbers(numbers.next())))
        }
        "members of several writers" => {
            let styles = [Style::Indexed, Style::Bgzf, Style::Ornate];
            put("a.nii.gz", &members(&plain(dir, v), &styles, &mut Numbers(numbers.next())))
        }
        "pair" => saved("a.hdr", &quick(Gzip::Single)),
        "pair, gzipped" => saved("a.img.gz", &quick(Gzip::Blocks(9000))),
        "NIfTI-2" => {
            saved("a.nii.gz", &SaveOptions { nifti2: Nifti2::Always, ..quick(Gzip::Blocks(20_000)) })
        }
        "the other byte order" => {
            let bytes = swapped(&plain(dir, v), v.stored_dtype().bytes());
            if numbers.below(2) == 0 { put("a.nii", &bytes) } else { put("a.nii.gz", &flushed(&bytes)) }
        }
        "scaled" => {
            let scaled = v.clone().with_scale(Some(Scale { slope: 0.37, intercept: -11.0 }));
            save(at("a.nii.gz"), &scaled, &quick(Gzip::Blocks(30_000))).unwrap();
            at("a.nii.gz")
        }
        other => panic!("{other}"),
    }
}

fn some_box(shape: [usize; 3], numbers: &mut Numbers) -> Box3 {
    let start = shape.map(|n| numbers.below(n));
    let size = [0, 1, 2].map(|i| match numbers.below(5) {
        // To the end, sometimes.
        0 => shape[i] - start[i],
        _ => 1 + numbers.below((shape[i] - start[i]).min(24)),
    });
    Box3 { start, shape: size }
}

#[test]
fn a_region_is_the_slice_of_the_whole_in_every_container() {
    let mut numbers = Numbers(77);
    let mut boxes = 0;
    for container in CONTAINERS {
        let large = container.contains("checkpoints") || container.contains("index");
        for what in if large { LARGE } else { SMALL } {
            let dir = tempfile::tempdir().unwrap();
            let v = noisy(what, &mut numbers);
            let path = write(dir.path(), container, &v, &mut numbers);
            checkpoints::clear();
            let file = open(&path).unwrap().with_checkpoints(large);
            let said = format!("{container}, {what:?}");
            assert_eq!(file.extra(), what.0.get(3..).unwrap_or(&[]), "{said}");
            let size = what.1.bytes();
            // What was given to the file, and what reading the whole gives: the first as bytes, the second as values too.
            let given = v.storage().bytes();
            assert!(file.load().unwrap().storage().bytes() == given, "{said}");
            let voxels: usize = file.shape().iter().product();
            let mut values = vec![0.0; voxels];
            file.read_all_f32(&mut values).unwrap();
            let values: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
            let shape = file.grid().shape;
            for i in 0..BOXES {
                let (b, channel) = (some_box(shape, &mut numbers), numbers.below(file.channels()));
                // Members that are known already, or that nobody has looked for yet.
                let fresh = (i % 4 == 0).then(|| open(&path).unwrap().with_checkpoints(large));
                let file = fresh.as_ref().unwrap_or(&file);
                let mut raw = vec![0; b.len() * size];
                file.read_raw(channel, &b, &mut raw).unwrap();
                assert!(raw == cut_out(given, file, channel, &b), "{said}: {b:?} of {channel}");
                let mut found = vec![0.0; b.len()];
                file.read_f32(channel, &b, &mut found).unwrap();
                let found: Vec<u8> = found.iter().flat_map(|v| v.to_ne_bytes()).collect();
                assert!(found == slice(&values, shape, channel, &b), "{said}: values of {b:?} of {channel}");
                boxes += 1;
            }
            if large {
                assert!(checkpoints::bytes() > 0, "{said}: no checkpoint");
            }
        }
    }
    assert_eq!(boxes, 200 * 4 * 14);
}

/// A box of float32 values, as bytes: NaNs too.
fn slice(values: &[u8], [nx, ny, nz]: [usize; 3], channel: usize, b: &Box3) -> Vec<u8> {
    let mut out = Vec::new();
    for z in b.start[2]..b.end()[2] {
        for y in b.start[1]..b.end()[1] {
            let at = ((channel * nz + z) * ny + y) * nx + b.start[0];
            out.extend_from_slice(&values[at * 4..(at + b.shape[0]) * 4]);
        }
    }
    out
}
