//! Reading equals nibabel: every dtype, byte order, version, container, scale and placement of the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;
use std::path::Path;

use medcore::{Box3, DType};
use medio::{ByteOrder, Error, VolumeFile, open};
use support::{Entry, Numbers, corpus, gzip};

fn raw(file: &VolumeFile) -> Vec<u8> {
    let n: usize = file.shape().iter().product();
    let mut out = vec![0; n * file.stored_dtype().bytes()];
    file.read_all_raw(&mut out).unwrap();
    out
}

/// The parts of packed native voxels as f64: one per voxel, two of a complex number, three or four of a colour.
fn parts(dtype: DType, raw: &[u8]) -> Vec<f64> {
    match dtype {
        DType::C64 => raw.chunks(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap()) as f64).collect(),
        DType::C128 => raw.chunks(8).map(|b| f64::from_ne_bytes(b.try_into().unwrap())).collect(),
        DType::Rgb24 | DType::Rgba32 => raw.iter().map(|&b| b as f64).collect(),
        other => panic!("{other}"),
    }
}

/// Checks that a file holds what an entry says, whatever the container.
fn check(path: &Path, e: &Entry) {
    let file = open(path).unwrap_or_else(|x| panic!("{}: {x}", path.display()));
    let name = path.display();
    assert_eq!(file.shape(), e.shape, "{name}");
    assert_eq!(file.stored_dtype(), e.stored, "{name}");
    assert_eq!(file.byte_order() == ByteOrder::Big, e.big_endian, "{name}");
    assert_eq!(file.scale().map(|s| (s.slope, s.intercept)), e.scale, "{name}");
    for (a, b) in file.grid().affine.rows.iter().flatten().zip(&e.affine) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{name}: {a} is not {b}");
    }
    let header = file.header();
    assert_eq!((header.sform_code as i64, header.qform_code as i64), (e.sform_code, e.qform_code), "{name}");
    let extensions: Vec<_> = file
        .meta()
        .extensions
        .iter()
        .map(|x| {
            let end = x.data.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
            (x.code, hex(&x.data[..end]))
        })
        .collect();
    assert_eq!(extensions, e.extensions, "{name}");
    let n: usize = e.shape.iter().product();
    if let Some(expected) = &e.float32 {
        let (mut single, mut double) = (vec![0.0; n], vec![0.0; n]);
        file.read_all_f32(&mut single).unwrap();
        file.read_all_f64(&mut double).unwrap();
        assert_eq!(bits(&single), bits(expected), "{name}");
        assert_eq!(double, e.values, "{name}");
    } else if e.scale.is_none() {
        assert_eq!(parts(e.stored, &raw(&file)), e.values, "{name}");
    }
    if e.stored.is_integer() && e.scale.is_none() {
        let volume = file.load().unwrap();
        let exact: Vec<i128> = medcore::with_element!(e.stored, T => {
            use medkernels::element::Element;
            volume.as_packed::<T>().unwrap().iter().map(|v| v.to_i128()).collect()
        }, else => vec![]);
        assert_eq!(exact, e.integers(), "{name}");
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        write!(text, "{b:02x}").unwrap();
        text
    })
}

fn bits(v: &[f32]) -> Vec<u32> {
    v.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn the_corpus_reads_as_nibabel_reads_it() {
    for e in corpus() {
        check(&e.path(), &e);
        if e.is_pair() {
            check(&e.voxel_path(), &e);
        }
    }
}

/// medrs refuses most of these, or reads another file.
#[test]
fn the_content_decides_not_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for e in corpus().iter().filter(|e| e.name.ends_with(".nii")) {
        let bytes = fs::read(e.path()).unwrap();
        let packed = gzip(&bytes);
        let half = bytes.len() / 2;
        let members: Vec<u8> =
            [gzip(&bytes[..7]), gzip(&bytes[7..half]), gzip(b""), gzip(&bytes[half..])].concat();
        let files = [
            ("a.nii.gz", packed.clone()),
            ("b.NII.GZ", packed.clone()),
            ("gzip_called.nii", packed.clone()),
            ("plain_called.nii.gz", bytes.clone()),
            ("no_suffix", packed.clone()),
            ("padded.nii.gz", [&packed[..], &[0; 1000]].concat()),
            ("members.nii.gz", members),
            ("longer.nii", [&bytes[..], b"and more"].concat()),
            ("longer.nii.gz", gzip(&[&bytes[..], &[7; 100_000]].concat())),
        ];
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::write(&path, content).unwrap();
            check(&path, e);
            seen += 1;
        }
    }
    assert_eq!(seen, 87 * 9);
}

