//! gzip streams at the edge of what the format allows, and beyond: read whole, by region, and from checkpoints.
#![allow(
    clippy::unwrap_used,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, and names are our own"
)]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::{Affine, Box3, DType, Grid};
use medio::{Error, Gzip, SaveOptions, checkpoints, open, save};
use support::{Numbers, Style, cut_out, member, volume};

const SHAPE: [usize; 3] = [120, 110, 60];

/// A file of 1.6 MB, not compressed: long enough for a checkpoint.
fn content(dir: &Path) -> Vec<u8> {
    let v = volume(DType::I16, Grid::new(SHAPE, Affine::IDENTITY), vec![], &mut Numbers(91));
    let path = dir.join("plain.nii");
    save(&path, &v, &SaveOptions { sync: false, gzip: Gzip::Single, ..SaveOptions::default() }).unwrap();
    fs::read(path).unwrap()
}

/// One member of many blocks, with these optional fields.
fn stream(content: &[u8], flags: u8, fields: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), Compression::new(4));
    for part in content.chunks(100_000) {
        e.write_all(part).unwrap();
        e.flush().unwrap();
    }
    let plain = e.finish().unwrap();
    [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255][..], fields, &plain[10..]].concat()
}

fn early() -> Box3 {
    Box3 { start: [5, 6, 1], shape: [20, 30, 2] }
}

fn late() -> Box3 {
    Box3 { start: [50, 60, 55], shape: [30, 40, 5] }
}

fn region(path: &Path, b: &Box3, with: bool) -> Result<Vec<u8>, Error> {
    let mut out = vec![0; b.len() * 2];
    open(path)?.with_checkpoints(with).read_raw(0, b, &mut out).map(|()| out)
}

#[test]
fn streams_at_the_edge_read_as_others_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let bytes = content(dir.path());
    let (header, middle, odd) = (100, 900_000, 900_001);
    let extra = b"\x09\0RA\x05\0?????";
    let checked = {
        let mut start = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff".to_vec();
        let fields = [&extra[..], b"brain.nii\0made by somebody\0"].concat();
        start.extend(&fields);
        [fields, (crc32fast::hash(&start) as u16).to_le_bytes().to_vec()].concat()
    };
    let long_name = [vec![b'x'; 200_000], vec![0]].concat();
    let sound = stream(&bytes, 0, &[]);
    let empty = member(b"", Style::Bare);
    let cases = [
        ("FNAME", stream(&bytes, 8, b"brain.nii\0")),
        ("FCOMMENT", stream(&bytes, 16, b"a comment\0")),
        ("FEXTRA", stream(&bytes, 4, extra)),
        ("FTEXT", stream(&bytes, 1, &[])),
        ("all fields and FHCRC", stream(&bytes, 0x1e, &checked)),
        ("a name of 200 kB", stream(&bytes, 8, &long_name)),
        ("FEXTRA of 64 KiB", stream(&bytes, 4, &[&[0xff; 2][..], &vec![7; 65_535]].concat())),
        (
            "members cut in the header",
            [stream(&bytes[..header], 0, &[]), stream(&bytes[header..], 8, b"n\0")].concat(),
        ),
        ("members cut in a voxel", [stream(&bytes[..odd], 0, &[]), stream(&bytes[odd..], 0, &[])].concat()),
        ("an empty member before", [&empty[..], &sound].concat()),
        ("empty members between", {
            let (a, b) = bytes.split_at(middle);
            [&stream(a, 0, &[])[..], &empty, &empty, &stream(b, 0, &[])].concat()
        }),
        ("empty members after", [&sound[..], &empty, &empty].concat()),
        ("zeros after", [&sound[..], &[0; 5000]].concat()),
        ("a zero after", [&sound[..], &[0]].concat()),
        ("garbage after", [&sound[..], b"and then some text"].concat()),
        ("more content than voxels", [&sound[..], &stream(&vec![9; 3_000_000], 0, &[])].concat()),
    ];
    for (name, file) in cases {
        fs::write(&path, file).unwrap();
        checkpoints::clear();
        let file = open(&path).unwrap();
        assert!(file.sequential(), "{name}");
        assert!(file.load().unwrap().storage().bytes() == &bytes[352..], "{name}");
        // From the start; gathering; and from what was gathered.
        for (with, b) in [(false, early()), (false, late()), (true, late()), (true, early()), (true, late())]
        {
            assert!(region(&path, &b, with).unwrap() == cut_out(&bytes, &file, 0, &b), "{name}: {b:?}");
        }
        assert!(checkpoints::bytes() > 0, "{name}: no checkpoint");
        // Followed to its end, and entered by somebody else.
        file.write_index().unwrap();
        checkpoints::clear();
        let again = open(&path).unwrap();
        let mut out = vec![0; late().len() * 2];
        again.read_raw(0, &late(), &mut out).unwrap();
        assert!(out == cut_out(&bytes, &file, 0, &late()), "{name}");
        assert!(again.bytes_inflated() < 900_000, "{name}: {} bytes inflated", again.bytes_inflated());
    }
}

