//! From files to volumes, and what to tell about them.

use std::collections::HashSet;
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use medio::checkpoints::{Indexed, Keep};
use medpipe::LazyVolume;
use pyo3::prelude::*;

use crate::given::{index_of, role_of};
use crate::run::run;
use crate::volume::{VolumeCore, wrap};

/// Opens a file lazily: its header is read, its voxels when they are asked for. `role` is image, label or map; `mmap=True` maps an uncompressed
/// file instead of reading it.
///
/// `index` is about .nii.gz files that can only be read from their start: while regions are read, places are noted at which later reads begin.
/// True keeps them in memory, and uses an index file that is there; False does neither; "sidecar" lets the first region read write them to an index beside the
/// file, and a path to one in that folder. `medoxide.index` writes one without reading a region.
#[pyfunction]
#[pyo3(signature = (path, role=None, mmap=false, index=None), text_signature = "(path, role=None, mmap=False, index=True)")]
pub(crate) fn load<'py>(
    py: Python<'py>,
    path: PathBuf,
    role: Option<&str>,
    mmap: bool,
    index: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let given = role_of(py, role)?;
    let kind = given.unwrap_or_default();
    let keep = index_of(py, index)?;
    let open = || match keep {
        _ if mmap => LazyVolume::open_mapped(&path, kind),
        keep => LazyVolume::of_file(medio::open(&path)?.with_checkpoints(keep), kind),
    };
    let lazy = run(py, open)?;
    let axes = lazy.file().map_or(3, |f| f.shape().len().clamp(1, 3));
    warn_once(py, &path, &lazy)?;
    wrap(py, lazy, axes, given.is_some())
}

/// Writes the index of a .nii.gz file that can only be read from its start, so that every process reads regions of it without what lies before:
/// in `folder` if given, else in the folder that the environment variable MEDOXIDE_INDEX_DIR names, else beside the file. Its path; None
/// for files that need none. An index that fits the file is left as it is.
#[pyfunction]
#[pyo3(signature = (path, folder=None))]
pub(crate) fn index(py: Python<'_>, path: PathBuf, folder: Option<PathBuf>) -> PyResult<Option<PathBuf>> {
    run(py, || {
        let file = medio::open(&path)?.with_checkpoints(folder.map_or(Keep::Memory, Keep::Folder));
        let done = file.write_index()?;
        Ok((done != Indexed::NotNeeded).then(|| file.index_path()))
    })
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
