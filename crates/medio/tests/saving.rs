//! Writing: what was untouched comes out bit for bit, what changed is derived by stated rules, names decide the container.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use medcore::half_types::{bf16, f16};
use medcore::{Affine, DType, Extension, Grid, Meta, Scale, Volume};
use medio::nifti::{Header, Version};
use medio::{Error, Level, Nifti2, SaveOptions, Storage, open, save};
use support::{Numbers, corpus};

fn quick() -> SaveOptions {
    SaveOptions { sync: false, ..SaveOptions::default() }
}

fn header_bytes(path: &Path) -> Vec<u8> {
    open(path).unwrap().meta().original.clone().unwrap().1.to_vec()
}

/// Field by field, NaN equal to NaN.
fn fields(h: &Header, but: &[&str]) -> Vec<String> {
    h.fields().into_iter().filter(|(k, _)| !but.contains(k)).map(|(k, v)| format!("{k} = {v:?}")).collect()
}

fn volume<T: bytemuck::NoUninit>(dtype: DType, grid: Grid, voxels: &[T]) -> Volume {
    let bytes: Vec<u8> = bytemuck::cast_slice(voxels).to_vec();
    Volume::packed(Arc::new(bytes), dtype, grid, vec![], Arc::default()).unwrap()
}

#[test]
fn untouched_files_keep_voxels_scale_header_and_extensions() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["a.nii", "a.nii.gz", "b.hdr", "c.img", "d.hdr.gz", "e.IMG.GZ", "F.NII.GZ"];
    for (i, e) in corpus().iter().enumerate() {
        let source = open(e.path()).unwrap();
        let before = source.load().unwrap();
        let target = dir.path().join(names[i % names.len()]);
        let half = matches!(e.stored, DType::F16 | DType::BF16);
        let storage = if half { Storage::Float16Private } else { Storage::AsIs };
        let report = save(&target, &before, &SaveOptions { storage, ..quick() }).unwrap();
        assert_eq!(report.max_error, 0.0);
        let written: u64 = report.paths.iter().map(|p| fs::metadata(p).unwrap().len()).sum();
        assert_eq!(report.bytes, written);
        let back = open(&target).unwrap();
        assert_eq!(back.byte_order(), medio::ByteOrder::NATIVE);
        assert_eq!(back.compressed(), names[i % names.len()].to_lowercase().ends_with("gz"));
        let after = back.load().unwrap();
        assert_eq!(before.storage().bytes(), after.storage().bytes(), "{}", e.name);
        assert_eq!(back.shape(), source.shape(), "{}", e.name);
        assert_eq!(before.scale(), after.scale());
        assert_eq!(before.grid(), after.grid());
        assert_eq!(source.meta().extensions, back.meta().extensions);
        let derived = ["vox_offset", "magic", "eol_check"];
        assert_eq!(fields(source.header(), &derived), fields(back.header(), &derived), "{}", e.name);
    }
}

/// Random bytes in every field that no rule derives survive a round trip.
#[test]
fn unknown_header_bytes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(9);
    let all = corpus();
    for (name, keep) in [
        ("i2_le_1.nii", &[4..40usize, 56..68, 74..76, 123..124, 132..252, 328..344][..]),
        ("i2_le_2.nii", &[80..104, 208..344, 500..508, 524..540]),
    ] {
        let e = all.iter().find(|e| e.name == name).unwrap();
        for _ in 0..50 {
            let mut bytes = fs::read(e.path()).unwrap();
            for range in keep {
                for b in &mut bytes[range.clone()] {
                    *b = numbers.next() as u8;
                }
            }
            let (from, to) = (dir.path().join("from.nii"), dir.path().join("to.nii"));
            fs::write(&from, &bytes).unwrap();
            if open(&from).unwrap().header().fields().iter().any(|(_, v)| v.has_nan()) {
                continue;
            }
            save(&to, &open(&from).unwrap().load().unwrap(), &quick()).unwrap();
            assert!(header_bytes(&to) == header_bytes(&from), "{name}");
            assert_eq!(fs::read(&to).unwrap(), bytes);
        }
    }
}

