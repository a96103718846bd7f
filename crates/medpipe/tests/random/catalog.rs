//! Every transform of the catalog, with distributions wherever it may have them.

use medcore::Category;
use medpipe::{Entry, Layout, LazyItem, catalog};
use serde_json::{Map, Value, json};

/// Parameters that have no default, and those whose defaults leave nothing to see.
fn needed(name: &str) -> Value {
    match name {
        "bspline_deform" => json!({"control_points": 4, "displacements": vec![[0.5, -1.0, 1.5]; 64]}),
        "cast" => json!({"dtype": "float32"}),
        "clamp" => json!({"min": 0, "max": 2}),
        "crop" => json!({"start": [1, 0, 2], "shape": [5, 6, 4]}),
        "crop_or_pad" => json!({"shape": [5, 12, 9]}),
        "displace" => json!({"field": [[[[1, 0.5, -2], [0, 1.5, 0.25]]], [[[-1, 0, 1], [2, 0.5, 0.5]]]]}),
        "histogram_match" => {
            json!({"reference": concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/nifti/i2_le_1.nii")})
        }
        "histogram_standardize" => json!({"landmarks": [0, 7, 12, 18, 22, 33, 41, 60, 66, 70, 80, 91, 100]}),
        "threshold" => json!({"lower": 1}),
        "window" => json!({"level": 1, "width": 3}),
        "flip" => json!({"axes": [0, 2]}),
        "grey" => json!({"keys": "colours"}),
        "pick_channels" => json!({"channels": -1}),
        "grid_crop" => json!({"shape": 6}),
        "label_pyramid" => json!({"scales": [0.5, [1, 0.5, 0.3]]}),
        "one_hot" => json!({"classes": 3}),
        "pad" => json!({"amount": 2}),
        "permute_labels" => json!({"labels": [1, 2]}),
        "random_crop" => json!({"shape": 4, "count": 3}),
        "random_crop_by_label" => json!({"shape": 5, "count": 2}),
        "random_crop_by_weight" => json!({"shape": 3, "map": "weight"}),
        "random_sized_crop" => json!({"smallest": 3}),
        "swap" => json!({"shape": 2, "count": 4}),
        "remap_labels" => json!({"table": {"1": 3}}),
        "reorient" => json!({"orientation": "LPS"}),
        "resample" => json!({"spacing": 1.7}),
        "resample_to" => {
            let affine =
                [[1.5, 0.0, 0.0, -3.0], [0.0, 1.2, 0.1, 2.0], [0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 0.0, 1.0]];
            json!({"grid": {"shape": [5, 6, 4], "affine": affine}})
        }
        _ => json!({}),
    }
}

/// A transform with a range for every number that may be drawn, around its default.
pub(crate) fn drawing(e: &Entry) -> Value {
    let mut map = needed(e.name).as_object().unwrap().clone();
    for (name, p) in e.schema["properties"].as_object().unwrap() {
        if map.contains_key(name) || !may_be_drawn(p, &e.schema) {
            continue;
        }
        if let Some(v) = p["default"].as_f64() {
            let near = if v == 0.0 { [0.0, 0.1] } else { [v * 0.9, v] };
            map.insert(name.clone(), json!({ "uniform": near }));
        }
    }
    map.insert("p".into(), 0.8.into());
    if matches!(e.category, Category::Intensity | Category::Artefact) {
        map.insert("per_channel".into(), 0.7.into());
    }
    Value::Object(Map::from_iter([(e.name.to_owned(), Value::Object(map))]))
}

fn may_be_drawn(p: &Value, root: &Value) -> bool {
    let name = p["$ref"].as_str().and_then(|r| r.rsplit('/').next()).unwrap_or_default();
    let of_axes = || root["$defs"][name]["anyOf"][0]["items"]["$ref"] == "#/$defs/Dist";
    name == "Dist" || name == "EachAxis" || (name.starts_with("PerAxis") && of_axes())
}

#[test]
fn every_transform_can_be_given() {
    for e in catalog() {
        let node = super::given::nodes(&[drawing(e)]).remove(0);
        assert!(node.is_random(), "{}", e.name);
    }
}

#[test]
fn every_transform_writes_into_memory_of_the_callers() {
    let sample = super::sample([9, 8, 7]);
    for e in catalog() {
        let made = super::pipeline(&[drawing(e)], 11).apply(&sample, "case", 1).unwrap();
        let volumes = made.iter().flat_map(|s| s.items.iter()).filter_map(|(name, item)| match item {
            LazyItem::Volume(v) => Some((name, v)),
            _ => None,
        });
        for (name, v) in volumes {
            let dtype = v.facts().unwrap().dtype;
            let want = v.compute_as(Some(dtype), Layout::ZFastest).unwrap();
            let mut out = vec![0xA5; v.bytes_as(dtype).unwrap()];
            v.compute_into(dtype, &mut out).unwrap();
            assert_eq!(out, want.storage().bytes(), "{}: {name}", e.name);
        }
    }
}
