"""Datalists: what belongs together, patient by patient."""

from __future__ import annotations

import html
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._medoxide import _datalist, _split_indices
from .errors import ParamError

if TYPE_CHECKING:
    Path = str | os.PathLike[str]
    Patterns = Mapping[str, str | Sequence[str]]

#: Which entry it was, on its way through the native part.
_AT = "\0at"

#: Cases that a look at a list shows.
_SHOWN = 5


class Datalist(Sequence[dict[str, Any]]):
    """Cases in order, each a dict: `id`, paths by key, and numbers and texts.

    A sequence of dicts, as MONAI's datasets take it, with `roles` as they were given. Slices and
    sums are datalists. Ids name random draws, so no two cases have the same.
    """

    __slots__ = ("_entries", "roles")

    def __init__(
        self, entries: Iterable[Mapping[str, Any]], roles: Mapping[str, str | None] | None = None
    ) -> None:
        self._entries = [dict(entry) for entry in entries]
        self.roles: dict[str, str | None] = dict(roles or {})
        twice = [name for name, n in Counter(self.ids).items() if n > 1]
        if twice:
            raise ParamError(
                f"datalist: {len(twice)} ids are there twice, such as {twice[0]!r}; "
                "expected ids of which no two are the same",
                transform="datalist",
                name="id",
                found=twice[0],
            )

    @property
    def ids(self) -> list[str]:
        """The names of the cases, in order."""
        return [str(entry.get("id", n)) for n, entry in enumerate(self._entries)]

    @property
    def counts(self) -> dict[str, int]:
        """How many cases have each key."""
        return dict(Counter(key for entry in self._entries for key in entry if key != "id"))

    def subset(self, which: Iterable[int | str] | Callable[[dict[str, Any]], bool]) -> Datalist:
        """Some of the cases: by index, by id, or those for which a function is true.

        >>> import medoxide as mx
        >>> cases = mx.Datalist([{"id": "a", "age": 61}, {"id": "b", "age": 47}])
        >>> cases.subset(lambda case: case["age"] > 50).ids
        ['a']
        >>> cases.subset(["b", "a"]).ids
        ['b', 'a']
        """
        if callable(which):
            return self._of(entry for entry in self._entries if which(dict(entry)))
        places = {name: n for n, name in enumerate(self.ids)}
        found = []
        for one in which:
            if isinstance(one, str) and one not in places:
                raise ParamError(
                    f"datalist: no case is named {one!r}; names are such as {self.ids[:3]}",
                    transform="subset",
                    name="which",
                    found=one,
                )
            found.append(self._entries[places[one] if isinstance(one, str) else one])
        return self._of(found)

    @overload
    def split(self, by: str) -> dict[Any, Datalist]: ...
    @overload
    def split(
        self, by: Sequence[float], *, seed: int = 0, together: str | None = None
    ) -> list[Datalist]: ...
    def split(
        self, by: str | Sequence[float], *, seed: int = 0, together: str | None = None
    ) -> dict[Any, Datalist] | list[Datalist]:
        """Parts of the list: by fractions, or by the values of a key such as "fold".

        Fractions are drawn by seed and ids: the order of the list does not matter, and most cases stay
        in their part when the list grows. What they leave over, if they sum to less than 1, is in no
        part.

        Parameters
        ----------
        by : sequence of float, or str
            Fractions; or a key, which gives a dict of its values.
        seed : int, default 0
            Name of the draw.
        together : str
            A key: cases of the same value stay in one part, such as the scans of a subject.

        Examples
        --------
        >>> import medoxide as mx
        >>> cases = mx.Datalist({"id": f"{n:02}", "subject": n // 2, "fold": n % 5} for n in range(20))
        >>> train, rest = cases.split([0.8, 0.2], seed=1, together="subject")
        >>> len(train), len(rest)
        (16, 4)
        >>> {case["subject"] for case in train} & {case["subject"] for case in rest}
        set()
        >>> sorted(cases.split("fold"))
        [0, 1, 2, 3, 4]
        """
        if isinstance(by, str):
            parts: dict[Any, list[dict[str, Any]]] = {}
            for entry, value in zip(self._entries, self._values(by), strict=True):
                parts.setdefault(value, []).append(entry)
            return {value: self._of(entries) for value, entries in parts.items()}
        names = self.ids if together is None else [str(v) for v in self._values(together)]
        indices = _split_indices(names, [float(f) for f in by], seed)
        return [self._of(self._entries[n] for n in part) for part in indices]

    def _values(self, key: str) -> list[Any]:
        for name, entry in zip(self.ids, self._entries, strict=True):
            if key not in entry:
                raise ParamError(
                    f"datalist: case {name!r} has no {key!r}; expected it in every case",
                    transform="split",
                    name=key,
                    case=name,
                )
        return [entry[key] for entry in self._entries]

    def _of(self, entries: Iterable[dict[str, Any]]) -> Datalist:
        return Datalist(entries, self.roles)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Datalist: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Datalist:
        if isinstance(index, slice):
            return self._of(self._entries[index])
        return dict(self._entries[index])

    def __add__(self, other: Datalist) -> Datalist:
        if not isinstance(other, Datalist):
            return NotImplemented
        for key in self.roles.keys() & other.roles.keys():
            if self.roles[key] != other.roles[key]:
                raise ParamError(
                    f"datalist: {key!r} is {self.roles[key]} here and {other.roles[key]} there",
                    transform="datalist",
                    name="roles",
                    key=key,
                )
        return Datalist([*self._entries, *other._entries], self.roles | other.roles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Datalist):
            return NotImplemented
        return self._entries == other._entries and self.roles == other.roles

    __hash__ = None  # type: ignore[assignment]

    def _summary(self) -> str:
        cases = "1 case" if len(self) == 1 else f"{len(self)} cases"
        return ", ".join([cases, *(f"{key} {n}" for key, n in self.counts.items())])

    def __repr__(self) -> str:
        rows = [f"\n    {entry}" for entry in self._entries[:_SHOWN]]
        more = ["\n    ..."] if len(self) > _SHOWN else []
        return f"Datalist({self._summary()}{''.join(rows + more)})"

    def _repr_html_(self) -> str:
        keys = ["id", *self.counts]

        def row(cells: Iterable[Any], tag: str) -> str:
            made = (f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
            return f"<tr>{''.join(made)}</tr>"

        rows = [row((entry.get(key, "") for key in keys), "td") for entry in self._entries[:_SHOWN]]
        more = [row(["..."] * len(keys), "td")] if len(self) > _SHOWN else []
        table = "".join([row(keys, "th"), *rows, *more])
        return f"<p>Datalist: {html.escape(self._summary())}</p><table>{table}</table>"


def datalist(
    source: Path | Iterable[Mapping[str, Any]],
    *,
    pattern: Patterns | None = None,
    bids: Patterns | None = None,
    root: Path | None = None,
    section: str | None = None,
    roles: Mapping[str, str | None] | None = None,
    missing: Literal["error", "skip", "keep"] = "error",
    required: Iterable[str] | None = None,
) -> Datalist:
    """Reads a datalist: cases with their files by key, each with an id.

    The source is one of

    - a `.csv` or `.tsv` table: a row for each case, keys as column names; empty cells are absent,
      columns of one name are channels;
    - a `.json` or `.yaml` list of maps, or a map of such lists of which `section` is read: MONAI's
      datalists and the Medical Segmentation Decathlon's `dataset.json`;
    - a folder with a `dataset.json`, the Decathlon's or nnU-Net's;
    - a folder, and with `pattern` what files in it are called, or with `bids` which files of a BIDS
      dataset;
    - a list of dicts.

    Paths are relative to `root`, which is the folder of the file unless given. Several paths under
    one key become the channels of one volume. Numbers and texts go through.

    The id names a case's random draws: `id` if the entry has one, else `case`, else `subject` (with
    `session`), else the first file's path relative to the root; files outside it count from the folder that they all
    have in common. So it is the same on every machine. nnU-Net's ids are its case identifiers; of a
    pattern what `{id}` stands for, else all placeholders; of a BIDS dataset the entities, `sub-01/ses-2`.

    Parameters
    ----------
    pattern : dict of str, or of lists of them
        For each key a path below the folder, several for channels: `{name}` stands for one character
        or more of a name, and for the same ones wherever it comes again, `*` for any, and what is in
        square brackets may be absent. A case is what the placeholders tell apart.
    bids : dict of str, or of lists of them
        For each key the suffix of its files, with entities before it where it alone does not tell,
        the folder, and the derivative: "T1w", "acq-fast_T1w", "derivatives/manual/anat/desc-brain_mask".
        What `participants.tsv` says of the subjects goes through.
    root : path
        The folder that paths are relative to.
    section : str, default "training"
        Which list of a file, or part of an nnU-Net folder ("training", "test").
    roles : dict of str
        Role of a key: "image", "label", "map", "points", or None to pass it through; others are told
        by their name.
    missing : "error", "skip" or "keep", default "error"
        What happens to cases whose files are not there: an error that lists the first few, left out,
        or nobody looks.
    required : iterable of str
        Keys that every case found by `pattern` or `bids` must have; all unless given.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import medoxide as mx
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ["images/a.nii.gz", "images/b.nii.gz", "labels/a.nii.gz", "labels/b.nii.gz"]:
    ...     (folder / name).parent.mkdir(exist_ok=True)
    ...     (folder / name).touch()
    >>> pattern = {"image": "images/{id}.nii.gz", "label": "labels/{id}.nii.gz"}
    >>> cases = mx.datalist(folder, pattern=pattern)
    >>> len(cases), cases.ids, sorted(cases[0])
    (2, ['a', 'b'], ['id', 'image', 'label'])
    >>> train, validation = cases.split([0.5, 0.5], seed=0)
    """
    known = dict(roles or {})
    needed = None if required is None else list(required)
    if pattern is not None and bids is not None:
        raise ParamError("datalist: pattern and bids are both given", transform="datalist")
    named, asked = _named(pattern), _named(bids)
    if isinstance(source, (str, os.PathLike)):
        if named is None and asked is None:
            made = _datalist(source, None, None, None, root, section, known, missing, needed)
        else:
            folder = source if root is None else root
            made = _datalist(None, None, named, asked, folder, section, known, missing, needed)
        return Datalist(made, known)
    if named is not None or asked is not None:
        raise ParamError(
            "datalist: pattern and bids are for a folder, not for a list of dicts",
            transform="datalist",
            name="source",
        )
    # Volumes and arrays stay what they are.
    whole = [dict(entry) for entry in source]
    plain = [
        {_AT: n} | {key: value for key, value in entry.items() if _is_plain(value)}
        for n, entry in enumerate(whole)
    ]
    made = []
    for entry in _datalist(None, plain, None, None, root, section, known, missing, needed):
        before = whole[entry.pop(_AT)]
        entry |= {key: value for key, value in before.items() if not _is_plain(value)}
        made.append({key: entry[key] for key in ("id", *before) if key in entry})
    return Datalist(made, known)


def _named(patterns: Patterns | None) -> list[tuple[str, list[str]]] | None:
    if patterns is None:
        return None
    return [(key, [v] if isinstance(v, str) else list(v)) for key, v in patterns.items()]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (float, np.floating)):
        return math.isfinite(value)
    return value is None or isinstance(value, (str, os.PathLike, bool, int, np.generic))
