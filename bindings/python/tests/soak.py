"""A loader in daily life: epochs, early drops, resumes and bad files, again and again.

Every patch that comes is compared with what the pipeline makes of its case alone; every epoch, however it was interrupted, gives each patch once; memory
does not grow. `scripts/soak` runs it for as long as it is told, the tests for two minutes.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import medoxide as mx

CASES, EPOCHS, PATCHES, SIDE, PATCH = 14, 4, 3, 56, 24
BAD = ("cut off", "not there", "no volume")

PIPELINE = [
    {"z_normalize": {}},
    {"random_crop": {"shape": PATCH, "count": PATCHES}},
    {"flip": {"axes": "x", "p": 0.5}},
    {"gaussian_noise": {"std": 0.1}},
]


def _cases(folder: Path) -> list[dict[str, Any]]:
    """Heads of noise in every container, and files that cannot be read."""
    rng = np.random.default_rng(3)
    ends = (".nii", ".nii.gz", ".one.nii.gz")
    cases = []
    for n in range(CASES):
        image = rng.integers(-1000, 1000, (SIDE, SIDE - 5, SIDE + 7), dtype=np.int16)
        label = (image > 500).astype(np.uint8)
        case: dict[str, Any] = {"id": f"case {n}", "number": n}
        for key, voxels in (("image", image), ("label", label)):
            path = folder / f"{n}-{key}{ends[n % 3]}"
            mx.Volume(voxels, np.eye(4)).save(folder / "plain.nii")
            plain = (folder / "plain.nii").read_bytes()
            if path.name.endswith(".one.nii.gz"):
                path.write_bytes(gzip.compress(plain, 1))
            else:
                mx.Volume(voxels, np.eye(4)).save(path)
            case[key] = str(path)
        cases.append(case)
    for n, what in enumerate(BAD):
        path = folder / f"bad-{n}.nii.gz"
        if what == "cut off":
            whole = Path(cases[2]["image"]).read_bytes()
            path.write_bytes(whole[: len(whole) // 8])
        elif what == "no volume":
            path.write_bytes(b"nothing of the kind" * 99)
        cases.append({"id": what, "number": CASES + n, "image": str(path), "label": cases[n]["label"]})
    return cases


def _digest(image: Any, label: Any) -> int:
    image, label = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(label, np.int16)
    return zlib.crc32(label.tobytes(), zlib.crc32(image.tobytes()))


def _expected(cases: list[dict[str, Any]], pipe: mx.Pipeline) -> list[dict[tuple[str, int], int]]:
    """For each epoch what every patch must be, made without a loader."""
    out = []
    for epoch in range(EPOCHS):
        patches = {}
        for case in cases[:CASES]:
            sample = {key: case[key] for key in ("image", "label")}
            for n, made in enumerate(pipe(sample, epoch=epoch, id=case["id"])):
                patches[case["id"], n] = _digest(np.asarray(made["image"]), np.asarray(made["label"]))
        out.append(patches)
    return out


def _resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _bar(total: float) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=round(total), unit="s", desc="soak")


def soak(folder: Path, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Loads for so long, in every way; raises an AssertionError at the first patch that is wrong, lost or repeated, or if memory grew by more than 2 %."""
    cases = _cases(folder)
    pipe = mx.Pipeline.from_dict({"medoxide": 1, "seed": 11, "transforms": PIPELINE})
    expected = _expected(cases, pipe)
    draw = np.random.default_rng(seed)
    seen = {"epochs": 0, "patches": 0, "dropped": 0, "resumed": 0, "failures": 0}
    memory: list[tuple[float, int]] = []
    began, bar = time.monotonic(), _bar(seconds)

    def loader(batch_size: int) -> mx.Loader:
        return mx.Loader(
            cases,
            pipe,
            batch_size=batch_size,
            seed=5,
            mix=3,
            workers=int(draw.integers(0, 4)),
            prefetch=int(draw.integers(1, 5)),
            on_error="collect",
            to="numpy",
        )

    while (spent := time.monotonic() - began) < seconds:
        epoch, batch_size = int(draw.integers(EPOCHS)), int(draw.integers(1, 6))
        got: dict[tuple[str, int], int] = {}
        failed: set[tuple[str, int]] = set()
        one = loader(batch_size)
        one.set_epoch(epoch)
        while True:
            stop = int(draw.integers(1, 30))
            for n, batch in enumerate(one, 1):
                for image, label, meta in zip(batch["image"], batch["label"], batch["meta"], strict=True):
                    key = meta["id"], meta["patch"]
                    assert key not in got, f"{key} came twice in epoch {epoch}"
                    got[key] = _digest(image[0], label[0])
                    assert got[key] == expected[epoch][key], f"{key} of epoch {epoch} is another patch"
                if n == stop:
                    break
            failed |= {(e.id, e.patch) for e in one.errors}
            kept = one.state_dict()
            if kept["epoch"] != epoch:
                break
            seen["dropped"] += 1
            if draw.random() < 0.3:
                # Dropped for good: nobody comes back to it.
                got = {}
                break
            # Somebody else goes on where this one was left.
            one.close()
            one = loader(batch_size)
            one.load_state_dict(kept)
            seen["resumed"] += 1
        one.close()
        del one
        if got:
            assert got.keys() == expected[epoch].keys(), f"epoch {epoch} gave {len(got)} patches"
            assert failed == {(name, n) for name in BAD for n in range(PATCHES)}, failed
            seen["epochs"] += 1
            seen["patches"] += len(got)
            seen["failures"] += len(failed)
        if not memory or spent - memory[-1][0] > 0.5:
            memory.append((spent, _resident()))
        if bar is not None:
            bar.update(min(round(spent), round(seconds)) - bar.n)
    if bar is not None:
        bar.close()
    # What the first third of the time has touched is there for good: thread stacks, pools, interpreters' arenas.
    middle = [size for at, size in memory if seconds / 3 <= at < seconds * 2 / 3]
    last = [size for at, size in memory if at >= seconds * 2 / 3]
    growth = float(np.median(last) / np.median(middle) - 1)
    seen |= {"seconds": round(seconds), "resident_mib": round(float(np.median(last)) / 2**20, 1)}
    seen["growth"] = round(growth, 4)
    assert growth <= 0.02, f"memory grew by {growth:.1%}: {seen}"
    return seen


if __name__ == "__main__":
    import tempfile

    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as name:
        print(soak(Path(name), 60 * minutes))
