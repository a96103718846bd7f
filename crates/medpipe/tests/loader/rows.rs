//! What stands in the rows of a batch.

use medcore::{DType, Role};
use medpipe::{Case, CaseItem, Layout, LazyVolume, Settings};

use super::given::{SHAPE, image, in_files, in_memory, label, loader, patches, pipeline};

#[test]
fn a_batch_has_arrays_landmarks_and_the_places_of_its_patches() {
    let cases = in_memory(5);
    let settings = Settings { batch_size: 5, ..Settings::default() };
    let loader = loader(cases.clone(), pipeline("{random_crop: {shape: [8, 6, 10]}}"), settings);
    let batch = loader.batches(0, 0).unwrap().next().unwrap().unwrap();
    let kinds: Vec<_> = batch.items.iter().map(|i| (i.name.as_str(), i.role, i.dtype, i.shape)).collect();
    let shape = [5, 1, 8, 6, 10];
    assert_eq!(kinds, [("image", Role::Image, DType::F32, shape), ("label", Role::Label, DType::I16, shape)]);
    assert_eq!(batch.points[0].name, "points");
    for (row, meta) in batch.meta.iter().enumerate() {
        let number = meta.passed["number"].as_u64().unwrap() as usize;
        assert_eq!(meta.id, format!("case {number}"));
        assert_eq!(batch.points[0].rows[row].world.len(), number % 3);
        // The box is where the patch was cut, and the affine keeps it there.
        let voxels = batch.items[0].data.as_slice::<f32>();
        for (at, corner) in [(0, meta.start), (479, meta.stop.map(|v| v - 1))] {
            let [x, y, z] = corner.map(|v| v as usize);
            let there = x + SHAPE[0] * (y + SHAPE[1] * z);
            assert_eq!(voxels[row * 480 + at], f32::from((there * 7 + number * 1013) as i16));
        }
        let world = meta.affine.apply([0.0; 3]);
        let start = meta.start.map(|v| v as f64);
        assert_eq!(world, [start[0], start[1] * 2.0, start[2] * 0.5]);
    }
}

#[test]
fn files_are_named_and_padding_lies_outside() {
    let folder = tempfile::tempdir().unwrap();
    let cases = in_files(folder.path(), 2);
    let loader = loader(cases, pipeline("{crop_or_pad: [30, 20, 10]}"), Settings::default());
    for batch in loader.batches(0, 0).unwrap() {
        let meta = &batch.unwrap().meta[0];
        assert_eq!((meta.start, meta.stop), ([-3, 0, 4], [27, 20, 14]));
        assert_eq!(meta.paths.len(), 2);
        assert!(meta.paths.iter().all(|(_, p)| p.len() == 1 && p[0].starts_with(folder.path())));
    }
}

#[test]
fn several_channels_come_before_the_axes_of_space() {
    let parts = [0, 1, 2].map(|n| LazyVolume::from_volume(image(n, SHAPE)));
    let stack = LazyVolume::stack(&parts).unwrap();
    let cases = vec![Case::new("a").with("image", CaseItem::Volume(stack.clone()))];
    let loader = loader(cases, pipeline(""), Settings::default());
    let batch = loader.batches(0, 0).unwrap().next().unwrap().unwrap();
    let [x, y, z] = SHAPE;
    assert_eq!(batch.items[0].shape, [1, 3, x, y, z]);
    let expected = stack.compute_as(Some(DType::F32), Layout::ZFastest).unwrap();
    assert_eq!(batch.items[0].data.as_bytes(), expected.storage().bytes());
}

#[test]
fn labels_come_in_the_dtype_asked_for_or_not_at_all() {
    let of = |value: i32, dtype: Option<DType>| {
        let mut bytes = vec![0u8; 4 * 8];
        bytes[12..16].copy_from_slice(&value.to_ne_bytes());
        let grid = medcore::Grid::new([2; 3], medcore::Affine::IDENTITY);
        let v = medcore::Volume::packed(
            std::sync::Arc::new(bytes),
            DType::I32,
            grid,
            vec![],
            std::sync::Arc::default(),
        );
        let v = LazyVolume::from_volume_as(v.unwrap(), Role::Label).unwrap();
        let cases = vec![Case::new("one").with("organs", CaseItem::Volume(v))];
        let dtypes = dtype.map(|d| ("organs".into(), d)).into_iter().collect();
        let loader = loader(cases, pipeline(""), Settings { dtypes, ..Settings::default() });
        loader.batches(0, 0).unwrap().next().unwrap()
    };
    assert_eq!(of(-32_768, None).unwrap().items[0].dtype, DType::I16);
    let text = of(40_000, None).unwrap_err().to_string();
    for part in ["one", "organs", "40000", "int16"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        of(40_000, Some(DType::I64)).unwrap().items[0].data.as_slice::<i64>().iter().sum::<i64>(),
        40_000
    );
    assert_eq!(
        of(40_000, Some(DType::F32)).unwrap().items[0].data.as_slice::<f32>().iter().sum::<f32>(),
        40_000.0
    );
    assert!(of((1 << 24) + 1, Some(DType::F32)).is_err());
    assert!(of(-1, Some(DType::U8)).is_err());
    assert!(of(255, Some(DType::U8)).is_ok());
}

#[test]
fn rows_of_different_shapes_are_an_error_that_names_both() {
    let mut cases = in_memory(2);
    cases[1].items[0].1 = CaseItem::Volume(LazyVolume::from_volume(image(1, [24, 20, 19])));
    cases[1].items[1].1 =
        CaseItem::Volume(LazyVolume::from_volume_as(label(1, [24, 20, 19]), Role::Label).unwrap());
    for workers in [0, 1, 2] {
        let settings =
            Settings { batch_size: 2, shuffle: false, workers: Some(workers), ..Settings::default() };
        let loader = loader(cases.clone(), pipeline("{flip: 0}"), settings);
        let text = loader.batches(0, 0).unwrap().next().unwrap().unwrap_err().to_string();
        for part in ["case 0", "case 1", "24 x 20 x 18", "24 x 20 x 19", "crop or pad"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn counters_tell_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { batch_size: 3, workers: Some(2), ..Settings::default() };
    let loader = loader(in_files(folder.path(), 4), patches(2), settings);
    let mut batches = loader.batches(0, 0).unwrap();
    for batch in batches.by_ref() {
        batch.unwrap();
    }
    let c = batches.counters();
    assert_eq!((c.batches, c.patches, c.visits, c.failed), (3, 8, 4, 0));
    assert!(c.bytes_read > 0 && c.bytes_inflated > 0 && c.computing.as_nanos() > 0);
}
