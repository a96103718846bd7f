use crate::{fine, folder, medoxide, refused, values};

const PIPELINE: &str = "medoxide: 1
transforms:
  - reorient: RAS
  - resample: {spacing: [1, 1, 1]}
  - clamp: {min: 10, max: 50}
";

#[test]
fn a_pipeline_file_and_words_do_the_same() {
    let (_dir, at) = folder();
    std::fs::write(at.join("p.yaml"), PIPELINE).unwrap();
    let said = fine(&at, &["apply", "p.yaml", "t1.nii.gz", "-o", "out/deep"]);
    assert!(said.contains("6 x 5 x 8 of 1 x 1 x 1 mm, RAS, float32"), "{said}");
    let words = ["reorient:RAS", "resample:spacing=1", "clamp:min=10,max=50"];
    fine(&at, &[&["apply", "t1.nii.gz", "inline.nii"], &words[..]].concat());
    fine(&at, &["apply", "p.yaml", "t1.nii.gz", "-o", "named.nii"]);
    let made = values(at.join("out/deep/t1.nii.gz"));
    assert_eq!(made.len(), 6 * 5 * 8);
    assert_eq!(made, values(at.join("inline.nii")));
    assert_eq!(made, values(at.join("named.nii")));
    // The first voxel of the RAS grid is the last of the LPS grid's first slice, clamped.
    assert_eq!((made[0], made[29]), (29.0, 10.0));
}

#[test]
fn labels_move_along_and_keep_their_values() {
    let (_dir, at) = folder();
    let words =
        ["apply", "t1.nii.gz", "out/t1.nii.gz", "flip:x", "resample:2", "z_normalize", "--label", "seg.nii"];
    let said = fine(&at, &words);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(values(at.join("out/seg.nii")).iter().all(|v| *v == 0.0 || *v == 1.0));
    assert_eq!(medio::open(at.join("out/seg.nii")).unwrap().dtype(), medcore::DType::U8);
    let clash = refused(&at, &["apply", "t1.nii.gz", "a.nii", "flip:x", "--label", "seg.nii"], 2);
    assert!(clash.contains("--label-output"), "{clash}");
    fine(&at, &["apply", "t1.nii.gz", "a.nii", "flip:x", "--label", "seg.nii", "--label-output", "b.nii"]);
    assert_ne!(values(at.join("b.nii")), values(at.join("seg.nii")));
}

#[test]
fn a_label_on_another_grid_is_refused_or_resampled() {
    let (_dir, at) = folder();
    fine(&at, &["apply", "seg.nii", "fine.nii", "resample:spacing=1,interpolation=nearest"]);
    let words = ["apply", "t1.nii.gz", "a.nii", "flip:x", "--label", "fine.nii", "--label-output", "b.nii"];
    let line = refused(&at, &words, 1);
    assert!(line.contains("6 x 5 x 8") && line.contains("6 x 5 x 4"), "{line}");
    fine(&at, &[&words[..], &["--on-mismatch", "resample"]].concat());
    assert_eq!(medio::open(at.join("b.nii")).unwrap().shape(), [6, 5, 4]);
}

#[test]
fn seeds_repeat_and_are_told() {
    let (_dir, at) = folder();
    let noise = |out: &str, more: &[&str]| {
        fine(&at, &[&["apply", "t1.nii.gz", out, "gaussian_noise:1"], more].concat());
        values(at.join(out))
    };
    let (a, b) = (noise("a.nii", &["--seed", "5"]), noise("b.nii", &["--seed", "5"]));
    assert_eq!(a, b);
    assert_ne!(a, noise("c.nii", &["--seed", "6"]));
    let said = fine(&at, &["apply", "t1.nii.gz", "d.nii", "gaussian_noise:1"]);
    let seed = said.lines().next().unwrap().strip_prefix("seed ").unwrap();
    assert_eq!(noise("e.nii", &["--seed", seed]), values(at.join("d.nii")));
}

#[test]
fn several_patches_are_several_files() {
    let (_dir, at) = folder();
    let said = fine(&at, &["apply", "t1.nii.gz", "p.nii.gz", "random_crop:shape=3,count=2", "--seed", "1"]);
    assert_eq!(said.lines().count(), 3, "{said}");
    for n in 0..2 {
        assert_eq!(values(at.join(format!("p_{n}.nii.gz"))).len(), 27);
    }
}

