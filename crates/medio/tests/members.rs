//! gzip files in members: ours and other writers', whole and by region, equal to what an ordinary gzip reader finds in them.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{Affine, Box3, DType, Grid, Volume};
use medio::{Division, Gzip, SaveOptions, Storage, open, save};
use support::{Numbers, Style, cut_out, gunzip, member, noise, volume};

fn quick(gzip: Gzip) -> SaveOptions {
    SaveOptions { sync: false, gzip, ..SaveOptions::default() }
}

fn random_box(shape: [usize; 3], numbers: &mut Numbers) -> Box3 {
    let start = shape.map(|n| numbers.below(n));
    // Small ones, and whole axes.
    let size = [0, 1, 2].map(|i| match numbers.below(4) {
        0 => shape[i] - start[i],
        _ => 1 + numbers.below((shape[i] - start[i]).min(20)),
    });
    if numbers.below(8) == 0 { Box3::whole(shape) } else { Box3 { start, shape: size } }
}

/// Reads boxes and the whole; everything equals the content that an ordinary reader finds.
fn check(path: &Path, boxes: usize, numbers: &mut Numbers) {
    let content = gunzip(&fs::read(path).unwrap());
    let file = open(path).unwrap();
    let size = file.stored_dtype().bytes();
    for _ in 0..boxes {
        let (b, channel) = (random_box(file.grid().shape, numbers), numbers.below(file.channels()));
        let expected = cut_out(&content, &file, channel, &b);
        let mut raw = vec![0; expected.len()];
        // Half of the time nothing is known yet.
        let file = if numbers.below(2) == 0 { open(path).unwrap() } else { file.clone() };
        file.read_raw(channel, &b, &mut raw).unwrap();
        assert!(raw == expected, "{}: {b:?} of channel {channel}", path.display());
        if file.stored_dtype().is_real() {
            let mut values = vec![0.0; b.len()];
            file.read_f32(channel, &b, &mut values).unwrap();
            let plain = Volume::packed(
                Arc::new(expected),
                file.stored_dtype(),
                Grid::new(b.shape, Affine::IDENTITY),
                vec![],
                Arc::default(),
            );
            let expected = plain.unwrap().to_f32().unwrap();
            assert!(values.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{b:?}");
        }
    }
    let voxels: usize = file.shape().iter().product();
    assert!(file.load().unwrap().storage().bytes() == &content[content.len() - voxels * size..]);
    if file.stored_dtype().is_real() {
        let (mut one, mut two) = (vec![0.0; voxels], vec![0.0; voxels]);
        file.read_all_f32(&mut one).unwrap();
        file.read_all_f64(&mut two).unwrap();
        let expected = file.load().unwrap().to_f32().unwrap();
        assert!(one.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert!(two.iter().zip(&expected).all(|(a, b)| (*a as f32).to_bits() == b.to_bits() || a.is_nan()));
    }
}

/// Two thousand boxes of our own files: 2 to 5 dimensions, every dtype, members from a few voxels to everything.
#[test]
fn boxes_of_our_own_files_are_parts_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(11);
    let shapes: [(&[usize], &[usize]); 6] = [
        (&[301, 40, 1], &[]),
        (&[40, 50, 30], &[]),
        (&[37, 29, 11], &[3]),
        (&[16, 12, 5], &[4, 2]),
        (&[5, 3, 2], &[40, 3]),
        (&[9000, 2, 2], &[]),
    ];
    for (i, dtype) in DType::ALL.into_iter().enumerate() {
        let half = matches!(dtype, DType::F16 | DType::BF16);
        let storage = if half { Storage::Float16Private } else { Storage::AsIs };
        for (j, (shape, extra)) in shapes.iter().enumerate() {
            let grid = Grid::new([shape[0], shape[1], shape[2]], Affine::IDENTITY);
            let v = volume(dtype, grid, extra.to_vec(), &mut numbers);
            let gzip = [
                Gzip::default(),
                Gzip::Blocks(1),
                Gzip::Blocks(1000),
                Gzip::Blocks(5000),
                Gzip::Blocks(1 << 20),
                Gzip::Bgzf,
                Gzip::Single,
            ][(i + j) % 7];
            let path = dir.path().join(["a.nii.gz", "a.img.gz"][numbers.below(2)]);
            let level = medio::Level::new(numbers.below(10) as u32).unwrap();
            save(&path, &v, &SaveOptions { storage, level, ..quick(gzip) }).unwrap();
            check(&path, 24, &mut numbers);
        }
    }
}

/// The same files as other writers divide them: anywhere, also inside a voxel, in a header, with empty members in between.
#[test]
fn other_writers_files_read_as_ordinary_readers_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(12);
    let plain = dir.path().join("plain.nii");
    let path = dir.path().join("a.nii.gz");
    for (i, dtype) in DType::ALL.into_iter().enumerate() {
        let grid = Grid::new([31, 23, 17], Affine::IDENTITY);
        let half = matches!(dtype, DType::F16 | DType::BF16);
        let storage = if half { Storage::Float16Private } else { Storage::AsIs };
        let v = volume(dtype, grid, vec![2], &mut numbers);
        save(&plain, &v, &SaveOptions { storage, ..quick(Gzip::Single) }).unwrap();
        let bytes = fs::read(&plain).unwrap();
        for style in [Style::Bare, Style::Bgzf, Style::Indexed, Style::Ornate] {
            for most in [40_000, 3000, 700] {
                let (mut file, mut at) = (Vec::new(), 0);
                while at < bytes.len() {
                    let n = (1 + numbers.below(most)).min(bytes.len() - at);
                    // Now and then one of another writer, or an empty one.
                    let other = at > 0 && i % 4 == 3 && numbers.below(9) == 0;
                    file.extend(member(&bytes[at..at + n], if other { Style::Bare } else { style }));
                    if numbers.below(9) == 0 {
                        file.extend(member(b"", style));
                    }
                    at += n;
                }
                fs::write(&path, &file).unwrap();
                let opened = open(&path).unwrap();
                assert_eq!(opened.sequential(), style == Style::Bare);
                let division = match style {
                    Style::Bare => Division::Stream,
                    Style::Bgzf => Division::Bgzf,
                    Style::Indexed | Style::Ornate => Division::Members,
                };
                assert_eq!(opened.division().unwrap(), Some(division));
                check(&path, 8, &mut numbers);
                for end in [&[0; 700][..], b"no gzip at all"] {
                    fs::write(&path, [&file, end].concat()).unwrap();
                    let all = open(&path).unwrap().load().unwrap();
                    assert!(all.storage().bytes() == v.storage().bytes(), "{style:?} {most} {dtype}");
                }
            }
        }
    }
}