#[test]
fn names_without_a_format_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let v = Volume::from_f32(Grid::new([2, 1, 1], Affine::IDENTITY), &[1.0, 2.0]).unwrap();
    for name in ["out.mha", "out.foo", "out", "out.gz", "out.nii.bz2", ".nii"] {
        let path = dir.path().join(name);
        let error = save(&path, &v, &quick()).unwrap_err();
        assert!(matches!(&error, Error::Unsupported { hint, .. } if hint.contains(".nii.gz")), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    // medrs writes a plain file under this name.
    let upper = dir.path().join("OUT.NII.GZ");
    save(&upper, &v, &quick()).unwrap();
    assert_eq!(fs::read(&upper).unwrap()[..2], [0x1f, 0x8b]);
    assert!(matches!(Level::new(10), Err(Error::Param { .. })));
    assert!(matches!(save(dir.path().join("no/folder.nii"), &v, &quick()), Err(Error::Io { .. })));
}

#[test]
fn every_dtype_level_and_thread_count_round_trips() {
    let dir = tempfile::tempdir().unwrap();
    let grid = Grid::new([37, 29, 41], Affine::from_spacing([1.0, 2.0, 3.0]));
    let mut numbers = Numbers(3);
    for dtype in DType::ALL {
        let bytes: Vec<u8> =
            (0..grid.len() * dtype.bytes() * 3).map(|_| (numbers.next() as u8) & 0x3f).collect();
        let v = Volume::packed(Arc::new(bytes.clone()), dtype, grid, vec![3], Arc::default()).unwrap();
        let storage =
            if matches!(dtype, DType::F16 | DType::BF16) { Storage::Float16Private } else { Storage::AsIs };
        let path = dir.path().join("a.nii.gz");
        let mut files = Vec::new();
        for threads in [None, Some(1), Some(3)] {
            let level = Level::new(numbers.below(10) as u32).unwrap();
            save(
                &path,
                &v,
                &SaveOptions {
                    level: if threads.is_none() { level } else { Level::SMALL },
                    threads,
                    storage,
                    ..quick()
                },
            )
            .unwrap();
            let back = open(&path).unwrap();
            assert_eq!(back.shape(), [37, 29, 41, 3]);
            assert_eq!(back.load().unwrap().storage().bytes(), bytes, "{dtype}");
            files.push(fs::read(&path).unwrap());
        }
        assert!(files[1] == files[2], "{dtype}: the number of threads changes the file");
    }
}

#[test]
fn views_are_written_in_the_files_order() {
    let dir = tempfile::tempdir().unwrap();
    let voxels: Vec<i16> = (0..60).collect();
    let bytes: Vec<u8> = bytemuck::cast_slice(&voxels).to_vec();
    // C order, z fastest, and x backwards.
    let grid = Grid::new([3, 4, 5], Affine::IDENTITY);
    let v = Volume::strided(Arc::new(bytes), DType::I16, grid, 40, [-20, 5, 1], vec![], vec![]).unwrap();
    let expected: Vec<f32> = (0..5)
        .flat_map(|z| (0..4).flat_map(move |y| (0..3).map(move |x| (40 - 20 * x + 5 * y + z) as f32)))
        .collect();
    for name in ["a.nii", "a.nii.gz"] {
        let path = dir.path().join(name);
        save(&path, &v, &quick()).unwrap();
        assert_eq!(open(&path).unwrap().load().unwrap().to_f32().unwrap(), expected);
        // Stored integers keep their scale through a flip: medrs writes data off by hundreds here.
        let scaled = v.clone().with_scale(Some(Scale { slope: 0.5, intercept: -7.0 }));
        save(&path, &scaled, &quick()).unwrap();
        let back = open(&path).unwrap();
        assert_eq!((back.stored_dtype(), back.scale()), (DType::I16, scaled.scale()));
        let values: Vec<f32> = expected.iter().map(|v| v * 0.5 - 7.0).collect();
        assert_eq!(back.load().unwrap().to_f32().unwrap(), values);
    }
}

#[test]
fn a_derived_volume_never_inherits_the_scale() {
    let dir = tempfile::tempdir().unwrap();
    let all = corpus();
    let e = all.iter().find(|e| e.name == "scale_negative.nii").unwrap();
    let source = open(e.path()).unwrap().load().unwrap();
    assert!(source.scale().is_some());
    let values: Vec<f32> = source.to_f32().unwrap().iter().map(|v| v + 1.0).collect();
    let derived = Volume::from_f32(*source.grid(), &values).unwrap().with_meta(Arc::clone(source.meta()));
    let path = dir.path().join("a.nii");
    save(&path, &derived, &quick()).unwrap();
    let back = open(&path).unwrap();
    assert_eq!((back.stored_dtype(), back.scale()), (DType::F32, None));
    assert_eq!((back.header().scl_slope, back.header().scl_inter), (1.0, 0.0));
    assert_eq!(back.load().unwrap().to_f32().unwrap(), values);
    assert_eq!(back.meta().description, "made by nibabel");
}

#[test]
fn sform_and_qform_stay_in_step() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let all = corpus();
    let source =
        |name: &str| open(all.iter().find(|e| e.name == name).unwrap().path()).unwrap().load().unwrap();
    let moved = |v: &Volume, a: Affine| {
        let grid = Grid::new(v.grid().shape, v.grid().affine * a);
        let v = v.clone().with_grid(grid).unwrap();
        save(&path, &v, &quick()).unwrap();
        let back = open(&path).unwrap();
        assert!(back.grid().distance(&grid) < 1e-4, "{:?} is not {:?}", back.grid(), grid);
        back
    };
    let flip = Affine::new([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [2.0, 0.0, 0.0]);
    let shear = Affine::new([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0; 3]);
    for (name, codes) in [
        ("place_both_agree.nii", (1, 1)),
        ("place_qform.nii", (1, 1)),
        ("place_qform_left.nii", (3, 3)),
        ("place_none.nii", (2, 2)),
        // The qform said something else; it cannot follow.
        ("place_both_differ.nii", (4, 0)),
        // Oblique with shear: no quaternion can say it.
        ("place_sform.nii", (4, 0)),
    ] {
        let back = moved(&source(name), flip);
        let h = back.header();
        assert_eq!((h.sform_code, h.qform_code), codes, "{name}");
        if let (Some(q), Some(s)) = (back.meta().qform, back.meta().sform) {
            let (q, s) = (Grid::new(back.grid().shape, q.affine), Grid::new(back.grid().shape, s.affine));
            assert!(q.distance(&s) < 1e-3, "{name}");
        }
        for (p, s) in h.pixdim[1..4].iter().zip(back.grid().spacing()) {
            assert!((p - s).abs() < 1e-5);
        }
        assert!(back.meta().warnings.is_empty(), "{name}: {:?}", back.meta().warnings);
        let sheared = moved(&source(name), shear);
        assert_eq!((sheared.header().sform_code, sheared.header().qform_code), (codes.0, 0), "{name}");
    }
}

#[test]
fn fresh_volumes_get_a_full_placement() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let affine = Affine::new([[0.0, -1.5, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]], [10.0, 20.0, 30.0]);
    let v = Volume::from_f32(Grid::new([2, 2, 2], affine), &[0.0; 8]).unwrap();
    save(&path, &v, &SaveOptions::default()).unwrap();
    let back = open(&path).unwrap();
    assert_eq!(back.grid().affine, affine);
    assert_eq!((back.header().sform_code, back.header().qform_code), (2, 2));
    assert_eq!(back.header().pixdim[..4], [1.0, 2.0, 1.5, 3.0]);
    assert_eq!(back.header().xyzt_units, 2);
    assert_eq!(back.format(), "nifti1");
}

