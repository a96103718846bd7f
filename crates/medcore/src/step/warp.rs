//! Voxels that move, or are interpolated on another grid.

use crate::{Boundary, Grid, Lattice, Map, Sampler};

/// The range within which values between voxels are held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Clip {
    /// None.
    #[default]
    No,
    /// That of the channel's voxels.
    Volume,
    /// For each slice across an axis, along which nothing is sampled, that of the slice.
    Slices(usize),
}

/// A new grid, and where its voxels come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Warp {
    /// What `explain` prints.
    pub label: String,
    /// The output grid.
    pub grid: Grid,
    /// Output voxel coordinates to input voxel coordinates.
    pub map: Map,
    /// Interpolation along each input axis, for images and maps.
    pub sampler: [Sampler; 3],
    /// Interpolation for labels: the nearest voxel's, or (linear) the label whose share of the eight neighbours, weighted linearly, is the largest,
    /// the lowest where several have it.
    pub label_sampler: Sampler,
    /// What lies outside the input, for images and maps.
    pub boundary: Boundary,
    /// The value outside the input for labels, where the boundary is a constant.
    pub label_fill: f64,
    /// The range within which values between voxels are held, which is measured first, so that nothing before is joined with it.
    pub clip: Clip,
    /// Whether it may be joined with a neighbouring interpolation into one.
    pub composable: bool,
    /// Whether the content moves in the world, and landmarks with it (a deformation); a regridding leaves the world in place.
    pub deforms: bool,
}

impl Warp {
    /// A regridding that copies voxels exactly.
    pub fn lattice(label: impl Into<String>, input: &Grid, lattice: Lattice, output: [usize; 3]) -> Warp {
        Warp {
            label: label.into(),
            grid: lattice.grid(input, output),
            map: lattice.to_affine().into(),
            sampler: [Sampler::Nearest; 3],
            label_sampler: Sampler::Nearest,
            boundary: Boundary::Constant(0.0),
            label_fill: 0.0,
            clip: Clip::No,
            composable: true,
            deforms: false,
        }
    }
}
