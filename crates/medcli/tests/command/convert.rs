use std::io::Read;
use std::path::Path;

use medio::Division;

use crate::{fine, folder, medoxide, refused, values};

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

/// A data set: a file of one member, one in blocks already, a plain one, a hidden one, a text.
fn dataset() -> (tempfile::TempDir, std::path::PathBuf) {
    let (dir, at) = folder();
    std::fs::create_dir_all(at.join("set/sub-01/anat")).unwrap();
    std::fs::create_dir_all(at.join("set/.git")).unwrap();
    fine(&at, &["convert", "t1.nii.gz", "set/sub-01/anat/t1.nii.gz", "--gzip", "single"]);
    std::fs::rename(at.join("t1.nii.gz"), at.join("set/blocks.nii.gz")).unwrap();
    std::fs::rename(at.join("seg.nii"), at.join("set/sub-01/seg.nii")).unwrap();
    std::fs::copy(at.join("set/blocks.nii.gz"), at.join("set/.git/x.nii.gz")).unwrap();
    std::fs::write(at.join("set/README"), "text").unwrap();
    (dir, at)
}

/// A gzip file's content.
fn content(path: &Path) -> Vec<u8> {
    let mut out = vec![];
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut out).unwrap();
    out
}

#[test]
fn a_data_set_is_divided_in_place_once() {
    let (_dir, at) = dataset();
    let t1 = at.join("set/sub-01/anat/t1.nii.gz");
    let untouched = ["set/blocks.nii.gz", "set/sub-01/seg.nii", "set/.git/x.nii.gz"].map(|p| at.join(p));
    let (before, others) = (content(&t1), untouched.clone().map(|p| std::fs::read(p).unwrap()));
    let said = fine(&at, &["convert", "--in-place", "set"]);
    assert!(said.ends_with("1 written, 2 done already, 0 failed\n"), "{said}");
    assert_eq!(medio::open(&t1).unwrap().division().unwrap(), Some(Division::Blocks));
    assert_eq!(content(&t1), before, "not a byte of the content changes");
    assert_eq!(untouched.map(|p| std::fs::read(p).unwrap()), others);
    assert_eq!(fine(&at, &["convert", "--in-place", "set"]), "0 written, 3 done already, 0 failed\n");
    assert!(fine(&at, &["convert", "--in-place", "set", "--gzip", "bgzf"]).contains("2 written, 1 done"));
    assert_eq!(medio::open(&t1).unwrap().division().unwrap(), Some(Division::Bgzf));
    assert!(fine(&at, &["convert", "--in-place", "set", "--force"]).contains("3 written, 0 done"));
    assert!(fine(&at, &["convert", "--in-place", "set", "--dtype", "int16"]).contains("3 written"));
    assert!(fine(&at, &["convert", "--in-place", "set", "--dtype", "int16"]).contains("3 done already"));
}

#[test]
fn a_data_set_is_converted_into_a_folder_and_goes_on_where_it_stopped() {
    let (_dir, at) = dataset();
    std::fs::write(at.join("set/broken.nii.gz"), "no volume").unwrap();
    let words = ["convert", "set", "-o", "out", "--to", "nii", "--progress", "never"];
    for (written, done) in [(3, 0), (0, 3)] {
        let said = medoxide(&at, &words);
        assert_eq!(said.code, 1);
        assert!(said.err.lines().count() == 1 && said.err.contains("set/broken.nii.gz"), "{}", said.err);
        let counts = format!("{written} written, {done} done already, 1 failed\n");
        assert!(said.out.ends_with(&counts), "{}", said.out);
    }
    for (from, to) in [
        ("sub-01/anat/t1.nii.gz", "sub-01/anat/t1.nii"),
        ("blocks.nii.gz", "blocks.nii"),
        ("sub-01/seg.nii", "sub-01/seg.nii"),
    ] {
        assert_eq!(values(at.join("set").join(from)), values(at.join("out").join(to)), "{to}");
    }
    // A source that changed is converted again.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    let source = std::fs::File::options().append(true).open(at.join("set/blocks.nii.gz")).unwrap();
    source.set_modified(later).unwrap();
    assert!(medoxide(&at, &words).out.ends_with("1 written, 2 done already, 1 failed\n"));
}

#[test]
fn many_inputs_need_to_know_where_to_go() {
    let (_dir, at) = dataset();
    for (words, code, said) in [
        (&["convert", "set", "out"] as &[&str], 2, "--in-place"),
        (&["convert", "a.nii", "b.nii", "c.nii"], 2, "-o"),
        (&["convert", "set", "-o", "set"], 2, "choose another -o"),
        (&["convert", "set", "-o", "x", "--in-place"], 2, "--in-place"),
        (&["convert", "set", "set", "-o", "x"], 2, "would both become"),
    ] {
        let line = refused(&at, words, code);
        assert!(line.contains(said), "{words:?}: {line}");
    }
    std::fs::create_dir(at.join("empty")).unwrap();
    assert!(refused(&at, &["convert", "empty", "-o", "x"], 1).contains("no volume files"));
}
