//! Decoded volumes that are kept: what the deterministic beginning of a chain makes of a file, on disk or in memory.
//!
//! Nothing is kept unless a [`Cache`] is asked for: [`LazyVolume::cached`](crate::LazyVolume::cached) keeps what a volume is at that point of its
//! chain, [`Pipeline::with_cache`](crate::Pipeline::with_cache) what a pipeline makes before its first random transform. What follows is planned on the
//! entry as its source, so that a patch reads its own region of it.

mod disk;
mod kept;
pub(crate) mod key;
mod notice;
mod pipeline;
mod state;
mod volume;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

pub use kept::Kept;
pub(crate) use notice::tell;
pub use notice::{Notice, notices};

use crate::home::Home;
use crate::{Error, Result};
use state::State;

/// Where decoded volumes are kept, and how many bytes of them.
///
/// On disk an entry is a `.nii` file, named by a digest of what it was made of, with checksums behind its voxels ([`medio::seal`]). It appears
/// whole or not at all, any number of processes may share the folder, and each checks what it reads at the first touch. What is wrong, cut short or gone is made
/// again and told ([`notices`]). Nothing is synced to the disk: what a crash of the machine leaves incomplete has wrong checksums.
///
/// An entry belongs to the file's canonical path, size, time of writing and a digest of its end, to the role and the steps with all their parameters,
/// and to this library's version. Of a file that is replaced, the old entries are never asked for again and go when room is needed.
///
/// Beyond `max_bytes`, what was used longest ago is removed. Clones share one cache; a forked child begins with an empty memory.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{Cache, LazyVolume, Node};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("brain.nii.gz");
/// let volume = Volume::from_f32(Grid::new([4, 3, 2], Affine::IDENTITY), &[2.5; 24])?;
/// medio::save(&path, &volume, &medio::SaveOptions::default())?;
///
/// let cache = Cache::on_disk(dir.path().join("decoded"), 1 << 30)?;
/// for visit in 0..2 {
///     let decoded = LazyVolume::open(&path)?.cached(&cache)?;
///     let patch = decoded.then(Node::new("crop", serde_json::json!({"start": [1, 1, 0], "shape": [2, 2, 2]}))?, None)?;
///     assert_eq!(patch.compute()?.to_f32()?, [2.5; 8]);
///     assert_eq!((cache.stats().misses, cache.stats().hits), (1, visit));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Handle>);

/// What makes a cache this one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) home: Home,
    pub(crate) max_bytes: u64,
}

struct Handle(Id);

impl Drop for Handle {
    fn drop(&mut self) {
        state::dropped(&self.0);
    }
}

/// What a cache holds, and what this process did with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Times that an entry was used.
    pub hits: u64,
    /// Times that one was made, because there was none.
    pub misses: u64,
    /// Entries that were made again because they were damaged.
    pub rebuilt: u64,
    /// Entries that this process removed to make room.
    pub evicted: u64,
    /// Results that were not kept: larger than the whole cache, or refused by the system.
    pub not_kept: u64,
    /// Entries now.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Cache {
    /// A cache in a folder, which is made if it is not there. Only files named as entries are ever removed from it.
    ///
    /// # Errors
    /// [`medio::Error::Io`] if the folder cannot be made.
    pub fn on_disk(dir: impl AsRef<Path>, max_bytes: u64) -> Result<Cache> {
        Ok(Cache::of(Id { home: Home::on_disk(dir.as_ref())?, max_bytes }))
    }

    /// A cache in this process's memory. It ends with its last clone.
    pub fn in_memory(max_bytes: u64) -> Cache {
        Cache::of(Id { home: Home::in_memory(), max_bytes })
    }

    /// The cache of this name: the one that the process has, or a new one.
    fn of(id: Id) -> Cache {
        Cache(state::handle(&id))
    }

    /// Bytes from a number or a text such as `20 GB` (10^9) or `20 GiB` (2^30).
    ///
    /// # Errors
    /// [`medcore::Error::Param`] for anything else.
    ///
    /// ```
    /// assert_eq!(medpipe::Cache::parse_bytes("1.5 GB")?, 1_500_000_000);
    /// assert_eq!(medpipe::Cache::parse_bytes("64 MiB")?, 64 << 20);
    /// assert!(medpipe::Cache::parse_bytes("much").is_err());
    /// # Ok::<(), medpipe::Error>(())
    /// ```
    pub fn parse_bytes(text: &str) -> Result<u64> {
        let parsed = text.parse::<bytesize::ByteSize>().map(|b| b.as_u64());
        let wanted = "a number of bytes, or a text such as \"20 GB\"";
        parsed.map_err(|_| medcore::Error::param("cache", "max_bytes", format!("{text:?}"), wanted).into())
    }

    /// The folder, if it is one.
    pub fn dir(&self) -> Option<&Path> {
        self.id().home.dir()
    }

    /// The most bytes that entries may take.
    pub fn max_bytes(&self) -> u64 {
        self.id().max_bytes
    }

    /// What it holds (of a folder: what all processes put there), and what this process did.
    pub fn stats(&self) -> Stats {
        let mut out = self.state().stats();
        if let Some(dir) = self.dir() {
            let entries = disk::entries(dir);
            (out.entries, out.bytes) = (entries.len() as u64, entries.iter().map(|e| e.bytes).sum());
        }
        out
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// [`medio::Error::Io`] if the system refuses.
    pub fn clear(&self) -> Result<()> {
        self.state().forget_all();
        match self.dir() {
            Some(dir) => disk::clear(dir),
            None => Ok(()),
        }
    }

    /// The cache as JSON, for [`Cache::from_value`] in this process or another: a folder is shared; memory is the same cache in this process,
    /// and in another an empty one of the same size.
    pub fn to_value(&self) -> Value {
        let max = self.max_bytes();
        match &self.id().home {
            Home::Folder(dir) => json!({ "dir": dir.to_string_lossy(), "max_bytes": max }),
            Home::Memory(number) => json!({ "memory": number, "max_bytes": max }),
        }
    }

    /// A cache from what [`Cache::to_value`] gave.
    ///
    /// # Errors
    /// [`Error::Spec`] for other JSON; as [`Cache::on_disk`].
    pub fn from_value(value: &Value) -> Result<Cache> {
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        match (value.get("dir").and_then(Value::as_str), number("memory"), number("max_bytes")) {
            (Some(dir), _, Some(max)) => Cache::on_disk(dir, max),
            (None, Some(n), Some(max)) => Ok(Cache::of(Id { home: Home::Memory(n), max_bytes: max })),
            _ => Err(Error::spec("cache", value, "a folder or memory, and max_bytes")),
        }
    }

    pub(crate) fn id(&self) -> &Id {
        &self.0.0
    }

    /// What this process knows of it.
    pub(crate) fn state(&self) -> Arc<State> {
        state::of(self.id())
    }
}

impl PartialEq for Cache {
    fn eq(&self, other: &Cache) -> bool {
        self.id() == other.id()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = bytesize::ByteSize(self.max_bytes()).display().si();
        match self.dir() {
            Some(dir) => write!(f, "Cache({}, at most {most})", dir.display()),
            None => write!(f, "Cache(in memory, at most {most})"),
        }
    }
}