/// Members finer than a voxel: each voxel is put together from several.
#[test]
fn a_voxel_may_lie_in_many_members() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, path) = (dir.path().join("plain.nii"), dir.path().join("a.nii.gz"));
    let mut numbers = Numbers(13);
    let v = volume(DType::C128, Grid::new([3, 3, 3], Affine::IDENTITY), vec![], &mut numbers);
    save(&plain, &v, &quick(Gzip::Single)).unwrap();
    let bytes = fs::read(&plain).unwrap();
    for n in [1, 3, 5, 16, 17] {
        fs::write(&path, bytes.chunks(n).flat_map(|c| member(c, Style::Indexed)).collect::<Vec<_>>())
            .unwrap();
        assert!(!open(&path).unwrap().sequential());
        check(&path, 30, &mut numbers);
    }
}

/// Members beyond what is inflated at once, and files of so fine members that they are streamed.
#[test]
fn very_large_and_very_fine_members() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, path) = (dir.path().join("plain.nii"), dir.path().join("a.nii.gz"));
    let mut numbers = Numbers(14);
    let v = volume(DType::U16, Grid::new([256, 256, 150], Affine::IDENTITY), vec![], &mut numbers);
    save(&plain, &v, &quick(Gzip::Single)).unwrap();
    let bytes = fs::read(&plain).unwrap();
    let (a, b) = bytes.split_at(17 << 20);
    fs::write(&path, [member(a, Style::Indexed), member(b, Style::Indexed)].concat()).unwrap();
    let file = open(&path).unwrap();
    let far = Box3 { start: [5, 6, 140], shape: [50, 60, 9] };
    let mut out = vec![0; far.len() * 2];
    file.read_raw(0, &far, &mut out).unwrap();
    assert!(out == cut_out(&bytes, &file, 0, &far));
    assert_eq!(file.members_inflated(), 2, "the header's and the second");
    check(&path, 4, &mut numbers);
    let small = volume(DType::U16, Grid::new([50, 20, 20], Affine::IDENTITY), vec![], &mut numbers);
    save(&plain, &small, &quick(Gzip::Single)).unwrap();
    let bytes = fs::read(&plain).unwrap();
    fs::write(&path, bytes.chunks(20).flat_map(|c| member(c, Style::Bgzf)).collect::<Vec<_>>()).unwrap();
    check(&path, 4, &mut numbers);
}

