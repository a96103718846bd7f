//! Volumes written into an array of the caller's.

use medcore::DType;
use medpipe::LazyVolume;
use numpy::PyReadwriteArray1;
use pyo3::prelude::*;

use crate::errors;
use crate::run::run;
use crate::volume::VolumeCore;

/// Writes volumes of one shape behind each other into the bytes of a C-contiguous (N, C, X, Y, Z) array.
#[pyfunction]
#[pyo3(name = "_compute_rows", signature = (volumes, dtype, out, threads=None))]
pub(crate) fn compute_rows(
    py: Python<'_>,
    volumes: Vec<PyRef<'_, VolumeCore>>,
    dtype: &str,
    mut out: PyReadwriteArray1<'_, u8>,
    threads: Option<usize>,
) -> PyResult<()> {
    let asked = dtype.parse::<DType>();
    let dtype = asked.map_err(|e| errors::param(py, "batch", "dtype", format!("{dtype:?}"), &e))?;
    let lazy: Vec<LazyVolume> = volumes.iter().map(|v| v.lazy.clone()).collect();
    let bytes = out.as_slice_mut()?;
    run(py, || medpipe::compute_rows(&lazy, dtype, bytes, threads))
}
