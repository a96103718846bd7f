//! Kept numbers: the same bits with and without, whole files read once, whatever befalls the records.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod given;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use given::nodes;
use medcore::{Affine, DType, Grid, Role, Scale, Volume};
use medio::{Gzip, SaveOptions};
use medpipe::{Cache, LazyItem, LazySample, LazyVolume, Notice, Pipeline, Records, notices};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Voxels of a scaled int16 image, or of labels 0 to 3, in runs.
fn volume(shape: [usize; 3], extra: Vec<usize>, seed: u32, label: bool) -> Volume {
    let mut affine = Affine::from_spacing([0.9, 1.2, 2.5]);
    affine.rows[0][1] = 0.1;
    affine.rows[2][3] = -31.4;
    let grid = Grid::new(shape, affine);
    let n = grid.len() * extra.iter().product::<usize>();
    let voxel = |i: u32| {
        let v = (i / 3).wrapping_add(seed).wrapping_mul(2_654_435_761) >> 18;
        if label { (v % 4) as i16 } else { (v % 3000) as i16 - 700 }
    };
    let bytes: Vec<u8> = (0..n as u32).flat_map(|i| voxel(i).to_ne_bytes()).collect();
    let scale = (!label).then_some(Scale { slope: 0.5, intercept: -3.0 });
    Volume::packed(Arc::new(bytes), DType::I16, grid, extra, Arc::default()).unwrap().with_scale(scale)
}

fn saved(path: PathBuf, volume: &Volume, gzip: Gzip) -> PathBuf {
    medio::save(&path, volume, &SaveOptions { gzip, sync: false, ..SaveOptions::default() }).unwrap();
    path
}

/// A sample of files.
fn sample(image: &Path, label: Option<&Path>) -> LazySample {
    let out = LazySample::default().with("image", LazyItem::Volume(LazyVolume::open(image).unwrap()));
    match label {
        None => out,
        Some(path) => {
            let label = LazyVolume::open_as(path, Role::Label).unwrap();
            out.with("seg", LazyItem::Volume(label))
        }
    }
}

fn bits(samples: &[LazySample]) -> Vec<(String, Grid, DType, Vec<u8>)> {
    let mut out = vec![];
    for (name, item) in samples.iter().flat_map(|s| &s.items) {
        let LazyItem::Volume(v) = item else { continue };
        let v = v.compute().unwrap();
        let n = v.grid().len() * v.stored_dtype().bytes();
        let mut bytes = vec![0; n * v.channels()];
        for (c, part) in bytes.chunks_mut(n.max(1)).enumerate() {
            v.copy_channel(c, part).unwrap();
        }
        out.push((name.clone(), *v.grid(), v.stored_dtype(), bytes));
    }
    out
}

/// The same, or why there is none.
fn results(made: medpipe::Result<Vec<LazySample>>) -> Result<Vec<(String, Grid, DType, Vec<u8>)>, String> {
    let made = made.map_err(|e| e.to_string())?;
    for (_, item) in made.iter().flat_map(|s| &s.items) {
        if let LazyItem::Volume(v) = item {
            v.compute().map_err(|e| e.to_string())?;
        }
    }
    Ok(bits(&made))
}

fn pipeline(list: &[Value]) -> Pipeline {
    Pipeline::new(nodes(list)).with_seed(5)
}

fn listed(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect()
}

