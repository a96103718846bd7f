//! Reads and writes medical volumes: NIfTI, whole or by region.
//!
//! [`open`] reads a header and nothing more; the [`VolumeFile`] it gives reads boxes, channels or everything, as stored or as
//! float values, and touches only the bytes it needs. [`save`] writes a [`medcore::Volume`] in a file that appears whole or not at all.
//!
//! ```
//! use medcore::{Affine, Box3, Grid, Volume};
//!
//! let dir = tempfile::tempdir()?;
//! let path = dir.path().join("ramp.nii");
//! let grid = Grid::new([8, 4, 2], Affine::from_spacing([1.0, 1.0, 3.0]));
//! let ramp: Vec<f32> = (0..64).map(|i| i as f32).collect();
//! medio::save(&path, &Volume::from_f32(grid, &ramp)?, &medio::SaveOptions::default())?;
//!
//! // Two voxels along x, one along y, two along z: packed, x fastest.
//! let file = medio::open(&path)?;
//! let mut corner = [0.0; 4];
//! file.read_f32(0, &Box3 { start: [6, 3, 0], shape: [2, 1, 2] }, &mut corner)?;
//! assert_eq!(corner, [30.0, 31.0, 62.0, 63.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `.nii.gz` is written in gzip members with an index ([`Gzip`]), so that regions of it are read by themselves; `docs/block-gzip.md` in this crate
//! describes the format.
//!
//! With the feature `libdeflate` gzip members are inflated and made by that C library; without it everything is Rust. Voxels are the same, compressed
//! bytes are not.

mod atomic;
pub mod checkpoints;
mod container;
mod cost;
mod disk;
mod encode;
mod error;
mod file;
mod fingerprint;
mod gzip;
mod level;
mod map;
mod members;
pub mod nifti;
mod open;
mod read;
mod runs;
mod save;
mod scratch;
pub mod seal;
mod sealer;
mod spans;
mod target;
mod write;

pub use atomic::write_whole;
pub use disk::Identity;
pub use error::{Error, Result};
pub use file::{Division, VolumeFile};
pub use fingerprint::Fingerprint;
pub use level::Level;
pub use nifti::ByteOrder;
pub use open::open;
pub use save::{Gzip, Nifti2, SaveOptions, SaveReport, Storage, save};
pub use scratch::Scratch;
