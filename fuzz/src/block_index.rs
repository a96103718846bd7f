//! Members that say their sizes, and the index behind them: what a region gives is what the whole gives, and both are what an ordinary
//! reader finds. An index that lies and has a right checksum is believed about members that are not read: then a region may be another
//! part of the file.

use std::sync::{Arc, OnceLock};

use flate2::{Compress, Compression, FlushCompress};
use medcore::{Affine, Box3, DType, Grid, Volume};
use medio::{Gzip, SaveOptions, VolumeFile, open, save};

use crate::input::Input;
use crate::medio_gzip::{Cut, index_member};
use crate::memory::bounded;
use crate::ordinary::{State, gunzip};
use crate::place;

const SHAPE: [usize; 3] = [24, 20, 6];

/// A small file, not compressed.
fn content() -> &'static [u8] {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    CONTENT.get_or_init(|| saved("content.nii", Gzip::Single))
}

fn saved(name: &str, gzip: Gzip) -> Vec<u8> {
    let voxels: Vec<u8> = (0..5760u32)
        .map(|i| if i / 300 % 3 == 0 { 0 } else { (i.wrapping_mul(2_654_435) >> 13) as u8 & 63 })
        .collect();
    let grid = Grid::new(SHAPE, Affine::IDENTITY);
    let volume =
        Volume::packed(Arc::new(voxels), DType::I16, grid, vec![], Arc::default()).expect("a volume");
    let path = place::folder().join(name);
    save(&path, &volume, &SaveOptions { gzip, sync: false, ..SaveOptions::default() }).expect("a file");
    std::fs::read(path).expect("that file")
}

/// A file as it is; one cut into members by the fuzzer; or one with an index that the fuzzer has written.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let mode = input.byte() % 4;
    let regions: [[u8; 6]; 2] = std::array::from_fn(|_| std::array::from_fn(|_| input.byte()));
    let (file, honest) = match mode {
        0 => (input.rest().to_vec(), false),
        1 => irregular(&mut input),
        _ => indexed(&mut input),
    };
    let forged = !honest && file.windows(8).any(|w| w == b"medioidx");
    let ordinary = gunzip(&file);
    if ordinary.state == State::Long {
        return;
    }
    bounded(|| {
        let path = place::file("b.nii.gz", &file);
        let opened = open(&path);
        assert!(!honest || opened.is_ok(), "{opened:?}");
        let Ok(file) = opened else { return };
        let (voxel, all) = (file.stored_dtype().bytes(), file.shape().iter().product::<usize>());
        let first = file.header().vox_offset as usize;
        // What an ordinary reader finds, if it finds no fault.
        let plain = (ordinary.state == State::Sound)
            .then(|| ordinary.bytes.get(first..first + all * voxel))
            .flatten();
        let swapped = file.byte_order() != medio::ByteOrder::NATIVE;
        let whole = file.load();
        assert!(!honest || whole.is_ok(), "{whole:?}");
        if let (Ok(whole), Some(plain), false) = (&whole, plain, swapped || forged) {
            assert!(whole.storage().bytes() == plain, "the whole");
        }
        for region in regions {
            // Known members, and none known.
            for file in [open(&path).expect("opened before"), file.clone()] {
                let b = some_box(&file, region);
                let channel = usize::from(region[0]) % file.channels().max(1);
                let mut out = vec![0; b.len() * voxel];
                let read = file.read_raw(channel, &b, &mut out);
                assert!(!honest || read.is_ok(), "{read:?}");
                match read {
                    Err(e) => assert!(e.path().is_some() && !e.to_string().is_empty()),
                    Ok(()) if !swapped && !forged => {
                        let held = whole.as_ref().ok().map(|w| w.storage().bytes());
                        for source in [held, plain].into_iter().flatten() {
                            assert!(out == cut_out(source, file.grid().shape, voxel, channel, &b), "{b:?}");
                        }
                    }
                    Ok(()) => {}
                }
            }
        }
    });
}

