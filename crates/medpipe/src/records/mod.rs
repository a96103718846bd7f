//! Numbers of whole volumes that are kept: means, percentiles, boxes, measured at a file's first visit, so that later visits read no more than they need of it.
//!
//! A measurement in a pipeline ([`Pipeline::with_records`](crate::Pipeline::with_records)) has a name as long as what it looks at is the same at every visit: a file,
//! then transforms that draw nothing. Its numbers are looked up while the pipeline is planned. If they are there, the steps that follow
//! from them stand in its place, and nothing keeps a crop from being pushed into the file; else it is run as ever, once, and its numbers are put down.

mod disk;
mod made;
mod numbers;
mod state;
mod ticket;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::home::Home;
use crate::{Error, Result};
use state::State;

pub(crate) use made::{Made, Named, Naming, bits};
pub(crate) use ticket::{Begun, Ticket};

/// Numbers of whole volumes, kept per file: in memory, and in a folder on request.
///
/// Other than a [`Cache`](crate::Cache), which keeps voxels, it keeps what was measured of them: some hundred bytes a file, exactly, every `f64` to its
/// bit. Results are the same with and without, bit for bit.
///
/// A measurement belongs to the file's canonical path, size, time of writing and a digest of its end, to the role, the transforms before it with all their
/// parameters, to the label that masks it, and to this library's version. Nothing is recorded of arrays, after a random transform, or after one that is not in the
/// catalog.
///
/// In a folder there is one small file for each volume file, with a checksum. It appears whole or not at all, and any number of processes may share the folder: each
/// adds its numbers to what it finds. Of two that write the same file at once the later one wins, and what the other found is measured
/// again by whoever needs it. What is damaged, or belongs to another content of the file, is measured again and told ([`notices`](crate::notices)).
/// Nothing is synced to the disk.
///
/// Clones share one state; of several threads that need a number one measures it and the others wait. A forked child begins with an empty memory.
///
/// ```
/// use medcore::{Affine, Grid, Volume};
/// use medpipe::{LazyVolume, Pipeline, Records};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("brain.nii");
/// let voxels: Vec<f32> = (0..64 * 64 * 64).map(|v| (v % 97) as f32).collect();
/// let volume = Volume::from_f32(Grid::new([64; 3], Affine::IDENTITY), &voxels)?;
/// medio::save(&path, &volume, &medio::SaveOptions::default())?;
///
/// let pipeline = Pipeline::from_yaml("{medoxide: 1, seed: 5, transforms: [z_normalize, {random_crop: 8}]}")?;
/// let pipeline = pipeline.with_records(&Records::on_disk(dir.path().join("records"))?);
/// let mut read = vec![];
/// for epoch in 0..2 {
///     let volume = LazyVolume::open(&path)?;
///     pipeline.apply_to_volume_as(&volume, "brain", epoch)?.compute()?;
///     read.push(volume.file().unwrap().bytes_read());
/// }
/// assert!(read[0] > 1 << 20 && read[1] < 1 << 16);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Records(Arc<Handle>);

struct Handle(Home);

impl Drop for Handle {
    fn drop(&mut self) {
        state::dropped(&self.0);
    }
}

/// What records hold in this process's memory, and what this process did with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordStats {
    /// Times that numbers were there.
    pub known: u64,
    /// Times that they were measured and put down.
    pub measured: u64,
    /// Records that were damaged, or another version's or content's.
    pub remeasured: u64,
    /// Times that numbers could not be written to the folder.
    pub not_recorded: u64,
    /// Files of which this process holds numbers in memory.
    pub files: u64,
    /// Measurements of them.
    pub measurements: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

impl Records {
    /// Records in this process's memory, at most 256 MiB of them: numbers that were used longest ago go first. They end with their last clone.
    pub fn in_memory() -> Records {
        Records::of(Home::in_memory())
    }

    /// Records in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`medio::Error::Io`] if the folder cannot be made.
    pub fn on_disk(dir: impl AsRef<Path>) -> Result<Records> {
        Ok(Records::of(Home::on_disk(dir.as_ref())?))
    }

    fn of(home: Home) -> Records {
        Records(state::handle(&home, || Handle(home.clone())))
    }

    /// The folder, if there is one.
    pub fn dir(&self) -> Option<&Path> {
        self.0.0.dir()
    }

    /// What is held in memory, and what this process did.
    pub fn stats(&self) -> RecordStats {
        self.state().stats()
    }

    /// Forgets all numbers, those in the folder too.
    ///
    /// # Errors
    /// [`medio::Error::Io`] if the system refuses.
    pub fn clear(&self) -> Result<()> {
        self.state().forget_all();
        self.dir().map_or(Ok(()), disk::clear)
    }

    /// The records as JSON, for [`Records::from_value`] in this process or another: a folder is shared; memory is the same in this process, and
    /// empty in another.
    pub fn to_value(&self) -> Value {
        match &self.0.0 {
            Home::Folder(dir) => json!({ "dir": dir.to_string_lossy() }),
            Home::Memory(number) => json!({ "memory": number }),
        }
    }

    /// Records from what [`Records::to_value`] gave.
    ///
    /// # Errors
    /// [`Error::Spec`] for other JSON; as [`Records::on_disk`].
    pub fn from_value(value: &Value) -> Result<Records> {
        match (value.get("dir").and_then(Value::as_str), value.get("memory").and_then(Value::as_u64)) {
            (Some(dir), _) => Records::on_disk(dir),
            (None, Some(number)) => Ok(Records::of(Home::Memory(number))),
            _ => Err(Error::spec("records", value, "a folder or memory")),
        }
    }

    /// What this process knows of them.
    fn state(&self) -> Arc<State> {
        state::of(&self.0.0)
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Records) -> bool {
        self.0.0 == other.0.0
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dir() {
            Some(dir) => write!(f, "Records({})", dir.display()),
            None => write!(f, "Records(in memory)"),
        }
    }
}
