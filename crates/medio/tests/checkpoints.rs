//! Regions of gzip streams that can be entered at checkpoints.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the answer")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use medcore::{Affine, Box3, DType, Grid};
use medio::checkpoints::{self, Indexed, Keep};
use medio::{Error, Gzip, SaveOptions, VolumeFile, open, save};
use support::{Numbers, Style, cut_out, gunzip, member, noise, volume};

/// Content between checkpoints, and the longest block of these files.
const SPACING: u64 = (1 << 20) + (160 << 10);

/// What is known of files is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    checkpoints::set_limit(64 << 20);
    checkpoints::clear();
    turn
}

/// A NIfTI file's bytes, not compressed.
fn nifti(shape: [usize; 3], extra: Vec<usize>, seed: u64) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let v = volume(DType::I16, Grid::new(shape, Affine::IDENTITY), extra, &mut Numbers(seed));
    save(&path, &v, &SaveOptions { sync: false, ..SaveOptions::default() }).unwrap();
    fs::read(&path).unwrap()
}

fn at_level(content: &[u8], level: u32) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::new(level));
    e.write_all(content).unwrap();
    e.finish().unwrap()
}

/// As `pigz` does: independent pieces, each followed by an empty stored block.
fn flushed(content: &[u8], every: usize) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::new(6));
    for part in content.chunks(every) {
        e.write_all(part).unwrap();
        e.flush().unwrap();
    }
    e.finish().unwrap()
}

/// A header with every optional field, none of which says a size.
fn ornate(content: &[u8]) -> Vec<u8> {
    let mut out = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\x05\0RA\x01\0?brain.nii\0a comment\0".to_vec();
    out.extend((crc32fast::hash(&out) as u16).to_le_bytes());
    let mut e = DeflateEncoder::new(out, Compression::new(5));
    e.write_all(content).unwrap();
    out = e.finish().unwrap();
    out.extend(crc32fast::hash(content).to_le_bytes());
    out.extend((content.len() as u32).to_le_bytes());
    out
}

fn members(content: &[u8], each: usize) -> Vec<u8> {
    content.chunks(each).flat_map(|part| member(part, Style::Bare)).collect()
}

fn random_box(file: &VolumeFile, most: usize, numbers: &mut Numbers) -> (usize, Box3) {
    let shape = file.grid().shape;
    let size = shape.map(|n| 1 + numbers.below(n.min(most)));
    let start = std::array::from_fn(|i| numbers.below(shape[i] - size[i] + 1));
    (numbers.below(file.channels()), Box3 { start, shape: size })
}

fn read(file: &VolumeFile, channel: usize, b: &Box3) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; b.len() * file.stored_dtype().bytes()];
    file.read_raw(channel, b, &mut out).map(|()| out)
}

/// A box near the end.
fn last(file: &VolumeFile) -> (usize, Box3) {
    let [nx, ny, nz] = file.grid().shape;
    (file.channels() - 1, Box3 { start: [nx / 3, ny / 4, nz - 3], shape: [9, 8, 3] })
}

/// Reads random boxes, which must be those of the content; the first near the end.
fn check(path: &Path, content: &[u8], boxes: usize, numbers: &mut Numbers) {
    let file = open(path).unwrap();
    let mut next = last(&file);
    for _ in 0..boxes {
        let (channel, b) = next;
        let wanted = cut_out(content, &file, channel, &b);
        assert!(read(&file, channel, &b).unwrap() == wanted, "{b:?}");
        // All channels each time would take too long.
        if file.channels() == 1 {
            let (lying, mut packed) = (file.load_box(&b).unwrap(), vec![0; wanted.len()]);
            lying.copy_box(channel, &Box3::whole(b.shape), &mut packed).unwrap();
            assert!(packed == wanted, "{b:?}");
        }
        next = random_box(&file, 20, numbers);
    }
}

/// Bytes of content inflated for a box.
fn inflated(file: &VolumeFile, channel: usize, b: &Box3) -> u64 {
    let before = file.bytes_inflated();
    read(file, channel, b).unwrap();
    file.bytes_inflated() - before
}

