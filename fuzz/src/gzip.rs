//! The stream decoder, and below it the decoder that stops at blocks and starts inside a stream, against flate2.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use crate::disk::{Counts, DiskFile, Handle};
use crate::input::Input;
use crate::medio_gzip::{GzipStream, Index, SPACING};
#[cfg(feature = "libdeflate")]
use crate::medio_gzip::scouts::{Pace, Scout, Scouts};
use crate::memory::bounded;
use crate::ordinary::{Content, State, gunzip};
use crate::place;
use crate::raw::{At, RawInflate, Until, WINDOW};

/// A gzip file as it is, or members put together from deflate data with the right checksums.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let options = input.byte();
    let file = if options & 1 == 0 {
        Input(data).take(usize::MAX)[data.len().min(1)..].to_vec()
    } else {
        members(&mut input)
    };
    let content = gunzip(&file);
    if content.state == State::Long {
        return;
    }
    bounded(|| {
        stream(&file, &content, options);
        for body in &content.bodies {
            blocks(&file[body.clone()], 1 + usize::from(options >> 4) * 40);
        }
    });
}

/// Members whose deflate data are the fuzzer's, and whose trailers are right unless it wants otherwise.
fn members(input: &mut Input<'_>) -> Vec<u8> {
    let mut file = vec![];
    for _ in 0..=input.byte() % 6 {
        let flags = input.byte() & 0x1f;
        file.extend([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255]);
        if flags & 4 != 0 {
            let extra = usize::from(input.byte());
            file.extend((extra as u16).to_le_bytes());
            file.extend(input.take(extra));
        }
        for bit in [3, 4] {
            if flags >> bit & 1 == 1 {
                let length = usize::from(input.byte());
                file.extend(input.take(length));
                file.push(0);
            }
        }
        if flags & 2 != 0 {
            file.extend(input.take(2));
        }
        let length = input.number::<2>() as usize;
        let body = input.take(length);
        let mut content = vec![];
        let (used, _) = crate::ordinary::inflate(body, &mut content);
        file.extend(&body[..used]);
        let wrong = u8::from(input.rarely());
        file.extend((crc32fast::hash(&content) ^ u32::from(wrong)).to_le_bytes());
        file.extend((content.len() as u32).to_le_bytes());
    }
    let padding = if input.rarely() { 300 } else { 0 };
    file.resize(file.len() + padding, 0);
    file.extend(input.take(20));
    file
}

/// The whole, in pieces of many sizes, decoded ahead or not, and a part after a leap: all as flate2 has it.
fn stream(file: &[u8], expected: &Content, options: u8) {
    let path = place::file("a.gz", file);
    let counts = Arc::new(Counts::default());
    let (_, handle) = DiskFile::open(&path, &counts).expect("a file");
    let n = expected.bytes.len();
    let first = 1 + usize::from(options) * 7;
    for (ahead, scouted, piece) in
        [(true, false, first), (true, true, 9000), (false, false, 70_000), (false, false, n + 1)]
    {
        // Small pieces of much content take long and show nothing new.
        let piece = piece.max(n / 500);
        let new = GzipStream::new(&handle, file[..file.len().min(usize::from(options) * 3)].to_vec());
        let mut stream = if ahead {
            new.ahead().expect("memory").with_checkpoints(Index::default(), SPACING)
        } else {
            new
        };
        #[cfg(feature = "libdeflate")]
        if scouted {
            stream = stream.with_scouts(scouts(&handle, options));
        }
        let (mut found, mut part) = (vec![], vec![0; piece]);
        let ended = loop {
            match stream.read(&mut part) {
                Ok(got) => {
                    found.extend_from_slice(&part[..got]);
                    if got < piece {
                        break true;
                    }
                }
                Err(e) => {
                    assert!(e.path().is_some() && e.to_string().contains("byte"), "{e}");
                    break false;
                }
            }
        };
        let how = format!("ahead {ahead}, scouted {scouted}, pieces of {piece}");
        assert_eq!(ended, expected.state == State::Sound, "{how}");
        let both = found.len().min(n);
        assert!(found[..both] == expected.bytes[..both] && (!ended || found.len() == n));
    }
    let mut stream = GzipStream::new(&handle, vec![]).ahead().expect("memory").until(n as u64);
    let from = n * usize::from(options) / 256;
    if expected.state == State::Sound {
        stream.skip_to(from as u64).expect("content that is there");
        let mut rest = vec![0; n - from];
        stream.read_exact(&mut rest).expect("content that is there");
        assert!(rest == expected.bytes[from..]);
        stream.finish().expect("a sound end");
        assert!(stream.read_exact(&mut [0]).is_err(), "more than there is");
    }
}