#[test]
fn metadata_can_be_edited_or_taken_from_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let all = corpus();
    let source = open(all.iter().find(|e| e.name == "extension.nii").unwrap().path()).unwrap();
    let volume = source.load().unwrap();
    let mut meta = Meta::clone(source.meta());
    meta.description = "Größe: ".repeat(20);
    meta.time_unit = medcore::TimeUnit::Second;
    meta.display_range = [0.0, 100.0];
    meta.intent = (1002, [0.0; 3], "labels".into());
    meta.extensions.truncate(1);
    meta.extensions.push(Extension { code: 6, data: b"edited".to_vec() });
    let edited = volume.clone().with_meta(Arc::new(meta.clone()));
    save(&path, &edited, &quick()).unwrap();
    let back = open(&path).unwrap();
    assert!(meta.description.starts_with(&back.meta().description) && back.meta().description.len() > 70);
    assert_eq!(back.meta().time_unit, meta.time_unit);
    assert_eq!(back.meta().display_range, meta.display_range);
    assert_eq!(back.meta().intent, meta.intent);
    assert_eq!(back.meta().extensions[0], meta.extensions[0]);
    assert_eq!(back.meta().extensions[1].data, b"edited\0\0");
    assert_eq!(back.load().unwrap().storage().bytes(), volume.storage().bytes());
    // Header fields from another file; shape, dtype, affine, scale remain the volume's.
    let fresh = Volume::from_f32(Grid::new([1, 2, 1], Affine::from_spacing([7.0; 3])), &[1.0, 2.0]).unwrap();
    save(&path, &fresh, &SaveOptions { like: Some(Arc::clone(source.meta())), ..quick() }).unwrap();
    let like = open(&path).unwrap();
    assert_eq!((like.shape(), like.stored_dtype(), like.scale()), (vec![1, 2, 1], DType::F32, None));
    assert_eq!(like.grid().spacing(), [7.0; 3]);
    assert_eq!(like.meta().extensions, source.meta().extensions);
    assert_eq!(like.meta().description, "made by nibabel");
}