#[test]
fn explain_says_what_would_be_done_and_does_nothing() {
    let (_dir, at) = folder();
    std::fs::write(at.join("p.yaml"), PIPELINE).unwrap();
    let said = fine(&at, &["apply", "p.yaml", "t1.nii.gz", "--explain"]);
    assert!(said.contains("resample") && said.contains("result: float32"), "{said}");
    fine(&at, &["apply", "t1.nii.gz", "x.nii", "flip:x", "--explain"]);
    assert!(!at.join("x.nii").exists());
}

#[test]
fn progress_is_shown_as_lines_where_there_is_no_terminal() {
    let (_dir, at) = folder();
    let said = medoxide(&at, &["apply", "t1.nii.gz", "x.nii", "flip:x", "--progress", "always"]);
    assert_eq!(said.code, 0);
    let lines: Vec<&str> = said.err.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("transform t1.nii.gz: "), "{}", said.err);
    assert!(lines[1].starts_with("write x.nii: "), "{}", said.err);
}

#[test]
fn mistakes_are_one_line_that_says_what_to_do() {
    let (_dir, at) = folder();
    std::fs::write(at.join("p.yaml"), PIPELINE).unwrap();
    std::fs::write(at.join("bad.yaml"), PIPELINE.replace("max", "mox")).unwrap();
    std::fs::create_dir(at.join("other")).unwrap();
    std::fs::copy(at.join("t1.nii.gz"), at.join("other/t1.nii.gz")).unwrap();
    for (words, code, said) in [
        (&["apply", "t1.nii.gz"] as &[&str], 2, "output"),
        (&["apply", "t1.nii.gz", "x.nii"], 2, "no transform"),
        (&["apply", "t1.nii.gz", "flip:x"], 2, "output file"),
        (&["apply", "t1.nii.gz", "x.nii", "resampel:1"], 2, "resample"),
        (&["apply", "t1.nii.gz", "x.nii", "clamp:mox=1"], 2, "mox"),
        (&["apply", "t1.nii.gz", "x.nii", "flip:x", "-o", "out"], 2, "-o"),
        (&["apply", "p.yaml", "t1.nii.gz"], 2, "-o"),
        (&["apply", "p.yaml"], 2, "no input"),
        (&["apply", "p.yaml", "t1.nii.gz", "-o", "."], 2, "another -o"),
        (&["apply", "p.yaml", "t1.nii.gz", "other/t1.nii.gz", "-o", "out"], 2, "both"),
        (&["apply", "bad.yaml", "t1.nii.gz", "-o", "out"], 1, "mox"),
        (&["apply", "gone.yaml", "t1.nii.gz", "-o", "out"], 1, "gone.yaml"),
        (&["apply", "t1.nii.gz", "x.nii", "resample:-1"], 1, "resample"),
        (&["apply", "t1.nii.gz", "x.nii", "reorient:RRS"], 1, "reorient"),
        (&["apply", "t1.nii.gz", "x.nii", "crop:start=0,0,0,shape=60,1,1"], 1, "crop"),
        (&["apply", "gone.nii", "x.nii", "flip:x"], 1, "check the path"),
    ] {
        let line = refused(&at, words, code);
        assert!(line.contains(said), "{words:?}: {line}");
        assert!(!at.join("x.nii").exists(), "{words:?}");
    }
}

#[test]
fn a_folder_is_transformed_and_a_bad_file_does_not_stop_the_others() {
    let (_dir, at) = folder();
    std::fs::write(at.join("p.yaml"), PIPELINE).unwrap();
    std::fs::create_dir_all(at.join("set/a")).unwrap();
    std::fs::rename(at.join("t1.nii.gz"), at.join("set/a/t1.nii.gz")).unwrap();
    std::fs::write(at.join("set/a/broken.nii"), "no volume").unwrap();
    let said = medoxide(&at, &["apply", "p.yaml", "set", "-o", "out"]);
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "{}", said.err);
    assert!(said.err.contains("broken.nii") && said.out.starts_with("out/a/t1.nii.gz: "), "{}", said.out);
    assert!(at.join("out/a/t1.nii.gz").exists() && !at.join("out/a/broken.nii").exists());
}