/// One slab of members in each slice, and not a member more.
#[test]
fn a_crop_inflates_the_members_it_touches() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let mut numbers = Numbers(15);
    let n = 160;
    // Rows of 320 bytes, slices of 51200: 5 members of 32 rows.
    let v = volume(DType::I16, Grid::new([n; 3], Affine::IDENTITY), vec![], &mut numbers);
    save(&path, &v, &quick(Gzip::Blocks(10_000))).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let file = open(&path).unwrap();
    assert_eq!(file.members_inflated(), 1, "the header");
    assert!(file.bytes_read() <= 4096);
    assert!(!file.sequential());
    for (start, shape, members) in [
        ([0, 0, 0], [1, 1, 1], 1),
        ([100, 31, 7], [60, 1, 1], 1),
        ([100, 31, 7], [60, 2, 1], 2),
        ([3, 64, 10], [64, 64, 64], 64 * 2),
        ([3, 65, 10], [64, 64, 64], 64 * 3),
        ([0, 0, 5], [n, n, 3], 3 * 5),
        ([0, 0, 0], [n, n, n], 5 * 160),
    ] {
        let (before, read) = (file.members_inflated(), file.bytes_read());
        let b = Box3 { start, shape };
        let mut out = vec![0.0; b.len()];
        file.read_f32(0, &b, &mut out).unwrap();
        assert_eq!(file.members_inflated() - before, members, "{b:?}");
        // The members, the gaps that are cheaper to read than to skip, the index once.
        let read = file.bytes_read() - read;
        let mean = size / 800;
        assert!(read <= (members * mean * 5 / 2).min(size) + (40 << 10), "{b:?}: {read} of {size}");
    }
    // Another visitor starts anew: header, index, members.
    let file = open(&path).unwrap();
    let mut out = vec![0.0; 64 * 64 * 64];
    file.read_f32(0, &Box3 { start: [0, 0, 0], shape: [64; 3] }, &mut out).unwrap();
    assert_eq!(file.members_inflated(), 1 + 2 * 64);
}

/// An index that is gone or damaged is not missed.
#[test]
fn without_an_index_the_headers_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let mut numbers = Numbers(16);
    let v = volume(DType::I16, Grid::new([80, 70, 60], Affine::IDENTITY), vec![], &mut numbers);
    save(&path, &v, &quick(Gzip::Blocks(4000))).unwrap();
    let sound = fs::read(&path).unwrap();
    let at = sound.windows(2).rposition(|w| w == b"MX").unwrap() - 20;
    assert_eq!(sound[at..at + 4], [0x1f, 0x8b, 8, 4]);
    let crop = Box3 { start: [10, 20, 30], shape: [20, 20, 3] };
    let expected = cut_out(&gunzip(&sound), &open(&path).unwrap(), 0, &crop);
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let file = open(&path).unwrap();
        let mut out = vec![0; expected.len()];
        file.read_raw(0, &crop, &mut out).unwrap();
        assert!(out == expected);
        assert!(file.load().unwrap().storage().bytes() == v.storage().bytes());
        let file = open(&path).unwrap();
        file.read_raw(0, &crop, &mut out).unwrap();
        (file.members_inflated(), file.bytes_read())
    };
    let (members, bytes) = read(&sound);
    for damaged in [
        sound[..at].to_vec(),
        [&sound[..at], &sound[..0], b"garbage"].concat(),
        [&sound[..], b"garbage"].concat(),
        [&sound[..], &[0; 512]].concat(),
        [&sound[..], &member(b"more", Style::Indexed)].concat(),
        [&sound[..], &sound].concat(),
    ] {
        let walked = read(&damaged);
        assert_eq!(walked.0, members);
        assert!(walked.1 < bytes + at as u64 + (64 << 10), "{walked:?}");
    }
    for i in (at + 20..sound.len()).step_by(7) {
        let mut damaged = sound.clone();
        damaged[i] ^= 0x55;
        assert_eq!(read(&damaged).0, members, "byte {i}");
    }
}

