//! Samples that are cut off at the outermost voxels, against the definition: sampled inside, the value beyond.

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Volume};
use medpipe::{LazyVolume, Node};
use serde_json::{Value, json};

const SHAPES: [[usize; 3]; 4] = [[13, 9, 7], [1, 13, 4], [6, 1, 1], [19, 33, 37]];

fn then(v: &LazyVolume, name: &str, parameters: Value) -> LazyVolume {
    v.then(Node::new(name, parameters).unwrap(), Some(1)).unwrap()
}

fn volume(shape: [usize; 3], role: Role) -> LazyVolume {
    let n = shape.iter().product::<usize>();
    let value = |i: usize| (Key::new(8).index(i as u64).uniform() * 6.0 - 1.0) as f32;
    let grid = Grid::new(shape, Affine::IDENTITY);
    let v = if role == Role::Label {
        let bytes = (0..n).map(|i| value(i).abs() as u8).collect::<Vec<u8>>();
        Volume::packed(Arc::new(bytes), DType::U8, grid, vec![], Arc::default()).unwrap()
    } else {
        Volume::from_f32(grid, &(0..n).map(value).collect::<Vec<f32>>()).unwrap()
    };
    LazyVolume::from_volume_as(v, role).unwrap()
}

fn values(v: &LazyVolume) -> Vec<f32> {
    v.compute().unwrap().to_f32().unwrap()
}

const MATRIX: [[f64; 4]; 4] =
    [[0.9, 0.2, -0.1, 0.71234], [-0.15, 1.1, 0.05, -1.23457], [0.1, 0.0, 0.8, 0.43211], [0.0, 0.0, 0.0, 1.0]];

/// Whether output voxel `n` of a shape has its place between the centres of the outermost voxels.
fn inside(n: usize, shape: [usize; 3], matrix: &[[f64; 4]; 4]) -> bool {
    let at = [n % shape[0], n / shape[0] % shape[1], n / shape[0] / shape[1]].map(|i| i as f64);
    (0..3).all(|i| {
        let c = matrix[i][3] + (0..3).map(|j| matrix[i][j] * at[j]).sum::<f64>();
        (0.0..=shape[i] as f64 - 1.0).contains(&c)
    })
}

#[test]
fn what_is_cut_is_sampled_inside_and_the_value_beyond() {
    let straight = [
        [0.8, 0.0, 0.0, -1.12345],
        [0.0, 1.3, 0.0, 0.32323],
        [0.0, 0.0, 0.9, -0.45454],
        [0.0, 0.0, 0.0, 1.0],
    ];
    for shape in SHAPES {
        for matrix in [MATRIX, straight] {
            for (role, how) in [
                (Role::Image, "nearest"),
                (Role::Image, "linear"),
                (Role::Image, "cubic"),
                (Role::Label, "nearest"),
                (Role::Label, "linear"),
            ] {
                let v = volume(shape, role);
                let given = |mode: &str| {
                    json!({"matrix": matrix, "moves": "grid", "unit": "voxels", "about": "origin", "mode": mode, "value": 7.5, "label_value": 9,
                        "interpolation": how, "label_interpolation": if how == "cubic" { "nearest" } else { how }})
                };
                let whole = then(&v, "affine", given("cut"));
                let sampled =
                    values(&then(&v, "affine", given(if how == "cubic" { "reflect" } else { "edge" })));
                let fill = if role == Role::Label { 9.0 } else { 7.5 };
                let want: Vec<f32> = sampled
                    .iter()
                    .enumerate()
                    .map(|(n, v)| if inside(n, shape, &matrix) { *v } else { fill })
                    .collect();
                let found = values(&whole);
                assert_eq!(found, want, "{shape:?} {role} {how}");
                // A part has the same voxels.
                let crop =
                    json!({"start": [0, shape[1] / 2, shape[2] / 2], "shape": [shape[0].min(5), 1, 1]});
                let first = (shape[1] / 2 + shape[1] * (shape[2] / 2)) * shape[0];
                assert_eq!(values(&then(&whole, "crop", crop)), found[first..first + shape[0].min(5)]);
            }
        }
    }
}

