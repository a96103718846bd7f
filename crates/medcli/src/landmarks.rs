//! `medoxide landmarks`: what histogram standardisation brings images to.

use std::path::PathBuf;

use medaug::{HistogramStandardize, Mask};
use medpipe::{LandmarkOptions, Landmarks};

use crate::failure::Outcome;
use crate::files::volumes;
use crate::terminal::emit;

/// Train landmarks of histogram standardisation from images
///
/// The landmarks of the transform histogram_standardize: each image's percentiles are brought linearly from 0 to 100, and averaged. Of folders all volumes are taken.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Images, and folders of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    words: Vec<PathBuf>,
    /// Write them to this file: .npy, as NumPy and TorchIO read it, or JSON; else they are printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The lowest percentile, 0 to 9
    #[arg(long, value_name = "PERCENTILE", default_value_t = HistogramStandardize::CUTOFF[0])]
    lower: f64,
    /// The highest percentile, 91 to 100
    #[arg(long, value_name = "PERCENTILE", default_value_t = HistogramStandardize::CUTOFF[1])]
    upper: f64,
    /// Only voxels above the mean of their image count
    #[arg(long)]
    above_mean: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let paths: Vec<PathBuf> = volumes(&args.words)?.into_iter().map(|f| f.path).collect();
    let mask = if args.above_mean { Mask::AboveMean } else { Mask::All };
    let options = LandmarkOptions::<PathBuf> { cutoff: [args.lower, args.upper], mask, masks: vec![] };
    let made = Landmarks::train(&paths, &options)?;
    if let Some(path) = &args.out {
        made.save(path)?;
    }
    emit(&format!("landmarks of {} images: {:?}\n", paths.len(), made.values))
}
