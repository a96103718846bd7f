//! Groups: which transforms are applied is drawn by name, as all else.

use medpipe::{Cache, LazySample, LazyVolume, Pipeline, Records};
use serde_json::{Value, json};

use super::{channels_of, image, node, pipeline};

/// How often each number is added to an image of zeros, over many epochs.
fn counts(group: &Value, epochs: u64) -> std::collections::BTreeMap<i64, u64> {
    let zeros = medcore::Volume::from_f32(*image([1, 1, 1], 1, 0).grid(), &[0.0]).unwrap();
    let given = pipeline(std::slice::from_ref(group), 3);
    let mut out = std::collections::BTreeMap::new();
    for epoch in 0..epochs {
        let sum = channels_of(&given, &zeros, epoch)[0][0].round() as i64;
        *out.entry(sum).or_insert(0) += 1;
    }
    out
}

/// Adds a number.
fn add(v: f64) -> Value {
    json!({"gaussian_noise": {"std": 0, "mean": v}})
}

#[test]
fn one_of_is_one_by_weight() {
    let seen = counts(&json!({"one_of": [add(1.0), add(10.0), add(100.0)]}), 1500);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [1, 10, 100]);
    assert!(seen.values().all(|n| n.abs_diff(500) < 75), "{seen:?}");
    let weights = json!({"one_of": {"transforms": [add(1.0), add(10.0), add(100.0)], "weights": [1, 0, 3]}});
    let seen = counts(&weights, 1500);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [1, 100]);
    assert!(seen[&1].abs_diff(375) < 70, "{seen:?}");
}

#[test]
fn some_of_are_so_many_and_none_twice() {
    let of =
        |count: Value| json!({"some_of": {"transforms": [add(1.0), add(10.0), add(100.0)], "count": count}});
    let seen = counts(&of(json!(2)), 900);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [11, 101, 110]);
    assert!(seen.values().all(|n| n.abs_diff(300) < 60), "{seen:?}");
    let seen = counts(&of(json!([0, 3])), 1600);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [0, 1, 10, 11, 100, 101, 110, 111]);
    assert!(seen[&0].abs_diff(400) < 70 && seen[&111].abs_diff(400) < 70, "{seen:?}");
}

#[test]
fn maybe_is_all_or_none_and_rounds_are_repeated() {
    let seen = counts(&json!({"maybe": {"p": 0.3, "transforms": [add(1.0), add(10.0)]}}), 1000);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [0, 11]);
    assert!(seen[&11].abs_diff(300) < 60, "{seen:?}");
    let seen = counts(&json!({"repeat": {"count": [1, 3], "transforms": [add(1.0)]}}), 900);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    // Each round draws for itself: what is drawn from {1, 10} twice is not always the same.
    let choice = json!({"gaussian_noise": {"std": 0, "mean": {"choice": [1, 10]}}});
    let seen = counts(&json!({"repeat": {"count": 2, "transforms": [choice]}}), 400);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [2, 11, 20]);
}

#[test]
fn an_order_can_be_drawn() {
    // Doubling before or after adding: 1 + ... tells which came first.
    let steps = |order: &str| {
        json!({"some_of": {"count": 2, "order": order, "transforms": [
            add(1.0), {"rescale": {"in_range": [0, 1], "out_range": [0, 2]}}]}})
    };
    assert_eq!(counts(&steps("given"), 50).keys().copied().collect::<Vec<_>>(), [2]);
    let seen = counts(&steps("drawn"), 400);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert!(seen[&1].abs_diff(200) < 50, "{seen:?}");
}

#[test]
fn names_inside_are_paths() {
    let noise = json!({"gaussian_noise": 1});
    let volume = image([5, 4, 3], 1, 2);
    let run = |nodes: &[Value]| channels_of(&pipeline(nodes, 4), &volume, 0);
    let alone = run(std::slice::from_ref(&noise));
    let inside = run(&[json!({"maybe": {"p": 1, "transforms": [noise]}})]);
    assert_ne!(alone, inside, "the same transform inside a group has another name");
    // What else is in the pipeline changes nothing, nor which transforms stand beside it in a choice.
    let first = run(&[json!({"maybe": {"p": 1, "id": "a", "transforms": [noise]}})]);
    let later = run(&[
        json!({"flip": []}),
        json!({"maybe": {"p": 1, "id": "a", "transforms": [{"flip": []}, noise]}}),
    ]);
    assert_eq!(first, later);
}

