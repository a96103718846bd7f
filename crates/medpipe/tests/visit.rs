//! Several patches of one visit: each byte is inflated once, however many patches need it, and every patch is what it is alone.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{Affine, DType, Grid, Role, Volume};
use medio::{Gzip, SaveOptions, VolumeFile};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline, Records};
use serde_json::{Value, json};

const SHAPE: [usize; 3] = [80, 72, 64];

fn saved(dir: &Path, name: &str, channels: usize, seed: u32, gzip: Gzip) -> PathBuf {
    let grid = Grid::new(SHAPE, Affine::from_spacing([1.0, 1.3, 2.0]));
    let extra = if channels > 1 { vec![channels] } else { vec![] };
    let voxel = |i: u32| ((i / 2).wrapping_add(seed).wrapping_mul(2_654_435_761) >> 22) as i16;
    let bytes: Vec<u8> = (0..(grid.len() * channels) as u32).flat_map(|i| voxel(i).to_ne_bytes()).collect();
    let volume = Volume::packed(Arc::new(bytes), DType::I16, grid, extra, Arc::default()).unwrap();
    let path = dir.join(name);
    medio::save(&path, &volume, &SaveOptions { gzip, sync: false, ..SaveOptions::default() }).unwrap();
    path
}

fn pipeline(list: &[Value]) -> Pipeline {
    let node = |v: &Value| {
        let (name, value) = v.as_object().and_then(|m| m.iter().next()).unwrap();
        Node::new(name, value.clone()).unwrap()
    };
    Pipeline::new(list.iter().map(node).collect()).with_seed(21)
}

/// An image and a label, and their files.
fn sample(image: &Path, label: &Path) -> (LazySample, [VolumeFile; 2]) {
    let (image, label) = (LazyVolume::open(image).unwrap(), LazyVolume::open_as(label, Role::Label).unwrap());
    let files = [image.file().unwrap().clone(), label.file().unwrap().clone()];
    let sample =
        LazySample::default().with("image", LazyItem::Volume(image)).with("seg", LazyItem::Volume(label));
    (sample, files)
}

fn bits(sample: &LazySample) -> Vec<Vec<u32>> {
    let values = |name| sample.volume(name).unwrap().compute().unwrap().to_f32().unwrap();
    let names = sample.items.iter().map(|(name, _)| name.as_str());
    names.map(|n| values(n).iter().map(|v: &f32| v.to_bits()).collect()).collect()
}

/// Chains with a crop into patches in their middle.
fn chains() -> Vec<Vec<Value>> {
    let four = json!({"random_crop": {"shape": [32, 30, 28], "count": 4}});
    vec![
        vec![four.clone()],
        vec![four.clone(), json!({"flip": "y"}), json!({"label_pyramid": [0.5, 0.25]})],
        vec![json!({"reorient": "PIR"}), four.clone(), json!({"flip": "x"})],
        vec![json!({"resample": {"spacing": 1.5}}), four.clone(), json!({"z_normalize": {}})],
        vec![json!({"z_normalize": {}}), json!({"rescale": [0, 1]}), four.clone()],
        vec![json!({"z_normalize": {"mask": {"label": "seg"}}}), four.clone()],
        vec![json!({"crop_foreground": 500}), json!({"z_normalize": {}}), four.clone()],
        vec![json!({"keep_largest_component": {}}), four.clone(), json!({"gaussian_smooth": 0.6})],
        vec![
            four.clone(),
            json!({"random_crop": {"shape": 9, "count": 3}}),
            json!({"affine": {"rotate": 9}}),
        ],
        vec![json!({"affine": {"rotate": [5, 9, 3]}}), four],
    ]
}

