//! From Rust's errors to Python's: each kind of error to one class of `medoxide.errors`.

use std::io;

use medpipe::Error;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::function::Raised;

/// An exception's class, text and attributes.
struct Described {
    class: &'static str,
    text: String,
    fields: Vec<(&'static str, Field)>,
}

enum Field {
    Text(String),
    Number(u64),
}

impl From<&String> for Field {
    fn from(v: &String) -> Field {
        Field::Text(v.clone())
    }
}

impl From<&std::path::PathBuf> for Field {
    fn from(v: &std::path::PathBuf) -> Field {
        Field::Text(v.to_string_lossy().into_owned())
    }
}

impl From<u64> for Field {
    fn from(v: u64) -> Field {
        Field::Number(v)
    }
}

/// The exception for an error.
pub(crate) fn exception(py: Python<'_>, e: &Error) -> PyErr {
    match raised(e) {
        Some(raised) => raised.again(py),
        None => raise(py, described(e)),
    }
}

/// What a function of the caller raised, if it was that.
fn raised(e: &Error) -> Option<&Raised> {
    fn of_core(e: &medcore::Error) -> Option<&Raised> {
        match e {
            medcore::Error::At { cause, .. } => of_core(cause),
            medcore::Error::Source(e) => {
                e.downcast_ref().or_else(|| e.downcast_ref::<Error>().and_then(raised))
            }
            _ => None,
        }
    }
    match e {
        Error::Core(e) => of_core(e),
        Error::Case { cause, .. } | Error::Patch { cause, .. } => raised(cause),
        _ => None,
    }
}

/// The exception for an error of the nouns.
pub(crate) fn core_exception(py: Python<'_>, e: medcore::Error) -> PyErr {
    raise(py, of_core(&e))
}

/// The exception for a panic.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    let text = format!("a fault in medoxide: {message}");
    raise(py, Described { class: "InternalError", text, fields: vec![] })
}

/// A `ParamError` of the bindings themselves.
pub(crate) fn param(
    py: Python<'_>,
    function: &str,
    name: &str,
    found: impl ToString,
    expected: &str,
) -> PyErr {
    core_exception(py, medcore::Error::param(function, name, found.to_string(), expected))
}

/// A `ShapeError` of the bindings themselves.
pub(crate) fn shape(py: Python<'_>, what: &str, found: impl ToString, expected: impl ToString) -> PyErr {
    core_exception(py, medcore::Error::shape(what, found.to_string(), expected.to_string()))
}

/// An `UnsupportedError` of the bindings themselves.
pub(crate) fn unsupported(py: Python<'_>, what: &str, found: impl ToString, hint: &str) -> PyErr {
    let (what, found, hint) = (what.into(), found.to_string(), hint.into());
    core_exception(py, medcore::Error::Unsupported { what, found, hint })
}

fn raise(py: Python<'_>, d: Described) -> PyErr {
    build(py, d).unwrap_or_else(|failed| failed)
}

fn build(py: Python<'_>, d: Described) -> PyResult<PyErr> {
    let class = py.import("medoxide.errors")?.getattr(d.class)?.cast_into::<PyType>()?;
    let fields = PyDict::new(py);
    for (name, value) in d.fields {
        match value {
            Field::Text(v) => fields.set_item(name, v)?,
            Field::Number(v) => fields.set_item(name, v)?,
        }
    }
    Ok(PyErr::from_value(class.call((d.text,), Some(&fields))?))
}

fn described(e: &Error) -> Described {
    match e {
        Error::Core(e) => of_core(e),
        Error::File(e) => of_file(e),
        Error::Spec { file, place, found, expected } => {
            let mut fields: Vec<(&str, Field)> =
                vec![("place", place.into()), ("found", found.into()), ("expected", expected.into())];
            if let Some(file) = file {
                fields.push(("path", file.into()));
            }
            // "..., clamp: min" names the transform and the parameter.
            if let Some((transform, name)) = place.rsplit(", ").next().and_then(|p| p.split_once(": ")) {
                fields.push(("transform", (&transform.to_owned()).into()));
                fields.push(("name", (&name.to_owned()).into()));
            }
            Described { class: "ParamError", text: e.to_string(), fields }
        }
        Error::Case { id, item, cause } => {
            let mut d = described(cause);
            d.text = e.to_string();
            d.fields.extend([("case", id.into()), ("key", item.into())]);
            d
        }
        Error::Patch { id, patch, cause } => {
            let mut d = described(cause);
            d.text = e.to_string();
            d.fields.retain(|f| f.0 != "case");
            d.fields.extend([("case", id.into()), ("patch", (*patch as u64).into())]);
            d
        }
        Error::Panic { message } => Described {
            class: "InternalError",
            text: format!("a fault in medoxide: {message}"),
            fields: vec![],
        },
        other => Described { class: "MedoxideError", text: other.to_string(), fields: vec![] },
    }
}

