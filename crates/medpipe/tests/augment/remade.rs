//! Labels as channels, channels as labels, distances, holes and boundaries, against their definitions voxel by voxel.

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Role, Volume, with_element};
use medkernels::element::Element;
use medpipe::{LazyItem, LazySample, LazyVolume, Node, Pipeline};
use serde_json::{Value, json};

use super::label::{SPACING, labels, volume};

const SHAPES: [[usize; 3]; 5] = [[9, 8, 7], [70, 5, 3], [1, 13, 4], [6, 1, 1], [19, 33, 37]];

fn then(v: &LazyVolume, name: &str, parameters: Value) -> LazyVolume {
    v.then(Node::new(name, parameters).unwrap(), Some(1)).unwrap()
}

fn numbers(v: &LazyVolume) -> Vec<f64> {
    let v = v.compute().unwrap();
    let n = v.grid().len();
    let mut out = vec![];
    for channel in 0..v.channels() {
        let mut raw = vec![0u64; (n * v.stored_dtype().bytes()).div_ceil(8)];
        let bytes = &mut bytemuck::cast_slice_mut(&mut raw)[..n * v.stored_dtype().bytes()];
        v.copy_channel(channel, bytes).unwrap();
        with_element!(v.stored_dtype(), T => {
            out.extend(bytemuck::cast_slice::<u8, T>(bytes).iter().map(|v| v.to_f64()));
        }, else => panic!());
    }
    out
}

fn float(shape: [usize; 3], extra: Vec<usize>, voxels: &[f32], role: Role) -> LazyVolume {
    let grid = Grid::new(shape, Affine::from_spacing(SPACING));
    let bytes = bytemuck::cast_slice(voxels).to_vec();
    let v = Volume::packed(Arc::new(bytes), DType::F32, grid, extra, Arc::default()).unwrap();
    LazyVolume::from_volume_as(v, role).unwrap()
}

#[test]
fn channels_say_which_voxels_are_of_a_region() {
    for shape in SHAPES {
        let before = labels(shape, 3, 5);
        let regions: [&[u8]; 4] = [&[1, 2, 3], &[2, 3], &[3], &[0, 7]];
        let classes = json!([[1, 2, 3], [2, 3], 3, [0, 7, 300, -1]]);
        for dtype in ["float32", "uint8", "int16", "float16", "float64"] {
            let made = then(&volume(shape, &before), "one_hot", json!({"classes": classes, "dtype": dtype}));
            assert_eq!((made.role(), made.facts().unwrap().extra), (Role::Map, vec![4]));
            assert_eq!(made.compute().unwrap().stored_dtype().name(), dtype);
            let want: Vec<f64> = regions
                .iter()
                .flat_map(|region| before.iter().map(|v| f64::from(u8::from(region.contains(v)))))
                .collect();
            assert_eq!(numbers(&made), want, "{shape:?} {dtype}");
        }
        let classes: Vec<f64> =
            (0..3u8).flat_map(|c| before.iter().map(move |v| f64::from(u8::from(*v == c)))).collect();
        assert_eq!(numbers(&then(&volume(shape, &before), "one_hot", json!(3))), classes);
    }
}

#[test]
fn what_comes_before_and_after_reads_only_what_is_needed() {
    let shape = [19, 33, 37];
    let crop = json!({"start": [3, 8, 30], "shape": [11, 20, 6]});
    let v = volume(shape, &labels(shape, 3, 5));
    let first = then(&then(&v, "crop", crop.clone()), "one_hot", json!(4));
    let last = then(&then(&v, "one_hot", json!(4)), "crop", crop.clone());
    assert_eq!(numbers(&first), numbers(&last));
    let blurred = |v: &LazyVolume| numbers(&then(v, "affine", json!({"rotate": 10})));
    assert_eq!(blurred(&first).len(), 4 * 11 * 20 * 6);
    assert!(blurred(&first).iter().any(|v| *v > 0.0 && *v < 1.0), "a map is interpolated");
    let far = then(&then(&v, "distance_transform", json!({})), "crop", crop);
    assert_eq!(numbers(&far).len(), 11 * 20 * 6);
}

