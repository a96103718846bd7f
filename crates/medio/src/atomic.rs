//! Files that appear whole or not at all: written beside the target, then renamed over it.
//!
//! A temporary file is named `.<target>.medoxide-<process>-<number>.tmp` and locked while its writer lives. One whose process is
//! gone and whose lock is free belongs to a writer that was killed; the next save into the folder removes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sealer::Sealer;
use crate::{Error, Result};

const MARK: &str = ".medoxide-";
const SUFFIX: &str = ".tmp";

/// A file in the making. Dropped without [`AtomicFile::commit`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    file: Option<File>,
    temporary: PathBuf,
    target: PathBuf,
    written: u64,
    sealer: Option<Sealer>,
}

impl AtomicFile {
    /// Starts a file that will be `target`, or what `target` links to. Its folder must exist.
    pub(crate) fn create(target: &Path) -> Result<AtomicFile> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let error = |e| Error::io(target, e);
        let links = fs::symlink_metadata(target).is_ok_and(|m| m.is_symlink());
        let target_file = if links { fs::canonicalize(target).map_err(error)? } else { target.to_path_buf() };
        let name = target_file
            .file_name()
            .ok_or_else(|| error(io::Error::new(io::ErrorKind::InvalidInput, "no file name")))?
            .to_string_lossy()
            .into_owned();
        // File systems allow 255 bytes: of a long name the start will do.
        let mut shown = name.len().min(180);
        while !name.is_char_boundary(shown) {
            shown -= 1;
        }
        let pid = std::process::id();
        loop {
            let n = NUMBER.fetch_add(1, Ordering::Relaxed);
            let temporary = target_file.with_file_name(format!(".{}{MARK}{pid}-{n}{SUFFIX}", &name[..shown]));
            let file = match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(error(e)),
            };
            // Where locks do not exist the process number alone tells the living from the dead.
            let _ = file.try_lock();
            if let Ok(m) = fs::metadata(&target_file) {
                let _ = file.set_permissions(m.permissions());
            }
            return Ok(AtomicFile {
                file: Some(file),
                temporary,
                target: target_file,
                written: 0,
                sealer: None,
            });
        }
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(sealer) = &mut self.sealer {
            sealer.push(bytes);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes).map_err(|e| Error::io(&self.target, e))?;
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// From here on, checksums are made of what is written.
    pub(crate) fn seal_what_follows(&mut self) {
        self.sealer = Some(Sealer::default());
    }

    /// Ends the file with the seal of what was written.
    pub(crate) fn seal(&mut self, note: &[u8]) -> Result<()> {
        let seal = self.sealer.take().map(|s| s.finish(note));
        self.write(&seal.unwrap_or_default())
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Puts the file in its place. With `sync`, only after the disk has it, and the folder's entry too.
    pub(crate) fn commit(mut self, sync: bool) -> Result<()> {
        let error = |e| Error::io(&self.target, e);
        if let Some(file) = self.file.take() {
            if sync {
                file.sync_all().map_err(error)?;
            }
            fs::rename(&self.temporary, &self.target).map_err(error)?;
            self.temporary = PathBuf::new();
            if sync {
                sync_folder(&self.target).map_err(error)?;
            }
        }
        Ok(())
    }
}

/// Writes a file whole: what was there stays until all of it is written, and synced.
///
/// ```
/// let dir = tempfile::tempdir()?;
/// medio::write_whole(dir.path().join("a.txt"), b"words")?;
/// assert_eq!(std::fs::read(dir.path().join("a.txt"))?, b"words");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) if the system refuses.
pub fn write_whole(path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
    let path = path.as_ref();
    remove_stale(path);
    let mut file = AtomicFile::create(path)?;
    file.write(content)?;
    file.commit(true)
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            self.file = None;
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(folder(path))?.sync_all() {
        // Some file systems cannot sync a folder; the rename is done all the same.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes what killed writers left in the folder of `target`. Failures are passed over: it is a courtesy.
pub(crate) fn remove_stale(target: &Path) {
    let Ok(entries) = fs::read_dir(folder(target)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(writer_of) else { continue };
        if pid == std::process::id() || is_alive(pid) {
            continue;
        }
        let path = entry.path();
        // A writer in another container may be alive without being seen: it holds the lock.
        if File::open(&path).is_ok_and(|f| f.try_lock().is_ok()) {
            let _ = fs::remove_file(&path);
        }
    }
}

/// The process in a temporary file's name, if it is one of ours.
fn writer_of(name: &str) -> Option<u32> {
    let rest = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    let (_, id) = rest.rsplit_once(MARK)?;
    let (pid, number) = id.split_once('-')?;
    number.parse::<u64>().ok()?;
    pid.parse().ok()
}

#[cfg(unix)]
fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    // Not allowed to signal it means that it is there.
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    // The lock alone decides.
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_writer() {
        assert_eq!(writer_of(".a.nii.gz.medoxide-12-0.tmp"), Some(12));
        assert_eq!(writer_of(".a.medoxide-x.nii.medoxide-7-3.tmp"), Some(7));
        for other in
            ["a.nii.medoxide-12-0.tmp", ".a.nii.medoxide-12-0", ".a.medoxide-12.tmp", ".medoxide-a-b.tmp"]
        {
            assert_eq!(writer_of(other), None, "{other}");
        }
    }
}
