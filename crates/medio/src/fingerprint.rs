//! What a file is known by from one process to the next.

use std::path::PathBuf;

use crate::disk::DiskFile;
use crate::file::VolumeFile;
use crate::{Error, Result};

/// Bytes at a file's end that its digest is of: of a gzip file they hold the checksum of its content.
const TAIL: u64 = 4 << 10;

/// What tells a file's content from that of others and from its own after a change: enough for a key of results that are kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The canonical path.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970 of the last write; 0 if the file system does not say.
    pub mtime_ns: i128,
    /// CRC-32 of the last 4 KiB.
    pub tail: u32,
}

impl VolumeFile {
    /// The fingerprints of the file that holds the voxels, and of the header's file if it is another one. Reads at most 4 KiB of each.
    ///
    /// # Errors
    /// [`Error::Changed`] if a file is not the one that was opened; [`Error::Io`].
    pub fn fingerprints(&self) -> Result<Vec<Fingerprint>> {
        let of = |disk: &DiskFile| {
            let file = disk.reopen()?;
            let length = TAIL.min(file.size);
            let mut tail = vec![0; length as usize];
            file.read_exact_at(&mut tail, file.size - length)?;
            let id = &disk.identity;
            let path = std::fs::canonicalize(&id.path).map_err(|e| Error::io(&id.path, e))?;
            Ok(Fingerprint { path, size: id.size, mtime_ns: id.mtime_ns, tail: crc32fast::hash(&tail) })
        };
        let inner = self.inner();
        [Some(&inner.voxels), inner.header_file.as_ref()].into_iter().flatten().map(of).collect()
    }
}
