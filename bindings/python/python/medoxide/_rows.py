"""Samples written into the rows of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _arrays, _batch
from ._items import name_given, sample_of, volume_of
from ._medoxide import PipelineCore, _compute_rows
from .errors import ParamError, ShapeError
from .volume import Volume

#: The name of what comes of a sample that is no dict.
_ALONE = ""


def batch(
    core: PipelineCore,
    samples: list[Any],
    out: Any,
    epoch: int,
    ids: Sequence[str] | None,
    channel_axis: int | Sequence[int] | None,
    roles: Mapping[str, str | None],
    dtypes: Mapping[str, Any],
    threads: int | None,
    to: _batch.To | None,
) -> Any:
    """See `Pipeline.batch`."""
    if not samples:
        raise _wrong("samples", "none", "samples")
    if ids is not None and len(ids) != len(samples):
        raise _wrong("ids", f"{len(ids)} names for {len(samples)} samples", "a name for each")
    if threads is not None and threads < 1:
        raise _wrong("threads", str(threads), "a number from 1")
    dicts = isinstance(samples[0], Mapping)
    rows: list[dict[str, Any]] = []
    for n, sample in enumerate(samples):
        if isinstance(sample, Mapping) != dicts:
            raise _wrong("samples", "dicts and others", "samples of one kind")
        rows += _planned(core, sample, ids[n] if ids is not None else None, epoch, channel_axis, roles)
    given = out if isinstance(out, Mapping) else {} if out is None else {_ALONE: out}
    if dicts and out is not None and not isinstance(out, Mapping):
        raise _wrong("out", f"a {type(out).__name__}", "a dict of arrays, as the samples are dicts")
    kind = _batch.kind(to or ("torch" if any(map(_has_tensors, samples)) else "numpy"))
    made: dict[str, Any] = {}
    for key in rows[0]:
        if any(key not in row for row in rows):
            raise ShapeError(f"batch: a sample has no {key!r}; expected the keys of the first")
        values = [row[key] for row in rows]
        if isinstance(values[0], Volume):
            made[key] = _stacked(key, values, given.get(key), dtypes.get(key), threads, kind)
        else:
            made[key] = _batch.together(key, values, kind == "torch")
    if unknown := given.keys() - made.keys():
        raise _wrong("out", repr(min(unknown)), f"keys of the result: {', '.join(made)}")
    return made if dicts else made[_ALONE]


def _planned(
    core: PipelineCore,
    sample: Any,
    id: str | None,
    epoch: int,
    channel_axis: int | Sequence[int] | None,
    roles: Mapping[str, str | None],
) -> list[dict[str, Any]]:
    """The samples that become of one, not computed yet."""
    if not isinstance(sample, Mapping):
        volume = volume_of(sample, channel_axis)[0]
        return [{_ALONE: v} for v in core.apply_to_volume(volume, id, epoch)]
    id = name_given(sample, roles) if id is None else id
    items, passed, _ = sample_of(sample, roles, channel_axis)
    return [{**dict(made), **passed} for made in core.apply(items, id, epoch)]


def _has_tensors(sample: Any) -> bool:
    values = sample.values() if isinstance(sample, Mapping) else [sample]
    return any(_arrays.is_tensor(v) for v in values)


def _stacked(
    key: str, volumes: list[Volume], out: Any, dtype: Any, threads: int | None, kind: str
) -> Any:
    """Volumes as the rows of one array."""
    grid = volumes[0].grid
    channels = int(np.prod(volumes[0].shape[3:], dtype=np.int64)) if volumes[0].ndim > 3 else 1
    shape = (len(volumes), channels, *grid.shape)
    where = f"out[{key!r}]" if key else "out"
    if out is None:
        wanted = _batch.dtype_name(key, dtype or ("int16" if volumes[0].role == "label" else "float32"))
        stored = {"bfloat16": "uint16", "bool": "uint8"}.get(wanted, wanted)
        array = np.empty(shape, stored)
        name = "uint8" if wanted == "bool" else wanted
    else:
        array, name = _memory(where, out)
        wanted = name
    if array.shape != shape:
        raise ShapeError(
            f"batch: {where} has the shape {array.shape}; expected {shape}",
            what="batch",
            found=str(array.shape),
            expected=str(shape),
        )
    _compute_rows(volumes, name, array.reshape(-1).view(np.uint8), threads)
    if out is not None:
        return out
    return _batch.as_kind(array.view(np.bool_) if wanted == "bool" else array, kind, wanted == "bfloat16")


def _memory(where: str, out: Any) -> tuple[_arrays.Array, str]:
    """The memory of an array or tensor as an array, and its dtype's name."""
    name = _batch.dtype_name("out", out.dtype) if hasattr(out, "dtype") else ""
    if _arrays.is_tensor(out):
        import torch

        fine = out.device.type == "cpu" and out.is_contiguous() and not out.requires_grad
        bits = {"bfloat16": torch.int16}.get(name)
        array = (out.view(bits) if bits else out).numpy() if fine else None
    else:
        fine = isinstance(out, np.ndarray) and out.flags.c_contiguous and out.flags.writeable
        array = out if fine else None
    if array is None or name == "bool":
        found = f"a {type(out).__name__} of {name or 'no dtype'}"
        raise _wrong(where, found, "a writable C-contiguous array or tensor of numbers in the CPU's memory")
    return array, name


def _wrong(name: str, found: str, expected: str) -> ParamError:
    return ParamError(
        f"batch: {name} is {found}; expected {expected}", transform="batch", name=name, found=found
    )
