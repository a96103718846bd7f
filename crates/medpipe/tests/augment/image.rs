//! Images that are made of labels, and images that wrap around.

use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::{Value, json};

use super::given::is_drawn_from;
use super::label::{labels, volume};

const SHAPE: [usize; 3] = [40, 30, 20];

fn made(seed: u64, parameters: Value) -> Vec<f32> {
    let node = Node::new("labels_to_image", parameters).unwrap();
    let made = volume(SHAPE, &labels(SHAPE, 3, 2)).then(node, Some(seed)).unwrap();
    assert_eq!(made.role(), Role::Image);
    made.compute().unwrap().to_f32().unwrap()
}

fn by_label(values: &[f32]) -> BTreeMap<u8, Vec<f32>> {
    let mut out: BTreeMap<u8, Vec<f32>> = BTreeMap::new();
    labels(SHAPE, 3, 2).into_iter().zip(values).for_each(|(l, v)| out.entry(l).or_default().push(*v));
    out
}

#[test]
fn tissues_are_normal_with_the_numbers_given() {
    let given =
        json!({"means": {"0": 0, "1": 5, "2": -3, "3": 100}, "stds": {"0": 0, "1": 1, "2": 0.5, "3": 20}});
    let want = [(0.0, 0.0), (5.0, 1.0), (-3.0, 0.5), (100.0, 20.0)];
    for (label, values) in by_label(&made(4, given)) {
        let (mean, std) = want[label as usize];
        if std == 0.0 {
            assert!(values.iter().all(|v| *v == 0.0));
            continue;
        }
        let normal = |x: f64| 0.5 * libm::erfc((mean - x) / std / std::f64::consts::SQRT_2);
        assert!(values.len() > 1000 && is_drawn_from(&values, normal), "label {label}");
    }
}

#[test]
fn means_and_deviations_are_drawn_for_each_label() {
    let (mut means, mut alike) = (vec![], 0);
    for seed in 0..150 {
        let given = json!({"mean": [10, 30], "std": [0, 0], "same": {"3": 1}, "means": {"2": [50, 60]}});
        let each: Vec<f32> = by_label(&made(seed, given))
            .into_values()
            .map(|values| {
                assert!(values.iter().all(|v| *v == values[0]));
                values[0]
            })
            .collect();
        assert!(each[3] == each[1] && (50.0..60.0).contains(&each[2]), "{each:?}");
        alike += usize::from(each[0] == each[1]);
        means.extend([each[0], each[1]]);
    }
    assert_eq!(alike, 0);
    assert!(is_drawn_from(&means, |x| (x - 10.0) / 20.0));
}

fn sample() -> LazySample {
    let image =
        Volume::from_f32(Grid::new(SHAPE, Affine::from_spacing(super::label::SPACING)), &vec![7.0; 24_000]);
    LazySample::default()
        .with("image", LazyItem::Volume(LazyVolume::from_volume(image.unwrap())))
        .with("label", LazyItem::Volume(volume(SHAPE, &labels(SHAPE, 3, 2))))
}

fn apply(nodes: &[(&str, Value)], epoch: u64) -> LazySample {
    let nodes = nodes.iter().map(|(name, value)| Node::new(name, value.clone()).unwrap()).collect();
    Pipeline::new(nodes).with_seed(6).apply(&sample(), "a", epoch).unwrap().remove(0)
}

#[test]
fn the_image_is_new_or_replaced_and_later_transforms_see_it() {
    let new = apply(&[("labels_to_image", json!({"image": "synthetic"})), ("clamp", json!({"max": 0.3}))], 0);
    let names: Vec<&str> = new.items.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image", "label", "synthetic"]);
    let values = |s: &LazySample, name: &str| s.volume(name).unwrap().compute().unwrap().to_f32().unwrap();
    assert!(
        values(&new, "synthetic").iter().all(|v| *v <= 0.3) && values(&new, "image") == vec![0.3; 24_000]
    );
    let (mut real, mut made) = (0, 0);
    for epoch in 0..40 {
        let s = apply(&[("labels_to_image", json!({"p": 0.5}))], epoch);
        assert_eq!(s.items.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["image", "label"]);
        if values(&s, "image") == vec![7.0; 24_000] { real += 1 } else { made += 1 }
    }
    assert!(real > 8 && made > 8, "{real} {made}");
}