/// Any number of threads writes the same bytes and reads the same values.
#[test]
fn threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(17);
    let v = volume(DType::I16, Grid::new([100, 90, 80], Affine::IDENTITY), vec![2], &mut numbers);
    let strided = {
        let mut meta = v.strides();
        meta.swap(0, 1);
        let grid = Grid::new([90, 100, 80], Affine::IDENTITY);
        Volume::strided(v.storage().clone(), DType::I16, grid, 0, meta, vec![], vec![]).unwrap()
    };
    let crop = Box3 { start: [3, 4, 5], shape: [60, 70, 60] };
    for (v, gzip) in [
        (&v, Gzip::default()),
        (&v, Gzip::Blocks(3000)),
        (&strided, Gzip::Blocks(9000)),
        (&v, Gzip::Bgzf),
        (&v, Gzip::Single),
    ] {
        let (mut files, mut whole, mut part) = (vec![], vec![], vec![]);
        for threads in [1, 2, 7] {
            medkernels::threads::set_threads(Some(threads));
            let path = dir.path().join("a.nii.gz");
            save(&path, v, &SaveOptions { threads: Some(threads), ..quick(gzip) }).unwrap();
            files.push(fs::read(&path).unwrap());
            let file = open(&path).unwrap();
            let mut out = vec![0.0; file.shape().iter().product()];
            file.read_all_f32(&mut out).unwrap();
            whole.push(out);
            let mut out = vec![0.0; crop.len()];
            file.read_f32(0, &crop, &mut out).unwrap();
            part.push(out);
        }
        medkernels::threads::set_threads(None);
        assert!(files[0] == files[1] && files[0] == files[2], "{gzip:?}");
        assert!(whole[0] == whole[1] && whole[0] == whole[2], "{gzip:?}");
        assert!(part[0] == part[1] && part[0] == part[2], "{gzip:?}");
        assert!(whole[0] == v.to_f32().unwrap());
    }
}

/// BGZF as its specification has it: every member with the one field, at most 64 KiB, and the end marker.
#[test]
fn bgzf_is_bgzf() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let mut numbers = Numbers(18);
    let mut v = volume(DType::F32, Grid::new([300, 200, 9], Affine::IDENTITY), vec![], &mut numbers);
    let mut meta = medcore::Meta::clone(v.meta());
    meta.extensions = vec![medcore::Extension { code: 6, data: noise(&mut numbers, 99_992) }];
    v = v.with_meta(Arc::new(meta));
    for level in [medio::Level::NONE, medio::Level::BALANCED] {
        save(&path, &v, &SaveOptions { level, ..quick(Gzip::Bgzf) }).unwrap();
        let bytes = fs::read(&path).unwrap();
        let (mut at, mut members, mut content) = (0, 0, 0);
        while at < bytes.len() {
            assert_eq!(bytes[at..at + 16], *b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0");
            at += usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1;
            let length = u32::from_le_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
            assert!(length <= 65_280);
            (members, content) = (members + 1, content + length);
        }
        assert_eq!((at, content), (bytes.len(), gunzip(&bytes).len()));
        assert!(members > 30);
        assert_eq!(bytes[bytes.len() - 28..][..4], [31, 139, 8, 4]);
        assert_eq!(bytes[bytes.len() - 12..], [27, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        check(&path, 20, &mut numbers);
        assert!(open(&path).unwrap().meta().extensions == v.meta().extensions);
    }
}

/// What the system's own tools say; those that are not installed say nothing.
#[test]
fn the_systems_tools_open_our_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(19);
    let v = volume(DType::I16, Grid::new([120, 100, 60], Affine::IDENTITY), vec![], &mut numbers);
    let mut asked = 0;
    for gzip in [Gzip::default(), Gzip::Blocks(2000), Gzip::Bgzf, Gzip::Single] {
        let path: PathBuf = dir.path().join("a.nii.gz");
        save(&path, &v, &quick(gzip)).unwrap();
        for tool in [&["gzip", "-t"][..], &["pigz", "-t"], &["bgzip", "-t"], &["python3", "-m", "gzip", "-d"]]
        {
            let mut command = std::process::Command::new(tool[0]);
            let Ok(output) = command.args(&tool[1..]).arg(&path).output() else { continue };
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{tool:?} {gzip:?}: {text}");
            asked += 1;
            let unpacked = dir.path().join("a.nii");
            if unpacked.exists() {
                assert!(fs::read(&unpacked).unwrap() == gunzip(&fs::read(&path).unwrap()));
                fs::remove_file(unpacked).unwrap();
            }
        }
    }
    assert!(asked > 0 || !cfg!(target_os = "linux"), "not even gzip is installed");
}
