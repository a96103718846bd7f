//! Class numbers.

pub(crate) mod keep_largest_component;
pub(crate) mod label_pyramid;
pub(crate) mod labels_to_image;
pub(crate) mod morphology;
pub(crate) mod permute_labels;
pub(crate) mod random_morphology;
pub(crate) mod remap_labels;
pub(crate) mod remove_random_component;
pub(crate) mod remove_small_components;
mod whole;