/// SimpleITK reads `x.nii` when asked for `x.nii.gz`.
#[test]
fn no_neighbour_is_opened_by_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let entry = |name: &str| all.iter().find(|e| e.name == name).unwrap();
    let (a, b) = (entry("i2_le_1.nii"), entry("u4_be_2.nii"));
    let at = |name: &str| dir.path().join(name);
    fs::copy(a.path(), at("x.nii")).unwrap();
    fs::write(at("x.nii.gz"), gzip(&fs::read(b.path()).unwrap())).unwrap();
    check(&at("x.nii"), a);
    check(&at("x.nii.gz"), b);
    fs::remove_file(at("x.nii")).unwrap();
    assert!(matches!(open(at("x.nii")), Err(Error::Io { path, .. }) if path == at("x.nii")));
    // A pair whose other half is missing says which one; a pair of another stem is not taken.
    let pair = entry("pair_1.hdr");
    fs::copy(pair.path(), at("y.hdr")).unwrap();
    fs::copy(pair.voxel_path(), at("z.img")).unwrap();
    assert!(matches!(open(at("y.hdr")), Err(Error::Io { path, .. }) if path == at("y.img")));
    assert!(matches!(open(at("z.img")), Err(Error::Io { path, .. }) if path == at("z.hdr")));
    // Upper case, and one half compressed.
    fs::copy(pair.path(), at("P.HDR")).unwrap();
    fs::write(at("P.IMG.gz"), gzip(&fs::read(pair.voxel_path()).unwrap())).unwrap();
    check(&at("P.HDR"), pair);
    check(&at("P.IMG.gz"), pair);
    // A single file under the name of a half.
    fs::copy(a.path(), at("single.img")).unwrap();
    fs::copy(a.path(), at("single2.hdr")).unwrap();
    check(&at("single.img"), a);
    check(&at("single2.hdr"), a);
}

