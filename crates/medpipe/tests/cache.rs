//! Caches of decoded volumes: the same bits with and without, whatever befalls the entries.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use medcore::{Affine, DType, Grid, Role, Scale, Volume};
use medio::{Gzip, SaveOptions};
use medpipe::{Cache, LazyItem, LazySample, LazyVolume, Node, Notice, Pipeline, notices};
use serde_json::{Value, json};

/// A scaled int16 file, one gzip stream, on an affine that float32 does not hold.
fn file(dir: &Path, name: &str, seed: u32) -> PathBuf {
    let path = dir.join(name);
    let mut affine = Affine::from_spacing([0.7, 1.1, 2.3]);
    affine.rows[0][1] = 0.1;
    affine.rows[1][3] = -31.4;
    let grid = Grid::new([40, 32, 24], affine);
    let voxel =
        |i: u32| ((i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 18) as i16 - 4000).to_ne_bytes();
    let voxels: Vec<u8> = (0..grid.len() as u32).flat_map(voxel).collect();
    let volume = Volume::packed(Arc::new(voxels), DType::I16, grid, vec![], Arc::default()).unwrap();
    let volume = volume.with_scale(Some(Scale { slope: 0.5, intercept: -3.0 }));
    medio::save(&path, &volume, &SaveOptions { gzip: Gzip::Single, ..SaveOptions::default() }).unwrap();
    path
}

fn node(name: &str, value: Value) -> Node {
    Node::new(name, value).unwrap()
}

fn chained(v: LazyVolume, steps: &[(&str, Value)]) -> LazyVolume {
    steps.iter().fold(v, |v, (name, value)| v.then(node(name, value.clone()), Some(7)).unwrap())
}

fn same(a: &LazyVolume, b: &LazyVolume, what: &str) {
    let (x, y) = (a.compute().unwrap(), b.compute().unwrap());
    assert_eq!(x.stored_dtype(), y.stored_dtype(), "{what}");
    assert_eq!(x.grid(), y.grid(), "{what}: grids, bit for bit");
    let bits = |v: &Volume| v.to_f32().unwrap().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&x), bits(&y), "{what}");
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    out.sort();
    out
}

/// Steps before the cache and steps after it.
fn chains() -> Vec<(Vec<(&'static str, Value)>, Vec<(&'static str, Value)>)> {
    let crop = ("crop", json!({"start": [3, 4, 5], "shape": [16, 12, 10]}));
    vec![
        (vec![], vec![]),
        (vec![], vec![crop.clone()]),
        (vec![], vec![("random_crop", json!({"shape": [8, 9, 10]})), ("z_normalize", json!({}))]),
        (vec![crop.clone()], vec![("flip", json!("x"))]),
        (
            vec![("reorient", json!("LAS")), ("cast", json!("float32"))],
            vec![crop.clone(), ("gaussian_noise", json!(0.1))],
        ),
        (
            vec![("resample", json!({"spacing": 1.5}))],
            vec![("z_normalize", json!({})), ("flip", json!({"axes": "y", "p": 0.5}))],
        ),
        (vec![("crop_foreground", json!({"above": 900}))], vec![("pad", json!({"amount": 3}))]),
        (
            vec![("z_normalize", json!({})), ("gaussian_smooth", json!(1.0))],
            vec![("clamp", json!({"min": -1, "max": 1}))],
        ),
    ]
}

/// Notices are the process's: tests that look at them take turns.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn cached_equals_computed_at_that_place_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 0);
    for (n, (before, after)) in chains().into_iter().enumerate() {
        let open = || chained(LazyVolume::open(&path).unwrap(), &before);
        let eager = open();
        eager.compute().unwrap();
        let wanted = chained(eager, &after);
        for cache in
            [Cache::on_disk(dir.path().join(format!("c{n}")), 1 << 30).unwrap(), Cache::in_memory(1 << 30)]
        {
            for visit in 0..3 {
                let lazy = chained(open().cached(&cache).unwrap(), &after);
                same(&lazy, &wanted, &format!("chain {n}, visit {visit}, {cache:?}"));
            }
            let stats = cache.stats();
            assert_eq!(
                (stats.misses, stats.rebuilt, stats.not_kept, stats.entries),
                (1, 0, 0, 1),
                "chain {n}"
            );
            assert!(stats.hits >= 2, "chain {n}");
        }
        // At most one interpolation: the same as without a cache.
        same(&chained(open(), &after), &wanted, &format!("chain {n}"));
    }
}

