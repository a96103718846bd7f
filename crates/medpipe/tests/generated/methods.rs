//! `_methods.py`: one method of a volume for each transform.

use std::fmt::Write;

use medpipe::{Entry, catalog};

use crate::python::{WIDTH, parameter_docs, per_channel, python_type};
use crate::schema::{aliases, can_draw, method_name, parameters, text, wrapped};

const HEAD: &str = r#""""Every transform as a method of `Volume`. Generated from the Rust declarations; edit those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .transforms import (
"#;

const CLASS: &str = r#"    )

V = TypeVar("V", bound="TransformMethods")


class TransformMethods:
    """One method for each transform: lazily applied, the volume itself is never changed.

    A method acts on its volume whatever the role; in a pipeline roles decide. Parameter and shape
    errors are raised by the call, voxels are touched when values are asked for. Methods that can
    draw at random take `p`, the probability of being applied; `id`, a name for the draws; and
    `seed`, which repeats them (drawn from the system and listed in `Volume.seeds` if not given).
    With `per_channel` every channel is an image of its own and draws for itself; a number is the
    probability that a channel is touched, a list names the channels.
    """

    __slots__ = ()

    def _apply(self: V, name: str, parameters: Mapping[str, Any], seed: int | None = None) -> V:
        raise NotImplementedError
"#;

pub(crate) fn render() -> String {
    let mut out = HEAD.to_owned();
    let body: String = catalog().iter().map(method).collect();
    for name in aliases().keys().filter(|n| *n != "DType") {
        let used =
            |end: &str| body.contains(&format!(" {name}{end}")) || body.contains(&format!("[{name}{end}"));
        if [",", " ", "]"].iter().any(|e| used(e)) {
            let _ = writeln!(out, "        {name},");
        }
    }
    out + CLASS + &body
}

fn method(e: &Entry) -> String {
    let list = parameters(e);
    let draws = can_draw(e);
    let mut out = format!("\n    def {}(\n        self: V,\n", method_name(e));
    for (n, p) in list.iter().enumerate() {
        if n == 1 && e.main.is_some() {
            out.push_str("        *,\n");
        }
        let default = p.default.as_ref().map(|d| format!(" = {d}")).unwrap_or_default();
        let _ = writeln!(out, "        {}: {}{default},", p.name, python_type(&p.kind));
    }
    let mut more: Vec<(&str, &str, &str)> = vec![];
    if draws {
        more = vec![("p", "float", "1.0"), ("id", "str | None", "None"), ("seed", "int | None", "None")];
    }
    more.extend(per_channel(e).map(|(name, kind, default, _)| (name, kind, default)));
    if !more.is_empty() && (list.len() == 1 || e.main.is_none()) {
        out.push_str("        *,\n");
    }
    for (name, kind, default) in &more {
        let _ = writeln!(out, "        {name}: {kind} = {default},");
    }
    out.push_str("    ) -> V:\n");
    let description = wrapped(&text(&e.schema), WIDTH - 3, "        ");
    let _ = write!(out, "        \"\"\"{}", description.trim_start());
    let _ = write!(out, "\n{}", wrapped(&e.peers_in_words(), WIDTH, "        "));
    out.push_str("\n        Parameters\n        ----------\n");
    out.push_str(&parameter_docs(&list, "        "));
    if !more.is_empty() {
        let names: Vec<&str> = more.iter().map(|m| m.0).collect();
        let _ = writeln!(out, "        {} :\n            See `TransformMethods`.", names.join(", "));
    }
    out.push_str("        \"\"\"\n        return self._apply(\n");
    let _ = writeln!(out, "            \"{}\",", e.name);
    out.push_str("            {\n");
    for p in &list {
        let _ = writeln!(out, "                \"{0}\": {0},", p.name);
    }
    for (name, ..) in more.iter().filter(|m| m.0 != "seed") {
        let _ = writeln!(out, "                \"{name}\": {name},");
    }
    out.push_str("            },\n");
    if draws {
        out.push_str("            seed,\n");
    }
    out.push_str("        )\n");
    out
}
