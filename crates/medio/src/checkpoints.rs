//! Checkpoints in gzip streams: where a later read of a region begins.
//!
//! A gzip stream of one member can only be decoded from its start, or from a block of which the place (to the bit) and the 32 KiB of
//! content before it are known. While a region is read from such a file, those are noted about every MiB (in larger files at every sixteenth of their content, up to 4 MiB), in memory shared by
//! all of the process and bounded by [`set_limit`]; a second read inflates from the last one before its first byte, and jumps over what it
//! does not need. They belong to a file's path, size, time of writing and last checksum: a file that changed is visited for the first time.
//! [`VolumeFile::write_index`] puts them in a file beside the volume, or in a folder (`crates/medio/docs/checkpoints.md`), where other processes find them;
//! with [`Keep::Beside`] or [`Keep::Folder`] the first region read does. All of a file's together take less than a twentieth of its bytes.
//!
//! A block is as long as its writer made it; zlib-ng and zlib-rs at level 1 write a single one. In a block that is longer than the distance of two checkpoints
//! they stand inside it, with the place of its header. Where little but long runs is stored there are few.
//!
//! A region that reaches over several checkpoints is decoded by several threads. What lies between two checkpoints has a checksum of its own,
//! which is verified by every reader who passes from one to the other; at the first visit there is none, and only the stream's own tells of damage.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use crate::disk::Handle;
use crate::file::{VolumeFile, reopen};
pub(crate) use crate::gzip::cache::keep;
use crate::gzip::{
    self, GzipStream, Index, Key, SPACING, cache, read_sidecar, sidecar_fits, sidecar_in, sidecar_path,
    write_sidecar,
};
use crate::{Error, Result};

/// The environment variable that names a folder in which indexes are looked for and put, instead of beside their files; read once.
pub const FOLDER_VARIABLE: &str = "MEDOXIDE_INDEX_DIR";

/// Where the checkpoints of a file are kept ([`VolumeFile::with_checkpoints`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nowhere: none are gathered, and none are used. Every region is read from the stream's start.
    Off,
    /// In this process's memory. Index files that are there (in the folder of [`FOLDER_VARIABLE`], beside the file) are used, none is written.
    #[default]
    Memory,
    /// As [`Keep::Memory`]; but of files of which the start is decoded at once in little time (up to 16 MiB of content, where libdeflate is there to do it) not before the second region is
    /// read, and only while there is room for more. Of those there are more checkpoints, half a MiB apart where that is not too large a part of the file.
    Auto,
    /// In memory, and in a file beside the volume: the first region read goes on to the stream's end and writes it.
    Beside,
    /// In memory, and in this folder, which is made if it is not there: the first region read goes on to the stream's end and writes the index. Its name is
    /// the file's and a digest of the file's canonical path.
    Folder(PathBuf),
}

/// Content of which libdeflate decodes the start in so little time that checkpoints pay only where more visits follow.
const AT_ONCE: u64 = 16 << 20;

impl From<bool> for Keep {
    /// In memory, or nowhere.
    fn from(on: bool) -> Keep {
        if on { Keep::Memory } else { Keep::Off }
    }
}

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
    /// Nothing: regions of this file are reached without checkpoints, or it is shorter than what lies between two.
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
    /// Follows the gzip stream of the voxels to its end and writes its checkpoints to [`VolumeFile::index_path`], where
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
    /// let volume = Volume::from_f32(Grid::new([99, 80, 50], Affine::IDENTITY), &[1.5; 396_000])?;
    /// medio::save(&path, &volume, &SaveOptions { gzip: Gzip::Single, ..SaveOptions::default() })?;
    ///
    /// let file = medio::open(&path)?;
    /// assert!(matches!(file.write_index()?, Indexed::Written { .. }));
    /// assert_eq!(file.write_index()?, Indexed::UpToDate);
    /// assert!(file.index_path().exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_index(&self) -> Result<Indexed> {
        if !self.sequential() || short(self) {
            return Ok(Indexed::NotNeeded);
        }
        let file = reopen(self)?;
        let key = Key::of(&file, &self.inner().voxels.identity)?;
        let path = self.index_path();
        if read_sidecar(&path, &key).is_some() {
            return Ok(Indexed::UpToDate);
        }
        let known = known(self, &key);
        let index = self.completed(&file, known)?;
        let bytes = write(self, &path, &key, &index)?;
        let checkpoints = index.points.len();
        keep(key, index);
        Ok(Indexed::Written { checkpoints, bytes })
    }

    /// All checkpoints.
    fn completed(&self, file: &Handle, known: Index) -> Result<Index> {
        let last = known.points.last().cloned();
        let from = last.as_ref().map_or(0, |p| p.position);
        let complete = |stream: GzipStream<'_>| -> Result<Index> {
            let mut stream = stream.ahead()?.with_checkpoints(known, spacing(self));
            stream.skip_to(from)?;
            stream.complete_index()?;
            Ok(stream.into_index().0)
        };
        let stream = GzipStream::new(file, vec![]);
        #[cfg(feature = "libdeflate")]
        if gzip::pay(self.content_bytes() - from) {
            let (mut index, bit) = (Ok(Index::default()), last.map_or(0, |p| p.bit));
            gzip::beside(file, bit, |scouts| index = complete(stream.with_scouts(scouts)));
            return index;
        }
        complete(stream)
    }

    /// Where [`VolumeFile::write_index`] puts the index: in the folder of [`Keep::Folder`]; else beside the file, its name with `.mxi` appended, if
    /// [`Keep::Beside`] says so or [`FOLDER_VARIABLE`] names no folder; else in that folder.
    pub fn index_path(&self) -> PathBuf {
        let volume = self.inner().voxels.path();
        match (self.checkpoints(), folder()) {
            (Keep::Folder(dir), _) => sidecar_in(dir, &canonical(volume)),
            (Keep::Beside, _) | (_, None) => sidecar_path(volume),
            (_, Some(dir)) => sidecar_in(dir, &canonical(volume)),
        }
    }
}

