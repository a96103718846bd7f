"""What a pipeline takes and gives back: the same kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from . import _arrays
from ._medoxide import PipelineCore, load, stack
from .errors import ParamError, ShapeError
from .volume import Volume

#: Endings of files, which must not pass unread.
_SUFFIXES = (".nii", ".hdr", ".img", ".mgh", ".mgz", ".mha", ".mhd", ".nrrd", ".dcm")

#: From a result to the kind that was given.
Back = Callable[[Any], Any]


def volume_of(
    x: Any, channel_axis: int | Sequence[int] | None, role: Any = None
) -> tuple[Volume, Back]:
    """A volume from a volume, path, array or tensor, and the way back."""
    if isinstance(x, Volume):
        return x, _same
    if isinstance(x, (str, os.PathLike)):
        return load(x, role), _same
    if _arrays.is_tensor(x):
        array = _arrays.of_tensor(x)
        return _from_array(array, channel_axis, role), _to_tensor(x, channel_axis)
    if isinstance(x, np.ndarray):
        return _from_array(x, channel_axis, role), _to_array(x, channel_axis)
    raise ParamError(
        f"pipeline: input is a {type(x).__name__}; "
        "expected a Volume, a path, an array, a tensor, or a dict of them",
        transform="pipeline",
        name="input",
        found=type(x).__name__,
    )


def sample_of(
    items: Mapping[str, Any],
    roles: Mapping[str, str | None],
    channel_axis: int | Sequence[int] | None,
) -> tuple[list[tuple[str, Any]], dict[str, Any], dict[str, Back]]:
    """Named items for the planner, those that pass through, and the way back of each."""
    unknown = [key for key in roles if key not in items]
    if unknown:
        raise ParamError(
            f"pipeline: roles is for {unknown[0]!r}; expected keys of the sample: {', '.join(items)}",
            transform="pipeline",
            name="roles",
            found=unknown[0],
        )
    given: list[tuple[str, Any]] = []
    passed: dict[str, Any] = {}
    back: dict[str, Back] = {}
    for key, value in items.items():
        named = key == "id" and name_given(items, roles) is not None
        if named or passes(key, value, roles):
            passed[key] = value
            continue
        role = roles.get(key) or _role(key, value)
        if role == "points":
            given.append((key, _points(key, value)))
            back[key] = _to_tensor(value, None) if _arrays.is_tensor(value) else _same
            continue
        if isinstance(value, (list, tuple)):
            parts = [volume_of(v, None, role)[0] for v in value]
            volume, back[key] = stack([_in_role(v, role) for v in parts]), _same
        else:
            # The way of MONAI: an array of more than three axes has its channels in front.
            axis = channel_axis
            if axis is None and np.ndim(value) > 3 and not isinstance(value, Volume):
                axis = 0
            volume, back[key] = volume_of(value, axis, role)
        given.append((key, _in_role(volume, role)))
    return given, passed, back


def name_given(items: Mapping[str, Any], roles: Mapping[str, str | None]) -> str | None:
    """The name that a case has in itself, under `id`."""
    name = items.get("id")
    return str(name) if "id" not in roles and isinstance(name, (str, int)) else None


def known_role(key: str, roles: Mapping[str, str | None]) -> str | None:
    """The role that is given or that the name stands for; None if neither."""
    if key in roles:
        return roles[key]
    try:
        return PipelineCore.infer_role(key)
    except ParamError:
        return None


def passes(key: str, value: Any, roles: Mapping[str, str | None]) -> bool:
    """Whether a value is no item: a number, a text under a name without a role, a list or dict of such."""
    if (
        value is None
        or isinstance(value, (bool, int, float, Mapping))
        or roles.get(key, "") is None
    ):
        return True
    if isinstance(value, (Volume, os.PathLike)) or known_role(key, roles) is not None:
        return False
    if isinstance(value, str):
        # A file must not pass unread because nobody said what it is.
        return not value.lower().removesuffix(".gz").endswith(_SUFFIXES)
    if isinstance(value, (list, tuple)):
        return all(passes(key, v, roles) for v in value)
    return (isinstance(value, np.ndarray) or _arrays.is_tensor(value)) and value.ndim < 2


def _role(key: str, value: Any) -> str:
    if isinstance(value, Volume) and value._role_given:
        return value.role
    return PipelineCore.infer_role(key)


def _in_role(volume: Volume, role: str) -> Volume:
    return volume if volume.role == role and volume._role_given else volume._as_role(role)


def _points(key: str, value: Any) -> list[list[float]]:
    points = _arrays.as_array(value)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ShapeError(
            f"points {key!r}: found an array of shape {points.shape}, expected (N, 3) world millimetres",
            what=f"points {key!r}",
            found=str(points.shape),
            expected="(N, 3)",
        )
    return points.astype(np.float64).tolist()  # type: ignore[no-any-return]


def _from_array(
    array: _arrays.Array, channel_axis: int | Sequence[int] | None, role: Any
) -> Volume:
    return Volume(array, channel_axis=channel_axis, role=role)


def _same(x: Any) -> Any:
    return x


def _place(array: _arrays.Array, axes: list[int], n: int) -> _arrays.Array:
    """Channels from behind the axes of space to where they came from, of an array that had `n` axes."""
    if array.ndim == n + 1 and array.shape[2] == 1:
        # It came with two axes of space.
        array = array[:, :, 0]
    axes = [a % n for a in axes]
    behind = range(array.ndim - len(axes), array.ndim)
    return np.moveaxis(array, list(behind), axes)


def _space(array: _arrays.Array, n: int) -> _arrays.Array:
    """An array whose channels became one, with `n` axes if z has one voxel."""
    return array[:, :, 0] if array.ndim == n + 1 and array.shape[2] == 1 else array


def _channels_first(v: Volume, n: int) -> tuple[_arrays.Array, bool]:
    """C-contiguous, the channels in front, `n` axes if z has one voxel; and whether it is bfloat16."""
    array, bfloat16 = v._channel_first(_name(v.dtype), True)
    if array.ndim == n + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    return array, bfloat16


def _to_array(like: _arrays.Array, channel_axis: int | Sequence[int] | None) -> Back:
    axes = _arrays.axes(channel_axis)
    f_order = like.flags.f_contiguous and not like.flags.c_contiguous

    def back(v: Any) -> Any:
        if not isinstance(v, Volume):
            return v
        if not axes or len(v.shape) <= 3:
            array = v.numpy(v.dtype, "F" if f_order else "C")
            return _space(array, like.ndim - len(axes)) if axes else array
        if axes == [0] and not f_order:
            return _channels_first(v, like.ndim)[0]
        return _place(v.numpy(v.dtype), axes, like.ndim)

    return back


def _to_tensor(like: Any, channel_axis: int | Sequence[int] | None) -> Back:
    axes = _arrays.axes(channel_axis)

    def back(v: Any) -> Any:
        if not isinstance(v, Volume):
            return _arrays.to_tensor(np.asarray(v)).to(like.device)
        bfloat16 = False
        if axes and len(v.shape) <= 3:
            array = np.ascontiguousarray(_space(v.numpy(v.dtype), like.ndim - len(axes)))
        elif axes == [0]:
            array, bfloat16 = _channels_first(v, like.ndim)
        elif axes:
            array = np.ascontiguousarray(_place(v.numpy(v.dtype), axes, like.ndim))
        else:
            array, bfloat16 = v._channel_first(_name(v.dtype), False)
        return _arrays.to_tensor(array, bfloat16).to(like.device)

    return back


def _name(dtype: np.dtype[Any]) -> str | None:
    """The dtype said explicitly, which nobody need be warned of; colours have no name."""
    return None if dtype.names else dtype.name
