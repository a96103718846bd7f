"""Samples as tensors, and several of them as one batch."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from . import _arrays
from ._medoxide import Records, records
from .errors import DataError, ParamError, ShapeError
from .volume import Volume

#: What tensors can be given as.
To = Literal["torch", "numpy", "jax"]


def kind(to: str) -> str:
    """What tensors are given as."""
    if to not in get_args(To):
        raise _wrong("to", repr(to), '"torch", "numpy" or "jax"')
    return to


def epoch(n: Any) -> int:
    """The number of an epoch."""
    if isinstance(n, (int, np.integer)) and 0 <= n < 1 << 63:
        return int(n)
    raise _wrong("epoch", repr(n), "a whole number from 0")


def records_of(given: Records | Literal[False] | None) -> Records | None:
    """Where measured numbers are kept: in this process's memory, if nobody said."""
    if given is None:
        return records()
    return None if given is False else given


def cases_of(data: Any) -> Sequence[Any]:
    """Cases, as a sequence."""
    if isinstance(data, (str, os.PathLike, Mapping, Volume)) or not hasattr(data, "__getitem__"):
        raise _wrong("data", f"a {type(data).__name__}", "a list of dicts, or of paths")
    return data  # type: ignore[no-any-return]


def roles_of(data: Any, roles: Mapping[str, str | None] | None) -> dict[str, str | None]:
    """Roles that were given, and those that the list of cases itself knows."""
    return {**(getattr(data, "roles", None) or {}), **(roles or {})}


def dtype_name(key: str, dtype: Any) -> str:
    """The name of a dtype of NumPy or torch."""
    name = str(dtype).removeprefix("torch.")
    if name == "bfloat16":
        return name
    try:
        return str(np.dtype(name if str(dtype).startswith("torch.") else dtype).name)
    except TypeError:
        raise _wrong(f"dtypes[{key!r}]", repr(dtype), "a dtype") from None


def name_of(case: Any) -> str:
    """What an error calls a case that could not be opened."""
    if not isinstance(case, Mapping):
        return str(case)
    paths = [str(v) for v in case.values() if isinstance(v, (str, os.PathLike))]
    return str(case.get("id", paths[0] if paths else "no path"))


def note(error: BaseException, text: str) -> None:
    """Adds to an error where it happened; Python 3.10 has no place for it."""
    if sys.version_info >= (3, 11):
        error.add_note(text)


def tensor(key: str, value: Any, dtype: str | None, to: str) -> Any:
    """An item as a C-contiguous tensor of its own: (C, X, Y, Z), or (N, 3) points."""
    if not isinstance(value, Volume):
        return as_kind(np.ascontiguousarray(value, dtype), to)
    wanted = dtype or ("int16" if value.role == "label" else "float32")
    if value.role == "label":
        array, bfloat16 = _label(key, value, wanted)
    else:
        array, bfloat16 = value._channel_first("uint8" if wanted == "bool" else wanted, True)
    if wanted == "bool":
        array = array.view(np.bool_) if array.dtype == np.bool_ else array != 0
    # A volume of one plane may show two axes of space.
    array = array.reshape(array.shape + (1,) * (4 - array.ndim))
    return as_kind(array, to, bfloat16)


def as_kind(array: _arrays.Array, to: str, bfloat16: bool = False) -> Any:
    """An array as what was asked for, over the same memory."""
    if to == "torch":
        return _arrays.to_tensor(array, bfloat16)
    if to == "jax":
        import jax.numpy

        return jax.numpy.from_dlpack(array)
    return array


