//! Cases from files that were found key by key: those of the same placeholders belong together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use medcore::Role;

use super::entry::Place;
use super::{Case, CaseItem, Datalist, ListOptions};
use crate::Result;

/// What placeholders, or entities, stand for.
pub(super) type Binding = BTreeMap<String, String>;

/// A channel of a key, and the files found for it.
pub(super) struct Slot<'a> {
    pub(super) key: &'a str,
    pub(super) found: Vec<(Binding, PathBuf)>,
    /// What the file of a case would be called.
    pub(super) called: Box<dyn Fn(&Binding) -> PathBuf + 'a>,
}

impl Slot<'_> {
    /// The files by their placeholders, for each set of placeholders that files have.
    fn by_names(&self, place: Place<'_>) -> Result<HashMap<Vec<&str>, HashMap<Vec<&str>, &PathBuf>>> {
        let mut out: HashMap<Vec<&str>, HashMap<Vec<&str>, &PathBuf>> = HashMap::new();
        for (binding, path) in &self.found {
            let names = binding.keys().map(String::as_str).collect();
            let values = binding.values().map(String::as_str).collect();
            if let Some(other) = out.entry(names).or_default().insert(values, path) {
                let found = format!("both {} and {}", other.display(), path.display());
                return Err(place.wrong(None, Some(self.key), found, "one file for each case"));
            }
        }
        Ok(out)
    }
}

/// Cases from what was found. A case is what the most placeholders tell apart; a file with fewer of them (one atlas, one label for all sessions) belongs to every case that agrees with it.
/// `order` is the placeholders' order in ids.
pub(super) fn cases(
    slots: &[Slot<'_>],
    order: &[String],
    id: impl Fn(&Binding) -> String,
    root: &Path,
    options: &ListOptions,
) -> Result<Datalist> {
    let place = Place { file: Some(root), section: None };
    if let Some(key) = options.required.iter().flatten().find(|key| slots.iter().all(|s| s.key != **key)) {
        let keys: Vec<&str> = slots.iter().map(|slot| slot.key).collect();
        return Err(place.wrong(
            None,
            Some("required"),
            format!("{key:?}"),
            format!("keys of {}", keys.join(", ")),
        ));
    }
    let found = slots.iter().map(|slot| slot.by_names(place)).collect::<Result<Vec<_>>>()?;
    let kinds: BTreeSet<&Vec<&str>> = found.iter().flat_map(HashMap::keys).collect();
    let all: BTreeSet<Vec<(&str, &str)>> =
        slots.iter().flat_map(|slot| &slot.found).map(|(binding, _)| sorted(binding, order)).collect();
    let mut covered: BTreeSet<Vec<(&str, &str)>> = BTreeSet::new();
    for binding in &all {
        for names in kinds.iter().filter(|names| names.len() < binding.len()) {
            let part: Vec<_> = binding.iter().filter(|(name, _)| names.contains(name)).copied().collect();
            if part.len() == names.len() {
                covered.insert(part);
            }
        }
    }
    let mut cases = vec![];
    for binding in all.difference(&covered) {
        let binding: Binding = binding.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        let mut case = Case::new(id(&binding));
        for (slot, found) in slots.iter().zip(&found) {
            let mut fitting = found.iter().filter_map(|(names, files)| {
                let values = names.iter().map(|&n| binding.get(n).map(String::as_str));
                files.get(&values.collect::<Option<Vec<_>>>()?)
            });
            let path = match (fitting.next(), fitting.next()) {
                (Some(one), None) => (*one).clone(),
                (Some(one), Some(other)) => {
                    let text = format!("both {} and {} for {:?}", one.display(), other.display(), case.id);
                    return Err(place.wrong(None, Some(slot.key), text, "one file for each case"));
                }
                _ if options.required.as_ref().is_none_or(|r| r.iter().any(|k| k == slot.key)) => {
                    (slot.called)(&binding)
                }
                _ => continue,
            };
            match case.items.last_mut() {
                Some((key, CaseItem::Files { paths, .. })) if key == slot.key => paths.push(path),
                _ => {
                    let role = match options.roles.get(slot.key).copied().flatten() {
                        Some(role) => role,
                        None => Role::infer(slot.key)?,
                    };
                    case = case.with(slot.key, CaseItem::Files { paths: vec![path], role });
                }
            }
        }
        case.passed = binding.into_iter().filter(|(k, _)| k != "id").map(|(k, v)| (k, v.into())).collect();
        cases.push(case);
    }
    if cases.is_empty() {
        let expected = slots.iter().map(|slot| (slot.called)(&Binding::new()).display().to_string());
        let expected = format!("files such as {}", expected.collect::<Vec<_>>().join(", "));
        return Err(place.wrong(None, None, "no file at all", expected));
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Datalist::settled(cases, root, place, options)
}

/// What placeholders stand for, in the order of ids.
pub(super) fn sorted<'a>(binding: &'a Binding, order: &[String]) -> Vec<(&'a str, &'a str)> {
    let mut out: Vec<_> = binding.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    out.sort_by_key(|(k, _)| order.iter().position(|o| o == k));
    out
}
