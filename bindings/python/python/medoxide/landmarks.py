"""Numbers that a transform needs, made of a training set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ._medoxide import landmarks

__all__ = ["train_landmarks"]

Path = str | os.PathLike[str]


def train_landmarks(
    paths: Sequence[Path],
    *,
    cutoff: tuple[float, float] = (1.0, 99.0),
    mask: str | dict[str, Any] = "all",
    masks: Path | Sequence[Path] = (),
    save: Path | None = None,
) -> list[float]:
    """Landmarks for `HistogramStandardize`, from the percentiles of images.

    The numbers are those of TorchIO's `HistogramStandardization.train`, whose `cutoff` is a share
    and here a percentile. Images are read one after the other, and all channels of one together.

    >>> import numpy as np, tempfile
    >>> import medoxide as mx
    >>> folder = tempfile.mkdtemp()
    >>> paths = [f"{folder}/{scale}.nii" for scale in (1, 3)]
    >>> for path, scale in zip(paths, (1, 3)):
    ...     _ = mx.Volume(scale * np.arange(1000, dtype=np.float32).reshape(10, 10, 10)).save(path)
    >>> landmarks = mx.train_landmarks(paths, save=f"{folder}/landmarks.npy")
    >>> np.round(landmarks[:3], 3).tolist()
    [0.0, 9.184, 19.388]
    >>> standardize = mx.HistogramStandardize(landmarks)

    Parameters
    ----------
    paths : sequence of paths
        The images.
    cutoff : (float, float)
        The lowest and the highest percentile, 0 to 9 and 91 to 100.
    mask : str or dict
        Voxels that count: "all", "nonzero", "above_mean", or `{"above": 10}`.
    masks : path or sequence of paths
        A label file for each image, or one for all: voxels above 0 count, of those that `mask` keeps.
    save : path, optional
        A file to write: `.npy`, as TorchIO reads it, or JSON.

    Returns
    -------
    list of float
        13 landmarks.

    Raises
    ------
    ParamError
        Options that do not fit.
    DataError
        An image of which no voxel counts, or one that is not finite does.
    """
    each = [masks] if isinstance(masks, (str, os.PathLike)) else list(masks)
    return landmarks(list(paths), cutoff, mask, each, save)
