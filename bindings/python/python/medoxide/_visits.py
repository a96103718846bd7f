"""Which epoch a visit of a sample belongs to."""

from __future__ import annotations

import os
import sys
from typing import Any

#: Epochs have 63 bits, so that they fit an int64.
_MOST = (1 << 63) - 1


def worker() -> Any:
    """What torch tells a worker process of its DataLoader; None elsewhere, and where torch is not imported."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.utils.data.get_worker_info()


class Visits:
    """Epochs of samples: those that were set, else counted.

    The counts lie in memory that the workers of a DataLoader share with the process that started them:
    workers that live for several epochs learn of `set_epoch`, and count visits together.
    """

    def __init__(self, samples: int, epoch: int | None = None) -> None:
        # The epoch that was set, or -1; then for each sample a tag and how often it was visited.
        self._cells = _shared_cells(samples + 1)
        self._cells[0] = -1 if epoch is None else epoch
        self._owner = os.getpid()

    @property
    def epoch(self) -> int | None:
        """The epoch that was set."""
        return None if self._cells[0] < 0 else int(self._cells[0])

    def set(self, epoch: int) -> None:
        """Sets the epoch of all visits from now on."""
        self._own()
        self._cells[0] = epoch

    def visit(self, sample: int) -> int:
        """The epoch of a visit now."""
        here = worker()
        if here is None:
            self._own()
        if self._cells[0] >= 0:
            return int(self._cells[0])
        # The same in all workers, and another one whenever the loader starts workers.
        base = 0 if here is None else here.seed - here.id
        tag = base & 0x7FFF_FFFF
        told, count = divmod(self._cells[sample + 1], 1 << 32)
        count = count if told == tag else 0
        self._cells[sample + 1] = tag << 32 | (count + 1) & 0xFFFF_FFFF
        return int(base + count) & _MOST

    def _own(self) -> None:
        """A forked process that is no worker counts by itself."""
        if self._owner != os.getpid():
            cells = _shared_cells(len(self._cells))
            cells[:] = self._cells[:]
            self._cells, self._owner = cells, os.getpid()

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.context import get_spawning_popen

        if get_spawning_popen() is None:
            return Visits, (len(self._cells) - 1, self.epoch)
        # On the way into a process that is started now: the memory itself is handed over.
        return _again, (self._cells, self._owner)


def _shared_cells(count: int) -> Any:
    # Not before it is needed: the import takes longer than that of this package.
    from multiprocessing.sharedctypes import RawArray

    return RawArray("q", count)


def _again(cells: Any, owner: int) -> Visits:
    out = Visits.__new__(Visits)
    out._cells, out._owner = cells, owner
    return out
