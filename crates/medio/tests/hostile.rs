//! Files lie: ten thousand mutations of real files, and every truncation of some. Typed errors only, each in under 0.1 s, and
//! memory within 64 MiB.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::Box3;
use medio::{Error, Gzip, SaveOptions, open, save};
use support::{Numbers, Style, corpus, gzip, member};

/// Reads a file in every way there is. Errors are fine, anything else is a panic.
fn read_all_ways(path: &Path) -> Result<(), Error> {
    let file = open(path)?;
    let voxels: usize = file.shape().iter().product();
    let [x, y, z] = file.grid().shape;
    let b = Box3 { start: [x / 2, y / 2, z / 2], shape: [x - x / 2, y - y / 2, z - z / 2] };
    let mut out = vec![0; b.len() * file.stored_dtype().bytes()];
    let boxed = file.read_raw(file.channels() - 1, &b, &mut out);
    if file.stored_dtype().is_real() {
        file.read_all_f32(&mut vec![0.0; voxels])?;
    }
    if let Ok(mapped) = file.map() {
        assert_eq!(mapped.storage().bytes().len(), voxels * file.stored_dtype().bytes());
    }
    let _ = (file.header().fields(), format!("{file:?} {:?}", file.meta()));
    let volume = file.load()?;
    boxed?;
    // What could be read can be written, or is refused by a typed error.
    let copy = path.with_file_name("copy.nii");
    save(&copy, &volume, &SaveOptions { sync: false, ..SaveOptions::default() })?;
    let again = open(&copy)?;
    assert_eq!(again.grid().shape, file.grid().shape);
    let again = again.load()?;
    if again.stored_dtype() == volume.stored_dtype() {
        assert_eq!(again.storage().bytes(), volume.storage().bytes());
    } else {
        // Half precision, which the standard lacks.
        let bits =
            |v: &medcore::Volume| v.to_f32().map(|v| v.into_iter().map(f32::to_bits).collect::<Vec<_>>());
        assert_eq!(bits(&again).unwrap(), bits(&volume).unwrap());
    }
    Ok(())
}

/// As above, with the clock on; a slow one gets a second chance, for the machine may be busy.
fn timed(path: &Path) -> Result<(), Error> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let result = read_all_ways(path);
        best = best.min(start.elapsed());
        if best < Duration::from_millis(100) {
            return result;
        }
    }
    panic!("{} took {best:?}", path.display());
}

/// The most memory this process ever had, in KiB.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Numbers that break things.
const EXTREMES: [[u8; 8]; 12] = [
    [0; 8],
    [255; 8],
    [0, 0, 0, 0, 0, 0, 0, 0x80],
    [255, 255, 255, 255, 255, 255, 255, 0x7f],
    [0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f],
    [0, 0, 0xc0, 0x7f, 0, 0, 0xc0, 0x7f],
    [0, 0, 0x80, 0x7f, 0, 0, 0x80, 0xff],
    [0, 0, 0, 0, 0, 0, 0xf0, 0x7f],
    [1, 0, 0, 0, 0, 0, 0, 0],
    [0, 0x40, 0, 0x40, 0, 0x40, 0, 0x40],
    [0, 0, 0x80, 0x4b, 0, 0, 0, 0],
    [0xff, 0xff, 0, 0, 0, 0, 0, 0],
];

/// Spoils a few places, most of them in the first or, if that is negative, the last `focus` bytes.
fn mutate(bytes: &mut Vec<u8>, focus: isize, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let len = bytes.len();
        if len == 0 {
            return;
        }
        let near = len.min(focus.unsigned_abs());
        let at = match numbers.below(4) {
            0 => numbers.below(len),
            _ if focus < 0 => len - near + numbers.below(near),
            _ => numbers.below(near),
        };
        match numbers.below(8) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.next() as u8,
            2..=4 => {
                let at = at & !1;
                let end = (at + [1, 2, 4, 8][numbers.below(4)]).min(len);
                let value = EXTREMES[numbers.below(EXTREMES.len())];
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            5 => bytes.truncate(at),
            6 => {
                let extra: Vec<u8> = (0..numbers.below(40)).map(|_| numbers.next() as u8).collect();
                bytes.splice(at..at, extra);
            }
            _ => {
                let end = (at + numbers.below(64)).min(len);
                bytes.drain(at..end);
            }
        }
    }
}

/// The header is where the lies are.
const HEADER: isize = 560;

fn blocks(bytes: u32) -> SaveOptions {
    SaveOptions { sync: false, gzip: Gzip::Blocks(bytes), ..SaveOptions::default() }
}

