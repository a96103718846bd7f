//! Channels and frames: the axes after x, y, z.

pub(crate) mod axis;
pub(crate) mod grey;
pub(crate) mod merge_channels;
pub(crate) mod pick_channels;
pub(crate) mod split_channels;
pub(crate) mod squeeze;
