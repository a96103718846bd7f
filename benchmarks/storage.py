"""What does a way of storing a volume cost? Bytes, and times of writing, reading the whole, and reading a 64³ crop.

    python benchmarks/storage.py FOLDER [quick|full]

prints one JSON object; `run.py` calls it and puts the table into the record. The files lie in FOLDER, on whatever disk that is: for
the cold crops they are taken out of the page cache before each visit (a virtual machine's host may still have them in its own).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import data

ROUNDS = {"quick": 2, "full": 9}
WARM, COLD = 8, 2
"""Crops in a round, at random places."""


@dataclass(frozen=True)
class Format:
    """A way of storing: a file's ending, and what `Volume.save` is told."""

    name: str
    end: str
    options: dict[str, Any] = field(default_factory=dict)
    floats: bool = False
    """Whether it is for float32 volumes only."""


FORMATS = [
    Format("raw", ".nii"),
    Format("plain gz", ".nii.gz", {"gzip": "single"}),
    Format("block gz, fast", ".nii.gz", {"level": "fast"}),
    Format("block gz, balanced", ".nii.gz"),
    Format("block gz, small", ".nii.gz", {"level": "small"}),
    Format("int16", ".nii", {"storage": "int16"}, floats=True),
    Format("int16, block gz", ".nii.gz", {"storage": "int16"}, floats=True),
    Format("float16", ".nii", {"storage": "float16-private"}, floats=True),
]
PEER = "nibabel .nii.gz"
TITLE = "storage formats"


def ct_like(head: np.ndarray, n: int) -> np.ndarray:
    """Hounsfield units: air and tissue with quantum noise everywhere."""
    noise = np.random.default_rng(n).standard_normal(head.shape, dtype=np.float32)
    return np.asfortranarray(np.rint(head * 0.7 - 1000 + noise * 12), dtype=np.int16)


def volumes(folder: Path) -> dict[str, Any]:
    """A real MR as it comes and as networks want it, a CT-like one, and labels of the MR: background and three classes of brightness."""
    import medoxide as mx

    template = data._template()
    mr = mx.Volume(np.asfortranarray(np.rint(template), dtype=np.int16), affine=np.eye(4))
    classes = np.digitize(template, [20, 110, 170]).astype(np.uint8)
    return {
        "MR, int16": mr,
        "MR, z-normalised, float32": mx.Volume(np.asarray(mr.z_normalize("nonzero")), affine=np.eye(4)),
        "CT-like, int16": mx.Volume(ct_like(np.load(folder / "head256.npy"), 256), affine=np.eye(4)),
        "labels, uint8": mx.Volume(np.asfortranarray(classes), affine=np.eye(4), role="label"),
    }


