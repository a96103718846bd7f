"""Runs medoxide and its peers side by side: `python benchmarks/run.py [quick|full] [--rows PATTERN]`."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import data
import peers
import report
import storage
import rows_io  # noqa: F401 (the order of these is the order of the table)
import rows_gzip  # noqa: F401
import rows_cache  # noqa: F401
import rows_chain  # noqa: F401
import rows_memory  # noqa: F401
import rows_contrast  # noqa: F401
import rows_augment  # noqa: F401
import rows_lattice  # noqa: F401
import rows_warp  # noqa: F401
import rows_recipes  # noqa: F401
import rows_loader  # noqa: F401
import rows_plane  # noqa: F401
import rows_catalog  # noqa: F401
from measure import FULL, QUICK, Lab
from row import ROWS, US, Row

RECORD = Path(__file__).parent / "record"


def _is(row: Row, pattern: str) -> bool:
    return pattern in row.name or fnmatch.fnmatch(row.name, pattern) or pattern in row.section


def _chosen(pattern: str | None, without: str | None, quick: bool) -> list[Row]:
    rows = [r for r in ROWS.values() if pattern is None or _is(r, pattern)]
    return [r for r in rows if (r.quick or not quick or pattern) and not (without and _is(r, without))]


def _memory_folder(own: Path) -> Path:
    shared = Path("/dev/shm")
    return (
        Path(tempfile.mkdtemp(prefix="medoxide-", dir=shared)) if os.access(shared, os.W_OK) else own / "out"
    )


def _storage(folder: Path, mode: str) -> list[dict[str, Any]]:
    """The table of storage formats, measured in a process of its own."""
    script = Path(__file__).with_name("storage.py")
    made = subprocess.run(
        [sys.executable, script, folder, mode], stdout=subprocess.PIPE, env=peers.environment(), check=True
    )
    return json.loads(made.stdout)


def main() -> int:
    """Measures, prints, records. 1: a result of ours was wrong or missing; 2: --strict and a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", nargs="?", choices=["quick", "full"], default="full")
    parser.add_argument(
        "--rows", metavar="PATTERN", help="only rows whose name or section contains this (or whose name matches, with *)"
    )
    parser.add_argument(
        "--without", metavar="PATTERN", help="not these rows: `--without catalog` is the table of bars alone"
    )
    parser.add_argument("--data", type=Path, help="keep the made files here and use them again")
    parser.add_argument("--record", type=Path, default=RECORD, help="where the record goes")
    parser.add_argument("--record-as", metavar="NAME", help="record what --rows chooses too, under this name")
    parser.add_argument("--no-record", action="store_true", help="only print")
    parser.add_argument("--strict", action="store_true", help="fail if a bar is missed")
    asked = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the made files go
    quick = asked.mode == "quick"
    rows, start = _chosen(asked.rows, asked.without, quick), time.time()
    if not rows and asked.rows not in storage.TITLE:
        parser.error(f"no row is called like {asked.rows!r}; rows: " + "; ".join(ROWS))
    own = Path(tempfile.mkdtemp(prefix="medoxide-benchmarks-"))
    out = _memory_folder(own)
    lab = None
    try:
        folder = asked.data or own / "data"
        data.make(folder, large=any("512³" in r.name and "2-D" not in r.section for r in rows))
        taking = {r.name: [c for c in r.candidates if not (quick and c in r.patient)] for r in rows}
        needed = {peers.process_of(c) for names in taking.values() for c in names} | {"reference"}
        lab = Lab(sorted(needed), folder, out, own / "results")
        for name, worker in lab.workers.items():
            if worker.error:
                print(f"{name} does not take part: {worker.error}", file=sys.stderr)
        print(f"ready after {time.time() - start:.0f} s", file=sys.stderr)
        left = [r for r in ROWS.values() if not r.quick] if quick and not asked.rows else []
        if left:
            sections = dict.fromkeys(r.section for r in left)
            print(f"quick leaves out {len(left)} rows, of: {'; '.join(sections)}", file=sys.stderr)
        done, section = [], None
        for row in rows:
            outcome = lab.measure(row, QUICK if quick or row.light else FULL, taking[row.name])
            done.append(report.summary(outcome))
            if row.section != section:
                section = row.section
                print(f"\n{section}\n  {report._aligned(report.HEADER)}")
            print("  " + report._aligned(report.cells(done[-1])), flush=True)
        stored = []
        if not asked.rows or asked.rows in storage.TITLE:
            stored = _storage(folder, asked.mode)
            print(f"\n{storage.TITLE}\n{storage.table(stored, False)}")
        print(f"\n{report.verdicts(done)}\n{time.time() - start:.0f} s")
        if not asked.no_record and (asked.record_as or not asked.rows):
            for path in report.write(done, stored, asked.record_as or asked.mode, asked.record):
                print(f"recorded: {path}")
    finally:
        if lab:
            lab.close()
        shutil.rmtree(own, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
    if any(not r["right"] for volume in stored for r in volume["rows"]):
        return 1
    if any(r["check"]["right"] is False or "median_ms" not in r["candidates"].get(US, {}) for r in done):
        return 1
    missed = any(not r["must"]["met"] for r in done if "must" in r)
    return 2 if missed and asked.strict else 0


if __name__ == "__main__":
    sys.exit(main())
