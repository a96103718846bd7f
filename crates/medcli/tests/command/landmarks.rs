use std::fs;

use crate::{fine, folder, refused};

#[test]
fn landmarks_are_trained_printed_and_written() {
    let (_dir, at) = folder();
    let told = fine(&at, &["landmarks", "t1.nii.gz", "--out", "landmarks.json"]);
    assert!(told.contains("landmarks of 1 images: ["), "{told}");
    let written: serde_json::Value =
        serde_json::from_slice(&fs::read(at.join("landmarks.json")).unwrap()).unwrap();
    let values: Vec<f64> = serde_json::from_value(written["landmarks"].clone()).unwrap();
    assert_eq!(values.len(), 13);
    assert!(
        values.windows(2).all(|w| w[0] <= w[1])
            && values[0].abs() < 1e-6
            && (values[12] - 100.0).abs() < 1e-6
    );
    fine(&at, &["landmarks", "t1.nii.gz", "--out", "landmarks.npy", "--above-mean"]);
    let npy = fs::read(at.join("landmarks.npy")).unwrap();
    assert!(npy.starts_with(b"\x93NUMPY\x01\x00") && npy.len() == 128 + 13 * 8);
    let why = refused(&at, &["landmarks", "t1.nii.gz", "--lower", "20"], 1);
    assert!(why.contains("cutoff"), "{why}");
}
