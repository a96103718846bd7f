//! Patches chosen by labels, weights and grids: how often each place is drawn, against what each rule says it should be.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{Affine, DType, Grid, Place, Role, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline, WindowRule, Windows};
use serde_json::{Value as Json, json};

type Voxel = [usize; 3];
type Start = [i64; 3];

/// Patches drawn in each test of how often.
const DRAWS: usize = 20_000;

fn grid(shape: Voxel) -> Grid {
    Grid::new(shape, Affine::IDENTITY)
}

fn voxels(shape: Voxel) -> impl Iterator<Item = Voxel> + Clone {
    let [x, y, z] = shape;
    (0..x * y * z).map(move |n| [n % x, n / x % y, n / x / y])
}

fn image(shape: Voxel, value: impl Fn(Voxel) -> f32) -> LazyVolume {
    let values: Vec<f32> = voxels(shape).map(value).collect();
    LazyVolume::from_volume(Volume::from_f32(grid(shape), &values).unwrap())
}

fn map(shape: Voxel, value: impl Fn(Voxel) -> f32) -> LazyVolume {
    let values: Vec<f32> = voxels(shape).map(value).collect();
    LazyVolume::from_volume_as(Volume::from_f32(grid(shape), &values).unwrap(), Role::Map).unwrap()
}

fn label(shape: Voxel, value: impl Fn(Voxel) -> i64) -> LazyVolume {
    let bytes: Vec<u8> = voxels(shape).flat_map(|v| value(v).to_ne_bytes()).collect();
    let v = Volume::packed(Arc::new(bytes), DType::I64, grid(shape), vec![], Arc::default()).unwrap();
    LazyVolume::from_volume_as(v, Role::Label).unwrap()
}

fn sample(items: &[(&str, &LazyVolume)]) -> LazySample {
    items.iter().fold(LazySample::default(), |s, (name, v)| s.with(name, LazyItem::Volume((*v).clone())))
}

fn pipeline(name: &str, value: Json) -> Pipeline {
    Pipeline::new(vec![Node::new(name, value).unwrap()]).with_seed(11)
}

/// Where patches begin, in voxels of a grid with an identity affine.
fn starts(made: &[LazySample]) -> Vec<Start> {
    let of = |s: &LazySample| {
        let first =
            s.items.iter().find_map(|(_, i)| if let LazyItem::Volume(v) = i { Some(v) } else { None });
        first.unwrap().facts().unwrap().grid.affine.translation().map(|v| v as i64)
    };
    made.iter().map(of).collect()
}

fn drawn(name: &str, value: Json, s: &LazySample) -> Vec<Start> {
    starts(&pipeline(name, value).apply(s, "case", 0).unwrap())
}

/// MONAI's `correct_crop_centers` and `SpatialCrop` (1.6), in its own steps.
fn monai(centre: Voxel, patch: Voxel, n: Voxel) -> Start {
    [0, 1, 2].map(|i| {
        let m = patch[i].min(n[i]);
        let first = m / 2;
        let mut end = (n[i] as f64 + 1.0 - m as f64 / 2.0) as usize;
        if first == end {
            end += 1;
        }
        let c = centre[i].max(first).min(end - 1);
        c as i64 - (m / 2) as i64 - ((patch[i] - m) / 2) as i64
    })
}

/// nnU-Net's `get_bbox` (version 2): the least and the greatest start of a patch anywhere, and the start around a voxel.
fn nnunet(patch: Voxel, n: Voxel, beyond: Voxel) -> ([[i64; 2]; 3], impl Fn(Voxel) -> Start) {
    let limits = [0, 1, 2].map(|i| {
        let (m, n, mut pad) = (patch[i] as i64, n[i] as i64, beyond[i] as i64);
        if pad + n < m {
            pad = m - n;
        }
        [(-pad).div_euclid(2), n + pad.div_euclid(2) + pad.rem_euclid(2) - m]
    });
    (limits, move |v| [0, 1, 2].map(|i| limits[i][0].max(v[i] as i64 - (patch[i] / 2) as i64)))
}

/// Every place equally likely.
fn anywhere(limits: [[i64; 2]; 3]) -> BTreeMap<Start, f64> {
    let axis = |i: usize| limits[i][0]..=limits[i][1];
    let all: Vec<Start> =
        axis(0).flat_map(|x| axis(1).flat_map(move |y| axis(2).map(move |z| [x, y, z]))).collect();
    all.iter().map(|s| (*s, 1.0 / all.len() as f64)).collect()
}

