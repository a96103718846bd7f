//! What each transform and each kind of step does, on volumes small enough to check by eye.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::sync::Arc;

use medcore::{
    Affine, Category, DType, Facts, Grid, Key, Points, Role, Sample, Step, Transform, Value, Volume,
};
use medpipe::{LazyItem, LazySample, LazyVolume, Mismatch, Node, Pipeline};
use serde_json::{Value as Json, json};

fn volume(shape: [usize; 3], voxels: &[f32]) -> LazyVolume {
    LazyVolume::from_volume(Volume::from_f32(Grid::new(shape, Affine::IDENTITY), voxels).unwrap())
}

fn label(shape: [usize; 3], voxels: &[u8]) -> LazyVolume {
    let grid = Grid::new(shape, Affine::IDENTITY);
    let v = Volume::packed(Arc::new(voxels.to_vec()), DType::U8, grid, vec![], Arc::default()).unwrap();
    LazyVolume::from_volume_as(v, Role::Label).unwrap()
}

fn then(v: &LazyVolume, name: &str, value: Json) -> LazyVolume {
    v.then(Node::new(name, value).unwrap(), Some(1)).unwrap()
}

fn values(v: &LazyVolume) -> Vec<f32> {
    v.compute().unwrap().to_f32().unwrap()
}

fn refused(v: &LazyVolume, name: &str, value: Json) -> String {
    match Node::new(name, value) {
        Err(e) => e.to_string(),
        Ok(node) => v.then(node, None).expect_err("refused").to_string(),
    }
}

