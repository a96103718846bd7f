//! Functions of the caller, in any place of a pipeline.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use medcore::{Affine, DType, Error, Grid, Item, Points, Role, Sample, Value, Volume};
use medpipe::{Cache, Call, Function, Layout, LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::json;

const SHAPE: [usize; 3] = [6, 5, 4];

fn ramp() -> Volume {
    let voxels: Vec<f32> = (0..120).map(|v| v as f32).collect();
    Volume::from_f32(Grid::new(SHAPE, Affine::IDENTITY), &voxels).unwrap()
}

fn node(name: &str, value: serde_json::Value) -> Node {
    Node::new(name, value).unwrap()
}

/// A function of single volumes by what it does to a value, and how often it was called.
fn each(f: impl Fn(f32) -> f32 + Send + Sync + 'static) -> (Node, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let run = move |volume: Volume, _: &Call| {
        count.fetch_add(1, Ordering::Relaxed);
        let values: Vec<f32> = volume.to_f32()?.into_iter().map(&f).collect();
        Volume::from_f32(*volume.grid(), &values)
    };
    (Node::function("mine", Function::Volume(Arc::new(run)), false), calls)
}

fn values(lazy: &LazyVolume) -> Vec<f32> {
    lazy.compute().unwrap().to_f32().unwrap()
}

#[test]
fn a_function_stands_anywhere_and_is_called_when_values_are_asked_for() {
    for before in [false, true] {
        for fuse in [false, true] {
            let (mine, calls) = each(|v| v * v);
            let mut nodes = vec![
                node("crop", json!({"start": [1, 1, 1], "shape": [4, 4, 3]})),
                node("clamp", json!({"max": 50})),
            ];
            nodes.insert(if before { 0 } else { 2 }, mine);
            nodes.push(node("flip", json!("x")));
            let pipeline = Pipeline::new(nodes).with_fuse(fuse);
            let out = pipeline.apply_to_volume(&LazyVolume::from_volume(ramp())).unwrap();
            assert_eq!((out.grid().shape, calls.load(Ordering::Relaxed)), ([4, 4, 3], 0));
            assert!(out.explain().unwrap().contains("mine  ["), "{}", out.explain().unwrap());
            let want = |x: usize, y: usize, z: usize| {
                let v = (4 - x + 6 * (y + 1) + 30 * (z + 1)) as f32;
                if before { (v * v).min(50.0) } else { v.min(50.0) * v.min(50.0) }
            };
            let all: Vec<f32> = (0..48).map(|i| want(i % 4, i / 4 % 4, i / 16)).collect();
            assert_eq!(values(&out), all);
            assert_eq!(calls.load(Ordering::Relaxed), 1);
            let c = out.compute_as(None, Layout::ZFastest).unwrap();
            assert_eq!(c.to_f32().unwrap(), all);
        }
    }
}

#[test]
fn patches_of_one_visit_share_one_call() {
    let (mine, calls) = each(|v| -v);
    let nodes = vec![mine, node("random_crop", json!({"shape": 3, "count": 4}))];
    let sample = LazySample::default().with("image", LazyItem::Volume(LazyVolume::from_volume(ramp())));
    let made = Pipeline::new(nodes).with_seed(1).apply(&sample, "a", 0).unwrap();
    for patch in &made {
        assert!(values(patch.volume("image").unwrap()).iter().all(|v| *v <= 0.0));
    }
    assert_eq!((made.len(), calls.load(Ordering::Relaxed)), (4, 1));
}

#[test]
fn roles_and_keys_decide_what_a_function_is_called_on() {
    let seen: Arc<Mutex<Vec<(Option<String>, DType)>>> = Arc::default();
    let told = seen.clone();
    let run = move |volume: Volume, call: &Call| {
        told.lock().unwrap().push((call.item.clone(), volume.stored_dtype()));
        Ok(volume)
    };
    let mine = Node::function("mine", Function::Volume(Arc::new(run)), false);
    let label =
        Volume::packed(Arc::new(vec![3u8; 240]), DType::I16, *ramp().grid(), vec![], Arc::default()).unwrap();
    let sample = LazySample::default()
        .with("image", LazyItem::Volume(LazyVolume::from_volume(ramp())))
        .with("label", LazyItem::Volume(LazyVolume::from_volume_as(label, Role::Label).unwrap()));
    for (node, want) in
        [(mine.clone(), ("image", DType::F32)), (mine.clone().with_keys(&["label"]), ("label", DType::I16))]
    {
        let out = Pipeline::new(vec![node]).apply(&sample, "", 0).unwrap().remove(0);
        for (_, item) in &out.items {
            if let LazyItem::Volume(v) = item {
                v.compute().unwrap();
            }
        }
        let taken = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(taken, [(Some(want.0.to_owned()), want.1)]);
    }
}

