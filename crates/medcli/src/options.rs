//! Options that several commands share.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use clap::{Args, ValueEnum};
use medcore::{DType, Volume};
use medio::{Division, Gzip, Level, SaveOptions, SaveReport, Storage, VolumeFile};

use crate::failure::Outcome;
use crate::progress::Progress;
use crate::terminal::{by, bytes, number};

/// How volumes are written.
#[derive(Args)]
pub(crate) struct SaveArgs {
    /// Store as this dtype (uint8, int16, float32, ...): rounded half to even, saturating
    #[arg(long, value_name = "DTYPE")]
    dtype: Option<DType>,
    /// Compression of .gz files: none, fast, balanced, small, or 0 to 9
    #[arg(long, default_value_t)]
    level: Level,
    /// How .gz files are divided; every gzip reader opens all of them
    #[arg(long, value_enum, default_value_t = GzipArg::Blocks)]
    gzip: GzipArg,
    /// Threads that compress [default: all, or MEDOXIDE_THREADS]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// How voxels are stored
    #[arg(long, value_enum, default_value_t = StorageArg::AsIs)]
    storage: StorageArg,
}

#[derive(Clone, Copy, ValueEnum)]
enum GzipArg {
    /// Blocks of some rows or slices, with an index: regions are read by themselves, and the whole by several threads
    Blocks,
    /// As bgzip does
    Bgzf,
    /// One block, read from its start
    Single,
}

#[derive(Clone, Copy, ValueEnum)]
enum StorageArg {
    /// In the volume's own dtype
    AsIs,
    /// int16 with slope and intercept: half the size of float32; the largest error is told
    Int16,
    /// float16 under a private code that only medoxide and medrs read
    Float16Private,
}

impl SaveArgs {
    /// How gzip files will be divided.
    pub(crate) fn division(&self) -> Division {
        match self.gzip {
            GzipArg::Blocks => Division::Blocks,
            GzipArg::Bgzf => Division::Bgzf,
            GzipArg::Single => Division::Stream,
        }
    }

    /// Whether a file's voxels would be stored as they are stored now.
    pub(crate) fn keeps(&self, file: &VolumeFile) -> bool {
        let stored = match self.storage {
            StorageArg::AsIs => file.stored_dtype(),
            StorageArg::Int16 => DType::I16,
            StorageArg::Float16Private => DType::F16,
        };
        self.dtype.unwrap_or(stored) == file.stored_dtype()
    }

    /// Writes a volume, counting in `written`, and says what was written.
    pub(crate) fn save(
        &self,
        path: &Path,
        volume: &Volume,
        label: bool,
        written: Arc<AtomicU64>,
    ) -> Outcome<String> {
        let options = SaveOptions {
            level: self.level,
            gzip: match self.gzip {
                GzipArg::Blocks => Gzip::default(),
                GzipArg::Bgzf => Gzip::Bgzf,
                GzipArg::Single => Gzip::Single,
            },
            threads: self.threads.map(|n| n as usize),
            storage: match self.storage {
                StorageArg::AsIs => Storage::AsIs,
                StorageArg::Int16 if label => Storage::AsIs,
                StorageArg::Int16 => Storage::Int16,
                StorageArg::Float16Private => Storage::Float16Private,
            },
            dtype: self.dtype.filter(|_| !label),
            label,
            written: Some(written),
            ..SaveOptions::default()
        };
        let report = medio::save(path, volume, &options)?;
        Ok(summary(volume, &report))
    }
}

/// `out.nii.gz: 128 x 128 x 128 of 1.5 x 1.5 x 1.5 mm, RAS, float32, 4.1 MB`.
fn summary(volume: &Volume, report: &SaveReport) -> String {
    let names = report.paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let grid = volume.grid();
    let mut text = format!(
        "{names}: {} of {} mm, {}, {}, {}",
        by(grid.shape.iter().chain(volume.extra())),
        by(grid.spacing().map(|s| number(s, 4))),
        grid.orientation(),
        report.dtype,
        bytes(report.bytes)
    );
    if report.max_error > 0.0 {
        let _ = write!(text, ", largest error {:.3e}", report.max_error);
    }
    text
}

/// When progress is shown.
#[derive(Args)]
pub(crate) struct ProgressArgs {
    /// Show progress: after a second on a terminal, always, or never
    #[arg(long, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    progress: When,
}

/// When progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// After a second, if standard error is a terminal
    Auto,
    /// At once; as plain lines where standard error is no terminal
    Always,
    /// Not at all
    Never,
}

impl ProgressArgs {
    pub(crate) fn start(&self, of: usize) -> Progress {
        Progress::new(self.progress, of)
    }
}
