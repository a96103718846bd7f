//! Kept numbers of whole volumes for Python.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::json;
use crate::run::run;

/// Numbers of whole volumes that are kept, in a folder or in memory; made by `medoxide.records`.
#[pyclass(frozen, eq, module = "medoxide")]
#[derive(PartialEq)]
pub(crate) struct Records(pub(crate) medpipe::Records);

#[pymethods]
impl Records {
    /// The folder, or None for records in memory.
    #[getter]
    fn folder(&self) -> Option<PathBuf> {
        self.0.dir().map(std::path::Path::to_path_buf)
    }

    /// What this process holds in memory (files, measurements, bytes), and what it did: known (times that numbers were there), measured, remeasured (records that were
    /// damaged or of another content), not_recorded (numbers that could not be written).
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let s = py.detach(|| self.0.stats());
        let out = PyDict::new(py);
        for (name, n) in [
            ("known", s.known),
            ("measured", s.measured),
            ("remeasured", s.remeasured),
            ("not_recorded", s.not_recorded),
            ("files", s.files),
            ("measurements", s.measurements),
            ("bytes", s.bytes),
        ] {
            out.set_item(name, n)?;
        }
        Ok(out)
    }

    /// Forgets all numbers, those in the folder too.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.0.clear())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let s = py.detach(|| self.0.stats());
        format!("<{:?}: {} measurements of {} files in memory>", self.0, s.measurements, s.files)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let again = py.import("medoxide._medoxide")?.getattr("_records_from_state")?;
        Ok((again, PyTuple::new(py, [json::to_python(py, &self.0.to_value())?])?))
    }
}

/// Keeps what pipelines measure of whole volumes (means, percentiles, boxes): measured at a file's first visit, looked up from then on.
///
/// Pass it to a pipeline, `pipe(x, records=records)`: results are the same, and a patch of a normalised volume reads its own region only.
///
/// Parameters
/// ----------
/// folder : path, optional
///     Where numbers are kept, one small file for each volume file; made if it is not there. Any number of
///     processes may share it. Without it they are kept in this process's memory.
#[pyfunction]
#[pyo3(signature = (folder=None))]
pub(crate) fn records(py: Python<'_>, folder: Option<PathBuf>) -> PyResult<Records> {
    run(py, || folder.map_or_else(|| Ok(medpipe::Records::in_memory()), medpipe::Records::on_disk))
        .map(Records)
}

/// Records from their state.
#[pyfunction]
#[pyo3(name = "_records_from_state")]
pub(crate) fn records_from_state(py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<Records> {
    let state = json::from_python("pickle", "records", state)?;
    run(py, || medpipe::Records::from_value(&state)).map(Records)
}