fn some_box(file: &VolumeFile, region: [u8; 6]) -> Box3 {
    let shape = file.grid().shape;
    let start = [0, 1, 2].map(|i| usize::from(region[i]) % shape[i].max(1));
    let size = [0, 1, 2].map(|i| (1 + usize::from(region[i + 3])).min(shape[i] - start[i]).min(64));
    Box3 { start, shape: size }
}

fn cut_out(voxels: &[u8], [nx, ny, nz]: [usize; 3], size: usize, channel: usize, b: &Box3) -> Vec<u8> {
    let mut out = vec![];
    for z in b.start[2]..b.end()[2] {
        for y in b.start[1]..b.end()[1] {
            let at = (((channel * nz + z) * ny + y) * nx + b.start[0]) * size;
            out.extend_from_slice(&voxels[at..at + b.shape[0] * size]);
        }
    }
    out
}

/// Deflate data; a stored block needs no compressor, whose making takes longer than all else.
fn deflate(content: &[u8], level: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    if level == 0 {
        let length = content.len() as u16;
        out.push(1);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(content);
    } else {
        let mut compress = Compress::new(Compression::new(level), false);
        compress.compress_vec(content, &mut out, FlushCompress::Finish).expect("memory");
    }
    out
}

/// A member; with what kind of header, and whether it lies, is the fuzzer's choice.
fn member(content: &[u8], kind: u8, lie: Option<(u8, u32)>, out: &mut Vec<u8>) -> u32 {
    let (flags, mut header) = match kind % 4 {
        0 => (4, b"\x08\0IG\x04\0\0\0\0\0".to_vec()),
        1 => (4, b"\x06\0BC\x02\0\0\0".to_vec()),
        2 => (0x1e, b"\x0e\0RA\x02\0??IG\x04\0\0\0\0\0name\0comment\0??".to_vec()),
        _ => (0, vec![]),
    };
    let mut body = deflate(content, u32::from(kind >> 4) % 10);
    let true_size = (10 + header.len() + body.len() + 8) as u32;
    let (mut size, mut crc, mut length) = (true_size, crc32fast::hash(content), content.len() as u32);
    match lie {
        Some((0, by)) => size = size.wrapping_add(by),
        Some((1, by)) => size = by,
        Some((2, by)) => crc ^= by,
        Some((3, by)) => length = by,
        Some((_, by)) => {
            let at = by as usize % body.len();
            body[at] ^= (by >> 24) as u8;
        }
        None => {}
    }
    match kind % 4 {
        0 => header[6..].copy_from_slice(&size.to_le_bytes()),
        1 => header[6..].copy_from_slice(&(size.wrapping_sub(1) as u16).to_le_bytes()),
        2 => header[12..16].copy_from_slice(&size.to_le_bytes()),
        _ => {}
    }
    out.extend([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]);
    out.extend(header);
    out.extend(body);
    out.extend(crc.to_le_bytes());
    out.extend(length.to_le_bytes());
    true_size
}

fn lie(input: &mut Input<'_>) -> Option<(u8, u32)> {
    input.rarely().then(|| (input.byte() % 5, input.number::<4>() as u32))
}

/// Cut anywhere, of several kinds, with empty members in between and something behind.
fn irregular(input: &mut Input<'_>) -> (Vec<u8>, bool) {
    let (mut file, mut rest, mut honest) = (vec![], content(), true);
    for _ in 0..40 {
        if rest.is_empty() && input.0.is_empty() {
            break;
        }
        let n = if input.0.is_empty() { rest.len() } else { input.below(rest.len() + 1) };
        let (part, after) = rest.split_at(n);
        let (kind, lie) = (input.byte(), lie(input));
        honest &= lie.is_none();
        member(part, kind, lie, &mut file);
        rest = after;
    }
    honest &= rest.is_empty();
    let padding = if input.rarely() { input.below(600) } else { 0 };
    file.resize(file.len() + padding, 0);
    let garbage = input.take(24);
    honest &= garbage.is_empty();
    file.extend(garbage);
    (file, honest)
}

