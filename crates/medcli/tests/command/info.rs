use crate::{fine, folder, medoxide, refused};

#[test]
fn facts_of_the_header_are_shown() {
    let (_dir, at) = folder();
    let text = fine(&at, &["info", "t1.nii.gz", "seg.nii"]);
    for fact in
        ["nifti1, gzip in blocks, little endian", "6 x 5 x 4", "1 x 1 x 2 mm", "LPS", "float32", "uint8"]
    {
        assert!(text.contains(fact), "{fact}: {text}");
    }
}

#[test]
fn json_is_one_object_a_line_with_every_field() {
    let (_dir, at) = folder();
    let text = fine(&at, &["info", "--json", "t1.nii.gz", "seg.nii"]);
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["shape"], serde_json::json!([6, 5, 4]));
    assert_eq!(lines[0]["spacing"], serde_json::json!([1.0, 1.0, 2.0]));
    assert_eq!(lines[0]["affine"][2], serde_json::json!([0.0, 0.0, 2.0, -5.0]));
    assert_eq!(lines[0]["orientation"], "LPS");
    assert_eq!(lines[0]["gzip"], "blocks");
    assert!(lines[1]["gzip"].is_null());
    assert_eq!(lines[1]["stored_dtype"], "uint8");
    assert_eq!(lines[1]["header"]["datatype"], 2);
    assert!(lines[0]["header"].as_object().unwrap().len() > 30);
}

#[test]
fn numbers_that_json_lacks_are_texts() {
    let (_dir, at) = folder();
    let mut bytes = std::fs::read(at.join("seg.nii")).unwrap();
    bytes[112..116].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(at.join("nan.nii"), bytes).unwrap();
    let text = fine(&at, &["info", "--json", "nan.nii"]);
    let facts: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(facts["header"]["scl_slope"], "NaN");
    assert!(facts["scale"].is_null());
}

#[test]
fn a_bad_file_does_not_hide_the_good_ones() {
    let (_dir, at) = folder();
    std::fs::write(at.join("bad.nii"), b"no volume at all").unwrap();
    let said = medoxide(&at, &["info", "gone.nii", "bad.nii", "t1.nii.gz"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("6 x 5 x 4"), "{}", said.out);
    let lines: Vec<&str> = said.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", said.err);
    assert!(lines[0].contains("gone.nii") && lines[0].contains("check the path"), "{}", lines[0]);
    assert!(lines[1].contains("bad.nii") && lines[1].contains("expected"), "{}", lines[1]);
    refused(&at, &["info", "gone.nii"], 1);
}