/// Boxes of every kind of stream, in three to five dimensions, equal the content's.
#[test]
fn boxes_of_all_writers() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(31);
    for (shape, extra) in [([190, 140, 130], vec![]), ([70, 60, 50], vec![17]), ([50, 40, 30], vec![6, 10])] {
        let content = nifti(shape, extra, 5);
        let files = [
            ("stored", at_level(&content, 0)),
            ("level1", at_level(&content, 1)),
            ("level6", at_level(&content, 6)),
            ("level9", at_level(&content, 9)),
            ("flushed", flushed(&content, 128 << 10)),
            ("ornate", ornate(&content)),
            ("members", members(&content, 300_001)),
            ("few_members", members(&content, 3_000_000)),
            ("padded", [at_level(&content, 6), vec![0; 1000]].concat()),
        ];
        for (name, bytes) in files {
            let path = dir.path().join(format!("{name}{}.nii.gz", shape[0]));
            fs::write(&path, &bytes).unwrap();
            check(&path, &content, 120, &mut numbers);
            let file = open(&path).unwrap();
            let (channel, b) = last(&file);
            let cost = inflated(&file, channel, &b);
            assert!(cost < SPACING + 500_000, "{name}: {cost}");
            // Without checkpoints everything before the box is inflated.
            let bare = file.with_checkpoints(false);
            assert!(inflated(&bare, channel, &b) > 5_000_000, "{name}");
        }
    }
    assert!(checkpoints::bytes() > 100_000);
}

/// A later visit inflates the box's stretch of the content and at most what lies between two checkpoints; boxes far apart are jumped to.
#[test]
fn later_visits_inflate_little() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let content = nifti([200, 180, 160], vec![], 6);
    let bytes = at_level(&content, 6);
    fs::write(&path, &bytes).unwrap();
    let file = open(&path).unwrap();
    let (channel, b) = last(&file);
    let plane = 200 * 180 * 2;
    let end = |b: &Box3| (352 + (b.end()[2] - 1) * plane + (b.end()[1] - 1) * 400 + b.end()[0] * 2) as u64;
    let first = |b: &Box3| (352 + b.start[2] * plane + b.start[1] * 400 + b.start[0] * 2) as u64;
    assert_eq!(inflated(&file, channel, &b), end(&b));
    assert!(checkpoints::bytes() < bytes.len() / 20, "{} of {}", checkpoints::bytes(), bytes.len());
    let mut numbers = Numbers(32);
    // Through another handle as well.
    for file in [file, open(&path).unwrap()] {
        for _ in 0..60 {
            let (channel, b) = random_box(&file, 60, &mut numbers);
            let read_before = file.bytes_read();
            let cost = inflated(&file, channel, &b);
            // With several threads a slab that lies across a checkpoint is decoded by one, its end by another as well.
            assert!(cost <= end(&b) - first(&b) + SPACING + (256 << 10), "{b:?}: {cost}");
            let share = cost * bytes.len() as u64 / content.len() as u64;
            let read = file.bytes_read() - read_before;
            assert!(read <= share * 5 / 4 + (256 << 10), "{b:?}: {read} read for a share of {share}");
        }
    }
    // A tall box that takes a little of every slice cannot skip; frames far apart are single reads.
    let content = nifti([900, 800, 9], vec![], 7);
    let path = dir.path().join("b.nii.gz");
    fs::write(&path, at_level(&content, 6)).unwrap();
    let file = open(&path).unwrap();
    let tall = Box3 { start: [800, 700, 0], shape: [3, 3, 9] };
    let whole = inflated(&file, 0, &tall);
    let again = inflated(&file, 0, &tall);
    assert!(whole > 12_000_000 && again < whole * 3 / 4, "{whole}, then {again}");
    assert!(read(&file, 0, &tall).unwrap() == cut_out(&content, &file, 0, &tall));
}

/// Data that shrink much have long blocks and few checkpoints, and an index that stays small.
#[test]
fn empty_volumes() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let mut content = nifti([200, 200, 150], vec![], 8);
    content[352..].fill(0);
    content[9_000_000..9_050_000].fill(7);
    let bytes = at_level(&content, 6);
    fs::write(&path, &bytes).unwrap();
    check(&path, &content, 60, &mut Numbers(33));
    assert!(checkpoints::bytes() < bytes.len() / 20 + 400, "{} of {}", checkpoints::bytes(), bytes.len());
}

