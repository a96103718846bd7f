//! Prediction window by window.

use medcore::Role;
use medpipe::{Importance, LazyVolume, Reduce, Stitcher, WindowRule, Windows};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors;
use crate::run::run;
use crate::volume::{VolumeCore, wrap};

const WHO: &str = "sliding windows";

/// The native part of `medoxide.SlidingWindow`.
#[pyclass(module = "medoxide._medoxide")]
pub(crate) struct SlidingCore {
    windows: Windows,
    role: Role,
    stitcher: Option<Stitcher>,
}

/// A choice by its name.
fn choice<T: DeserializeOwned>(py: Python<'_>, name: &str, given: &str, known: &str) -> PyResult<T> {
    serde_json::from_value(Value::from(given))
        .map_err(|_| errors::param(py, WHO, name, format!("{given:?}"), known))
}

#[pymethods]
impl SlidingCore {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "the options of the Python class")]
    fn new(
        py: Python<'_>,
        volume: &VolumeCore,
        window: [usize; 3],
        overlap: [f64; 3],
        rule: &str,
        importance: &str,
        reduce: &str,
        threshold: f64,
        onto: Option<&VolumeCore>,
        scratch: Option<std::path::PathBuf>,
    ) -> PyResult<SlidingCore> {
        let rule: WindowRule = choice(py, "rule", rule, "\"monai\", \"nnunet\" or \"torchio\"")?;
        let importance: Importance =
            choice(py, "importance", importance, "\"constant\", \"gaussian\" or \"hann\"")?;
        let (reduce, role) = match reduce {
            "argmax" => (Reduce::Argmax, Role::Label),
            "threshold" => (Reduce::Threshold(threshold), Role::Label),
            "mean" => (Reduce::Mean, Role::Map),
            other => {
                let found = format!("{other:?}");
                return Err(errors::param(py, WHO, "reduce", found, "\"argmax\", \"threshold\" or \"mean\""));
            }
        };
        run(py, || {
            let grid = volume.lazy.facts()?.grid;
            let windows = Windows::new(&grid, window, overlap, rule)?;
            let onto = onto.map_or(Ok(grid), |o| o.lazy.facts().map(|f| f.grid))?;
            let mut stitcher = Stitcher::new(windows.clone(), importance, reduce, &onto)?;
            if let Some(folder) = scratch {
                stitcher = stitcher.on_disk(folder);
            }
            Ok(SlidingCore { windows, role, stitcher: Some(stitcher) })
        })
    }

    fn __len__(&self) -> usize {
        self.windows.len()
    }

    /// Voxels to be added before and after each axis.
    fn padding(&self) -> [[usize; 2]; 3] {
        self.windows.padding()
    }

    /// First voxel of a window in the padded volume, and one past its last.
    fn window(&self, py: Python<'_>, index: usize) -> PyResult<[[usize; 3]; 2]> {
        if index >= self.windows.len() {
            return Err(errors::shape(
                py,
                WHO,
                format!("window {index}"),
                format!("0 to {}", self.windows.len()),
            ));
        }
        let window = self.windows.get(index);
        Ok([window.start, window.end()])
    }

    /// Adds the prediction of the next window: its channels are classes.
    fn add(&mut self, py: Python<'_>, prediction: &VolumeCore) -> PyResult<()> {
        let Some(stitcher) = &mut self.stitcher else {
            return Err(errors::shape(py, WHO, "another prediction", "none after the result was taken"));
        };
        run(py, || stitcher.add(&prediction.lazy.compute()?))
    }

    /// The result.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(stitcher) = self.stitcher.take() else {
            return Err(errors::shape(py, WHO, "a second result", "the one that was given"));
        };
        let (made, role) = (run(py, || stitcher.finish())?, self.role);
        let lazy = run(py, || LazyVolume::from_volume_as(made, role))?;
        wrap(py, lazy, 3, true)
    }
}
