//! `medoxide index`: where the gzip streams of volumes can be entered.

use std::path::PathBuf;

use medio::VolumeFile;
use medio::checkpoints::{Indexed, Keep};
use medkernels::threads::{for_each_mut, threads};

use crate::failure::{Failure, Outcome};
use crate::files::volumes;
use crate::options::ProgressArgs;
use crate::terminal::bytes;

/// Write indexes of gzip files, so that regions of them are read without what lies before
///
/// An index (.mxi) is less than a twentieth of its file, and used by every later read; it lies beside the file. Of folders all volumes are taken. Files that
/// have their index are skipped, and so are those that need none: plain files, and gzip files divided into blocks (see medoxide convert --in-place).
/// Environment: MEDOXIDE_INDEX_DIR names a folder to keep indexes in, as --cache-dir does; readers look there.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Volume files, and folders of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    words: Vec<PathBuf>,
    /// Keep the indexes in this folder instead of beside the files; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// A file, and what became of it.
enum Job {
    Open(VolumeFile),
    Done(VolumeFile, Indexed),
    Failed(Failure),
}

impl Job {
    fn advance(&mut self) {
        if let Job::Open(file) = self {
            *self = match file.write_index() {
                Ok(done) => Job::Done(file.clone(), done),
                Err(e) => Job::Failed(e.into()),
            };
        }
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let keep = args.cache_dir.clone().map_or(Keep::Memory, Keep::Folder);
    let found = volumes(&args.words)?;
    let mut progress = args.progress.start(found.len());
    let (mut written, mut fresh, mut unneeded, mut failed) = (0, 0, 0, 0);
    // A stream is followed by one thread: as many files at once as there are threads.
    for (n, group) in found.chunks(threads()).enumerate() {
        let mut jobs: Vec<Job> = group
            .iter()
            .map(|f| match medio::open(&f.path) {
                Ok(file) => Job::Open(file.with_checkpoints(keep.clone())),
                Err(e) => Job::Failed(e.into()),
            })
            .collect();
        let files = jobs.iter().filter_map(|j| if let Job::Open(f) = j { Some(f.clone()) } else { None });
        progress.inflate(n * threads() + 1, "index", files.collect());
        for_each_mut(&mut jobs, |_, job| job.advance());
        for job in jobs {
            match job {
                Job::Done(file, Indexed::Written { checkpoints, bytes: size }) => {
                    written += 1;
                    let name = file.index_path();
                    progress.say(&format!(
                        "{}: {checkpoints} checkpoints, {}",
                        name.display(),
                        bytes(size)
                    ))?;
                }
                Job::Done(_, Indexed::UpToDate) => fresh += 1,
                Job::Open(_) | Job::Done(..) => unneeded += 1,
                Job::Failed(failure) => {
                    failed += 1;
                    progress.complain(&failure);
                }
            }
        }
    }
    progress
        .say(&format!("{written} indexed, {fresh} up to date, {unneeded} need no index, {failed} failed"))?;
    if failed > 0 { Err(Failure::Reported) } else { Ok(()) }
}