#[test]
fn groups_are_known_for_what_they_are() {
    let of = |v: Value| {
        let p = pipeline(&[v], 0);
        (p.is_random(), p.patches())
    };
    let crop = |n| json!({"random_crop": {"shape": 1, "count": n}});
    let flip = json!({"flip": "x"});
    assert_eq!(of(json!({"one_of": [flip]})), (false, Some(1)));
    assert_eq!(of(json!({"one_of": [flip, flip]})), (true, Some(1)));
    assert_eq!(of(json!({"one_of": [crop(2), crop(2)]})), (true, Some(2)));
    assert_eq!(of(json!({"one_of": [crop(2), crop(3)]})), (true, None));
    assert_eq!(of(json!({"one_of": {"transforms": [flip, flip], "weights": [1, 0]}})), (false, Some(1)));
    assert_eq!(of(json!({"maybe": {"p": 0.5, "transforms": [flip]}})), (true, Some(1)));
    assert_eq!(of(json!({"maybe": {"p": 0.5, "transforms": [crop(2)]}})), (true, None));
    assert_eq!(of(json!({"repeat": {"count": 2, "transforms": [flip, crop(3)]}})), (true, Some(9)));
    assert_eq!(of(json!({"repeat": {"count": 2, "transforms": [flip]}})), (false, Some(1)));
    assert_eq!(of(json!({"some_of": {"count": 2, "transforms": [flip, flip]}})), (false, Some(1)));
    assert_eq!(of(json!({"some_of": {"count": 1, "transforms": [flip, crop(2)]}})), (true, None));
}

#[test]
fn groups_are_written_as_they_were_read() {
    let all = pipeline(
        &[json!({"one_of": {"weights": [1, 2], "id": "kind", "transforms": [
            {"some_of": {"count": [1, 2], "order": "drawn", "transforms": [{"flip": "x"}, "z_normalize"]}},
            {"repeat": {"count": {"choice": [1, 4]}, "transforms": [{"maybe": {"p": 0.5, "transforms": [{"gaussian_noise": [0, 1]}]}}]}},
        ]}})],
        6,
    );
    let again = Pipeline::from_yaml(&all.to_yaml()).unwrap();
    assert_eq!(again.to_value(), all.to_value());
    let volume = image([4, 4, 4], 1, 0);
    for epoch in 0..5 {
        assert_eq!(channels_of(&all, &volume, epoch), channels_of(&again, &volume, epoch));
    }
}

#[test]
fn mistakes_inside_are_named() {
    for (name, value, said) in [
        ("one_of", json!({"transforms": [{"flip": "q"}]}), "one_of, entry 1, flip"),
        ("one_of", json!([]), "empty"),
        ("one_of", json!({"transforms": ["z_normalize"], "weights": [1, 2]}), "1 weights"),
        ("one_of", json!({"transforms": ["z_normalize"], "wieghts": [1]}), "wieghts"),
        ("some_of", json!({"transforms": ["z_normalize"]}), "count"),
        ("some_of", json!({"transforms": ["z_normalize"], "count": 2}), "from 0 to 1"),
        ("maybe", json!({"transforms": ["z_normalize"]}), "maybe: p"),
        ("repeat", json!({"transforms": ["z_normalize"], "count": -1}), "count"),
        ("repeat", json!({"transforms": ["z_normalize"], "count": 1, "keys": "a"}), "inside"),
        ("one_off", json!([]), "one_of"),
    ] {
        let text = node(name, value.clone()).err().unwrap().to_string();
        assert!(text.contains(said), "{name}: {value}: {text}");
    }
    let wrong = pipeline(
        &[json!({"flip": "x"}), json!({"one_of": [{"crop": {"start": [0, 0, 0], "shape": [9, 9, 9]}}]})],
        0,
    );
    let sample = LazySample::of_volume(LazyVolume::from_volume(image([2, 2, 2], 1, 0)));
    let text = wrong.apply(&sample, "", 0).err().unwrap().to_string();
    assert!(text.contains("step 2 (one_of > crop)"), "{text}");
}

#[test]
fn caches_and_records_know_groups() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.nii");
    medio::save(&path, &image([9, 8, 7], 1, 3), &medio::SaveOptions::default()).unwrap();
    let volume = || LazyVolume::open(&path).unwrap();
    let normal = json!({"maybe": {"p": 1, "transforms": [{"clamp": {"min": 0}}, {"z_normalize": null}]}});
    let crop = json!({"random_crop": {"shape": 3}});
    let chosen = json!({"one_of": ["z_normalize", {"rescale": [0, 1]}]});
    for nodes in [
        vec![normal.clone(), crop.clone()],
        vec![chosen, crop.clone()],
        vec![normal, crop, json!({ "z_normalize": null })],
    ] {
        let bare = pipeline(&nodes, 8);
        let records = Records::in_memory();
        let recorded = bare.clone().with_records(&records);
        let cached = bare.clone().with_cache(&Cache::in_memory(1 << 20));
        for epoch in (0..6).chain(0..6) {
            let of = |p: &Pipeline| {
                let made = p.apply_to_volume_as(&volume(), "case", epoch).unwrap();
                made.compute().unwrap().to_f32().unwrap()
            };
            let want = of(&bare);
            assert_eq!(of(&recorded), want);
            assert_eq!(of(&cached), want);
        }
        assert!(records.stats().known > 0, "{nodes:?}");
    }
}
