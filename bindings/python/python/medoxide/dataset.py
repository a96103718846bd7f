"""Samples one by one, for torch's DataLoader and whoever else asks by index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from . import _batch
from ._cases import parse, reference
from ._medoxide import Cache, Records, _threads_given, features, set_threads
from ._visits import Visits, worker
from .errors import ParamError
from .pipeline import Pipeline


class Dataset:
    """Samples by index: what a pipeline makes of each case, as a dict of tensors.

    A map-style data set for `torch.utils.data.DataLoader` with any sampler, number of workers and
    start method; `mx.Loader` does the same with threads, faster. Nothing is read before a sample is
    asked for, and the data set pickles as its list and pipeline.

    A sample is a dict. Volumes are C-contiguous (C, X, Y, Z), images and maps float32, labels int16;
    points (N, 3) float64, in world millimetres. Numbers and texts pass through. `"meta"` tells `id`,
    `path` (of the first image; empty for arrays), `epoch`, `patch` (0 unless the pipeline cuts
    several), `affine` (4 x 4, of the first image's voxels) and `start` and `stop`, the box of voxels
    of the first image, as it was before the pipeline, in which the sample lies. Where the pipeline
    cuts several patches a sample is a list of dicts, which `mx.list_collate` (or MONAI's
    `list_data_collate`) makes one batch of.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> scans = [mx.Volume(np.full((32, 32, 32), n, np.float32)) for n in range(4)]
    >>> cases = [{"id": str(n), "image": scan, "age": 40 + n} for n, scan in enumerate(scans)]
    >>> data = mx.Dataset(cases, mx.Pipeline([mx.RandomCrop(shape=16)], seed=1), to="numpy")
    >>> sample = data[2]
    >>> sample["image"].shape, sample["image"].dtype, sample["age"], sample["meta"]["id"]
    ((1, 16, 16, 16), dtype('float32'), 42, '2')

    Random draws are named by the pipeline's seed, the epoch and the sample's id. The epoch is what
    `set_epoch` said, also in workers that are running. If nobody said one, each visit of a sample is
    another epoch: visits are counted, and in a DataLoader's workers they count from torch's base seed,
    so that `torch.manual_seed` decides. No `worker_init_fn` is needed.

    A worker process computes on one thread, unless `mx.set_threads` or MEDOXIDE_THREADS said otherwise.

    Parameters
    ----------
    data : sequence of dicts
        Cases: each item a path, a list of paths (channels of one volume), a Volume, an array (more
        than three axes: channels first), (N, 3) points, or a number or text. A text is a path where
        its key has a role. `id` names the case; otherwise the path of its first image does, or a
        digest of its voxels. A path instead of a dict is an image.
    pipeline : Pipeline, default none
        What is done to each sample.
    roles : dict of str
        Role of a key: "image", "label", "map", "points", or None to pass the item through. Keys that
        are not here are told by their name.
    dtypes : dict of str
        dtype of a key's tensors, also "bfloat16" for torch. Labels that do not fit are an error;
        images are rounded and kept in range, as by `mx.Cast`.
    cache : Cache
        What comes before the first random transform is kept there.
    records : Records or False
        Where the numbers are kept that transforms measure of whole volumes; in this process's memory, if not
        given, and nowhere for False. See `mx.records`.
    index : bool, "sidecar" or path, default True
        Where places in gzip streams are noted; see `mx.load`.
    to : "torch", "numpy" or "jax", default "torch"
        What tensors are given as.
    """

    def __init__(
        self,
        data: Sequence[Any],
        pipeline: Pipeline | None = None,
        *,
        roles: Mapping[str, str | None] | None = None,
        dtypes: Mapping[str, Any] | None = None,
        cache: Cache | None = None,
        records: Records | Literal[False] | None = None,
        index: bool | str | os.PathLike[str] = True,
        to: _batch.To = "torch",
    ) -> None:
        self._data = _batch.cases_of(data)
        self._pipeline = pipeline or Pipeline([])
        self._roles = _batch.roles_of(data, roles)
        self._dtypes = {key: _batch.dtype_name(key, d) for key, d in (dtypes or {}).items()}
        self._cache, self._records = cache, _batch.records_of(records)
        self._index = index
        self._to = _batch.kind(to)
        self._visits = Visits(len(self._data))
        self._threads: int | None = None
        self._process: int | None = None

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Any:
        """The sample of a case; a list of them where the pipeline cuts several patches."""
        return self._sample(index, None)

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The samples of one batch; transforms that ask are told of their places in it."""
        each = self._pipeline._core.patches
        if each is None:
            return [self[i] for i in indices]
        of = each * len(indices)
        return [
            self._sample(i, [(n * each + k, of) for k in range(each)])
            for n, i in enumerate(indices)
        ]

    def _sample(self, index: int, places: list[tuple[int, int]] | None) -> Any:
        at = range(len(self._data))[index]
        self._settle()
        case, name = self._data[at], None
        try:
            parsed = parse(case, self._roles)
            name = parsed.name
            before = parsed.open(self._index)
            epoch = self._visits.visit(at)
            core = self._pipeline._keeping(self._cache, self._records)
            samples = []
            for patch, items in enumerate(core.apply(before, name, epoch, places)):
                sample = {
                    key: _batch.tensor(key, value, self._dtypes.get(key), self._to)
                    for key, value in items
                }
                shown = (reference(before), reference(items))
                meta = _batch.meta(*shown, name, epoch, patch)
                samples.append(sample | parsed.passed | {"meta": meta})
        except Exception as error:
            _batch.note(error, f"sample {at}: {name or _batch.name_of(case)}")
            raise
        return samples[0] if self._pipeline._core.patches == 1 else samples

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch of all draws from now on, in running workers too."""
        self._visits.set(_batch.epoch(epoch))

    @property
    def epoch(self) -> int | None:
        """The epoch that was set, or None."""
        return self._visits.epoch

    @property
    def pipeline(self) -> Pipeline:
        """What is done to each sample."""
        return self._pipeline

    def __repr__(self) -> str:
        transforms = ", ".join(t.name for t in self._pipeline.transforms)
        return f"Dataset({len(self)} cases{': ' if transforms else ''}{transforms})"

    def __getstate__(self) -> dict[str, Any]:
        threads = features()["threads"] if _threads_given() else None
        return self.__dict__ | {"_threads": threads, "_process": None}

    def _settle(self) -> None:
        """In a worker process of torch: one thread, or as many as were asked for."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        if worker() is not None and not _threads_given():
            set_threads(self._threads or 1)
