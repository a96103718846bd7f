use crate::{fine, folder, refused};

#[test]
fn presets_are_listed_and_printed() {
    let (_dir, at) = folder();
    let list = fine(&at, &["presets"]);
    for p in medpipe::presets() {
        assert!(list.contains(&format!("{}\n", p.name)), "{list}");
        let file = fine(&at, &["presets", p.name]);
        assert_eq!(file, p.file(&serde_json::Map::new()).unwrap());
    }
    let file = fine(&at, &["presets", "nnunet_v2", "patch=[64, 64, 32]", "label=seg"]);
    assert!(
        file.contains("crop_or_pad: {shape: [64,64,32], label_value: -1}") && file.contains("label: \"seg\""),
        "{file}"
    );
}

#[test]
fn wrong_presets_and_parameters_are_told() {
    let (_dir, at) = folder();
    assert!(refused(&at, &["presets", "nnunet"], 1).contains("nnunet_v2"));
    assert!(refused(&at, &["presets", "medrs", "sigma=1"], 1).contains("noise"));
    assert!(refused(&at, &["presets", "medrs", "noise"], 2).contains("NAME=VALUE"));
}
