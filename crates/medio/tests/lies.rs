//! gzip members that lie about themselves: typed errors that name the file and the byte, no more memory than the file is due.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, GzBuilder};
use medcore::{Affine, Box3, Grid, Volume};
use medio::{Error, Gzip, SaveOptions, open, save};
use support::Numbers;

const SHAPE: [usize; 3] = [64, 64, 64];

struct File {
    _dir: tempfile::TempDir,
    path: PathBuf,
    /// Members of 16 KiB, index and all.
    bytes: Vec<u8>,
    /// Where they begin, the index' own last.
    places: Vec<usize>,
}

impl File {
    fn new() -> File {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.nii.gz");
        let mut numbers = Numbers(21);
        let voxels: Vec<f32> = (0..SHAPE.iter().product()).map(|_| numbers.below(100) as f32).collect();
        let volume = Volume::from_f32(Grid::new(SHAPE, Affine::IDENTITY), &voxels).unwrap();
        save(&path, &volume, &SaveOptions { gzip: Gzip::Blocks(16 << 10), ..SaveOptions::default() })
            .unwrap();
        let bytes = fs::read(&path).unwrap();
        let (mut places, mut at) = (vec![], 0);
        while at < bytes.len() {
            assert_eq!(bytes[at + 12..at + 16], *b"IG\x04\0");
            places.push(at);
            at += u32::from_le_bytes(bytes[at + 16..at + 20].try_into().unwrap()) as usize;
        }
        File { _dir: dir, path, bytes, places }
    }

    /// Reads the whole and the last voxel; both must fail alike, naming what is expected of them.
    fn refuse(&self, bytes: &[u8], expected: &[&str]) {
        fs::write(&self.path, bytes).unwrap();
        for error in self.errors() {
            let text = error.to_string();
            assert!(matches!(error, Error::Format { .. }), "{text}");
            assert!(
                text.contains("a.nii.gz") && expected.iter().any(|e| text.contains(e)),
                "{text} lacks {expected:?}"
            );
        }
    }

    fn errors(&self) -> [Error; 2] {
        let last = Box3 { start: SHAPE.map(|n| n - 1), shape: [1; 3] };
        [
            open(&self.path).unwrap().load().unwrap_err(),
            open(&self.path).unwrap().read_f32(0, &last, &mut [0.0]).unwrap_err(),
        ]
    }