#[test]
fn the_largest_channel_is_the_label() {
    for shape in SHAPES {
        let before = labels(shape, 3, 8);
        let v = volume(shape, &before);
        let back = then(&then(&v, "one_hot", json!(4)), "argmax", json!({}));
        assert_eq!((back.role(), back.compute().unwrap().stored_dtype()), (Role::Label, DType::U8));
        assert_eq!(back.compute().unwrap().storage().bytes(), before);
        let renamed = then(&then(&v, "one_hot", json!([0, 1, 2, 3])), "argmax", json!([5, -300, 7, 7]));
        let want: Vec<f64> = before.iter().map(|v| [5.0, -300.0, 7.0, 7.0][*v as usize]).collect();
        assert_eq!(renamed.compute().unwrap().stored_dtype(), DType::I16);
        assert_eq!(numbers(&renamed), want);
    }
    let nan = f32::NAN;
    let rows = [1.0, 0.0, nan, 0.0, 2.0, 1.0, 0.0, 1.0, nan, 2.0, 1.0, 1.0, nan, nan, -1.0];
    let made = then(&float([5, 1, 1], vec![3], &rows, Role::Map), "argmax", json!({}));
    assert_eq!(numbers(&made), [0.0, 2.0, 0.0, 1.0, 0.0]);
}

type Outside = fn(u8, u8) -> bool;

/// Every pair of voxels, in millimetres.
fn distances(v: &[u8], shape: [usize; 3], outside: impl Fn(u8, u8) -> bool) -> Vec<f64> {
    let place = |n: usize| [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
    let pair = |n: usize, m: usize| -> f64 {
        let (a, b) = (place(n), place(m));
        (0..3).map(|i| (a[i].abs_diff(b[i]) as f64 * SPACING[i]).powi(2)).sum()
    };
    let one = |n: usize| {
        (0..v.len()).filter(|&m| outside(v[n], v[m])).map(|m| pair(n, m)).fold(f64::INFINITY, f64::min).sqrt()
    };
    (0..v.len()).map(one).collect()
}

#[test]
fn distances_are_millimetres_to_the_nearest_voxel_outside() {
    for shape in &SHAPES[..4] {
        let before = labels(*shape, 3, 4);
        let cases: [(Value, Outside, fn(u8) -> f64); 5] = [
            (json!({}), |a, b| a == 0 || b == 0, |v| f64::from(u8::from(v != 0))),
            (json!({"per_label": true}), |a, b| a == 0 || a != b, |v| f64::from(u8::from(v != 0))),
            (json!({"signed": true}), |a, b| (a == 0) != (b == 0), |v| if v == 0 { -1.0 } else { 1.0 }),
            (json!({"labels": [2]}), |a, b| a != 2 || b != 2, |v| f64::from(u8::from(v == 2))),
            (
                json!({"labels": [2, 3], "per_label": true, "signed": true}),
                |a, b| if a < 2 { b >= 2 } else { a != b },
                |v| if v < 2 { -1.0 } else { 1.0 },
            ),
        ];
        for (given, outside, sign) in cases {
            let made = then(&volume(*shape, &before), "distance_transform", given.clone());
            assert_eq!((made.role(), made.compute().unwrap().stored_dtype()), (Role::Map, DType::F32));
            let want = distances(&before, *shape, outside);
            for (n, (have, far)) in numbers(&made).into_iter().zip(want).enumerate() {
                let want = if sign(before[n]) == 0.0 { 0.0 } else { sign(before[n]) * far };
                assert!(
                    have == want || (have - want).abs() < 1e-6 * far,
                    "{shape:?} {given} {n}: {have}, not {want}"
                );
            }
        }
    }
}

/// The values of a voxel's neighbours, up to so many steps away, and whether some lie outside.
fn neighbours(v: &[u8], shape: [usize; 3], n: usize, connectivity: usize) -> (Vec<u8>, bool) {
    let at = [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]];
    let (mut out, mut edge) = (vec![], false);
    for d in 0..27usize {
        let d = [d % 3, d / 3 % 3, d / 9].map(|d| d as i64 - 1);
        let steps = d.iter().map(|d| d.unsigned_abs() as usize).sum::<usize>();
        if steps == 0 || steps > connectivity {
            continue;
        }
        let to = [0, 1, 2].map(|i| at[i] as i64 + d[i]);
        if (0..3).all(|i| (0..shape[i] as i64).contains(&to[i])) {
            out.push(v[to[0] as usize + shape[0] * (to[1] as usize + shape[1] * to[2] as usize)]);
        } else {
            edge |= (0..3).all(|i| shape[i] > 1 || d[i] == 0);
        }
    }
    (out, edge)
}

