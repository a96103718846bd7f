//! Header extensions: kept through reading and writing, in every container.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::header::{data, look};
use crate::input::Input;
use crate::memory::bounded;
use crate::place;

/// The fuzzer's bytes as the extensions of a sound file of one voxel.
pub fn run(input: &[u8]) {
    let mut input = Input(input);
    let options = input.byte();
    let big = options & 1 == 1;
    let mut header =
        data(["u1_le_1.nii", "u1_be_1.nii", "u1_le_2.nii", "u1_be_2.nii"][usize::from(options & 3)]);
    let two = options & 2 != 0;
    let length = if two { 540 } else { 348 };
    header.truncate(length);
    let number = |bytes: &mut [u8], value: u64| {
        let n = bytes.len();
        if big {
            bytes.copy_from_slice(&value.to_be_bytes()[8 - n..]);
        } else {
            bytes.copy_from_slice(&value.to_le_bytes()[..n]);
        }
    };
    let (first, width) = if two { (16, 8) } else { (40, 2) };
    for i in 0..8 {
        number(&mut header[first + i * width..][..width], 1);
    }
    let pair = options & 4 != 0;
    let magic = if two { 4 } else { 344 };
    header[magic + 1] = if pair { b'i' } else { b'+' };
    header.extend([options >> 3 & 1, 0, 0, 0]);
    header.extend(input.rest());
    let offset = header.len() as u64;
    if two {
        number(&mut header[168..176], if pair { 0 } else { offset });
    } else {
        let offset = if pair { 0.0 } else { offset as f32 };
        number(&mut header[108..112], u64::from(offset.to_bits()));
    }
    bounded(|| {
        let (gz, zip) = if options & 0x10 != 0 { (".gz", true) } else { ("", false) };
        let pack = |bytes: &[u8]| {
            if !zip {
                return bytes.to_vec();
            }
            let mut e = GzEncoder::new(vec![], Compression::new(1));
            e.write_all(bytes).expect("memory");
            e.finish().expect("memory")
        };
        let path = if pair {
            place::file(&format!("e.img{gz}"), &pack(&[7]));
            place::file(&format!("e.hdr{gz}"), &pack(&header))
        } else {
            header.push(7);
            place::file(&format!("e.nii{gz}"), &pack(&header))
        };
        let file = medio::open(&path).expect("extensions are no reason to refuse a file");
        assert!(file.load().expect("its voxel").storage().bytes() == [7]);
        let most = header.len() - length - 4;
        let extensions = &file.meta().extensions;
        assert!(extensions.iter().map(|e| e.data.len() + 8).sum::<usize>() <= most);
        look(&path);
    });
}

/// Those of the test data, and some of every length.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![[&[0x08][..], &data("extension.nii")[352..]].concat()];
    for options in [0x08, 0x09, 0x0a, 0x0c, 0x18, 0x1f] {
        let mut seed = vec![options];
        for (size, code) in [(16u32, 6u32), (32, 4), (48, 0)] {
            let bytes = |v: u32| if options & 1 == 1 { v.to_be_bytes() } else { v.to_le_bytes() };
            seed.extend(bytes(size));
            seed.extend(bytes(code));
            seed.extend(vec![b'x'; size as usize - 8]);
        }
        seeds.push(seed);
    }
    seeds
}
