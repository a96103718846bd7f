//! Landmarks of histogram standardisation.

use std::path::PathBuf;

use medpipe::{LandmarkOptions, Landmarks};
use pyo3::prelude::*;

use crate::errors;
use crate::json::from_python;
use crate::run::run;

/// Landmarks of images, written to a file if one is given.
#[pyfunction]
pub(crate) fn landmarks(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    cutoff: [f64; 2],
    mask: &Bound<'_, PyAny>,
    masks: Vec<PathBuf>,
    save: Option<PathBuf>,
) -> PyResult<Vec<f64>> {
    let wanted = "all, nonzero, above_mean, or {\"above\": a number}";
    let mask = serde_json::from_value(from_python("train_landmarks", "mask", mask)?)
        .map_err(|_| errors::param(py, "train_landmarks", "mask", mask.to_string(), wanted))?;
    run(py, || {
        let made = Landmarks::train(&paths, &LandmarkOptions { cutoff, mask, masks })?;
        save.map_or(Ok(()), |path| made.save(path))?;
        Ok(made.values)
    })
}
