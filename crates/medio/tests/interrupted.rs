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
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use medcore::{Affine, Grid, Volume};
use medio::{Gzip, SaveOptions, open, save};

const N: usize = 72;
/// The last is the index of a volume that is there already.
const NAMES: [&str; 5] = ["a.nii.gz", "a.nii", "fine.nii.gz", "single.nii.gz", "indexed.nii.gz.mxi"];
const TARGET: &str = "MEDIO_TEST_TARGET";
/// Writers that are killed, all in all.
const ROUNDS: usize = 200;
/// Folders in which they work at the same time.
const FOLDERS: usize = 2;

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

/// How a file of this name is written.
fn options(target: &Path) -> SaveOptions {
    let gzip = match target.file_name().unwrap().as_encoded_bytes()[0] {
        b's' | b'i' => Gzip::Single,
        b'f' => Gzip::Blocks(4 << 10),
        b'b' => Gzip::Bgzf,
        _ => Gzip::default(),
    };
    SaveOptions { sync: false, level: medio::Level::FAST, gzip, ..SaveOptions::default() }
}

/// Times of writing between which an indexed volume goes back and forth, so that its index is written again and again.
fn times() -> [SystemTime; 2] {
    [1_000_000_000, 1_000_000_001].map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s))
}

/// Writes the index of a volume as if that had been written at the first or the second of these times.
fn index(volume: &Path, which: usize) -> Result<(), medio::Error> {
    fs::File::options().write(true).open(volume).unwrap().set_modified(times()[which]).unwrap();
    open(volume)?.write_index().map(|_| ())
}

