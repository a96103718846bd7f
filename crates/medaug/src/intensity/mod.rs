//! Values change, voxels stay.

pub(crate) mod bias_field;
pub(crate) mod cast;
pub(crate) mod clamp;
pub(crate) mod coarse_dropout;
pub(crate) mod contrast;
pub(crate) mod gamma;
pub(crate) mod gaussian;
pub(crate) mod gaussian_noise;
pub(crate) mod gaussian_sharpen;
pub(crate) mod gaussian_smooth;
pub(crate) mod histogram_shift;
pub(crate) mod invert_intensity;
pub(crate) mod poisson_noise;
pub(crate) mod quantize;
pub(crate) mod rescale;
pub(crate) mod rician_noise;
pub(crate) mod salt_and_pepper;
pub(crate) mod scale_intensity;
pub(crate) mod sharpen;
pub(crate) mod shift_intensity;
pub(crate) mod smooth_field;
pub(crate) mod speckle_noise;
pub(crate) mod z_normalize;
