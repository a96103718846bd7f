//! Writers that are killed, and disks that are full: the old file or the new one, never half of one, and nothing left behind.
#![allow(
    clippy::unwrap_used,
    clippy::large_stack_arrays,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "in a test a panic is the answer, arrays are short, and names are our own"
)]
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use medcore::{Affine, Grid, Volume};
use medio::{Gzip, SaveOptions, open, save};

const N: usize = 96;
const NAMES: [&str; 4] = ["a.nii.gz", "a.nii", "fine.nii.gz", "single.nii.gz"];
const TARGET: &str = "MEDIO_TEST_TARGET";

fn volume(value: f32) -> Volume {
    // Noise, so that compression takes its time and gains little.
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 12) as f32 / 1e5
    };
    let voxels: Vec<f32> = (0..N * N * N).map(|_| value + noise()).collect();
    Volume::from_f32(Grid::new([N; 3], Affine::IDENTITY), &voxels).unwrap()
}

/// How the children write a file, by its name.
fn division(target: &Path) -> Gzip {
    match target.file_stem().unwrap().as_encoded_bytes()[0] {
        b's' => Gzip::Single,
        b'f' => Gzip::Blocks(4 << 10),
        _ => Gzip::default(),
    }
}

/// Not a test of its own: what the children of the tests below run.
#[test]
fn child() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    let target = Path::new(&target);
    let volumes = [volume(1000.0), volume(2000.0)];
    let options = SaveOptions {
        sync: false,
        level: medio::Level::FAST,
        gzip: division(target),
        ..SaveOptions::default()
    };
    for i in 0..1000 {
        if let Err(e) = save(target, &volumes[i % 2], &options) {
            eprintln!("error: {e}");
            std::process::exit(3);
        }
        println!("saved {i}");
    }
}

fn child_command(target: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(TARGET, target);
    command
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn killed_writers_leave_the_old_file_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (mut stale, mut seen) = (0, [0, 0]);
    for round in 0..60u64 {
        let target = dir.path().join(NAMES[round as usize % NAMES.len()]);
        save(&target, &volume(1000.0), &SaveOptions { sync: false, ..SaveOptions::default() }).unwrap();
        let mut child = child_command(&target).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 + (round * 37) % 97));
        child.kill().unwrap();
        child.wait().unwrap();
        stale += entries(dir.path()).iter().filter(|n| n.ends_with(".tmp")).count();
        let values = open(&target).unwrap().load().unwrap().to_f32().unwrap();
        let which = usize::from(values[0] > 1500.0);
        assert_eq!(values, volume([1000.0, 2000.0][which]).to_f32().unwrap());
        seen[which] += 1;
    }
    // The next save removes what they left, in its folder, whatever the target was.
    let last = dir.path().join("z.nii");
    save(&last, &volume(0.0), &SaveOptions::default()).unwrap();
    assert_eq!(entries(dir.path()), ["a.nii", "a.nii.gz", "fine.nii.gz", "single.nii.gz", "z.nii"]);
    assert!(stale > 0, "no writer was caught in the act; files seen {seen:?}");
}

/// A limit on file sizes stands for a full disk: the write fails in the middle.
#[test]
fn a_failed_write_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.nii", "a.nii.gz", "single.nii.gz", "a.hdr"] {
        let target = dir.path().join(name);
        let exe = std::env::current_exe().unwrap();
        // bash counts in KiB; without the signal, write fails with EFBIG.
        let output = Command::new("bash")
            .arg("-c")
            .arg("trap '' XFSZ; ulimit -f 40; exec \"$0\" --exact child --nocapture")
            .arg(exe)
            .env(TARGET, &target)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(
            text.contains("error:") && text.contains(if name == "a.hdr" { "a.img" } else { name }),
            "{text}"
        );
        assert_eq!(entries(dir.path()), Vec::<String>::new());
    }
}

/// Temporary files of writers that live, here or in another process, are left alone.
#[test]
fn living_writers_keep_their_temporaries() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.nii");
    // Process 1 is always there; the second name is no temporary of ours.
    let kept = [".a.nii.medoxide-1-0.tmp", ".a.nii.medoxide-x.tmp", "b.medoxide-999999999-0.tmp"];
    for name in kept {
        fs::write(dir.path().join(name), b"?").unwrap();
    }
    fs::write(dir.path().join(".other.nii.medoxide-999999999-5.tmp"), b"stale").unwrap();
    let locked_path = dir.path().join(".a.nii.medoxide-999999999-6.tmp");
    let locked = fs::File::create(&locked_path).unwrap();
    locked.lock().unwrap();
    let v = volume(1.0);
    std::thread::scope(|s| {
        for i in 0..4 {
            let (v, path) = (&v, dir.path().join(format!("t{i}.nii")));
            s.spawn(move || save(path, v, &SaveOptions::default()).unwrap());
        }
    });
    save(&target, &v, &SaveOptions::default()).unwrap();
    let mut expected: Vec<String> = kept.iter().map(ToString::to_string).collect();
    expected.extend(
        ["a.nii", "t0.nii", "t1.nii", "t2.nii", "t3.nii", ".a.nii.medoxide-999999999-6.tmp"]
            .map(String::from),
    );
    expected.sort();
    assert_eq!(entries(dir.path()), expected);
    drop(locked);
    save(&target, &v, &SaveOptions::default()).unwrap();
    assert!(!locked_path.exists());
}
