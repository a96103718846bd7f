//! `per_channel`: channels that draw for themselves.

use medpipe::{LazySample, LazyVolume, Pipeline};
use serde_json::{Value, json};

use super::{channels_of, image, node, pipeline};

/// What a pipeline adds to each channel, where it adds one number to all voxels.
fn added(node: Value, epoch: u64) -> Vec<f32> {
    let before = image([4, 3, 2], 3, 1);
    let n = before.grid().len();
    let made = channels_of(&pipeline(&[node], 7), &before, epoch);
    let voxels = before.to_f32().unwrap();
    made.iter().zip(voxels.chunks(n)).map(|(after, before)| after[0] - before[0]).collect()
}

#[test]
fn channels_draw_together_or_each_for_itself() {
    let shift = |per_channel: Value| json!({"gaussian_noise": {"std": 0, "mean": [1, 2], "per_channel": per_channel}});
    let same = added(shift(json!(false)), 0);
    assert!((same[0] - same[1]).abs() < 1e-6 && (same[1] - same[2]).abs() < 1e-6, "{same:?}");
    let own = added(shift(json!(true)), 0);
    assert!((own[0] - own[1]).abs() > 1e-3 && (own[1] - own[2]).abs() > 1e-3, "{own:?}");
    assert!(own.iter().all(|v| (0.99..2.01).contains(v)));
    let only = added(shift(json!([2])), 0);
    assert!(only[0] == 0.0 && only[1] == 0.0 && (only[2] - own[2]).abs() < 1e-6, "{only:?}");
    let touched: Vec<usize> = (0..400)
        .map(|epoch| added(shift(json!(0.25)), epoch).iter().filter(|v| **v != 0.0).count())
        .collect();
    let all: usize = touched.iter().sum();
    assert!(all.abs_diff(300) < 60, "{all} of 1200");
    assert!((0..4).all(|n| touched.contains(&n)), "channels are touched independently");
}

#[test]
fn a_channel_is_touched_as_an_image_of_its_own_would_be() {
    let volume = image([13, 11, 9], 3, 4);
    for node in [
        json!({"simulate_low_resolution": {"scale": [0.3, 0.9], "per_channel": 0.7}}),
        json!({"gaussian_smooth": {"sigma": [0.4, 1.5], "per_channel": 0.7}}),
        json!({"rescale": {"out_range": [0, 1], "per_channel": true}}),
        json!({"z_normalize": {"per_channel": [0, 2]}}),
        json!({"contrast": {"factor": {"two_sided": [0.5, 1.5]}, "per_channel": true}}),
        json!({"gamma": {"gamma": [0.7, 1.5], "keep_stats": true, "invert": true, "per_channel": 0.7}}),
        json!({"clamp": {"min": 0, "max": 1, "per_channel": 0.5}}),
        json!({"cast": {"dtype": "int16", "per_channel": true}}),
        json!({"cast": {"dtype": "int16", "per_channel": [1]}}),
    ] {
        for epoch in 0..3 {
            let given = pipeline(std::slice::from_ref(&node), 3);
            let together = channels_of(&given, &volume, epoch);
            let sample = LazySample::of_volume(LazyVolume::from_volume(volume.clone()));
            let drawn = given.drawn(&sample, "case", epoch).unwrap().to_value();
            for (c, made) in together.iter().enumerate() {
                // The transforms that were drawn for this channel, on the channel alone.
                let own: Vec<Value> =
                    drawn["transforms"].as_array().unwrap().iter().filter_map(|t| own(t, c)).collect();
                let alone = channels_of(&pipeline(&own, 0), &volume.channel(c), 0);
                assert_eq!(&alone[0], made, "{node} channel {c}");
            }
        }
    }
}

/// A drawn transform without its channels, if it is for this one.
fn own(transform: &Value, channel: usize) -> Option<Value> {
    let mut out = transform.clone();
    let map = out.as_object_mut()?.values_mut().next()?.as_object_mut()?;
    let of = map.shift_remove("per_channel").unwrap_or_default();
    let mine = of.as_array().is_none_or(|list| list.iter().any(|c| *c == channel));
    mine.then_some(out)
}

#[test]
fn channels_apart_are_the_same_fused_or_not_and_in_any_patch() {
    let volume = image([17, 12, 10], 3, 2);
    let nodes = [
        json!({"clamp": {"min": -0.5}}),
        json!({"simulate_low_resolution": {"scale": [0.4, 0.9], "per_channel": true}}),
        json!({"gaussian_smooth": {"sigma": [0.4, 1.0], "per_channel": 0.5}}),
        json!({"gaussian_noise": {"std": [0.1, 1], "per_channel": true}}),
        json!({"flip": {"axes": "x"}}),
    ];
    let crop = json!({"crop": {"start": [3, 2, 4], "shape": [7, 8, 5]}});
    for epoch in 0..4 {
        let fused = pipeline(&nodes, 9);
        let whole = channels_of(&fused, &volume, epoch);
        assert_eq!(whole, channels_of(&fused.clone().with_fuse(false), &volume, epoch));
        let mut all = nodes.to_vec();
        all.push(crop.clone());
        let patch = channels_of(&pipeline(&all, 9), &volume, epoch);
        for (patch, whole) in patch.iter().zip(&whole) {
            for (n, v) in patch.iter().enumerate() {
                let at = [n % 7 + 3, n / 7 % 8 + 2, n / 56 + 4];
                assert_eq!(v.to_bits(), whole[at[0] + 17 * (at[1] + 12 * at[2])].to_bits());
            }
        }
    }
}

#[test]
fn what_is_wrong_is_told() {
    let told = |name: &str, value: Value| node(name, value).err().unwrap().to_string();
    assert!(told("flip", json!({"axes": 0, "per_channel": true})).contains("intensity or artefact"));
    assert!(told("clamp", json!({"min": 0, "per_channel": 1.5})).contains("probability"));
    assert!(told("clamp", json!({"min": 0, "key": "12"})).contains("hexadecimal"));
    let missing = pipeline(&[json!({"clamp": {"min": 0, "per_channel": [3]}})], 0);
    let sample = LazySample::of_volume(LazyVolume::from_volume(image([2, 2, 2], 2, 0)));
    let text = missing.apply(&sample, "", 0).err().unwrap().to_string();
    assert!(text.contains("per_channel") && text.contains("below 2"), "{text}");
}

#[test]
fn headers_are_written_as_they_were_read() {
    for (written, read) in [
        (json!(true), json!(true)),
        (json!(1), json!(true)),
        (json!(0.5), json!(0.5)),
        (json!([1]), json!([1])),
    ] {
        let node = node("clamp", json!({"min": 0, "per_channel": written})).unwrap();
        assert_eq!(node.to_value()["clamp"]["per_channel"], read);
        let again = Pipeline::from_value(&Pipeline::new(vec![node.clone()]).to_value()).unwrap();
        assert_eq!(again.nodes()[0].header, node.header);
    }
}