    /// The file without its index, one four-byte number replaced.
    fn with(&self, at: usize, number: u32) -> Vec<u8> {
        let mut bytes = self.bytes[..*self.places.last().unwrap()].to_vec();
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    fn last(&self) -> usize {
        self.places[self.places.len() - 2]
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }
}

#[test]
fn sizes_that_cannot_be() {
    let f = File::new();
    let at = f.last();
    for lie in [0, 1, 19, 0x7fff_ffff, u32::MAX, (f.bytes.len() - at) as u32] {
        f.refuse(&f.with(at + 16, lie), &[&format!("at byte {at} of the file")]);
    }
}

#[test]
fn sizes_that_are_others() {
    let f = File::new();
    let at = f.last();
    let size = f.number(at + 16);
    let here = format!("at byte {at} of the file");
    // Too short or too long by little: the trailer is not where it was said to be, and its length is anything.
    for lie in [20, 21, 100, size - 200, size - 8, size - 4, size - 1] {
        f.refuse(&f.with(at + 16, lie), &[&here, "where no member follows"]);
    }
    // Two members in one, or an overlap: a member in the middle that says where a later one, or a part of itself, ends.
    let n = f.places.len();
    let (early, later) = (f.places[n - 5], f.places[n - 3]);
    f.refuse(
        &f.with(early + 16, (later - early) as u32),
        &[&format!("at byte {early}"), "where no member follows"],
    );
}

#[test]
fn lengths_that_are_others() {
    let f = File::new();
    let (at, end) = (f.last(), *f.places.last().unwrap());
    let here = format!("at byte {at} of the file");
    for lie in [0, 1, 100, (16 << 10) - 1, (16 << 10) + 1, 17 << 20, u32::MAX] {
        f.refuse(&f.with(end - 4, lie), &[&here, "where no member follows"]);
    }
    // A sound trailer with a wrong checksum, and a byte of data that is wrong.
    f.refuse(&f.with(end - 8, f.number(end - 8) ^ 1), &["checksum", &here]);
    for byte in [20, 100, 1000] {
        f.refuse(&f.with(at + byte, !f.number(at + byte)), &[&here]);
    }
    // The index says the same as before: what it lists is looked at all the same.
    let mut bytes = f.bytes.clone();
    bytes[at + 100] ^= 0x55;
    f.refuse(&bytes, &[&here]);
    bytes[at] ^= 1;
    f.refuse(&bytes, &["no gzip header", &here]);
}

/// An index with a sound checksum and a rule or sizes that are not those of the file.
#[test]
fn an_index_that_lies() {
    let f = File::new();
    let index = *f.places.last().unwrap();
    let table = index + 24;
    let end = f.bytes.len() - 10 - 8 - 4 - 4;
    let forge = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = f.bytes.clone();
        change(&mut bytes[table..end]);
        let crc = crc32fast::hash(&bytes[table..end]);
        bytes[end..end + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    };
    let put = |b: &mut [u8], at: usize, v: u64| b[at..at + 8].copy_from_slice(&v.to_le_bytes());
    // Sizes of two neighbours exchanged by one byte: their sum is right.
    let sizes = 40 + 4 * (f.places.len() - 3);
    f.refuse(
        &forge(&|b| {
            b[sizes] = b[sizes].wrapping_add(1);
            b[sizes + 4] = b[sizes + 4].wrapping_sub(1);
        }),
        &["the gzip member"],
    );
    // Another rule that gives as many members: longer ones, shorter ones.
    let count = (f.places.len() - 2) as u64;
    let rule = |length: u64| {
        forge(&|b| {
            put(b, 16, length * count);
            put(b, 24, length);
            put(b, 32, length);
        })
    };
    for length in [(16 << 10) - 4, (16 << 10) + 4] {
        f.refuse(&rule(length), &["the gzip member", "the content of the gzip members"]);
    }
    // What no member can hold is not believed, and the headers are followed.
    for length in [64 << 20, 1 << 40, 1 << 55] {
        fs::write(&f.path, rule(length)).unwrap();
        assert_eq!(open(&f.path).unwrap().load().unwrap().grid().shape, SHAPE);
    }
}

/// A member of so many MiB of zeros that says its size.
fn zeros(mebibytes: u32) -> Vec<u8> {
    let mut out = GzBuilder::new().extra(*b"IG\x04\0\0\0\0\0").write(Vec::new(), Compression::new(6));
    for _ in 0..mebibytes {
        out.write_all(&[0; 1 << 20]).unwrap();
    }
    let mut out = out.finish().unwrap();
    let size = out.len() as u32;
    out[16..20].copy_from_slice(&size.to_le_bytes());
    out
}

/// Members that inflate to more than they say, or say that they inflate to more than the volume has.
#[test]
fn bombs_stay_small() {
    let f = File::new();
    let start = f.with(0, f.number(0))[..f.last()].to_vec();
    let peak = || {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).map(str::to_owned);
        line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    let bomb = zeros(512);
    let before = peak();
    // Its length is said to be what is missing, or less or more than it is.
    let n = bomb.len();
    for lie in [16 << 10, 20 << 20, 511 << 20, 513 << 20] {
        let mut bomb = bomb.clone();
        bomb[n - 4..].copy_from_slice(&u32::to_le_bytes(lie));
        f.refuse(&[&start[..], &bomb].concat(), &["the gzip member", "the gzip checksum"]);
    }
    // It is what it says, and holds what is missing and much more: then that is read, and no more kept.
    fs::write(&f.path, [&start[..], &bomb].concat()).unwrap();
    let last = Box3 { start: SHAPE.map(|n| n - 1), shape: [1; 3] };
    let mut out = [1.0];
    open(&f.path).unwrap().read_f32(0, &last, &mut out).unwrap();
    assert_eq!(out, [0.0]);
    open(&f.path).unwrap().load().unwrap();
    let after = peak();
    assert!(after - before < 64 << 10, "{} KiB more", after - before);
}
