//! Sealed files: readable by all, checked by those who look at the seal.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{Affine, Box3, DType, Grid, Volume};
use medio::{Error, SaveOptions};

/// 96 x 64 x 40 int16 voxels: 480 KiB, eight blocks of 64 KiB.
fn ramp() -> Volume {
    let grid = Grid::new([96, 64, 40], Affine::from_spacing([0.1, 1.0 / 3.0, 2.0]));
    let voxels: Vec<u8> =
        (0..grid.len() as u32).flat_map(|v| (v.wrapping_mul(40_503) as i16).to_ne_bytes()).collect();
    Volume::packed(Arc::new(voxels), DType::I16, grid, vec![], Arc::default()).unwrap()
}

fn sealed(dir: &Path) -> PathBuf {
    let path = dir.join("ramp.nii");
    let options = SaveOptions { seal: Some(b"a note"[..].into()), ..SaveOptions::default() };
    let report = medio::save(&path, &ramp(), &options).unwrap();
    assert_eq!(report.bytes, std::fs::metadata(&path).unwrap().len());
    path
}

fn raw(v: &Volume) -> Vec<u8> {
    let mut out = vec![0; v.grid().len() * 2];
    v.copy_channel(0, &mut out).unwrap();
    out
}

#[test]
fn every_reader_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path());
    let plain = medio::open(&path).unwrap();
    assert_eq!(plain.note(), None);
    assert_eq!(raw(&plain.load().unwrap()), raw(&ramp()));
    let file = medio::seal::open(&path).unwrap();
    assert_eq!(file.note(), Some(&b"a note"[..]));
    assert_eq!(raw(&file.load().unwrap()), raw(&ramp()));
}

#[test]
fn every_byte_is_covered() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path());
    let sound = std::fs::read(&path).unwrap();
    let step = 4099;
    let last = sound.len() - 70..sound.len();
    for at in (0..sound.len()).step_by(step).chain(last).chain([352, 351, 65_535, 65_536]) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, &bytes).unwrap();
        let read = medio::seal::open(&path).and_then(|f| f.load());
        assert!(matches!(read, Err(Error::Format { .. })), "byte {at}: {:?}", read.is_ok());
    }
    for length in [0, 100, 352, 70_000, sound.len() - 24, sound.len() - 1] {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(medio::seal::open(&path).is_err(), "{length} bytes");
    }
    std::fs::write(&path, [&sound[..], &[0]].concat()).unwrap();
    assert!(medio::seal::open(&path).is_err(), "a byte too many");
    std::fs::write(&path, &sound).unwrap();
    assert_eq!(raw(&medio::seal::open(&path).unwrap().load().unwrap()), raw(&ramp()));
}

#[test]
fn a_box_checks_its_own_blocks_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = sealed(dir.path());
    let file = medio::seal::open(&path).unwrap();
    // Two rows in slice 20: within one block of the eight, or two.
    let b = Box3 { start: [10, 30, 20], shape: [16, 2, 1] };
    let mut out = vec![0; b.len() * 2];
    let before = file.bytes_read();
    file.read_raw(0, &b, &mut out).unwrap();
    let first = file.bytes_read() - before;
    assert!(first <= 2 * (64 << 10) + 1000, "{first} bytes");
    assert!(first >= 64 << 10, "{first} bytes");
    let before = file.bytes_read();
    file.read_raw(0, &b, &mut out).unwrap();
    assert!(file.bytes_read() - before < 1000, "a bare read");
    let mut expected = vec![0; b.len() * 2];
    ramp().copy_box(0, &b, &mut expected).unwrap();
    assert_eq!(out, expected);
    // A wrong byte in a block that was not touched yet is found when it is.
    let mut bytes = std::fs::read(&path).unwrap();
    let near_the_end = bytes.len() - 3000;
    bytes[near_the_end] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let file = medio::seal::open(&path).unwrap();
    file.read_raw(0, &b, &mut out).unwrap();
    let end = Box3 { start: [0, 0, 39], shape: [96, 64, 1] };
    assert!(matches!(file.read_raw(0, &end, &mut vec![0; end.len() * 2]), Err(Error::Format { .. })));
}

#[test]
fn slabs_far_apart_are_all_checked() {
    // Slices of 256 KiB, of which a few rows each are read: slabs lie in blocks of their own.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wide.nii");
    let grid = Grid::new([512, 256, 6], Affine::IDENTITY);
    let voxels: Vec<u8> = (0..grid.len() * 2).map(|i| ((i * 31) >> 3) as u8).collect();
    let volume = Volume::packed(Arc::new(voxels), DType::I16, grid, vec![], Arc::default()).unwrap();
    let options = SaveOptions { seal: Some([][..].into()), ..SaveOptions::default() };
    medio::save(&path, &volume, &options).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let b = Box3 { start: [100, 128, 0], shape: [64, 8, 6] };
    for z in 0..6 {
        let mut bytes = sound.clone();
        bytes[352 + 2 * (512 * (256 * z + 130) + 120)] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let file = medio::seal::open(&path).unwrap();
        assert!(file.read_raw(0, &b, &mut vec![0; b.len() * 2]).is_err(), "slice {z}");
    }
    std::fs::write(&path, &sound).unwrap();
    medio::seal::open(&path).unwrap().read_raw(0, &b, &mut vec![0; b.len() * 2]).unwrap();
}

#[test]
fn only_plain_files_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let options = SaveOptions { seal: Some([][..].into()), ..SaveOptions::default() };
    for name in ["a.nii.gz", "a.img"] {
        assert!(matches!(
            medio::save(dir.path().join(name), &ramp(), &options),
            Err(Error::Unsupported { .. })
        ));
    }
    let path = dir.path().join("plain.nii");
    medio::save(&path, &ramp(), &SaveOptions::default()).unwrap();
    assert!(matches!(medio::seal::open(&path), Err(Error::Format { .. })));
}

#[test]
fn fingerprints_follow_the_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    medio::save(&path, &ramp(), &SaveOptions::default()).unwrap();
    let first = medio::open(&path).unwrap().fingerprints().unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(medio::open(&path).unwrap().fingerprints().unwrap(), first);
    #[cfg(unix)]
    {
        let link = dir.path().join("link.nii.gz");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(medio::open(&link).unwrap().fingerprints().unwrap(), first);
    }
    // Other content of the same size at the same time.
    let mut bytes = std::fs::read(&path).unwrap();
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    let at = bytes.len() - 1000;
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_ne!(medio::open(&path).unwrap().fingerprints().unwrap(), first);
    let pair = dir.path().join("a.hdr");
    medio::save(&pair, &ramp(), &SaveOptions::default()).unwrap();
    assert_eq!(medio::open(&pair).unwrap().fingerprints().unwrap().len(), 2);
}
