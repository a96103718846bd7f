"""What can go wrong, by who must act. Every class has a built-in one as a parent and pickles.

The facts of an error are attributes: `path`, `field`, `transform`, `name`, `found`, `expected`, `what`,
`hint`, `asked`, `allowed`, `place`, `step` (the position in a pipeline, from 1), `case`, `key` (of the
case's item), `patch`, as far as they apply; others are None.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CacheWarning",
    "ChangedFileError",
    "DataError",
    "FileError",
    "FormatError",
    "HeaderWarning",
    "InternalError",
    "LimitError",
    "MedoxideError",
    "MissingFileError",
    "ParamError",
    "PrecisionWarning",
    "ShapeError",
    "UnsupportedError",
]


class MedoxideError(Exception):
    """Any error of medoxide."""

    path: str | None = None
    field: str | None = None
    transform: str | None = None
    name: str | None = None
    found: str | None = None
    expected: str | None = None
    what: str | None = None
    hint: str | None = None
    asked: int | None = None
    allowed: int | None = None
    place: str | None = None
    step: int | None = None
    case: str | None = None
    key: str | None = None
    patch: int | None = None

    def __init__(self, message: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.message, dict(self.__dict__))


class FileError(MedoxideError, OSError):
    """The system refused: no permission, disk full, no such file."""


class MissingFileError(FileError, FileNotFoundError):
    """There is no such file."""


class ChangedFileError(FileError):
    """The file is not the one that was opened: it was replaced or written in between."""


class FormatError(MedoxideError, ValueError):
    """A file's content contradicts its format, or itself."""


class UnsupportedError(MedoxideError, NotImplementedError):
    """The data are sound, but this is not done with them; `hint` says what to do instead."""


class ShapeError(MedoxideError, ValueError):
    """Arrays, grids or indices do not belong together."""


class ParamError(MedoxideError, ValueError):
    """A parameter, in code or in a pipeline file, has a value that cannot be used."""


class LimitError(MedoxideError, MemoryError):
    """More memory is needed than is allowed or available."""


class DataError(MedoxideError, ValueError):
    """The voxels themselves forbid the operation, such as labels that are not whole numbers."""


class InternalError(MedoxideError, RuntimeError):
    """A fault in medoxide itself. Please report it."""


class CacheWarning(UserWarning):
    """An entry of a cache was damaged and made again, or a result was not kept; values are right."""


class HeaderWarning(UserWarning):
    """A file's header has something that a reader tolerated and a person should know."""


class PrecisionWarning(UserWarning):
    """Values were given as float32 that float32 does not hold exactly."""


def _again(cls: type[MedoxideError], message: str, facts: dict[str, Any]) -> MedoxideError:
    error = cls(message)
    error.__dict__.update(facts)
    return error
