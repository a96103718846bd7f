"""Batches for training, made ahead by threads of the library's own."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from . import _batch
from ._cases import parse
from ._iteration import Counters, Host, Iteration, LoadError, Progress
from ._medoxide import Cache, LoaderCore, Records, _bytes
from .errors import ParamError
from .pipeline import Pipeline

if TYPE_CHECKING:
    OnError = Literal["raise", "skip", "collect"]

#: What a saved state must agree on with the loader that takes it.
_SAME = (
    "seed",
    "batch_size",
    "shuffle",
    "mix",
    "drop_last",
    "world_size",
    "cases",
    "data",
    "pipeline",
)


class Loader:
    """Batches of patches, epoch after epoch, made ahead by threads of the library.

    The pipeline cuts the patches, with `mx.RandomCrop` and the like; without a cut each case is a
    patch. A batch is a dict: volumes (B, C, X, Y, Z), C-contiguous, images and maps float32, labels
    int16, over the memory into which the threads wrote them; numbers of the cases as a tensor, texts
    and points as lists; `"meta"`, a list of dicts as `mx.Dataset` describes them.

    The same seed gives the same batches, bit for bit, whatever `workers`, `prefetch` and `memory`. Every
    `iter()` is another epoch, with an order and draws of its own.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> scans = [mx.Volume(np.full((32, 32, 32), n, np.float32)) for n in range(6)]
    >>> cases = [{"id": str(n), "image": scan, "age": 40 + n} for n, scan in enumerate(scans)]
    >>> pipe = mx.Pipeline([mx.RandomCrop(shape=16, count=2), mx.Flip(axes="x", p=0.5)], seed=1)
    >>> loader = mx.Loader(cases, pipe, batch_size=4, to="numpy")
    >>> len(loader)
    3
    >>> for batch in loader:
    ...     assert batch["image"].shape == (4, 1, 16, 16, 16) and batch["age"].shape == (4,)
    >>> state = loader.state_dict()  # plain numbers and texts; also in the middle of an epoch
    >>> state["epoch"], state["batch"]
    (1, 0)

    Parameters
    ----------
    data : sequence of dicts
        Cases, as for `mx.Dataset`. No two may have the same id, or the same first image if they
        have none.
    pipeline : Pipeline, default none
        What is done to each case.
    batch_size : int, default 1
        Patches of a batch.
    shuffle : bool, default True
        Whether every epoch has an order of its own; otherwise cases come as they are listed.
    seed : int
        Name of the order; the pipeline's seed if not given. Draws of a pipeline that was given no seed
        are named by it too.
    mix : int, default 0
        Visits of cases whose patches are shuffled together; those of one visit stay together
        otherwise.
    drop_last : bool, default False
        Whether a last batch that is not full is left out.
    rank, world_size : int
        Which of the processes that share an epoch this is, and how many they are. torch.distributed
        is asked if it is initialised; otherwise one process has all of it.
    workers : int
        Threads, by default as many as the library has; 0: everything in the thread that iterates.
    prefetch : int
        Batches that are made ahead.
    memory : int or str
        Bytes that batches made ahead and visits under way may hold, such as "4 GB"; a quarter of
        what the process may use, by default. One visit at a time goes on, however few they are.
    on_error : "raise", "skip" or "collect", default "raise"
        What becomes of a patch that cannot be made: its error in the place of its batch, after which
        the iteration can go on; a batch that is smaller; the same, and its error in `errors`.
    roles, dtypes, cache, records, to
        As for `mx.Dataset`.
    index : bool, "sidecar" or path, default None
        Where places in gzip streams are noted, see `mx.load`; in memory if not given, for files of up to
        16 MiB of content not before their second visit, and only while there is room.
    pin_memory : bool, default False
        Whether tensors are in page-locked memory; needs torch and a GPU.
    progress : bool, default False
        Whether an epoch shows a bar on a terminal; needs tqdm.
    """

    def __init__(
        self,
        data: Sequence[Any],
        pipeline: Pipeline | None = None,
        *,
        batch_size: int = 1,
        shuffle: bool = True,
        seed: int | None = None,
        mix: int = 0,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        workers: int | None = None,
        prefetch: int | None = None,
        memory: int | str | None = None,
        on_error: OnError = "raise",
        roles: Mapping[str, str | None] | None = None,
        dtypes: Mapping[str, Any] | None = None,
        cache: Cache | None = None,
        records: Records | Literal[False] | None = None,
        index: bool | str | os.PathLike[str] | None = None,
        to: _batch.To = "torch",
        pin_memory: bool = False,
        progress: bool = False,
    ) -> None:
        self._given = {k: v for k, v in locals().items() if k != "self"}
        self._to = _batch.kind(to)
        self._dtypes = {key: _batch.dtype_name(key, d) for key, d in (dtypes or {}).items()}
        self._pin = pin_memory and _pinned(to)
        self._progress = progress
        pipeline = pipeline or Pipeline([])
        self._pipeline = pipeline
        found = _rank(rank, world_size)
        self._settings = {
            "batch_size": batch_size,
            "shuffle": shuffle,
            "seed": seed,
            "mix": mix,
            "drop_last": drop_last,
            "rank": found[0],
            "world_size": found[1],
            "workers": workers,
            "prefetch": prefetch,
            "memory": None if memory is None else _bytes(memory),
            "on_error": on_error,
            # Truth values are bytes until they are handed over.
            "dtypes": {k: "uint8" if d == "bool" else d for k, d in self._dtypes.items()},
            "index": index,
        }
        told = _batch.roles_of(data, roles)
        self._cases = [parse(case, told) for case in _batch.cases_of(data)]
        self._check_names()
        self._cache, self._records = cache, _batch.records_of(records)
        self._core, self._host = self._start()
        #: The epoch and batch that come next, unless an iteration has begun.
        self._next = (0, 0)
        self._now: Progress | None = None
        self._live: weakref.ref[Iteration] | None = None

    def _check_names(self) -> None:
        seen: set[str] = set()
        for case in self._cases:
            name = case.name
            if name in seen:
                raise ParamError(
                    f'loader: two cases are called {name!r}; expected an "id" of its own for each',
                    transform="loader",
                    name="data",
                    found=name,
                )
            seen.add(name)

    def _start(self) -> tuple[LoaderCore, Host | None]:
        self._process = os.getpid()
        core = self._pipeline._keeping(self._cache, self._records)
        host = Host() if self._pipeline._functions() else None
        cases = [(case.name, case.items) for case in self._cases]
        return LoaderCore(cases, core, self._settings, None if host is None else host.core), host

    def __len__(self) -> int:
        """Batches of the epoch under way, or of the next one."""
        return self._core.len(self._next[0]) if self._now is None else self._now.batches

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The batches of the next epoch, or what is left of the one that a state was loaded of."""
        if self._process != os.getpid():
            # The threads, and who serves functions, are the parent's.
            self._core, self._host = self._start()
        if self._host is not None:
            self._host.start()
        epoch, batch = self._next if self._now is None else (self._now.epoch + 1, 0)
        made = Iteration(self, epoch, batch)
        self._now, self._live = made.progress, weakref.ref(made)
        return made

    def set_epoch(self, epoch: int) -> None:
        """Has the next iteration be this epoch."""
        self._next, self._now = (_batch.epoch(epoch), 0), None

    @property
    def epoch(self) -> int:
        """The epoch under way, or the one that comes next."""
        return self._next[0] if self._now is None else self._now.epoch

    @property
    def seed(self) -> int:
        """Name of the order."""
        return self._core.seed

    @property
    def pipeline(self) -> Pipeline:
        """What is done to each case."""
        return self._pipeline

    @property
    def counters(self) -> Counters:
        """What the epoch under way, or the last one, has cost so far."""
        return self._look().counters

    @property
    def errors(self) -> list[LoadError]:
        """The patches of the epoch under way, or of the last one, that could not be made ("collect")."""
        return self._look().errors

    def _look(self) -> Progress:
        live = None if self._live is None else self._live()
        if live is not None:
            live.look()
        return self._now or Progress(0, 0, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader is, as numbers and texts: `load_state_dict` goes on with the batch that is next."""
        epoch, batch = self._place()
        return {"version": 1, "epoch": epoch, "batch": batch, **self._identity()}

    def _place(self) -> tuple[int, int]:
        """The epoch and the batch that come next."""
        if self._now is None:
            return self._next
        done = self._now.position >= self._now.batches
        return (self._now.epoch + 1, 0) if done else (self._now.epoch, self._now.position)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Has the next iteration go on where the state was taken, to the bit.

        An error if the state is of other data, another pipeline, seed, batch size or order. The number
        of threads, `prefetch`, `memory` and `on_error` may differ.
        """
        if state.get("version") != 1:
            raise _mismatch("version", state.get("version"), 1)
        for name, own in self._identity().items():
            if state.get(name) != own:
                raise _mismatch(name, state.get(name), own)
        self._next, self._now = (int(state["epoch"]), int(state["batch"])), None

    def _identity(self) -> dict[str, Any]:
        names, steps = hashlib.sha256(), hashlib.sha256()
        for case in self._cases:
            names.update(repr((case.name, case.paths)).encode())
        state = self._pipeline._core.to_state()
        steps.update(repr((state, self._pipeline._functions())).encode())
        known = self._settings | {
            "seed": self.seed,
            "cases": len(self._cases),
            "data": names.hexdigest()[:16],
            "pipeline": steps.hexdigest()[:16],
        }
        return {name: known[name] for name in _SAME}

    def close(self) -> None:
        """Ends the threads; a later iteration goes on with the batch that is next, by others."""
        live = None if self._live is None else self._live()
        if live is not None:
            live.close()
        self._next, self._now, self._live = self._place(), None, None
        if self._host is not None and self._process == os.getpid():
            self._host.close()
            self._core, self._host = self._start()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(Loader, **self._given), ()

    def __repr__(self) -> str:
        transforms = ", ".join(t.name for t in self._pipeline.transforms)
        batch = self._settings["batch_size"]
        return f"Loader({len(self._cases)} cases{': ' if transforms else ''}{transforms}; batches of {batch})"


def _rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if rank is not None or world_size is not None:
        return rank or 0, 1 if world_size is None else world_size
    torch = sys.modules.get("torch")
    if (
        torch is not None
        and torch.distributed.is_available()
        and torch.distributed.is_initialized()
    ):
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def _pinned(to: str) -> bool:
    if to == "torch":
        import torch

        if torch.cuda.is_available():
            return True
    raise ParamError(
        "loader: pin_memory is True; expected False without torch tensors and a GPU that torch can use",
        transform="loader",
        name="pin_memory",
        found="True",
    )


def _mismatch(name: str, found: Any, own: Any) -> ParamError:
    return ParamError(
        f"loader: the state's {name} is {found!r}; expected {own!r}, as this loader has it",
        transform="loader",
        name=name,
        found=repr(found),
        expected=repr(own),
    )
