//! Changes of labels, against their definitions voxel by voxel.

use std::collections::BTreeMap;
use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::{Value, json};

pub(crate) const SPACING: [f64; 3] = [1.0, 1.5, 2.0];

/// Blobs of the values from 1, with holes and voxels that stand alone.
pub(crate) fn labels(shape: [usize; 3], values: u64, seed: u64) -> Vec<u8> {
    let n = shape.iter().product::<usize>();
    let at = |i: usize| [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
    let of = |i: usize| {
        let [x, y, z] = at(i).map(|c| (c / 2) as u64);
        let key = Key::new(seed);
        let coarse = key.index(x + 100 * (y + 100 * z)).below(2 * values);
        let single = key.text("single").index(i as u64);
        if single.uniform() < 0.1 {
            single.text("value").below(values + 1)
        } else {
            coarse.saturating_sub(values - 1)
        }
    };
    (0..n).map(|i| of(i) as u8).collect()
}

pub(crate) fn volume(shape: [usize; 3], voxels: &[u8]) -> LazyVolume {
    let grid = Grid::new(shape, Affine::from_spacing(SPACING));
    let v = Volume::packed(Arc::new(voxels.to_vec()), DType::U8, grid, vec![], Arc::default()).unwrap();
    LazyVolume::from_volume_as(v, Role::Label).unwrap()
}

fn run(shape: [usize; 3], voxels: &[u8], seed: u64, name: &str, parameters: Value) -> Vec<u8> {
    let made = volume(shape, voxels).then(Node::new(name, parameters).unwrap(), Some(seed)).unwrap();
    let made = made.compute().unwrap();
    assert_eq!(made.stored_dtype(), DType::U8);
    made.storage().bytes().to_vec()
}

const SHAPES: [[usize; 3]; 4] = [[9, 8, 7], [70, 5, 3], [1, 13, 4], [6, 1, 1]];

/// One label grown or shrunk: whether some voxel of the element (or all that lie inside) is in it.
fn naive(v: &[bool], shape: [usize; 3], holds: &dyn Fn([f64; 3]) -> bool, grow: bool) -> Vec<bool> {
    let n = shape.map(|n| n as i64);
    let index = |[x, y, z]: [i64; 3]| {
        let inside = (0..n[0]).contains(&x) && (0..n[1]).contains(&y) && (0..n[2]).contains(&z);
        inside.then(|| (x + n[0] * (y + n[1] * z)) as usize)
    };
    let offsets: Vec<[i64; 3]> = (0..729)
        .map(|i| [i % 9 - 4, i / 9 % 9 - 4, i / 81 - 4])
        .filter(|d| holds(d.map(|d: i64| d.abs() as f64)))
        .collect();
    (0..v.len() as i64)
        .map(|i| {
            let at = [i % n[0], i / n[0] % n[1], i / n[0] / n[1]];
            let mut seen = offsets
                .iter()
                .filter_map(|d| index([at[0] + d[0], at[1] + d[1], at[2] + d[2]]))
                .map(|i| v[i]);
            if grow { seen.any(|v| v) } else { seen.all(|v| v) }
        })
        .collect()
}

/// What an operation makes of one label among others.
fn changed(
    voxels: &mut [u8],
    shape: [usize; 3],
    value: u8,
    operation: &str,
    holds: &dyn Fn([f64; 3]) -> bool,
    overwrite: bool,
) {
    let before: Vec<bool> = voxels.iter().map(|v| *v == value).collect();
    let turns: &[bool] = match operation {
        "dilate" => &[true],
        "erode" => &[false],
        "open" => &[false, true],
        _ => &[true, false],
    };
    let after = turns.iter().fold(before.clone(), |v, grow| naive(&v, shape, holds, *grow));
    for (v, (was, is)) in voxels.iter_mut().zip(before.into_iter().zip(after)) {
        match (was, is) {
            (true, false) => *v = 0,
            (false, true) if overwrite || *v == 0 => *v = value,
            _ => {}
        }
    }
}

#[test]
fn morphology_is_that_of_single_voxels() {
    type Holds = Box<dyn Fn([f64; 3]) -> bool>;
    let ball = |r: f64, s: [f64; 3]| -> Holds {
        Box::new(move |d| (0..3).map(|i| (d[i] * s[i]).powi(2)).sum::<f64>() <= r * r)
    };
    let cases: Vec<(Value, Holds)> = vec![
        (json!({"radius": 1}), ball(1.0, [1.0; 3])),
        (json!({"radius": 2.5}), ball(2.5, [1.0; 3])),
        (json!({"radius": 3, "unit": "mm"}), ball(3.0, SPACING)),
        (json!({"radius": 2, "element": "box"}), Box::new(|d| d.iter().all(|d| *d <= 2.0))),
        (json!({"radius": 2, "element": "cross"}), Box::new(|d| d.iter().sum::<f64>() <= 2.0)),
        (json!({"radius": 0}), ball(0.0, [1.0; 3])),
    ];
    for shape in SHAPES {
        let before = labels(shape, 2, 3);
        for (given, holds) in &cases {
            for operation in ["dilate", "erode", "open", "close"] {
                for (overwrite, of) in [(true, vec![2, 1]), (false, vec![1])] {
                    let mut given = given.clone();
                    given["operation"] = operation.into();
                    given["overwrite"] = overwrite.into();
                    given["labels"] = of.clone().into();
                    let mut want = before.clone();
                    for v in &of {
                        changed(&mut want, shape, *v, operation, &**holds, overwrite);
                    }
                    assert_eq!(
                        run(shape, &before, 1, "morphology", given.clone()),
                        want,
                        "{shape:?} {given}"
                    );
                }
            }
        }
        // All that there are, ascending.
        let mut want = before.clone();
        for v in [1, 2] {
            changed(&mut want, shape, v, "close", &*cases[0].1, false);
        }
        assert_eq!(run(shape, &before, 1, "morphology", json!("close")), want, "{shape:?}");
    }
}

#[test]
fn random_morphology_draws_an_operation_and_a_radius_for_each_label() {
    let shape = [9, 8, 7];
    let before = labels(shape, 2, 5);
    let mut seen = BTreeMap::new();
    for seed in 0..60 {
        let given = json!({"radius": [1, 1.5], "operations": ["dilate", "erode"], "p_per_label": 0.7});
        let found = run(shape, &before, seed, "random_morphology", given);
        let ball = |d: [f64; 3]| d.iter().map(|d| d * d).sum::<f64>() <= 1.5 * 1.5;
        let small = |d: [f64; 3]| d.iter().sum::<f64>() <= 1.0;
        // Every plan that could have been drawn: an order, and for each label nothing or an operation by either of the balls.
        let mut plans = vec![];
        for order in [[1, 2], [2, 1]] {
            for a in 0..5 {
                for b in 0..5 {
                    plans.push((order, [a, b]));
                }
            }
        }
        let made = plans.into_iter().find(|(order, what)| {
            let mut want = before.clone();
            for (value, what) in order.iter().zip(what) {
                let holds: &dyn Fn([f64; 3]) -> bool = if what % 2 == 0 { &small } else { &ball };
                match what {
                    1 | 2 => changed(&mut want, shape, *value, "dilate", holds, true),
                    3 | 4 => changed(&mut want, shape, *value, "erode", holds, true),
                    _ => {}
                }
            }
            want == found
        });
        *seen.entry(made.unwrap()).or_insert(0) += 1;
    }
    assert!(seen.len() > 8, "{seen:?}");
}

/// Components of one value, or of all that are not 0, as lists of voxels.
fn components(v: &[u8], shape: [usize; 3], connectivity: u32, value: Option<u8>) -> Vec<Vec<usize>> {
    let n = shape.map(|n| n as i64);
    let is = |i: usize| value.map_or(v[i] != 0, |value| v[i] == value);
    let (mut seen, mut out) = (vec![false; v.len()], vec![]);
    for first in 0..v.len() {
        if !is(first) || seen[first] {
            continue;
        }
        let (mut left, mut all) = (vec![first], vec![]);
        seen[first] = true;
        while let Some(at) = left.pop() {
            all.push(at);
            let i = at as i64;
            let place = [i % n[0], i / n[0] % n[1], i / n[0] / n[1]];
            for d in 0..27 {
                let d = [d % 3 - 1, d / 3 % 3 - 1, d / 9 - 1];
                let to = [place[0] + d[0], place[1] + d[1], place[2] + d[2]];
                let steps: i64 = d.iter().map(|d: &i64| d.abs()).sum();
                if steps > i64::from(connectivity) || (0..3).any(|a| to[a] < 0 || to[a] >= n[a]) {
                    continue;
                }
                let to = (to[0] + n[0] * (to[1] + n[1] * to[2])) as usize;
                if is(to) && !seen[to] {
                    seen[to] = true;
                    left.push(to);
                }
            }
        }
        out.push(all);
    }
    out
}

#[test]
fn small_components_go() {
    for shape in SHAPES {
        let before = labels(shape, 3, 8);
        for connectivity in 1..=3 {
            for fewest in [2, 5, 20] {
                for (given, values) in [
                    (json!({}), vec![Some(1), Some(2), Some(3)]),
                    (json!({"per_label": false}), vec![None]),
                    (json!({"labels": [2]}), vec![Some(2)]),
                ] {
                    let mut given = given.clone();
                    given["connectivity"] = connectivity.into();
                    given["min_size"] = fewest.into();
                    let mut want = before.clone();
                    for all in values.iter().flat_map(|v| components(&before, shape, connectivity, *v)) {
                        if all.len() < fewest {
                            for i in all {
                                want[i] = 0;
                            }
                        }
                    }
                    let found = run(shape, &before, 1, "remove_small_components", given.clone());
                    assert_eq!(found, want, "{shape:?} {given}");
                    // A voxel has 3 mm3.
                    given["unit"] = "mm3".into();
                    given["min_size"] = (3 * fewest).into();
                    assert_eq!(run(shape, &before, 1, "remove_small_components", given), want);
                }
            }
        }
    }
}

#[test]
fn a_random_component_goes() {
    let shape = [12, 11, 9];
    let before = labels(shape, 3, 4);
    let all = components(&before, shape, 1, Some(3));
    let small: Vec<&Vec<usize>> =
        all.iter().filter(|c| (c.len() as f64) < 0.008 * before.len() as f64).collect();
    assert!(small.len() > 4 && small.len() < all.len(), "{} of {}", small.len(), all.len());
    let mut gone = vec![0; small.len()];
    let given = json!({"max_share": 0.008, "connectivity": 1, "labels": [3]});
    for seed in 0..40 * small.len() as u64 {
        let found = run(shape, &before, seed, "remove_random_component", given.clone());
        let which = small.iter().position(|c| {
            let mut want = before.clone();
            c.iter().for_each(|i| want[*i] = 0);
            want == found
        });
        gone[which.unwrap()] += 1;
    }
    // Each as likely: 40 times, five deviations.
    assert!(gone.iter().all(|n| (8..=72).contains(n)), "{gone:?}");
}

#[test]
fn a_removed_component_may_become_another_label() {
    let (shape, before) = ([7, 1, 1], vec![1, 0, 2, 2, 0, 3, 1]);
    let mut filled = 0;
    for seed in 0..200 {
        let given = json!({"max_share": 1, "fill": 0.5, "labels": [2, 7]});
        let found = run(shape, &before, seed, "remove_random_component", given);
        let of = |v| vec![1, 0, v, v, 0, 3, 1];
        // What has become 7 may become 2 again, if 7 has its turn later.
        assert!([0, 2, 7].iter().any(|v| found == of(*v)), "{found:?}");
        filled += usize::from(found == of(7));
    }
    // A quarter.
    assert!((20..=80).contains(&filled), "{filled}");
    let kept = (0..200).filter(|&seed| {
        run(
            shape,
            &before,
            seed,
            "remove_random_component",
            json!({"max_share": 1, "p_per_label": 0.3, "labels": [3]}),
        ) == before
    });
    assert!((107..=173).contains(&kept.count()));
}

#[test]
fn permutations_are_equally_likely() {
    let (shape, before) = ([6, 1, 1], vec![0, 1, 2, 3, 3, 9]);
    let mut seen = BTreeMap::new();
    for seed in 0..600 {
        let found = run(shape, &before, seed, "permute_labels", json!([1, 2, 3]));
        assert!(found[0] == 0 && found[3] == found[4] && found[5] == 9);
        *seen.entry([found[1], found[2], found[3]]).or_insert(0) += 1;
    }
    assert!(seen.len() == 6 && seen.values().all(|n| (55..=145).contains(n)), "{seen:?}");
    let text = Node::new("permute_labels", json!([1, 2, 1])).unwrap();
    let error = volume(shape, &before).then(text, Some(1)).unwrap_err().to_string();
    assert!(error.contains("each value once"), "{error}");
}

#[test]
fn wrong_numbers_are_told() {
    let v = volume([3, 3, 3], &[1; 27]);
    for (name, given, word) in [
        ("morphology", json!({"radius": -1}), "radius"),
        ("morphology", json!({"radius": 65}), "radius"),
        ("morphology", json!({"labels": [0]}), "labels"),
        ("random_morphology", json!({"radius": [3, 2]}), "radius"),
        ("random_morphology", json!({"operations": []}), "operations"),
        ("random_morphology", json!({"p_per_label": 1.5}), "p_per_label"),
        ("remove_random_component", json!({"max_share": 2}), "max_share"),
        ("remove_small_components", json!({"connectivity": 4}), "connectivity"),
        ("remove_small_components", json!({"min_size": -1}), "min_size"),
        ("label_pyramid", json!([0]), "scales"),
        ("label_pyramid", json!([2]), "scales"),
        ("labels_to_image", json!({"std": [-1, 1]}), "std"),
        ("labels_to_image", json!({"image": "label"}), "image"),
    ] {
        let error = v.then(Node::new(name, given).unwrap(), Some(1)).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(name), "{error}");
    }
}
