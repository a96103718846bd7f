//! Every transform of medoxide, one file each, fixed or random.
//!
//! A transform is a plain struct whose doc comments are its manual: the Python class, the command line's help, the pipeline file's schema and
//! the reference page are made from them. It never touches a voxel: [`medcore::Transform::plan`] turns facts into steps, which `medpipe` runs.
//!
//! ```
//! use medaug::Resample;
//! use medcore::{Affine, DType, Facts, Grid, Key, Step, Transform};
//!
//! let grid = Grid::new([197, 233, 189], Affine::IDENTITY);
//! let resample: Resample = serde_json::from_str(r#"{"spacing": 1.5}"#)?;
//! let steps = resample.plan(&Facts { grid: &grid, items: &[], item: None, places: &[] }, Key::new(0))?;
//! let Step::Warp(warp) = &steps[0] else { panic!("a resampling is a warp") };
//! assert_eq!(warp.grid.shape, [131, 155, 126]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod artefact;
mod channel;
mod histogram;
mod intensity;
mod label;
mod mask;
mod measured;
mod spatial;

pub use artefact::anisotropy::Anisotropy;
pub use artefact::ghosting::Ghosting;
pub use artefact::gibbs_ringing::GibbsRinging;
pub use artefact::k_space_dropout::KSpaceDropout;
pub use artefact::motion::Motion;
pub use artefact::simulate_low_resolution::SimulateLowResolution;
pub use artefact::spikes::Spikes;
pub use artefact::swap::Swap;
pub use artefact::wrap_around::WrapAround;
pub use channel::axis::{ChannelAxis, NamedAxis};
pub use channel::grey::{Alpha, Grey, GreyWeights, NamedWeights};
pub use channel::merge_channels::MergeChannels;
pub use channel::pick_channels::{ChannelRange, PickChannels, Picked};
pub use channel::split_channels::SplitChannels;
pub use channel::squeeze::Squeeze;
pub use intensity::bias_field::{BiasField, Polynomials};
pub use intensity::cast::Cast;
pub use intensity::clahe::Clahe;
pub use intensity::clamp::Clamp;
pub use intensity::coarse_dropout::{CoarseDropout, FillOf};
pub use intensity::contrast::Contrast;
pub use intensity::gamma::{Gamma, GammaOf};
pub use intensity::gaussian::{GaussianRule, LengthUnit};
pub use intensity::gaussian_noise::GaussianNoise;
pub use intensity::gaussian_sharpen::GaussianSharpen;
pub use intensity::gaussian_smooth::GaussianSmooth;
pub use intensity::histogram_equalize::HistogramEqualize;
pub use intensity::histogram_match::HistogramMatch;
pub use intensity::histogram_shift::HistogramShift;
pub use intensity::histogram_standardize::{HistogramStandardize, TrainedLandmarks};
pub use intensity::invert_intensity::{InvertIntensity, Pivot};
pub use intensity::laplacian::Laplacian;
pub use intensity::local_normalize::{LocalNormalize, LocalWeights};
pub use intensity::log::Log;
pub use intensity::median_smooth::MedianSmooth;
pub use intensity::poisson_noise::PoissonNoise;
pub use intensity::quantize::Quantize;
pub use intensity::rescale::Rescale;
pub use intensity::rician_noise::RicianNoise;
pub use intensity::salt_and_pepper::SaltAndPepper;
pub use intensity::scale_intensity::ScaleIntensity;
pub use intensity::sharpen::Sharpen;
pub use intensity::shift_intensity::{OffsetUnit, ShiftIntensity};
pub use intensity::sigmoid::Sigmoid;
pub use intensity::smooth_field::{FieldEffect, SmoothField};
pub use intensity::speckle_noise::SpeckleNoise;
pub use intensity::threshold::{Threshold, ThresholdMethod, ThresholdResult};
pub use intensity::window::{Window, WindowPreset};
pub use intensity::z_normalize::{GivenNumbers, Outside, ZNormalize};
pub use label::argmax::Argmax;
pub use label::boundary::{Boundary, BoundarySide};
pub use label::distance_transform::DistanceTransform;
pub use label::fill_holes::FillHoles;
pub use label::keep_largest_component::KeepLargestComponent;
pub use label::label_pyramid::LabelPyramid;
pub use label::labels_to_image::LabelsToImage;
pub use label::morphology::{Morphology, MorphologyOperation, StructuringElement};
pub use label::one_hot::{Classes, OneHot, Region};
pub use label::permute_labels::PermuteLabels;
pub use label::random_morphology::RandomMorphology;
pub use label::remap_labels::RemapLabels;
pub use label::remove_random_component::RemoveRandomComponent;
pub use label::remove_small_components::{RemoveSmallComponents, VolumeUnit};
pub use mask::{LabelMask, Mask};
pub use spatial::affine::{About, Affine, AffinePart, AffineRule, Moves, RotationOrder};
pub use spatial::bspline_deform::BsplineDeform;
pub use spatial::crop::Crop;
pub use spatial::crop_foreground::CropForeground;
pub use spatial::crop_or_pad::{CropOrPad, OddVoxel};
pub use spatial::crop_to_label::CropToLabel;
pub use spatial::displace::{Displace, GivenField};
pub use spatial::divisible_pad::DivisiblePad;
pub use spatial::elastic::Elastic;
pub use spatial::elastic_noise::{ElasticNoise, NoiseScale};
pub use spatial::flip::Flip;
pub use spatial::frame::Frame;
pub use spatial::grid_crop::GridCrop;
pub use spatial::grid_distortion::GridDistortion;
pub use spatial::pad::{Pad, PadMode};
pub use spatial::patches::{Absent, Edges};
pub use spatial::random_crop::RandomCrop;
pub use spatial::random_crop_by_label::{ForcedBy, RandomCropByLabel};
pub use spatial::random_crop_by_weight::RandomCropByWeight;
pub use spatial::random_orientation::RandomOrientation;
pub use spatial::random_sized_crop::{CropPlace, CropUnit, RandomSizedCrop};
pub use spatial::reorient::Reorient;
pub use spatial::resample::{AntiAlias, Fit, Resample, ResamplePreset};
pub use spatial::resample_to::{GivenGrid, ResampleTo};
pub use spatial::rot90::Rot90;
pub use spatial::sampling::{Interpolation, LabelInterpolation, Resampling};
pub use spatial::zoom::Zoom;
