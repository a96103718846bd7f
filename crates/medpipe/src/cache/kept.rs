//! An entry of a cache as the source of a chain: there, or still to be made.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use medcore::{DType, Grid, Meta, Scale, Volume};

use super::Cache;
use super::disk::{self, Found};
use super::notice::{Notice, tell};
use super::state::State;
use crate::flight::Turn;
use crate::home::Home;
use crate::{Error, LazyVolume, Result, Source};

/// How often one reading is tried where entries go or break under its hands.
const ATTEMPTS: usize = 3;

/// An entry of a cache, there or still to be made.
pub struct Kept {
    cache: Cache,
    /// A digest of `made_of`.
    key: u64,
    made_of: Arc<str>,
    /// What it is, as far as planned.
    prefix: LazyVolume,
    make: Make,
    facts: OnceLock<Facts>,
}

/// Plans what an entry holds, from its files.
pub(super) type Make = Box<dyn Fn() -> Result<LazyVolume> + Send + Sync>;

/// What an entry is like, however it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) grid: Grid,
    pub(crate) stored: DType,
    pub(crate) scale: Option<Scale>,
    pub(crate) extra: Vec<usize>,
}

impl Facts {
    fn of(source: &Source) -> Facts {
        let extra = source.extra().to_vec();
        Facts { grid: *source.grid(), stored: source.stored_dtype(), scale: source.scale(), extra }
    }

    /// Dtype of the values, by the rule of [`Volume::dtype`].
    pub(crate) fn dtype(&self) -> DType {
        match self.scale {
            Some(_) if self.stored.is_real() && self.stored != DType::F64 => DType::F32,
            _ => self.stored,
        }
    }

    fn bytes(&self) -> u64 {
        (self.grid.len() * self.extra.iter().product::<usize>() * self.stored.bytes()) as u64
    }
}

impl Kept {
    /// The entry of what `prefix` is and `make` makes, named by what it is made of.
    pub(super) fn new(cache: &Cache, made_of: String, prefix: LazyVolume, make: Make) -> Kept {
        let key = crate::digest::of_bytes(made_of.as_bytes());
        Kept { cache: cache.clone(), key, made_of: made_of.into(), prefix, make, facts: OnceLock::new() }
    }

    /// Learns what the entry is like: from the plan, from the entry, or by measuring what the shape depends on.
    ///
    /// # Errors
    /// As [`LazyVolume::facts`]; [`medcore::Error::Unsupported`] for scaled half-precision voxels, which have no place in a NIfTI file.
    pub(crate) fn settle(&self) -> Result<()> {
        if self.facts.get().is_some() {
            return Ok(());
        }
        let there = if self.prefix.is_planned() { None } else { self.look(&self.cache.state()) };
        let facts = match there {
            Some(source) => Facts::of(&source),
            None => self.prefix.stored_facts()?,
        };
        if facts.scale.is_some() && matches!(facts.stored, DType::F16 | DType::BF16) {
            return Err(medcore::Error::Unsupported {
                what: "a cache".into(),
                found: format!("{} voxels with a scale", facts.stored),
                hint: "cast them to float32 first".into(),
            }
            .into());
        }
        self.facts.get_or_init(|| facts);
        Ok(())
    }

