//! What a scanner does to an image.

pub(crate) mod anisotropy;
pub(crate) mod ghosting;
pub(crate) mod gibbs_ringing;
mod k_space;
pub(crate) mod k_space_dropout;
pub(crate) mod motion;
pub(crate) mod simulate_low_resolution;
mod spectrum;
pub(crate) mod spikes;
pub(crate) mod swap;
pub(crate) mod wrap_around;
