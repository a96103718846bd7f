//! Displaced content: voxels, labels and landmarks against the composed map, looked up naively in f64.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{Affine, DType, Facts, Grid, Key, Map, Points, Role, Step, Transform, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::{Value as Json, json};

const SHAPE: [usize; 3] = [23, 19, 17];

fn grid() -> Grid {
    Grid::new(SHAPE, Affine::new([[0.0, -1.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]], [4.0, -3.0, 7.0]))
}

fn node(step: &Json) -> Node {
    let (name, value) = step.as_object().unwrap().iter().next().unwrap();
    Node::new(name, value.clone()).unwrap()
}

/// The one map of a chain, from the last voxels to the first.
fn composed(steps: &[Json]) -> Map {
    let mut grid = grid();
    let mut map = Map::from(Affine::IDENTITY);
    for (n, step) in steps.iter().enumerate() {
        let node = node(step);
        let key = Key::new(3).sample("a").epoch(0);
        let facts = Facts { grid: &grid, items: &[], item: None, places: &[] };
        let planned = Pipeline::new(vec![node.clone()]);
        assert!(planned.patches() == Some(1), "step {n} cuts");
        for step in node.transform().unwrap().plan(&facts, key).unwrap() {
            let Step::Warp(w) = step else { panic!("a warp") };
            map = map.after(&w.map);
            grid = w.grid;
        }
    }
    map
}

/// The eight neighbours of a coordinate, held at the edge (or `None` outside), and their weights.
fn neighbours(c: [f64; 3], edge: bool) -> Vec<(Option<usize>, f64)> {
    (0..8usize)
        .map(|corner| {
            let (mut place, mut weight, mut step) = (Some(0), 1.0, 1);
            for axis in 0..3 {
                let (below, upper) = (c[axis].floor(), corner >> axis & 1);
                let w = c[axis] - below;
                weight *= if upper == 1 { w } else { 1.0 - w };
                let i = below as i64 + upper as i64;
                let n = SHAPE[axis] as i64;
                let inside = (edge || (0..n).contains(&i)).then(|| i.clamp(0, n - 1) as usize);
                place = place.zip(inside).map(|(p, i)| p + i * step);
                step *= SHAPE[axis];
            }
            (place, weight)
        })
        .collect()
}

/// Chains in which nothing is drawn, with values that displace much.
fn chains() -> Vec<Vec<Json>> {
    let points: Vec<[f64; 3]> =
        (0..120u64).map(|n| [0, 1, 2].map(|a| Key::new(n).index(a).uniform() * 3.0 - 1.5)).collect();
    let elastic = |mode: &str| json!({"elastic": {"control_points": [4, 5, 6], "displacements": points, "mode": mode, "label_interpolation": "linear", "label_value": 9}});
    let affine = |mode: &str| json!({"affine": {"rotate": [5, -8, 12], "scale": 1.1, "mode": mode, "label_interpolation": "linear", "label_value": 9}});
    let stretch =
        json!({"affine": {"scale": [1.1, 0.9, 1.2], "mode": "edge", "label_interpolation": "linear"}});
    let steps = [vec![1.2, 0.7, 1.1], vec![0.6, 1.3, 1.0], vec![1.0, 1.4, 0.9]];
    let distort = |mode: &str| json!({"grid_distortion": {"cells": 2, "steps": steps, "mode": mode, "label_interpolation": "linear", "label_value": 9}});
    let field: Vec<Vec<Vec<[f64; 3]>>> = (0..5u64)
        .map(|x| {
            (0..3u64)
                .map(|y| {
                    (0..4u64)
                        .map(|z| {
                            [0, 1, 2].map(|a| Key::new(x).index(y).index(z).index(a).uniform() * 2.0 - 1.0)
                        })
                        .collect()
                })
                .collect()
        })
        .collect();
    let displace = |mode: &str| json!({"displace": {"field": field, "frame": "lps", "mode": mode, "label_interpolation": "linear", "label_value": 9}});
    let about_world = json!({"affine": {"rotate": [-7, 12, 4], "frame": "ras", "order": "yxz", "sequence": ["rotate", "translate", "scale", "shear"], "mode": "edge", "label_interpolation": "linear"}});
    let in_world = json!({"elastic": {"control_points": [4, 5, 6], "displacements": points, "frame": "lps", "mode": "edge", "label_interpolation": "linear"}});
    vec![
        vec![displace("edge")],
        vec![affine("constant"), displace("constant"), affine("constant")],
        vec![about_world, displace("edge"), in_world],
        vec![elastic("edge")],
        vec![elastic("constant")],
        vec![distort("edge")],
        vec![distort("constant")],
        vec![affine("edge"), elastic("edge")],
        vec![elastic("constant"), affine("constant")],
        vec![elastic("edge"), stretch, distort("edge"), elastic("edge")],
        vec![affine("constant"), elastic("constant"), affine("constant")],
    ]
}

