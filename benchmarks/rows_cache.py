"""Patches of volumes that were decoded before: from a cache on disk, against caches in memory."""

from __future__ import annotations

import itertools
from typing import Any

from data import PATCH, Data
from row import US, Aim, Close, Must, Reference, row
from rows_io import PACKED, SECTION

# A patch at a random place of a .nii.gz that was decoded before: by us on disk, where every process finds it; by medrs in its memory.
kept = row(
    "64³ crop of .nii.gz from the decoded cache on disk → float32",
    SECTION,
    must=Must(1.0, ("medrs",)),
    aim=Aim(1.5, Reference("pread", 256)),
    check=Close("medrs"),
    note="the file is opened and looked up for every patch; medrs keeps the decoded volume in memory",
)


@kept.by(US)
def _(data: Data):
    import medoxide as mx

    path, corners = data.file(PACKED), itertools.cycle(data.corners(256))
    cache = mx.cache(data.file("decoded"), "1 GB")
    # Checksums are looked at when a process first touches a block.
    mx.load(path).cached(cache).numpy()
    mx.load(path).cached(cache).numpy()

    def call() -> Any:
        x, y, z = next(corners)
        patch = mx.load(path).cached(cache)[x : x + PATCH, y : y + PATCH, z : z + PATCH]
        return patch.numpy(dtype="float32")

    return call


@kept.by("medrs")
def _(data: Data):
    import medrs

    path, corners = data.file(PACKED), itertools.cycle(data.corners(256))
    return lambda: medrs.load_cropped(path, list(next(corners)), [PATCH] * 3).to_numpy()
