"""Batches whose samples are mixed with one another: what a pipeline, which sees one sample, cannot do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import _arrays
from ._batch import as_kind
from ._medoxide import mix_draws
from .errors import ParamError, ShapeError

__all__ = ["cutmix", "cutout", "mixup"]


def mixup(
    batch: Mapping[str, Any],
    alpha: float | Sequence[float] = 1.0,
    *,
    seed: int,
    keys: str | Sequence[str] | None = None,
    p: float = 1.0,
    epoch: int | None = None,
    ids: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Mixes each sample of a batch with another one: `weight * own + (1 - weight) * partner's`.

    Weights are drawn for each row from a Beta distribution, partners are a permutation of the rows
    (Zhang et al., ICLR 2018; MONAI's `MixUp`). Labels of class numbers cannot be mixed: their loss
    is the mean of both, `weight * loss(out, y) + (1 - weight) * loss(out, y[partner])`. Labels that
    are one-hot, as floats, are mixed like images if they are among `keys`.

    Draws are named by seed, epoch and the row's sample and patch, so they do not depend on threads
    or devices. Arithmetic is that of the arrays, which may lie on a GPU; the batch itself is not
    changed.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> batch = {"image": np.stack([np.full((1, 2, 2, 2), n, np.float32) for n in range(4)])}
    >>> mixed = mx.mixup(batch, 0.4, seed=1, ids=["a", "b", "c", "d"])
    >>> weight, partner = mixed["mixup"]["weight"], mixed["mixup"]["partner"]
    >>> bool(np.allclose(mixed["image"][:, 0, 0, 0, 0], weight * np.arange(4) + (1 - weight) * partner))
    True

    Parameters
    ----------
    batch : dict
        As `mx.Loader`, `mx.list_collate` or `Pipeline.batch` give it.
    alpha : float or pair of floats
        Parameters of the Beta distribution, above 0; one number stands for both.
    seed : int
        What names the draws.
    keys : str or sequence of str
        The arrays that are mixed; all of floats with five axes if not given.
    p : float
        Probability that a row is mixed; others have a weight of 1 and are their own partners.
    epoch : int
        Number of the epoch; that of the batch's `"meta"`, or 0, if not given.
    ids : sequence of str
        Names of the rows; those of the batch's `"meta"` if not given.

    Returns
    -------
    dict
        The batch with mixed arrays and `"mixup"`: `weight` (float32) and `partner` of each row.
    """
    names = _keys("mixup", batch, keys, floats=True)
    weights, partners, _ = _draws("mixup", batch, names, alpha, seed, p, epoch, ids)
    out = dict(batch)
    for key in names:
        a = batch[key]
        share = _like(weights.reshape(-1, *[1] * (a.ndim - 1)), a, a.dtype)
        out[key] = share * a + (1 - share) * a[_like(partners, a)]
    own = batch[names[0]]
    out["mixup"] = {"weight": _like(weights, own), "partner": _like(partners, own)}
    return out


