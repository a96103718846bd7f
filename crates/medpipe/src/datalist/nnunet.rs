//! Raw datasets of nnU-Net.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use medcore::Role;
use serde_json::Value;

use super::entry::{Place, joined};
use super::{Case, CaseItem, Datalist, ListOptions, file};
use crate::{Error, Result};

/// Digits of a channel in a file's name.
const DIGITS: usize = 4;

impl Datalist {
    /// From a raw dataset of nnU-Net: `dataset.json` with `channel_names` and `file_ending` (or version 1's `modality`), `imagesTr/CASE_0000.nii.gz` for channel 0
    /// and so on, `labelsTr/CASE.nii.gz`. Section `test` is `imagesTs`, with `labelsTs` if that is there. Where `dataset.json` lists files under `dataset`, they are the training
    /// cases. Items are `image` and `label`; the id is nnU-Net's case identifier.
    ///
    /// # Errors
    /// [`Error::Spec`] for a `dataset.json` without these entries and for file names that do not follow the scheme; as [`Datalist::from_entries`].
    pub fn from_nnunet(folder: impl AsRef<Path>, options: &ListOptions) -> Result<Datalist> {
        let folder = folder.as_ref();
        let path = folder.join("dataset.json");
        of_folder(folder, &path, &file::parsed(&path)?, options)
    }
}

/// Whether a `dataset.json` is nnU-Net's. That of version 1 is the Decathlon's, beside files with channels in their names.
pub(super) fn describes(value: &Value, folder: &Path) -> bool {
    if value.get("modality").is_some() && value.get("file_ending").is_none() {
        let names = names(&folder.join("imagesTr")).unwrap_or_default();
        return !names.is_empty() && names.iter().all(|name| identifier(name, ".nii.gz").is_some());
    }
    value.get("channel_names").is_some() && value.get("file_ending").is_some()
}

pub(super) fn of_folder(
    folder: &Path,
    path: &Path,
    value: &Value,
    options: &ListOptions,
) -> Result<Datalist> {
    let place = Place { file: Some(path), section: None };
    let channels = value.get("channel_names").or_else(|| value.get("modality"));
    let channels = channels.and_then(Value::as_object).filter(|c| !c.is_empty());
    let wanted = "a map of channel numbers to names, such as {\"0\": \"CT\"}";
    let channels = channels.ok_or_else(|| place.wrong(None, Some("channel_names"), "none", wanted))?.len();
    let ending = value.get("file_ending").map_or(Some(".nii.gz"), Value::as_str);
    let wanted = "a text, such as \".nii.gz\"";
    let ending = ending.ok_or_else(|| place.wrong(None, Some("file_ending"), "something else", wanted))?;
    let (images, labels) = match options.section.as_deref() {
        None | Some("training") => ("imagesTr", "labelsTr"),
        Some("test" | "testing") => ("imagesTs", "labelsTs"),
        Some(other) => {
            return Err(place.wrong(None, Some("section"), format!("{other:?}"), "training or test"));
        }
    };
    let root = options.root.clone().unwrap_or_else(|| folder.into());
    let mut cases = vec![];
    if let (Some(listed), "imagesTr") = (value.get("dataset"), images) {
        let listed = listed.as_object().ok_or_else(|| {
            place.wrong(None, Some("dataset"), "something else", "a map of cases to `images` and `label`")
        })?;
        for (id, entry) in listed {
            let paths = entry.get("images").and_then(Value::as_array);
            let paths: Option<Vec<&str>> = paths.and_then(|list| list.iter().map(Value::as_str).collect());
            let paths = paths.unwrap_or_default();
            if paths.len() != channels {
                let found = format!("{} paths as `images` of {id:?}", paths.len());
                return Err(place.wrong(
                    None,
                    Some("dataset"),
                    found,
                    format!("{channels}, one for each channel"),
                ));
            }
            let paths = paths.into_iter().map(|p| joined(&root, p)).collect();
            let label = entry.get("label").and_then(Value::as_str).map(|p| joined(&root, p));
            cases.push(case(id, paths, label, options));
        }
        return Datalist::settled(cases, &root, place, options);
    }
    let wrong_name = |name: &str| {
        let scheme = format!("CASE_0000{ending} to CASE_{:04}{ending}", channels - 1);
        place.wrong(None, None, format!("the file {images}/{name}"), scheme)
    };
    let mut found: BTreeSet<String> = BTreeSet::new();
    for name in names(&root.join(images))?.iter().filter(|name| name.ends_with(ending)) {
        let (id, channel) = identifier(name, ending).ok_or_else(|| wrong_name(name))?;
        if channel >= channels {
            return Err(wrong_name(name));
        }
        found.insert(id.to_owned());
    }
    let labelled = root.join(labels).is_dir() || images == "imagesTr";
    for id in found {
        let paths = (0..channels).map(|c| root.join(images).join(format!("{id}_{c:04}{ending}"))).collect();
        let label = labelled.then(|| root.join(labels).join(format!("{id}{ending}")));
        cases.push(case(&id, paths, label, options));
    }
    Datalist::settled(cases, &root, place, options)
}

fn case(id: &str, paths: Vec<PathBuf>, label: Option<PathBuf>, options: &ListOptions) -> Case {
    let role = |key: &str, role| options.roles.get(key).copied().flatten().unwrap_or(role);
    let image = CaseItem::Files { paths, role: role("image", Role::Image) };
    let case = Case::new(id).with("image", image);
    let Some(label) = label else { return case };
    case.with("label", CaseItem::Files { paths: vec![label], role: role("label", Role::Label) })
}

/// A file's case and channel.
fn identifier<'a>(name: &'a str, ending: &str) -> Option<(&'a str, usize)> {
    let (id, channel) = name.strip_suffix(ending)?.rsplit_once('_')?;
    let digits = channel.len() == DIGITS && channel.bytes().all(|b| b.is_ascii_digit());
    Some((id, channel.parse().ok().filter(|_| digits && !id.is_empty())?))
}

/// Names of a folder's files, hidden ones left out, in order.
fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |source| Error::from(medio::Error::Io { path: folder.into(), source });
    let mut out = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            out.push(name);
        }
    }
    out.sort();
    Ok(out)
}
