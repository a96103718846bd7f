//! The way back from the grid that a chain ends on to the one that it began on.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

mod given;

use given::nodes;
use medcore::{Affine, Grid, Role, Sampler, Volume};
use medpipe::{LazyVolume, Pipeline};
use proptest::prelude::*;
use serde_json::{Value, json};

fn grid() -> Grid {
    let turn = Affine::new([[0.9, -0.2, 0.0], [0.2, 1.1, 0.1], [0.0, 0.0, 1.4]], [-20.0, 4.0, 7.0]);
    Grid::new([23, 19, 17], turn)
}

/// A smooth volume that is nowhere symmetric.
fn smooth() -> LazyVolume {
    let n = grid().shape;
    let value = |i: usize| {
        let [x, y, z] = [i % n[0], i / n[0] % n[1], i / n[0] / n[1]].map(|v| v as f32);
        libm::sinf(0.2 * x) + libm::cosf(0.3 * y + 0.1 * z) + 0.05 * z
    };
    let values: Vec<f32> = (0..grid().len()).map(value).collect();
    LazyVolume::from_volume(Volume::from_f32(grid(), &values).unwrap())
}

fn through(volume: &LazyVolume, steps: &[Value]) -> LazyVolume {
    nodes(steps).into_iter().fold(volume.clone(), |v, n| v.then(n, Some(3)).unwrap())
}

fn values(v: &LazyVolume) -> Vec<f32> {
    v.compute().unwrap().to_f32().unwrap()
}

/// Chains of copies that leave zeros where voxels were lost.
fn copies() -> impl Strategy<Value = Vec<medpipe::Node>> {
    let step = prop_oneof![
        prop::sample::select(vec!["RAS", "LPS", "PIR", "SAL"]).prop_map(|c| json!({ "reorient": c })),
        prop::sample::subsequence(vec![0, 1, 2], 1..=3).prop_map(|a| json!({ "flip": a })),
        (0i32..4).prop_map(|k| json!({"rot90": {"k": k, "axes": [2, 0]}})),
        prop::array::uniform3(0usize..4).prop_map(|p| json!({ "pad": p })),
        prop::array::uniform3(1usize..15).prop_map(|s| json!({ "crop_or_pad": s })),
        Just(json!({"divisible_pad": 3})),
        Just(json!({"random_orientation": true})),
    ];
    prop::collection::vec(step, 1..6).prop_map(|v| nodes(&v))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Copies are undone exactly where the voxels still are; what was cropped away is zero.
    #[test]
    fn copies_are_undone_to_the_bit(volume in given::any_dtype(), steps in copies()) {
        let from = LazyVolume::from_volume(volume.clone());
        let made = Pipeline::new(steps).with_seed(5).apply_to_volume(&from).unwrap();
        let ones = LazyVolume::from_volume(made.compute().unwrap());
        let back = made.inverse().unwrap().apply(&ones, Sampler::Nearest).unwrap();
        prop_assert_eq!(back.grid(), *volume.grid());
        prop_assert_eq!(back.facts().unwrap().dtype, volume.dtype());
        let (n, size) = (volume.grid().len(), volume.stored_dtype().bytes());
        let (mut before, mut after) = (vec![0; n * size], vec![0; n * size]);
        volume.copy_channel(0, &mut before).unwrap();
        back.compute().unwrap().copy_channel(0, &mut after).unwrap();
        for (b, a) in before.chunks(size).zip(after.chunks(size)) {
            prop_assert!(a == b || a.iter().all(|v| *v == 0));
        }
    }
}

#[test]
fn crops_within_pads_and_flips_lose_nothing() {
    let from = smooth();
    let made = through(
        &from,
        &[
            json!({"flip": [0, 2]}),
            json!({"pad": 5}),
            json!({"rot90": {"axes": [0, 1]}}),
            json!({"reorient": "PIR"}),
            json!({"crop_or_pad": 40}),
        ],
    );
    let back = made.inverse().unwrap().apply(&made, Sampler::Nearest).unwrap();
    assert_eq!(values(&back), values(&from));
    assert_eq!(back.grid(), grid());
}

