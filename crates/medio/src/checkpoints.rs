//! Checkpoints in gzip streams: where a later read of a region begins.
//!
//! A gzip stream of one member can only be decoded from its start, or from a block of which the place (to the bit) and the 32 KiB of
//! content before it are known. While a region is read from such a file, those are noted about every MiB, in memory shared by
//! all of the process and bounded by [`set_limit`]; a second read inflates from the last one before its first byte, and jumps over what it
//! does not need. They belong to a file's path, size, time of writing and last checksum: a file that changed is visited for the first time.
//! [`VolumeFile::write_index`] puts them in a file beside the volume (`crates/medio/docs/checkpoints.md`).
//!
//! A block is as long as its writer made it. Few streams have blocks of many MiB (zlib-ng and zlib-rs at level 1 write one block only); these have
//! few checkpoints, or none.

use crate::Result;
use crate::disk::Handle;
use crate::file::{Packing, VolumeFile, reopen};
use crate::gzip::{GzipStream, Index, Key, cache, read_sidecar, sidecar_path, write_sidecar};

/// Sets how many bytes checkpoints may take in this process: 64 MiB unless told otherwise. What was used longest ago is forgotten first; 0
/// means that none are kept.
pub fn set_limit(bytes: usize) {
    cache::set_limit(bytes);
}

/// Bytes that checkpoints may take in this process.
pub fn limit() -> usize {
    cache::limit()
}

/// Bytes that checkpoints take in this process.
pub fn bytes() -> usize {
    cache::bytes()
}

/// Forgets the checkpoints that this process knows; index files stay.
pub fn clear() {
    cache::clear();
}

/// What [`VolumeFile::write_index`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indexed {
    /// Nothing: regions of this file are reached without checkpoints.
    NotNeeded,
    /// Nothing: there is an index that fits the file.
    UpToDate,
    /// A new index.
    Written {
        /// Checkpoints in it.
        checkpoints: usize,
        /// Bytes of the index file.
        bytes: u64,
    },
}

impl VolumeFile {
    /// Follows the gzip stream of the voxels to its end and writes its checkpoints beside the file, under its name with `.mxi` appended, where
    /// every later read finds them. Nothing is done where an index fits already, or where none is needed.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if the stream is corrupt, checksum included; [`crate::Error::Io`] if the index cannot be written;
    /// [`crate::Error::Changed`] if the file changed.
    ///
    /// ```
    /// use medcore::{Affine, Grid, Volume};
    /// use medio::checkpoints::Indexed;
    /// use medio::{Gzip, SaveOptions};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let path = dir.path().join("brain.nii.gz");
    /// let volume = Volume::from_f32(Grid::new([4, 3, 2], Affine::IDENTITY), &[1.5; 24])?;
    /// medio::save(&path, &volume, &SaveOptions { gzip: Gzip::Single, ..SaveOptions::default() })?;
    ///
    /// let file = medio::open(&path)?;
    /// assert!(matches!(file.write_index()?, Indexed::Written { .. }));
    /// assert_eq!(file.write_index()?, Indexed::UpToDate);
    /// assert!(dir.path().join("brain.nii.gz.mxi").exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_index(&self) -> Result<Indexed> {
        if self.inner().packing != Packing::Stream {
            return Ok(Indexed::NotNeeded);
        }
        let file = reopen(self)?;
        let key = Key::of(&file, &self.inner().voxels.identity)?;
        if read_sidecar(&key).is_some() {
            return Ok(Indexed::UpToDate);
        }
        let known = cache::get(&key).unwrap_or_default();
        let index = if known.complete { known } else { follow(&file, known)? };
        let path = sidecar_path(self.inner().voxels.path());
        let bytes = write_sidecar(&path, &key, &index)?;
        // Written for what was read, not for what may have replaced it meanwhile.
        self.inner().voxels.check()?;
        let checkpoints = index.points.len();
        cache::keep(key, index);
        Ok(Indexed::Written { checkpoints, bytes })
    }
}

/// The checkpoints of a stream, to its end.
fn follow(file: &Handle, known: Index) -> Result<Index> {
    let from = known.points.last().map_or(0, |p| p.position);
    let mut stream = GzipStream::new(file, vec![]).ahead().with_checkpoints(known);
    stream.skip_to(from)?;
    stream.drain()?;
    Ok(stream.grown().unwrap_or_default())
}

/// The key of a file that may have checkpoints; none if none are to be kept, or if the system does not say what the file is.
pub(crate) fn key(volume: &VolumeFile, file: &Handle) -> Option<Key> {
    if cache::limit() == 0 { None } else { Key::of(file, &volume.inner().voxels.identity).ok() }
}

/// What is known of a file, in memory or beside it.
pub(crate) fn known(key: &Key) -> Index {
    cache::get(key).unwrap_or_else(|| {
        let Some(index) = read_sidecar(key) else { return Index::default() };
        cache::keep(key.clone(), index.clone());
        index
    })
}
