//! `medoxide preview`: a picture of the three central planes.

use std::path::{Path, PathBuf};

use medcore::Role;
use medpipe::{LazyVolume, preview_png};

use crate::failure::{Failure, Outcome};
use crate::options::ProgressArgs;
use crate::terminal::{bytes, emit};

/// Draw the three central planes of volumes, with directions and a millimetre scale, as a PNG
///
/// Each file is a row; all rows have one scale. Letters name the anatomical directions (R L A P S I); the patient's right is on the right. Grey values run
/// from the 0.5th to the 99.5th percentile of what is shown.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Volume files, drawn one below the other
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The picture to write
    #[arg(short, long, value_name = "PNG")]
    output: PathBuf,
    /// A volume to draw above the first, captioned `before`
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// What the files hold: image, label (drawn in colours) or map
    #[arg(long, default_value_t = Role::Image)]
    role: Role,
    /// Width of the picture in pixels
    #[arg(long, default_value_t = 960, value_parser = clap::value_parser!(u64).range(320..=4096))]
    width: u64,
    #[command(flatten)]
    progress: ProgressArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    if !args.output.extension().is_some_and(|e| e.eq_ignore_ascii_case("png")) {
        return Err(Failure::Usage(format!(
            "{}: the picture's name must end in .png",
            args.output.display()
        )));
    }
    let mut rows = vec![];
    for (n, path) in args.before.iter().chain(&args.files).enumerate() {
        let name =
            path.file_name().map_or_else(|| path.display().to_string(), |f| f.to_string_lossy().into_owned());
        let caption = match (&args.before, n) {
            (Some(_), 0) => format!("before: {name}"),
            (Some(_), 1) => format!("after: {name}"),
            _ => name,
        };
        rows.push((caption, LazyVolume::open_as(path, args.role)?));
    }
    let mut progress = args.progress.start(1);
    progress.draw(&args.output);
    let borrowed: Vec<_> = rows.iter().map(|(caption, volume)| (caption.as_str(), volume)).collect();
    let picture = preview_png(&borrowed, args.width as usize)?;
    drop(progress);
    write(&args.output, &picture)?;
    emit(&format!("{}: {}\n", args.output.display(), bytes(picture.len() as u64)))
}

fn write(path: &Path, picture: &[u8]) -> Outcome {
    std::fs::write(path, picture).map_err(|e| {
        Failure::Failed(format!("{}: {e}; check that the folder exists and can be written", path.display()))
    })
}