/// Every box of every channel equals the same part of the whole, plain and gzipped, raw and as values.
#[test]
fn boxes_are_parts_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(5);
    for e in corpus().iter().filter(|e| !e.is_pair()) {
        let bytes = fs::read(e.path()).unwrap();
        let packed = dir.path().join("packed.nii.gz");
        fs::write(&packed, if e.name.ends_with(".gz") { bytes } else { gzip(&bytes) }).unwrap();
        let plain = open(e.path()).unwrap();
        let whole = raw(&plain);
        let size = e.stored.bytes();
        let [nx, ny, nz] = plain.grid().shape;
        for file in [plain, open(&packed).unwrap()] {
            for _ in 0..12 {
                let start = [numbers.below(nx), numbers.below(ny), numbers.below(nz)];
                let shape = [0, 1, 2].map(|i| 1 + numbers.below([nx, ny, nz][i] - start[i]));
                let b = Box3 { start, shape };
                let channel = numbers.below(file.channels());
                let mut expected = Vec::new();
                for z in start[2]..b.end()[2] {
                    for y in start[1]..b.end()[1] {
                        let at = (((channel * nz + z) * ny + y) * nx + start[0]) * size;
                        expected.extend_from_slice(&whole[at..at + shape[0] * size]);
                    }
                }
                let mut out = vec![0; expected.len()];
                file.read_raw(channel, &b, &mut out).unwrap();
                assert_eq!(out, expected, "{} {b:?}", e.name);
                let mut values = vec![0.0; b.len()];
                let mut doubles = vec![0.0; b.len()];
                if let Some(all) = &e.float32 {
                    file.read_f32(channel, &b, &mut values).unwrap();
                    file.read_f64(channel, &b, &mut doubles).unwrap();
                    let first = ((channel * nz + start[2]) * ny + start[1]) * nx + start[0];
                    assert_eq!(values[0].to_bits(), all[first].to_bits(), "{} {b:?}", e.name);
                    let last_voxel = b.end().map(|n| n - 1);
                    let last = ((channel * nz + last_voxel[2]) * ny + last_voxel[1]) * nx + last_voxel[0];
                    assert_eq!(values[b.len() - 1].to_bits(), all[last].to_bits(), "{} {b:?}", e.name);
                    assert_eq!(doubles[0], e.values[first]);
                } else {
                    assert!(matches!(
                        file.read_f32(channel, &b, &mut values),
                        Err(Error::Unsupported { .. })
                    ));
                }
            }
            let outside = Box3 { start: [0, 0, nz], shape: [1, 1, 1] };
            assert!(matches!(file.read_raw(0, &outside, &mut vec![0; size]), Err(Error::Shape { .. })));
            let far = Box3 { start: [usize::MAX, 0, 0], shape: [2, 1, 1] };
            assert!(matches!(file.read_raw(0, &far, &mut vec![0; 2 * size]), Err(Error::Shape { .. })));
            let one = Box3 { start: [0; 3], shape: [1; 3] };
            assert!(matches!(
                file.read_raw(file.channels(), &one, &mut vec![0; size]),
                Err(Error::Shape { .. })
            ));
            assert!(matches!(file.read_raw(0, &one, &mut vec![0; size + 1]), Err(Error::Shape { .. })));
        }
    }
}

/// A map shows the same voxels; what cannot be mapped says so.
#[test]
fn maps_equal_reads() {
    let mut mapped = 0;
    for e in corpus() {
        let file = open(e.path()).unwrap();
        match file.map() {
            Ok(volume) => {
                let mut bytes = vec![0; volume.storage().bytes().len()];
                file.read_all_raw(&mut bytes).unwrap();
                assert_eq!(volume.storage().bytes(), bytes, "{}", e.name);
                assert_eq!(volume.grid(), file.grid());
                mapped += 1;
            }
            Err(Error::Unsupported { .. }) => {
                let swapped = e.big_endian == cfg!(target_endian = "little") && e.stored.swap_unit() > 1;
                assert!(file.compressed() || e.scale.is_some() || swapped, "{}", e.name);
            }
            Err(other) => panic!("{}: {other}", e.name),
        }
    }
    assert!(mapped > 40, "{mapped} mapped");
}

#[test]
fn a_conflict_of_placements_is_reported_with_numbers() {
    let all = corpus();
    let warnings = |name: &str| {
        let e = all.iter().find(|e| e.name == name).unwrap();
        open(e.path()).unwrap().meta().warnings.clone()
    };
    assert!(warnings("place_both_agree.nii").is_empty());
    let conflict = warnings("place_both_differ.nii");
    assert_eq!(conflict.len(), 1);
    assert!(
        conflict[0].contains("sform (code 4) and qform (code 1)") && conflict[0].contains(" mm apart"),
        "{conflict:?}"
    );
    for (name, field) in [
        ("place_qfac_0.nii", "qfac"),
        ("place_negative_pixdim.nii", "pixdim[2] is -1.1"),
        ("place_zero_pixdim.nii", "pixdim[3] is 0"),
    ] {
        let found = warnings(name);
        assert!(found.iter().any(|w| w.contains(field)), "{name}: {found:?}");
    }
    let both = open(all.iter().find(|e| e.name == "place_both_differ.nii").unwrap().path()).unwrap();
    let (q, s) = (both.meta().qform.unwrap(), both.meta().sform.unwrap());
    assert_eq!((q.code, s.code), (1, 4));
    assert_ne!(q.affine, s.affine);
    assert_eq!(both.grid().affine, s.affine);
}