/// The folder that the environment names.
fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let named = || std::env::var_os(FOLDER_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    FOLDER.get_or_init(named).as_deref()
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

/// Writes an index for what was read, not for what may have replaced it meanwhile.
fn write(volume: &VolumeFile, path: &Path, key: &Key, index: &Index) -> Result<u64> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    }
    volume.inner().voxels.check()?;
    write_sidecar(path, key, index)
}

/// Whether the content is too short for a checkpoint.
fn short(volume: &VolumeFile) -> bool {
    volume.content_bytes() < SPACING
}

/// The key of a file that may have checkpoints; none if none are to be kept, or if the system does not say what the file is.
pub(crate) fn key(volume: &VolumeFile, file: &Handle) -> Option<Key> {
    let wanted = match volume.checkpoints() {
        _ if short(volume) => false,
        Keep::Off => false,
        Keep::Memory => cache::limit() > 0,
        Keep::Auto => {
            cache::limit() > 0 && (!light(volume) || volume.inner().visited.load(Ordering::Relaxed))
        }
        Keep::Beside | Keep::Folder(_) => true,
    };
    if wanted { Key::of(file, &volume.inner().voxels.identity).ok() } else { None }
}

/// What is known of a file, in memory or in an index file.
pub(crate) fn known(volume: &VolumeFile, key: &Key) -> Index {
    cache::get(key).unwrap_or_else(|| {
        let named = folder().map(|dir| sidecar_in(dir, &key.file.path));
        let beside = [sidecar_path(volume.inner().voxels.path()), sidecar_path(&key.file.path)];
        let mut places: Vec<PathBuf> = [volume.index_path()].into_iter().chain(named).chain(beside).collect();
        places.dedup();
        let Some(index) = places.iter().find_map(|p| read_sidecar(p, key)) else { return Index::default() };
        keep(key.clone(), index.clone());
        index
    })
}

/// Whether checkpoints are gathered only where that costs little.
pub(crate) fn light(volume: &VolumeFile) -> bool {
    let started_quickly = cfg!(feature = "libdeflate") && volume.content_bytes() <= AT_ONCE;
    started_quickly && *volume.checkpoints() == Keep::Auto
}

/// Bytes of content between the checkpoints of a file, at least.
pub(crate) fn spacing(volume: &VolumeFile) -> u64 {
    if light(volume) { SPACING / 2 } else { gzip::spacing(volume.content_bytes()) }
}

/// Whether the checkpoints of one more file can be kept without forgetting others.
#[cfg(feature = "libdeflate")]
pub(crate) fn room(file: &Handle) -> bool {
    cache::bytes() as u64 + file.size / 8 <= cache::limit() as u64
}

/// Whether what a read finds is to be put in a file.
pub(crate) fn lasting(volume: &VolumeFile) -> bool {
    matches!(volume.checkpoints(), Keep::Beside | Keep::Folder(_))
}

/// Keeps what a read has found, in a file too if that was asked for.
pub(crate) fn keep_found(volume: &VolumeFile, key: Key, mut stream: GzipStream<'_>) -> Result<()> {
    let missing = lasting(volume)
        .then(|| volume.index_path())
        .filter(|path| stream.gathers() || !sidecar_fits(path, &key));
    if missing.is_some() {
        stream.complete_index()?;
    }
    let (index, grown) = stream.into_index();
    if let Some(path) = missing {
        write(volume, &path, &key, &index)?;
    }
    if grown {
        keep(key, index);
    }
    Ok(())
}