/// Voxels with weights, and where patches around them begin.
fn around(
    weights: impl IntoIterator<Item = (Voxel, f64)>,
    place: impl Fn(Voxel) -> Start,
) -> BTreeMap<Start, f64> {
    let weights: Vec<_> = weights.into_iter().collect();
    let total: f64 = weights.iter().map(|w| w.1).sum();
    let mut out = BTreeMap::new();
    for (v, w) in weights.into_iter().filter(|w| w.1 > 0.0) {
        *out.entry(place(v)).or_default() += w / total;
    }
    out
}

/// A share of the one and the rest of the other.
fn mixed(share: f64, a: &BTreeMap<Start, f64>, b: &BTreeMap<Start, f64>) -> BTreeMap<Start, f64> {
    let mut out = BTreeMap::new();
    for (map, share) in [(a, share), (b, 1.0 - share)] {
        for (s, p) in map {
            *out.entry(*s).or_default() += share * p;
        }
    }
    out
}

/// Pearson's chi-square of what was drawn, five standard deviations allowed.
fn fits(found: &[Start], want: &BTreeMap<Start, f64>) {
    let mut counts: BTreeMap<Start, f64> = BTreeMap::new();
    for s in found {
        assert!(want.contains_key(s), "{s:?} should never be drawn");
        *counts.entry(*s).or_default() += 1.0;
    }
    let n = found.len() as f64;
    let square: f64 =
        want.iter().map(|(s, p)| (counts.get(s).copied().unwrap_or(0.0) - n * p).powi(2) / (n * p)).sum();
    let free = (want.len() - 1) as f64;
    assert!(square <= free + 5.0 * (2.0 * free).sqrt() + 1e-9, "chi-square {square} with {free} degrees");
}

/// The voxels of a label value.
fn of(shape: Voxel, label: impl Fn(Voxel) -> i64, value: i64) -> Vec<(Voxel, f64)> {
    let own: Vec<_> = voxels(shape).filter(|v| label(*v) == value).collect();
    let each = 1.0 / own.len().max(1) as f64;
    own.into_iter().map(|v| (v, each)).collect()
}

/// Three labels of different size, one of them too large for a float.
const LARGE: i64 = (1 << 53) + 1;

fn parts(v: Voxel) -> i64 {
    match v {
        [x, _, 0] if x > 4 => LARGE,
        [_, 1 | 2, _] => 1,
        [0, 0, 0] => -4,
        _ => 0,
    }
}

const SHAPE: Voxel = [7, 5, 4];

fn plain() -> LazySample {
    sample(&[("image", &image(SHAPE, |v| v[0] as f32)), ("seg", &label(SHAPE, parts))])
}

#[test]
fn foreground_is_drawn_as_often_as_it_should_be_and_monais_way() {
    let at = |fore: bool| voxels(SHAPE).filter(move |v| (parts(*v) != 0) == fore).map(|v| (v, 1.0));
    for patch in [[3, 2, 4], [4, 5, 1], [2, 9, 3], [7, 5, 4]] {
        let place = |v| monai(v, patch, SHAPE);
        for share in [0.0, 0.25, 1.0] {
            let rule = json!({"shape": patch, "count": DRAWS, "foreground": share});
            let want = mixed(share, &around(at(true), place), &around(at(false), place));
            let want = want.into_iter().filter(|(_, p)| *p > 0.0).collect();
            fits(&drawn("random_crop_by_label", rule, &plain()), &want);
        }
    }
    // Half, if nothing is said.
    let place = |v| monai(v, [3, 3, 3], SHAPE);
    let want = mixed(0.5, &around(at(true), place), &around(at(false), place));
    fits(&drawn("random_crop_by_label", json!({"shape": 3, "count": DRAWS}), &plain()), &want);
}

#[test]
fn every_voxel_becomes_the_box_that_monai_makes_of_it() {
    for shape in [[7, 5, 4], [1, 6, 3], [9, 1, 1], [2, 2, 2]] {
        for patch in [[3, 2, 4], [4, 5, 1], [1, 1, 1], [5, 7, 3], [6, 6, 6]] {
            for voxel in voxels(shape) {
                let one = label(shape, |v| i64::from(v == voxel) * 300);
                let s = sample(&[("seg", &one)]);
                let found = drawn("random_crop_by_label", json!({"shape": patch, "foreground": 1.0}), &s);
                assert_eq!(found, [monai(voxel, patch, shape)], "{voxel:?} of {shape:?}, {patch:?}");
            }
        }
    }
}

