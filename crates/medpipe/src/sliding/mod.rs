//! Prediction of a volume window by window: where windows lie, how overlapping predictions are weighted, and the way back to a file's grid.
//!
//! Windows come in an order in which slabs along x are finished one after the other. What a slab's classes were summed in is then used for the
//! next one, so that memory is classes × slab and not classes × volume; a finished slab is reduced at once, onto any grid, with one
//! linear interpolation of the summed predictions before the reduction.

mod importance;
mod onto;
mod reduce;
mod stitch;

pub use importance::Importance;
pub use medcore::{WindowRule, Windows};
pub use reduce::Reduce;
pub use stitch::Stitcher;
