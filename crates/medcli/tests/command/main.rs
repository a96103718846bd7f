//! The built command, run as a person would.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod apply;
mod convert;
mod features;
mod index;
mod info;
mod landmarks;
mod presets;
mod preview;
mod transforms;

use std::path::{Path, PathBuf};
use std::process::Command;

use medcore::{Affine, Grid, Volume};

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in a folder.
pub(crate) fn medoxide(folder: &Path, words: &[&str]) -> Said {
    medoxide_with(folder, words, &[])
}

/// Runs the command in a folder with environment variables.
pub(crate) fn medoxide_with(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_medoxide"));
    command
        .args(words)
        .current_dir(folder)
        .env_remove("MEDOXIDE_LEVEL")
        .env_remove("MEDOXIDE_THREADS")
        .env_remove("MEDOXIDE_INDEX_DIR");
    command.envs(variables.iter().copied());
    let done = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// Runs the command and wants success and silence on standard error.
pub(crate) fn fine(folder: &Path, words: &[&str]) -> String {
    let said = medoxide(folder, words);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{words:?}: {}", said.out);
    said.out
}

/// Runs the command and wants this exit code and exactly one line on standard error.
pub(crate) fn refused(folder: &Path, words: &[&str], code: i32) -> String {
    let said = medoxide(folder, words);
    assert_eq!(said.code, code, "{words:?}: {}{}", said.out, said.err);
    assert_eq!(said.err.lines().count(), 1, "{words:?}: {}", said.err);
    assert!(said.err.starts_with("medoxide: error: "), "{words:?}: {}", said.err);
    said.err
}

/// A folder with an LPS volume of 6 x 5 x 4 voxels of 1 x 1 x 2 mm, values 0 to 119, and labels on the same grid.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_path_buf();
    let rows = [[-1.0, 0.0, 0.0, 10.0], [0.0, -1.0, 0.0, 20.0], [0.0, 0.0, 2.0, -5.0]];
    let grid = Grid::new([6, 5, 4], Affine { rows });
    let values: Vec<f32> = (0..120).map(|v| v as f32).collect();
    let image = Volume::from_f32(grid, &values).unwrap();
    medio::save(path.join("t1.nii.gz"), &image, &medio::SaveOptions::default()).unwrap();
    let labels: Vec<f32> = (0..120).map(|v| f32::from(v % 7 == 0)).collect();
    let labels = Volume::from_f32(grid, &labels).unwrap();
    let options =
        medio::SaveOptions { dtype: Some(medcore::DType::U8), label: true, ..medio::SaveOptions::default() };
    medio::save(path.join("seg.nii"), &labels, &options).unwrap();
    (dir, path)
}

/// Values of a file, x fastest.
pub(crate) fn values(path: impl AsRef<Path>) -> Vec<f32> {
    medio::open(path).unwrap().load().unwrap().to_f32().unwrap()
}

#[test]
fn help_and_version_go_to_standard_output() {
    let (_dir, at) = folder();
    let version = fine(&at, &["--version"]);
    assert_eq!(version.trim(), format!("medoxide {}", env!("CARGO_PKG_VERSION")));
    let help = fine(&at, &["--help"]);
    for command in
        ["info", "convert", "index", "apply", "landmarks", "transforms", "presets", "preview", "features"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        let own = fine(&at, &[command, "--help"]);
        assert!(own.contains(&format!("Usage: medoxide {command}")), "{own}");
    }
}

#[test]
fn no_command_shows_help_and_fails() {
    let (_dir, at) = folder();
    let said = medoxide(&at, &[]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("Usage: medoxide <COMMAND>"), "{}", said.err);
}

#[test]
fn what_is_not_understood_is_one_line_and_code_2() {
    let (_dir, at) = folder();
    for (words, said) in [
        (&["inof"] as &[&str], "info"),
        (&["info"], "FILE"),
        (&["info", "--jsn", "t1.nii.gz"], "--json"),
        (&["convert", "t1.nii.gz"], "OUT"),
        (&["index"], "FILE"),
        (&["convert", "t1.nii.gz", "a.nii", "--level", "12"], "0 to 9"),
        (&["convert", "t1.nii.gz", "a.nii", "--dtype", "int12"], "dtype"),
        (&["preview", "t1.nii.gz", "-o", "a.jpg"], ".png"),
    ] {
        let line = refused(&at, words, 2);
        assert!(line.contains(said), "{words:?}: {line}");
    }
}
