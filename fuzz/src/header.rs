//! Headers: opened whatever they say, and kept when written.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use medcore::Box3;
use medio::nifti::Header;
use medio::{SaveOptions, VolumeFile, open, save};

use crate::input::Input;
use crate::memory::bounded;
use crate::place;

/// Longest file that is pretended to be behind a header.
const LONGEST: u64 = 1 << 40;

/// A header, plain or gzipped, of a single file or a pair, with as many zeros behind it as it claims, if the fuzzer wants.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let options = input.byte();
    let mut bytes = input.rest().to_vec();
    if options & 1 == 1 && bytes.len() >= 348 {
        // The magic is four bytes that must be right for anything to happen.
        let (at, magic) =
            [(344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0"), (4, b"ni2\0")][usize::from(options >> 1 & 3)];
        bytes[at..at + 4].copy_from_slice(magic);
    }
    let parsed = Header::parse(&bytes);
    if let Some(header) = &parsed {
        let again = Header::parse(&header.serialise()).expect("a header");
        assert_eq!(format!("{header:?}"), format!("{again:?}"));
        assert!(!header.fields().is_empty());
    }
    let length_of_header = parsed.as_ref().map(|h| h.version.header_bytes());
    let claimed = parsed.map_or(0, |h| {
        let voxels = h.dim[1..]
            .iter()
            .take(h.dim[0].clamp(0, 7) as usize)
            .fold(h.bitpix as f64 / 8.0, |n, &d| n * d as f64);
        (h.vox_offset + voxels).clamp(0.0, LONGEST as f64) as u64
    });
    bounded(|| {
        let path = match options >> 3 & 3 {
            0 => place::file("a.nii", &bytes),
            1 => {
                let mut e = GzEncoder::new(vec![], Compression::new(3));
                e.write_all(&bytes).expect("memory");
                e.write_all(&vec![0; claimed.min(64 << 10) as usize]).expect("memory");
                place::file("a.nii.gz", &e.finish().expect("memory"))
            }
            _ => {
                let voxels = place::file("a.img", &[]);
                File::options()
                    .write(true)
                    .open(voxels)
                    .and_then(|f| f.set_len(claimed))
                    .expect("a sparse file");
                place::file("a.hdr", &bytes)
            }
        };
        // A file that is as long as it says may have extensions as long as it says: up to medio's own limit, 256 MiB.
        let extended = length_of_header.is_some_and(|n| bytes.get(n).is_some_and(|&flag| flag != 0));
        if options & 0x20 != 0 && options >> 3 & 3 != 1 && !(extended && claimed > 16 << 20) {
            let length = claimed.max(bytes.len() as u64);
            File::options().write(true).open(&path).and_then(|f| f.set_len(length)).expect("a sparse file");
        }
        look(&path);
    });
}

/// Opens a file; what can be read by parts can be read whole, written, and read again.
pub(crate) fn look(path: &Path) {
    let file = match open(path) {
        Ok(file) => file,
        Err(e) => return assert!(e.path().is_some() && !e.to_string().is_empty(), "{e}"),
    };
    let _ = format!("{file:?} {:?} {:?}", file.meta(), file.header().fields());
    let _ = (file.grid().spacing(), file.grid().affine.inverse(), file.dtype());
    let shape = file.grid().shape;
    corner(&file, shape.map(|_| 0));
    corner(&file, shape.map(|n| n.saturating_sub(3)));
    let bytes = file.shape().iter().product::<usize>() * file.stored_dtype().bytes();
    if bytes > 1 << 20 {
        return;
    }
    let Ok(volume) = file.load() else { return };
    assert_eq!(volume.storage().bytes().len(), bytes);
    let copy = place::folder().join("copy.nii");
    if save(&copy, &volume, &SaveOptions { sync: false, ..SaveOptions::default() }).is_ok() {
        let again = open(&copy).expect("a file of our own");
        assert_eq!((again.grid().shape, again.extra()), (shape, file.extra()));
        assert_eq!(again.meta().extensions.len(), file.meta().extensions.len());
        for (a, b) in again.meta().extensions.iter().zip(&file.meta().extensions) {
            // Padded with zeros to a multiple of 16 bytes.
            assert!(
                a.code == b.code
                    && a.data.starts_with(&b.data)
                    && a.data[b.data.len()..].iter().all(|&b| b == 0)
            );
        }
        if again.stored_dtype() == file.stored_dtype() {
            assert!(again.load().expect("a file of our own").storage().bytes() == volume.storage().bytes());
        }
    }
    let _ = fs::remove_file(copy);
}

/// Reads a few voxels.
fn corner(file: &VolumeFile, start: [usize; 3]) {
    let shape = file.grid().shape;
    let b = Box3 { start, shape: [0, 1, 2].map(|i| (shape[i] - start[i]).min(3)) };
    let channel = file.channels().saturating_sub(1);
    let _ = file.read_raw(channel, &b, &mut vec![0; b.len() * file.stored_dtype().bytes()]);
    let _ = file.read_f32(channel, &b, &mut vec![0.0; b.len()]);
    let _ = file.read_f64(channel, &b, &mut vec![0.0; b.len()]);
}

/// A file of the test data.
pub(crate) fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/nifti")).join(name))
        .expect("the test data")
}

/// The header and some voxels of each file of the test data that is not gzipped.
pub fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/nifti"));
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("the test data")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.ends_with(".nii") || n.ends_with(".hdr"))
        .collect();
    names.sort();
    assert!(names.len() > 80, "files in the test data");
    let options =
        |i: usize, name: &str| if name.ends_with(".hdr") { 0x10 } else { [0x00, 0x08, 0x20][i % 3] };
    names.iter().enumerate().map(|(i, n)| [&[options(i, n)][..], &data(n)].concat()).collect()
}