#[test]
fn background_lies_where_the_image_is_above_a_value_and_foreground_anywhere() {
    let rule = json!({"shape": 2, "count": DRAWS, "foreground": 0.4, "image": "image", "above": 2.0});
    let place = |v| monai(v, [2; 3], SHAPE);
    let fore = voxels(SHAPE).filter(|v| parts(*v) != 0).map(|v| (v, 1.0));
    let back = voxels(SHAPE).filter(|v| parts(*v) == 0 && v[0] > 2).map(|v| (v, 1.0));
    let want = mixed(0.4, &around(fore, place), &around(back, place));
    fits(&drawn("random_crop_by_label", rule, &plain()), &want);
    // Nowhere above: foreground is all that is left; neither: anywhere.
    let only = json!({"shape": 1, "count": 500, "image": "image", "above": 100.0});
    let found = drawn("random_crop_by_label", only.clone(), &plain());
    assert!(found.iter().all(|s| parts(s.map(|v| v as usize)) != 0));
    let empty = sample(&[("image", &image(SHAPE, |_| 0.0)), ("seg", &label(SHAPE, |_| 0))]);
    fits(
        &drawn("random_crop_by_label", json!({"shape": 3, "count": DRAWS, "image": "image"}), &empty),
        &anywhere([[0, 4], [0, 2], [0, 1]]),
    );
    let strict = json!({"shape": 1, "image": "image", "absent": "error"});
    let e = pipeline("random_crop_by_label", strict).apply(&empty, "", 0).unwrap_err().to_string();
    assert!(e.contains("no voxel that can be chosen"), "{e}");
}