#[test]
fn interpolations_come_back_close_with_one_more() {
    let from = smooth();
    let before = values(&from);
    let deformed = [
        json!({"elastic": {"control_points": 6, "max_displacement": 2}}),
        json!({"affine": {"rotate": [3, -5, 8], "translate": 1}}),
    ];
    for (steps, allowed) in [
        (vec![json!({"resample": {"spacing": 0.6}})], 0.02),
        (vec![json!({"resample": {"spacing": 0.6, "interpolation": "cubic", "clip": true}})], 0.02),
        (
            vec![
                json!({"affine": {"rotate": [9, -5, 20], "scale": 0.9}}),
                json!({"resample": {"spacing": 0.7}}),
            ],
            0.05,
        ),
        (vec![deformed[0].clone(), json!({"flip": 1}), deformed[1].clone()], 0.06),
        (
            vec![
                json!({"affine": {"rotate": 7, "mode": "smallest"}}),
                json!({"z_normalize": {}}),
                json!({"crop": {"start": [2, 2, 2], "shape": [18, 15, 13]}}),
            ],
            f64::INFINITY,
        ),
    ] {
        for computed in [false, true] {
            let mut made = from.clone();
            for step in &steps {
                made = through(&made, std::slice::from_ref(step));
                if computed {
                    made.compute().unwrap();
                }
            }
            let back = made.inverse().unwrap().apply(&made, Sampler::Nearest).unwrap();
            assert_eq!(back.grid(), grid(), "{steps:?}");
            let after = values(&back);
            if allowed.is_infinite() {
                continue;
            }
            let n = grid().shape;
            for (i, (a, b)) in after.iter().zip(&before).enumerate() {
                let at = [i % n[0], i / n[0] % n[1], i / n[0] / n[1]];
                if (0..3).all(|k| at[k] >= 5 && at[k] + 5 < n[k]) {
                    assert!(f64::from((a - b).abs()) < allowed, "{steps:?} {at:?}: {a} not {b}");
                }
            }
        }
    }
}

#[test]
fn a_label_on_the_cropped_grid_goes_back_to_its_voxels() {
    let from = smooth();
    let made = through(&from, &[json!({"crop_foreground": {"above": 1.2}}), json!({"flip": 0})]);
    let ones = vec![1.0; made.grid().len()];
    let label = Volume::from_f32(made.grid(), &ones).unwrap();
    let label = LazyVolume::from_volume_as(label, Role::Label).unwrap();
    let back = values(&made.inverse().unwrap().apply(&label, Sampler::Nearest).unwrap());
    for (v, inside) in values(&from).iter().zip(&back) {
        assert!(*v <= 1.2 || *inside == 1.0);
    }
    assert_eq!(back.iter().sum::<f32>() as usize, ones.len());
    let other =
        LazyVolume::from_volume(Volume::from_f32(Grid::new([2, 2, 2], grid().affine), &[0.0; 8]).unwrap());
    assert!(made.inverse().unwrap().apply(&other, Sampler::Nearest).is_err());
}

#[test]
fn a_map_that_folds_has_no_inverse() {
    let steps = [json!({"elastic": {"control_points": 8, "max_displacement": 60, "locked_borders": 0}})];
    assert!(through(&smooth(), &steps).inverse().is_err());
}

/// What is measured on the way, whatever it is, does not stand in the way back.
#[test]
fn measured_numbers_do_not_move_voxels() {
    let image = smooth();
    for measured in [
        json!({"threshold": {"method": "percentiles", "percentiles": [10, 90]}}),
        json!({"threshold": {"method": "otsu"}}),
        json!({"rescale": {"percentiles": [1, 99]}}),
        json!({"histogram_equalize": {}}),
        json!({"clahe": {"tiles": 3}}),
        json!({ "z_normalize": "nonzero" }),
    ] {
        let made = through(&image, &[measured, json!({ "flip": "x" })]);
        let back = made.inverse().unwrap().apply(&made, Sampler::Nearest).unwrap();
        let plain = through(&made, &[json!({ "flip": "x" })]);
        assert_eq!(values(&back), values(&plain));
        assert_eq!(back.grid(), image.grid());
    }
}