/// The same records in another folder, of which this process knows nothing.
fn copied(records: &Records, to: &Path) -> Records {
    std::fs::create_dir_all(to).unwrap();
    for path in listed(records.dir().unwrap()) {
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
    Records::on_disk(to).unwrap()
}

fn read(samples: &LazySample) -> u64 {
    samples.volume("image").unwrap().file().unwrap().bytes_read()
}

/// Steps that measure, and others, around a random crop anywhere.
fn steps() -> impl Strategy<Value = Vec<Value>> {
    let step = || {
        prop::sample::select(vec![
            json!({"z_normalize": {}}),
            json!({"z_normalize": {"channel_wise": true}}),
            json!({"z_normalize": {"mask": "nonzero", "outside": "keep"}}),
            json!({"z_normalize": {"mask": {"label": "seg"}}}),
            json!({"z_normalize": {"mask": {"label": {"item": "seg", "values": [1, 3]}}, "channel_wise": true}}),
            json!({"rescale": [0, 1]}),
            json!({"rescale": {"percentiles": [2, 98.5], "channel_wise": true}}),
            json!({"rescale": {"percentiles": [10, 90], "mask": {"above": -0.5}}}),
            json!({"crop_foreground": {"above": 700}}),
            json!({"crop_foreground": {"source": "seg", "above": 2, "margin": 1}}),
            json!({"crop_foreground": {"above": 1e9}}),
            json!({"resample": {"spacing": 1.4}}),
            json!({"resample": {"shape": [12, 13, 7], "interpolation": "nearest"}}),
            json!({"affine": {"rotate": [0, 0, 7]}}),
            json!({"reorient": "LPS"}),
            json!({"flip": "y"}),
            json!({"flip": {"axes": "x", "p": 0.5}}),
            json!({"clamp": {"min": -1.5, "max": 900}}),
            json!({"gaussian_smooth": 0.7}),
            json!({"gaussian_noise": 0.3}),
            json!({"keep_largest_component": {}}),
            json!({"pad": 2}),
        ])
    };
    let some = || prop::collection::vec(step(), 0..4);
    let crop = prop::sample::select(vec![
        None,
        Some(json!({"random_crop": 6})),
        Some(json!({"random_crop": {"shape": [5, 40, 4], "count": 3}})),
        Some(json!({"random_crop_by_label": {"shape": 5, "count": 3, "classes": {"1": 1, "3": 2}}})),
        Some(json!({"random_crop_by_label": {"shape": 6, "image": "image", "above": 0.1}})),
    ]);
    (some(), crop, some()).prop_map(|(a, crop, b)| a.into_iter().chain(crop).chain(b).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The law: with records, cold and warm, in memory and as another process finds them, with a cache or without, the bits are those without.
    #[test]
    fn records_change_no_bit(list in steps(), packed in 0usize..3, channels in prop::sample::select(vec![vec![], vec![2], vec![3, 2]]), fuse: bool) {
        let dir = tempfile::tempdir().unwrap();
        let (name, gzip) = [("i.nii", Gzip::Single), ("i.nii.gz", Gzip::Single), ("i.nii.gz", Gzip::Blocks(8 << 10))][packed];
        let image = saved(dir.path().join(name), &volume([17, 14, 11], channels, 3, false), gzip);
        let label = saved(dir.path().join("s.nii.gz"), &volume([17, 14, 11], vec![], 8, true), gzip);
        let open = || sample(&image, Some(&label));
        let plain = pipeline(&list).with_fuse(fuse);
        // A mask that keeps nothing and a label that is not there are errors, with records too.
        let disk = Records::on_disk(dir.path().join("r")).unwrap();
        let memory = Records::in_memory();
        let cache = Cache::in_memory(1 << 30);
        for epoch in 0..3 {
            let want = results(plain.apply(&open(), "s", epoch));
            let elsewhere = copied(&disk, &dir.path().join(format!("r{epoch}")));
            for records in [&memory, &disk, &elsewhere] {
                let made = results(plain.clone().with_records(records).apply(&open(), "s", epoch));
                prop_assert_eq!(made, want.clone(), "epoch {} of {:?}", epoch, records);
            }
            let kept = plain.clone().with_cache(&cache);
            let want = results(kept.apply(&open(), "s", epoch));
            let made = results(kept.with_records(&memory).apply(&open(), "s", epoch));
            prop_assert_eq!(made, want, "epoch {} with a cache", epoch);
        }
    }
}

/// Notices are the process's: tests that look at them take turns.
static TURN: Mutex<()> = Mutex::new(());

const CHAIN: [&str; 2] = ["z_normalize", "rescale"];

#[test]
fn later_visits_read_the_patch_s_region_only() {
    let dir = tempfile::tempdir().unwrap();
    let whole = volume([96, 96, 80], vec![], 1, false);
    let all = 96 * 96 * 80 * 2;
    let list = [
        json!({"clamp": {"min": -300}}),
        json!({ CHAIN[0]: {} }),
        json!({ CHAIN[1]: [0, 1] }),
        json!({"random_crop": 12}),
    ];
    let plain = pipeline(&list);
    for (n, (name, gzip)) in
        [("a.nii", Gzip::Single), ("b.nii.gz", Gzip::Blocks(8 << 10)), ("c.nii.gz", Gzip::Single)]
            .into_iter()
            .enumerate()
    {
        let path = saved(dir.path().join(name), &whole, gzip);
        let disk = Records::on_disk(dir.path().join(format!("r{n}"))).unwrap();
        for records in [&Records::in_memory(), &disk] {
            let with = plain.clone().with_records(records);
            for epoch in 0..4 {
                let one = sample(&path, None);
                let file = one.volume("image").unwrap().file().unwrap().clone();
                let made = with.apply(&one, "s", epoch).unwrap();
                assert_eq!(bits(&made), bits(&plain.apply(&sample(&path, None), "s", epoch).unwrap()));
                let (read, inflated) = (file.bytes_read(), file.bytes_inflated());
                let cost = if n == 0 { read } else { inflated };
                if epoch == 0 {
                    assert!(cost >= all, "{name}: {read}, {inflated}");
                } else if n == 2 {
                    // From the last checkpoint before the patch to its end.
                    assert!(cost < all * 4 / 5, "{name}: {read}, {inflated}");
                } else {
                    assert!(cost < all / 4, "{name}: {read}, {inflated}");
                }
            }
            let stats = records.stats();
            assert_eq!((stats.measured, stats.measurements, stats.files), (2, 2, 1), "{name}");
        }
        let [record] = &listed(disk.dir().unwrap())[..] else { panic!("one record") };
        assert!(record.metadata().unwrap().len() < 2048);
    }
}

#[test]
fn shapes_that_numbers_decide_are_planned_without_a_voxel() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path().join("a.nii.gz"), &volume([40, 32, 24], vec![], 2, false), Gzip::Single);
    let records = Records::on_disk(dir.path().join("r")).unwrap();
    let with =
        pipeline(&[json!({"crop_foreground": 770}), json!({"z_normalize": {}})]).with_records(&records);
    let before = with.explain(&sample(&path, None), "s", false).unwrap();
    assert!(before.contains("once crop_foreground has measured"), "{before}");
    let first = bits(&with.apply(&sample(&path, None), "s", 0).unwrap());
    let again = sample(&path, None);
    let header = read(&again);
    let text = with.explain(&again, "s", false).unwrap();
    assert!(text.contains("(recorded)") && text.contains("1 pass over"), "{text}");
    let made = with.apply(&again, "s", 1).unwrap();
    assert_eq!(made[0].volume("image").unwrap().facts().unwrap().grid, first[0].1);
    assert!(read(&again) <= header + 2 * 4096 + 64, "no more than what names the file");
    assert_eq!(bits(&made), first);
    let unmeasured = with.with_records(&Records::in_memory()).explain(&again, "s", true).unwrap();
    assert!(unmeasured.contains("not recorded yet"), "{unmeasured}");
}