#[test]
fn draws_are_named_by_sample_epoch_and_item() {
    let draw = |id: &str, epoch: u64| {
        let run =
            |volume: Volume, call: &Call| Volume::from_f32(*volume.grid(), &[call.key.uniform() as f32; 120]);
        let nodes = vec![Node::function("mine", Function::Volume(Arc::new(run)), true)];
        assert!(nodes[0].is_random());
        let pipeline = Pipeline::new(nodes).with_seed(3);
        values(&pipeline.apply_to_volume_as(&LazyVolume::from_volume(ramp()), id, epoch).unwrap())[0]
    };
    assert_eq!(draw("a", 0).to_bits(), draw("a", 0).to_bits());
    assert_ne!(draw("a", 0).to_bits(), draw("a", 1).to_bits());
    assert_ne!(draw("a", 0).to_bits(), draw("b", 0).to_bits());
}

#[test]
fn results_that_do_not_fit_are_errors() {
    let smaller =
        |volume: Volume, _: &Call| Volume::from_f32(Grid::new([1, 1, 1], volume.grid().affine), &[0.0]);
    let nodes = vec![Node::function("smaller", Function::Volume(Arc::new(smaller)), false)];
    let text = Pipeline::new(nodes)
        .apply_to_volume(&LazyVolume::from_volume(ramp()))
        .unwrap()
        .compute()
        .unwrap_err();
    assert!(text.to_string().contains("smaller: found a result of shape [1, 1, 1]"), "{text}");

    let label =
        Volume::packed(Arc::new(vec![3u8; 120]), DType::U8, *ramp().grid(), vec![], Arc::default()).unwrap();
    let label = LazyVolume::from_volume_as(label, Role::Label).unwrap();
    for (factor, want) in [(2.0, Ok(6.0)), (100.0, Err("does not hold")), (0.5, Err("1.5"))] {
        let run = move |volume: Volume, _: &Call| {
            let values: Vec<f32> = volume.to_f32()?.into_iter().map(|v| v * factor).collect();
            Volume::from_f32(*volume.grid(), &values)
        };
        let node = Node::function("times", Function::Volume(Arc::new(run)), false).with_keys(&["label"]);
        let made = Pipeline::new(vec![node]).apply_to_volume(&label).unwrap().compute();
        match want {
            Ok(v) => {
                let made = made.unwrap();
                assert_eq!((made.stored_dtype(), made.to_f32().unwrap()[0]), (DType::U8, v));
            }
            Err(part) => assert!(made.unwrap_err().to_string().contains(part)),
        }
    }
}

#[test]
fn a_function_of_a_sample_may_change_all_of_it() {
    let run = |mut sample: Sample, call: &Call| {
        assert!(call.item.is_none());
        let image = sample.volume("image").cloned().ok_or_else(|| Error::shape("image", "none", "one"))?;
        let grid = Grid::new([2, 5, 4], image.grid().affine);
        sample.items[0].value = Value::Volume(Volume::from_f32(grid, &[1.0; 40])?);
        sample.items.push(Item {
            name: "points".into(),
            role: Role::Points,
            value: Value::Points(Points { world: vec![[1.0, 2.0, 3.0]] }),
        });
        Ok(sample)
    };
    let mine = Node::function("cut", Function::Sample(Arc::new(run)), false);
    let alone = LazySample::default().with("image", LazyItem::Volume(LazyVolume::from_volume(ramp())));
    let pipeline = Pipeline::new(vec![mine, node("flip", json!("y"))]);
    let out = pipeline.apply(&alone, "", 0).unwrap().remove(0);
    assert_eq!(out.volume("image").unwrap().grid().shape, [2, 5, 4]);
    assert_eq!(out.items.len(), 2);
    assert!(pipeline.explain(&alone, "", false).unwrap().contains("then, once function has"));

    let two = alone.with("mask", LazyItem::Volume(LazyVolume::from_volume(ramp())));
    let text = pipeline.apply(&two, "", 0).unwrap_err().to_string();
    assert!(
        text.contains("cut: found \"image\" on 2 x 5 x 4") && text.contains("one grid, as before"),
        "{text}"
    );
}

#[test]
fn a_cache_ends_before_a_function_and_no_recipe_holds_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    medio::save(&path, &ramp(), &medio::SaveOptions::default()).unwrap();
    let (mine, calls) = each(|v| v + 1.0);
    let cache = Cache::in_memory(1 << 20);
    let pipeline = Pipeline::new(vec![node("flip", json!("x")), mine]).with_cache(&cache);
    for visit in 1..=2 {
        let out = pipeline.apply_to_volume(&LazyVolume::open(&path).unwrap()).unwrap();
        assert_eq!(values(&out)[0], 6.0);
        assert_eq!((calls.load(Ordering::Relaxed), cache.stats().entries), (visit, 1));
        assert!(out.recipe().is_none());
    }
}
