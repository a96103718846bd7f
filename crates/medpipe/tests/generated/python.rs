//! `transforms.py`: one class for each transform.

use std::fmt::Write;

use medpipe::{Entry, catalog};

use crate::schema::{Parameter, aliases, parameters, text, wrapped};

/// Characters of a line.
pub(crate) const WIDTH: usize = 100;

const HEAD: &str = r#""""Every transform as a class. Generated from the Rust declarations; edit those.

An instance is a description: immutable, compared by value, picklable. It does something when it is
called on a volume, a path, an array, a tensor or a dict of them, or as part of a `Pipeline`.

Every class has three parameters more than those of its transform: `p` is the probability of being
applied; `keys` are the items of a dict that it touches (by role if not given: intensity and artefact
transforms touch images, label transforms labels, spatial ones everything); `id` names its random
draws, so that they survive edits of the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from ._transform import Transform

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

"#;

/// The parameters that every transform has.
pub(crate) const HEADER: [(&str, &str, &str, &str); 3] = [
    ("p", "float", "1.0", "Probability of being applied, from 0 to 1."),
    ("keys", "str | Sequence[str] | None", "None", "Items of a dict that it touches; by role if not given."),
    ("id", "str | None", "None", "Name of its random draws; its name and occurrence if not given."),
];

pub(crate) fn render() -> String {
    let mut out = HEAD.to_owned();
    let mut names: Vec<&str> = catalog().iter().map(|e| e.class.as_str()).collect();
    names.sort_unstable();
    out.push_str("__all__ = [\n");
    for name in names {
        let _ = writeln!(out, "    \"{name}\",");
    }
    out.push_str("]\n");
    for (name, (kind, doc)) in aliases() {
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
    out
}

/// A type alias, one option to a line if it is long.
fn alias(name: &str, kind: &str) -> String {
    let kind = python_type(kind);
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
    out.push_str("\n    Parameters\n    ----------\n");
    out.push_str(&parameter_docs(&list, "    "));
    for (name, kind, default, doc) in HEADER {
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
    for (name, kind, default, _) in HEADER {
        let _ = writeln!(out, "        {name}: {kind} = {default},");
    }
    out.push_str("    ) -> None:\n        self._declare(\n            {\n");
    for p in &list {
        let _ = writeln!(out, "                \"{0}\": {0},", p.name);
    }
    out.push_str("            },\n            p=p,\n            keys=keys,\n            id=id,\n        )\n");
    out
}
