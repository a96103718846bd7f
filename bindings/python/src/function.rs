//! Functions of Python in a pipeline.
//!
//! Such a function is called where values are computed, and the interpreter lock is held for the call alone: what it gives is copied and converted without.

use std::fmt;
use std::sync::Arc;

use medcore::{Item, Points, Role, Sample, Value, Volume};
use medpipe::{Call, Function, LazyVolume};
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::array::{self, View};
use crate::pipeline::{Given, points};
use crate::values::copied;

/// The Python side of a function: an object whose methods `volume` and `sample` take and give what crosses the border.
pub(crate) type Bridge = Arc<Py<PyAny>>;

/// The function of a bridge, under its name.
pub(crate) fn of_bridge(bridge: &Bridge, label: &str, whole_sample: bool) -> Function {
    let (bridge, label) = (Arc::clone(bridge), Arc::<str>::from(label));
    if whole_sample {
        Function::Sample(Arc::new(move |sample, call| {
            let (bridge, seed) = (Arc::clone(&bridge), call.key.bits());
            let made = called(&label, call, move |py| of_sample(py, &bridge, sample, seed))?;
            let items = made.into_iter().map(|(name, made)| computed(name, made));
            Ok(Sample { items: items.collect::<medcore::Result<_>>()? })
        }))
    } else {
        Function::Volume(Arc::new(move |volume, call| {
            let (bridge, seed) = (Arc::clone(&bridge), call.key.bits());
            called(&label, call, move |py| of_volume(py, &bridge, volume, seed))?.compute().map_err(source)
        }))
    }
}

/// What a function gives for an item of a sample.
enum Made {
    Volume(LazyVolume),
    Points(Points),
}

fn computed(name: String, made: Made) -> medcore::Result<Item> {
    Ok(match made {
        Made::Volume(v) => {
            let (role, value) = (v.role(), Value::Volume(v.compute().map_err(source)?));
            Item { name, role, value }
        }
        Made::Points(p) => Item { name, role: Role::Points, value: Value::Points(p) },
    })
}

/// An error of a pipeline as one of the nouns.
fn source(e: medpipe::Error) -> medcore::Error {
    match e {
        medpipe::Error::Core(e) => e,
        e => medcore::Error::Source(Arc::new(e)),
    }
}

/// Calls Python; an exception says from which function it comes.
fn called<T: Send + 'static>(
    label: &str,
    call: &Call,
    work: impl FnOnce(Python<'_>) -> PyResult<T> + Send + 'static,
) -> medcore::Result<T> {
    let place = match &call.item {
        Some(item) => format!("in {label}, on item {item:?}"),
        None => format!("in {label}"),
    };
    let made =
        medpipe::on_host(move || Python::attach(|py| work(py).map_err(|e| Raised::of(py, e, &place))))?;
    made.map_err(|raised| medcore::Error::Source(Arc::new(raised)))
}

/// A volume's values as a writable array of the function's own.
fn values(py: Python<'_>, mut volume: Volume) -> PyResult<Bound<'_, PyAny>> {
    if volume.bytes_mut().is_none() {
        volume = copied(&volume).map_err(|e| crate::errors::exception(py, &e))?;
    }
    array::view(py, volume, 3, View::SpaceFirst, true)
}

fn of_volume(py: Python<'_>, bridge: &Bridge, volume: Volume, seed: u64) -> PyResult<LazyVolume> {
    let made: Given<'_> = bridge.bind(py).call_method1("volume", (values(py, volume)?, seed))?.extract()?;
    match made {
        Given::Volume(v) => Ok(v.lazy.clone()),
        Given::Points(_) => Err(crate::errors::internal(py, "a function gave points for a volume")),
    }
}

fn of_sample(py: Python<'_>, bridge: &Bridge, sample: Sample, seed: u64) -> PyResult<Vec<(String, Made)>> {
    let items = PyList::empty(py);
    for item in sample.items {
        let role = item.role.to_string();
        match item.value {
            Value::Volume(v) => {
                let affine = v.grid().affine.to_4x4();
                items.append((item.name, role, values(py, v)?, affine))?;
            }
            Value::Points(p) => items.append((item.name, role, points(py, &p)?, py.None()))?,
            _ => {}
        }
    }
    let made = bridge.bind(py).call_method1("sample", (items, seed))?;
    let made: Vec<(String, Given<'_>)> = made.extract()?;
    let of = |(name, given)| match given {
        Given::Volume(v) => (name, Made::Volume(v.lazy.clone())),
        Given::Points(world) => (name, Made::Points(Points { world })),
    };
    Ok(made.into_iter().map(of).collect())
}

/// What a function raised.
pub(crate) struct Raised {
    error: PyErr,
    text: String,
}

impl Raised {
    fn of(py: Python<'_>, error: PyErr, place: &str) -> Raised {
        let text = format!("{place}: {error}");
        let error = if error.is_instance_of::<PyStopIteration>(py) {
            // It would end an iteration over batches as if there were no more.
            let told = PyRuntimeError::new_err("a function raised StopIteration");
            told.set_cause(py, Some(error));
            told
        } else {
            error
        };
        note(py, &error, place);
        Raised { error, text }
    }

    /// The exception itself.
    pub(crate) fn again(&self, py: Python<'_>) -> PyErr {
        self.error.clone_ref(py)
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Raised {}

/// Adds to an exception where it happened; before Python 3.11 there is no place for it.
pub(crate) fn note(py: Python<'_>, error: &PyErr, text: &str) {
    if let Ok(add) = error.value(py).getattr("add_note") {
        // An exception without notes is still the exception.
        let _ = add.call1((text,));
    }
}