#[test]
fn whole_voxels_are_cut_as_constants() {
    let v = volume([13, 9, 7], Role::Image);
    let shifted = |mode: &str| {
        let matrix = json!([[1, 0, 0, 3], [0, 1, 0, -2], [0, 0, 1, 0], [0, 0, 0, 1]]);
        values(&then(&v, "affine", json!({"matrix": matrix, "moves": "grid", "mode": mode, "value": 5})))
    };
    assert_eq!(shifted("cut"), shifted("constant"));
    let padded = |mode: &str| values(&then(&v, "pad", json!({"amount": 2, "mode": mode, "value": 5})));
    assert_eq!(padded("cut"), padded("constant"));
}

#[test]
fn splines_of_a_field_are_cut_too() {
    let v = volume([19, 33, 37], Role::Image);
    let deformed = |mode: &str, value: f64| {
        values(&then(
            &v,
            "elastic",
            json!({"max_displacement": 6, "mode": mode, "value": value, "locked_borders": 0}),
        ))
    };
    // Nothing of the value is blended in, and where it stands does not depend on it.
    let (low, high, edge) = (deformed("cut", -50.0), deformed("cut", 80.0), deformed("edge", 0.0));
    let cut = low.iter().filter(|v| **v == -50.0).count();
    assert!(cut > 100 && cut < low.len());
    for ((low, high), edge) in low.iter().zip(&high).zip(&edge) {
        assert!(if *low == -50.0 { *high == 80.0 } else { low == high && low == edge });
    }
}

#[test]
fn joined_maps_are_cut_once() {
    let v = volume([19, 33, 37], Role::Image);
    let turn = |mode: &str| json!({"rotate": [0, 0, 20], "mode": mode, "value": 3});
    let twice = then(&then(&v, "affine", turn("cut")), "affine", turn("cut"));
    assert!(twice.explain().unwrap().contains("2 joined into one"), "{}", twice.explain().unwrap());
    let apart = then(&then(&v, "affine", turn("cut")), "affine", turn("constant"));
    assert!(!apart.explain().unwrap().contains("joined into one"));
}

#[test]
fn slices_are_held_within_their_own_ranges() {
    let shape = [11, 9, 13];
    let n = shape.iter().product::<usize>();
    let value = |i: usize| {
        // Steps, which splines shoot beyond, of another height in every slice; and what is not a number.
        let at = [i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]];
        let step = if Key::new(5).index(i as u64).uniform() < 0.5 { 1.0 } else { 0.0 };
        (at[0] * 7 + at[1] * 3 + at[2]) as f32 + 20.0 * step
    };
    let voxels: Vec<f32> = (0..n).map(value).collect();
    for axis in 0..3 {
        let mut spacing = [1.0; 3];
        spacing[axis] = 5.0;
        let grid = Grid::new(shape, Affine::from_spacing(spacing));
        let two = [&voxels[..], &voxels.iter().map(|v| -2.0 * v).collect::<Vec<f32>>()].concat();
        let bytes = bytemuck::cast_slice(&two).to_vec();
        let v = Volume::packed(Arc::new(bytes), DType::F32, grid, vec![2], Arc::default()).unwrap();
        let v = LazyVolume::from_volume(v);
        let mut wanted = [15, 14, 17];
        wanted[axis] = shape[axis];
        let given = |clip: bool| json!({"shape": wanted, "interpolation": "cubic", "clip": clip, "thick": 3});
        let (free, held) =
            (values(&then(&v, "resample", given(false))), values(&then(&v, "resample", given(true))));
        let strides = [1, shape[0], shape[0] * shape[1]];
        let size = wanted.iter().product::<usize>();
        let mut changed = 0;
        for (i, (free, held)) in free.iter().zip(&held).enumerate() {
            let (channel, i) = (i / size, i % size);
            let slice = [i % wanted[0], i / wanted[0] % wanted[1], i / wanted[0] / wanted[1]][axis];
            let of = two[channel * n..][..n].iter().enumerate();
            let of = of.filter(|(at, _)| at / strides[axis] % shape[axis] == slice).map(|(_, v)| *v);
            let (low, high) = of.fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(v), h.max(v)));
            assert_eq!(*held, free.clamp(low, high), "axis {axis}");
            changed += usize::from(held != free);
        }
        assert!(changed > 50, "{changed}");
    }
}