    /// What the entry is like; sources are settled before they are part of a chain.
    pub(crate) fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| Facts::of(self.prefix.source()))
    }

    pub(crate) fn meta(&self) -> &Arc<Meta> {
        self.prefix.meta()
    }

    pub(crate) fn prefix(&self) -> &LazyVolume {
        &self.prefix
    }

    /// The entry's file, if the cache is on disk.
    pub fn path(&self) -> Option<PathBuf> {
        self.cache.dir().map(|dir| disk::path(dir, self.key))
    }

    /// Whether the entry is there, as far as its header tells; otherwise it is made when its voxels are asked for.
    pub fn is_there(&self) -> bool {
        self.look(&self.cache.state()).is_some()
    }

    /// Whether the entry is there; then it is known what it is like, whatever the plan says.
    pub(super) fn found(&self) -> bool {
        let there = self.look(&self.cache.state());
        there.is_some_and(|source| self.facts.set(Facts::of(&source)).is_ok())
    }

    /// Whether the entry could not be kept, so that every reading makes it anew.
    pub(crate) fn too_large(&self) -> bool {
        self.facts.get().is_some_and(|f| f.bytes() > self.cache.max_bytes())
    }

    /// Its name: a file, or a digest.
    pub(crate) fn name(&self) -> String {
        self.path().map_or_else(|| format!("{:016x} in memory", self.key), |p| p.display().to_string())
    }

    /// The entry, if it is there: opened, its use noted.
    fn look(&self, state: &State) -> Option<Source> {
        if let Some((source, note)) = state.known(self.key, &self.made_of) {
            if let (true, Some(path)) = (note, self.path()) {
                disk::touch(&path);
            }
            return Some(source);
        }
        let path = self.path()?;
        match disk::open(&path, &self.made_of, self.meta()) {
            Found::Absent => None,
            Found::Sound(file) => {
                let source = Source::File(file);
                if self.facts.get().is_some_and(|f| *f != Facts::of(&source)) {
                    self.discard(state, "it holds another kind of volume than its plan says");
                    return None;
                }
                disk::touch(&path);
                state.opened(self.key, &self.made_of, source.clone());
                Some(source)
            }
            Found::Damaged(why) => {
                self.discard(state, &why);
                None
            }
        }
    }

    /// Removes a damaged entry, and tells.
    fn discard(&self, state: &State, why: &str) {
        if let Some(path) = self.path() {
            // What cannot be removed is replaced.
            let _ = std::fs::remove_file(path);
        }
        state.rebuilt.fetch_add(1, Ordering::Relaxed);
        tell(Notice::Rebuilt { entry: self.name(), why: why.into() });
    }

    /// Voxels to read: those of the entry, or those that were just made for it.
    pub(crate) fn source(&self) -> Result<Source> {
        let state = self.cache.state();
        let flight = loop {
            let turn = state.begin(self.key, &self.made_of);
            let found = match &turn {
                Turn::Made(volume) => Some(Source::Memory(volume.clone())),
                Turn::Known | Turn::Mine(_) => self.look(&state),
            };
            if let Some(source) = found {
                state.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(source);
            }
            // One that was known a moment ago was found damaged since: somebody is making it anew.
            if let Turn::Mine(flight) = turn {
                break flight;
            }
        };
        state.misses.fetch_add(1, Ordering::Relaxed);
        let volume = (self.make)()?.fresh()?;
        self.keep(&state, &volume);
        if let Some(flight) = flight {
            flight.land(&volume);
        }
        Ok(Source::Memory(volume))
    }

    fn keep(&self, state: &State, volume: &Volume) {
        let max_bytes = self.cache.max_bytes();
        let kept = match &self.cache.id().home {
            Home::Folder(dir) => disk::keep(dir, max_bytes, self.key, &self.made_of, volume),
            Home::Memory(_) => state.hold(max_bytes, self.key, &self.made_of, volume),
        };
        match kept {
            Ok(evicted) => drop(state.evicted.fetch_add(evicted, Ordering::Relaxed)),
            Err(why) => {
                state.not_kept.fetch_add(1, Ordering::Relaxed);
                tell(Notice::NotKept { entry: self.name(), why });
            }
        }
    }

    /// Runs `work` on the entry's voxels; again where the entry went, was replaced, or turns out to be damaged.
    pub(crate) fn with<T>(&self, mut work: impl FnMut(Source) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let source = self.source()?;
            match work(source.clone()) {
                Err(e) if attempt < ATTEMPTS && self.mended(&source, &e) => attempt += 1,
                done => return done,
            }
        }
    }

    /// Whether an error is about the entry's file, which is then looked for again, or made again.
    fn mended(&self, read: &Source, e: &Error) -> bool {
        let (Some(path), Some(e)) = (self.path(), e.of_file()) else { return false };
        if e.path() != Some(&path) {
            return false;
        }
        // Another process made room, or made the same entry.
        let gone = match e {
            medio::Error::Changed { .. } => true,
            medio::Error::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        };
        let state = self.cache.state();
        // Of several threads that find the damage, one mends it.
        state.forget(self.key, read, || {
            if !gone {
                self.discard(&state, &e.to_string());
            }
        });
        true
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({}, {:?})", self.name(), self.prefix)
    }
}