#[test]
fn nifti2_is_chosen_where_it_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let write = |shape: [usize; 3], options: &SaveOptions| {
        let voxels: Vec<u8> = (0..shape.iter().product::<usize>()).map(|i| i as u8).collect();
        let v = volume(DType::U8, Grid::new(shape, Affine::IDENTITY), &voxels);
        let report = save(&path, &v, options).unwrap();
        let back = open(&path).unwrap();
        assert_eq!(back.shape(), shape);
        assert_eq!(back.load().unwrap().storage().bytes(), voxels);
        report.version
    };
    assert_eq!(write([32_767, 1, 2], &quick()), Version::One);
    assert_eq!(write([32_768, 1, 2], &quick()), Version::Two);
    assert_eq!(write([3, 2, 2], &SaveOptions { nifti2: Nifti2::Always, ..quick() }), Version::Two);
    // A scale that float32 cannot hold.
    let v = volume(DType::U8, Grid::new([2, 1, 1], Affine::IDENTITY), &[1u8, 2]);
    let scale = Some(Scale { slope: 0.1, intercept: 0.0 });
    assert_eq!(save(&path, &v.with_scale(scale), &quick()).unwrap().version, Version::Two);
    assert_eq!(open(&path).unwrap().scale(), scale);
}

#[test]
fn int16_storage_reports_its_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii.gz");
    let int16 = SaveOptions { storage: Storage::Int16, ..quick() };
    let mut numbers = Numbers(1);
    for (low, high) in
        [(0.0, 1.0), (-1000.0, 3000.0), (5e6, 5e6 + 1.0), (-1e-20, 1e-20), (-3e38, 3e38), (1e4, 1e4)]
    {
        let grid = Grid::new([50, 41, 7], Affine::IDENTITY);
        let mut values: Vec<f32> = (0..grid.len())
            .map(|_| (low + (high - low) * (numbers.below(1 << 24) as f64 / f64::from(1 << 24))) as f32)
            .collect();
        (values[3], values[77]) = (low as f32, high as f32);
        let v = Volume::from_f32(grid, &values).unwrap();
        let report = save(&path, &v, &int16).unwrap();
        let back = open(&path).unwrap();
        assert_eq!(back.stored_dtype(), DType::I16);
        let mut seen = vec![0.0f64; grid.len()];
        back.read_all_f64(&mut seen).unwrap();
        let worst = seen.iter().zip(&values).map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max);
        assert_eq!(report.max_error, worst, "{low} to {high}");
        let range = f64::from(high as f32) - f64::from(low as f32);
        // Half a step, and the rounding of slope and intercept to float32.
        assert!(worst <= range / 131_000.0 + high.abs() * 1.2e-7, "{worst} for {low} to {high}");
    }
    // Refusals.
    let grid = Grid::new([2, 1, 1], Affine::IDENTITY);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let v = Volume::from_f32(grid, &[1.0, bad]).unwrap();
        assert!(
            matches!(save(&path, &v, &int16), Err(Error::Unsupported { what, .. }) if what.contains("NaN"))
        );
    }
    let label = SaveOptions { label: true, ..int16.clone() };
    let v = Volume::from_f32(grid, &[1.0, 2.0]).unwrap();
    assert!(
        matches!(save(&path, &v, &label), Err(Error::Unsupported { what, .. }) if what.contains("label"))
    );
    let large = volume(DType::I32, grid, &[1i32, 70_000]);
    assert!(matches!(save(&path, &large, &int16), Err(Error::Unsupported { .. })));
    // Whole numbers that fit are stored as they are.
    let small = volume(DType::I32, grid, &[-32_768i32, 32_767]);
    assert_eq!(save(&path, &small, &int16).unwrap().max_error, 0.0);
    let back = open(&path).unwrap();
    assert_eq!((back.stored_dtype(), back.scale()), (DType::I16, None));
    assert_eq!(back.load().unwrap().to_f32().unwrap(), [-32_768.0, 32_767.0]);
}

