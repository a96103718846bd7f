use medcore::{Affine, Grid, Key, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::{Value, json};

/// Even and odd lengths, and one voxel.
const SHAPES: [[usize; 3]; 4] = [[8, 6, 5], [7, 9, 4], [5, 1, 6], [1, 1, 3]];

fn voxels(shape: [usize; 3]) -> Vec<f64> {
    let n = shape.iter().product::<usize>() as u64;
    (0..n).map(|i| (Key::new(8).index(i).uniform() * 100.0 - 20.0) as f32).map(f64::from).collect()
}

fn run(shape: [usize; 3], seed: u64, name: &str, parameters: Value) -> (Vec<f64>, String) {
    let voxels: Vec<f32> = voxels(shape).into_iter().map(|v| v as f32).collect();
    let v = Volume::from_f32(Grid::new(shape, Affine::IDENTITY), &voxels).unwrap();
    let v = LazyVolume::from_volume(v).then(Node::new(name, parameters).unwrap(), Some(seed)).unwrap();
    let label = v.explain().unwrap();
    (v.compute().unwrap().to_f32().unwrap().into_iter().map(f64::from).collect(), label)
}

fn close(found: &[f64], wanted: &[f64], what: &str) {
    let size = wanted.iter().fold(100.0, |m: f64, v| m.max(v.abs()));
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() < 2e-6 * size, "{what}: voxel {i} is {a}, not {b}");
    }
}

/// The volume whose frequencies, by centred index, are changed by `weight` and `add`, by the definition of the transform.
fn by_frequencies(
    shape: [usize; 3],
    weight: impl Fn([usize; 3]) -> f64,
    add: impl Fn([usize; 3]) -> f64,
) -> Vec<f64> {
    let v = voxels(shape);
    let n = v.len();
    let at = |i: usize| [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
    let turns = |a: [usize; 3], b: [usize; 3]| -> f64 {
        (0..3).map(|i| (a[i] * b[i] % shape[i]) as f64 / shape[i] as f64).sum::<f64>() * std::f64::consts::TAU
    };
    let mut out = vec![0.0; n];
    for k in (0..n).map(at) {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, x) in v.iter().enumerate() {
            re += x * libm::cos(turns(k, at(i)));
            im -= x * libm::sin(turns(k, at(i)));
        }
        let centred = [0, 1, 2].map(|i| (k[i] + shape[i] / 2) % shape[i]);
        (re, im) = (re * weight(centred) + add(centred), im * weight(centred));
        for (i, o) in out.iter_mut().enumerate() {
            let angle = turns(k, at(i));
            *o += (re * libm::cos(angle) - im * libm::sin(angle)) / n as f64;
        }
    }
    out
}

#[test]
fn ghosts_come_of_weak_planes() {
    for shape in SHAPES {
        for (axis, name) in ["x", "y", "z"].into_iter().enumerate() {
            for (ghosts, restore) in [(2, None), (3, None), (2, Some(0.5)), (1, Some(0.8))] {
                let middle = shape[axis] / 2;
                let kept = restore.map_or(middle..middle + 1, |share: f64| {
                    let half = (share * shape[axis] as f64).round_ties_even() as usize / 2;
                    middle - half..middle + half
                });
                let weight = |k: [usize; 3]| {
                    if k[axis].is_multiple_of(ghosts) && !kept.contains(&k[axis]) { 0.3 } else { 1.0 }
                };
                let given = json!({"ghosts": ghosts, "intensity": 0.7, "axes": name, "restore": restore});
                close(&run(shape, 1, "ghosting", given).0, &by_frequencies(shape, weight, |_| 0.0), "ghosts");
            }
        }
    }
}