fn of_core(e: &medcore::Error) -> Described {
    use medcore::Error as E;
    let text = e.to_string();
    match e {
        E::Shape { what, found, expected } => Described {
            class: "ShapeError",
            text,
            fields: vec![("what", what.into()), ("found", found.into()), ("expected", expected.into())],
        },
        E::Param { transform, name, found, wanted } => Described {
            class: "ParamError",
            text,
            fields: vec![
                ("transform", transform.into()),
                ("name", name.into()),
                ("found", found.into()),
                ("expected", wanted.into()),
            ],
        },
        E::Unsupported { what, found, hint } => Described {
            class: "UnsupportedError",
            text,
            fields: vec![("what", what.into()), ("found", found.into()), ("hint", hint.into())],
        },
        E::Limit { what, asked, allowed } => Described {
            class: "LimitError",
            text,
            fields: vec![("what", what.into()), ("asked", (*asked).into()), ("allowed", (*allowed).into())],
        },
        E::Data { what, found, hint } => Described {
            class: "DataError",
            text,
            fields: vec![("what", what.into()), ("found", found.into()), ("hint", hint.into())],
        },
        E::Source(source) => match (source.downcast_ref::<medio::Error>(), source.downcast_ref::<Error>()) {
            (Some(e), _) => of_file(e),
            (_, Some(e)) => described(e),
            _ => Described { class: "MedoxideError", text, fields: vec![] },
        },
        E::At { position, name, cause } => {
            let mut d = of_core(cause);
            d.text = text;
            d.fields.push(("step", (*position as u64).into()));
            if !d.fields.iter().any(|f| f.0 == "transform") {
                d.fields.push(("transform", name.into()));
            }
            d
        }
        _ => Described { class: "MedoxideError", text, fields: vec![] },
    }
}

fn of_file(e: &medio::Error) -> Described {
    use medio::Error as E;
    let text = e.to_string();
    match e {
        E::Io { path, source } => {
            let class =
                if source.kind() == io::ErrorKind::NotFound { "MissingFileError" } else { "FileError" };
            let mut fields = vec![("path", path.into())];
            if let Some(code) = source.raw_os_error() {
                fields.push(("errno", (code as u64).into()));
            }
            Described { class, text, fields }
        }
        E::Format { path, field, found, expected } => Described {
            class: "FormatError",
            text,
            fields: vec![
                ("path", path.into()),
                ("field", field.into()),
                ("found", found.into()),
                ("expected", expected.into()),
            ],
        },
        E::Unsupported { path, what, hint } => Described {
            class: "UnsupportedError",
            text,
            fields: vec![("path", path.into()), ("what", what.into()), ("hint", hint.into())],
        },
        E::Shape { path, what, found, expected } => Described {
            class: "ShapeError",
            text,
            fields: vec![
                ("path", path.into()),
                ("what", what.into()),
                ("found", found.into()),
                ("expected", expected.into()),
            ],
        },
        E::Param { name, found, wanted } => Described {
            class: "ParamError",
            text,
            fields: vec![("name", name.into()), ("found", found.into()), ("expected", wanted.into())],
        },
        E::Limit { path, what, asked, allowed } => Described {
            class: "LimitError",
            text,
            fields: vec![
                ("path", path.into()),
                ("what", what.into()),
                ("asked", (*asked).into()),
                ("allowed", (*allowed).into()),
            ],
        },
        E::Changed { path, found, expected } => Described {
            class: "ChangedFileError",
            text,
            fields: vec![("path", path.into()), ("found", found.into()), ("expected", expected.into())],
        },
        _ => Described { class: "MedoxideError", text, fields: vec![] },
    }
}
