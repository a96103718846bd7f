"""The header of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Form = tuple[int, npt.NDArray[np.float64]]


class Header(Mapping[str, Any]):
    """The fields of a NIfTI header as stored, by the names of the standard (and of nibabel).

    Attributes say what the fields mean: `sform` and `qform` are each a pair of the space's code and
    a 4 x 4 affine, or None; `extensions` are pairs of code and bytes; `format`, `byte_order`,
    `warnings` and the header's bytes, `raw`, are as found in the file.
    """

    __slots__ = ("_state",)

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def __getitem__(self, name: str) -> Any:
        return self._state["fields"][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state["fields"])

    def __len__(self) -> int:
        return len(self._state["fields"])

    def _form(self, name: str) -> Form | None:
        found = self._state[name]
        return None if found is None else (found[0], np.array(found[1]))

    @property
    def sform(self) -> Form | None:
        """Code and affine of the sform, if the file states one."""
        return self._form("sform")

    @property
    def qform(self) -> Form | None:
        """Code and affine of the qform, if the file states one."""
        return self._form("qform")

    @property
    def extensions(self) -> list[tuple[int, bytes]]:
        """Code and content of each header extension, in file order."""
        return list(self._state["extensions"])

    @property
    def format(self) -> str:
        """`nifti1`, `nifti2`, `nifti1 pair` or `nifti2 pair`."""
        return str(self._state["format"])

    @property
    def byte_order(self) -> str:
        """`little` or `big`."""
        return str(self._state["byte_order"])

    @property
    def warnings(self) -> list[str]:
        """What the reader tolerated."""
        return list(self._state["warnings"])

    @property
    def raw(self) -> bytes:
        """The header's bytes."""
        return bytes(self._state["raw"])

    def __repr__(self) -> str:
        rows = "\n".join(f"  {name:<14} {value!r}" for name, value in self.items())
        return f"Header({self.format}, {self.byte_order} endian)\n{rows}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Header, (self._state,)
