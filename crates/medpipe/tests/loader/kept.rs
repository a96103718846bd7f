//! What a loader need not read twice: numbers that are kept, and voxels that the patches of a visit share.

use medpipe::{Pipeline, Records, Settings};

use crate::given::{SHAPE, epoch, in_files, loader, pipeline};

fn settings() -> Settings {
    Settings { batch_size: 3, workers: Some(3), ..Settings::default() }
}

/// Patches of volumes that are normalised as a whole.
fn normalised() -> Pipeline {
    pipeline(
        "z_normalize, {rescale: [0, 1]}, {random_crop_by_label: {shape: [8, 6, 10], count: 2}}, {flip: {axes: 0, p: 0.5}}",
    )
}

#[test]
fn the_stream_is_the_same_with_records() {
    let folder = tempfile::tempdir().unwrap();
    let cases = in_files(folder.path(), 5);
    let plain = loader(cases.clone(), normalised(), settings());
    for records in [Records::in_memory(), Records::on_disk(folder.path().join("records")).unwrap()] {
        let kept = loader(cases.clone(), normalised().with_records(&records), settings());
        for visit in 0..3 {
            assert_eq!(epoch(&kept, visit, 0), epoch(&plain, visit, 0), "epoch {visit}");
        }
        let stats = records.stats();
        // Mean and deviation, range, and where labels lie, of each case.
        assert_eq!((stats.measured, stats.measurements), (15, 15));
    }
}

#[test]
fn the_patches_of_a_visit_inflate_a_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let cases = in_files(folder.path(), 6);
    let cut = pipeline("{random_crop: {shape: [20, 16, 15], count: 4}}");
    let mut batches = loader(cases, cut, settings()).batches(0, 0).unwrap();
    for batch in batches.by_ref() {
        batch.unwrap();
    }
    let c = batches.counters();
    assert_eq!((c.visits, c.patches), (6, 24));
    // Every other case is gzipped: int16 image and uint8 label.
    let voxels = SHAPE.iter().product::<usize>() as u64;
    let once = 3 * (3 * voxels + 2 * 4096);
    assert!(c.bytes_inflated <= once, "{} of {once}", c.bytes_inflated);
}
