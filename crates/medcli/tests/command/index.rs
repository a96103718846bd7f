use std::fs;
use std::path::{Path, PathBuf};

use medcore::{Affine, Box3, Grid, Volume};

use crate::{fine, folder, medoxide, medoxide_with, refused};

/// A data set: a small gzip stream and a large one, a file in blocks and a plain one.
fn dataset() -> (tempfile::TempDir, PathBuf) {
    let (dir, at) = folder();
    fs::create_dir_all(at.join("set/sub-01/anat")).unwrap();
    fine(&at, &["convert", "t1.nii.gz", "set/sub-01/anat/t1.nii.gz", "--gzip", "single"]);
    fs::rename(at.join("t1.nii.gz"), at.join("set/blocks.nii.gz")).unwrap();
    fs::rename(at.join("seg.nii"), at.join("set/seg.nii")).unwrap();
    let grid = Grid::new([120, 110, 100], Affine::IDENTITY);
    let mut state = 1u32;
    let values: Vec<f32> = (0..grid.len())
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            (state >> 20) as f32
        })
        .collect();
    let options = medio::SaveOptions { gzip: medio::Gzip::Single, ..medio::SaveOptions::default() };
    let volume = Volume::from_f32(grid, &values).unwrap();
    medio::save(at.join("set/large.nii.gz"), &volume, &options).unwrap();
    (dir, at)
}

/// Bytes inflated for the last voxel by a process that has not read the file before.
fn cost_of_the_end(path: &Path) -> u64 {
    medio::checkpoints::clear();
    let file = medio::open(path).unwrap();
    file.read_f32(0, &Box3 { start: [119, 109, 99], shape: [1; 3] }, &mut [0.0]).unwrap();
    file.bytes_inflated()
}

#[test]
fn a_data_set_is_indexed_once() {
    let (_dir, at) = dataset();
    let large = at.join("set/large.nii.gz");
    assert!(cost_of_the_end(&large) > 5_000_000);
    let said = fine(&at, &["index", "set"]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("set/large.nii.gz.mxi: 5 checkpoints, "), "{said}");
    assert_eq!(lines[1..], ["1 indexed, 0 up to date, 3 need no index, 0 failed"]);
    assert!(!at.join("set/sub-01/anat/t1.nii.gz.mxi").exists());
    assert!(cost_of_the_end(&large) < 1_500_000);
    assert_eq!(fine(&at, &["index", "set"]), "0 indexed, 1 up to date, 3 need no index, 0 failed\n");
    // Replaced, or damaged: written anew.
    let index = at.join("set/large.nii.gz.mxi");
    let sound = fs::read(&index).unwrap();
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 4;
    fs::write(&index, damaged).unwrap();
    assert!(fine(&at, &["index", "set"]).contains("\n1 indexed, 0 up to date"));
    assert_eq!(fs::read(&index).unwrap(), sound);
    fine(&at, &["apply", "set/large.nii.gz", "new.nii.gz", "flip:x", "--gzip", "single"]);
    fs::rename(at.join("new.nii.gz"), &large).unwrap();
    assert!(cost_of_the_end(&large) > 5_000_000, "a stale index is not used");
    assert!(fine(&at, &["index", "set"]).contains("\n1 indexed, 0 up to date"));
    assert!(cost_of_the_end(&large) < 1_500_000);
}

#[test]
fn a_bad_file_does_not_stop_the_others() {
    let (_dir, at) = dataset();
    let large = at.join("set/large.nii.gz");
    let bytes = fs::read(&large).unwrap();
    fs::write(at.join("set/cut.nii.gz"), &bytes[..bytes.len() / 2]).unwrap();
    let mut flipped = bytes.clone();
    let end = flipped.len() - 5;
    flipped[end] ^= 1;
    fs::write(at.join("set/flipped.nii.gz"), flipped).unwrap();
    fs::write(at.join("set/text.nii.gz"), "no volume").unwrap();
    for threads in ["1", "5"] {
        let said = medoxide_with(&at, &["index", "set"], &[("MEDOXIDE_THREADS", threads)]);
        assert_eq!((said.code, said.err.lines().count()), (1, 3), "{}", said.err);
        for (line, name) in said.err.lines().zip(["cut", "flipped", "text"]) {
            assert!(
                line.starts_with("medoxide: error: ") && line.contains(&format!("{name}.nii.gz")),
                "{line}"
            );
        }
        assert!(said.out.contains("3 failed"), "{}", said.out);
        assert!(large.with_extension("gz.mxi").exists() && !at.join("set/cut.nii.gz.mxi").exists());
    }
    assert!(refused(&at, &["index", "set/gone.nii.gz"], 1).contains("check the path"));
    let said = medoxide(&at, &["index", "set/seg.nii", "--progress", "always"]);
    assert_eq!(said.out, "0 indexed, 0 up to date, 1 need no index, 0 failed\n");
    assert!(said.err.starts_with("index seg.nii: "), "{}", said.err);
}

#[test]
fn indexes_are_kept_in_a_folder() {
    let (_dir, at) = dataset();
    let files = |folder: &str| fs::read_dir(at.join(folder)).map_or(0, Iterator::count);
    let said = fine(&at, &["index", "set", "--cache-dir", "kept/here"]);
    assert!(said.starts_with("kept/here/large.nii.gz-"), "{said}");
    assert_eq!(files("kept/here"), 1);
    assert!(!at.join("set/large.nii.gz.mxi").exists());
    // The same folder by the environment, and readers find it there.
    let kept = at.join("kept/here");
    let variables = [("MEDOXIDE_INDEX_DIR", kept.to_str().unwrap())];
    let said = medoxide_with(&at, &["index", "set"], &variables);
    assert_eq!(said.out, "0 indexed, 1 up to date, 3 need no index, 0 failed\n");
    assert_eq!(files("kept/here"), 1);
    let refused = medoxide(&at, &["index", "set/large.nii.gz", "--cache-dir", "set/seg.nii"]);
    assert!(refused.code == 1 && refused.err.contains("seg.nii"), "{}", refused.err);
}
