use crate::{fine, folder, medoxide_with};

#[test]
fn levels_and_threads_can_be_forced_and_it_shows() {
    let (_dir, at) = folder();
    let free = fine(&at, &["features"]);
    assert!(free.contains("the best of this processor") && free.contains("pool"), "{free}");
    let said = medoxide_with(&at, &["features"], &[("MEDOXIDE_LEVEL", "plain"), ("MEDOXIDE_THREADS", "3")]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("plain (forced by MEDOXIDE_LEVEL"), "{}", said.out);
    assert!(said.out.contains("3 (forced by MEDOXIDE_THREADS)"), "{}", said.out);
}

#[test]
fn a_bad_value_is_one_line_for_every_command() {
    let (_dir, at) = folder();
    for (variable, value, said) in [
        ("MEDOXIDE_LEVEL", "sse9", "plain, avx2, avx512 or neon"),
        ("MEDOXIDE_THREADS", "many", "whole number"),
        ("MEDOXIDE_THREADS", "0", "whole number"),
    ] {
        for words in [&["features"] as &[&str], &["info", "t1.nii.gz"]] {
            let run = medoxide_with(&at, words, &[(variable, value)]);
            assert_eq!((run.code, run.err.lines().count()), (2, 1), "{}", run.err);
            assert!(run.err.contains(variable) && run.err.contains(said), "{}", run.err);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_level() {
    let (_dir, at) = folder();
    let words =
        ["apply", "t1.nii.gz", "x.nii", "resample:0.7", "gaussian_noise:2", "z_normalize", "--seed", "3"];
    let run = |level: &str, threads: &str| {
        let said = medoxide_with(&at, &words, &[("MEDOXIDE_LEVEL", level), ("MEDOXIDE_THREADS", threads)]);
        assert_eq!(said.code, 0, "{}", said.err);
        std::fs::read(at.join("x.nii")).unwrap()
    };
    assert_eq!(run("plain", "1"), run("", "4"));
}
