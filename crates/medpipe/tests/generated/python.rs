//! `transforms.py`: one class for each transform.

use std::collections::BTreeMap;
use std::fmt::Write;

use medcore::Category;
use medpipe::{Entry, GroupEntry, catalog};

use crate::schema::{Parameter, aliases, group_parameters, parameters, text, wrapped};

/// Characters of a line.
pub(crate) const WIDTH: usize = 100;

const HEAD: &str = r#""""Every transform as a class. Generated from the Rust declarations; edit those.

An instance is a description: immutable, compared by value, picklable. It does something when it is
called on a volume, a path, an array, a tensor or a dict of them, or as part of a `Pipeline`.

Every class has parameters more than those of its transform: `p` is the probability of being
applied; `keys` are the items of a dict that it touches (by role if not given: intensity and artefact
transforms touch images, label transforms labels, spatial ones everything); `id` names its random
draws, so that they survive edits of the pipeline. Intensity and artefact transforms have
`per_channel`: with True every channel draws for itself, a number is the probability that a channel
is touched, and a list names the channels. `key` and `patch` are written by `Pipeline.drawn`.

`OneOf`, `SomeOf`, `Maybe` and `Repeat` hold other transforms; which of them are applied is drawn as
all else, by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from ._transform import Group, Transform

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .volume import Volume

"#;

/// A parameter of the header: name, type, default, meaning.
pub(crate) type HeaderRow = (&'static str, &'static str, &'static str, &'static str);

/// The parameters that a transform has besides its own.
pub(crate) fn header(e: &Entry) -> Vec<HeaderRow> {
    let mut out = vec![
        ("p", "float", "1.0", "Probability of being applied, from 0 to 1."),
        (
            "keys",
            "str | Sequence[str] | None",
            "None",
            "Items of a dict that it touches; by role if not given.",
        ),
        ("id", "str | None", "None", "Name of its random draws; its name and occurrence if not given."),
    ];
    out.extend(per_channel(e));
    out.push((
        "key",
        "str | None",
        "None",
        "The key that it draws under, as `Pipeline.drawn` writes it down.",
    ));
    out.push((
        "patch",
        "Sequence[int] | None",
        "None",
        "The one patch that it touches, as `Pipeline.drawn` writes it down.",
    ));
    out
}

/// The parameter of transforms that can touch channels one by one.
pub(crate) fn per_channel(e: &Entry) -> Option<HeaderRow> {
    matches!(e.category, Category::Intensity | Category::Artefact).then_some((
        "per_channel",
        "bool | float | Sequence[int]",
        "False",
        "Whether each channel draws for itself; the probability that a channel is touched, or the channels.",
    ))
}

pub(crate) fn render() -> String {
    let mut out = HEAD.to_owned();
    let groups = medpipe::groups();
    let mut names: Vec<&str> = catalog().iter().map(|e| e.class.as_str()).collect();
    names.extend(groups.iter().map(|g| g.class.as_str()));
    names.sort_unstable();
    out.push_str("__all__ = [\n");
    for name in names {
        let _ = writeln!(out, "    \"{name}\",");
    }
    out.push_str("]\n");
    for (name, (kind, doc)) in in_order(aliases()) {
        // NumPy's dtypes and their names are all taken.
        if name == "DType" {
            continue;
        }
        let _ = write!(out, "\n{}", alias(&name, &kind));
        if !doc.is_empty() {
            let _ = writeln!(out, "{}", docstring(&doc, ""));
        }
    }
    for e in catalog() {
        let _ = write!(out, "\n\n{}", class(e));
    }
    for g in groups {
        let _ = write!(out, "\n\n{}", group(g));
    }
    out
}

/// Aliases, each behind those that it is made of.
fn in_order(mut all: BTreeMap<String, (String, String)>) -> Vec<(String, (String, String))> {
    let mut out = vec![];
    while !all.is_empty() {
        let mentions =
            |kind: &str, name: &String| kind.split(|c: char| !c.is_alphanumeric()).any(|word| word == name);
        let ready = |(name, (kind, _)): &(&String, &(String, String))| {
            all.keys().all(|other| other == *name || !mentions(kind, other))
        };
        let next = all.iter().find(ready).map(|(name, _)| name.clone()).expect("aliases without circles");
        out.extend(all.remove_entry(&next));
    }
    out
}

/// A type alias, one option to a line if it is long.
fn alias(name: &str, kind: &str) -> String {
    let kind = python_type(kind);
    // What is imported for type checkers only stands in a text.
    let kind = if kind.contains("Volume") { format!("\"{kind}\"") } else { kind };
    let line = format!("{name}: TypeAlias = {kind}");
    if line.len() <= WIDTH {
        return format!("{line}\n");
    }
    format!("{name}: TypeAlias = (\n    {kind}\n)\n")
}

/// The type as written in signatures.
pub(crate) fn python_type(kind: &str) -> String {
    if kind == "DType" { "DTypeLike".into() } else { kind.into() }
}

