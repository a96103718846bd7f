//! Caches of decoded volumes for Python.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::open::warn;
use crate::run::run;
use crate::{errors, json};

/// Decoded volumes that are kept, on disk or in memory; made by `medoxide.cache`.
#[pyclass(frozen, eq, module = "medoxide")]
#[derive(PartialEq)]
pub(crate) struct Cache(pub(crate) medpipe::Cache);

#[pymethods]
impl Cache {
    /// The folder, or None for a cache in memory.
    #[getter]
    fn dir(&self) -> Option<PathBuf> {
        self.0.dir().map(std::path::Path::to_path_buf)
    }

    /// The most bytes that entries may take.
    #[getter]
    fn max_bytes(&self) -> u64 {
        self.0.max_bytes()
    }

    /// Bytes of the entries now.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.stats().bytes)
    }

    /// What it holds (entries, bytes), and what this process did with it: hits, misses, rebuilt (entries that were damaged), evicted, not_kept (results
    /// larger than the cache, or refused by the system).
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let s = py.detach(|| self.0.stats());
        let out = PyDict::new(py);
        for (name, n) in [
            ("hits", s.hits),
            ("misses", s.misses),
            ("rebuilt", s.rebuilt),
            ("evicted", s.evicted),
            ("not_kept", s.not_kept),
            ("entries", s.entries),
            ("bytes", s.bytes),
        ] {
            out.set_item(name, n)?;
        }
        Ok(out)
    }

    /// Removes all entries.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.0.clear())
    }

    /// Number of entries.
    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.0.stats().entries as usize)
    }

    /// A cache is one, also while it is empty.
    #[allow(clippy::unused_self, reason = "Python asks an instance")]
    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let s = py.detach(|| self.0.stats());
        format!("<{:?}: {} entries of {} bytes>", self.0, s.entries, s.bytes)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let again = py.import("medoxide._medoxide")?.getattr("_cache_from_state")?;
        Ok((again, PyTuple::new(py, [json::to_python(py, &self.0.to_value())?])?))
    }
}

const BYTES: &str = "a number of bytes, or a text such as \"20 GB\"";

/// A number of bytes, or a text that says it.
pub(crate) fn bytes_of(py: Python<'_>, who: &str, name: &str, given: &Bound<'_, PyAny>) -> PyResult<u64> {
    match given.cast::<PyString>() {
        Ok(text) => {
            let text = text.to_cow()?;
            run(py, || medpipe::Cache::parse_bytes(&text))
        }
        Err(_) => given.extract::<u64>().map_err(|_| errors::param(py, who, name, given, BYTES)),
    }
}

/// A cache of decoded volumes; see `medoxide.cache`.
#[pyfunction]
#[pyo3(signature = (dir=None, max_bytes=None))]
pub(crate) fn cache(
    py: Python<'_>,
    dir: Option<PathBuf>,
    max_bytes: Option<&Bound<'_, PyAny>>,
) -> PyResult<Cache> {
    let given = max_bytes.ok_or_else(|| errors::param(py, "cache", "max_bytes", "not given", BYTES))?;
    let bytes = bytes_of(py, "cache", "max_bytes", given)?;
    run(py, || match dir {
        Some(dir) => medpipe::Cache::on_disk(dir, bytes),
        None => Ok(medpipe::Cache::in_memory(bytes)),
    })
    .map(Cache)
}

/// A cache from its state.
#[pyfunction]
#[pyo3(name = "_cache_from_state")]
pub(crate) fn cache_from_state(py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<Cache> {
    let state = json::from_python("pickle", "cache", state)?;
    run(py, || medpipe::Cache::from_value(&state)).map(Cache)
}

/// Tells what befell entries since this was last asked.
pub(crate) fn tell(py: Python<'_>) -> PyResult<()> {
    medpipe::notices().iter().try_for_each(|n| warn(py, "CacheWarning", &n.to_string(), 1))
}
