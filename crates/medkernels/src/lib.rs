//! Kernels for medical volumes: slices in, slices out, the same bits on every instruction set.
//!
//! Rows are `f32` and x is the fastest axis. Each kernel is one plain body compiled for several instruction
//! sets ([`level`]); none fuses a multiplication with an addition, and sums run in a fixed number of lanes,
//! so the level changes speed and nothing else. Kernels are serial unless they say otherwise; [`threads`] is
//! the pool that the callers share, and [`buffer`] the memory.
//!
//! ```
//! use medkernels::{buffer::Buffer, convert, points, stats};
//!
//! // Four stored int16 voxels become a normalised f32 row.
//! let stored: Vec<u8> = [100i16, 110, 120, 130].iter().flat_map(|v| v.to_ne_bytes()).collect();
//! let mut row = Buffer::for_overwrite(4 * 4)?;
//! convert::decode_f32::<i16>(&stored, false, None, row.as_mut_slice());
//! let moments = stats::moments(row.as_slice(), stats::Keep::All);
//! points::normalize(row.as_mut_slice(), moments.mean, 1.0 / moments.std());
//! assert!((row.as_slice::<f32>()[3] - 1.3416407).abs() < 1e-6);
//! # Ok::<(), medkernels::buffer::AllocError>(())
//! ```
#![allow(
    clippy::needless_bitwise_bool,
    clippy::needless_range_loop,
    reason = "branch-free conditions and indexed lanes are what the compiler turns into vectors"
)]

mod ahead;
pub mod buffer;
pub mod channels;
pub mod clahe;
pub mod components;
pub mod convert;
pub mod copy;
pub mod counts;
pub mod distance;
pub mod edges;
pub mod element;
mod elementary;
pub mod filter;
pub mod float_env;
pub mod gather;
pub mod grey;
pub mod histogram;
pub mod interpolate;
mod intrinsics;
mod kernel;
pub mod level;
pub mod linear;
pub mod median;
pub mod overlap;
pub mod philox;
pub mod points;
pub mod poisson;
pub mod rename;
pub mod rows;
pub mod runs;
pub mod select;
pub mod spline;
pub mod stats;
pub mod streamed;
pub mod threads;
mod transpose;
pub mod voxel_set;
pub mod weights;
mod windows;

pub use intrinsics::PerProcess;