/// A head: noise and structure within an ellipsoid, zero around it; or labels in blocks there.
fn head(n: usize, labels: bool) -> Vec<u8> {
    let mut content = nifti([n, n, n], vec![], 15);
    let mut state = 5_u32;
    for (i, voxel) in content[352..].as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let place = [i % n, i / n % n, i / n / n];
        let from_middle: i64 = place.iter().map(|&p| (2 * p as i64 - n as i64).pow(2)).sum();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = match (from_middle < (n as i64).pow(2) * 7 / 10, labels) {
            (false, _) => 0,
            (true, true) => place.iter().map(|p| p * 6 / n).sum::<usize>() as i16 % 4,
            (true, false) => 300 + (place[2] * 200 / n) as i16 + (state >> 26) as i16,
        };
        *voxel = value.to_le_bytes();
    }
    content
}

/// An index takes less than a twentieth of its file: large or small, noise or labels, in memory or beside it.
#[test]
fn an_index_is_a_small_part_of_its_file() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    // What a file takes in memory besides its checkpoints.
    let entry = 400;
    for (n, labels, points) in [(128, false, 1), (128, true, 0), (256, false, 4), (256, true, 0)] {
        let content = head(n, labels);
        for level in [1, 6] {
            let bytes = at_level(&content, level);
            for keep in [Keep::Memory, Keep::Auto, Keep::Beside] {
                checkpoints::clear();
                let path = dir.path().join(format!("{n}{labels}{level}{keep:?}.nii.gz"));
                fs::write(&path, &bytes).unwrap();
                let file = open(&path).unwrap().with_checkpoints(keep.clone());
                let (channel, b) = last(&file);
                for _ in 0..2 {
                    assert!(read(&file, channel, &b).unwrap() == cut_out(&content, &file, channel, &b));
                }
                let (found, most) = (checkpoints::bytes(), bytes.len() / 20 + entry);
                let what =
                    format!("{n}, labels {labels}, level {level}, {keep:?}: {found} of {}", bytes.len());
                assert!(found <= most, "{what}");
                assert!(level == 1 || found >= points * 1000, "{what}");
                if keep == Keep::Beside {
                    let index = fs::metadata(file.index_path()).unwrap().len();
                    assert!(index <= most as u64, "{index} of {}", bytes.len());
                }
            }
        }
    }
}

/// A changed file is another file, whatever its name, size and time say.
#[test]
fn stale_checkpoints_are_not_used() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let (old, new) = (nifti([160, 150, 140], vec![], 9), nifti([160, 150, 140], vec![], 10));
    // Stored: of equal size.
    let (packed_old, packed_new) = (at_level(&old, 0), at_level(&new, 0));
    assert_eq!(packed_old.len(), packed_new.len());
    fs::write(&path, &packed_old).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let file = open(&path).unwrap();
    file.write_index().unwrap();
    let (channel, b) = last(&file);
    assert!(inflated(&file, channel, &b) < SPACING + 500_000);
    fs::write(&path, &packed_new).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let file = open(&path).unwrap();
    assert!(inflated(&file, channel, &b) > 5_000_000);
    assert!(read(&file, channel, &b).unwrap() == cut_out(&new, &file, channel, &b));
    assert!(matches!(file.write_index().unwrap(), Indexed::Written { .. }));
    // Another time, and what was known is forgotten.
    let before = checkpoints::bytes();
    fs::write(&path, &packed_old).unwrap();
    check(&path, &old, 20, &mut Numbers(34));
    assert!(checkpoints::bytes() < before + before / 10);
}