#[test]
fn sharp_ends_of_frequencies_ring() {
    for shape in SHAPES {
        for alpha in [0.0, 0.3, 0.55, 0.9] {
            let longest = *shape.iter().max().unwrap() as f64;
            let radius = (1.0 - alpha) * longest * 0.5f64.sqrt();
            let weight = |k: [usize; 3]| {
                let d: f64 = (0..3).map(|i| (k[i] as f64 - (shape[i] as f64 - 1.0) / 2.0).powi(2)).sum();
                f64::from(u8::from(d.sqrt() <= radius))
            };
            let found = run(shape, 1, "gibbs_ringing", json!(alpha)).0;
            close(&found, &by_frequencies(shape, weight, |_| 0.0), "ringing");
        }
    }
}

#[test]
fn spikes_add_waves() {
    for shape in SHAPES {
        let largest = voxels(shape).iter().sum::<f64>().abs();
        for seed in 0..6 {
            let (found, label) = run(shape, seed, "spikes", json!({"intensity": 0.5}));
            // "... centred frequencies [[1, 2, 3]]"
            let place = label.split("[[").nth(1).unwrap().split("]]").next().unwrap();
            let place: Vec<usize> = place.split(", ").map(|n| n.parse().unwrap()).collect();
            // Of volumes that are positive on the whole, frequency 0 is the largest.
            let add = |k: [usize; 3]| if place == k { 0.5 * largest } else { 0.0 };
            close(&found, &by_frequencies(shape, |_| 1.0, add), "spikes");
        }
    }
}

#[test]
fn planes_are_left_out_as_often_as_said() {
    let (shape, mut gone) = ([4, 200, 1], 0);
    for seed in 0..40 {
        let given = json!({"fraction": 0.3, "center": 0.1, "axes": "y"});
        let label = run(shape, seed, "k_space_dropout", given).1;
        let before = label.split(" of 200 planes").next().unwrap();
        gone += before.rsplit(' ').next().unwrap().parse::<i32>().unwrap();
    }
    // 180 planes outside the middle, 40 times; 5 deviations of a binomial.
    assert!((gone - 2160).abs() < 195, "{gone}");
    for shape in SHAPES {
        let given = json!({"fraction": 1.0, "center": 0.0, "axes": "x"});
        let weight = |k: [usize; 3]| f64::from(u8::from(k[0] == shape[0] / 2));
        let found = run(shape, 1, "k_space_dropout", given).0;
        close(&found, &by_frequencies(shape, weight, |_| 0.0), "the middle plane alone");
    }
}

#[test]
fn movements_mix_frequencies_of_moved_images() {
    let shape = [8, 6, 5];
    // Nothing moves.
    let still = json!({"rotate": [0, 0], "translate": [0, 0], "movements": 3});
    close(&run(shape, 3, "motion", still).0, &voxels(shape), "no movement");
    // One movement by two voxels in x and one in y, at half of the time along z: the first planes come from the image as moved, since the second
    // half has frequency 0.
    let given = json!({"rotate": [0, 0], "translate": [1, 1], "movements": 1, "irregularity": 0});
    let found = run(shape, 3, "motion", given).0;
    let v = voxels(shape);
    let smallest = v.iter().copied().fold(f64::INFINITY, f64::min);
    let at = |x: i64, y: i64, z: i64| {
        let inside = (0..8).contains(&x) && (0..6).contains(&y) && (0..5).contains(&z);
        if inside { v[(x + 8 * (y + 6 * z)) as usize] } else { smallest }
    };
    let part = |of: &dyn Fn(i64) -> f64, planes: std::ops::Range<i64>, z: i64| -> f64 {
        let turn = std::f64::consts::TAU / 5.0;
        let term = |k: i64| (0..5).map(|j| of(j) * libm::cos(turn * (k * (z - j)) as f64)).sum::<f64>() / 5.0;
        // The frequency of a centred index is what it is above 2.
        planes.map(|c| term(c - 2)).sum()
    };
    let mut wanted = vec![];
    for z in 0..5 {
        for y in 0..6 {
            for x in 0..8 {
                let (moved, rest) = (|j: i64| at(x - 1, y - 1, j - 1), |j: i64| at(x, y, j));
                wanted.push(part(&moved, 0..2, z) + part(&rest, 2..5, z));
            }
        }
    }
    close(&found, &wanted, "one movement");
}