#[test]
fn what_is_random_is_not_recorded_and_what_a_random_transform_measures_first_is() {
    let dir = tempfile::tempdir().unwrap();
    let image = saved(dir.path().join("a.nii"), &volume([20, 18, 16], vec![], 2, false), Gzip::Single);
    let label = saved(dir.path().join("s.nii"), &volume([20, 18, 16], vec![], 4, true), Gzip::Single);
    let measured = |list: &[Value], sample: &LazySample| {
        let records = Records::in_memory();
        let with = pipeline(list).with_records(&records);
        for epoch in 0..8 {
            let plain = pipeline(list).apply(sample, "s", epoch).unwrap();
            assert_eq!(bits(&with.apply(sample, "s", epoch).unwrap()), bits(&plain));
        }
        records.stats().measured
    };
    let (z, crop) = (json!({"z_normalize": {}}), json!({"random_crop": 8}));
    let flip = json!({"flip": {"axes": "x", "p": 0.5}});
    let both = || sample(&image, Some(&label));
    assert_eq!(measured(&[json!({"gaussian_noise": 0.1}), z.clone()], &both()), 0);
    assert_eq!(measured(&[flip.clone(), z.clone()], &both()), 1, "at visits where it does not occur");
    assert_eq!(measured(&[crop.clone(), z.clone()], &both()), 0);
    assert_eq!(measured(&[json!({"random_crop": {"shape": 8, "count": 2}}), z.clone()], &both()), 0);
    assert_eq!(measured(&[z.clone(), crop.clone(), z.clone()], &both()), 1);
    // A random transform of the label alone leaves the image's name.
    let other = json!({"flip": {"axes": "x", "p": 0.5, "keys": "seg"}});
    assert_eq!(measured(&[other, z.clone()], &both()), 1);
    // It may or may not normalise, but what it measures is the same at every visit; not so if that is drawn.
    assert_eq!(measured(&[json!({"z_normalize": {"p": 0.5}})], &both()), 1);
    let by_label = json!({"random_crop_by_label": {"shape": 6, "count": 2}});
    assert_eq!(measured(&[z.clone(), by_label.clone(), z.clone()], &both()), 2);
    assert_eq!(measured(&[flip.clone(), by_label], &both()), 1);
    assert_eq!(measured(&[json!({"grid_crop": 16}), z.clone()], &both()), 0, "patches have no name");
    // The same measurement for two transforms is one.
    let percentiles = |range: Value| json!({"rescale": {"percentiles": [1, 99], "out_range": range}});
    let records = Records::in_memory();
    for range in [json!([0, 1]), json!([-1, 1])] {
        bits(&pipeline(&[percentiles(range)]).with_records(&records).apply(&both(), "s", 0).unwrap());
    }
    assert_eq!(records.stats().measured, 1);
    // Arrays have no name; labels in memory take theirs from masked measurements only.
    let array = LazyVolume::from_volume(volume([20, 18, 16], vec![], 2, false));
    assert_eq!(measured(std::slice::from_ref(&z), &LazySample::of_volume(array)), 0);
    let seg = LazyVolume::from_volume_as(volume([20, 18, 16], vec![], 4, true), Role::Label).unwrap();
    let mixed = sample(&image, None).with("seg", LazyItem::Volume(seg));
    assert_eq!(measured(std::slice::from_ref(&z), &mixed), 1);
    let masked = json!({"z_normalize": {"mask": {"label": "seg"}}});
    assert_eq!(measured(std::slice::from_ref(&masked), &mixed), 0);
    assert_eq!(measured(&[json!({"crop_foreground": {"source": "seg"}}), z.clone()], &mixed), 0);
    assert_eq!(measured(&[json!({"crop_foreground": {"source": "seg"}}), z], &both()), 2);
}

