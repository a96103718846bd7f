//! Python values as JSON, for parameters.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};
use serde_json::{Map, Number, Value, json};

use crate::errors;
use crate::run::run;
use crate::volume::VolumeCore;

/// A parameter's value: numbers, text, lists and dicts of them, NumPy's scalars, arrays and dtypes, paths, grids of volumes.
pub(crate) fn from_python(transform: &str, name: &str, v: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = v.py();
    let nested = |v: &Bound<'_, PyAny>| from_python(transform, name, v);
    if v.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(b) = v.cast::<PyBool>() {
        return Ok(b.is_true().into());
    }
    if v.is_instance_of::<PyInt>() {
        if let Ok(n) = v.extract::<i64>() {
            return Ok(n.into());
        }
        return match v.extract::<u64>() {
            Ok(n) => Ok(n.into()),
            Err(_) => Err(errors::param(py, transform, name, v, "a whole number of 64 bits")),
        };
    }
    if v.is_instance_of::<PyFloat>() {
        let n: f64 = v.extract()?;
        let finite = || errors::param(py, transform, name, n, "a finite number");
        return Ok(Value::Number(Number::from_f64(n).ok_or_else(finite)?));
    }
    if let Ok(s) = v.cast::<PyString>() {
        return Ok(s.to_cow()?.into_owned().into());
    }
    if let Ok(list) = v.cast::<PyList>() {
        return list.iter().map(|x| nested(&x)).collect();
    }
    if let Ok(tuple) = v.cast::<PyTuple>() {
        return tuple.iter().map(|x| nested(&x)).collect();
    }
    if let Ok(dict) = v.cast::<PyDict>() {
        let mut map = Map::new();
        for (key, value) in dict {
            map.insert(key.str()?.to_cow()?.into_owned(), nested(&value)?);
        }
        return Ok(Value::Object(map));
    }
    // A volume that is a parameter stands for its grid.
    if let Ok(volume) = v.cast::<VolumeCore>() {
        let volume = volume.get();
        let grid = run(py, || volume.lazy.facts())?.grid;
        let [x, y, z] = grid.affine.rows;
        return Ok(json!({ "shape": grid.shape, "affine": [x, y, z, [0.0, 0.0, 0.0, 1.0]] }));
    }
    let dtype = v.is_instance_of::<PyType>() || v.is_instance_of::<numpy::PyArrayDescr>();
    // NumPy's scalars and arrays (and torch's) say what they are as Python values.
    if !dtype && v.hasattr("tolist")? {
        return nested(&v.call_method0("tolist")?);
    }
    if dtype {
        return Ok(numpy::PyArrayDescr::new(py, v)?.getattr("name")?.extract::<String>()?.into());
    }
    if v.hasattr("__fspath__")? {
        return nested(&v.call_method0("__fspath__")?);
    }
    Err(errors::param(py, transform, name, v.repr()?, "a number, a text, or a list or dict of them"))
}

/// JSON as Python values.
pub(crate) fn to_python<'py>(py: Python<'py>, v: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match v {
        Value::Null => py.None().into_bound(py),
        Value::Bool(b) => PyBool::new(py, *b).to_owned().into_any(),
        Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(i), _) => i.into_pyobject(py)?.into_any(),
            (None, Some(u)) => u.into_pyobject(py)?.into_any(),
            _ => PyFloat::new(py, n.as_f64().unwrap_or(f64::NAN)).into_any(),
        },
        Value::String(s) => PyString::new(py, s).into_any(),
        Value::Array(a) => {
            let list = PyList::empty(py);
            for x in a {
                list.append(to_python(py, x)?)?;
            }
            list.into_any()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, value) in map {
                dict.set_item(key, to_python(py, value)?)?;
            }
            dict.into_any()
        }
    })
}