/// Scouts that have been wherever they would go, and are done before the reader begins.
#[cfg(feature = "libdeflate")]
fn scouts(handle: &Handle, options: u8) -> Arc<Scouts<'_>> {
    let ahead = 100 + u64::from(options) * 80;
    let scouts = Scouts::new(handle, 0, usize::MAX, Pace { ahead, apart: ahead });
    let mut scout = Scout::new(handle).expect("memory");
    for _ in 0..6 {
        if scouts.send(&mut scout).is_none() {
            break;
        }
    }
    Arc::new(scouts)
}

/// Deflate data in pieces, stopping at each block; then from each block on.
fn blocks(body: &[u8], piece: usize) {
    let piece = piece.max(body.len() / 200);
    let mut raw = RawInflate::new();
    let (mut whole, mut points, mut used) = (vec![], vec![], 0);
    let mut out = vec![0; 64 << 10];
    let ended = loop {
        let Ok(step) = raw.inflate(&body[used..(used + piece).min(body.len())], &mut out, Until::Block)
        else {
            break false;
        };
        used += step.used;
        whole.extend_from_slice(&out[..step.made]);
        match step.at {
            At::End => break true,
            At::Boundary { unused } => {
                let window = raw.window();
                assert!(window.len() == WINDOW.min(whole.len()) && whole.ends_with(&window));
                if points.len() < 12 || points.len() < 40 && used * 4 > body.len() * 3 {
                    points.push((used as u64 * 8 - u64::from(unused), whole.len(), window));
                }
            }
            At::Block if step.used == 0 && step.made == 0 => break false,
            At::Block | At::Header { .. } => {}
        }
    };
    for (bit, at, window) in points {
        let (byte, skip) = ((bit / 8) as usize, (bit % 8) as u32);
        let (bits, value) = if skip == 0 { (0, 0) } else { (8 - skip, body[byte] >> skip) };
        raw.resume(&window).expect("a window");
        raw.give_bits(bits, value).expect("a boundary");
        let rest = &body[byte + usize::from(bits > 0)..];
        let mut again = vec![0; whole.len() - at + 1];
        match raw.inflate(rest, &mut again, Until::Full) {
            Ok(step) => {
                assert!(!ended || (step.at, step.used) == (At::End, used - body.len() + rest.len()));
                assert!(!ended || step.made == whole.len() - at);
                let both = step.made.min(whole.len() - at);
                assert!(again[..both] == whole[at..at + both]);
            }
            Err(_) => assert!(!ended, "a stream that is sound from its start"),
        }
    }
}

/// Files of the test data, and streams of every kind of block.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![];
    for name in ["single_1.nii.gz", "extension_be.nii.gz", "packed_pair_1.hdr.gz", "packed_pair_2.img.gz"] {
        seeds.push([&[0x20][..], &crate::header::data(name)].concat());
    }
    let content: Vec<u8> =
        (0..3000u32).map(|i| if i / 500 % 2 == 0 { 7 } else { (i * i >> 7) as u8 }).collect();
    for level in [0, 1, 6, 9] {
        let mut e = GzEncoder::new(vec![], Compression::new(level));
        for part in content.chunks(700) {
            e.write_all(part).expect("memory");
            if level != 9 {
                e.flush().expect("memory");
            }
        }
        let file = e.finish().expect("memory");
        seeds.push([&[0x30][..], &file, &file, &[0; 9]].concat());
        let mut e = DeflateEncoder::new(vec![], Compression::new(level));
        e.write_all(&content[..1000]).expect("memory");
        e.flush().expect("memory");
        e.write_all(&content[1000..]).expect("memory");
        let body = e.finish().expect("memory");
        let mut seed = vec![0x51, 2];
        for flags in [0, 0x1e, 4] {
            seed.push(flags);
            if flags & 4 != 0 {
                seed.extend([8, b'I', b'G', 4, 0, 0, 1, 0, 0]);
            }
            if flags & 8 != 0 {
                seed.extend([2, b'a', b'b', 1, b'c', 0, 0]);
            }
            seed.extend((body.len() as u16).to_le_bytes());
            seed.extend(&body);
            seed.push(0);
        }
        seeds.push(seed);
    }
    // More than a window, and then many short blocks, which are found ahead.
    let mut e = GzEncoder::new(vec![], Compression::new(6));
    e.write_all(&[9; 33_000]).expect("memory");
    for part in content.chunks(300) {
        e.flush().expect("memory");
        e.write_all(part).expect("memory");
    }
    let file = e.finish().expect("memory");
    seeds.push([&[0x00][..], &file].concat());
    seeds.push([&[0x02][..], &file, &file].concat());
    // A bomb: a MiB of zeros.
    let mut e = GzEncoder::new(vec![], Compression::new(9));
    e.write_all(&vec![0; 1 << 20]).expect("memory");
    seeds.push([&[0x10][..], &e.finish().expect("memory")].concat());
    seeds
}