#[test]
fn an_entry_is_a_file_for_every_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 1);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let v = LazyVolume::open(&path).unwrap().cached(&cache).unwrap();
    v.compute().unwrap();
    let entries = entries(cache.dir().unwrap());
    assert_eq!(entries.len(), 1);
    let (entry, source) = (medio::open(&entries[0]).unwrap(), medio::open(&path).unwrap());
    // As stored, with its scale: int16 and not float32.
    assert_eq!((entry.stored_dtype(), entry.scale()), (DType::I16, source.scale()));
    let raw = |f: &medio::VolumeFile| {
        let mut out = vec![0; f.grid().len() * 2];
        f.read_all_raw(&mut out).unwrap();
        out
    };
    assert_eq!(raw(&entry), raw(&source));
    // Saved from the cache, it is the file that it was.
    let (a, b) = (dir.path().join("x.nii"), dir.path().join("y.nii"));
    medio::save(&a, &v.to_save().unwrap(), &SaveOptions::default()).unwrap();
    medio::save(&b, &source.load().unwrap(), &SaveOptions::default()).unwrap();
    assert_eq!(std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
}

#[test]
fn facts_are_known_without_reading_and_a_patch_reads_its_region() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 2);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let open =
        || LazyVolume::open(&path).unwrap().then(node("resample", json!({"spacing": 2})), None).unwrap();
    let v = open().cached(&cache).unwrap();
    let header = v.file().unwrap().bytes_read();
    assert_eq!(v.facts().unwrap(), open().facts().unwrap());
    assert_eq!(v.file().unwrap().bytes_read(), header);
    assert_eq!(cache.stats().misses, 0);
    assert!(v.explain().unwrap().contains("cache miss"), "{}", v.explain().unwrap());
    v.compute().unwrap();
    let patch = open()
        .cached(&cache)
        .unwrap()
        .then(node("crop", json!({"start": [1, 1, 1], "shape": [4, 4, 4]})), None)
        .unwrap();
    let text = patch.explain().unwrap();
    assert!(text.contains("cache hit") && text.contains("256 bytes"), "{text}");
    let before = patch.file().unwrap().bytes_read();
    patch.compute().unwrap();
    assert_eq!(patch.file().unwrap().bytes_read(), before, "the source is not touched on a hit");
}

#[test]
fn shapes_that_voxels_decide_come_from_the_entry() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 3);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let open = || {
        let v = LazyVolume::open(&path)
            .unwrap()
            .then(node("crop_foreground", json!({"above": 1000})), None)
            .unwrap();
        v.cached(&cache).unwrap().then(node("flip", json!("x")), None).unwrap()
    };
    let first = open();
    assert!(!first.is_planned());
    assert!(first.explain().unwrap().contains("cache miss"));
    let made = first.compute().unwrap();
    let again = open();
    let header = again.file().unwrap().bytes_read();
    assert_eq!(again.facts().unwrap().grid, *made.grid());
    same(&again, &first, "measured");
    assert!(again.file().unwrap().bytes_read() < header + 8192, "neither measured nor read again");
}

#[test]
fn other_content_other_steps_and_other_roles_are_other_entries() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 4);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let look = |v: LazyVolume| drop(v.cached(&cache).unwrap().compute().unwrap());
    let open = || LazyVolume::open(&path).unwrap();
    look(open());
    look(open());
    assert_eq!(cache.stats().entries, 1);
    look(open().then(node("flip", json!("x")), None).unwrap());
    look(open().then(node("flip", json!("y")), None).unwrap());
    look(open().then(node("flip", json!("x")), Some(3)).unwrap());
    assert_eq!(cache.stats().entries, 3, "the seed of a step that draws nothing does not matter");
    look(LazyVolume::open_as(&path, Role::Map).unwrap());
    assert_eq!(cache.stats().entries, 4);
    // The file is written anew: other numbers, the same name.
    let old = open().cached(&cache).unwrap();
    file(dir.path(), "a.nii.gz", 5);
    let new = open().cached(&cache).unwrap();
    same(&new, &open(), "the new content");
    assert_eq!(cache.stats().entries, 5);
    // Opened before the change: its entry still holds what it was.
    assert!(old.compute().is_ok());
    cache.clear().unwrap();
    assert!(old.compute_as(None, medpipe::Layout::ZFastest).is_ok(), "memoised");
    let stale = old.then(node("flip", json!("x")), None).unwrap();
    old.release();
    assert_eq!(cache.stats().entries, 0);
    assert!(stale.compute().is_ok(), "goes on from the memoised result");
}