#[test]
fn ten_thousand_mutations() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let mut numbers = Numbers(42);
    let start = peak_memory();
    let (mut read, mut refused) = (0, 0);
    for i in 0..10_000 {
        let e = &all[i % all.len()];
        let mut bytes = fs::read(e.path()).unwrap();
        let result = if e.is_pair() {
            let gz = if e.name.ends_with(".gz") { ".gz" } else { "" };
            let (hdr, img) = (dir.path().join(format!("p.hdr{gz}")), dir.path().join(format!("p.img{gz}")));
            let mut voxels = fs::read(e.voxel_path()).unwrap();
            mutate(if numbers.below(3) == 0 { &mut voxels } else { &mut bytes }, HEADER, &mut numbers);
            fs::write(&hdr, bytes).unwrap();
            fs::write(&img, voxels).unwrap();
            let result = timed(&hdr);
            fs::remove_file(&hdr).unwrap();
            fs::remove_file(&img).unwrap();
            result
        } else {
            let path = dir.path().join("a.nii");
            // Plain, gzipped after the mutation, gzipped before it; members of another writer, and ours with their index.
            match i / all.len() % 5 {
                0 => mutate(&mut bytes, HEADER, &mut numbers),
                1 => {
                    mutate(&mut bytes, HEADER, &mut numbers);
                    bytes = gzip(&bytes);
                }
                2 => {
                    bytes = gzip(&bytes);
                    mutate(&mut bytes, HEADER, &mut numbers);
                }
                3 => {
                    let style = [Style::Bgzf, Style::Indexed, Style::Ornate][numbers.below(3)];
                    bytes = bytes.chunks(1 + numbers.below(300)).flat_map(|c| member(c, style)).collect();
                    mutate(&mut bytes, HEADER, &mut numbers);
                }
                _ => {
                    let volume = open(e.path()).unwrap().load().unwrap();
                    let ours = dir.path().join("ours.nii.gz");
                    save(&ours, &volume, &blocks(50)).unwrap();
                    bytes = fs::read(&ours).unwrap();
                    let focus = [HEADER, -200][numbers.below(2)];
                    mutate(&mut bytes, focus, &mut numbers);
                }
            }
            fs::write(&path, bytes).unwrap();
            timed(&path)
        };
        match result {
            Ok(()) => read += 1,
            Err(e) => {
                assert!(e.path().is_some(), "{e}");
                refused += 1;
            }
        }
    }
    assert_eq!(read + refused, 10_000);
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
    if let (Some(start), Some(end)) = (start, peak_memory()) {
        let grown = end.saturating_sub(start);
        assert!(grown <= 64 << 10, "memory grew by {grown} KiB");
    }
}

#[test]
fn every_truncation() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let path = dir.path().join("a.nii");
    for name in ["i2_le_1.nii", "f8_be_2.nii", "extension.nii", "single_1.nii.gz", "extension_be.nii.gz"] {
        let e = all.iter().find(|e| e.name == name).unwrap();
        let bytes = fs::read(e.path()).unwrap();
        for n in 0..bytes.len() {
            fs::write(&path, &bytes[..n]).unwrap();
            let error = timed(&path).expect_err(&format!("{n} of {} bytes of {name}", bytes.len()));
            assert!(
                matches!(error, Error::Format { .. } | Error::Limit { .. }),
                "{name} cut to {n}: {error}"
            );
        }
        fs::write(&path, &bytes).unwrap();
        timed(&path).unwrap();
    }
}

/// The same of a file in members. What is lost with the index alone is the index.
#[test]
fn every_truncation_of_members() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let e = all.iter().find(|e| e.name == "i2_le_1.nii").unwrap();
    let path = dir.path().join("a.nii.gz");
    save(&path, &open(e.path()).unwrap().load().unwrap(), &blocks(40)).unwrap();
    let bytes = fs::read(&path).unwrap();
    let index = bytes.windows(2).rposition(|w| w == b"MX").unwrap() - 20;
    for n in 0..=bytes.len() {
        fs::write(&path, &bytes[..n]).unwrap();
        match timed(&path) {
            // A single byte is no beginning of a member.
            Ok(()) => assert!([index, index + 1, bytes.len()].contains(&n), "cut to {n} of {}", bytes.len()),
            Err(e) => assert!(matches!(e, Error::Format { .. } | Error::Limit { .. }), "cut to {n}: {e}"),
        }
    }
}

/// Claims that a header can make, against what the file can hold.
#[test]
fn claims_do_not_cost_memory() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let sound = |name: &str| fs::read(all.iter().find(|e| e.name == name).unwrap().path()).unwrap();
    let path = dir.path().join("a.nii");
    let (mut one, mut two) = (sound("u1_le_1.nii"), sound("u1_le_2.nii"));
    one[42..48].copy_from_slice(&[255, 127, 255, 127, 255, 127]);
    two[24..48].copy_from_slice(&[255, 255, 255, 255, 255, 255, 255, 127].repeat(3));
    let mut offset = sound("u1_le_2.nii");
    offset[168..176].copy_from_slice(&(1u64 << 40).to_le_bytes());
    let mut extension = offset.clone();
    extension[540] = 1;
    for bytes in [one, two, offset, extension] {
        for content in [bytes.clone(), gzip(&bytes)] {
            fs::write(&path, content).unwrap();
            let error = timed(&path).unwrap_err();
            assert!(matches!(error, Error::Format { .. } | Error::Limit { .. }), "{error}");
        }
    }
    // A stream that never ends is left where the voxels end.
    let mut bomb = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::new(6));
    bomb.write_all(&sound("u1_le_1.nii")).unwrap();
    for _ in 0..256 {
        bomb.write_all(&[0; 1 << 20]).unwrap();
    }
    bomb.finish().unwrap();
    timed(&path).unwrap();
}
