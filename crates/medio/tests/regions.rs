//! What is read from disk: only what is needed.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;

use medcore::{Affine, Box3, Grid, Volume};
use medio::{SaveOptions, open, save};
use support::corpus;

const N: usize = 128;

fn volume() -> Volume {
    // Noise in the low bits: a gzip file of it is about half as large.
    let mut state = 1u32;
    let voxels: Vec<f32> = (0..N * N * N)
        .map(|i| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (i / N) as f32 + (state >> 24) as f32
        })
        .collect();
    Volume::from_f32(Grid::new([N; 3], Affine::IDENTITY), &voxels).unwrap()
}

#[test]
fn a_crop_reads_its_slabs_and_a_header_is_one_page() {
    let dir = tempfile::tempdir().unwrap();
    let volume = volume();
    let all = volume.to_f32().unwrap();
    let options = SaveOptions { sync: false, ..SaveOptions::default() };
    let b = Box3 { start: [30, 40, 50], shape: [64, 64, 32] };
    let expected: Vec<f32> = (b.start[2]..b.end()[2])
        .flat_map(|z| (b.start[1]..b.end()[1]).map(move |y| (z * N + y) * N + b.start[0]))
        .flat_map(|at| all[at..at + 64].to_vec())
        .collect();
    for name in ["a.nii", "a.nii.gz"] {
        let path = dir.path().join(name);
        save(&path, &volume, &options).unwrap();
        let size = fs::metadata(&path).unwrap().len();
        let file = open(&path).unwrap();
        assert!(file.bytes_read() <= 4096, "{name}: {} bytes for a header", file.bytes_read());
        let before = file.bytes_read();
        let mut out = vec![0.0; b.len()];
        file.clone().read_f32(0, &b, &mut out).unwrap();
        assert_eq!(out, expected, "{name}");
        let read = file.bytes_read() - before;
        if name == "a.nii" {
            // One stretch a slab, from the first row's first voxel to the last row's last.
            assert_eq!(read, 32 * (63 * N as u64 + 64) * 4);
        } else {
            // The stream up to the box's end, and what a read fetches at once.
            let share = ((b.end()[2] * N * N) as u64 * size) / (N * N * N) as u64;
            assert!(read < share + share / 8 + (256 << 10), "{read} of {size}, {share} to the box's end");
        }
        // Whole slices are one read, whole files too.
        let before = file.bytes_read();
        let slices = Box3 { start: [0, 0, 20], shape: [N, N, 3] };
        let mut out = vec![0.0; slices.len()];
        file.read_f32(0, &slices, &mut out).unwrap();
        assert_eq!(out, all[20 * N * N..23 * N * N]);
        if name == "a.nii" {
            assert_eq!(file.bytes_read() - before, (3 * N * N * 4) as u64);
        }
        let before = file.bytes_read();
        let mut out = vec![0.0; all.len()];
        file.read_all_f32(&mut out).unwrap();
        assert_eq!(out, all);
        assert!(file.bytes_read() - before <= size + 8);
    }
}

#[test]
fn long_rows_are_not_read_for_a_few_voxels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let grid = Grid::new([30_000, 40, 2], Affine::IDENTITY);
    let voxels: Vec<f32> = (0..grid.len()).map(|i| i as f32).collect();
    save(&path, &Volume::from_f32(grid, &voxels).unwrap(), &SaveOptions::default()).unwrap();
    let file = open(&path).unwrap();
    let before = file.bytes_read();
    let mut out = [0.0; 2 * 30 * 2];
    file.read_f32(0, &Box3 { start: [100, 5, 0], shape: [2, 30, 2] }, &mut out).unwrap();
    assert_eq!(out[..4], [150_100.0, 150_101.0, 180_100.0, 180_101.0]);
    assert_eq!(file.bytes_read() - before, 2 * 30 * 2 * 4);
}

/// A box as a volume holds what a read of it gives, where it lies in the world, whatever the file is.
#[test]
fn boxes_as_volumes() {
    let entries = corpus();
    assert!(entries.len() > 50);
    for entry in entries {
        let file = open(entry.path()).unwrap();
        let shape = file.grid().shape;
        let inner = Box3 { start: shape.map(|n| n / 3), shape: shape.map(|n| n - n / 3) };
        for b in [Box3::whole(shape), inner, Box3 { start: [0; 3], shape: [0, 1, 1] }] {
            let volume = file.load_box(&b).unwrap();
            assert_eq!((volume.grid().shape, volume.extra()), (b.shape, file.extra()), "{}", entry.name);
            assert_eq!((volume.stored_dtype(), volume.scale()), (file.stored_dtype(), file.scale()));
            let [here, there] = [(volume.grid(), [0; 3]), (file.grid(), b.start)]
                .map(|(grid, at)| grid.affine.apply(at.map(|n: usize| n as f64)));
            assert!((0..3).all(|i| (here[i] - there[i]).abs() < 1e-9), "{}: {here:?}, {there:?}", entry.name);
            let bytes = b.len() * file.stored_dtype().bytes();
            for channel in 0..file.channels() {
                let [mut found, mut wanted] = [vec![0; bytes], vec![0; bytes]];
                volume.copy_box(channel, &Box3::whole(b.shape), &mut found).unwrap();
                file.read_raw(channel, &b, &mut wanted).unwrap();
                assert_eq!(found, wanted, "{} {b:?}", entry.name);
            }
        }
        assert!(file.load_box(&Box3 { start: shape, shape: [1; 3] }).is_err());
    }
}
