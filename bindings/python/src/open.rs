//! From files to volumes, and what to tell about them.

use std::collections::HashSet;
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use medpipe::LazyVolume;
use pyo3::prelude::*;

use crate::given::role_of;
use crate::run::run;
use crate::volume::{VolumeCore, wrap};

/// Opens a file lazily; see `medoxide.load`.
#[pyfunction]
#[pyo3(signature = (path, role=None, mmap=false))]
pub(crate) fn load<'py>(
    py: Python<'py>,
    path: PathBuf,
    role: Option<&str>,
    mmap: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let given = role_of(py, role)?;
    let kind = given.unwrap_or_default();
    let lazy =
        run(
            py,
            || if mmap { LazyVolume::open_mapped(&path, kind) } else { LazyVolume::open_as(&path, kind) },
        )?;
    let axes = lazy.file().map_or(3, |f| f.shape().len().clamp(1, 3));
    warn_once(py, &path, &lazy)?;
    wrap(py, lazy, axes, given.is_some())
}

/// Several volumes of one grid as channels of one.
#[pyfunction]
pub(crate) fn stack<'py>(
    py: Python<'py>,
    volumes: Vec<PyRef<'py, VolumeCore>>,
) -> PyResult<Bound<'py, PyAny>> {
    let list: Vec<LazyVolume> = volumes.iter().map(|v| v.lazy.clone()).collect();
    let lazy = run(py, || LazyVolume::stack(&list))?;
    let given = volumes.iter().any(|v| v.role_given);
    wrap(py, lazy, 3, given)
}

/// What a reader tolerated, told once for each file.
fn warn_once(py: Python<'_>, path: &PathBuf, lazy: &LazyVolume) -> PyResult<()> {
    /// More files than a person will read warnings of.
    const REMEMBERED: usize = 4096;
    static TOLD: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    if lazy.meta().warnings.is_empty() {
        return Ok(());
    }
    {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get_or_insert_default();
        if told.contains(path) || (told.len() < REMEMBERED && !told.insert(path.clone())) {
            return Ok(());
        }
    }
    for text in &lazy.meta().warnings {
        warn(py, "HeaderWarning", &format!("{}: {text}", path.display()), 2)?;
    }
    Ok(())
}

/// A warning of a class of `medoxide.errors`.
pub(crate) fn warn(py: Python<'_>, class: &str, text: &str, level: i32) -> PyResult<()> {
    let class = py.import("medoxide.errors")?.getattr(class)?;
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    PyErr::warn(py, &class, &text, level)
}
