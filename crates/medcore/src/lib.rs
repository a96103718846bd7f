//! The nouns of medoxide: what a volume is, where it lies in the world, and what may be asked of it.
//!
//! Nothing here reads files or loops over voxels. [`Grid`] places voxels in world millimetres, [`Volume`] owns a
//! shared buffer of them, [`Sample`] names several that belong together, [`Key`] names random draws, and
//! [`Transform`] turns facts about a volume into [`Step`]s that an executor runs.
//!
//! ```
//! use medcore::{Affine, Grid, Volume};
//!
//! // Two by three by one voxels of 1 x 1 x 2 mm; x is the fastest axis, coordinates are RAS+ millimetres.
//! let grid = Grid::new([2, 3, 1], Affine::from_spacing([1.0, 1.0, 2.0]));
//! let volume = Volume::from_f32(grid, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])?;
//! assert_eq!(volume.grid().spacing(), [1.0, 1.0, 2.0]);
//! assert_eq!(volume.grid().orientation().to_string(), "RAS");
//! assert_eq!(volume.grid().world([1.0, 2.0, 0.0]), [1.0, 2.0, 0.0]);
//! # Ok::<(), medcore::Error>(())
//! ```

#[doc(hidden)]
pub use half as half_types;

mod affine;
mod axes;
mod bvecs;
mod classes;
mod displacement;
mod dist;
mod dtype;
mod error;
mod grid;
mod key;
mod lattice;
mod map;
mod meta;
mod orientation;
mod points;
mod sample;
mod sampler;
mod step;
mod transform;
mod volume;
mod windows;

pub use affine::Affine;
pub use axes::{Axes, EachAxis, PerAxis};
pub use bvecs::rotated_bvecs;
pub use classes::{ClassIndex, ClassRows, ClassRuns, MOST_CLASSES, Tries};
pub use displacement::{Displacement, Field, Spline};
pub use dist::{Dist, Draw};
pub use dtype::DType;
pub use error::{Error, Result};
pub use grid::{Box3, Grid};
pub use key::Key;
pub use lattice::Lattice;
pub use map::{Map, MapRows};
pub use meta::{Extension, Meta, SpaceUnit, TimeUnit, Xform};
pub use orientation::Orientation;
pub use points::Points;
pub use sample::{Item, Role, Sample, Value};
pub use sampler::{Boundary, Sampler};
pub use step::{
    Clip, Derived, Filter, FilterRun, FilterTile, Global, Host, HostRun, Items, Keep, Measure, Measured, Of,
    OfChannel, OfPixels, OfVoxels, Point, PointRun, RawTile, RawVolume, Relabel, Remake, RemakeBy, RowAt,
    Step, Take, Turned, Warp,
};
pub use transform::{Category, Declared, Facts, ItemFacts, Place, Transform};
pub use volume::{Scale, Storage, Volume};
pub use windows::{WindowRule, Windows};
