use crate::{fine, folder, refused};

#[test]
fn every_transform_is_listed_and_explained() {
    let (_dir, at) = folder();
    let list = fine(&at, &["transforms"]);
    for entry in medpipe::catalog() {
        assert!(list.contains(&format!("\n  {:<24}", entry.name)), "{}: {list}", entry.name);
        let page = fine(&at, &["transforms", entry.name]);
        for parameter in entry.parameters() {
            assert!(page.contains(&format!("\n  {parameter}: ")), "{parameter}: {page}");
        }
        assert!(!page.contains(": ; "), "a parameter without a type: {page}");
        let mut peers = entry.peers().into_iter().flat_map(|(_, names)| names);
        assert!(page.contains("\n  Peers: ") && peers.all(|name| page.contains(name)), "{page}");
        let schema: serde_json::Value =
            serde_json::from_str(&fine(&at, &["transforms", entry.name, "--schema"])).unwrap();
        assert_eq!(schema, entry.schema);
    }
    for group in medpipe::groups() {
        assert!(list.contains(&format!("\n  {:<24}", group.name)), "{}: {list}", group.name);
        let page = fine(&at, &["transforms", group.name]);
        for parameter in ["transforms", "p", "id"] {
            assert!(page.contains(&format!("\n  {parameter}: ")), "{parameter}: {page}");
        }
    }
}

#[test]
fn types_units_and_defaults_are_told() {
    let (_dir, at) = folder();
    let page = fine(&at, &["transforms", "resample"]);
    assert!(page.contains("spacing: number | [number, number, number] in mm; not set by default"), "{page}");
    assert!(page.contains("interpolation: linear | nearest | nearest_floor | cubic | area | area_whole | lanczos; default linear"), "{page}");
    assert!(fine(&at, &["transforms", "cast"]).contains("; required"));
    assert!(fine(&at, &["transforms", "ZNormalize"]).starts_with("z_normalize"));
}

#[test]
fn unknown_names_get_suggestions() {
    let (_dir, at) = folder();
    let line = refused(&at, &["transforms", "resampel"], 1);
    assert!(line.contains("perhaps resample"), "{line}");
}