#[test]
fn classes_are_drawn_by_weight_and_absent_ones_left_out() {
    let weights = [(0, 1.0), (1, 2.0), (LARGE, 3.0)];
    let mut table: serde_json::Map<String, Json> =
        weights.iter().map(|(v, w)| (v.to_string(), json!(w))).collect();
    // Not there, though it is there for who looks through floats.
    table.insert((LARGE - 1).to_string(), json!(50.0));
    table.insert("-4".into(), json!(0.0));
    let rule = |more: Json| {
        let mut all = json!({"shape": [3, 2, 3], "count": DRAWS, "classes": table.clone()});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let weighted = |keep: &dyn Fn(Voxel) -> bool| {
        let mut out = vec![];
        for (value, weight) in weights {
            let own: Vec<_> = voxels(SHAPE).filter(|v| parts(*v) == value && keep(*v)).collect();
            out.extend(own.iter().map(|v| (*v, weight / own.len() as f64)));
        }
        out
    };
    let place = |v| monai(v, [3, 2, 3], SHAPE);
    fits(&drawn("random_crop_by_label", rule(json!({})), &plain()), &around(weighted(&|_| true), place));
    let bright = rule(json!({"image": "image", "above": 3.5}));
    fits(&drawn("random_crop_by_label", bright, &plain()), &around(weighted(&|v| v[0] > 3), place));
    // TorchIO: only voxels whose patch lies inside; a label that has none of them is absent.
    let inside = |v: Voxel| (1..6).contains(&v[0]) && (1..5).contains(&v[1]) && (1..3).contains(&v[2]);
    let place = |v: Voxel| [v[0] as i64 - 1, v[1] as i64 - 1, v[2] as i64 - 1];
    let want = around(weighted(&inside), place);
    fits(&drawn("random_crop_by_label", rule(json!({"edges": "skip"})), &plain()), &want);
}

#[test]
fn a_share_is_forced_by_chance_and_the_others_lie_anywhere() {
    let patch = [3, 4, 2];
    let place = |v| monai(v, patch, SHAPE);
    let both = |a: f64, b: f64| {
        let of = |value, weight| of(SHAPE, parts, value).into_iter().map(move |(v, w)| (v, w * weight));
        around(of(1, a).chain(of(LARGE, b)), place)
    };
    let all = anywhere([[0, 4], [0, 1], [0, 2]]);
    // Labels below 0 are not foreground here.
    let rule = json!({"shape": patch, "count": DRAWS, "forced": 0.33});
    fits(&drawn("random_crop_by_label", rule, &plain()), &mixed(0.33, &both(1.0, 1.0), &all));
    let mut table = serde_json::Map::new();
    table.insert(LARGE.to_string(), json!(4));
    table.insert("1".into(), json!(1));
    let rule = json!({"shape": patch, "count": DRAWS, "forced": 0.5, "classes": table});
    fits(&drawn("random_crop_by_label", rule, &plain()), &mixed(0.5, &both(1.0, 4.0), &all));
    let empty = sample(&[("seg", &label(SHAPE, |_| 0))]);
    let rule = json!({"shape": patch, "count": DRAWS, "forced": 1.0});
    fits(&drawn("random_crop_by_label", rule, &empty), &all);
}

#[test]
fn the_last_rows_of_a_batch_are_forced_as_nnunet_counts_them() {
    // A volume of background but for one voxel: a forced patch of one voxel is that one.
    let s = sample(&[("seg", &label([11, 13, 17], |v| i64::from(v == [5, 6, 7])))]);
    let forced =
        |made: &[LazySample]| -> Vec<bool> { starts(made).iter().map(|s| *s == [5, 6, 7]).collect() };
    for share in [0.0, 0.33, 0.5, 0.75, 1.0] {
        for rows in 1..9usize {
            // Python rounds half to even.
            let first = (rows as f64 * (1.0 - share)).round_ties_even() as usize;
            let want: Vec<bool> = (0..rows).map(|row| row >= first).collect();
            let p = pipeline(
                "random_crop_by_label",
                json!({"shape": 1, "count": rows, "forced": share, "forced_by": "place"}),
            );
            assert_eq!(forced(&p.apply(&s, "", 0).unwrap()), want, "{share} of {rows}");
            // One patch a visit, told its row.
            let p =
                pipeline("random_crop_by_label", json!({"shape": 1, "forced": share, "forced_by": "place"}));
            let each = (0..rows).flat_map(|row| p.apply_at(&s, "", 0, &[Place { row, of: rows }]).unwrap());
            assert_eq!(forced(&each.collect::<Vec<_>>()), want, "{share} of {rows}, one by one");
        }
    }
}

#[test]
fn nnunets_boxes_reach_beyond_the_volume_as_its_loader_makes_them() {
    for (patch, beyond) in [([4, 3, 2], [0, 0, 0]), ([5, 4, 3], [3, 2, 0]), ([9, 6, 7], [1, 0, 2])] {
        let (limits, place) = nnunet(patch, SHAPE, beyond);
        let edges = json!({ "nnunet": beyond });
        let rule = json!({"shape": patch, "count": DRAWS, "forced": 0.0, "edges": edges});
        fits(&drawn("random_crop_by_label", rule, &plain()), &anywhere(limits));
        for voxel in voxels(SHAPE) {
            let s = sample(&[("seg", &label(SHAPE, |v| i64::from(v == voxel)))]);
            let rule = json!({"shape": patch, "forced": 1.0, "edges": edges});
            assert_eq!(drawn("random_crop_by_label", rule, &s), [place(voxel)], "{voxel:?} {patch:?}");
        }
    }
}

#[test]
fn voxels_are_drawn_by_their_weights() {
    let weight = |v: Voxel| if v[1] == 2 { 0.0 } else { (v[0] * v[0]) as f32 + 0.25 * v[2] as f32 };
    let s = sample(&[("image", &image(SHAPE, |_| 0.0)), ("where", &map(SHAPE, weight))]);
    let all = |keep: &dyn Fn(Voxel) -> bool| {
        voxels(SHAPE).filter(|v| keep(*v)).map(|v| (v, f64::from(weight(v)))).collect::<Vec<_>>()
    };
    // TorchIO's voxels: those whose patch lies inside.
    let inside = |v: Voxel| (1..6).contains(&v[0]) && (2..4).contains(&v[1]) && v[2] >= 1;
    let place = |v: Voxel| [v[0] as i64 - 1, v[1] as i64 - 2, v[2] as i64 - 1];
    let rule = json!({"shape": [3, 4, 2], "count": DRAWS});
    fits(&drawn("random_crop_by_weight", rule, &s), &around(all(&inside), place));
    let rule = json!({"shape": [3, 4, 2], "count": DRAWS, "edges": "shift", "map": "where"});
    let place = |v| monai(v, [3, 4, 2], SHAPE);
    fits(&drawn("random_crop_by_weight", rule, &s), &around(all(&|_| true), place));
    // Along an axis no longer than the patch every voxel has its weight.
    let rule = json!({"shape": [7, 9, 1], "count": DRAWS});
    let place = |v: Voxel| [0, -2, v[2] as i64];
    fits(&drawn("random_crop_by_weight", rule, &s), &around(all(&|_| true), place));
}

#[test]
fn weights_that_are_none_are_told_with_their_place() {
    for (weight, said) in [(-1.0, "-1"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let s = sample(&[("m", &map(SHAPE, |v| if v == [3, 2, 1] { weight } else { 1.0 }))]);
        let e = pipeline("random_crop_by_weight", json!({"shape": 1})).apply(&s, "", 0).unwrap_err();
        let e = e.to_string();
        assert!(e.contains(said) && e.contains("[3, 2, 1]") && e.contains("\"m\""), "{e}");
    }
    let s = sample(&[("m", &map(SHAPE, |_| 0.0))]);
    let rule = |absent: &str| json!({"shape": 4, "count": DRAWS, "absent": absent});
    fits(&drawn("random_crop_by_weight", rule("uniform"), &s), &anywhere([[0, 3], [0, 1], [0, 0]]));
    let e = pipeline("random_crop_by_weight", rule("error")).apply(&s, "", 0).unwrap_err().to_string();
    assert!(e.contains("no voxel has weight"), "{e}");
    let none = pipeline("random_crop_by_weight", json!({"shape": 1})).apply(&plain(), "", 0);
    assert!(none.unwrap_err().to_string().contains("a map item"));
}

#[test]
fn a_grid_covers_every_voxel_where_windows_lie() {
    let rules =
        [(WindowRule::Monai, "monai"), (WindowRule::Nnunet, "nnunet"), (WindowRule::Torchio, "torchio")];
    for shape in [[7, 5, 4], [16, 3, 1], [1, 1, 1], [10, 10, 9]] {
        for patch in [[4, 4, 4], [3, 5, 2], [1, 2, 9]] {
            for overlap in [0.0, 0.5] {
                for (rule, name) in rules {
                    let numbers = image(shape, |v| (v[0] + shape[0] * (v[1] + shape[1] * v[2])) as f32 + 1.0);
                    let p = pipeline("grid_crop", json!({"shape": patch, "overlap": overlap, "rule": name}));
                    assert_eq!(p.patches(), None);
                    let made = p.apply(&sample(&[("image", &numbers)]), "", 0).unwrap();
                    let windows = Windows::new(&grid(shape), patch, [overlap; 3], rule).unwrap();
                    let want: Vec<Start> = (0..windows.len())
                        .map(|n| {
                            let (w, pad) = (windows.get(n).start, windows.padding());
                            [0, 1, 2].map(|i| w[i] as i64 - pad[i][0] as i64)
                        })
                        .collect();
                    assert_eq!(starts(&made), want);
                    let mut seen = vec![false; shape.iter().product()];
                    for s in &made {
                        let v = s.volume("image").unwrap().compute().unwrap();
                        assert_eq!(v.grid().shape, patch);
                        v.to_f32()
                            .unwrap()
                            .iter()
                            .filter(|v| **v > 0.0)
                            .for_each(|v| seen[*v as usize - 1] = true);
                    }
                    assert!(seen.iter().all(|s| *s), "{shape:?} by {patch:?}, {name}");
                }
            }
        }
    }
    let e = pipeline("grid_crop", json!({"shape": 2, "overlap": 1.0})).apply(&plain(), "", 0).unwrap_err();
    assert!(e.to_string().contains("grid_crop: overlap is 1"), "{e}");
}

#[test]
fn labels_are_looked_at_where_the_pipeline_has_brought_them() {
    let before = [
        json!({"reorient": "PIR"}),
        json!({"crop": {"start": [1, 0, 1], "shape": [4, 3, 5]}}),
        json!({"resample": {"shape": [6, 5, 9]}}),
    ];
    let cut = json!({"random_crop_by_label": {"shape": 2, "count": 300, "classes": {"1": 1, "0": 2}, "image": "image"}});
    let nodes = |list: &[Json]| -> Vec<Node> {
        let one =
            |v: &Json| v.as_object().unwrap().iter().map(|(k, v)| Node::new(k, v.clone()).unwrap()).next();
        list.iter().filter_map(one).collect()
    };
    let all: Vec<Json> = before.iter().cloned().chain([cut.clone()]).collect();
    let lazy = Pipeline::new(nodes(&all)).with_seed(3).apply(&plain(), "a", 0).unwrap();
    let made = Pipeline::new(nodes(&before)).with_seed(3).apply(&plain(), "a", 0).unwrap();
    let computed = |s: &LazySample, name: &str, role| {
        LazyVolume::from_volume_as(s.volume(name).unwrap().compute().unwrap(), role).unwrap()
    };
    let (i, l) = (computed(&made[0], "image", Role::Image), computed(&made[0], "seg", Role::Label));
    let then = Pipeline::new(nodes(&[cut])).with_seed(3);
    let then = then.apply(&sample(&[("image", &i), ("seg", &l)]), "a", 0).unwrap();
    let bits = |made: &[LazySample]| -> Vec<Vec<f32>> {
        made.iter().map(|s| s.volume("seg").unwrap().compute().unwrap().to_f32().unwrap()).collect()
    };
    assert_eq!(bits(&lazy), bits(&then));
    let affines = |made: &[LazySample]| -> Vec<Affine> {
        made.iter().map(|s| s.volume("image").unwrap().facts().unwrap().grid.affine).collect()
    };
    assert_eq!(affines(&lazy), affines(&then));
}

#[test]
fn choices_do_not_depend_on_threads_or_the_order_of_memory() {
    let shape = [130, 90, 70];
    let seg = |v: Voxel| ((v[0] / 7 + v[1] / 5 + v[2] / 9) % 4) as i64;
    let c_order = |v: &LazyVolume, role| {
        let v = v.compute().unwrap();
        let [x, y, z] = shape;
        let size = v.stored_dtype().bytes();
        let mut packed = vec![0u8; v.grid().len() * size];
        v.copy_channel(0, &mut packed).unwrap();
        let mut bytes = vec![0u8; packed.len()];
        for (n, voxel) in packed.chunks(size).enumerate() {
            let at = (n / x / y + z * (n / x % y + y * (n % x))) * size;
            bytes[at..at + size].copy_from_slice(voxel);
        }
        let strides = [(y * z) as isize, z as isize, 1];
        let v = Volume::strided(Arc::new(bytes), v.stored_dtype(), *v.grid(), 0, strides, vec![], vec![]);
        LazyVolume::from_volume_as(v.unwrap(), role).unwrap()
    };
    let (l, m) = (label(shape, seg), map(shape, |v| (v[0] * v[1]) as f32));
    let rules = [
        ("random_crop_by_label", json!({"shape": 9, "count": 50, "image": "m", "above": 100})),
        ("random_crop_by_weight", json!({"shape": 9, "count": 50})),
    ];
    for (name, rule) in rules {
        let mut found = vec![];
        for threads in [1, 2, 5] {
            medkernels::threads::set_threads(Some(threads));
            for (l, m) in [(l.clone(), m.clone()), (c_order(&l, Role::Label), c_order(&m, Role::Map))] {
                found.push(drawn(name, rule.clone(), &sample(&[("seg", &l), ("m", &m)])));
            }
        }
        medkernels::threads::set_threads(None);
        assert!(found.iter().all(|f| *f == found[0]), "{name}");
    }
}

#[test]
fn wrong_rules_are_told() {
    let said =
        |value: Json| pipeline("random_crop_by_label", value).apply(&plain(), "", 0).unwrap_err().to_string();
    assert!(said(json!({"shape": 0})).contains("shape"));
    assert!(said(json!({"shape": 2, "foreground": 1.5})).contains("foreground is 1.5"));
    assert!(said(json!({"shape": 2, "foreground": 0.5, "forced": 0.5})).contains("two rules"));
    assert!(said(json!({"shape": 2, "classes": {"1": -1}})).contains("classes"));
    assert!(said(json!({"shape": 2, "classes": {}})).contains("classes"));
    assert!(said(json!({"shape": 2, "label": "liver"})).contains("liver"));
    assert!(said(json!({"shape": 2, "label": "image"})).contains("float32"));
    assert!(said(json!({"shape": 2, "image": "ct"})).contains("ct"));
}
