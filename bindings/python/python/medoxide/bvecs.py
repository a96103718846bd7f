"""Directions of diffusion gradients, which follow a series onto another grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._medoxide import rotated_bvecs
from .errors import ParamError

__all__ = ["rotate_bvecs"]


def rotate_bvecs(vectors: npt.ArrayLike, before: Any, after: Any) -> npt.NDArray[np.float64]:
    """B-vectors of a diffusion series on another grid, the world having stayed where it is.

    FSL's convention: along the voxel axes, the first one reversed where the affine's determinant is
    positive. Reorienting, flipping and resampling onto turned grids change them; resampling alone
    does not. `before` and `after` are the series' volumes or affines.

    Parameters
    ----------
    vectors : array of (n, 3) or (3, n), as `bvecs` files have them
    before, after : Volume or (4, 4) array-like
        The series that the vectors are of, and the one that they are wanted for.

    Examples
    --------
    >>> import numpy as np
    >>> import medoxide as mx
    >>> series = mx.Volume(np.zeros((4, 5, 6, 2), np.float32), channel_axis=3)
    >>> mx.rotate_bvecs([[1, 0, 0], [0, 1, 0]], series, series.reorient("PRS")).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    given = np.asarray(vectors, np.float64)
    if given.ndim != 2 or 3 not in given.shape:
        raise ParamError(
            f"rotate_bvecs: vectors has shape {given.shape}; expected (n, 3) or (3, n)",
            transform="rotate_bvecs",
            name="vectors",
            found=str(given.shape),
        )
    rows = given if given.shape[1] == 3 else given.T
    affines = [np.asarray(getattr(v, "affine", v), np.float64).tolist() for v in (before, after)]
    turned = np.array(rotated_bvecs(rows.tolist(), *affines)).reshape(-1, 3)
    return turned if given.shape[1] == 3 else turned.T
