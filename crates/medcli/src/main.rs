//! The `medoxide` command: look at, convert and transform medical volumes.
//!
//! Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 failed, 2 not understood.

mod apply;
mod convert;
mod failure;
mod features;
mod files;
mod index;
mod info;
mod inline;
mod landmarks;
mod options;
mod presets;
mod preview;
mod progress;
mod schema;
mod terminal;
mod transforms;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::{Failure, Outcome};

/// Medical volumes from the command line: header facts, conversion, transforms, pictures.
///
/// Reads and writes NIfTI (.nii, .nii.gz, .hdr/.img). Environment: MEDOXIDE_LEVEL=plain|avx2|avx512|neon forces an instruction set,
/// MEDOXIDE_THREADS=n the number of threads. Exit codes: 0 done, 1 failed, 2 not understood.
#[derive(Parser)]
#[command(name = "medoxide", version, arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Info(info::Args),
    Convert(convert::Args),
    Index(index::Args),
    Apply(apply::Args),
    Landmarks(landmarks::Args),
    Transforms(transforms::Args),
    Presets(presets::Args),
    Preview(preview::Args),
    Features(features::Args),
}

fn run() -> Outcome {
    let cli = Cli::try_parse().map_err(Failure::of_clap)?;
    features::check_environment()?;
    match cli.command {
        Command::Info(a) => info::run(&a),
        Command::Convert(a) => convert::run(&a),
        Command::Index(a) => index::run(&a),
        Command::Apply(a) => apply::run(&a),
        Command::Landmarks(a) => landmarks::run(&a),
        Command::Transforms(a) => transforms::run(&a),
        Command::Presets(a) => presets::run(&a),
        Command::Preview(a) => preview::run(&a),
        Command::Features(_) => features::run(),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