/// The noise of a voxel is that of its place in the whole image: a patch is a part of it.
#[test]
fn a_patch_is_a_part_of_the_whole() {
    let crop = ("crop", json!({"start": [3, 4, 5], "shape": [10, 9, 8]}));
    let whole = apply(&[("labels_to_image", json!({}))], 3);
    let part = apply(&[("labels_to_image", json!({})), crop], 3);
    let whole = whole.volume("image").unwrap().compute().unwrap().to_f32().unwrap();
    let part = part.volume("image").unwrap().compute().unwrap().to_f32().unwrap();
    for (i, v) in part.iter().enumerate() {
        let [x, y, z] = [3 + i % 10, 4 + i / 10 % 9, 5 + i / 90];
        assert_eq!(*v, whole[x + 40 * (y + 30 * z)]);
    }
}

#[test]
fn what_lies_outside_the_field_of_view_is_folded_in() {
    for shape in [[12usize, 7, 5], [9, 10, 1], [1, 8, 6]] {
        let grid = Grid::new(shape, Affine::IDENTITY);
        let voxels: Vec<f32> =
            (0..grid.len() as u64).map(|i| Key::new(2).index(i).uniform() as f32).collect();
        for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
            for (fraction, intensity) in [(0.25, 1.0), (0.5, 0.5), (0.8, 1.0), (0.0, 1.0)] {
                let given = json!({"fraction": fraction, "intensity": intensity, "axes": name});
                let lazy = LazyVolume::from_volume(Volume::from_f32(grid, &voxels).unwrap());
                let found = lazy.then(Node::new("wrap_around", given).unwrap(), Some(1)).unwrap();
                let found = found.compute().unwrap().to_f32().unwrap();
                let n = shape[axis];
                let period = ((n as f64 * (1.0 - fraction)).round_ties_even() as usize).max(1);
                let step: usize = shape[..axis].iter().product();
                for (i, v) in found.iter().enumerate() {
                    let at = i / step % n;
                    let line = |k: usize| f64::from(voxels[i - at * step + k * step]);
                    let folded: f64 =
                        (0..n).filter(|k| *k != at && k.abs_diff(at) % period == 0).map(line).sum();
                    let want = f64::from(voxels[i]) + intensity * folded;
                    assert!((f64::from(*v) - want).abs() < 1e-5, "{shape:?}, {name}, {fraction}: {v} {want}");
                }
            }
        }
    }
}

#[test]
fn shares_of_tissues_are_summed() {
    let (n, channels) = (SHAPE.iter().product::<usize>(), 3);
    let share = |i: usize| (Key::new(3).index(i as u64).uniform()) as f32;
    let shares: Vec<f32> = (0..n * channels).map(share).collect();
    let map = |voxels: &[f32]| {
        let bytes = bytemuck::cast_slice(voxels).to_vec();
        let grid = Grid::new(SHAPE, Affine::IDENTITY);
        let v = Volume::packed(Arc::new(bytes), DType::F32, grid, vec![channels], Arc::default()).unwrap();
        LazyVolume::from_volume_as(v, Role::Map).unwrap()
    };
    let made = |v: &LazyVolume, stds: Value| {
        let given = json!({"means": {"0": 4, "1": -3, "2": 50}, "std": [0, 0], "stds": stds});
        let made = v.then(Node::new("labels_to_image", given).unwrap(), Some(4)).unwrap();
        assert_eq!((made.role(), made.facts().unwrap().extra), (Role::Image, vec![]));
        made
    };
    let v = map(&shares);
    let flat = made(&v, json!({}));
    let values = flat.compute().unwrap().to_f32().unwrap();
    for (i, found) in values.iter().enumerate() {
        assert_eq!(*found, shares[i] * 4.0 + shares[n + i] * -3.0 + shares[2 * n + i] * 50.0);
    }
    // Each tissue has noise of its own, of which a voxel has its share; a region has that of the whole.
    let noisy = made(&v, json!({"1": 2, "2": 5}));
    let crop = json!({"start": [3, 8, 11], "shape": [9, 2, 5]});
    let part =
        noisy.then(Node::new("crop", crop).unwrap(), None).unwrap().compute().unwrap().to_f32().unwrap();
    let noisy = noisy.compute().unwrap().to_f32().unwrap();
    for (i, found) in part.iter().enumerate() {
        assert_eq!(*found, noisy[(3 + i % 9) + SHAPE[0] * ((8 + i / 9 % 2) + SHAPE[1] * (11 + i / 18))]);
    }
    let over: Vec<f32> = (0..n)
        .map(|i| {
            let std = (2.0 * shares[n + i]).hypot(5.0 * shares[2 * n + i]);
            (noisy[i] - values[i]) / std
        })
        .collect();
    assert!(is_drawn_from(&over, |x| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)));
}