/// Damage after a checkpoint is an error that names file and byte.
#[test]
fn damage_after_a_checkpoint() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let content = nifti([160, 150, 140], vec![], 11);
    // Stored blocks, of which each says its length twice: damage of more than a block cannot pass as data.
    let mut bytes = at_level(&content, 0);
    fs::write(&path, &bytes).unwrap();
    let file = open(&path).unwrap();
    let (channel, b) = last(&file);
    read(&file, channel, &b).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let keep_time = || File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let at = bytes.len() - 120_000;
    bytes[at..at + 70_000].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    keep_time();
    let error = read(&file, channel, &b).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Format { .. }), "{text}");
    assert!(text.contains("a.nii.gz") && text.contains("at byte "), "{text}");
    let early = Box3 { start: [0, 0, 40], shape: [30, 30, 2] };
    assert!(read(&file, 0, &early).unwrap() == cut_out(&content, &file, 0, &early));
    // A bit that no decoder notices is noticed at the next checkpoint.
    let mut bytes = at_level(&content, 0);
    let path = dir.path().join("c.nii.gz");
    fs::write(&path, &bytes).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    open(&path).unwrap().write_index().unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    for threads in [1, 2, 5] {
        medkernels::threads::set_threads(Some(threads));
        let file = open(&path).unwrap();
        let tall = Box3 { start: [0, 0, 30], shape: [20, 20, 80] };
        let text = read(&file, 0, &tall).unwrap_err().to_string();
        assert!(text.contains("checksum") && text.contains("c.nii.gz"), "{text}");
        let byte: usize = text.split("byte ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((at..at + SPACING as usize).contains(&byte), "{at}: {text}");
        let late = Box3 { start: [0, 0, 130], shape: [20, 20, 5] };
        assert!(read(&file, 0, &late).unwrap() == cut_out(&content, &file, 0, &late));
    }
    medkernels::threads::set_threads(None);
    // The last checksum is verified by whoever comes to the end, from a checkpoint too.
    let mut bytes = at_level(&content, 0);
    let path = dir.path().join("b.nii.gz");
    fs::write(&path, &bytes).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let file = open(&path).unwrap();
    let end = Box3 { start: [0, 0, 138], shape: [160, 150, 2] };
    read(&file, 0, &end).unwrap();
    let at = bytes.len() - 20_000;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let text = read(&file, 0, &end).unwrap_err().to_string();
    assert!(text.contains("checksum") && text.contains("b.nii.gz"), "{text}");
}

/// Any number of threads, at once, on a file that nobody has visited yet.
#[test]
fn threads_at_once() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let content = nifti([150, 140, 130], vec![], 12);
    let bytes = at_level(&content, 6);
    let mut sizes = vec![];
    for threads in [1, 2, 7] {
        let path = dir.path().join(format!("{threads}.nii.gz"));
        fs::write(&path, &bytes).unwrap();
        medkernels::threads::set_threads(Some(threads));
        let before = checkpoints::bytes();
        std::thread::scope(|scope| {
            for t in 0..threads {
                let (path, content) = (&path, &content);
                scope.spawn(move || check(path, content, 40, &mut Numbers(t as u64)));
            }
        });
        sizes.push(checkpoints::bytes() - before);
    }
    medkernels::threads::set_threads(None);
    assert!(sizes[0] > 0 && sizes.iter().all(|s| *s == sizes[0]), "{sizes:?}");
}

/// Of small files checkpoints are gathered by the second visit, where there is room, and the third is the first to profit.
#[cfg(feature = "libdeflate")]
#[test]
fn small_files_are_gathered_when_they_are_visited_again() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let content = nifti([128, 128, 127], vec![], 3);
    let all = content.len() as u64;
    let visits = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        let file = open(&path).unwrap().with_checkpoints(Keep::Auto);
        let (channel, b) = last(&file);
        let wanted = cut_out(&content, &file, channel, &b);
        [(); 3].map(|()| {
            let before = file.bytes_inflated();
            assert!(read(&file, channel, &b).unwrap() == wanted);
            (file.bytes_inflated() - before, checkpoints::bytes())
        })
    };
    let far = all * 9 / 10;
    let [first, second, third] = visits("a.nii.gz", &at_level(&content, 6));
    assert!(first.0 > far && first.1 == 0, "{first:?}");
    assert!(second.0 > far && second.1 > 0, "{second:?}");
    assert!(third.0 < SPACING && third.1 == second.1, "{third:?}");
    checkpoints::clear();
    checkpoints::set_limit(100 << 10);
    assert_eq!(visits("b.nii.gz", &at_level(&content, 6)).map(|v| v.0 > far && v.1 == 0), [true; 3]);
    // Inside a single block, too.
    checkpoints::set_limit(64 << 20);
    let [first, second, third] = visits("c.nii.gz", &at_level(&content, 1));
    assert!(first.0 > far && first.1 == 0 && second.0 > far && second.1 > 0, "{first:?}, {second:?}");
    assert!(third.0 < SPACING, "{third:?}");
}

