"""The measuring side: worker processes, interleaved samples, who else used the processors."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import peers
from row import US, Close, Row

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    seconds: float
    """Measuring time of one candidate in one row."""
    rounds: int
    samples: tuple[int, int]
    """Least and most samples of a candidate that is not far behind."""
    retries: int
    """How often a row is repeated when other processes used the processors."""
    every_result: bool
    """Whether the results of all candidates are compared with ours, or only those that the check names."""


QUICK = Effort(0.06, 3, (3, 60), 0, False)
FULL = Effort(0.6, 6, (7, 240), 3, True)
BUSY = 0.25
"""Cores used by others that make a row's figures doubtful."""


class Worker:
    """One library's process."""

    def __init__(self, process: str, folder: Path, out: Path, log: Any) -> None:
        self.pipe = subprocess.Popen(
            [sys.executable, str(HERE / "peers.py"), process, str(folder), str(out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=peers.environment(),
        )
        self.error: str | None = None
        self.ready = False

    def wait(self) -> None:
        """Waits until the library is imported."""
        if not self.ready and self.error is None:
            self.error = self._read().get("error")
            self.ready = self.error is None

    def _read(self) -> dict[str, Any]:
        line = self.pipe.stdout.readline()
        return json.loads(line) if line else {"error": "the process died"}

    def ask(self, **what: Any) -> dict[str, Any]:
        """One request, one answer."""
        if self.error is not None:
            return {"error": self.error}
        try:
            self.pipe.stdin.write(json.dumps(what) + "\n")
            self.pipe.stdin.flush()
        except BrokenPipeError:
            self.error = "the process died"
            return {"error": self.error}
        return self._read()

    def close(self) -> None:
        """Ends the process."""
        self.pipe.stdin.close()
        try:
            self.pipe.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.pipe.kill()


@dataclass
class Times:
    """What one candidate needed."""

    samples: list[float] = field(default_factory=list)
    error: str | None = None
    facts: dict[str, float] = field(default_factory=dict)
    difference: float | None = None
    """Largest absolute difference of its result from ours."""

    @property
    def median(self) -> float:
        """In seconds."""
        return statistics.median(self.samples)

    @property
    def best(self) -> float:
        """In seconds."""
        return min(self.samples)


@dataclass
class Outcome:
    """A measured row."""

    row: Row
    times: dict[str, Times]
    references: dict[str, Times]
    right: bool | None
    seen: str
    also: tuple[bool, str] | None
    others: float
    """Cores that other processes used meanwhile."""


class Lab:
    """All workers, started together."""

    def __init__(self, processes: list[str], folder: Path, out: Path, results: Path) -> None:
        results.mkdir(parents=True, exist_ok=True)
        self.results = results
        self.log = (results / "workers.log").open("w")
        self.workers = {name: Worker(name, folder, out, self.log) for name in processes}
        for worker in self.workers.values():
            worker.wait()

    def close(self) -> None:
        """Ends all processes."""
        for worker in self.workers.values():
            worker.close()
        self.log.close()

    def measure(self, row: Row, effort: Effort, candidates: list[str]) -> Outcome:
        """Prepares every candidate, then takes samples in turns."""
        jobs = {
            name: (self.workers[peers.process_of(name)], {"row": row.name, "candidate": name})
            for name in candidates
        }
        for wanted in row.references():
            ask = {"kind": wanted.kind, "amount": wanted.amount}
            jobs[str(wanted)] = (self.workers["reference"], ask)
        # Two candidates of one process cannot be prepared at once: they take turns with preparing.
        shared = [n for n in jobs if sum(jobs[m][0] is jobs[n][0] for m in jobs) > 1]
        times = {name: Times() for name in jobs}
        files, plans = {}, {}
        for name, (worker, ask) in jobs.items():
            files[name] = self.results / f"{len(files)}.npy"
            wanted = (
                effort.every_result or not isinstance(row.check, Close) or name in (US, row.check.against)
            )
            answer = worker.ask(do="prepare", result=str(files[name]) if wanted else "", **ask)
            if "error" in answer:
                times[name].error = answer["error"]
            else:
                plans[name], times[name].facts = answer, answer["facts"]
        right, seen, also = self._check(row, files, times)
        others = self._sample(jobs, plans, shared, times, effort)
        for worker in {id(worker): worker for worker, _ in jobs.values()}.values():
            worker.ask(do="drop")
        references = {name: times.pop(name) for name in list(times) if name not in candidates}
        return Outcome(row, times, references, right, seen, also, others)

    def _sample(
        self, jobs: Any, plans: Any, shared: list[str], times: dict[str, Times], effort: Effort
    ) -> float:
        if not plans:
            return 0.0
        ahead = min(
            (p["once"] for n, p in plans.items() if jobs[n][0] is not self.workers["reference"]), default=0
        )
        counts = {}
        for name, plan in plans.items():
            one = max(plan["once"] * plan["inner"], 1e-5)
            count = min(max(int(effort.seconds / one), effort.samples[0]), effort.samples[1])
            behind = plan["once"] > 6 * ahead and plan["once"] > 0.02
            counts[name] = min(count, effort.rounds) if behind else count
        others = 0.0
        for attempt in range(effort.retries + 1):
            taken: dict[str, list[float]] = {name: [] for name in plans}
            busy = own = wall = 0.0
            for turn in range(effort.rounds):
                names = list(plans)
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    left = counts[name] - len(taken[name])
                    some = -(-left // (effort.rounds - turn))
                    if some < 1:
                        continue
                    worker, ask = jobs[name]
                    if name in shared:
                        worker.ask(do="prepare", **ask)
                    time.sleep(0.01)  # the thread pools of the one before go to sleep
                    before, start = _busy(), time.perf_counter()
                    answer = worker.ask(do="time", samples=some, inner=plans[name]["inner"])
                    wall += time.perf_counter() - start
                    busy += _busy() - before
                    if "error" in answer:
                        times[name].error = answer["error"]
                        continue
                    own += answer["cpu"]
                    taken[name] += answer["samples"]
            used = max(0.0, (busy - own) / wall) if wall > 0 else 0.0
            if attempt == 0 or used < others:
                others = used
                for name, samples in taken.items():
                    times[name].samples = samples
            if others < BUSY:
                break
        return others

    def _check(
        self, row: Row, files: dict[str, Path], times: dict[str, Times]
    ) -> tuple[bool | None, str, Any]:
        results = {n: np.load(f) for n, f in files.items() if times[n].error is None and f.exists()}
        facts = {n: t.facts for n, t in times.items()}
        for f in files.values():
            f.unlink(missing_ok=True)
        ours = results.get(US)
        if ours is None:
            return None, "no result of ours", None
        for name, result in results.items():
            if name != US and result.shape == ours.shape:
                times[name].difference = float(np.max(np.abs(result.astype(np.float64) - ours)))
        also = row.also(results, facts) if row.also and US in facts else None
        if row.check is None:
            return None, "", also
        if not isinstance(row.check, Close):
            return *row.check(results, facts), also
        return *_close(ours, results.get(row.check.against), row.check), also


def _close(ours: np.ndarray, theirs: np.ndarray | None, check: Close) -> tuple[bool | None, str]:
    if theirs is None:
        return None, f"{check.against} gave no result"
    if ours.shape != theirs.shape:
        return False, f"shape {ours.shape}, {check.against} has {theirs.shape}"
    inner = tuple(slice(check.margin, n - check.margin) for n in ours.shape) if check.margin else ...
    a, b = ours[inner].astype(np.float64), theirs[inner].astype(np.float64)
    error = np.abs(a - b)
    right = bool(np.all(error <= check.absolute + check.relative * np.abs(b)))
    return right, f"differs from {check.against} by at most {error.max():.2g}"


def _busy() -> float:
    """Seconds that all processors together were busy, the hypervisor's share included; 0 where unknown."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    ticks = [int(f) for f in fields]
    return (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")
