//! Values change, voxels stay.

pub(crate) mod cast;
pub(crate) mod clamp;
pub(crate) mod gaussian_noise;
pub(crate) mod gaussian_smooth;
pub(crate) mod rescale;
pub(crate) mod z_normalize;
