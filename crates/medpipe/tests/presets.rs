//! Presets parse, print as files that can be edited, plan, and run on an image with its label.
#![allow(clippy::unwrap_used, reason = "a test that fails should stop")]

use std::sync::Arc;

use medcore::{Affine, DType, Grid, Key, Role, Volume};
use medpipe::{LazyItem, LazySample, LazyVolume, Pipeline, Preset, preset, presets};
use serde_json::{Map, Value, json};

/// Parameters that make a recipe fit a small volume.
fn small(preset: &Preset) -> Map<String, Value> {
    let given = match preset.name {
        "medrs" => json!({}),
        "monai_segresnet" => json!({"patch": [16, 12, 10], "samples": 2}),
        "monai_swinunetr" => json!({"patch": [12, 10, 8], "samples": 3}),
        "nnunet_v2" => json!({"patch": [12, 12, 12], "read": [20, 20, 20], "beyond": [8, 8, 8]}),
        "torchio_mri" => json!({"spacing": 1.5, "shape": [16, 20, 14]}),
        other => panic!("{other} has no parameters for a small volume here"),
    };
    given.as_object().unwrap().clone()
}

/// A blob of tissue with two labels in zeros, of two channels.
fn sample() -> LazySample {
    let grid = Grid::new([26, 24, 22], Affine::from_spacing([-1.0, 1.2, 1.5]));
    let inside = |n: usize| {
        let at = [n % 26, n / 26 % 24, n / 624].map(|i| i as f64);
        (0..3).map(|i| (at[i] - 11.5).powi(2)).sum::<f64>() < 90.0
    };
    let value = |c: u64, n: usize| {
        if inside(n) { (Key::new(c).index(n as u64).uniform() * 300.0 + 20.0) as f32 } else { 0.0 }
    };
    let voxels: Vec<f32> = (0..2).flat_map(|c| (0..grid.len()).map(move |n| value(c, n))).collect();
    let image = Volume::packed(
        Arc::new(bytemuck::cast_slice(&voxels).to_vec()),
        DType::F32,
        grid,
        vec![2],
        Arc::default(),
    );
    let labels: Vec<u8> =
        (0..grid.len()).map(|n| if inside(n) { 1 + (n % 26 / 13) as u8 } else { 0 }).collect();
    let label = Volume::packed(Arc::new(labels), DType::U8, grid, vec![], Arc::default());
    let lazy = |v: Volume, role| LazyItem::Volume(LazyVolume::from_volume_as(v, role).unwrap());
    LazySample::default()
        .with("image", lazy(image.unwrap(), Role::Image))
        .with("label", lazy(label.unwrap(), Role::Label))
}

#[test]
fn presets_run_and_repeat_themselves() {
    let sample = sample();
    for preset in presets() {
        let pipeline = preset.pipeline(&small(preset)).unwrap().with_seed(5);
        assert!(pipeline.is_random());
        let mut seen = vec![];
        for epoch in 0..4 {
            let bytes = |pipeline: &Pipeline| -> Vec<Vec<u8>> {
                let made = pipeline.apply(&sample, "case", epoch).unwrap();
                assert_eq!(Some(made.len()), pipeline.patches());
                let volumes = made
                    .iter()
                    .flat_map(|s| ["image", "label"].map(|n| s.volume(n).unwrap().compute().unwrap()));
                volumes.map(|v| v.storage().bytes().to_vec()).collect()
            };
            let made = pipeline.apply(&sample, "case", epoch).unwrap();
            for one in &made {
                let (image, label) = (one.volume("image").unwrap(), one.volume("label").unwrap());
                assert_eq!(image.grid().shape, label.grid().shape, "{}", preset.name);
                assert!(image.compute().unwrap().to_f32().unwrap().iter().all(|v| v.is_finite()));
                let labels = label.compute().unwrap().to_f32().unwrap();
                assert!(labels.iter().all(|v| [0.0, 1.0, 2.0].contains(v)), "{}", preset.name);
            }
            let first = bytes(&pipeline);
            assert_eq!(bytes(&pipeline), first);
            let drawn = pipeline.drawn(&sample, "case", epoch).unwrap();
            assert!(!drawn.is_random(), "{}", preset.name);
            let of_drawn = drawn.apply(&sample, "x", 0).unwrap();
            for (a, b) in made.iter().zip(&of_drawn) {
                for name in ["image", "label"] {
                    let of = |s: &LazySample| s.volume(name).unwrap().compute().unwrap().to_f32().unwrap();
                    assert!(of(a) == of(b), "{}: {}", preset.name, drawn.to_yaml());
                }
            }
            seen.push(first);
        }
        assert!(seen.windows(2).all(|two| two[0] != two[1]), "{}: epochs differ", preset.name);
    }
}

