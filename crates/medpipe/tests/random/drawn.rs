//! A drawn plan gives the same bits as the draws that it was made of.

use medpipe::{LazySample, Pipeline, catalog};
use serde_json::{Value, json};

use super::catalog::drawing;
use super::{all_bits, pipeline, sample};

/// Holds a pipeline against its drawn plan, and gives the plan.
fn same(pipeline: &Pipeline, sample: &LazySample, epoch: u64) -> Pipeline {
    let context = || pipeline.to_yaml();
    let drawn = pipeline.drawn(sample, "case", epoch).unwrap();
    assert!(!drawn.is_random(), "{}", drawn.to_yaml());
    let want = all_bits(&pipeline.apply(sample, "case", epoch).unwrap());
    // Neither names nor seeds matter any more, and a file keeps every digit.
    let again = Pipeline::from_yaml(&drawn.to_yaml()).unwrap().with_seed(123);
    for plan in [&drawn, &again] {
        let made = all_bits(&plan.apply(sample, "another", 99).unwrap());
        assert!(made == want, "{}\ndrawn as\n{}", context(), plan.to_yaml());
    }
    let twice = drawn.drawn(sample, "x", 3).unwrap();
    assert_eq!(twice.to_value(), drawn.to_value(), "{}", context());
    drawn
}

#[test]
fn every_transform_drawn() {
    let sample = sample([9, 8, 7]);
    for e in catalog() {
        for epoch in 0..3 {
            same(&pipeline(&[drawing(e)], 11), &sample, epoch);
        }
    }
}

#[test]
fn chains_groups_and_patches_drawn() {
    let sample = sample([12, 11, 10]);
    let noise = json!({"gaussian_noise": {"std": [0, 0.3], "per_channel": 0.5}});
    let chains: Vec<Vec<Value>> = vec![
        vec![
            json!({"flip": {"axes": "x", "p": 0.5}}),
            noise.clone(),
            json!({"affine": {"rotate": [-20, 20]}}),
        ],
        vec![
            json!({"random_crop": {"shape": 6, "count": 3}}),
            noise.clone(),
            json!({"flip": {"axes": "xy", "p": 0.5}}),
            json!({"clamp": {"min": 0}}),
        ],
        vec![
            json!({"random_crop": {"shape": 8, "count": 2}}),
            json!({"one_of": [noise, {"gaussian_smooth": {"sigma": [0.5, 1]}}, {"clamp": {"max": 1}}]}),
            json!({"random_crop": {"shape": 5, "count": 2, "p": 0.5}}),
            json!({"repeat": {"count": [0, 2], "transforms": [{"gaussian_noise": [0, 0.2]}, {"rot90": {"k": {"choice": [1, 3]}}}]}}),
        ],
        vec![json!({"some_of": {"count": [1, 3], "order": "drawn", "transforms": [
            {"flip": {"axes": "z"}},
            {"maybe": {"p": 0.5, "transforms": [{"gaussian_noise": [0, 0.2]}, {"rescale": [0, 1]}]}},
            {"gaussian_smooth": {"sigma": [[0.5, 1], 0, 1], "keys": "t2"}},
        ]}})],
    ];
    for chain in chains {
        for epoch in 0..6 {
            same(&pipeline(&chain, 5), &sample, epoch);
        }
    }
}

#[test]
fn a_drawn_plan_reads_as_a_pipeline_file() {
    let given = pipeline(
        &[
            json!({"affine": {"rotate": [-30, 30], "scale": [0.7, 1.4]}}),
            json!({"gaussian_noise": {"std": [0, 0.1], "keys": "t2"}}),
        ],
        3,
    );
    let drawn = same(&given, &sample([5, 4, 3]), 0).to_value();
    let affine = &drawn["transforms"][0]["affine"];
    let angles: Vec<f64> = affine["rotate"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(angles.len() == 3 && angles[0] != angles[1] && angles.iter().all(|a| a.abs() < 30.0));
    assert!((0.7..1.4).contains(&affine["scale"].as_f64().unwrap()));
    // What draws no more than its numbers needs no key.
    assert_eq!(affine.get("key"), None);
    let noise = &drawn["transforms"][1]["gaussian_noise"];
    assert!(noise["key"].as_str().unwrap().len() == 32 && noise["std"].is_f64());
}