fn images() -> (LazyVolume, Vec<f32>) {
    let voxels: Vec<f32> =
        (0..grid().len() as u64).map(|i| (Key::new(i).uniform() * 100.0 - 30.0) as f32).collect();
    (LazyVolume::from_volume(Volume::from_f32(grid(), &voxels).unwrap()), voxels)
}

fn labels() -> (LazyVolume, Vec<i16>) {
    let voxels: Vec<i16> = (0..grid().len())
        .map(|n| ((n % SHAPE[0] / 4 + n / SHAPE[0] % SHAPE[1] / 3 + n / 950) % 4) as i16 - 1)
        .collect();
    let bytes = bytemuck::cast_slice(&voxels).to_vec();
    let v = Volume::packed(Arc::new(bytes), DType::I16, grid(), vec![], Arc::default()).unwrap();
    (LazyVolume::from_volume_as(v, Role::Label).unwrap(), voxels)
}

fn run(v: &LazyVolume, steps: &[Json]) -> LazyVolume {
    Pipeline::new(steps.iter().map(node).collect()).with_seed(3).apply_to_volume(v).unwrap()
}

fn voxels() -> impl Iterator<Item = [f64; 3]> {
    let [x, y, z] = SHAPE;
    (0..x * y * z).map(move |n| [n % x, n / x % y, n / x / y].map(|i| i as f64))
}

#[test]
fn images_are_sampled_once_where_the_composed_map_says() {
    let (image, given) = images();
    for steps in chains() {
        let out = run(&image, &steps);
        let plan = out.explain().unwrap();
        assert_eq!(plan.matches("interpolate").count().max(1), 1, "{plan}");
        let map = composed(&steps);
        let edge = steps[0].to_string().contains("\"edge\"");
        let found = out.compute().unwrap().to_f32().unwrap();
        for (at, found) in voxels().zip(found) {
            let value = |(place, w): (Option<usize>, f64)| w * place.map_or(0.0, |p| f64::from(given[p]));
            let want: f64 = neighbours(map.apply(at), edge).into_iter().map(value).sum();
            // Displacements are f32: 1e-6 voxels of differences up to 100 between neighbours.
            assert!((f64::from(found) - want).abs() < 2e-3, "{at:?}: {found} not {want}\n{plan}");
        }
    }
}

#[test]
fn labels_are_those_of_the_largest_share() {
    let (label, given) = labels();
    for steps in chains() {
        let out = run(&label, &steps);
        let map = composed(&steps);
        let edge = steps[0].to_string().contains("\"edge\"");
        let made = out.compute().unwrap();
        let found = made.as_packed::<i16>().unwrap();
        let mut mixed = 0;
        for (at, found) in voxels().zip(found) {
            let mut shares = BTreeMap::new();
            for (place, w) in neighbours(map.apply(at), edge) {
                *shares.entry(place.map_or(9, |p| given[p])).or_insert(0.0) += w;
            }
            let most = shares.values().fold(0.0f64, |a, b| a.max(*b));
            assert!(shares.get(found).is_some_and(|s| *s > most - 1e-5), "{at:?}: {found} of {shares:?}");
            mixed += usize::from(shares.len() > 1);
        }
        assert!(mixed > 500, "{mixed} voxels lie between labels");
    }
}

#[test]
fn a_part_of_a_deformed_volume_is_part_of_the_whole() {
    let ((image, _), (label, _)) = (images(), labels());
    for steps in chains() {
        let crop = json!({"crop": {"start": [5, 3, 2], "shape": [9, 11, 7]}});
        let with: Vec<Json> = steps.iter().cloned().chain([crop.clone()]).collect();
        for (v, role) in [(&image, Role::Image), (&label, Role::Label)] {
            let whole = LazyVolume::from_volume_as(run(v, &steps).compute().unwrap(), role);
            let cut = run(&whole.unwrap(), std::slice::from_ref(&crop)).compute().unwrap();
            let part = run(v, &with).compute().unwrap();
            assert_eq!(part.to_f32().unwrap(), cut.to_f32().unwrap(), "{steps:?}");
        }
    }
}

#[test]
fn landmarks_go_where_the_content_goes() {
    let (image, _) = images();
    for steps in chains() {
        let world: Vec<[f64; 3]> = voxels().step_by(97).map(|at| grid().world(at)).collect();
        let points = Points { world: world.clone() };
        let sample = LazySample::default()
            .with("image", LazyItem::Volume(image.clone()))
            .with("points", LazyItem::Points(points));
        let nodes = steps.iter().map(node).collect();
        let out = Pipeline::new(nodes).with_seed(3).apply(&sample, "a", 0).unwrap().remove(0);
        let Some(LazyItem::Points(p)) = out.items.iter().find(|(n, _)| n == "points").map(|(_, i)| i.clone())
        else {
            panic!("points are there")
        };
        let (map, back) = (composed(&steps), grid().affine.inverse().unwrap());
        for (before, after) in world.iter().zip(&p.world) {
            let (found, want) = (map.apply(back.apply(*after)), back.apply(*before));
            assert!((0..3).all(|a| (found[a] - want[a]).abs() < 1e-5), "{found:?} not {want:?}");
        }
    }
}

