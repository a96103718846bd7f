//! Files on disk: positioned reads, a count of the bytes read, and the check that the file is still the one that was opened.

use std::fs::{File, Metadata};
use std::io;
#[cfg(target_os = "linux")]
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use crate::{Error, Result};

/// What makes a file the same file: name, size, time of the last write, and the file system's own number for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The path as given.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970 of the last write; 0 if the file system does not say.
    pub mtime_ns: i128,
    /// The inode; 0 where there is none.
    pub inode: u64,
    /// The device that the inode belongs to; 0 where there is none.
    pub device: u64,
}

impl Identity {
    fn of(path: &Path, m: &Metadata) -> Identity {
        let mtime_ns = m.modified().ok().map_or(0, |t| match t.duration_since(UNIX_EPOCH) {
            Ok(d) => d.as_nanos() as i128,
            Err(e) => -(e.duration().as_nanos() as i128),
        });
        #[cfg(unix)]
        let (inode, device) = {
            use std::os::unix::fs::MetadataExt;
            (m.ino(), m.dev())
        };
        #[cfg(not(unix))]
        let (inode, device) = (0, 0);
        Identity { path: path.into(), size: m.len(), mtime_ns, inode, device }
    }

    fn describe(&self) -> String {
        format!("{} bytes, written at {} ns, inode {}", self.size, self.mtime_ns, self.inode)
    }
}

/// What reads have cost so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Bytes read from disk.
    pub(crate) bytes: AtomicU64,
    /// gzip members inflated, wholly or in part.
    pub(crate) members: AtomicU64,
    /// Bytes that came out of inflating.
    pub(crate) inflated: AtomicU64,
}

/// A file that is opened anew for each read, and counted.
#[derive(Debug, Clone)]
pub(crate) struct DiskFile {
    pub(crate) identity: Identity,
    counts: Arc<Counts>,
}

impl DiskFile {
    /// Opens the file once to learn its identity; the handle serves the first reads.
    pub(crate) fn open(path: &Path, counts: &Arc<Counts>) -> Result<(DiskFile, Handle)> {
        // Asked before opening: to open a pipe would wait for its writer.
        let m = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if !m.is_file() {
            let kind = if m.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::Unsupported };
            return Err(Error::io(path, io::Error::new(kind, "not a regular file")));
        }
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let m = file.metadata().map_err(|e| Error::io(path, e))?;
        let disk = DiskFile { identity: Identity::of(path, &m), counts: Arc::clone(counts) };
        let handle = Handle { file, path: path.into(), size: m.len(), counts: Arc::clone(counts) };
        Ok((disk, handle))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.identity.path
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// [`Error::Changed`] if it is not the file that was opened first.
    pub(crate) fn reopen(&self) -> Result<Handle> {
        let path = self.path();
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let m = file.metadata().map_err(|e| Error::io(path, e))?;
        self.expect_same(&m)?;
        Ok(Handle { file, path: path.into(), size: m.len(), counts: Arc::clone(&self.counts) })
    }

    /// Looks whether the file is still the one that was opened first.
    pub(crate) fn check(&self) -> Result<()> {
        let m = std::fs::metadata(self.path()).map_err(|e| Error::io(self.path(), e))?;
        self.expect_same(&m)
    }

    fn expect_same(&self, m: &Metadata) -> Result<()> {
        let now = Identity::of(self.path(), m);
        if now == self.identity {
            return Ok(());
        }
        Err(Error::Changed {
            path: self.path().into(),
            found: now.describe(),
            expected: self.identity.describe(),
        })
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    counts: Arc<Counts>,
}

impl Handle {
    /// Fills `out` from byte `at` on.
    ///
    /// # Errors
    /// [`Error::Format`] if the file ends before.
    pub(crate) fn read_exact_at(&self, out: &mut [u8], at: u64) -> Result<()> {
        match self.read_at_most(out, at)? {
            n if n == out.len() => Ok(()),
            n => Err(Error::format(
                &self.path,
                "the file's size",
                format!("{} bytes", at.saturating_add(n as u64)),
                format!("at least {} bytes", at.saturating_add(out.len() as u64)),
            )),
        }
    }

    /// Counts a gzip member that is being inflated.
    pub(crate) fn count_member(&self) {
        self.counts.members.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes that came out of inflating.
    pub(crate) fn count_inflated(&self, bytes: u64) {
        self.counts.inflated.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Asks the system to fetch stretches (first byte, bytes) that are about to be read, all at once: one after the other, each would wait for
    /// the disk or the network by itself. Nothing is asked for if the first of them is in memory.
    #[cfg(target_os = "linux")]
    pub(crate) fn announce(&self, stretches: impl IntoIterator<Item = (u64, u64)>) {
        use rustix::fs::{Advice, fadvise};
        use rustix::io::{ReadWriteFlags, preadv2};
        let mut stretches = stretches.into_iter().peekable();
        let Some(&(at, _)) = stretches.peek() else { return };
        let mut byte = [0];
        let mut look = [io::IoSliceMut::new(&mut byte)];
        // Where a file system cannot tell, it is asked: that costs little beside a network.
        if preadv2(&self.file, &mut look, at, ReadWriteFlags::NOWAIT).is_ok() {
            return;
        }
        for (at, bytes) in stretches {
            // A hint: whatever becomes of it, the reads follow.
            let _ = fadvise(&self.file, at, NonZeroU64::new(bytes), Advice::WillNeed);
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn announce(&self, _stretches: impl IntoIterator<Item = (u64, u64)>) {}

    /// Fills as much of `out` as the file has from byte `at` on; says how much.
    pub(crate) fn read_at_most(&self, out: &mut [u8], at: u64) -> Result<usize> {
        let mut done = 0;
        while done < out.len() {
            match read_at(&self.file, &mut out[done..], at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(&self.path, e)),
            }
        }
        self.counts.bytes.fetch_add(done as u64, Ordering::Relaxed);
        Ok(done)
    }
}

#[cfg(unix)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, at)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, at)
}

#[cfg(not(any(unix, windows)))]
fn read_at(mut file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};
    // One cursor per file: readers take turns.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    file.read(out)
}