#[test]
fn half_precision_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let grid = Grid::new([3, 1, 1], Affine::IDENTITY);
    let private = SaveOptions { storage: Storage::Float16Private, ..quick() };
    let values = [1.5f32, -0.1, 300.0];
    let h = volume(DType::F16, grid, &values.map(f16::from_f32));
    let b = volume(DType::BF16, grid, &values.map(bf16::from_f32));
    for (v, code) in [(&h, 16384), (&b, 16385)] {
        let expected = v.to_f32().unwrap();
        save(&path, v, &quick()).unwrap();
        let standard = open(&path).unwrap();
        assert_eq!(standard.stored_dtype(), DType::F32);
        assert_eq!(standard.load().unwrap().to_f32().unwrap(), expected);
        save(&path, v, &private).unwrap();
        let file = open(&path).unwrap();
        assert_eq!(file.header().datatype, code);
        assert_eq!(file.load().unwrap().to_f32().unwrap(), expected);
    }
    let v = Volume::from_f32(grid, &values).unwrap();
    let report = save(&path, &v, &private).unwrap();
    assert_eq!(
        open(&path).unwrap().load().unwrap().to_f32().unwrap(),
        values.map(|v| f16::from_f32(v).to_f32())
    );
    assert!(report.max_error > 0.0 && report.max_error < 1e-4);
    assert!(matches!(
        save(&path, &v, &SaveOptions { dtype: Some(DType::F16), ..quick() }),
        Err(Error::Param { .. })
    ));
}

#[test]
fn casts_round_saturate_and_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let grid = Grid::new([5, 1, 1], Affine::IDENTITY);
    let to = |dtype| SaveOptions { dtype: Some(dtype), ..quick() };
    let v = Volume::from_f32(grid, &[0.5, 1.5, -3.0, 300.0, 254.6]).unwrap();
    let report = save(&path, &v, &to(DType::U8)).unwrap();
    assert_eq!(open(&path).unwrap().load().unwrap().storage().bytes(), [0, 2, 0, 255, 255]);
    assert_eq!(report.max_error, 45.0);
    let nan = Volume::from_f32(grid, &[f32::NAN; 5]).unwrap();
    assert!(matches!(save(&path, &nan, &to(DType::I16)), Err(Error::Unsupported { .. })));
    assert_eq!(save(&path, &nan, &to(DType::F64)).unwrap().max_error, 0.0);
    // Integers beyond 2^53 do not pass through floats.
    let big = [i64::MAX, i64::MIN, 9_007_199_254_740_993, -1, 16_777_217];
    let v = volume(DType::I64, grid, &big);
    save(&path, &v, &to(DType::U64)).unwrap();
    let back = open(&path).unwrap().load().unwrap();
    assert_eq!(back.as_packed::<u64>().unwrap(), [i64::MAX as u64, 0, 9_007_199_254_740_993, 0, 16_777_217]);
    save(&path, &v, &to(DType::I32)).unwrap();
    let back = open(&path).unwrap().load().unwrap();
    assert_eq!(back.as_packed::<i32>().unwrap(), [i32::MAX, i32::MIN, i32::MAX, -1, 16_777_217]);
    // A scale is applied before the cast, and gone after it.
    let scaled =
        volume(DType::I16, grid, &[0i16, 1, 2, 3, 4]).with_scale(Some(Scale { slope: 0.5, intercept: -1.0 }));
    save(&path, &scaled, &to(DType::F32)).unwrap();
    let back = open(&path).unwrap();
    assert_eq!(back.scale(), None);
    assert_eq!(back.load().unwrap().to_f32().unwrap(), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    let colour = volume(DType::Rgb24, grid, &[[1u8, 2, 3]; 5]);
    assert!(matches!(save(&path, &colour, &to(DType::F32)), Err(Error::Unsupported { .. })));
}

/// A file opened lazily may be overwritten by its own result.
#[test]
fn a_file_can_be_replaced_while_its_volume_lives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    let v = Volume::from_f32(Grid::new([64, 64, 4], Affine::IDENTITY), &[3.0; 64 * 64 * 4]).unwrap();
    save(&path, &v, &SaveOptions::default()).unwrap();
    let file = open(&path).unwrap();
    let mapped = file.map().unwrap();
    save(&path, &mapped, &SaveOptions::default()).unwrap();
    assert_eq!(mapped.to_f32().unwrap(), [3.0; 64 * 64 * 4]);
    assert!(matches!(file.load(), Err(Error::Changed { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A link stays a link, and permissions stay.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = dir.path().join("link.nii");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        save(&link, &v, &quick()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