class Way:
    """One volume in one format, by one library."""

    def __init__(
        self,
        name: str,
        path: Path,
        write: Callable[[], Any],
        read: Callable[[], Any],
        crop: Callable[..., Any],
    ) -> None:
        self.name, self.path, self.write, self.read, self.crop = name, path, write, read, crop
        self.taken: dict[str, list[float]] = {k: [] for k in ("write", "sync", "read", "crop warm", "crop cold")}

    def time(self, what: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        self.taken[what].append((time.perf_counter() - start) * 1e3)
        return result

    def round(self, places: list[Any]) -> None:
        self.time("write", self.write)
        with self.path.open("rb") as file:
            self.time("sync", lambda: os.fsync(file.fileno()))
        self.time("read", self.read)
        for place in places[:WARM]:
            self.time("crop warm", lambda place=place: self.crop(place))
        for place in places[WARM:]:
            if data.forget(self.path):
                self.time("crop cold", lambda place=place: self.crop(place, first=True))

    def summary(self) -> dict[str, Any]:
        times = {k: statistics.median(v) for k, v in self.taken.items() if v}
        return {"format": self.name, "bytes": self.path.stat().st_size, "ms": times}


def _ours(volume: Any, form: Format, path: Path) -> Way:
    import medoxide as mx

    def crop(place: Any, first: bool = False) -> Any:
        return mx.load(path, index=not first)[place].numpy(dtype="float32")

    return Way(
        form.name,
        path,
        lambda: volume.save(path, sync=False, **form.options),
        lambda: mx.load(path).numpy(dtype="float32"),
        crop,
    )


def _nibabel(volume: Any, path: Path) -> Way:
    import nibabel as nib

    image = nib.Nifti1Image(np.asarray(volume), np.eye(4))
    return Way(
        PEER,
        path,
        lambda: nib.save(image, path),
        lambda: nib.load(path).get_fdata(dtype=np.float32, caching="unchanged"),
        lambda place, first=False: np.asarray(nib.load(path).dataobj[place], dtype=np.float32),
    )


def measure(folder: Path, mode: str) -> list[dict[str, Any]]:
    """Each volume in each format; what is read is compared with what was written."""
    out = []
    own = folder / "storage"
    own.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(3)
    for title, volume in volumes(folder).items():
        wanted = np.asarray(volume, dtype=np.float32)
        formats = [f for f in FORMATS if wanted.dtype == np.asarray(volume).dtype or not f.floats]
        ways = [_ours(volume, f, own / f"{i}{f.end}") for i, f in enumerate(formats)] + [
            _nibabel(volume, own / "nibabel.nii.gz")
        ]
        for _ in range(ROUNDS[mode]):
            corners = [[int(random.integers(0, n - data.PATCH + 1)) for n in wanted.shape] for _ in range(WARM + COLD)]
            places = [tuple(slice(c, c + data.PATCH) for c in corner) for corner in corners]
            for way in ways:
                way.round(places)
        rows = [way.summary() for way in ways]
        for way, row in zip(ways, rows, strict=True):
            place = tuple(slice(n // 3, n // 3 + data.PATCH) for n in wanted.shape)
            row["largest error"] = float(np.abs(way.read() - wanted).max())
            part = float(np.abs(way.crop(place) - wanted[place]).max())
            row["right"] = part <= row["largest error"] <= (0.01 if "16" in row["format"] else 0)
            way.path.unlink()
        out.append({"volume": title, "shape": wanted.shape, "rows": rows})
    own.rmdir()
    return out


HEADER = ["format", "MB", "of raw", "write ms", "fsync ms", "read ms", "crop ms, warm", "crop ms, cold", "largest error"]
WORDS = """\
Medians, page cache warm but for the last column of times: there the file was taken out of the page cache before each visit (a virtual
machine's host may still have it). Writing is without waiting for the disk, which is timed apart ("fsync"). Whole and crop (64³, random
places) are float32 arrays, the header read each time. Our warm crops of plain gz begin at the checkpoints that those before them left, the cold
ones at the file's beginning; nibabel's always there.
"""


def _cells(row: dict[str, Any], raw: int) -> list[str]:
    times = [f"{row['ms'][k]:.3g}" if k in row["ms"] else "–" for k in ("write", "sync", "read", "crop warm", "crop cold")]
    error = "WRONG" if not row["right"] else f"{row['largest error']:.1e}" if row["largest error"] else "0"
    return [row["format"], f"{row['bytes'] / 1e6:.2f}", f"{row['bytes'] / raw:.3f}", *times, error]


def table(measured: list[dict[str, Any]], markdown: bool) -> str:
    """One table for all volumes, a line for each format."""
    lines = []
    for volume in measured:
        title = f"{volume['volume']}, {' × '.join(map(str, volume['shape']))}"
        cells = [HEADER] + [_cells(r, volume["rows"][0]["bytes"]) for r in volume["rows"]]
        if markdown:
            lines += ["", f"#### {title}", ""]
            lines += ["| " + " | ".join(c) + " |" for c in cells]
            lines.insert(-len(cells) + 1, "|---" * len(HEADER) + "|")
        else:
            widths = [max(len(c[i]) for c in cells) for i in range(len(HEADER))]
            lines += ["", title]
            lines += ["  " + "  ".join(p.ljust(w) for p, w in zip(c, widths, strict=True)).rstrip() for c in cells]
    return "\n".join(lines)


if __name__ == "__main__":
    mode = sys.argv[2] if len(sys.argv) > 2 else "full"
    json.dump(measure(Path(sys.argv[1]), mode), sys.stdout)
