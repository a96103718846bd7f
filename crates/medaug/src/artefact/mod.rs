//! What a scanner does to an image.

pub(crate) mod simulate_low_resolution;
