"""One epoch of a loader: its batches, how far they have come, and who runs functions for them."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _batch
from ._medoxide import BatchesCore, HostCore
from .errors import MedoxideError

if TYPE_CHECKING:
    from .loader import Loader


class LoadError(NamedTuple):
    """A patch that could not be made."""

    id: str
    paths: list[str]
    patch: int
    epoch: int
    batch: int
    error: Exception


class Counters(dict[str, Any]):
    """What the batches of an epoch have cost so far, and what is under way.

    `batches` and `patches` handed over, `visits` of cases, patches that `failed`; `bytes_read`,
    `bytes_inflated`, `voxels_resampled`; batches that are `ready`, visits `under_way`, bytes of
    `memory` that both hold. Seconds add up over threads: `planning_seconds` (headers, plans, and what
    shapes depend on), `computing_seconds`, `python_seconds` (functions), `waiting_seconds` (of
    whoever asked for batches).
    """

    def __repr__(self) -> str:
        def shown(name: str, value: Any) -> str:
            if name.endswith("_seconds"):
                return f"{value:.2f} s {name.removesuffix('_seconds')}"
            if name in ("bytes_read", "bytes_inflated", "memory"):
                return f"{value / 1e6:.1f} MB {name.removeprefix('bytes_')}"
            return f"{value} {name.replace('_', ' ')}"

        return f"Counters({', '.join(shown(k, v) for k, v in self.items())})"


class Progress:
    """How far an iteration has come; it stays when the iteration has gone."""

    def __init__(self, epoch: int, batches: int, position: int) -> None:
        self.epoch = epoch
        self.batches = batches
        #: The batch that comes next.
        self.position = position
        self.counters = Counters()
        self.errors: list[LoadError] = []


class Iteration:
    """The batches of one epoch. Its threads end with it."""

    def __init__(self, loader: Loader, epoch: int, batch: int) -> None:
        self._core: BatchesCore = loader._core.batches(epoch, batch)
        self.progress = Progress(epoch, self._core.len, batch)
        self._cases = loader._cases
        self._dtypes = loader._dtypes
        self._to = loader._to
        self._pin = loader._pin
        # The queue of functions lives as long as somebody may call.
        self._host = loader._host
        self._bar = _bar(self._core.len, batch) if loader._progress else None

    def __iter__(self) -> Iteration:
        return self

    def __len__(self) -> int:
        """Batches that are left."""
        return max(0, self.progress.batches - self.progress.position)

    def __next__(self) -> dict[str, Any]:
        try:
            made = self._core.next()
        except MedoxideError:
            # Nobody runs functions any more: the loader was closed, or the interpreter is ending.
            if self._host is None or not self._host.closed:
                raise
            made = None
        finally:
            self.progress.position = self._core.position()
        if made is None:
            self.close()
            raise StopIteration
        if self._bar is not None:
            self._bar.update(self.progress.position - self._bar.n)
        volumes, points, meta = made
        out: dict[str, Any] = {}
        for key, array, bfloat16 in volumes:
            kept = array != 0 if self._dtypes.get(key) == "bool" else array
            tensor = _batch.as_kind(kept, self._to, bfloat16)
            out[key] = tensor.pin_memory() if self._pin else tensor
        for key, rows in points:
            out[key] = [_batch.as_kind(row, self._to) for row in rows]
        cases = [self._cases[m.pop("number")] for m in meta]
        torch = self._to == "torch"
        for key in dict.fromkeys(key for case in cases for key in case.passed):
            out[key] = _batch.together(key, [case.passed.get(key) for case in cases], torch)
        for m in meta:
            m["path"] = next((str(paths[0]) for _, paths in m["path"] if paths), "")
        out["meta"] = meta
        return out

    def look(self) -> None:
        """Has the progress say what was done so far."""
        counters, errors = self._core.counters(), self._core.errors()
        if counters is not None and errors is not None:
            self.progress.counters = Counters(counters)
            self.progress.errors = [LoadError(**e) for e in errors]

    def close(self) -> None:
        """Ends its threads."""
        self.look()
        self._core.close()
        if self._bar is not None:
            self._bar.close()

    def __del__(self) -> None:
        # Not where it could not be made, or the interpreter is ending.
        if hasattr(self, "_bar") and not sys.is_finalizing():
            self.close()


class Host:
    """A thread of Python that runs the functions which the loader's threads need."""

    def __init__(self) -> None:
        self.core = HostCore()
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def start(self) -> None:
        """Starts the thread, once."""
        if self._finalizer is None:
            serve = self.core.serve
            thread = threading.Thread(target=serve, name="medoxide-functions", daemon=True)
            thread.start()
            # At the latest when the interpreter ends.
            self._finalizer = weakref.finalize(self, _end, self.core, thread)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._finalizer is not None and not self._finalizer.alive

    def close(self) -> None:
        """Ends it."""
        if self._finalizer is not None:
            self._finalizer()


def _end(core: HostCore, thread: threading.Thread) -> None:
    core.close()
    if thread is not threading.current_thread():
        # It must not come back into an interpreter that has ended.
        thread.join(1)


def _bar(total: int, done: int) -> Any:
    """A progress bar, if there is a terminal and tqdm."""
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=total, initial=done, unit="batch")