/// Cut by a rule, with an index whose checksum is right whatever else it says.
fn indexed(input: &mut Input<'_>) -> (Vec<u8>, bool) {
    let content = content();
    let (first, mut honest) = (input.below(353), true);
    let rest = (content.len() - first) as u64;
    let member_length = 1 + input.below(rest as usize) as u64;
    let period = member_length.max(input.below(rest as usize) as u64);
    let mut cut = Cut { first: first as u64, content: rest, period, member: member_length.max(rest / 60) };
    cut.period = cut.period.max(cut.member);
    let (mut file, mut sizes) = (vec![], vec![]);
    let ends = (1..=cut.count()).map(|i| first + cut.start(i) as usize);
    let mut from = 0;
    for to in (first > 0).then_some(first).into_iter().chain(ends) {
        let (kind, lie) = (input.byte(), lie(input));
        honest &= lie.is_none();
        sizes.push(member(&content[from..to], kind, lie, &mut file));
        from = to;
    }
    let mut edits = false;
    if input.rarely() {
        edits = true;
        for field in [&mut cut.first, &mut cut.content, &mut cut.period, &mut cut.member] {
            if input.rarely() {
                *field = input.number::<8>();
            } else {
                *field = field.wrapping_add(input.number::<1>());
            }
        }
    }
    for _ in 0..input.byte() % 4 {
        edits = true;
        let (at, by) = (input.below(sizes.len()), input.number::<2>() as u32);
        let to = input.below(sizes.len());
        // Bytes that pass from one member to another leave the sum right.
        sizes[at] = sizes[at].wrapping_add(by);
        sizes[to] = sizes[to].wrapping_sub(by);
    }
    // A rule that gives more members than there are sizes is for the reader to notice.
    if cut.period == 0 || cut.member == 0 {
        cut.period = cut.period.max(1);
        cut.member = cut.member.max(1);
    }
    let index = index_member(&cut, &sizes);
    file.extend(index);
    let behind = input.take(4);
    file.extend(behind);
    (file, honest && !edits && behind.is_empty())
}

/// Files of our own, plain choices, and every kind of lie.
pub fn seeds() -> Vec<Vec<u8>> {
    let region = [1, 2, 3, 9, 7, 2, 20, 15, 5, 4, 4, 0];
    let mut seeds = vec![];
    for gzip in [Gzip::Blocks(300), Gzip::Blocks(4000), Gzip::Bgzf, Gzip::Single] {
        seeds.push([&[0][..], &region, &saved("seed.nii.gz", gzip)].concat());
    }
    for kinds in [[0x30, 0x30, 0x30], [0x11, 0x61, 0x01], [0x62, 0x30, 0x32], [0x33, 0x33, 0x60]] {
        let mut seed = [&[1][..], &region].concat();
        for (i, kind) in kinds.iter().cycle().take(12).enumerate() {
            seed.extend([[96, 1], [44, 1], [0, 2], [0, 0]][i % 4]);
            seed.extend([*kind, 0]);
        }
        seeds.push(seed);
    }
    for (first, member, period) in
        [(352u16, 480u16, 960u16), (0, 1000, 1000), (352, 333, 5000), (100, 5760, 1)]
    {
        let mut seed = [&[2][..], &region].concat();
        seed.extend([first, member - 1, period].iter().flat_map(|n| n.to_le_bytes()));
        seeds.push(seed.clone());
        seed.extend([0x30, 0].repeat(5));
        seed.extend([0x30, 0xff, 0, 200, 0, 0, 0]);
        seeds.push(seed);
        let mut seed = seeds[seeds.len() - 2].clone();
        seed.extend([0x30, 0].repeat(61));
        seed.extend([0xff, 0, 1, 0, 0, 0, 0, 0, 0, 2, 1, 0, 7, 0, 2, 0]);
        seeds.push(seed);
    }
    seeds
}