#[test]
fn a_changed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let all = corpus();
    let e = all.iter().find(|e| e.name == "i2_le_1.nii").unwrap();
    fs::copy(e.path(), &path).unwrap();
    let file = open(&path).unwrap();
    file.load().unwrap();
    assert_eq!(file.identity().size, fs::metadata(&path).unwrap().len());
    // Replaced by a file of the same content: another inode, so another file.
    let other = dir.path().join("b.nii");
    fs::copy(e.path(), &other).unwrap();
    fs::rename(&other, &path).unwrap();
    assert!(matches!(file.load(), Err(Error::Changed { .. })));
    assert!(matches!(file.map(), Err(Error::Changed { .. })));
    let file = open(&path).unwrap();
    fs::write(&path, b"short").unwrap();
    assert!(matches!(file.load(), Err(Error::Changed { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(file.load(), Err(Error::Io { .. })));
    // The header of a pair counts too.
    let pair = all.iter().find(|e| e.name == "pair_1.hdr").unwrap();
    let (header, voxels) = (dir.path().join("p.hdr"), dir.path().join("p.img"));
    fs::copy(pair.path(), &header).unwrap();
    fs::copy(pair.voxel_path(), &voxels).unwrap();
    let file = open(&voxels).unwrap();
    file.load().unwrap();
    fs::write(&header, b"another header").unwrap();
    assert!(matches!(file.load(), Err(Error::Changed { path, .. }) if path == header));
}

#[test]
fn files_can_be_shared_and_sent() {
    fn shared<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    shared::<VolumeFile>();
    fn sent<T: Send + Sync + std::error::Error + 'static>() {}
    sent::<Error>();
}

#[test]
fn refusals_name_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let sound = fs::read(all.iter().find(|e| e.name == "f4_le_1.nii").unwrap().path()).unwrap();
    let path = dir.path().join("a.nii");
    let message = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        open(&path).unwrap_err().to_string()
    };
    let with = |at: usize, new: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    for (bytes, expected) in [
        (with(70, &1536i16.to_le_bytes()), "float128"),
        (with(70, &2048i16.to_le_bytes()), "complex256"),
        (with(70, &9i16.to_le_bytes()), "datatype is 9"),
        (with(42, &(-5i16).to_le_bytes()), "dim[1] is -5"),
        (with(42, &0i16.to_le_bytes()), "dim[1] is 0"),
        (with(40, &9i16.to_le_bytes()), "dim[0] is 9"),
        (with(42, &32767i16.to_le_bytes()), "the file's size"),
        (with(108, &f32::NAN.to_le_bytes()), "vox_offset is NaN"),
        (with(108, &(-4f32).to_le_bytes()), "vox_offset is -4"),
        (with(108, &1e30f32.to_le_bytes()), "vox_offset is"),
        (with(116, &f32::INFINITY.to_le_bytes()), "scl_inter is inf"),
        (with(344, b"nope"), "magic is"),
        (b"".to_vec(), "the file's size is 0 bytes"),
        (sound[..200].to_vec(), "the file's size is 200 bytes"),
        (b"NRRD0004\n".repeat(50), "an NRRD file"),
        ([&[0; 128][..], b"DICM", &[0; 300]].concat(), "a DICOM file"),
        (with(344, &[0; 4]), "ANALYZE"),
    ] {
        let text = message(&bytes);
        assert!(text.contains(expected) && text.contains("a.nii"), "{text:?} lacks {expected:?}");
    }
    let claim = [&sound[..42], &[255, 127, 255, 127, 255, 127], &sound[48..]].concat();
    fs::write(&path, gzip(&claim)).unwrap();
    assert!(matches!(open(&path), Err(Error::Limit { .. })));
    assert!(matches!(open(dir.path()), Err(Error::Io { .. })));
    let mut torn = gzip(&sound);
    let end = torn.len() - 6;
    torn[end] ^= 1;
    fs::write(&path, torn).unwrap();
    let text = open(&path).and_then(|f| f.load()).unwrap_err().to_string();
    assert!(text.contains("the gzip checksum"), "{text}");
}
