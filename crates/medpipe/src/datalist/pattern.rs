//! Files by the pattern of their names.

use std::path::{Path, PathBuf};

use super::entry::Place;
use super::join::{self, Binding, Slot, sorted};
use super::{Datalist, ListOptions};
use crate::Result;

/// A piece of a name.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// One character or more, the same wherever the name comes again.
    Named(String),
    /// Any characters, also none.
    Any,
}

impl Datalist {
    /// From the names of files below a folder, `{"image": "images/{id}.nii.gz", "label": "labels/{id}.nii.gz"}`: for each key a pattern, or several, one for
    /// each channel. `{name}` stands for one character or more of a file's or folder's name, as few as will do, and for the same ones wherever it comes again; `*` for any, also none; what is in square
    /// brackets may be absent, as in `sub-{sub}/[ses-{ses}/]anat/sub-{sub}_[ses-{ses}_]T1w.nii.gz`.
    ///
    /// A case is what the placeholders tell apart; a key with fewer of them has the same file in several cases. The id is what `{id}` or `{case}` stands for, else all of
    /// them in order, joined with `/`. They are in [`Case::passed`](super::Case::passed) too. Cases come in the order of their ids. Hidden files are not looked at.
    ///
    /// # Errors
    /// [`crate::Error::Spec`] for a pattern that cannot be read, for two files in one place, and where no file is found; as [`Datalist::from_entries`] for keys that a case lacks.
    pub fn from_patterns(
        root: impl AsRef<Path>,
        patterns: &[(&str, &[&str])],
        options: &ListOptions,
    ) -> Result<Datalist> {
        let root = root.as_ref();
        let place = Place { file: None, section: None };
        let mut order: Vec<String> = vec![];
        let mut slots = vec![];
        for (key, several) in patterns {
            for text in *several {
                let wrong = |found: String| {
                    let expected = "a path with {name}, * and [what may be absent]";
                    place.wrong(None, Some(key), format!("{found} in the pattern {text:?}"), expected)
                };
                let choices = alternatives(text).ok_or_else(|| wrong("brackets that do not match".into()))?;
                let mut found = vec![];
                for choice in &choices {
                    let parts: Option<Vec<Vec<Piece>>> = choice.split('/').map(pieces).collect();
                    let parts = parts.ok_or_else(|| wrong("a placeholder without name or end".into()))?;
                    for piece in parts.iter().flatten() {
                        if let Piece::Named(name) = piece
                            && !order.contains(name)
                        {
                            order.push(name.clone());
                        }
                    }
                    look(root, &parts, &Binding::new(), &mut found);
                }
                let called = Box::new(move |b: &Binding| root.join(filled(&choices[0], b)));
                slots.push(Slot { key, found, called });
            }
        }
        if order.is_empty() {
            return Err(place.wrong(None, None, "patterns without a placeholder", "one such as {id}"));
        }
        let id = |binding: &Binding| {
            let alone = ["id", "case"].into_iter().find_map(|name| binding.get(name));
            let all = || sorted(binding, &order).into_iter().map(|(_, v)| v).collect::<Vec<_>>().join("/");
            alone.cloned().unwrap_or_else(all)
        };
        join::cases(&slots, &order, id, root, options)
    }
}

/// A pattern with each of its bracketed parts, and without it; the fullest one first.
fn alternatives(text: &str) -> Option<Vec<String>> {
    let Some(open) = text.find(['[', ']']) else { return Some(vec![text.into()]) };
    let close = open + text[open..].find(']')?;
    let inside = text[open..close].strip_prefix('[').filter(|inside| !inside.contains('['))?;
    let rest = alternatives(&text[close + 1..])?;
    let with =
        |inside: &str| rest.iter().map(|r| format!("{}{inside}{r}", &text[..open])).collect::<Vec<_>>();
    Some([with(inside), with("")].concat())
}

/// The pieces of a file's or folder's name.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut out = vec![];
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(['{', '}', '*']).unwrap_or(rest.len());
        let (plain, from) = rest.split_at(end);
        if !plain.is_empty() {
            out.push(Piece::Text(plain.into()));
        }
        rest = match from.chars().next() {
            Some('*') => {
                out.push(Piece::Any);
                &from[1..]
            }
            Some('{') => {
                let close = from.find('}')?;
                let name = &from[1..close];
                if name.is_empty() || name.contains(['{', '*']) {
                    return None;
                }
                out.push(Piece::Named(name.into()));
                &from[close + 1..]
            }
            Some(_) => return None,
            None => from,
        };
    }
    Some(out)
}

/// Whether a name fits; then `bound` says what the placeholders stand for.
fn fits(pieces: &[Piece], name: &str, bound: &mut Binding) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return name.is_empty() };
    let ends =
        |least: usize| name.char_indices().map(|(n, _)| n).chain([name.len()]).filter(move |&n| n >= least);
    match piece {
        Piece::Text(text) => name.strip_prefix(text.as_str()).is_some_and(|name| fits(rest, name, bound)),
        Piece::Any => ends(0).any(|n| fits(rest, &name[n..], bound)),
        Piece::Named(key) => {
            if let Some(value) = bound.get(key).cloned() {
                return name.strip_prefix(value.as_str()).is_some_and(|name| fits(rest, name, bound));
            }
            ends(1).any(|n| {
                bound.insert(key.clone(), name[..n].into());
                let fitting = fits(rest, &name[n..], bound);
                if !fitting {
                    bound.remove(key);
                }
                fitting
            })
        }
    }
}

/// The files below a folder that fit, with what the placeholders stand for. Folders that cannot be read hold none.
fn look(folder: &Path, parts: &[Vec<Piece>], bound: &Binding, found: &mut Vec<(Binding, PathBuf)>) {
    let Some((part, rest)) = parts.split_first() else { return };
    let mut go_on = |path: PathBuf, bound: Binding| match rest {
        [] if path.is_file() => found.push((bound, path)),
        [] => {}
        rest => look(&path, rest, &bound, found),
    };
    if let [Piece::Text(name)] = &part[..] {
        return go_on(folder.join(name), bound.clone());
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut names: Vec<String> =
        entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let mut bound = bound.clone();
        if fits(part, name, &mut bound) {
            go_on(folder.join(name), bound);
        }
    }
}

/// A pattern with what is known of its placeholders put in.
fn filled(pattern: &str, binding: &Binding) -> String {
    binding.iter().fold(pattern.into(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}
