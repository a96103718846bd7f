//! Chains of transforms, planned before a voxel is read and run in as few passes as they allow.
//!
//! A [`Pipeline`] is a list of transforms, from a file or from Rust. A [`LazyVolume`] is a file or an array and what is to be done to it;
//! voxels are read when values are asked for, and only those that are needed.
//!
//! ```
//! use medcore::{Affine, Grid, Volume};
//! use medpipe::{LazyVolume, Pipeline};
//!
//! let pipeline = Pipeline::from_yaml("
//! medoxide: 1
//! transforms:
//!   - reorient: RAS
//!   - resample: {spacing: 2}
//!   - clamp: {min: 0, max: 3}
//! ")?;
//! let grid = Grid::new([4, 2, 2], Affine::IDENTITY);
//! let voxels: Vec<f32> = (0..16).map(|v| v as f32).collect();
//! let volume = LazyVolume::from_volume(Volume::from_f32(grid, &voxels)?);
//! let out = pipeline.apply_to_volume(&volume)?;
//! assert_eq!(out.grid().shape, [2, 1, 1]);
//! assert_eq!(out.compute()?.to_f32()?, [3.0, 3.0]);
//! # Ok::<(), medpipe::Error>(())
//! ```

mod apart;
mod bytes;
mod cache;
mod catalog;
mod chain;
mod channels;
mod classes;
mod clipped;
mod compute;
mod cubic;
mod cut;
mod datalist;
mod derived;
mod digest;
mod draws;
mod error;
mod evaluate;
mod explain;
mod flight;
mod frames;
mod group;
mod header;
mod home;
mod host;
mod interpolated;
mod inverse;
mod landmarks;
mod lazy;
mod loader;
mod look;
mod measure;
mod memo;
mod mixing;
mod moved;
mod node;
mod parameters;
mod part;
mod passes;
mod picked;
mod pipeline;
mod plan;
mod planner;
mod planning;
mod preset;
mod preview;
mod recipe;
mod records;
mod remake;
mod row;
mod rows;
mod sample;
mod samples;
mod shared;
mod slabs;
mod slicing;
mod sliding;
mod smallest;
mod source;
mod stack;
mod stretches;
mod take;
mod tile;
mod turn;
mod values;
mod work;
mod yaml;

pub use cache::{Cache, Kept, Notice, Stats, notices};
pub use catalog::{Entry, GroupEntry, catalog, find, groups};
pub use compute::Layout;
pub use datalist::{Case, CaseItem, Datalist, ListOptions, Missing, split_indices};
pub use error::{Error, Result};
pub use frames::Pick;
pub use group::{Count, Group, Maybe, OneOf, Order, Repeat, Rule, SomeOf};
pub use header::{Channels, Header};
pub use host::{Call, Function};
pub use inverse::Inverse;
pub use landmarks::{LandmarkOptions, Landmarks};
pub use lazy::LazyVolume;
pub use loader::{
    Batch, BatchItem, BatchPoints, Batches, Counters, Failure, HostCalls, Loader, Next, OnError, PatchMeta,
    Served, Settings, on_host,
};
pub use mixing::{Mixed, mix};
pub use node::Node;
pub use pipeline::{Mismatch, Pipeline};
pub use preset::{Preset, PresetParameter, preset, presets};
pub use preview::preview_png;
pub use recipe::{Begin, Recipe};
pub use records::{RecordStats, Records};
pub use rows::compute_rows;
pub use sample::{LazyItem, LazySample};
pub use shared::Shared;
pub use slicing::AxisSlice;
pub use sliding::{Importance, Reduce, Stitcher, WindowRule, Windows};
pub use source::Source;
pub use stack::{Part, Stack};
pub use work::{Work, work};
pub use yaml::yaml;
