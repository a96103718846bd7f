//! BIDS datasets, by the entities in their files' names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::entry::Place;
use super::join::{self, Binding, Slot, sorted};
use super::{Datalist, ListOptions, table};
use crate::Result;

/// Endings of the volumes in a dataset.
const ENDINGS: [&str; 2] = [".nii.gz", ".nii"];

/// What files of a dataset are wanted: the words of their names.
struct Query<'a> {
    /// The dataset itself, or one of its derivatives.
    base: PathBuf,
    /// The folder of the files, such as `anat`.
    datatype: Option<&'a str>,
    entities: Vec<(&'a str, &'a str)>,
    suffix: &'a str,
}

impl<'a> Query<'a> {
    fn of(root: &Path, text: &'a str) -> Option<Query<'a>> {
        let (folders, name) = text.rsplit_once('/').map_or((None, text), |(f, n)| (Some(f), n));
        let (base, datatype) = match folders.map(|f| f.split('/').collect::<Vec<_>>()).as_deref() {
            None => (root.into(), None),
            Some(["derivatives", which]) => (root.join("derivatives").join(which), None),
            Some(["derivatives", which, datatype]) => (root.join("derivatives").join(which), Some(*datatype)),
            Some([datatype]) => (root.into(), Some(*datatype)),
            _ => return None,
        };
        let (entities, suffix) = words(name)?;
        Some(Query { base, datatype, entities, suffix })
    }

    /// The files, with the entities that were not asked for.
    fn found(&self) -> Vec<(Binding, PathBuf)> {
        let mut out = vec![];
        for subject in folders(&self.base, "sub-") {
            let sessions = folders(&subject, "ses-");
            for folder in [subject].iter().chain(&sessions).flat_map(|f| folders(f, "")) {
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with("ses-") || self.datatype.is_some_and(|wanted| wanted != name) {
                    continue;
                }
                for path in children(&folder) {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
                    let Some((entities, suffix)) = stem.and_then(words) else { continue };
                    let asked = self.entities.iter().all(|wanted| entities.contains(wanted));
                    if suffix == self.suffix && asked {
                        let other = entities.iter().filter(|e| !self.entities.contains(e));
                        out.push((other.map(|&(k, v)| (k.into(), v.into())).collect(), path));
                    }
                }
            }
        }
        out
    }

    /// What a file would be called.
    fn called(&self, binding: &Binding) -> PathBuf {
        let of = |name: &str| format!("{name}-{}", binding.get(name).map_or("*", String::as_str));
        let mut folder = self.base.join(of("sub"));
        if binding.contains_key("ses") {
            folder.push(of("ses"));
        }
        let words: Vec<String> = self.entities.iter().map(|(k, v)| format!("_{k}-{v}")).collect();
        let words = words.concat();
        folder.join(self.datatype.unwrap_or("*")).join(format!(
            "{}*{words}_{}.nii.gz",
            of("sub"),
            self.suffix
        ))
    }
}

impl Datalist {
    /// From a BIDS dataset: for each key what its files are called, such as `{"image": "T1w", "label": "derivatives/manual/anat/desc-lesion_mask"}`. That is a suffix, with
    /// entities before it where the suffix alone does not tell, the folder (`anat`) if it matters, and the derivative. Several for one key are channels.
    ///
    /// Files of the same subject, session, run and so on belong together; entities that were asked for do not count, and a file with fewer of them belongs
    /// to all that agree with it. The id is made of the entities, `sub-01/ses-2/run-1`; they are in [`Case::passed`](super::Case::passed) with what `participants.tsv` says of the subject.
    ///
    /// # Errors
    /// As [`Datalist::from_patterns`].
    pub fn from_bids(
        root: impl AsRef<Path>,
        items: &[(&str, &[&str])],
        options: &ListOptions,
    ) -> Result<Datalist> {
        let root = root.as_ref();
        let place = Place { file: Some(root), section: None };
        let mut queries = vec![];
        for (key, several) in items {
            for text in *several {
                let expected = "such as \"T1w\" or \"derivatives/NAME/anat/desc-brain_mask\"";
                let wrong = || place.wrong(None, Some(key), format!("{text:?}"), expected);
                queries.push((*key, Query::of(root, text).ok_or_else(wrong)?));
            }
        }
        let mut slots = vec![];
        let mut order = vec!["sub".to_owned(), "ses".to_owned()];
        for (key, query) in &queries {
            let found = query.found();
            for name in found.iter().flat_map(|(binding, _)| binding.keys()) {
                if !order.contains(name) {
                    order.push(name.clone());
                }
            }
            slots.push(Slot { key, found, called: Box::new(|binding| query.called(binding)) });
        }
        let id = |binding: &Binding| {
            let words = sorted(binding, &order).into_iter().map(|(k, v)| format!("{k}-{v}"));
            words.collect::<Vec<_>>().join("/")
        };
        let mut list = join::cases(&slots, &order, id, root, options)?;
        let people = root.join("participants.tsv");
        if people.is_file() {
            tell(&mut list, &table::entries(&people, b'\t')?);
        }
        Ok(list)
    }
}

/// What is said of the subjects, into their cases; `n/a` is nothing.
fn tell(list: &mut Datalist, people: &serde_json::Value) {
    let rows = people.as_array().into_iter().flatten().filter_map(serde_json::Value::as_object);
    let known: BTreeMap<&str, _> =
        rows.filter_map(|row| Some((row.get("participant_id")?.as_str()?, row))).collect();
    for case in &mut list.cases {
        let subject = case.passed.get("sub").and_then(|s| s.as_str()).map(|s| format!("sub-{s}"));
        for (key, value) in subject.and_then(|s| known.get(s.as_str())).into_iter().flat_map(|row| row.iter())
        {
            let said = key != "participant_id" && !value.is_null() && value != "n/a";
            if said && !case.passed.contains_key(key) {
                case.passed.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The entities of a name, and its suffix.
fn words(name: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut parts: Vec<&str> = name.split('_').collect();
    let suffix = parts.pop().filter(|s| !s.is_empty() && !s.contains('-'))?;
    Some((parts.into_iter().map(|part| part.split_once('-')).collect::<Option<_>>()?, suffix))
}

/// What is in a folder, hidden files left out, in order.
fn children(folder: &Path) -> Vec<PathBuf> {
    let hidden = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    let mut out: Vec<PathBuf> = entries.filter(|path| !hidden(path)).collect();
    out.sort();
    out
}

/// The folders in a folder whose names begin so.
fn folders(folder: &Path, start: &str) -> Vec<PathBuf> {
    let begins = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(start));
    children(folder).into_iter().filter(|path| begins(path) && path.is_dir()).collect()
}