#[test]
fn every_patch_is_what_it_is_alone_and_nothing_is_inflated_twice() {
    let dir = tempfile::tempdir().unwrap();
    for (n, gzip) in [Gzip::Single, Gzip::Blocks(16 << 10)].into_iter().enumerate() {
        for channels in [1, 3] {
            let image = saved(dir.path(), &format!("i{n}{channels}.nii.gz"), channels, 3, gzip);
            let label = saved(dir.path(), &format!("s{n}{channels}.nii.gz"), 1, 8, gzip);
            let plain =
                [saved(dir.path(), "i.nii", channels, 3, gzip), saved(dir.path(), "s.nii", 1, 8, gzip)];
            for (c, list) in chains().iter().enumerate() {
                let what = format!("chain {c}, packing {n}, {channels} channels");
                let pipeline = pipeline(list);
                let records = Records::in_memory();
                for (visit, pipeline) in [
                    pipeline.clone(),
                    pipeline.clone().with_records(&records),
                    pipeline.with_records(&records),
                ]
                .into_iter()
                .enumerate()
                {
                    medio::checkpoints::clear();
                    let (one, files) = sample(&image, &label);
                    let before = files.clone().map(|f| f.bytes_inflated());
                    let made = pipeline.apply(&one, "s", 1).unwrap();
                    // As they lie, from memory.
                    let memory = sample(&plain[0], &plain[1]).0;
                    let loaded = |n: &str, role| {
                        let v = memory.volume(n).unwrap().source().clone();
                        let medpipe::Source::File(f) = v else { panic!("a file") };
                        LazyItem::Volume(LazyVolume::from_volume_as(f.load().unwrap(), role).unwrap())
                    };
                    let memory = LazySample::default()
                        .with("image", loaded("image", Role::Image))
                        .with("seg", loaded("seg", Role::Label));
                    let want = pipeline.apply(&memory, "s", 1).unwrap();
                    assert_eq!(made.len(), want.len(), "{what}");
                    // The last first: any of them may be the one that fills.
                    for (a, b) in made.iter().zip(&want).rev() {
                        assert_eq!(bits(a), bits(b), "{what}, visit {visit}");
                    }
                    for (file, before) in files.iter().zip(before) {
                        let inflated = file.bytes_inflated() - before;
                        // Opening read the start; members are inflated whole.
                        let most = file.content_bytes() + (64 << 10);
                        assert!(
                            inflated <= most,
                            "{what}, visit {visit}: {inflated} of {}: {:?}",
                            file.content_bytes(),
                            file.path()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn patches_of_plain_files_read_their_own_regions_unless_they_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let image = saved(dir.path(), "i.nii", 1, 3, Gzip::Single);
    let label = saved(dir.path(), "s.nii", 1, 8, Gzip::Single);
    let read = |shape: usize, count: usize| {
        let (one, files) = sample(&image, &label);
        let before = files[0].bytes_read();
        let made = pipeline(&[json!({"random_crop": {"shape": shape, "count": count}})]);
        let made = made.apply(&one, "s", 0).unwrap();
        assert_eq!(files[0].bytes_read(), before, "nothing is read before it is asked for");
        for s in &made {
            bits(s);
        }
        files[0].bytes_read() - before
    };
    // Rows of small boxes are read with what lies between them.
    assert!(read(8, 2) < 2 * 8 * 8 * 80 * 2 + 4096);
    let all = (SHAPE.iter().product::<usize>() * 2) as u64;
    assert!(read(60, 8) <= all + 4096);
}

#[test]
fn threads_that_need_the_same_voxels_read_them_once_and_the_last_patch_gives_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let image = saved(dir.path(), "i.nii.gz", 1, 3, Gzip::Single);
    let label = saved(dir.path(), "s.nii.gz", 1, 8, Gzip::Single);
    medio::checkpoints::clear();
    let (one, files) = sample(&image, &label);
    let made = pipeline(&[json!({"random_crop": {"shape": 40, "count": 6}})]).apply(&one, "s", 0).unwrap();
    let Some(medpipe::Source::Shared(shared)) = made[0].volume("image").map(LazyVolume::source) else {
        panic!("shared")
    };
    let shared = Arc::downgrade(shared);
    let text = made[0].volume("image").unwrap().explain().unwrap();
    assert!(text.contains("all patches together"), "{text}");
    std::thread::scope(|scope| {
        for one in made {
            scope.spawn(move || bits(&one));
        }
    });
    assert!(files[0].bytes_inflated() <= files[0].content_bytes() + (8 << 10));
    assert!(shared.upgrade().is_none());
}