/// Not a test of its own: what the children of the tests below run.
#[test]
fn child() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    let target = Path::new(&target);
    let volumes = [volume(1000.0), volume(2000.0)];
    for i in 1..1000 {
        let written = if target.extension().unwrap() == "mxi" {
            index(&target.with_extension(""), i % 2)
        } else {
            save(target, &volumes[i % 2], &options(target)).map(|_| ())
        };
        if let Err(e) = written {
            eprintln!("error: {e}");
            std::process::exit(3);
        }
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

/// Every file's two states: bytes, by name.
fn states(folder: &Path) -> [Vec<Vec<u8>>; 2] {
    [0, 1].map(|which| {
        let v = volume([1000.0, 2000.0][which]);
        NAMES
            .map(|name| {
                let path = folder.join(name);
                if name.ends_with(".mxi") {
                    let of = path.with_extension("");
                    if !of.exists() {
                        save(&of, &v, &options(&of)).unwrap();
                    }
                    index(&of, which).unwrap();
                } else {
                    save(&path, &v, &options(&path)).unwrap();
                }
                fs::read(path).unwrap()
            })
            .to_vec()
    })
}

#[test]
fn killed_writers_leave_the_old_file_or_the_new_one() {
    let results = std::thread::scope(|scope| {
        let folder = |f: usize| {
            let dir = tempfile::tempdir().unwrap();
            let states = states(dir.path());
            let expected = [1000.0, 2000.0].map(|v| volume(v).to_f32().unwrap());
            let (mut stale, mut seen) = (0, [0, 0]);
            for round in (f..ROUNDS).step_by(FOLDERS) {
                let i = round / FOLDERS % NAMES.len();
                let target = dir.path().join(NAMES[i]);
                fs::write(&target, &states[0][i]).unwrap();
                let mut child =
                    child_command(&target).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(Duration::from_millis(20 + (round as u64 * 37) % 97));
                child.kill().unwrap();
                child.wait().unwrap();
                stale += entries(dir.path()).iter().filter(|n| n.ends_with(".tmp")).count();
                // The same bytes as when nobody is killed, which are the volume that they should be.
                let found = fs::read(&target).unwrap();
                let which = states.iter().position(|s| s[i] == found);
                let which = which.unwrap_or_else(|| panic!("round {round}: {} is neither", target.display()));
                seen[which] += 1;
                let (volume, which) = if i == 4 { (target.with_extension(""), 0) } else { (target, which) };
                assert!(open(&volume).unwrap().load().unwrap().to_f32().unwrap() == expected[which]);
            }
            // The next save removes what they left, in its folder, whatever the target was.
            let last = dir.path().join("z.nii");
            save(&last, &volume(0.0), &SaveOptions::default()).unwrap();
            let mut names = [&NAMES[..], &["indexed.nii.gz", "z.nii"]].concat();
            names.sort_unstable();
            assert_eq!(entries(dir.path()), names);
            (stale, seen)
        };
        let threads = [0, 1].map(|f| scope.spawn(move || folder(f)));
        threads.map(|t| t.join().unwrap())
    });
    let total = |f: fn(&(usize, [usize; 2])) -> usize| results.iter().map(f).sum::<usize>();
    assert_eq!(total(|r| r.1[0] + r.1[1]), ROUNDS);
    let (old, new) = (total(|r| r.1[0]), total(|r| r.1[1]));
    assert!(total(|r| r.0) > 0 && old > 0 && new > 0, "no writer was caught in the act: {results:?}");
}

/// Names of files, and a number of KiB in which they have no place.
const TOO_SMALL: [(&str, usize); 8] = [
    ("a.nii", 40),
    ("a.nii.gz", 40),
    ("fine.nii.gz", 40),
    ("bgzf.nii.gz", 40),
    ("single.nii.gz", 40),
    ("a.hdr", 40),
    ("a.img.gz", 40),
    ("indexed.nii.gz.mxi", 8),
];

/// Checks that a child ended with an error that names the file and the cause.
fn expect_error(output: &Output, name: &str, cause: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{name}: {text}");
    // Of a pair the voxels are the large one.
    let named = if name == "a.hdr" { "a.img" } else { name };
    assert!(text.contains("error:") && text.contains(named) && text.contains(cause), "{text}");
}

/// A limit on file sizes: the write fails in the middle.
#[test]
fn a_failed_write_is_an_error_and_leaves_nothing() {
    for (name, limit) in TOO_SMALL {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join(name);
        if limit == 8 {
            let of = target.with_extension("");
            save(&of, &volume(1.0), &options(&of)).unwrap();
        }
        let before = entries(dir.path());
        // bash counts in KiB; without the signal, write fails with EFBIG.
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --exact child --nocapture"))
            .arg(std::env::current_exe().unwrap())
            .env(TARGET, &target)
            .output()
            .unwrap();
        expect_error(&output, name, "File too large");
        assert_eq!(entries(dir.path()), before);
    }
}

/// A disk that is full: a file system in memory, which the child alone sees.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let own = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "bash", "-c"]);
        command
    };
    let dir = tempfile::tempdir().unwrap();
    let mounted = own().arg("mount -t tmpfs tmpfs \"$0\"").arg(dir.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system does not let a user mount a file system of his own");
        return;
    }
    for (name, size) in TOO_SMALL {
        // An index is of a volume that is there already, and has its place.
        let of = dir.path().join(name).with_extension("");
        let mut there = 0;
        if size == 8 {
            save(&of, &volume(1.0), &options(&of)).unwrap();
            there = fs::metadata(&of).unwrap().len().div_ceil(4096) as usize * 4;
        }
        let script = format!(
            "mount -t tmpfs -o size={}k tmpfs \"$1\" || exit 9
             [ -z \"$3\" ] || cp -p \"$3\" \"$1\" || exit 8
             before=$(ls -A \"$1\"); {TARGET}=\"$1/$2\" \"$0\" --exact child --nocapture; code=$?
             [ \"$(ls -A \"$1\")\" = \"$before\" ] || {{ ls -lA \"$1\" >&2; exit 7; }}
             exit $code",
            there + size
        );
        let full = tempfile::tempdir().unwrap();
        let output = own()
            .arg(script)
            .arg(std::env::current_exe().unwrap())
            .arg(full.path())
            .arg(name)
            .arg(if there > 0 { of.as_os_str() } else { "".as_ref() })
            .output()
            .unwrap();
        expect_error(&output, name, "No space left on device");
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