#[test]
fn a_file_that_changed_is_never_kept_under_its_old_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 6);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let v = LazyVolume::open(&path).unwrap().cached(&cache).unwrap();
    file(dir.path(), "a.nii.gz", 7);
    assert!(v.compute().is_err());
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn damaged_entries_are_made_again_and_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 8);
    let open = || LazyVolume::open(&path).unwrap().then(node("clamp", json!({"min": -1e6})), None).unwrap();
    let plain = open();
    // Two blocks: one is looked at when the entry is opened, with its header.
    let size = 352 + 40 * 32 * 24 * 4;
    let damages: [(&str, &dyn Fn(&mut Vec<u8>)); 7] = [
        ("a far voxel", &|b| b[100_000] ^= 4),
        ("a voxel", &|b| b[20_000] ^= 4),
        ("the header", &|b| b[50] ^= 1),
        ("the seal", &|b| *b.last_mut().unwrap() ^= 1),
        ("cut short", &|b| b.truncate(size / 2)),
        ("without its seal", &|b| b.truncate(size)),
        ("empty", &|b| b.clear()),
    ];
    for (what, damage) in damages {
        for known in [false, true] {
            let folder = dir.path().join(format!("{what} {known}"));
            let mut cache = Cache::on_disk(&folder, 1 << 30).unwrap();
            let look = |cache: &Cache| open().cached(cache).unwrap();
            look(&cache).compute().unwrap();
            let entry = entries(&folder).remove(0);
            let sound = std::fs::read(&entry).unwrap();
            let mut bytes = sound.clone();
            damage(&mut bytes);
            if known {
                // The process has opened it, but not all of its blocks.
                look(&cache)
                    .then(node("crop", json!({"start": [0, 0, 0], "shape": [2, 2, 2]})), None)
                    .unwrap()
                    .compute()
                    .unwrap();
            } else {
                // As another process sees it.
                cache = Cache::on_disk(&folder, (1 << 30) + 1).unwrap();
            }
            std::fs::write(&entry, &bytes).unwrap();
            notices();
            same(&look(&cache), &plain, what);
            let stats = cache.stats();
            assert_eq!((stats.rebuilt, stats.entries), (1, 1), "{what}, {known}");
            let told = notices();
            assert!(matches!(&told[..], [Notice::Rebuilt { .. }]), "{what}: {told:?}");
            assert_eq!(std::fs::read(&entry).unwrap(), sound, "{what}: as it was");
            same(&look(&cache), &plain, what);
            assert_eq!(cache.stats().rebuilt, 1);
        }
    }
}

#[test]
fn the_bound_holds_and_what_was_used_longest_ago_goes() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..6).map(|n| file(dir.path(), &format!("{n}.nii.gz"), n)).collect();
    let one = 40 * 32 * 24 * 2 + 4096;
    let disk = Cache::on_disk(dir.path().join("c"), 3 * one).unwrap();
    let memory = Cache::in_memory(3 * one);
    for cache in [&disk, &memory] {
        let visit = |n: usize| {
            let before = cache.stats().hits;
            let v = LazyVolume::open(&paths[n]).unwrap();
            same(&v.cached(cache).unwrap(), &v, "a visit");
            assert!(cache.stats().bytes <= cache.max_bytes());
            cache.stats().hits > before
        };
        for n in 0..3 {
            assert!(!visit(n));
            // Times of access may be as coarse as a tick of the system's clock.
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(dir) = cache.dir() {
            // Use is noted once a minute: the entries seem older.
            for (n, entry) in entries(dir).into_iter().enumerate() {
                let then = SystemTime::now() - Duration::from_secs(1000 + n as u64);
                let times = std::fs::FileTimes::new().set_accessed(then).set_modified(then);
                std::fs::File::options().write(true).open(entry).unwrap().set_times(times).unwrap();
            }
            cache.clear().unwrap();
            for n in 0..3 {
                assert!(!visit(n));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        assert_eq!(cache.stats().entries, 3);
        assert!(!visit(3), "in place of 0");
        assert_eq!((cache.stats().entries, cache.stats().evicted), (3, 1));
        assert!(visit(1) && visit(2) && visit(3));
        assert!(!visit(0));
    }
}

#[test]
fn what_is_larger_than_the_cache_is_given_and_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 9);
    notices();
    for cache in [Cache::on_disk(dir.path().join("c"), 1000).unwrap(), Cache::in_memory(1000)] {
        let plain = LazyVolume::open(&path).unwrap();
        same(&plain.cached(&cache).unwrap(), &plain, "too large");
        assert_eq!((cache.stats().not_kept, cache.stats().entries), (1, 0));
        assert!(matches!(&notices()[..], [Notice::NotKept { .. }]));
        // Several patches of it read the file once.
        let pipeline = Pipeline::new(vec![node("random_crop", json!({"shape": 8, "count": 4}))])
            .with_seed(1)
            .with_cache(&cache);
        let made = pipeline.apply_to_each(&plain, "a", 0).unwrap();
        for v in &made {
            v.compute().unwrap();
        }
        assert_eq!(cache.stats().misses, 2, "{cache:?}");
        notices();
    }
}

