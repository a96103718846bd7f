//! One entry of a datalist: what is a file, what a number, what a name.

use std::path::{Path, PathBuf};

use medcore::{Points, Role};
use serde_json::{Map, Value};

use super::{Case, CaseItem, Datalist, ListOptions};
use crate::{Error, Result};

/// Endings of volumes' files: a text that has one is not passed through as a text.
const VOLUMES: [&str; 10] =
    [".nii", ".nii.gz", ".hdr", ".img", ".mgh", ".mgz", ".mha", ".mhd", ".nrrd", ".dcm"];

/// Keys whose value names the case, the first one first.
const NAMES: [&str; 3] = ["id", "case", "subject"];

/// Where a list of entries stands, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) file: Option<&'a Path>,
    /// The list of the file, if it has several.
    pub(super) section: Option<&'a str>,
}

impl Place<'_> {
    pub(super) fn wrong(
        &self,
        entry: Option<usize>,
        key: Option<&str>,
        found: impl ToString,
        expected: impl ToString,
    ) -> Error {
        let parts = [
            self.section.map(str::to_owned),
            entry.map(|n| format!("entry {n}")),
            key.map(|k| format!("{k:?}")),
        ];
        let place: Vec<String> = parts.into_iter().flatten().collect();
        let place = if place.is_empty() { "datalist".into() } else { place.join(", ") };
        let (found, expected) = (found.to_string(), expected.to_string());
        Error::Spec { file: self.file.map(Path::to_path_buf), place, found, expected }
    }
}

impl Datalist {
    /// From a list of entries: each a map of names to a path, a list of paths of one grid that become channels, points
    /// `[[x, y, z], ...]` in world millimetres, or anything else that goes through.
    ///
    /// # Errors
    /// [`Error::Spec`] with the entry, from 1, and the key; [`medio::Error::Io`] inside [`Error::Case`] for files that are not there.
    pub fn from_entries(entries: &Value, options: &ListOptions) -> Result<Datalist> {
        of_entries(entries, Place { file: None, section: None }, options)
    }
}

pub(super) fn of_entries(entries: &Value, place: Place<'_>, options: &ListOptions) -> Result<Datalist> {
    let wrong = |n, found: &Value| place.wrong(n, None, shortened(found), "a map of names to files");
    let list =
        entries.as_array().ok_or_else(|| place.wrong(None, None, shortened(entries), "a list of maps"))?;
    let root = options.root.clone().unwrap_or_default();
    let mut cases = vec![];
    for (n, entry) in list.iter().enumerate() {
        let entry = entry.as_object().ok_or_else(|| wrong(Some(n + 1), entry))?;
        cases.push(of_entry(entry, &root, n + 1, place, options)?);
    }
    Datalist::settled(cases, &root, place, options)
}

fn of_entry(
    entry: &Map<String, Value>,
    root: &Path,
    n: usize,
    place: Place<'_>,
    options: &ListOptions,
) -> Result<Case> {
    let mut case = Case::new(name(entry));
    for (key, value) in entry {
        if key == "id" {
            continue;
        }
        let wrong = |found: String, expected: &str| place.wrong(Some(n), Some(key), found, expected);
        let given = options.roles.get(key);
        let role = match given {
            Some(role) => *role,
            None => Role::infer(key).ok(),
        };
        let passed = given == Some(&None) || !matches!(value, Value::String(_) | Value::Array(_));
        match (texts(value), role) {
            _ if value.is_null() => {}
            _ if passed => drop(case.passed.insert(key.clone(), value.clone())),
            (Some(texts), Some(Role::Points)) => {
                return Err(wrong(
                    format!("{texts:?}"),
                    "points as lists of three numbers, world millimetres",
                ));
            }
            (Some(texts), _) if texts == [""] => {}
            (Some(texts), Some(role)) => {
                if texts.iter().any(|t| t.is_empty()) {
                    return Err(wrong(format!("{texts:?}"), "a path for each channel"));
                }
                let paths = texts.into_iter().map(|t| joined(root, t)).collect();
                case.items.push((key.clone(), CaseItem::Files { paths, role }));
            }
            (Some(texts), None) => {
                if let Some(path) = texts.iter().find(|t| is_volume(t)) {
                    let found = format!("the volume {path:?} under a key whose role is not known");
                    return Err(wrong(found, "a role for it: image, label, map, or none to pass it through"));
                }
                case.passed.insert(key.clone(), value.clone());
            }
            (None, Some(Role::Points)) => {
                let world = serde_json::from_value(value.clone())
                    .map_err(|_| wrong(shortened(value), "points as lists of three numbers"))?;
                case.items.push((key.clone(), CaseItem::Points(Points { world })));
            }
            (None, Some(_)) if value.as_array().is_some_and(|a| a.iter().any(Value::is_string)) => {
                return Err(wrong(shortened(value), "paths only, or numbers only"));
            }
            (None, _) => drop(case.passed.insert(key.clone(), value.clone())),
        }
    }
    Ok(case)
}

/// The name that an entry gives itself, or nothing.
fn name(entry: &Map<String, Value>) -> String {
    let text = |key: &str| match entry.get(key) {
        Some(Value::String(s)) if !s.is_empty() => Some(s.clone()),
        Some(Value::Number(n)) => Some(n.to_string()),
        _ => None,
    };
    let found = NAMES.into_iter().find_map(|key| Some((key, text(key)?)));
    match found {
        Some(("subject", subject)) => {
            text("session").map_or(subject.clone(), |session| format!("{subject}/{session}"))
        }
        Some((_, id)) => id,
        None => String::new(),
    }
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(s) => Some(vec![s]),
        Value::Array(a) if !a.is_empty() => a.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

pub(super) fn is_volume(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    VOLUMES.iter().any(|ending| lower.ends_with(ending))
}

/// A path below a folder, without `.` in between.
pub(super) fn joined(root: &Path, text: &str) -> PathBuf {
    root.join(text).components().collect()
}

/// A value as an error shows it.
pub(super) fn shortened(value: &Value) -> String {
    const SHOWN: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}