/// Memory for checkpoints is bounded, and may be none.
#[test]
fn the_limit_holds() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let content = nifti([150, 140, 130], vec![], 13);
    let bytes = at_level(&content, 6);
    let visit = |name: &str| {
        let path = dir.path().join(name);
        if !path.exists() {
            fs::write(&path, &bytes).unwrap();
        }
        let file = open(&path).unwrap();
        let (channel, b) = last(&file);
        inflated(&file, channel, &b)
    };
    visit("0.nii.gz");
    let one = checkpoints::bytes();
    checkpoints::set_limit(one * 5 / 2);
    assert_eq!(checkpoints::limit(), one * 5 / 2);
    visit("1.nii.gz");
    assert!(visit("0.nii.gz") < SPACING + 500_000);
    visit("2.nii.gz");
    assert!(checkpoints::bytes() <= checkpoints::limit());
    assert!(visit("0.nii.gz") < SPACING + 500_000, "the one used last stays");
    assert!(visit("1.nii.gz") > 5_000_000, "the one used longest ago went");
    checkpoints::set_limit(0);
    assert_eq!(checkpoints::bytes(), 0);
    visit("0.nii.gz");
    assert!(visit("0.nii.gz") > 5_000_000);
}

/// An index beside the file serves the first visit; one that is damaged in any way is not used, and is written anew.
#[test]
fn an_index_beside_the_file() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let beside = dir.path().join("a.nii.gz.mxi");
    let content = nifti([150, 140, 130], vec![], 14);
    let bytes = at_level(&content, 6);
    fs::write(&path, &bytes).unwrap();
    let (channel, b) = last(&open(&path).unwrap());
    let visit = || {
        checkpoints::clear();
        let file = open(&path).unwrap();
        assert!(read(&file, channel, &b).unwrap() == cut_out(&content, &file, channel, &b));
        file.bytes_inflated() < SPACING + 500_000
    };
    assert!(!visit());
    let file = open(&path).unwrap();
    let Indexed::Written { checkpoints: points, bytes: length } = file.write_index().unwrap() else {
        panic!()
    };
    assert_eq!(file.write_index().unwrap(), Indexed::UpToDate);
    let sound = fs::read(&beside).unwrap();
    assert_eq!(length, sound.len() as u64);
    assert!((4..=6).contains(&points) && sound.len() < bytes.len() / 20, "{points}, {length}");
    // From what is in memory, or from nothing: the same.
    checkpoints::clear();
    fs::remove_file(&beside).unwrap();
    file.write_index().unwrap();
    assert!(fs::read(&beside).unwrap() == sound);
    assert!(visit());
    let mut damages: Vec<Vec<u8>> =
        [0, 1, 47, 48, 60, sound.len() / 2, sound.len() - 1].map(|n| sound[..n].to_vec()).to_vec();
    damages.push([&sound[..], b"?"].concat());
    damages.push([&sound[..], &vec![0; 9 << 20]].concat());
    for at in (0..sound.len()).step_by(sound.len() / 60).chain(0..90) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x10;
        damages.push(damaged);
    }
    // A right checksum over fields that cannot be.
    let end = sound.len() - 4;
    for (at, value) in
        [(40, u64::MAX), (40, 1), (40, 1 << 40), (48, u64::MAX), (48, 0), (56, u64::MAX), (72, u64::MAX)]
    {
        let mut damaged = sound.clone();
        damaged[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        let check = crc32fast::hash(&damaged[..end]);
        damaged[end..].copy_from_slice(&check.to_le_bytes());
        damages.push(damaged);
    }
    for (i, damaged) in damages.iter().enumerate() {
        fs::write(&beside, damaged).unwrap();
        assert!(!visit(), "damage {i} was not noticed");
    }
    assert!(matches!(open(&path).unwrap().write_index().unwrap(), Indexed::Written { .. }));
    assert!(fs::read(&beside).unwrap() == sound);
    // Of the file as it was: not of what is there now.
    let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_micros(1);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert!(!visit());
    // What needs none gets none.
    let v = volume(DType::I16, Grid::new([40, 30, 20], Affine::IDENTITY), vec![], &mut Numbers(3));
    for name in ["b.nii", "b.nii.gz"] {
        let path = dir.path().join(name);
        save(&path, &v, &SaveOptions { gzip: Gzip::default(), sync: false, ..SaveOptions::default() })
            .unwrap();
        assert_eq!(open(&path).unwrap().write_index().unwrap(), Indexed::NotNeeded);
        assert!(!dir.path().join(format!("{name}.mxi")).exists());
    }
    assert!(gunzip(&bytes) == content);
}