#[test]
fn where_labels_lie_is_looked_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let image = saved(dir.path().join("a.nii"), &volume([64, 60, 52], vec![], 2, false), Gzip::Single);
    let label =
        saved(dir.path().join("s.nii.gz"), &volume([64, 60, 52], vec![], 4, true), Gzip::Blocks(8 << 10));
    let list = [json!({"random_crop_by_label": {"shape": 8, "classes": {"1": 1, "2": 3}, "edges": "skip"}})];
    let records = Records::on_disk(dir.path().join("r")).unwrap();
    for epoch in 0..6 {
        // Every other time as another process.
        let records = if epoch % 2 == 0 {
            records.clone()
        } else {
            copied(&records, &dir.path().join(format!("r{epoch}")))
        };
        let both = sample(&image, Some(&label));
        let file = both.volume("seg").unwrap().file().unwrap().clone();
        let made = bits(&pipeline(&list).with_records(&records).apply(&both, "s", epoch).unwrap());
        assert_eq!(made, bits(&pipeline(&list).apply(&sample(&image, Some(&label)), "s", epoch).unwrap()));
        let all = 64 * 60 * 52 * 2;
        assert!(if epoch == 0 { file.bytes_inflated() >= all } else { file.bytes_inflated() < all / 3 });
    }
    assert_eq!(records.stats().measured, 1);
}

