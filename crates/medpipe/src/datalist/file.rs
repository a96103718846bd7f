//! Datalists in files.

use std::path::Path;

use serde_json::{Value, json};

use super::entry::{Place, of_entries, shortened};
use super::{Datalist, ListOptions, nnunet, table};
use crate::yaml::yaml;
use crate::{Error, Result};

/// The list of a file that has several, unless another one is asked for.
const SECTION: &str = "training";

impl Datalist {
    /// From a file: a table (`.csv`, `.tsv`) with a row for each case and keys as column names; or JSON or YAML, a list of maps, or a map of
    /// such lists of which [`ListOptions::section`] is read, as MONAI's datalists and the Medical Segmentation Decathlon's `dataset.json` are. There the list `test` may
    /// have bare paths, which are images. Of a folder, and of nnU-Net's `dataset.json`, as [`Datalist::from_nnunet`] or by the folder's `dataset.json`.
    ///
    /// Paths are relative to the file's folder.
    ///
    /// # Errors
    /// As [`Datalist::from_entries`]; [`medio::Error::Io`] if the file cannot be read.
    pub fn from_file(path: impl AsRef<Path>, options: &ListOptions) -> Result<Datalist> {
        let path = path.as_ref();
        if path.is_dir() {
            let inside = path.join("dataset.json");
            if inside.exists() {
                return Datalist::from_file(inside, options);
            }
            let expected =
                "a `dataset.json` in it; of other folders file names by pattern, or a BIDS dataset's items";
            return Err(Place { file: Some(path), section: None }.wrong(None, None, "a folder", expected));
        }
        let place = Place { file: Some(path), section: None };
        let folder = path.parent().unwrap_or(Path::new(""));
        let root = options.root.clone().unwrap_or_else(|| folder.into());
        let options = ListOptions { root: Some(root), ..options.clone() };
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let value = match ending.as_deref() {
            Some("csv") => return of_entries(&table::entries(path, b',')?, place, &options),
            Some("tsv") => return of_entries(&table::entries(path, b'\t')?, place, &options),
            Some("json" | "yaml" | "yml") => parsed(path)?,
            _ => {
                let found = ending.map_or("a name without ending".into(), |e| format!("a .{e} file"));
                return Err(place.wrong(None, None, found, ".csv, .tsv, .json, .yaml or .yml"));
            }
        };
        let section = options.section.as_deref().unwrap_or(SECTION);
        match &value {
            Value::Array(_) => of_entries(&value, place, &options),
            Value::Object(map) => {
                if nnunet::describes(&value, folder) {
                    return nnunet::of_folder(folder, path, &value, &options);
                }
                let list = map.get(section).ok_or_else(|| {
                    let lists = map.iter().filter(|(_, v)| v.is_array()).map(|(k, _)| format!("{k:?}"));
                    let found = format!("no list {section:?}");
                    let lists: Vec<String> = lists.collect();
                    let expected = if lists.is_empty() { "a list of maps".into() } else { lists.join(", ") };
                    place.wrong(None, None, found, format!("one of its lists as section: {expected}"))
                })?;
                let named: Vec<Value> = list.as_array().into_iter().flatten().map(named).collect();
                let list = if list.is_array() { Value::Array(named) } else { list.clone() };
                of_entries(&list, Place { section: Some(section), ..place }, &options)
            }
            other => Err(place.wrong(None, None, shortened(other), "a list of maps, or a map of such lists")),
        }
    }
}

/// A bare path is an image.
fn named(entry: &Value) -> Value {
    if entry.is_string() { json!({ "image": entry }) } else { entry.clone() }
}

/// A JSON or YAML file.
pub(super) fn parsed(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::from(medio::Error::Io { path: path.into(), source }))?;
    let wrong = |e: String, what: &str| {
        Place { file: Some(path), section: None }.wrong(
            None,
            None,
            format!("text that is not {what} ({e})"),
            what,
        )
    };
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        return serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|e| wrong(e.to_string(), "JSON"));
    }
    yaml(&text).map_err(|e| wrong(e, "YAML"))
}
