//! Class numbers.

pub(crate) mod keep_largest_component;
pub(crate) mod remap_labels;