#[test]
fn only_files_with_steps_that_are_always_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 10);
    let cache = Cache::in_memory(1 << 30);
    let open = || LazyVolume::open(&path).unwrap();
    let refused = |v: &LazyVolume, word: &str| {
        let e = v.cached(&cache).unwrap_err().to_string();
        assert!(e.contains(word), "{e}");
    };
    refused(&LazyVolume::from_volume(open().compute().unwrap()), "array");
    let clamped = open().then(node("clamp", json!({"min": 0})), None).unwrap();
    refused(&LazyVolume::stack(&[clamped, open()]).unwrap(), "stack of computed volumes");
    refused(&open().then(node("gaussian_noise", json!(1)), Some(1)).unwrap(), "random gaussian_noise");
    refused(&open().then(node("flip", json!({"axes": "x", "p": 0.5})), Some(1)).unwrap(), "random flip");
    let pipeline = Pipeline::new(vec![node("random_crop", json!({"shape": 8}))]);
    refused(&pipeline.apply_to_volume(&open()).unwrap(), "random random_crop");
    assert!(
        pipeline
            .with_cache(&cache)
            .apply_to_volume(&LazyVolume::from_volume(open().compute().unwrap()))
            .is_err()
    );
}

#[test]
fn pipelines_keep_what_comes_before_the_first_draw() {
    let dir = tempfile::tempdir().unwrap();
    let (image, label) = (file(dir.path(), "a.nii.gz", 11), dir.path().join("l.nii.gz"));
    let grid = *LazyVolume::open(&image).unwrap().facts().map(|f| f.grid).as_ref().unwrap();
    let voxels: Vec<u8> = (0..grid.len()).map(|i| u8::from(i % 40 > 10 && i / 1280 > 4)).collect();
    let volume = Volume::packed(Arc::new(voxels), DType::U8, grid, vec![], Arc::default()).unwrap();
    medio::save(&label, &volume, &SaveOptions::default()).unwrap();
    let open = || {
        LazySample::default()
            .with("image", LazyItem::Volume(LazyVolume::open(&image).unwrap()))
            .with("label", LazyItem::Volume(LazyVolume::open_as(&label, Role::Label).unwrap()))
    };
    for (n, first) in
        ["crop_foreground: {source: label}", "z_normalize: {}", "resample: {spacing: 1.5}"].iter().enumerate()
    {
        let text = format!(
            "medoxide: 1\nseed: 5\ntransforms:\n- {first}\n- clamp: {{min: -2, max: 2}}\n- random_crop: {{shape: 12, count: 2}}\n- flip: {{axes: x, p: 0.5}}\n"
        );
        let plain = Pipeline::from_yaml(&text).unwrap();
        let cache = Cache::on_disk(dir.path().join(format!("c{n}")), 1 << 30).unwrap();
        let kept = plain.clone().with_cache(&cache);
        for epoch in 0..3 {
            let (a, b) =
                (plain.apply(&open(), "s", epoch).unwrap(), kept.apply(&open(), "s", epoch).unwrap());
            assert_eq!((a.len(), b.len()), (2, 2));
            for (a, b) in a.iter().zip(&b) {
                for name in ["image", "label"] {
                    same(
                        a.volume(name).unwrap(),
                        b.volume(name).unwrap(),
                        &format!("{first}, {name}, epoch {epoch}"),
                    );
                }
            }
            assert_eq!((cache.stats().misses, cache.stats().entries), (2, 2), "{first}");
        }
        // Planned on entries that are gone when they are to be read.
        let (a, b) = (plain.apply(&open(), "s", 9).unwrap(), kept.apply(&open(), "s", 9).unwrap());
        cache.clear().unwrap();
        for (a, b) in a.iter().zip(&b) {
            same(a.volume("label").unwrap(), b.volume("label").unwrap(), first);
            same(a.volume("image").unwrap(), b.volume("image").unwrap(), first);
        }
        assert_eq!(cache.stats().entries, 2, "{first}");
        let text = kept.explain(&open(), "s", false).unwrap();
        assert_eq!(text.matches("cache hit").count(), 4, "{text}");
    }
}