#[test]
fn a_landmark_in_a_fold_is_an_error() {
    let (image, _) = images();
    let displacements: Vec<[f64; 3]> =
        (0..64).map(|n| [if n % 2 == 0 { 40.0 } else { -40.0 }, 0.0, 0.0]).collect();
    let sample = LazySample::default().with("image", LazyItem::Volume(image.clone())).with(
        "points",
        LazyItem::Points(Points { world: voxels().step_by(7).map(|at| grid().world(at)).collect() }),
    );
    let folded = node(&json!({"elastic": {"control_points": 4, "displacements": displacements}}));
    let text = Pipeline::new(vec![folded]).apply(&sample, "a", 0).unwrap_err().to_string();
    assert!(text.contains("elastic") && text.contains("landmark") && text.contains("fold"), "{text}");
    let drawn = run(&image, &[json!({"elastic": {"control_points": 9, "max_displacement": 20}})]);
    assert!(drawn.explain().unwrap().contains("may fold"));
    let mild = run(&image, &[json!({"elastic": {"control_points": 5, "max_displacement": 1}})]);
    assert!(!mild.explain().unwrap().contains("may fold"));
}

#[test]
fn control_points_are_uniform_and_locked_at_the_borders() {
    let facts = grid();
    let facts = Facts { grid: &facts, items: &[], item: None, places: &[] };
    for (locked, inner) in [(0, 6usize), (1, 4), (2, 2)] {
        let elastic: medaug::Elastic = serde_json::from_value(
            json!({"control_points": 6, "max_displacement": [3, 1.5, 4], "locked_borders": locked}),
        )
        .unwrap();
        let mut moved = 0;
        let mut extent = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
        for seed in 0..40 {
            let Step::Warp(w) = elastic.plan(&facts, Key::new(seed)).unwrap().remove(0) else {
                panic!("a warp")
            };
            // At a face, points of the third layer weigh a sixth along its axis.
            let off = |c: [f64; 3]| (0..3).map(|a| (w.map.apply(c)[a] - c[a]).abs()).fold(0.0, f64::max);
            let corner = off([0.0; 3]);
            assert!(if locked == 2 { corner < 0.1 } else { corner > 0.0 }, "{locked}: {corner}");
            for at in voxels().step_by(31) {
                let there = w.map.apply(at);
                for a in 0..3 {
                    extent[a] = [extent[a][0].min(there[a] - at[a]), extent[a][1].max(there[a] - at[a])];
                }
                moved += usize::from(off(at) > 0.0);
            }
        }
        assert!(moved > 1000 * inner, "{moved}");
        // Along y, x and z voxels measure 1, 1.5 and 2 mm: displacements in voxels are at most so large, and come near it.
        for (a, most) in [3.0, 1.0, 2.0].into_iter().enumerate() {
            assert!(extent[a][0] >= -most && extent[a][1] <= most);
            assert!(extent[a][0] < -0.2 * most && extent[a][1] > 0.2 * most, "{extent:?}");
        }
    }
}

