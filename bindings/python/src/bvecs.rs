//! Directions of diffusion gradients.

use pyo3::prelude::*;

use crate::errors::core_exception;
use crate::given::affine_of;

/// Directions on another grid.
#[pyfunction]
pub(crate) fn rotated_bvecs(
    py: Python<'_>,
    vectors: Vec<[f64; 3]>,
    before: Vec<Vec<f64>>,
    after: Vec<Vec<f64>>,
) -> PyResult<Vec<[f64; 3]>> {
    let (before, after) = (affine_of(py, Some(before))?, affine_of(py, Some(after))?);
    medcore::rotated_bvecs(&vectors, &before, &after).map_err(|e| core_exception(py, e))
}
