//! Datalists for Python.

use std::collections::BTreeMap;
use std::path::PathBuf;

use medcore::Role;
use medpipe::{CaseItem, Datalist, ListOptions, Missing};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;

use crate::run::run;
use crate::{errors, json};

/// Patterns, or names in a BIDS dataset, by key.
type Named = Vec<(String, Vec<String>)>;

/// Entries with `id`, paths, points and whatever went through, from what `medoxide.datalist` was given: a path, a list of entries, or patterns, or items of a
/// BIDS dataset below a root.
#[pyfunction]
#[pyo3(signature = (path, entries, pattern, bids, root, section, roles, missing, required))]
#[allow(clippy::too_many_arguments, reason = "the options of medoxide.datalist, by keyword in Python")]
pub(crate) fn _datalist<'py>(
    py: Python<'py>,
    path: Option<PathBuf>,
    entries: Option<&Bound<'py, PyAny>>,
    pattern: Option<Named>,
    bids: Option<Named>,
    root: Option<PathBuf>,
    section: Option<String>,
    roles: BTreeMap<String, Option<String>>,
    missing: &str,
    required: Option<Vec<String>>,
) -> PyResult<Bound<'py, PyList>> {
    let missing: Missing = serde_json::from_value(Value::from(missing)).map_err(|_| {
        let found = format!("{missing:?}");
        errors::param(py, "datalist", "missing", found, "\"error\", \"skip\" or \"keep\"")
    })?;
    let role = |(key, name): (String, Option<String>)| {
        let role = name.as_deref().map(str::parse::<Role>).transpose();
        role.map(|role| (key, role)).map_err(|e| errors::core_exception(py, e))
    };
    let roles = roles.into_iter().map(role).collect::<PyResult<_>>()?;
    let entries = entries.map(|e| json::from_python("datalist", "source", e)).transpose()?;
    let folder = root.clone().unwrap_or_default();
    let options = ListOptions { root, roles, section, missing, required };
    let list = run(py, || match (path, entries, pattern, bids) {
        (Some(path), ..) => Datalist::from_file(path, &options),
        (_, Some(entries), ..) => Datalist::from_entries(&entries, &options),
        (.., Some(named), _) => of_names(&named, |named| Datalist::from_patterns(&folder, named, &options)),
        (.., named) => {
            of_names(&named.unwrap_or_default(), |named| Datalist::from_bids(&folder, named, &options))
        }
    })?;
    let out = PyList::empty(py);
    for case in list.cases {
        let entry = PyDict::new(py);
        entry.set_item("id", case.id)?;
        for (key, item) in case.items {
            match item {
                CaseItem::Files { paths, .. } => match &paths[..] {
                    [one] => entry.set_item(key, one.to_string_lossy())?,
                    several => entry
                        .set_item(key, several.iter().map(|p| p.to_string_lossy()).collect::<Vec<_>>())?,
                },
                CaseItem::Points(points) => entry.set_item(key, points.world)?,
                other => {
                    return Err(errors::unsupported(
                        py,
                        "a datalist",
                        format!("{other:?}"),
                        "update the package",
                    ));
                }
            }
        }
        for (key, value) in &case.passed {
            entry.set_item(key, json::to_python(py, value)?)?;
        }
        out.append(entry)?;
    }
    Ok(out)
}

/// Names by key, borrowed.
fn of_names(
    named: &Named,
    read: impl FnOnce(&[(&str, &[&str])]) -> medpipe::Result<Datalist>,
) -> medpipe::Result<Datalist> {
    let texts: Vec<(&str, Vec<&str>)> =
        named.iter().map(|(key, texts)| (key.as_str(), texts.iter().map(String::as_str).collect())).collect();
    read(&texts.iter().map(|(key, texts)| (*key, &texts[..])).collect::<Vec<_>>())
}

/// Which entries go to which part; see `medpipe::split_indices`.
#[pyfunction]
pub(crate) fn _split_indices(
    py: Python<'_>,
    names: Vec<String>,
    fractions: Vec<f64>,
    seed: u64,
) -> PyResult<Vec<Vec<usize>>> {
    run(py, || medpipe::split_indices(&names, &fractions, seed))
}
