//! Class numbers.

pub(crate) mod argmax;
pub(crate) mod boundary;
pub(crate) mod distance_transform;
pub(crate) mod fill_holes;
pub(crate) mod keep_largest_component;
pub(crate) mod label_pyramid;
pub(crate) mod labels_to_image;
pub(crate) mod morphology;
pub(crate) mod one_hot;
pub(crate) mod permute_labels;
pub(crate) mod random_morphology;
pub(crate) mod remap_labels;
pub(crate) mod remove_random_component;
pub(crate) mod remove_small_components;
mod whole;
