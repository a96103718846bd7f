//! Writing volumes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use medcore::{DType, Meta, Role};
use medio::{Gzip, Level, SaveOptions, Storage, nifti::Version};
use medpipe::LazyVolume;
use pyo3::prelude::*;

use crate::errors;
use crate::run::run;
use crate::volume::VolumeCore;

/// What was written.
#[pyclass(frozen, module = "medoxide", get_all)]
pub(crate) struct SaveReport {
    /// The files: one, or header and voxels of a pair.
    paths: Vec<PathBuf>,
    /// Their sizes together, in bytes.
    bytes: u64,
    /// Name of the stored dtype.
    dtype: String,
    /// NIfTI version, 1 or 2.
    version: u8,
    /// Largest difference between a value and what a reader will see; 0 unless cast or quantised.
    max_error: f64,
}

#[pymethods]
impl SaveReport {
    fn __repr__(&self) -> String {
        let paths: Vec<_> = self.paths.iter().map(|p| p.display().to_string()).collect();
        format!(
            "SaveReport({}: {} bytes, {}, NIfTI-{}, max_error={})",
            paths.join(", "),
            self.bytes,
            self.dtype,
            self.version,
            self.max_error
        )
    }
}

/// Options from keywords; `like` is a volume or a path.
#[allow(clippy::too_many_arguments, reason = "the options of saving, by keyword in Python")]
pub(crate) fn options(
    py: Python<'_>,
    like: Option<&Bound<'_, PyAny>>,
    level: Option<&Bound<'_, PyAny>>,
    gzip: &str,
    threads: Option<usize>,
    storage: Option<&str>,
    dtype: Option<DType>,
    sync: bool,
) -> PyResult<SaveOptions> {
    let like: Option<Arc<Meta>> = match like {
        None => None,
        Some(v) => Some(if let Ok(v) = v.cast::<VolumeCore>() {
            v.get().lazy.meta().clone()
        } else {
            let path: PathBuf = v.extract()?;
            run(py, || Ok(medio::open(&path)?.meta().clone()))?
        }),
    };
    let storage = match storage {
        None => Storage::AsIs,
        Some("int16") => Storage::Int16,
        Some("float16-private") => Storage::Float16Private,
        Some(other) => {
            return Err(errors::param(
                py,
                "save",
                "storage",
                format!("{other:?}"),
                "None, \"int16\" or \"float16-private\"",
            ));
        }
    };
    let gzip = match gzip {
        "blocks" => Gzip::default(),
        "bgzf" => Gzip::Bgzf,
        "single" => Gzip::Single,
        other => {
            let found = format!("{other:?}");
            return Err(errors::param(py, "save", "gzip", found, "\"blocks\", \"bgzf\" or \"single\""));
        }
    };
    let level = level.map_or(Ok(Level::default()), level_of)?;
    Ok(SaveOptions { level, gzip, threads, storage, dtype, like, sync, ..SaveOptions::default() })
}

/// A level by its name or number.
fn level_of(given: &Bound<'_, PyAny>) -> PyResult<Level> {
    let py = given.py();
    let wanted = "\"none\", \"fast\", \"balanced\", \"small\", or 0 to 9";
    let wrong = |_| errors::param(py, "save", "level", given, wanted);
    given.str()?.to_string_lossy().parse().map_err(wrong)
}

/// Computes and writes.
pub(crate) fn save(
    py: Python<'_>,
    lazy: &LazyVolume,
    path: &Path,
    options: SaveOptions,
) -> PyResult<SaveReport> {
    let options = SaveOptions { label: lazy.role() == Role::Label, ..options };
    let report = run(py, || Ok(medio::save(path, &lazy.to_save()?, &options)?))?;
    Ok(SaveReport {
        paths: report.paths,
        bytes: report.bytes,
        dtype: report.dtype.to_string(),
        version: if report.version == Version::Two { 2 } else { 1 },
        max_error: report.max_error,
    })
}