#[test]
fn noise_is_as_smooth_and_as_strong_as_smoothed_white_noise() {
    let g = Grid::new([40, 36, 33], Affine::IDENTITY);
    let facts = Facts { grid: &g, items: &[], item: None, places: &[] };
    let planned = |value: Json, seed: u64| -> Map {
        let noise: medaug::ElasticNoise = serde_json::from_value(value).unwrap();
        let Step::Warp(w) = noise.plan(&facts, Key::new(seed)).unwrap().remove(0) else { panic!("a warp") };
        w.map
    };
    for sigma in [2.0, 3.7] {
        // Products of displacements at the same place and at distances along the axes, over draws and places.
        let distances = [0.0, 0.5 * sigma, sigma, 2.0 * sigma, 4.0 * sigma];
        let mut sums = [[0.0; 5]; 3];
        let (mut count, mut across) = (0, 0.0);
        for seed in 0..120 {
            let map = planned(json!({"sigma": sigma, "magnitude": 2, "scale": "deviation"}), seed);
            let off = |c: [f64; 3]| [0, 1, 2].map(|a| map.apply(c)[a] - c[a]);
            for n in 0..40u64 {
                let at = [0, 1, 2].map(|a| Key::new(n).index(a).uniform() * 16.0);
                let here = off(at);
                for along in 0..3 {
                    for (i, d) in distances.iter().enumerate() {
                        let mut there = at;
                        there[along] += d;
                        let there = off(there);
                        (0..3).for_each(|a| sums[along][i] += here[a] * there[a]);
                    }
                }
                across += here[0] * here[1];
                count += 3;
            }
        }
        for sums in sums {
            let variance = sums[0] / f64::from(count);
            assert!((variance / 4.0 - 1.0).abs() < 0.12, "{sigma}: variance {variance}");
            for (d, sum) in distances.iter().zip(sums) {
                let (found, want) = (sum / sums[0], libm::exp(-d * d / (4.0 * sigma * sigma)));
                assert!((found - want).abs() < 0.1, "{sigma}: correlation {found} at {d}, not {want}");
            }
        }
        assert!((across / f64::from(count)).abs() < 0.3, "axes correlate: {across}");
    }
    let map = planned(json!({"sigma": 2, "magnitude": 3, "scale": "peak"}), 5);
    let mut largest = [0.0f64; 3];
    for n in 0..g.len() {
        let c = [n % 40, n / 40 % 36, n / 1440].map(|i| i as f64);
        (0..3).for_each(|a| largest[a] = largest[a].max((map.apply(c)[a] - c[a]).abs()));
    }
    assert!(largest.iter().all(|l| (2.4..3.15).contains(l)), "{largest:?}");
}

#[test]
fn orientations_and_sizes_are_equally_likely() {
    let g = Grid::new([5, 6, 7], Affine::IDENTITY);
    let facts = Facts { grid: &g, items: &[], item: None, places: &[] };
    for (mirror, kinds) in [(false, 24), (true, 48)] {
        let turn = medaug::RandomOrientation { mirror };
        let mut seen = BTreeMap::new();
        for seed in 0..48_000 {
            let planned = turn.plan(&facts, Key::new(seed)).unwrap();
            let map = match planned.first() {
                Some(Step::Warp(w)) => *w.map.affine().unwrap(),
                _ => Affine::IDENTITY,
            };
            assert!(mirror || map.determinant() > 0.0);
            *seen.entry(format!("{map:?}")).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), kinds);
        let each = 48_000.0 / kinds as f64;
        // Six deviations of a count.
        assert!(seen.values().all(|&n| (f64::from(n) - each).abs() < 6.0 * each.sqrt()), "{seen:?}");
    }
    let crop: medaug::RandomSizedCrop =
        serde_json::from_value(json!({"smallest": [2, 6, 3], "largest": [4, 9, 7]})).unwrap();
    let mut seen = BTreeMap::new();
    for seed in 0..15_000 {
        let planned = crop.plan(&facts, Key::new(seed)).unwrap();
        let (shape, start) = match planned.first() {
            Some(Step::Warp(w)) => (w.grid.shape, w.map.affine().unwrap().translation()),
            _ => (g.shape, [0.0; 3]),
        };
        assert!((0..3).all(|a| start[a] >= 0.0 && start[a] as usize + shape[a] <= g.shape[a]));
        *seen.entry(shape).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 15);
    assert!(seen.values().all(|&n: &i32| (n - 1000).abs() < 190), "{seen:?}");
    assert!(seen.keys().all(|s| s[1] == 6 && (2..=4).contains(&s[0]) && (3..=7).contains(&s[2])));
}

#[test]
fn swapped_patches_change_places() {
    let (image, given) = images();
    let places = json!([[[0, 1, 2], [10, 9, 8]], [[11, 9, 8], [0, 0, 0]]]);
    let found = run(&image, &[json!({"swap": {"shape": [3, 4, 5], "places": places}})]);
    let found = found.compute().unwrap().to_f32().unwrap();
    let mut want = given.clone();
    let at = |p: [usize; 3], n: usize| {
        let v = [p[0] + n % 3, p[1] + n / 3 % 4, p[2] + n / 12];
        v[0] + SHAPE[0] * (v[1] + SHAPE[1] * v[2])
    };
    for (a, b) in [([0, 1, 2], [10, 9, 8]), ([11, 9, 8], [0, 0, 0])] {
        (0..60).for_each(|n| want.swap(at(a, n), at(b, n)));
    }
    assert_eq!(found, want);
    let drawn = run(&image, &[json!({"swap": {"shape": 4, "count": 20}})]);
    let drawn = drawn.compute().unwrap().to_f32().unwrap();
    assert_ne!(drawn, given);
    let sorted = |mut v: Vec<f32>| {
        v.sort_by(f32::total_cmp);
        v
    };
    // Patches that overlap lose voxels; apart they only move.
    let apart =
        run(&image, &[json!({"swap": {"shape": 1, "count": 50}})]).compute().unwrap().to_f32().unwrap();
    assert_eq!(sorted(apart), sorted(given));
}