#[test]
fn presets_print_as_files_that_can_be_edited() {
    for preset in presets() {
        let file = preset.file(&Map::new()).unwrap();
        assert!(!file.contains('$') && file.contains("\n# Source: "), "{file}");
        assert!(preset.about().ends_with('.') && !preset.about().starts_with('#'), "{}", preset.about());
        let pipeline = Pipeline::from_yaml(&file).unwrap();
        assert_eq!(pipeline.to_value(), preset.pipeline(&Map::new()).unwrap().to_value());
        for p in preset.parameters() {
            assert!(!p.meaning.is_empty() && !p.default.is_empty(), "{}: {p:?}", preset.name);
            // Every parameter is used.
            let other = Map::from_iter([(p.name.to_owned(), json!("another value"))]);
            assert_ne!(preset.file(&other).unwrap(), file, "{}: {}", preset.name, p.name);
        }
    }
}

#[test]
fn wrong_names_are_told() {
    let text = preset("nnunet").err().unwrap().to_string();
    assert!(text.contains("nnunet_v2"), "{text}");
    let wrong = Map::from_iter([("patches".to_owned(), json!(1))]);
    let text = preset("nnunet_v2").unwrap().file(&wrong).err().unwrap().to_string();
    assert!(text.contains("patches") && text.contains("read"), "{text}");
}

/// The labels that deep supervision compares with, of the label that the network's output is compared with.
#[test]
fn nnunet_has_labels_for_deep_supervision() {
    let nnunet = preset("nnunet_v2").unwrap();
    let mut given = small(nnunet);
    given.insert("scales".into(), json!([0.5, [0.25, 0.5, 1]]));
    let made = nnunet.pipeline(&given).unwrap().with_seed(1).apply(&sample(), "case", 0).unwrap().remove(0);
    let shapes: Vec<[usize; 3]> =
        ["label", "label_2", "label_3"].iter().map(|n| made.volume(n).unwrap().grid().shape).collect();
    assert_eq!(shapes, [[12, 12, 12], [6, 6, 6], [3, 6, 12]]);
    let values = |n: &str| made.volume(n).unwrap().compute().unwrap().to_f32().unwrap();
    let (whole, half) = (values("label"), values("label_2"));
    for (i, v) in half.iter().enumerate() {
        let [x, y, z] = [i % 6, i / 6 % 6, i / 36].map(|c| 2 * c + 1);
        assert_eq!(*v, whole[x + 12 * (y + 12 * z)]);
    }
}

/// What a patch of nnU-Net's costs: both affines and the crops are one interpolation.
#[test]
fn nnunet_interpolates_once() {
    let nnunet = preset("nnunet_v2").unwrap();
    let pipeline = nnunet.pipeline(&small(nnunet)).unwrap().with_seed(0);
    let sample = sample();
    let explained: Vec<String> = (0..60)
        .map(|e| {
            let made = pipeline.apply(&sample, "case", e).unwrap().remove(0);
            made.volume("label").unwrap().explain().unwrap()
        })
        .collect();
    let both: Vec<&String> = explained.iter().filter(|t| t.contains("joined into one")).collect();
    assert!(!both.is_empty());
    assert!(both.iter().all(|t| t.matches("interpolates").count() == 1), "{}", both[0]);
    assert!(explained.iter().any(|t| !t.contains("interpolates")));
}
