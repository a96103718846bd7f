//! `medoxide convert`: the same volumes in other files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::failure::{Failure, Outcome};
use crate::files::{into_folder, make_folders, same, volumes};
use crate::options::{ProgressArgs, SaveArgs};
use crate::progress::Progress;

/// Write volumes to other files: container, compression or dtype changed, header kept
///
/// The output's name decides its container: .nii, .nii.gz, or .hdr/.img. An existing file is replaced once the new one is complete. Voxels and
/// scale are kept bit for bit unless --dtype or --storage says otherwise.
///
/// With -o or --in-place there may be many inputs, and folders, of which all volumes are taken; what is done already is skipped, and a bad file
/// does not stop the others. `medoxide convert --in-place DATASET` divides all .nii.gz of a data set into blocks, so that regions of them are
/// read by themselves.
#[derive(clap::Args)]
#[command(
    override_usage = "medoxide convert [OPTIONS] IN OUT\n       medoxide convert [OPTIONS] IN|FOLDER... -o DIR\n       medoxide convert [OPTIONS] --in-place IN|FOLDER..."
)]
pub(crate) struct Args {
    /// Volume file to read and file to write; or files and folders to read
    #[arg(required = true, value_name = "IN OUT | IN|FOLDER...")]
    words: Vec<PathBuf>,
    /// Folder for the results, under the inputs' names and folders (made if it is not there); newer results are done already
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Replace each file by its result; gzip files that are divided as --gzip says are done already, and so are files without gzip
    #[arg(long, conflicts_with = "output")]
    in_place: bool,
    /// Container of results in DIR [default: as the input]
    #[arg(long, value_enum, requires = "output")]
    to: Option<Container>,
    /// Write also what is done already
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// A container by its ending.
#[derive(Clone, Copy, ValueEnum)]
enum Container {
    /// NIfTI, not compressed
    Nii,
    /// NIfTI, gzipped
    #[value(name = "nii.gz")]
    NiiGz,
}

impl Container {
    fn ending(self) -> &'static str {
        match self {
            Container::Nii => "nii",
            Container::NiiGz => "nii.gz",
        }
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let usage = |text: String| Err(Failure::Usage(format!("{text}; see medoxide convert --help")));
    let jobs = match (&args.output, &args.words[..]) {
        _ if args.in_place => volumes(&args.words)?.into_iter().map(|f| (f.path.clone(), f.path)).collect(),
        (Some(folder), words) => into_folder(&volumes(words)?, folder, args.to.map(Container::ending))?,
        (None, [input, output]) if input.is_dir() || output.is_dir() => {
            return usage(format!(
                "with the folder {}, -o or --in-place must be said",
                if input.is_dir() { input } else { output }.display()
            ));
        }
        (None, [input, output]) => {
            let mut progress = args.progress.start(1);
            let line = convert(args, &mut progress, 1, input, output)?;
            return progress.say(&line);
        }
        (None, [_]) => return usage("no OUT after IN".into()),
        (None, _) => return usage("with several inputs, -o or --in-place must be said".into()),
    };
    if args.output.is_some() {
        make_folders(jobs.iter().map(|(_, output)| output))?;
    }
    let mut progress = args.progress.start(jobs.len());
    let (mut skipped, mut failed) = (0, 0);
    for (n, (input, output)) in jobs.iter().enumerate() {
        let line = match done(args, input, output) {
            Ok(true) => {
                skipped += 1;
                continue;
            }
            Ok(false) => convert(args, &mut progress, n + 1, input, output),
            Err(e) => Err(e),
        };
        match line {
            Ok(line) => progress.say(&line)?,
            Err(failure) => {
                failed += 1;
                progress.complain(&failure);
            }
        }
    }
    let written = jobs.len() - skipped - failed;
    progress.say(&format!("{written} written, {skipped} done already, {failed} failed"))?;
    if failed > 0 { Err(Failure::Reported) } else { Ok(()) }
}

/// Whether the result is there already.
fn done(args: &Args, input: &Path, output: &Path) -> Outcome<bool> {
    if args.force {
        return Ok(false);
    }
    if same(input, output) {
        let file = medio::open(input)?;
        return Ok(match file.division()? {
            None => args.save.keeps(&file),
            Some(division) => division == args.save.division() && args.save.keeps(&file),
        });
    }
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
    // Files appear whole: one that is there is complete.
    Ok(matches!((time(input), time(output)), (Ok(before), Ok(after)) if after >= before))
}

fn convert(args: &Args, progress: &mut Progress, n: usize, input: &Path, output: &Path) -> Outcome<String> {
    let file = medio::open(input)?;
    progress.compute(n, "read", input, vec![file.clone()]);
    let volume = file.load()?;
    let written = progress.write(n, output, &volume);
    args.save.save(output, &volume, false, written)
}
