"""Arrays and tensors, without importing torch."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import UnsupportedError

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]


def is_tensor(x: object) -> bool:
    """Whether it is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def of_tensor(x: torch.Tensor) -> Array:
    """A tensor's values as an array, without a copy where it lies in the CPU's memory."""
    import torch

    if hasattr(x, "affine") and type(x) is not torch.Tensor:
        raise UnsupportedError(
            f"a {type(x).__name__} carries an affine of its own; "
            "pass mx.Volume(tensor.as_tensor(), affine=tensor.affine, channel_axis=0)",
            what="a volume",
            found=type(x).__name__,
        )
    if x.dtype == torch.bfloat16:
        x = x.float()
    if x.dtype == torch.bool:
        x = x.to(torch.uint8)
    return x.detach().cpu().resolve_conj().resolve_neg().numpy()  # type: ignore[no-any-return]


def to_tensor(array: Array, bfloat16: bool = False) -> torch.Tensor:
    """A tensor over an array's memory; its uint16 may be the bits of bfloat16."""
    import torch

    if bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def as_array(x: Any) -> Array:
    """Anything that is, or can be seen as, an array."""
    if isinstance(x, np.ndarray):
        return x
    if is_tensor(x):
        return of_tensor(x)
    return np.asarray(x)


def axes(channel_axis: int | Iterable[int] | None) -> list[int] | None:
    """Channel axes as a list."""
    if channel_axis is None:
        return None
    if isinstance(channel_axis, Iterable):
        return [int(a) for a in channel_axis]
    return [int(channel_axis)]
