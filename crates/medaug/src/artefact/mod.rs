//! What a scanner does to an image.

pub(crate) mod anisotropy;
pub(crate) mod simulate_low_resolution;
pub(crate) mod swap;
