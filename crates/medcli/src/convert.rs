//! `medoxide convert`: the same volume in another file.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::options::{ProgressArgs, SaveArgs};
use crate::terminal::emit;

/// Write a volume to another file: container, compression or dtype changed, header kept
///
/// The output's name decides its container: .nii, .nii.gz, or .hdr/.img. An existing file is replaced once the new one is complete. Voxels and
/// scale are kept bit for bit unless --dtype or --storage says otherwise.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Volume file to read
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// File to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let file = medio::open(&args.input)?;
    let mut progress = args.progress.start(1);
    progress.compute(1, "read", &args.input, vec![file.clone()]);
    let volume = file.load()?;
    let written = progress.write(1, &args.output, &volume);
    let line = args.save.save(&args.output, &volume, false, written)?;
    drop(progress);
    emit(&format!("{line}\n"))
}
