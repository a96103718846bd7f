"""Pipelines: transforms in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _batch, _rows
from ._function import Function, unwritable
from ._items import name_given, sample_of, volume_of
from ._medoxide import Cache, PipelineCore, Records
from ._transform import Group, Transform, of_node
from .errors import ParamError
from .volume import Explanation, Volume

if TYPE_CHECKING:
    Path = str | os.PathLike[str]


class Pipeline:
    """Transforms, applied in order to a volume or to items that belong together.

    Random draws are named by seed, epoch, sample and transform, never taken in sequence: the same
    names give the same draws whatever the threads, workers and order of the samples.

    Parameters
    ----------
    transforms : iterable of transforms
        What is done, first to last.
    seed : int
        Name of the draws; drawn from the system if not given, and shown by `seed`.
    fuse : bool, default True
        False runs step by step as written, for comparison.
    on_mismatch : "error", "resample" or "trust_shape", default "error"
        What happens to items that do not lie on the grid of the first image.
    """

    __slots__ = ("_core",)

    def __init__(
        self,
        transforms: Iterable[Transform],
        *,
        seed: int | None = None,
        fuse: bool = True,
        on_mismatch: str = "error",
    ) -> None:
        nodes = []
        for t in transforms:
            if not isinstance(t, Transform):
                raise ParamError(
                    f"pipeline: transforms has {t!r}; expected transforms, such as mx.ZNormalize()",
                    transform="pipeline",
                    name="transforms",
                    found=repr(t),
                )
            nodes.append(t._node)
        self._core = PipelineCore(nodes, seed, fuse, on_mismatch)

    @classmethod
    def _of(cls, core: PipelineCore) -> Pipeline:
        out = cls.__new__(cls)
        out._core = core
        return out

    @classmethod
    def from_file(cls, path: Path) -> Pipeline:
        """From a YAML or JSON file."""
        return cls._of(PipelineCore.from_file(path))

    @classmethod
    def from_yaml(cls, text: str) -> Pipeline:
        """From YAML or JSON text."""
        return cls._of(PipelineCore.from_yaml(text))

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Pipeline:
        """From a dict, as `to_dict` gives it."""
        return cls._of(PipelineCore.from_dict(dict(value)))

    def to_yaml(self) -> str:
        """The pipeline file, every parameter written out; the seed if it was given.

        An error if one of the transforms is a `mx.Function`, which no file can hold.
        """
        self._writable()
        return self._core.to_yaml()

    def to_dict(self) -> dict[str, Any]:
        """The pipeline file as a dict; an error if one of the transforms is a `mx.Function`."""
        self._writable()
        return self._core.to_dict()

    def _writable(self) -> None:
        for function in self._functions():
            raise unwritable(function)

    def _functions(self) -> list[Function]:
        return [*_functions(self.transforms)]

    @property
    def transforms(self) -> list[Transform]:
        """The transforms, first to last."""
        return [of_node(n) for n in self._core.nodes]

    @property
    def seed(self) -> int:
        """The seed in use, given or drawn."""
        return self._core.seed

    @property
    def fuse(self) -> bool:
        """Whether stages are fused."""
        return self._core.fuse

    @property
    def is_random(self) -> bool:
        """Whether a transform draws anything at random."""
        return self._core.is_random

    def __call__(
        self,
        x: Any,
        *,
        epoch: int = 0,
        id: str | None = None,
        channel_axis: int | Sequence[int] | None = None,
        roles: Mapping[str, str | None] | None = None,
        cache: Cache | None = None,
        records: Records | None = None,
    ) -> Any:
        """Applies the pipeline and gives back the kind it was given.

        A volume or a path gives a lazy volume, an array an array, a tensor a tensor on its device.
        A dict gives a dict with the same keys: each item is a volume, path, array, tensor, a list of
        paths that become channels of one volume, or an (N, 3) array of points in world millimetres.
        A pipeline that cuts several patches gives a list. Arrays lie on the identity affine.

        Parameters
        ----------
        epoch : int, default 0
            Counts visits of the same sample; another epoch has other draws.
        id : str
            Name of the sample for random draws; a dict's "id", else its path, or a digest of its content,
            if not given.
        channel_axis : int or ints
            Axes of an array that are no space; in a dict 0 for arrays of more than three axes.
        roles : dict of str
            Role of a key: "image", "label", "map", "points", or None to pass the item through. Keys
            that are not here are told by their name; numbers pass through, and texts that are no files.
        cache : Cache
            What comes before the first random transform is kept there, made once for each sample;
            the rest reads what it needs of it. Items must be paths or volumes of files.
        records : Records
            What transforms measure of whole volumes is kept there, measured at a file's first visit;
            from then on a patch reads its own region only. Results are the same.
        """
        core = self._keeping(cache, records)
        if isinstance(x, Mapping):
            id = name_given(x, roles or {}) if id is None else id
            given, passed, back = sample_of(x, roles or {}, channel_axis)
            # What came of other items is of the kind of the first volume.
            new = next((back[key] for key, v in given if isinstance(v, Volume)), _same)
            samples = []
            for made in core.apply(given, id, epoch):
                out = passed | {key: back.get(key, new)(value) for key, value in made}
                # The keys that were given come first, in their order.
                samples.append({key: out.pop(key) for key in x if key in out} | out)
            return samples[0] if len(samples) == 1 else samples
        if roles:
            raise ParamError(
                "pipeline: roles is for a dict of items", transform="pipeline", name="roles"
            )
        volume, restore = volume_of(x, channel_axis)
        results = [restore(v) for v in core.apply_to_volume(volume, id, epoch)]
        return results[0] if len(results) == 1 else results

    def batch(
        self,
        samples: Iterable[Any],
        *,
        out: Any = None,
        epoch: int = 0,
        ids: Sequence[str] | None = None,
        channel_axis: int | Sequence[int] | None = None,
        roles: Mapping[str, str | None] | None = None,
        dtypes: Mapping[str, Any] | None = None,
        threads: int | None = None,
        to: _batch.To | None = None,
    ) -> Any:
        """Applies the pipeline to several samples and writes the results into one array each.

        Every sample has draws of its own, under its own name. Volumes become C-contiguous
        (N, C, X, Y, Z), each row written once, in place, by one thread; of a pipeline that cuts several patches, all
        of them are rows, in order. Dicts give a dict, of which points and what passes through are
        lists; other samples give one array.

        >>> import numpy as np
        >>> import medoxide as mx
        >>> pipe = mx.Pipeline([mx.Flip(axes="x", p=0.5), mx.GaussianNoise(std=[0, 1])], seed=3)
        >>> scans = [np.full((4, 4, 4), n, np.float32) for n in range(3)]
        >>> out = np.empty((3, 1, 4, 4, 4), np.float32)
        >>> pipe.batch(scans, out=out, ids=["a", "b", "c"]) is out
        True
        >>> bool((out[1, 0] == pipe(scans[1], id="b")).all())
        True

        Parameters
        ----------
        samples : iterable
            Dicts, volumes, paths, arrays or tensors, as for `__call__`.
        out : array or tensor, or dict of them
            Where to write: C-contiguous, in the memory of the CPU, of the shape of the result; its
            dtype is the result's.
        epoch, channel_axis, roles
            As for `__call__`.
        ids : sequence of str
            Names of the samples for random draws; as for `__call__` if not given.
        dtypes : dict of str to dtype
            What volumes become where there is no `out`: float32, labels int16, if not given.
        threads : int
            How many samples are worked on at once; as many as the library has threads, if not given.
        to : "torch", "numpy" or "jax"
            What comes back where there is no `out`: tensors if a sample has some, else arrays.
        """
        return _rows.batch(
            self._core, list(samples), out, epoch, ids, channel_axis, roles or {}, dtypes or {}, threads, to
        )

    def explain(
        self,
        x: Any,
        *,
        id: str | None = None,
        channel_axis: int | Sequence[int] | None = None,
        roles: Mapping[str, str | None] | None = None,
        measure: bool = False,
        cache: Cache | None = None,
        records: Records | None = None,
    ) -> Explanation:
        """What will be done to an input: items, stages, passes, bytes to read.

        Voxels are read only with `measure=True`, where a shape depends on them. With a `cache` it says
        what is there and what would be made, with `records` which numbers are known.
        """
        core = self._keeping(cache, records)
        given, id = _given(x, id, channel_axis, roles)
        return Explanation(core.explain(given, id, measure))

    def drawn(
        self,
        x: Any,
        *,
        epoch: int = 0,
        id: str | None = None,
        channel_axis: int | Sequence[int] | None = None,
        roles: Mapping[str, str | None] | None = None,
    ) -> Pipeline:
        """What the pipeline does to an input at one visit, as a pipeline with nothing left to chance.

        Every number is drawn, probabilities and groups are decided, and transforms that draw more
        than numbers (noise, places of patches) have the key written down that they draw under. What
        it gives is the same, bit for bit, whatever its seed, name and epoch: a record of what was
        done, to be kept with `to_yaml`. Parameters as for `__call__`.

        >>> import numpy as np
        >>> import medoxide as mx
        >>> pipe = mx.Pipeline([mx.Flip(axes="x", p=0.5), mx.GaussianNoise(std=[0, 1])], seed=3)
        >>> x = np.zeros((4, 4, 4), np.float32)
        >>> drawn = pipe.drawn(x, epoch=5)
        >>> drawn.is_random, bool((drawn(x) == pipe(x, epoch=5)).all())
        (False, True)
        """
        given, id = _given(x, id, channel_axis, roles)
        return Pipeline._of(self._core.drawn(given, id, epoch))

    def _keeping(self, cache: Cache | None, records: Records | None) -> PipelineCore:
        core = self._core if cache is None else self._core.with_cache(cache)
        return core if records is None else core.with_records(records)

    def __len__(self) -> int:
        return len(self._core.nodes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pipeline):
            return NotImplemented
        same = self._core.to_state() == other._core.to_state()
        return bool(same and self._functions() == other._functions())

    def __hash__(self) -> int:
        return hash(repr(self._core.to_state()))

    def __repr__(self) -> str:
        rows = "".join(f"    {t!r},\n" for t in self.transforms)
        seed = f", seed={self.seed}" if self.is_random else ""
        return f"Pipeline([\n{rows}]{seed})"

    def __reduce__(self) -> tuple[Any, ...]:
        state = self._core.to_state()
        if not self._functions():
            return Pipeline.from_dict, (state,)
        return _again, (self.transforms, self.seed, self.fuse, state.get("on_mismatch", "error"))


def _functions(transforms: Iterable[Transform]) -> Iterator[Function]:
    """The functions of Python, in groups too."""
    for t in transforms:
        if isinstance(t, Function):
            yield t
        elif isinstance(t, Group):
            yield from _functions(t.transforms)


def _again(transforms: list[Transform], seed: int, fuse: bool, on_mismatch: str) -> Pipeline:
    return Pipeline(transforms, seed=seed, fuse=fuse, on_mismatch=on_mismatch)


def _given(
    x: Any,
    id: str | None,
    channel_axis: int | Sequence[int] | None,
    roles: Mapping[str, str | None] | None,
) -> tuple[list[tuple[str, Any]], str | None]:
    """Named items of an input, and the name of the sample, if one was given."""
    if isinstance(x, Mapping):
        id = name_given(x, roles or {}) if id is None else id
        return sample_of(x, roles or {}, channel_axis)[0], id
    volume = volume_of(x, channel_axis)[0]
    return [(volume.role, volume)], id


def _same(x: Any) -> Any:
    return x
