"""Patches of ordinary .nii.gz files, of one gzip stream each: the first visit, and later ones."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from data import PATCH, Data
from row import US, Close, Must, row

SECTION = "patches of one gzip stream"
KEPT = "nibabel+indexed_gzip"


def _ours(path: str, corner: tuple[int, int, int], index: bool) -> np.ndarray:
    import medoxide as mx

    x, y, z = corner
    return mx.load(path, index=index)[x : x + PATCH, y : y + PATCH, z : z + PATCH].numpy(dtype="float32")


# A file that nobody has visited yet, for each call: another name of the same file.
for n, index, must, what in (
    (256, False, 0.5, "first visit"),
    (256, True, 0.75, "first visit, gathering checkpoints"),
    (512, False, 0.5, "first visit"),
    (512, True, 0.75, "first visit, gathering checkpoints"),
):
    first = row(
        f"64³ crop of {n}³ .nii.gz, {what}",
        SECTION,
        must=Must(must),
        check=Close("medrs"),
        quick=n == 256,
    )

    @first.by(US)
    def _(data: Data, n=n, index=index):
        corners = itertools.cycle(data.corners(n))
        return lambda: _ours(data.fresh(f"head{n}_i16.nii.gz"), next(corners), index)

    @first.by("medrs")
    def _(data: Data, n=n):
        import medrs

        corners = itertools.cycle(data.corners(n))

        def call() -> Any:
            path = data.fresh(f"head{n}_i16.nii.gz")
            return medrs.load_cropped(path, list(next(corners)), [PATCH] * 3).to_numpy()

        return call


# A file that was visited to its end: its places are known, its voxels are not kept.
for n, must in ((256, 0.4), (512, 0.3)):
    later = row(
        f"64³ crop of {n}³ .nii.gz, later visits",
        SECTION,
        must=Must(must),
        check=Close(KEPT),
        note="indexed_gzip kept open, its index complete",
        quick=n == 256,
    )

    @later.by(US)
    def _(data: Data, n=n):
        path, corners = data.file(f"head{n}_i16.nii.gz"), itertools.cycle(data.corners(n))
        _ours(path, (n - PATCH,) * 3, True)
        return lambda: _ours(path, next(corners), True)

    @later.by(KEPT)
    def _(data: Data, n=n):
        import nibabel as nib

        image = nib.load(data.file(f"head{n}_i16.nii.gz"), keep_file_open=True)
        corners = itertools.cycle(data.corners(n))

        def cut(corner: tuple[int, int, int]) -> np.ndarray:
            x, y, z = corner
            patch = image.dataobj[x : x + PATCH, y : y + PATCH, z : z + PATCH]
            return np.asarray(patch).astype(np.float32)

        cut((n - PATCH,) * 3)
        return lambda: cut(next(corners))
