//! Voxels move.

pub(crate) mod affine;
mod chosen;
pub(crate) mod crop;
pub(crate) mod crop_foreground;
pub(crate) mod crop_or_pad;
pub(crate) mod displace;
pub(crate) mod elastic;
pub(crate) mod elastic_noise;
pub(crate) mod flip;
pub(crate) mod frame;
pub(crate) mod grid_crop;
pub(crate) mod grid_distortion;
pub(crate) mod pad;
pub(crate) mod patches;
pub(crate) mod random_crop;
pub(crate) mod random_crop_by_label;
pub(crate) mod random_crop_by_weight;
pub(crate) mod random_orientation;
pub(crate) mod random_sized_crop;
pub(crate) mod reorient;
pub(crate) mod resample;
pub(crate) mod rot90;
pub(crate) mod zoom;