def cutmix(
    batch: Mapping[str, Any],
    alpha: float | Sequence[float] = 1.0,
    *,
    seed: int,
    keys: str | Sequence[str] | None = None,
    p: float = 1.0,
    epoch: int | None = None,
    ids: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Puts a box of another sample into each sample of a batch, in images and labels alike.

    A box is `sqrt(1 - weight)` of each axis long, begins at a drawn voxel and ends at the border at
    the latest, with weights drawn for each row from a Beta distribution and partners that are a
    permutation of the rows (Yun et al., ICCV 2019; MONAI's `CutMix`, which has one place for all
    rows). For labels of whole images the share of a row's own voxels is the weight of its own label.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> batch = {"image": np.stack([np.full((1, 8, 8, 8), n, np.float32) for n in range(4)])}
    >>> mixed = mx.cutmix(batch, seed=1, ids=["a", "b", "c", "d"])
    >>> own = (mixed["image"] == batch["image"]).mean(axis=(1, 2, 3, 4))
    >>> bool(np.allclose(own[mixed["cutmix"]["partner"] != np.arange(4)], mixed["cutmix"]["weight"][mixed["cutmix"]["partner"] != np.arange(4)]))
    True

    Parameters
    ----------
    batch, alpha, seed, p, epoch, ids
        As for `mixup`.
    keys : str or sequence of str
        The arrays that boxes are put into; all with five axes and the first one's shape if not given.

    Returns
    -------
    dict
        The batch with other arrays and `"cutmix"`: `weight` (the share of a row's own voxels),
        `partner`, and `start` and `stop` of each row's box.
    """
    names = _keys("cutmix", batch, keys, floats=False)
    weights, partners, boxes = _draws("cutmix", batch, names, alpha, seed, p, epoch, ids)
    out = dict(batch)
    for key in names:
        out[key] = _boxed(batch[key], boxes, batch[key], partners)
    out["cutmix"] = _told(batch[names[0]], weights, partners, boxes)
    return out


def cutout(
    batch: Mapping[str, Any],
    alpha: float | Sequence[float] = 1.0,
    *,
    seed: int,
    keys: str | Sequence[str] | None = None,
    p: float = 1.0,
    epoch: int | None = None,
    ids: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Sets a box of each sample of a batch to zero (DeVries and Taylor 2017; MONAI's `CutOut`).

    Boxes are those of `cutmix`. For boxes of a given size, or filled otherwise, there is
    `CoarseDropout` in pipelines.

    Parameters
    ----------
    batch, alpha, seed, p, epoch, ids
        As for `mixup`.
    keys : str or sequence of str
        The arrays; all of floats with five axes and the first one's shape if not given.

    Returns
    -------
    dict
        The batch with other arrays and `"cutout"`: `weight` (the share of voxels that are left),
        `start` and `stop` of each row's box.
    """
    names = _keys("cutout", batch, keys, floats=True)
    weights, partners, boxes = _draws("cutout", batch, names, alpha, seed, p, epoch, ids)
    out = dict(batch)
    for key in names:
        out[key] = _boxed(batch[key], boxes, None, partners)
    told = _told(batch[names[0]], weights, partners, boxes)
    del told["partner"]
    out["cutout"] = told
    return out


def _boxed(a: Any, boxes: _arrays.Array, others: Any, partners: _arrays.Array) -> Any:
    """The array with the boxes of other rows, or zeros, put in."""
    jax = not isinstance(a, np.ndarray) and not _arrays.is_tensor(a)
    out = a if jax else a.copy() if isinstance(a, np.ndarray) else a.clone()
    for row, (partner, (start, stop)) in enumerate(zip(partners, boxes, strict=True)):
        if (stop <= start).any():
            continue
        box = (slice(None), *(slice(int(i), int(j)) for i, j in zip(start, stop, strict=True)))
        whole = (row, *box)
        part = 0 if others is None else others[int(partner)][box]
        if jax:
            out = out.at[whole].set(part)
        else:
            out[whole] = part
    return out


def _told(like: Any, weights: Any, partners: Any, boxes: Any) -> dict[str, Any]:
    """What was drawn, as arrays of the batch's kind."""
    told = {"weight": weights, "partner": partners, "start": boxes[:, 0], "stop": boxes[:, 1]}
    return {name: _like(np.ascontiguousarray(v), like) for name, v in told.items()}


def _like(array: _arrays.Array, like: Any, dtype: Any = None) -> Any:
    """Numbers as an array of the same kind, on the same device."""
    if isinstance(like, np.ndarray):
        return array if dtype is None else array.astype(dtype)
    if _arrays.is_tensor(like):
        return as_kind(array.copy(), "torch").to(device=like.device, dtype=dtype)
    made = as_kind(array.copy(), "jax")
    return made if dtype is None else made.astype(dtype)


def _is_floats(a: Any) -> bool:
    return "float" in str(a.dtype)


def _keys(
    name: str, batch: Mapping[str, Any], keys: str | Sequence[str] | None, floats: bool
) -> list[str]:
    """The keys of the arrays that are changed."""
    if keys is None:

        def fits(a: Any) -> bool:
            return getattr(a, "ndim", 0) == 5 and (_is_floats(a) or not floats)

        found = [key for key, a in batch.items() if fits(a)]
        space = 1 if name == "mixup" else 2
        found = [
            k
            for k in found
            if name == "mixup" or batch[k].shape[space:] == batch[found[0]].shape[space:]
        ]
    else:
        found = [keys] if isinstance(keys, str) else list(keys)
    if not found:
        raise _wrong(name, "keys", "no array of five axes", "a batch of volumes")
    for key in found:
        if not hasattr(batch.get(key), "shape"):
            raise _wrong(name, "keys", repr(key), "keys of the batch's arrays")
        if floats and not _is_floats(batch[key]):
            wanted = "arrays of floats; class numbers cannot be mixed"
            raise _wrong(name, "keys", f"{key!r} of {batch[key].dtype}", wanted)
        if name != "mixup" and batch[key].shape[2:] != batch[found[0]].shape[2:]:
            raise ShapeError(
                f"{name}: {key!r} has shape {tuple(batch[key].shape)}; expected the voxels of "
                f"{found[0]!r}, {tuple(batch[found[0]].shape)}",
                what=name,
                found=str(tuple(batch[key].shape)),
                expected=str(tuple(batch[found[0]].shape)),
            )
    return found


def _draws(
    name: str,
    batch: Mapping[str, Any],
    keys: Sequence[str],
    alpha: float | Sequence[float],
    seed: int,
    p: float,
    epoch: int | None,
    ids: Sequence[str] | None,
) -> tuple[_arrays.Array, _arrays.Array, _arrays.Array]:
    """Weights, partners and boxes of the rows; weights are shares of voxels where boxes are."""
    first = batch[keys[0]]
    count = int(first.shape[0])
    meta = batch.get("meta") if ids is None else None
    if meta is not None:
        rows = [
            (str(m["id"]), int(m["epoch"] if epoch is None else epoch), int(m["patch"]))
            for m in meta
        ]
    elif ids is not None:
        rows = [(str(id), epoch or 0, 0) for id in ids]
    else:
        raise _wrong(name, "ids", "not given", 'names of the rows, or a batch with "meta"')
    if len(rows) != count:
        raise _wrong(name, "ids", f"{len(rows)} names", f"{count}, one for each row")
    pair = [alpha, alpha] if isinstance(alpha, (int, float)) else [float(a) for a in alpha]
    if len(pair) != 2 or not all(a > 0 and math.isfinite(a) for a in pair):
        raise _wrong(name, "alpha", repr(alpha), "a number above 0, or two")
    if not 0 <= p <= 1:
        raise _wrong(name, "p", repr(p), "a probability from 0 to 1")
    shape = [int(n) for n in first.shape[2:]]
    shape = (shape + [1, 1, 1])[:3]
    drawn, partners, corners = mix_draws(
        name, seed, rows, (pair[0], pair[1]), float(p), (shape[0], shape[1], shape[2])
    )
    boxes = np.array(corners, np.int64).reshape(count, 2, 3)[:, :, : max(first.ndim - 2, 0)]
    weights = np.array(drawn, np.float32)
    if name != "mixup":
        sides = np.maximum(boxes[:, 1] - boxes[:, 0], 0)
        weights = (1 - sides.prod(axis=1) / math.prod(first.shape[2:])).astype(np.float32)
    return weights, np.array(partners, np.int64), boxes


def _wrong(transform: str, name: str, found: str, expected: str) -> ParamError:
    return ParamError(
        f"{transform}: {name} is {found}; expected {expected}",
        transform=transform,
        name=name,
        found=found,
    )
