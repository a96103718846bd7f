//! What the fuzz targets do with their bytes: `header::run`, `gzip::run` and so on. Each panics where a promise of `medio` is broken.
//!
//! `gzip` looks at parts that `medio` does not show. Instead of a door in `medio` that only fuzzers use, its source files are compiled
//! in here a second time; everything else goes through the public interface, with files in memory.

pub mod block_index;
pub mod checkpoint_index;
pub mod extension;
pub mod gzip;
pub mod header;
mod input;
mod memory;
mod ordinary;
pub mod place;

/// The targets by name, with the inputs that fuzzing starts from.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("gzip", gzip::run, gzip::seeds),
    ("block_index", block_index::run, block_index::seeds),
    ("checkpoint_index", checkpoint_index::run, checkpoint_index::seeds),
    ("header", header::run, header::seeds),
    ("extension", extension::run, extension::seeds),
];

// Sources of medio, whose paths begin with `crate`.
#[allow(dead_code)]
#[path = "../../crates/medio/src/atomic.rs"]
mod atomic;
#[allow(dead_code)]
#[path = "../../crates/medio/src/disk.rs"]
mod disk;
#[allow(dead_code)]
#[path = "../../crates/medio/src/error.rs"]
mod error;
#[allow(dead_code, unused_imports)]
#[path = "../../crates/medio/src/gzip/mod.rs"]
mod medio_gzip;
#[allow(dead_code)]
#[path = "../../crates/medio/src/gzip/raw.rs"]
mod raw;
#[allow(dead_code)]
#[path = "../../crates/medio/src/sealer.rs"]
mod sealer;
mod file {
    //! What they need of the rest.
    pub(crate) use medio::Division;
}
use error::{Error, Result};
