use crate::{fine, folder, refused, values};

#[test]
fn containers_and_compression_change_but_not_the_values() {
    let (_dir, at) = folder();
    let before = values(at.join("t1.nii.gz"));
    for out in ["a.nii", "b.nii.gz", "c.hdr", "d.img.gz"] {
        let said = fine(&at, &["convert", "t1.nii.gz", out, "--level", "9", "--threads", "2"]);
        assert!(said.contains("6 x 5 x 4 of 1 x 1 x 2 mm, LPS, float32"), "{said}");
        assert_eq!(values(at.join(out)), before, "{out}");
    }
}

#[test]
fn gzip_files_are_divided_as_asked() {
    let (_dir, at) = folder();
    let before = values(at.join("t1.nii.gz"));
    for (how, sequential) in [("blocks", false), ("bgzf", false), ("single", true)] {
        fine(&at, &["convert", "t1.nii.gz", "a.nii.gz", "--gzip", how]);
        assert_eq!(medio::open(at.join("a.nii.gz")).unwrap().sequential(), sequential, "{how}");
        assert_eq!(values(at.join("a.nii.gz")), before, "{how}");
    }
    assert!(refused(&at, &["convert", "t1.nii.gz", "a.nii.gz", "--gzip", "pigz"], 2).contains("blocks"));
}

#[test]
fn dtypes_are_cast_and_the_error_is_told() {
    let (_dir, at) = folder();
    fine(&at, &["convert", "t1.nii.gz", "u8.nii", "--dtype", "uint8"]);
    assert_eq!(medio::open(at.join("u8.nii")).unwrap().stored_dtype(), medcore::DType::U8);
    assert_eq!(values(at.join("u8.nii")), values(at.join("t1.nii.gz")));
    fine(&at, &["apply", "t1.nii.gz", "unit.nii", "rescale"]);
    let said = fine(&at, &["convert", "unit.nii", "i16.nii", "--storage", "int16"]);
    assert!(said.contains("int16") && said.contains("largest error"), "{said}");
    let worst = values(at.join("unit.nii"))
        .iter()
        .zip(values(at.join("i16.nii")))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst > 0.0 && worst < 1e-5, "{worst}");
}

#[test]
fn what_cannot_be_done_says_what_to_do() {
    let (_dir, at) = folder();
    for (words, said) in [
        (&["convert", "gone.nii", "a.nii"], "check the path"),
        (&["convert", "t1.nii.gz", "a.mha"], ".nii.gz"),
        (&["convert", "t1.nii.gz", "no/such/folder/a.nii"], "check the path"),
    ] {
        let line = refused(&at, words, 1);
        assert!(line.contains(said), "{words:?}: {line}");
    }
}