#[test]
fn other_content_other_steps_and_other_masks_are_measured_anew() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: u32, label: bool| {
        saved(dir.path().join(name), &volume([20, 18, 16], vec![], seed, label), Gzip::Single)
    };
    let (image, label) = (write("a.nii.gz", 1, false), write("s.nii.gz", 2, true));
    let records = Records::on_disk(dir.path().join("r")).unwrap();
    let visit = |list: &[Value]| {
        let before = records.stats().measured;
        let (with, plain) = (pipeline(list).with_records(&records), pipeline(list));
        let both = || sample(&image, Some(&label));
        assert_eq!(bits(&with.apply(&both(), "s", 0).unwrap()), bits(&plain.apply(&both(), "s", 0).unwrap()));
        records.stats().measured - before
    };
    let masked = [json!({"z_normalize": {"mask": {"label": "seg"}}})];
    assert_eq!((visit(&masked), visit(&masked)), (1, 0));
    let clamped = |v: f64| [json!({"clamp": {"min": v}}), json!({"z_normalize": {}})];
    assert_eq!(
        (visit(&clamped(0.0)), visit(&clamped(-0.0)), visit(&clamped(0.5)), visit(&clamped(0.0))),
        (1, 1, 1, 0)
    );
    // Another label.
    write("s.nii.gz", 3, true);
    assert_eq!((visit(&masked), visit(&masked)), (1, 0));
    // Another image: nothing of the old one is used.
    notices();
    write("a.nii.gz", 4, false);
    assert_eq!((visit(&masked), visit(&masked), visit(&clamped(0.0))), (1, 0, 1));
    assert!(matches!(&notices()[..], [Notice::Remeasured { why, .. }] if why.contains("another content")));
    assert_eq!(records.stats().remeasured, 1);
    records.clear().unwrap();
    assert_eq!((visit(&masked), std::fs::read_dir(records.dir().unwrap()).unwrap().count()), (1, 1));
}

#[test]
fn damaged_records_are_measured_again_and_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path().join("a.nii"), &volume([20, 18, 16], vec![], 1, false), Gzip::Single);
    let list = [json!({"rescale": {"percentiles": [1, 99]}}), json!({"z_normalize": {}})];
    let want = bits(&pipeline(&list).apply(&sample(&path, None), "s", 0).unwrap());
    let visit = |records: &Records| {
        let made = pipeline(&list).with_records(records).apply(&sample(&path, None), "s", 0).unwrap();
        assert_eq!(bits(&made), want);
        records.stats()
    };
    let first = Records::on_disk(dir.path().join("r")).unwrap();
    assert_eq!(visit(&first).measured, 2);
    let record = listed(first.dir().unwrap()).remove(0);
    let sound = std::fs::read(&record).unwrap();
    let mut wrong: Vec<Vec<u8>> = (0..sound.len())
        .step_by(7)
        .map(|at| {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            bytes
        })
        .collect();
    wrong.extend([0, 1, 8, sound.len() / 2, sound.len() - 1].map(|cut| sound[..cut].to_vec()));
    for (n, bytes) in wrong.iter().enumerate() {
        // As another process finds it, for which nothing is in memory.
        let other = copied(&first, &dir.path().join(format!("r{n}")));
        let place = listed(other.dir().unwrap()).remove(0);
        std::fs::write(&place, bytes).unwrap();
        notices();
        assert_eq!((visit(&other).measured, visit(&other).remeasured), (2, 1), "{n}");
        let told = notices();
        let name = place.display().to_string();
        assert!(matches!(&told[..], [Notice::Remeasured { record, .. }] if *record == name), "{n}: {told:?}");
        assert_eq!(std::fs::read(&place).unwrap(), sound, "as it was");
    }
    notices();
    let other = copied(&first, &dir.path().join("sound"));
    assert_eq!((visit(&other).measured, visit(&other).remeasured), (0, 0));
    assert_eq!(notices(), []);
    // What cannot be written is known all the same.
    std::fs::remove_dir_all(other.dir().unwrap()).unwrap();
    std::fs::write(other.dir().unwrap(), "a file").unwrap();
    let extra = pipeline(&[json!({"rescale": {}})]).with_records(&other);
    for _ in 0..2 {
        bits(&extra.apply(&sample(&path, None), "s", 0).unwrap());
    }
    assert_eq!((other.stats().measured, other.stats().not_recorded), (1, 1));
    assert!(matches!(&notices()[..], [Notice::NotRecorded { .. }]));
}