/// A docstring at an indent; the closing quotes on the same line if it fits.
fn docstring(text: &str, indent: &str) -> String {
    let body = wrapped(text, WIDTH - 3, indent);
    let body = body.trim_start();
    let one = body.trim_end();
    if !one.contains('\n') && !one.ends_with('"') && indent.len() + one.len() + 6 <= WIDTH {
        return format!("{indent}\"\"\"{one}\"\"\"");
    }
    format!("{indent}\"\"\"{}\n{indent}\"\"\"", body.trim_end())
}

/// The parameters' part of a docstring, as NumPy writes it.
pub(crate) fn parameter_docs(list: &[Parameter], indent: &str) -> String {
    let mut out = String::new();
    for p in list {
        let default = p.default.as_ref().map(|d| format!(", default {d}")).unwrap_or_default();
        let _ = writeln!(out, "{indent}{} : {}{default}", p.name, python_type(&p.kind));
        let mut doc = p.note();
        for (word, meaning) in &p.words {
            let _ = write!(doc, " `{word}`: {}", lower_first(meaning));
        }
        out.push_str(&wrapped(&doc, WIDTH, &format!("{indent}    ")));
    }
    out
}

/// A sentence as part of another.
pub(crate) fn lower_first(s: &str) -> String {
    let mut c = s.chars();
    c.next().map_or(String::new(), |first| first.to_lowercase().chain(c).collect())
}

fn class(e: &Entry) -> String {
    let list = parameters(e);
    let mut out = format!("class {}(Transform):\n", e.class);
    let description = text(&e.schema);
    let body = wrapped(&description, WIDTH - 3, "    ");
    let _ = write!(out, "    \"\"\"{}", body.trim_start());
    let _ = write!(out, "\n{}", wrapped(&e.peers_in_words(), WIDTH, "    "));
    out.push_str("\n    Parameters\n    ----------\n");
    out.push_str(&parameter_docs(&list, "    "));
    for (name, kind, default, doc) in header(e) {
        let _ = writeln!(out, "    {name} : {kind}, default {default}");
        out.push_str(&wrapped(doc, WIDTH, "        "));
    }
    out.push_str("    \"\"\"\n\n    __slots__ = ()\n");
    let _ = writeln!(out, "    name: ClassVar[str] = \"{}\"", e.name);
    for p in &list {
        let _ = writeln!(out, "    {}: {}", p.name, python_type(&p.kind));
    }
    out.push_str("\n    def __init__(\n        self,\n");
    for (n, p) in list.iter().enumerate() {
        // As with the methods: the main parameter may be given by its place.
        if n == 1 && e.main.is_some() {
            out.push_str("        *,\n");
        }
        let default = p.default.as_ref().map(|d| format!(" = {d}")).unwrap_or_default();
        let _ = writeln!(out, "        {}: {}{default},", p.name, python_type(&p.kind));
    }
    if list.len() <= 1 || e.main.is_none() {
        out.push_str("        *,\n");
    }
    for (name, kind, default, _) in header(e) {
        let _ = writeln!(out, "        {name}: {kind} = {default},");
    }
    out.push_str("    ) -> None:\n        self._declare(\n            {\n");
    for p in &list {
        let _ = writeln!(out, "                \"{0}\": {0},", p.name);
    }
    out.push_str("            },\n");
    for (name, ..) in header(e) {
        let _ = writeln!(out, "            {name}={name},");
    }
    out.push_str("        )\n");
    out
}

fn group(g: &GroupEntry) -> String {
    let list = group_parameters(g);
    let mut out = format!("class {}(Group):\n", g.class);
    let _ = write!(out, "    \"\"\"{}", wrapped(&text(&g.schema), WIDTH - 3, "    ").trim_start());
    out.push_str("\n    Parameters\n    ----------\n");
    out.push_str(&parameter_docs(&list, "    "));
    out.push_str("    \"\"\"\n\n    __slots__ = ()\n");
    let _ = writeln!(out, "    name: ClassVar[str] = \"{}\"", g.name);
    let own: Vec<&Parameter> =
        list.iter().filter(|p| !["transforms", "p", "id"].contains(&p.name.as_str())).collect();
    for p in &own {
        let _ = writeln!(out, "    {}: {}", p.name, p.kind);
    }
    out.push_str("\n    def __init__(\n        self,\n");
    for (n, p) in list.iter().enumerate() {
        if n == 1 {
            out.push_str("        *,\n");
        }
        let default = p.default.as_ref().map(|d| format!(" = {d}")).unwrap_or_default();
        let _ = writeln!(out, "        {}: {}{default},", p.name, p.kind);
    }
    out.push_str("    ) -> None:\n        self._declare_group(\n            transforms,\n            {\n");
    for p in &own {
        let _ = writeln!(out, "                \"{0}\": {0},", p.name);
    }
    out.push_str("            },\n            p=p,\n            id=id,\n        )\n");
    out
}