/// Where it is asked for, the first region read writes the index: beside the file or in a folder, once, and anew if it is stale or damaged.
#[test]
fn the_first_visit_writes_an_index() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let content = nifti([150, 140, 130], vec![], 17);
    fs::write(&path, at_level(&content, 6)).unwrap();
    let folder = dir.path().join("kept/here");
    let early = Box3 { start: [3, 4, 20], shape: [9, 8, 7] };
    let visit = |keep: &Keep| {
        checkpoints::clear();
        let file = open(&path).unwrap().with_checkpoints(keep.clone());
        let header = file.bytes_inflated();
        assert!(read(&file, 0, &early).unwrap() == cut_out(&content, &file, 0, &early));
        (file.bytes_inflated() - header, file.index_path())
    };
    // In memory only: to the box's end, and nothing is left on disk.
    let (cost, beside) = visit(&Keep::Memory);
    assert!(cost < 2_000_000 && !beside.exists());
    for keep in [Keep::Beside, Keep::Folder(folder.clone())] {
        // Whoever looks for one in a folder would use the one beside the file as well.
        let _ = fs::remove_file(&beside);
        let (cost, index) = visit(&keep);
        assert_eq!(cost, content.len() as u64, "{keep:?}: to the end, once");
        let sound = fs::read(&index).unwrap();
        let written = fs::metadata(&index).unwrap().modified().unwrap();
        assert!(visit(&keep).0 < SPACING + 500_000, "{keep:?}");
        assert_eq!(fs::metadata(&index).unwrap().modified().unwrap(), written);
        let file = open(&path).unwrap().with_checkpoints(keep.clone());
        assert_eq!(file.write_index().unwrap(), Indexed::UpToDate);
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 1;
        for bad in [damaged, sound[..100].to_vec(), vec![]] {
            fs::write(&index, &bad).unwrap();
            visit(&keep);
            assert!(fs::read(&index).unwrap() == sound, "{keep:?}");
        }
    }
    // An index's name in a folder tells files of one name apart.
    let other = dir.path().join("kept/a.nii.gz");
    fs::copy(&path, &other).unwrap();
    let names =
        [&path, &other].map(|p| open(p).unwrap().with_checkpoints(Keep::Folder(folder.clone())).index_path());
    assert_ne!(names[0], names[1]);
    assert!(names[0].exists() && !names[1].exists());
    // A replaced file gets a new index at its first visit.
    let content = nifti([150, 140, 130], vec![], 18);
    fs::write(&path, at_level(&content, 9)).unwrap();
    let before = fs::read(&names[0]).unwrap();
    let file = open(&path).unwrap().with_checkpoints(Keep::Folder(folder.clone()));
    assert!(read(&file, 0, &early).unwrap() == cut_out(&content, &file, 0, &early));
    assert!(fs::read(&names[0]).unwrap() != before);
    check(&path, &content, 20, &mut Numbers(35));
    // Where nothing can be written, that is said.
    let file = open(&path).unwrap().with_checkpoints(Keep::Folder(path.clone()));
    assert!(matches!(read(&file, 0, &early).unwrap_err(), Error::Io { .. }));
    let off = open(&path).unwrap().with_checkpoints(false);
    assert_eq!(off.checkpoints(), &Keep::Off);
}

/// A crop of a large file takes little memory, at the first visit and later. In a process of its own, whose peak is its own.
#[cfg(target_os = "linux")]
#[test]
fn memory_of_a_crop() {
    const FILE: &str = "MEDIO_TEST_CROP_OF";
    let peak = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    };
    if let Some(path) = std::env::var_os(FILE) {
        let before = peak();
        let file = open(path).unwrap();
        let mut out = vec![0.0; 64 * 64 * 64];
        for z in [448, 10, 300, 448] {
            file.read_f32(0, &Box3 { start: [100, 200, z], shape: [64; 3] }, &mut out).unwrap();
        }
        let more = peak() - before;
        assert!(more < 40 << 20, "{} MiB", more >> 20);
        assert!(file.bytes_inflated() < (512 + 200) << 19, "{}", file.bytes_inflated());
        return;
    }
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let small = nifti([512, 512, 1], vec![], 15);
    let mut header = small[..352].to_vec();
    header[46..48].copy_from_slice(&512i16.to_le_bytes());
    header[40..42].copy_from_slice(&3i16.to_le_bytes());
    let stock = noise(&mut Numbers(16), 4 << 20);
    let mut e = GzEncoder::new(File::create(&path).unwrap(), Compression::new(2));
    e.write_all(&header).unwrap();
    for z in 0..512 {
        let at = z * 7919 % (3 << 20);
        e.write_all(&stock[at..at + (512 << 10)]).unwrap();
    }
    e.finish().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory_of_a_crop", "--test-threads=1"])
        .env(FILE, &path)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}