def _label(key: str, value: Volume, wanted: str) -> tuple[_arrays.Array, bool]:
    """Labels, none of them changed by the dtype."""
    own = value.dtype
    if wanted in ("bool", "bfloat16") or np.dtype(wanted).kind == "f" or np.can_cast(own, wanted):
        return value._channel_first("uint8" if wanted == "bool" else wanted, True)
    array, _ = value._channel_first(own.name, True)
    limits = np.iinfo(wanted)
    if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
        raise DataError(
            f"label {key!r}: values from {array.min()} to {array.max()} do not fit {wanted}; "
            f"dtypes={{{key!r}: {own.name!r}}} keeps them",
            what=f"label {key!r}",
            found=f"values from {array.min()} to {array.max()}",
            hint=f"dtypes={{{key!r}: {own.name!r}}}",
        )
    return array.astype(wanted), False


def meta(
    before: Volume | None, after: Volume | None, name: str, epoch: int, patch: int
) -> dict[str, Any]:
    """What is told of a sample; every value can be collated."""
    out: dict[str, Any] = {"id": name, "path": "", "epoch": epoch, "patch": patch}
    if before is None or after is None:
        return out
    if before.path is not None:
        out["path"] = str(before.path)
    out["start"], out["stop"] = _box(before.affine, after.affine, after.grid.shape)
    out["affine"] = np.array(after.affine)
    return out


def _box(before: Any, after: Any, shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """The box of voxels of one grid in which the voxel centres of another lie."""
    corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape])).reshape(3, -1)
    onto = np.linalg.solve(before, after)
    places = onto[:3, :3] @ corners + onto[:3, 3:]
    # What rounding moves by less than a millionth of a voxel is on the lattice.
    start = np.floor(places.min(axis=1) + 1e-6).astype(np.int64)
    return start, np.ceil(places.max(axis=1) - 1e-6).astype(np.int64) + 1


def list_collate(samples: Sequence[Any]) -> dict[str, Any]:
    """One batch of the samples of a `Dataset`, those in lists too: for a DataLoader's `collate_fn`.

    The batch is as `mx.Loader` gives it: volumes are stacked to (B, C, X, Y, Z), numbers become a
    tensor, texts and points stay lists, `"meta"` is a list of dicts.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> scans = [mx.Volume(np.full((8, 8, 8), n, np.float32)) for n in range(2)]
    >>> data = mx.Dataset(scans, mx.Pipeline([mx.RandomCrop(shape=4, count=3)], seed=1), to="numpy")
    >>> batch = mx.list_collate([data[0], data[1]])
    >>> batch["image"].shape, len(batch["meta"])
    ((6, 1, 4, 4, 4), 6)
    """
    flat: list[Mapping[str, Any]] = []
    for sample in samples:
        flat.extend(sample if isinstance(sample, (list, tuple)) else [sample])
    out: dict[str, Any] = {}
    torch = any(_arrays.is_tensor(v) for v in flat[0].values())
    for key in flat[0]:
        for sample in flat:
            if key not in sample:
                raise ShapeError(f"batch: a sample has no {key!r}; expected the keys of the first")
        out[key] = together(key, [sample[key] for sample in flat], torch)
    return out


def together(key: str, values: list[Any], torch: bool) -> Any:
    """Values of samples as one: volumes and numbers stacked, others as a list."""
    first = values[0]
    if all(isinstance(v, (bool, int, float)) for v in values):
        numbers = np.array(values)
        return _arrays.to_tensor(numbers) if torch else numbers
    if not hasattr(first, "shape") or len(first.shape) < 4:
        return values
    if any(v.shape != first.shape for v in values):
        shapes = sorted({tuple(v.shape) for v in values})
        raise ShapeError(
            f"batch: {key!r} has samples of shapes {shapes}; expected one shape, "
            "as mx.CropOrPad or a crop makes it",
            what=f"batch of {key!r}",
            found=str(shapes),
            expected="one shape",
        )
    if torch:
        return sys.modules["torch"].stack(values)
    if isinstance(first, np.ndarray):
        return np.stack(values)
    import jax.numpy

    return jax.numpy.stack(values)


def _wrong(name: str, found: str, expected: str) -> ParamError:
    return ParamError(
        f"data: {name} is {found}; expected {expected}",
        transform="data",
        name=name,
        found=found,
    )
