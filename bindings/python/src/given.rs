//! What callers give: roles, affines, dtypes.

use std::path::PathBuf;

use medcore::{Affine, DType, Role};
use medio::checkpoints::Keep;
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use crate::{array, errors};

/// A role by name.
pub(crate) fn role_of(py: Python<'_>, name: Option<&str>) -> PyResult<Option<Role>> {
    let Some(name) = name else { return Ok(None) };
    match name.parse::<Role>() {
        Ok(role) if role != Role::Points => Ok(Some(role)),
        _ => Err(errors::param(py, "volume", "role", format!("{name:?}"), "image, label or map")),
    }
}

/// Where checkpoints are kept: True, False, "sidecar", or a folder.
pub(crate) fn index_of(py: Python<'_>, index: Option<&Bound<'_, PyAny>>) -> PyResult<Keep> {
    let Some(index) = index else { return Ok(Keep::default()) };
    if index.is_none() {
        return Ok(Keep::Auto);
    }
    if let Ok(on) = index.extract::<bool>() {
        return Ok(on.into());
    }
    if index.cast::<PyString>().is_ok_and(|s| s.to_cow().is_ok_and(|s| s == "sidecar")) {
        return Ok(Keep::Beside);
    }
    match index.extract::<PathBuf>() {
        Ok(folder) if !folder.as_os_str().is_empty() => Ok(Keep::Folder(folder)),
        _ => Err(errors::param(py, "load", "index", index.repr()?, "True, False, \"sidecar\" or a folder")),
    }
}

/// The same for Python.
pub(crate) fn index_to(py: Python<'_>, keep: &Keep) -> PyResult<Py<PyAny>> {
    Ok(match keep {
        Keep::Off => PyBool::new(py, false).to_owned().into_any().unbind(),
        Keep::Memory | Keep::Auto => PyBool::new(py, true).to_owned().into_any().unbind(),
        Keep::Beside => PyString::new(py, "sidecar").into_any().unbind(),
        Keep::Folder(folder) => folder.into_pyobject(py)?.into_any().unbind(),
    })
}

/// An affine from a 4 x 4 list of lists.
pub(crate) fn affine_of(py: Python<'_>, rows: Option<Vec<Vec<f64>>>) -> PyResult<Affine> {
    let Some(rows) = rows else { return Ok(Affine::IDENTITY) };
    let wrong = |found: String| {
        errors::param(py, "volume", "affine", found, "a finite 4 x 4 matrix with last row 0 0 0 1")
    };
    if rows.len() != 4 || rows.iter().any(|r| r.len() != 4) {
        return Err(wrong(format!(
            "{} rows of {:?}",
            rows.len(),
            rows.iter().map(Vec::len).collect::<Vec<_>>()
        )));
    }
    let mut out = Affine::IDENTITY;
    for (to, from) in out.rows.iter_mut().zip(&rows) {
        to.copy_from_slice(from);
    }
    if !out.is_finite() || rows[3] != [0.0, 0.0, 0.0, 1.0] {
        return Err(wrong(format!("{rows:?}")));
    }
    Ok(out)
}

/// The dtype that a caller asked for.
pub(crate) fn dtype_asked(dtype: Option<&Bound<'_, PyAny>>) -> PyResult<Option<DType>> {
    let Some(dtype) = dtype else { return Ok(None) };
    if let Ok(name) = dtype.cast::<PyString>()
        && name.to_cow()? == "bfloat16"
    {
        return Ok(Some(DType::BF16));
    }
    array::dtype_of(&PyArrayDescr::new(dtype.py(), dtype)?).map(Some)
}

/// Converts to what was asked for where the computed dtype is only its kin: bool, or another byte order.
pub(crate) fn exactly<'py>(
    array: Bound<'py, PyAny>,
    dtype: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(dtype) = dtype else { return Ok(array) };
    let descr = PyArrayDescr::new(dtype.py(), dtype)?;
    if array.cast::<PyUntypedArray>()?.dtype().is_equiv_to(&descr) {
        return Ok(array);
    }
    array.call_method1("astype", (descr,))
}