#[test]
fn normalising() {
    let v = volume([5, 1, 1], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    let z = values(&then(&v, "z_normalize", Json::Null));
    let sd = 2f32.sqrt();
    for (z, x) in z.iter().zip([-2.0f32, -1.0, 0.0, 1.0, 2.0]) {
        assert!((z - x / sd).abs() < 1e-6);
    }
    let kept = values(&then(&v, "z_normalize", json!({"mask": "nonzero", "outside": "keep"})));
    assert_eq!(kept[0], 0.0);
    assert!((kept[1] + 1.5 / 1.25f32.sqrt()).abs() < 1e-6);
    assert_eq!(values(&then(&volume([3, 1, 1], &[7.0; 3]), "z_normalize", Json::Null)), [0.0; 3]);
    assert_eq!(values(&then(&v, "rescale", json!([-1, 1]))), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    assert_eq!(values(&then(&v, "rescale", json!({"in_range": [1, 3]}))), [0.0, 0.0, 0.5, 1.0, 1.0]);
    assert_eq!(
        values(&then(&v, "rescale", json!({"in_range": [1, 3], "clip": false}))),
        [-0.5, 0.0, 0.5, 1.0, 1.5]
    );
    assert_eq!(values(&then(&v, "rescale", json!({"percentiles": [25, 75]}))), [0.0, 0.0, 0.5, 1.0, 1.0]);
    assert_eq!(values(&then(&v, "clamp", json!({"min": 1.5, "max": 3}))), [1.5, 1.5, 2.0, 3.0, 3.0]);
    assert_eq!(values(&then(&volume([3, 1, 1], &[7.0; 3]), "rescale", Json::Null)), [0.0; 3]);
}

#[test]
fn not_a_number() {
    let v = volume([4, 1, 1], &[f32::NAN, 0.0, 2.0, f32::INFINITY]);
    let clamped = values(&then(&v, "clamp", json!({"min": 0.5, "max": 1})));
    assert!(clamped[0].is_nan() && clamped[1..] == [0.5, 1.0, 1.0]);
    let rescaled = values(&then(&v, "rescale", Json::Null));
    assert!(rescaled[0].is_nan() && rescaled[1..] == [0.0, 1.0, 1.0], "{rescaled:?}");
    let text = then(&v, "rescale", json!({"percentiles": [0, 100]})).compute().unwrap_err().to_string();
    assert!(text.contains("rescale") && text.contains("finite"), "{text}");
    let cast = then(&v, "cast", json!("uint8")).compute().unwrap();
    assert_eq!(cast.as_packed::<u8>().unwrap(), [0, 0, 2, 255]);
}

#[test]
fn means_far_from_zero_are_exact() {
    let voxels: Vec<f32> = (0..30_000).map(|i| 10_000.0 + ((i * 7919) % 1000) as f32 * 3e-4).collect();
    let out = values(&then(&volume([100, 30, 10], &voxels), "z_normalize", Json::Null));
    let n = out.len() as f64;
    let mean = out.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let sd = (out.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n).sqrt();
    assert!(mean.abs() < 1e-5 && (sd - 1.0).abs() < 1e-5, "{mean} {sd}");
}

#[test]
fn masks_by_label() {
    let image = volume([4, 1, 1], &[1.0, 2.0, 30.0, 40.0]);
    let seg = label([4, 1, 1], &[1, 1, 0, 2]);
    let sample =
        LazySample::default().with("image", LazyItem::Volume(image)).with("seg", LazyItem::Volume(seg));
    let run = |mask: Json| {
        let p = Pipeline::new(vec![Node::new("z_normalize", json!({ "mask": mask })).unwrap()]);
        values(p.apply(&sample, "", 0).unwrap()[0].volume("image").unwrap())
    };
    assert_eq!(run(json!({"label": {"item": "seg", "values": [1]}})), [-1.0, 1.0, 57.0, 77.0]);
    let any = run(json!({"label": "seg"}));
    assert!((any[0] + any[1] + any[3]).abs() < 1e-5);
    let p = Pipeline::new(vec![Node::new("z_normalize", json!({"mask": {"label": "nope"}})).unwrap()]);
    assert!(p.apply(&sample, "", 0).unwrap_err().to_string().contains("nope"));
}

#[test]
fn boxes_of_voxels() {
    let v = volume([4, 1, 1], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(values(&then(&v, "crop", json!({"start": [1, 0, 0], "shape": [2, 1, 1]}))), [2.0, 3.0]);
    assert_eq!(values(&then(&v, "crop", json!({"start": [-2, 0, 0], "shape": [2, 1, 1]}))), [3.0, 4.0]);
    let padded = then(&v, "pad", json!({"before": [2, 0, 0], "after": [1, 0, 0], "value": 9}));
    assert_eq!(values(&padded), [9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 9.0]);
    assert_eq!(padded.grid().world([2.0, 0.0, 0.0]), [0.0; 3]);
    // A pad after a crop sees the crop's edge, not the voxels behind it.
    let crop = then(&v, "crop", json!({"start": [1, 0, 0], "shape": [2, 1, 1]}));
    assert_eq!(values(&then(&crop, "pad", json!({"amount": [1, 0, 0]}))), [0.0, 2.0, 3.0, 0.0]);
    assert_eq!(
        values(&then(&crop, "pad", json!({"amount": [2, 0, 0], "mode": "reflect"}))),
        [2.0, 3.0, 2.0, 3.0, 2.0, 3.0]
    );
    // MONAI's rule for odd differences.
    assert_eq!(values(&then(&v, "crop_or_pad", json!([3, 1, 1]))), [2.0, 3.0, 4.0]);
    assert_eq!(values(&then(&v, "crop_or_pad", json!([7, 1, 1]))), [0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
    for (name, value) in [
        ("crop", json!({"start": [3, 0, 0], "shape": [2, 1, 1]})),
        ("crop", json!({"start": [0, 0, 0], "shape": [0, 1, 1]})),
        ("crop_or_pad", json!([0, 1, 1])),
        ("pad", json!({"value": 1, "amount": -1})),
    ] {
        assert!(!refused(&v, name, value).is_empty());
    }
}

#[test]
fn foreground() {
    let mut voxels = vec![0.0; 6 * 5 * 4];
    for (x, y, z) in [(2, 1, 1), (3, 3, 2)] {
        voxels[x + 6 * (y + 5 * z)] = 1.0;
    }
    let v = volume([6, 5, 4], &voxels);
    let cut = then(&v, "crop_foreground", Json::Null);
    assert_eq!(cut.facts().unwrap().grid.shape, [2, 3, 2]);
    assert_eq!(cut.facts().unwrap().grid.world([0.0; 3]), [2.0, 1.0, 1.0]);
    assert_eq!(then(&v, "crop_foreground", json!({"margin": 2})).facts().unwrap().grid.shape, [6, 5, 4]);
    assert_eq!(then(&v, "crop_foreground", json!({"divisible": 4})).facts().unwrap().grid.shape, [4, 4, 4]);
    let none = then(&v, "crop_foreground", json!({"above": 5}));
    assert_eq!(none.facts().unwrap().grid.shape, [6, 5, 4]);
    // Steps after a shape that the voxels decide.
    let after = then(&then(&cut, "flip", json!(0)), "z_normalize", Json::Null);
    assert_eq!(after.compute().unwrap().grid().shape, [2, 3, 2]);
}

#[test]
fn only_the_largest_component_stays() {
    let seg = label([6, 1, 1], &[1, 0, 1, 1, 2, 2]);
    let out = then(&seg, "keep_largest_component", Json::Null).compute().unwrap();
    assert_eq!(out.as_packed::<u8>().unwrap(), [0, 0, 1, 1, 2, 2]);
    let joint = then(&seg, "keep_largest_component", json!({"per_label": false})).compute().unwrap();
    assert_eq!(joint.as_packed::<u8>().unwrap(), [0, 0, 1, 1, 2, 2]);
    let renamed = then(&seg, "remap_labels", json!({"table": {"1": 7}})).compute().unwrap();
    assert_eq!(renamed.as_packed::<u8>().unwrap(), [7, 0, 7, 7, 2, 2]);
    let wrong = then(&seg, "remap_labels", json!({"table": {"1": 700}})).compute().unwrap_err().to_string();
    assert!(wrong.contains("700"), "{wrong}");
}

#[test]
fn patches_of_image_and_label_lie_in_the_same_place() {
    let n = 12 * 9 * 7;
    let image = volume([12, 9, 7], &(0..n).map(|i| (i % 251) as f32).collect::<Vec<_>>());
    let seg = label([12, 9, 7], &(0..n).map(|i| (i % 251) as u8).collect::<Vec<_>>());
    let sample =
        LazySample::default().with("image", LazyItem::Volume(image)).with("label", LazyItem::Volume(seg));
    let nodes = vec![Node::new("random_crop", json!({"shape": [5, 4, 3], "count": 4})).unwrap()];
    let patches = Pipeline::new(nodes).with_seed(9).apply(&sample, "a", 0).unwrap();
    assert_eq!(patches.len(), 4);
    let mut starts = std::collections::BTreeSet::new();
    for p in &patches {
        let (i, l) = (p.volume("image").unwrap(), p.volume("label").unwrap());
        assert_eq!(values(i), values(l));
        assert_eq!(i.grid().shape, [5, 4, 3]);
        starts.insert(format!("{:?}", i.grid().affine.translation()));
    }
    assert!(starts.len() > 1);
}

#[test]
fn every_start_of_a_random_crop_is_reached() {
    let v = volume([5, 1, 1], &[0.0, 1.0, 2.0, 3.0, 4.0]);
    let sample = LazySample::of_volume(v);
    let p = Pipeline::new(vec![Node::new("random_crop", json!({"shape": [3, 1, 1], "count": 64})).unwrap()])
        .with_seed(1);
    let firsts: std::collections::BTreeSet<i32> = p
        .apply(&sample, "", 0)
        .unwrap()
        .iter()
        .map(|s| values(s.volume("image").unwrap())[0] as i32)
        .collect();
    assert_eq!(firsts.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn how_many_patches_there_will_be_is_known_beforehand() {
    let of = |list: &[serde_json::Value]| {
        let nodes = list.iter().map(|v| {
            let (name, value) = v.as_object().and_then(|m| m.iter().next()).unwrap();
            Node::new(name, value.clone()).unwrap()
        });
        Pipeline::new(nodes.collect()).patches()
    };
    let four = json!({"random_crop": {"shape": 3, "count": 4}});
    assert_eq!(of(&[]), Some(1));
    assert_eq!(of(&[json!({"flip": 0}), json!({"random_crop": {"shape": 3}})]), Some(1));
    assert_eq!(of(&[four.clone(), json!({"random_crop": {"shape": 2, "count": 3}})]), Some(12));
    assert_eq!(of(&[json!({"random_crop": {"shape": 3, "count": 4, "p": 0.5}})]), None);
    assert_eq!(of(&[json!({"flip": {"axes": 0, "p": 0.5}}), four]), Some(4));
}

/// Writes the place it is planned for into the voxels.
#[derive(Debug)]
struct TellPlace;

impl Transform for TellPlace {
    fn plan(&self, at: &Facts<'_>, _: Key) -> medcore::Result<Vec<Step>> {
        let place = at.place(0, 1);
        let number = (place.row * 100 + place.of) as f32;
        Ok(vec![Step::point("tell the place", move |row| row.fill(number))])
    }
}

#[test]
fn every_patch_knows_its_row_of_the_batch() {
    let tell = Node::own("tell", Category::Intensity, Arc::new(TellPlace), false, "tell the place");
    let crop = |n| Node::new("random_crop", json!({"shape": 1, "count": n})).unwrap();
    let pipeline = Pipeline::new(vec![crop(2), crop(3), tell]);
    let sample = LazySample::of_volume(volume([3, 1, 1], &[0.0, 1.0, 2.0]));
    let told = |made: Vec<LazySample>| -> Vec<usize> {
        made.iter().map(|s| values(s.volume("image").unwrap())[0] as usize).collect()
    };
    assert_eq!(told(pipeline.apply(&sample, "a", 0).unwrap()), [6, 106, 206, 306, 406, 506]);
    let places = [(7, 8), (0, 8), (1, 8), (2, 8), (3, 8), (4, 8)].map(|(row, of)| medcore::Place { row, of });
    assert_eq!(told(pipeline.apply_at(&sample, "a", 0, &places).unwrap()), [708, 8, 108, 208, 308, 408]);
}

#[test]
fn landmarks_move_with_what_they_mark() {
    // One bright voxel at (6, 4, 5) on an anisotropic, permuted grid.
    let affine = Affine::new([[0.0, -2.0, 0.0], [1.5, 0.0, 0.0], [0.0, 0.0, 1.0]], [10.0, 20.0, 30.0]);
    let grid = Grid::new([13, 11, 11], affine);
    let mut voxels = vec![0f32; grid.len()];
    voxels[6 + 13 * (4 + 11 * 5)] = 1.0;
    let image = LazyVolume::from_volume(Volume::from_f32(grid, &voxels).unwrap());
    let points = Points { world: vec![grid.world([6.0, 4.0, 5.0])] };
    let sample =
        LazySample::default().with("image", LazyItem::Volume(image)).with("points", LazyItem::Points(points));
    let nodes = vec![
        Node::new("flip", json!("x")).unwrap(),
        Node::new("affine", json!({"rotate": [0, 0, 90], "translate": [3, 0, 1]})).unwrap(),
    ];
    let out = Pipeline::new(nodes).apply(&sample, "", 0).unwrap().remove(0);
    let image = out.volume("image").unwrap();
    let moved = values(image);
    let brightest = (0..moved.len()).max_by(|&a, &b| moved[a].total_cmp(&moved[b])).unwrap();
    let at = [brightest % 13, brightest / 13 % 11, brightest / 13 / 11].map(|i| i as f64);
    let Some(LazyItem::Points(p)) = out.items.iter().find(|(n, _)| n == "points").map(|(_, i)| i.clone())
    else {
        panic!("points are there")
    };
    let voxel = image.grid().affine.inverse().unwrap().apply(p.world[0]);
    for i in 0..3 {
        assert!((voxel[i] - at[i]).abs() <= 0.51, "{voxel:?} {at:?}");
    }
}

#[test]
fn low_resolution_is_never_joined() {
    let v = volume([8, 8, 8], &(0..512).map(|i| (i % 13) as f32).collect::<Vec<_>>());
    let out = then(&then(&v, "simulate_low_resolution", json!(0.5)), "resample", json!({"shape": 5}));
    let text = out.explain().unwrap();
    assert!(text.contains("never joined") && !text.contains("joined into one"), "{text}");
}

#[test]
fn a_users_own_step_and_label_renaming_run_in_their_place() {
    #[derive(Debug)]
    struct Doubled;
    impl Transform for Doubled {
        fn plan(&self, _: &Facts<'_>, _: Key) -> medcore::Result<Vec<Step>> {
            let run = |mut s: Sample| {
                for item in &mut s.items {
                    if let Value::Volume(v) = &item.value {
                        let twice: Vec<f32> = v.to_f32()?.iter().map(|x| x * 2.0).collect();
                        item.value = Value::Volume(Volume::from_f32(*v.grid(), &twice)?);
                    }
                }
                Ok(s)
            };
            Ok(vec![Step::Host(medcore::Host {
                label: "doubled".into(),
                run: medcore::HostRun::Sample(Arc::new(run)),
            })])
        }
    }
    let host = Node::own("double", Category::Spatial, Arc::new(Doubled), false, "doubled");
    let nodes = vec![
        Node::new("clamp", json!({"max": 3})).unwrap(),
        host,
        Node::new("clamp", json!({"max": 5})).unwrap(),
    ];
    let out = Pipeline::new(nodes).apply_to_volume(&volume([4, 1, 1], &[1.0, 2.0, 3.0, 4.0])).unwrap();
    assert_eq!(values(&out), [2.0, 4.0, 5.0, 5.0]);
}

#[test]
fn grids_that_differ_are_shown_both() {
    let sample = LazySample::default()
        .with("image", LazyItem::Volume(volume([4, 1, 1], &[0.0; 4])))
        .with("label", LazyItem::Volume(label([3, 1, 1], &[0; 3])));
    let text = Pipeline::new(vec![Node::new("flip", json!(0)).unwrap()])
        .apply(&sample, "", 0)
        .unwrap_err()
        .to_string();
    assert!(text.contains("4 x 1 x 1") && text.contains("3 x 1 x 1") && text.contains("label"), "{text}");
}

#[test]
fn grids_that_differ_can_be_made_one() {
    let shifted = |shape: [usize; 3], voxels: &[u8]| {
        let grid = Grid::new(shape, Affine::translate([1.0, 0.0, 0.0]));
        let v = Volume::packed(Arc::new(voxels.to_vec()), DType::U8, grid, vec![], Arc::default()).unwrap();
        LazyItem::Volume(LazyVolume::from_volume_as(v, Role::Label).unwrap())
    };
    let sample = |l: LazyItem| {
        LazySample::default().with("image", LazyItem::Volume(volume([4, 1, 1], &[0.0; 4]))).with("label", l)
    };
    let flip = || Pipeline::new(vec![Node::new("flip", json!(0)).unwrap()]);
    let run = |rule: Mismatch, l: LazyItem| {
        let out = flip().with_mismatch(rule).apply(&sample(l), "", 0).map_err(|e| e.to_string())?;
        Ok::<_, String>(values(out[0].volume("label").unwrap()))
    };
    assert_eq!(run(Mismatch::Resample, shifted([3, 1, 1], &[1, 2, 3])).unwrap(), [3.0, 2.0, 1.0, 0.0]);
    assert_eq!(run(Mismatch::TrustShape, shifted([4, 1, 1], &[1, 2, 3, 4])).unwrap(), [4.0, 3.0, 2.0, 1.0]);
    assert!(run(Mismatch::TrustShape, shifted([3, 1, 1], &[1, 2, 3])).unwrap_err().contains("label"));
    assert!(run(Mismatch::Error, shifted([4, 1, 1], &[1, 2, 3, 4])).unwrap_err().contains("label"));
}

#[test]
fn labels_that_are_not_whole_are_refused() {
    let grid = Grid::new([3, 1, 1], Affine::IDENTITY);
    let whole = Volume::from_f32(grid, &[0.0, 300.0, 2.0]).unwrap();
    let lazy = LazyVolume::from_volume_as(whole, Role::Label).unwrap();
    assert_eq!(lazy.facts().unwrap().dtype, DType::U16);
    let half = Volume::from_f32(grid, &[0.0, 0.5, 2.0]).unwrap();
    assert!(LazyVolume::from_volume_as(half, Role::Label).unwrap_err().to_string().contains("0.5"));
}

#[test]
fn bad_parameters_are_named_when_the_step_is_chained() {
    let v = volume([4, 4, 4], &[0.0; 64]);
    for (name, value, word) in [
        ("resample", json!({"spacing": "x"}), "list of three"),
        ("gaussian_noise", json!({"std": "x"}), "log_uniform"),
        ("flip", json!({"axes": null}), "xz"),
        ("resample", json!({"spacing": [1, 0, 1]}), "spacing"),
        ("resample", json!({"spacing": 1e-6}), "bytes"),
        ("resample", json!({"spacing": 1e-3}), "bytes"),
        ("resample", json!({"spacing": 1, "shape": 3}), "spacing"),
        ("reorient", json!("RRS"), "orientation"),
        ("clamp", json!({"min": 2, "max": 1}), "min"),
        ("gaussian_noise", json!({"std": -1}), "std"),
        ("gaussian_smooth", json!({"sigma": [1, 2, -3]}), "sigma"),
        ("flip", json!([0, 0]), "axes"),
        ("flip", json!([3]), "axes"),
        ("rot90", json!({"axes": [1]}), "axes"),
        ("rescale", json!({"percentiles": [-1, 50]}), "percentiles"),
        ("z_normalize", json!({"p": 2}), "p"),
        ("cast", json!("float31"), "dtype"),
        ("affine", json!({"scale": 0}), "scale"),
        ("simulate_low_resolution", json!(2), "scale"),
    ] {
        let text = refused(&v, name, value.clone());
        assert!(
            text.contains(word) && text.contains(name.split('_').next().unwrap()),
            "{name} {value}: {text}"
        );
    }
}

#[test]
fn pipeline_files_read_back() {
    let text = "
medoxide: 1
seed: 7
transforms:
  - reorient: RAS
  - z_normalize
  - gaussian_noise: {uniform: [0, 0.1]}
  - affine: {rotate: {uniform: [-10, 10]}, p: 0.2, id: turn, keys: [image]}
";
    let p = Pipeline::from_yaml(text).unwrap();
    let again = Pipeline::from_yaml(&p.to_yaml()).unwrap();
    assert_eq!(p.to_value(), again.to_value());
    assert_eq!(again.seed(), 7);
    assert_eq!(p.nodes()[3].header.p, 0.2);
    for (bad, word) in [
        ("medoxide: 2\ntransforms: []", "medoxide"),
        ("transforms: []", "medoxide"),
        ("medoxide: 1\ntransform: []", "transform"),
        ("medoxide: 1\ntransforms: [{flipp: 0}]", "flip"),
        ("medoxide: 1\ntransforms: [{flip: 9}]", "entry 1"),
        ("- a", "map"),
        ("{", "pipeline"),
    ] {
        let text = Pipeline::from_yaml(bad).unwrap_err().to_string();
        assert!(text.contains(word), "{bad}: {text}");
    }
}

#[test]
fn a_patch_of_a_turned_file_reads_only_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::new([64, 60, 56], Affine::from_spacing([1.0, 1.2, 0.9]));
    let voxels: Vec<f32> = (0..grid.len()).map(|i| ((i * 7919) % 1009) as f32).collect();
    let volume = Volume::from_f32(grid, &voxels).unwrap();
    let options = medio::SaveOptions { gzip: medio::Gzip::Blocks(4 << 10), ..medio::SaveOptions::default() };
    let steps = [
        Node::new("clamp", json!({"min": 5})).unwrap(),
        Node::new("affine", json!({"rotate": [0, 0, 12]})).unwrap(),
        Node::new("crop", json!({"start": [28, 26, 20], "shape": [9, 8, 7]})).unwrap(),
    ];
    let chain = |v: LazyVolume| steps.iter().fold(v, |v, s| v.then(s.clone(), Some(1)).unwrap());
    // Four members in each slice.
    for (name, members, how) in [("a.nii", 0, "reads:"), ("a.nii.gz", 56 * 4, "inflated")] {
        let path = folder.path().join(name);
        medio::save(&path, &volume, &options).unwrap();
        let part = chain(LazyVolume::open(&path).unwrap());
        let memory = chain(LazyVolume::from_volume(medio::open(&path).unwrap().load().unwrap()));
        assert_eq!(values(&part), values(&memory));
        let medpipe::Source::File(read) = part.source() else { panic!("a file") };
        let share = read.bytes_read() as f64 / (grid.len() * 4) as f64;
        assert!(share < 0.2, "{name}: {share}");
        assert!(read.members_inflated() <= members / 8, "{name}: {} members", read.members_inflated());
        assert!(part.explain().unwrap().contains(how));
    }
}

/// Of a gzip stream with frames, the region of each is read by itself where that inflates less than everything; the plan says how much, and so much
/// it is.
#[test]
fn frames_of_a_stream_are_read_one_by_one_where_that_is_less() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::new([160, 140, 30], Affine::IDENTITY);
    let n = grid.len() * 6;
    let voxels: Vec<u8> =
        (0..n as u32).flat_map(|i| (i.wrapping_mul(2654435761) >> 21).to_le_bytes()).collect();
    let volume = Volume::packed(Arc::new(voxels), DType::F32, grid, vec![6], Arc::default()).unwrap();
    let path = folder.path().join("a.nii.gz");
    let options = medio::SaveOptions { gzip: medio::Gzip::Single, ..medio::SaveOptions::default() };
    medio::save(&path, &volume, &options).unwrap();
    let all = (352 + n * 4) as u64;
    let planned = |v: &LazyVolume| -> u64 {
        let text = v.explain().unwrap();
        let before = text.split(" inflated").next().unwrap();
        before.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let part = |v: &LazyVolume| {
        let crop = Node::new("crop", json!({"start": [28, 26, 5], "shape": [9, 8, 7]})).unwrap();
        v.then(crop, Some(1)).unwrap()
    };
    let visit = |v: LazyVolume, file: &medio::VolumeFile| {
        let (plan, before) = (planned(&v), file.bytes_inflated());
        let found = values(&v);
        (plan, file.bytes_inflated() - before, found)
    };
    let right = values(&part(&LazyVolume::from_volume(volume.clone())));
    for (keep, whole) in [(false, true), (true, false)] {
        let file = medio::open(&path).unwrap().with_checkpoints(keep);
        let open = || LazyVolume::of_file(file.clone(), Role::Image).unwrap();
        let (plan, cost, found) = visit(part(&open()), &file);
        assert_eq!(found, right);
        assert!(whole == (plan == all) && cost.abs_diff(plan) < all / 4, "{plan} planned, {cost} inflated");
        // Later the checkpoints are known.
        let (plan, cost, found) = visit(part(&open()), &file);
        assert_eq!(found, right);
        assert!(
            if whole { plan == all } else { plan < all * 3 / 4 && cost.abs_diff(plan) < all / 20 },
            "{plan}, {cost}"
        );
        // A frame near the end, and two.
        for picks in [vec![4], vec![1, 5]] {
            let before = file.bytes_inflated();
            for &p in &picks {
                let frame = open().frames(&[medpipe::Pick::One(p)]).unwrap();
                assert_eq!(values(&frame), values(&LazyVolume::from_volume(volume.channel(p))));
            }
            let cost = (file.bytes_inflated() - before) as usize;
            let bound = picks.len() * (grid.len() * 4 + (5 << 18));
            assert!(whole || cost < bound, "{picks:?}: {cost} of {bound}");
        }
    }
    let plain = folder.path().join("a.nii");
    medio::save(&plain, &volume, &options).unwrap();
    assert!(!part(&LazyVolume::open(&plain).unwrap()).explain().unwrap().contains("inflated"));
}

#[test]
fn a_transform_that_has_nothing_to_do_says_so() {
    let v = volume([4, 3, 2], &[1.0; 24]);
    let steps = [
        ("reorient", json!("RAS")),
        ("clamp", json!({"min": 0})),
        ("resample", json!(1)),
        ("cast", json!("float32")),
    ];
    let done = steps.iter().fold(v.clone(), |v, (name, value)| then(&v, name, value.clone()));
    let text = done.explain().unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[3], "-  reorient: nothing to do", "{text}");
    assert!(lines[4].starts_with("1. clamp"), "{text}");
    assert_eq!(lines[5..7], ["-  resample: nothing to do", "-  cast: nothing to do"], "{text}");
    let nodes = steps.map(|(name, value)| Node::new(name, value).unwrap());
    let sample = LazySample::of_volume(v).with("label", LazyItem::Volume(label([4, 3, 2], &[0; 24])));
    let text = Pipeline::new(nodes.to_vec()).explain(&sample, "", false).unwrap();
    assert_eq!(text.matches("resample: nothing to do").count(), 2, "{text}");
    assert_eq!(text.matches("cast: nothing to do").count(), 1, "{text}");
}
