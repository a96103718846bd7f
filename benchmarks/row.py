"""What a row of the table is: one piece of work, done by us and by others, with its bars.

A candidate is a function that gets the `Data`, does whatever is not timed (opening images, making
tensors in the library's own layout), and returns a `Work`: the call to time and, if its result is
not an array in voxel order (x, y, z), how to make one of it for the check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from data import Data

US = "medoxide"
MIB = 1 << 20


@dataclass(frozen=True)
class Work:
    """One candidate, ready to be timed."""

    call: Callable[[], Any]
    array: Callable[[Any], Any] | None = None
    """Turns the call's result into an array (x, y, z) for the check; `numpy.asarray` if not given."""
    facts: Callable[[], dict[str, float]] | None = None
    """Further numbers, taken after the first call, such as the size of a written file."""
    before: Callable[[], Any] | None = None
    """What is done before each call, and not timed."""


@dataclass(frozen=True)
class Reference:
    """A physical measure taken in the same run: `copy`, `inflate` and others (see reference.py)."""

    kind: str
    amount: Any

    def __str__(self) -> str:
        if self.kind == "copy":
            return f"copy({self.amount / MIB:.3g} MiB)"
        if self.kind == "pread":
            return "the bare preads"
        if self.kind == "inflate_epoch":
            return "inflate up to the patches"
        if self.kind == "deflate":
            return f"libdeflate at level {self.amount[0]}"
        return self.kind


@dataclass(frozen=True)
class Aim:
    """Near the physical limit: a multiple of a reference, or a time in milliseconds."""

    factor: float
    reference: Reference | None = None

    def __str__(self) -> str:
        return f"{self.factor:g} × {self.reference}" if self.reference else f"{self.factor:g} ms"


@dataclass(frozen=True)
class Must:
    """The largest time allowed, as a multiple of that of the fastest named candidate (any but us if none is), or of a reference."""

    ratio: float
    against: tuple[str, ...] = ()
    reference: Reference | None = None


@dataclass(frozen=True)
class Close:
    """Our result equals that of the named candidate: |a - b| <= absolute + relative * |b| in every voxel."""

    against: str
    absolute: float = 0.0
    relative: float = 0.0
    margin: int = 0
    """Voxels left out at every face, where the libraries' boundary rules differ."""


Custom = Callable[[Mapping[str, "np.ndarray"], Mapping[str, Mapping[str, float]]], tuple[bool, str]]
"""A check of its own: results and facts by candidate, to (right, what was seen)."""


@dataclass
class Row:
    """One line of the table."""

    name: str
    section: str
    must: Must | None = None
    aim: Aim | None = None
    check: Close | Custom | None = None
    also: Custom | None = None
    """A second condition of the bar besides time, such as the size of a file."""
    note: str = ""
    quick: bool = True
    """Whether the quick mode measures it."""
    light: bool = False
    """Whether the full mode measures it as briefly as the quick one."""
    candidates: dict[str, Callable[[Data], Work | Callable[[], Any]]] = field(default_factory=dict)
    patient: set[str] = field(default_factory=set)
    """Candidates that only the full mode measures: far too slow to be the best peer."""

    def references(self) -> list[Reference]:
        """The physical measures that its bars name."""
        bars = [bar.reference for bar in (self.must, self.aim) if bar and bar.reference]
        return list({str(reference): reference for reference in bars}.values())

    def by(self, name: str, *, patient: bool = False) -> Callable[[Any], Any]:
        """Registers a candidate: the library's name, first word or words before `:` name its process."""

        def register(make: Any) -> Any:
            self.candidates[name] = make
            if patient:
                self.patient.add(name)
            return make

        return register


ROWS: dict[str, Row] = {}


def row(name: str, section: str, **facts: Any) -> Row:
    """Declares a row; names are unique."""
    if name in ROWS:
        raise ValueError(f"two rows called {name}")
    ROWS[name] = made = Row(name, section, **facts)
    return made


def copy(n: int) -> Reference:
    """Copying `n` bytes between touched blocks on one thread."""
    return Reference("copy", n)


def inflate(file: str) -> Reference:
    """libdeflate decoding the file's gzip stream into touched memory, one thread."""
    return Reference("inflate", file)
