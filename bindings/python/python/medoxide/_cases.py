"""What belongs together of one patient or scan, as data sets give it: dicts of paths, volumes and values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ._items import known_role, name_given, passes, sample_of
from ._medoxide import PipelineCore, load, stack
from .errors import ParamError
from .volume import Volume

Roles = Mapping[str, "str | None"]


class Parsed(NamedTuple):
    """A case whose files have not been opened."""

    #: Its name for random draws.
    name: str
    #: Names and items: a volume, points as lists, or a role and files.
    items: list[tuple[str, Any]]
    #: Numbers and texts, as they are.
    passed: dict[str, Any]

    @property
    def paths(self) -> list[str]:
        """All files."""
        return [p for _, item in self.items if isinstance(item, tuple) for p in item[1]]

    def open(self, index: Any) -> list[tuple[str, Any]]:
        """Names and items for the planner: headers are read."""
        return [(name, _open(item, index)) for name, item in self.items]


def reference(items: list[tuple[str, Any]]) -> Volume | None:
    """The first image, else the first volume."""
    volumes = [v for _, v in items if isinstance(v, Volume)]
    return next((v for v in volumes if v.role == "image"), volumes[0] if volumes else None)


def parse(case: Any, roles: Roles) -> Parsed:
    """Tells what the values of a case are: a dict, or one path, volume or array, which is an image."""
    if not isinstance(case, Mapping):
        case = {"image": case}
    items: list[tuple[str, Any]] = []
    passed: dict[str, Any] = {}
    name = None
    for key, value in case.items():
        if isinstance(value, np.generic):
            value = value.item()
        if key == "id" and (given := name_given(case, roles)) is not None:
            name = given
        elif passes(key, value, roles):
            passed[key] = value
        else:
            items.append((key, _item(key, value, roles)))
    return Parsed(_name(items) if name is None else name, items, passed)


def _name(items: list[tuple[str, Any]]) -> str:
    """The path of the first image, or a digest of its voxels."""

    def role(item: Any) -> str | None:
        return item[0] if isinstance(item, tuple) else getattr(item, "role", None)

    volumes = [item for _, item in items if role(item) is not None]
    first = next((v for v in volumes if role(v) == "image"), volumes[0] if volumes else None)
    if first is None:
        return ""
    return str(first[1][0]) if isinstance(first, tuple) else str(first._content_id())


def _item(key: str, value: Any, roles: Roles) -> Any:
    """A role and files, or what the planner takes."""
    listed = list(value) if isinstance(value, (list, tuple)) else [value]
    if listed and all(isinstance(v, (str, os.PathLike)) for v in listed):
        role = known_role(key, roles) or PipelineCore.infer_role(key)
        if role == "points":
            raise ParamError(
                f"case: {key!r} is a file of points; expected an (N, 3) array of world millimetres",
                transform="case",
                name=key,
                found=str(value),
            )
        return role, [os.fspath(v) for v in listed]
    given, _, _ = sample_of({key: value}, {key: roles[key]} if key in roles else {}, None)
    return given[0][1]


def _open(item: Any, index: Any) -> Any:
    if not isinstance(item, tuple):
        return item
    role, paths = item
    volumes = [load(p, role, index=index) for p in paths]
    return volumes[0] if len(volumes) == 1 else stack(volumes)