#[test]
fn boundaries_are_next_to_other_values() {
    for shape in SHAPES {
        let before = labels(shape, 3, 11);
        for connectivity in 1..=3usize {
            for at_edge in [false, true] {
                for which in ["inner", "outer", "thick"] {
                    let given = json!({"which": which, "connectivity": connectivity, "at_edge": at_edge});
                    let made = then(&volume(shape, &before), "boundary", given.clone()).compute().unwrap();
                    let want: Vec<u8> = (0..before.len())
                        .map(|n| {
                            let mine = before[n];
                            let (near, edge) = neighbours(&before, shape, n, connectivity);
                            let corners = neighbours(&before, shape, n, 3).0;
                            let differs = near.iter().any(|v| *v != mine) || (at_edge && edge && mine != 0);
                            u8::from(match which {
                                "inner" => differs && mine != 0,
                                "outer" => differs && corners.iter().any(|v| *v != 0 && *v != mine),
                                _ => differs,
                            })
                        })
                        .collect();
                    assert_eq!(made.storage().bytes(), want, "{shape:?} {given}");
                }
            }
        }
    }
}

#[test]
fn holes_are_what_does_not_reach_the_edge() {
    for shape in SHAPES {
        let mut before = labels(shape, 2, 13);
        before.iter_mut().filter(|v| **v == 0).zip(0..).for_each(|(v, n)| *v = u8::from(n % 3 != 0));
        for connectivity in 1..=3usize {
            for given in [json!(null), json!([2])] {
                let mut want = before.clone();
                for label in if given.is_null() { vec![1, 2] } else { vec![2u8] } {
                    // What is reached from outside, voxel by voxel, until nothing more is.
                    let mut open: Vec<bool> = (0..want.len())
                        .map(|n| want[n] != label && neighbours(&want, shape, n, 1).1)
                        .collect();
                    loop {
                        let flat: Vec<u8> = open.iter().map(|v| u8::from(*v)).collect();
                        let next: Vec<bool> = (0..want.len())
                            .map(|n| {
                                let (near, _) = neighbours(&flat, shape, n, connectivity);
                                open[n] || (want[n] != label && near.contains(&1))
                            })
                            .collect();
                        if next == open {
                            break;
                        }
                        open = next;
                    }
                    want.iter_mut().zip(&open).filter(|(_, open)| !**open).for_each(|(v, _)| *v = label);
                }
                let parameters = json!({"connectivity": connectivity, "labels": given});
                let made = then(&volume(shape, &before), "fill_holes", parameters).compute().unwrap();
                assert_eq!(made.storage().bytes(), want, "{shape:?} {connectivity} {given}");
            }
        }
    }
}

#[test]
fn items_of_a_sample_become_others() {
    let shape = [9, 8, 7];
    let sample = LazySample::default()
        .with("image", LazyItem::Volume(float(shape, vec![], &[1.0; 504], Role::Image)))
        .with("label", LazyItem::Volume(volume(shape, &labels(shape, 3, 5))));
    let node = |step: &Value| {
        let (name, value) = step.as_object().unwrap().iter().next().unwrap();
        Node::new(name, value.clone()).unwrap()
    };
    let of =
        |steps: &[Value]| Pipeline::new(steps.iter().map(node).collect()).with_seed(3).apply(&sample, "a", 0);
    let made = of(&[
        json!({"distance_transform": {"item": "distance"}}),
        json!({"one_hot": {"classes": 4, "item": "channels"}}),
        json!({"random_crop": {"shape": 5, "count": 2}}),
        json!({"argmax": {"keys": "channels", "item": "again"}}),
    ])
    .unwrap();
    assert_eq!(made.len(), 2);
    for patch in made {
        let names: Vec<&str> = patch.items.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["image", "label", "distance", "channels", "again"]);
        assert_eq!(numbers(patch.volume("label").unwrap()), numbers(patch.volume("again").unwrap()));
        assert_eq!(numbers(patch.volume("channels").unwrap()).len(), 4 * 125);
    }
    let replaced =
        of(&[json!({"one_hot": 4}), json!({"argmax": {"classes": [0, 10, 20, 30]}})]).unwrap().remove(0);
    let want: Vec<f64> = labels(shape, 3, 5).iter().map(|v| f64::from(*v) * 10.0).collect();
    assert_eq!(numbers(replaced.volume("label").unwrap()), want);
    for (steps, word) in [
        (json!({"one_hot": {"classes": 4, "item": "image"}}), "item"),
        (json!({"one_hot": 0}), "classes"),
        (json!({"one_hot": [[1], []]}), "classes"),
        (json!({"argmax": {"classes": [1, 2], "keys": "image"}}), "classes"),
        (json!({"distance_transform": {"labels": [0]}}), "labels"),
        (json!({"fill_holes": 4}), "connectivity"),
        (json!({"boundary": {"connectivity": 0}}), "connectivity"),
    ] {
        let error = of(&[steps]).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