#[test]
fn recipes_name_the_cache() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 12);
    let disk = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    for cache in [&disk, &Cache::in_memory(1 << 30)] {
        let v = chained(LazyVolume::open(&path).unwrap(), &[("flip", json!("x"))]).cached(cache).unwrap();
        let v = chained(v, &[("random_crop", json!({"shape": 8}))]);
        let again = LazyVolume::replay(&v.recipe().unwrap()).unwrap();
        same(&again, &v, "replayed");
        assert_eq!((cache.stats().misses, cache.stats().hits), (1, 1));
        let pipeline = Pipeline::new(vec![node("flip", json!("y"))]).with_cache(cache);
        let v = pipeline.apply_to_volume(&LazyVolume::open(&path).unwrap()).unwrap();
        same(&LazyVolume::replay(&v.recipe().unwrap()).unwrap(), &v, "a pipeline replayed");
        assert_eq!(cache.stats().misses, 2);
        assert_eq!(Cache::from_value(&cache.to_value()).unwrap(), *cache);
    }
    assert!(Cache::from_value(&json!({"max_bytes": 3})).is_err());
}

#[test]
fn threads_that_want_one_entry_make_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 13);
    for cache in [Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap(), Cache::in_memory(1 << 30)] {
        std::thread::scope(|s| {
            for n in 0..8 {
                let (path, cache) = (&path, &cache);
                s.spawn(move || {
                    let v =
                        LazyVolume::open(path).unwrap().then(node("z_normalize", json!({})), None).unwrap();
                    let v = v.cached(cache).unwrap();
                    let v =
                        v.then(node("crop", json!({"start": [n, n, n], "shape": [8, 8, 8]})), None).unwrap();
                    assert_eq!(v.compute().unwrap().grid().len(), 512);
                });
            }
        });
        assert_eq!((cache.stats().misses, cache.stats().entries), (1, 1), "{cache:?}");
    }
}

#[test]
fn threads_that_find_one_damage_mend_it_once() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 15);
    let cache = Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap();
    let plain = LazyVolume::open(&path).unwrap().then(node("clamp", json!({"min": -1e6})), None).unwrap();
    plain.cached(&cache).unwrap().compute().unwrap();
    let entry = entries(cache.dir().unwrap()).remove(0);
    let mut bytes = std::fs::read(&entry).unwrap();
    // Behind the block that is looked at when the entry is opened.
    bytes[100_000] ^= 1;
    std::fs::write(&entry, bytes).unwrap();
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| same(&plain.cached(&cache).unwrap(), &plain, "damaged"));
        }
    });
    assert_eq!((cache.stats().rebuilt, cache.stats().misses), (1, 2));
    notices();
}

#[test]
fn memory_ends_with_its_last_handle_and_caches_stack() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), "a.nii.gz", 14);
    let (disk, memory) = (Cache::on_disk(dir.path().join("c"), 1 << 30).unwrap(), Cache::in_memory(1 << 30));
    let v = LazyVolume::open(&path).unwrap();
    for _ in 0..3 {
        same(&v.cached(&disk).unwrap().cached(&memory).unwrap(), &v, "memory before disk");
    }
    assert_eq!((disk.stats().misses, disk.stats().hits, memory.stats().misses), (1, 0, 1));
    let name = memory.to_value();
    drop(memory);
    let other = Cache::from_value(&name).unwrap();
    assert_eq!(other.stats(), medpipe::Stats::default());
}