#[test]
fn of_several_threads_one_measures() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path().join("a.nii.gz"), &volume([96, 96, 80], vec![], 1, false), Gzip::Single);
    let list = [json!({"z_normalize": {}}), json!({"random_crop": 12})];
    let want: Vec<_> = (0..16)
        .map(|epoch| bits(&pipeline(&list).apply(&sample(&path, None), "s", epoch).unwrap()))
        .collect();
    let records = Records::on_disk(dir.path().join("r")).unwrap();
    std::thread::scope(|scope| {
        for (epoch, want) in want.iter().enumerate() {
            let with = pipeline(&list).with_records(&records);
            let path = &path;
            scope.spawn(move || {
                let made = with.apply(&sample(path, None), "s", epoch as u64).unwrap();
                assert_eq!(bits(&made), *want);
            });
        }
    });
    assert_eq!(records.stats().measured, 1);
}

#[test]
fn recipes_and_values_name_the_same_records() {
    let dir = tempfile::tempdir().unwrap();
    let path = saved(dir.path().join("a.nii"), &volume([20, 18, 16], vec![], 1, false), Gzip::Single);
    for records in [Records::in_memory(), Records::on_disk(dir.path().join("r")).unwrap()] {
        assert_eq!(Records::from_value(&records.to_value()).unwrap(), records);
        let with = pipeline(&[json!({"z_normalize": {}})]).with_records(&records);
        let lazy = with.apply_to_volume(&LazyVolume::open(&path).unwrap()).unwrap();
        let again = LazyVolume::replay(&lazy.recipe().unwrap()).unwrap();
        let (a, b) = (again.compute().unwrap(), lazy.compute().unwrap());
        assert_eq!(a.to_f32().unwrap(), b.to_f32().unwrap());
        assert_eq!(records.stats().measured, 1);
    }
    assert!(Records::from_value(&json!({"dir": 3})).is_err());
    assert_ne!(Records::in_memory(), Records::in_memory());
}

#[test]
fn channels_of_several_files_are_recorded_too() {
    let dir = tempfile::tempdir().unwrap();
    let one = |name: &str, seed: u32| {
        saved(dir.path().join(name), &volume([64, 60, 52], vec![], seed, false), Gzip::Blocks(8 << 10))
    };
    let paths = [one("t1.nii.gz", 1), one("t2.nii.gz", 2)];
    let open = || {
        let parts: Vec<_> = paths.iter().map(|p| LazyVolume::open(p).unwrap()).collect();
        LazySample::of_volume(LazyVolume::stack(&parts).unwrap())
    };
    let list = [json!({"z_normalize": {"channel_wise": true}}), json!({"random_crop": 10})];
    for records in [Records::in_memory(), Records::on_disk(dir.path().join("r")).unwrap()] {
        let with = pipeline(&list).with_records(&records);
        for epoch in 0..3 {
            let stack = open();
            let made = bits(&with.apply(&stack, "s", epoch).unwrap());
            assert_eq!(made, bits(&pipeline(&list).apply(&open(), "s", epoch).unwrap()));
            let inflated: u64 =
                stack.volume("image").unwrap().files().iter().map(|f| f.bytes_inflated()).sum();
            assert_eq!(inflated > 2 * 64 * 60 * 52 * 2, epoch == 0, "{inflated}");
        }
        // Each of them alone is another volume.
        let alone = LazyVolume::open(&paths[0]).unwrap();
        bits(&with.apply(&LazySample::of_volume(alone), "s", 0).unwrap());
        assert_eq!((records.stats().measured, records.stats().remeasured, records.stats().files), (2, 0, 2));
    }
}