/// The most memory that this process ever had, in bytes; 0 where the system does not say.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).and_then(|l| l.split_whitespace().nth(1));
    line.map_or(0, |kib| kib.parse::<u64>().unwrap() << 10)
}

/// What is behind the voxels is inflated up to a MiB, to find the checksum, and no further.
#[test]
fn a_bomb_is_left_where_the_volume_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let bytes = content(dir.path());
    let zeros = vec![0; 1 << 20];
    let mut e = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::new(6));
    e.write_all(&bytes).unwrap();
    for _ in 0..1024 {
        e.write_all(&zeros).unwrap();
    }
    e.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 3 << 20);
    let before = peak();
    let most = bytes.len() as u64 + (3 << 19);
    let whole = open(&path).unwrap();
    assert!(whole.load().unwrap().storage().bytes() == &bytes[352..]);
    assert!(whole.bytes_inflated() <= most, "{} bytes for the whole", whole.bytes_inflated());
    for (with, b) in [(false, late()), (true, late()), (true, Box3::whole(SHAPE))] {
        let file = open(&path).unwrap().with_checkpoints(with);
        let mut out = vec![0; b.len() * 2];
        file.read_raw(0, &b, &mut out).unwrap();
        assert!(out == cut_out(&bytes, &file, 0, &b));
        assert!(file.bytes_inflated() <= most, "{} bytes for {b:?}", file.bytes_inflated());
    }
    let more = peak() - before;
    assert!(more < 48 << 20, "{more} bytes of memory");
}

/// The byte of the file that an error names.
fn named_byte(error: &Error) -> usize {
    let text = error.to_string();
    assert!(matches!(error, Error::Format { .. }) && text.contains("a.nii.gz"), "{text}");
    let at = text.find(" byte ").unwrap_or_else(|| panic!("no byte in: {text}"));
    text[at + 6..].chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// Damage is reported with the file and the byte at which it was noticed: whole, by region and after a checkpoint.
#[test]
fn damage_names_the_file_and_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let bytes = content(dir.path());
    let sound = stream(&bytes, 0, &[]);
    let write = |file: &[u8]| {
        fs::write(&path, file).unwrap();
        // As it was when the checkpoints were gathered.
        let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    };
    write(&sound);
    checkpoints::clear();
    region(&path, &late(), true).unwrap();
    // Each piece of 100 kB ends with an empty stored block, whose length is said twice: here it is said otherwise.
    let marks: Vec<usize> =
        (0..sound.len() - 4).filter(|&i| sound[i..i + 4] == [0, 0, 0xff, 0xff]).map(|i| i + 2).collect();
    assert!(marks.len() > 13);
    let error = |found: Result<Vec<u8>, Error>| found.err().unwrap();
    for (at, before_the_checkpoint) in [(marks[4], true), (marks[13], false)] {
        let mut bad = sound.clone();
        bad[at] = 0;
        write(&bad);
        let near = at - 4..at + 16;
        for e in [open(&path).unwrap().load().err().unwrap(), error(region(&path, &late(), false))] {
            assert!(near.contains(&named_byte(&e)), "damage at {at}: {e}");
        }
        // From the checkpoint on, what is before it is of no concern.
        let found = region(&path, &late(), true);
        if before_the_checkpoint {
            assert!(found.unwrap() == cut_out(&bytes, &open(&path).unwrap(), 0, &late()));
        } else {
            let e = error(found);
            assert!(near.contains(&named_byte(&e)), "damage at {at}, after a checkpoint: {e}");
        }
    }
    // Cut anywhere, it is an error that says where the file ends.
    for n in [sound.len() - 1, sound.len() - 8, sound.len() - 9, sound.len() / 2, 200_000] {
        write(&sound[..n]);
        assert_eq!(named_byte(&open(&path).unwrap().load().unwrap_err()), n, "cut to {n}");
    }
    // A wrong checksum, and a wrong length.
    for at in [sound.len() - 8, sound.len() - 1] {
        let mut bad = sound.clone();
        bad[at] ^= 1;
        write(&bad);
        let e = open(&path).unwrap().load().unwrap_err();
        assert!(e.to_string().contains("checksum") && named_byte(&e) == sound.len(), "{e}");
    }
}
