"""One process per library, so that imports do not clash and thread pools do not share a process.

The other side is `measure.Worker`. Protocol: one JSON object per line on standard input, one on standard
output: `prepare` a row's candidate (and save its first result), `time` it, `drop` it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path

THREADS = 2

PROCESS = {
    "medoxide": "medoxide",
    "reference": "reference",
    "NumPy": "arrays",
    "SciPy": "arrays",
    "nibabel": "arrays",
    "nibabel+NumPy": "arrays",
    "scikit-image": "arrays",
    "OpenCV": "OpenCV",
    "torch": "torch",
    "nibabel+torch": "torch",
    "nibabel+indexed_gzip": "indexed_gzip",
    "SimpleITK": "SimpleITK",
    "medrs": "medrs",
    "MONAI": "MONAI",
    "TorchIO": "TorchIO",
    "batchgeneratorsv2": "batchgeneratorsv2",
}
"""Which process a candidate runs in."""

IMPORTS = {
    "medoxide": ["medoxide"],
    "reference": ["deflate"],
    "arrays": ["nibabel", "scipy.ndimage"],
    "OpenCV": ["cv2"],
    "torch": ["torch", "nibabel"],
    "indexed_gzip": ["indexed_gzip", "nibabel"],
    "SimpleITK": ["SimpleITK"],
    "medrs": ["medrs"],
    "MONAI": ["monai.transforms"],
    "TorchIO": ["torchio"],
    "batchgeneratorsv2": ["batchgeneratorsv2.transforms.spatial.spatial"],
}


def process_of(candidate: str) -> str:
    """Name of the process for a candidate such as `nibabel` or `medoxide: one alone`."""
    return PROCESS[candidate.split(":")[0]]


def environment() -> dict[str, str]:
    """Two threads for everyone."""
    count = str(THREADS)
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"]
    names += ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "RAYON_NUM_THREADS", "MEDOXIDE_THREADS"]
    return {**os.environ, **dict.fromkeys(names, count), "PYTHONWARNINGS": "ignore"}


def _import(process: str) -> None:
    if process != "indexed_gzip":
        sys.modules["indexed_gzip"] = None  # nibabel would use it, and then opens compressed files 30 times more slowly
    for name in IMPORTS[process]:
        importlib.import_module(name)
    loaded = sys.modules
    if "torch" in loaded:
        loaded["torch"].set_num_threads(THREADS)
    if "SimpleITK" in loaded:
        loaded["SimpleITK"].ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    if "cv2" in loaded:
        loaded["cv2"].setNumThreads(THREADS)


def _array(work, result):
    import numpy as np

    if work.array is not None:
        result = work.array(result)
    if hasattr(result, "detach"):
        result = result.detach().numpy()
    return np.asarray(result)


class Bench:
    """The candidate under way."""

    def __init__(self, folder: str, out: str) -> None:
        import rows_augment
        import rows_cache
        import rows_catalog
        import rows_chain
        import rows_contrast
        import rows_gzip
        import rows_io
        import rows_lattice
        import rows_loader
        import rows_memory
        import rows_plane
        import rows_recipes
        import rows_warp  # noqa: F401 (each declares its rows)
        from data import Data
        from row import ROWS

        self.rows, self.data, self.work = ROWS, Data(Path(folder), Path(out)), None

    def prepare(self, ask: dict) -> dict:
        import numpy as np

        import reference
        from row import Reference, Work

        if "kind" in ask:
            amount = ask["amount"]
            made = reference.work(Reference(ask["kind"], amount), self.data)
        else:
            made = self.rows[ask["row"]].candidates[ask["candidate"]](self.data)
        self.work = made if isinstance(made, Work) else Work(made)
        before = self.work.before or (lambda: None)
        before()
        result = self.work.call()
        if ask.get("result"):
            np.save(ask["result"], _array(self.work, result))
        facts = self.work.facts() if self.work.facts else {}
        del result
        # How many calls make a sample long enough for the clock.
        before()
        start = time.perf_counter()
        self.work.call()
        once = time.perf_counter() - start
        inner = 1 if self.work.before else max(1, min(1000, int(2e-4 / max(once, 1e-7))))
        return {"once": once, "inner": inner, "facts": facts}

    def time(self, ask: dict) -> dict:
        call, inner, samples = self.work.call, ask["inner"], []
        before = self.work.before or (lambda: None)
        cpu = time.process_time()
        gc.collect()
        gc.disable()
        until = time.perf_counter() + 0.004
        call()
        while time.perf_counter() < until:  # caches and thread pools wake up
            call()
        for _ in range(ask["samples"]):
            before()
            start = time.perf_counter_ns()
            for _ in range(inner):
                call()
            samples.append((time.perf_counter_ns() - start) / inner * 1e-9)
        gc.enable()
        return {"samples": samples, "cpu": time.process_time() - cpu}

    def drop(self, _: dict) -> dict:
        self.work = None  # the data stay: the next row wants most of them again
        gc.collect()
        return {}


def main() -> None:
    # Libraries print; the protocol has a channel of its own.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    process, folder, out = sys.argv[1:4]

    def say(what: dict) -> None:
        channel.write(json.dumps(what) + "\n")
        channel.flush()

    try:
        _import(process)
        bench = Bench(folder, out)
    except Exception as error:  # told to the other side, which goes on without this library
        say({"error": f"{type(error).__name__}: {error}"})
        return
    say({"ready": process})
    for line in sys.stdin:
        ask = json.loads(line)
        try:
            say(getattr(bench, ask["do"])(ask))
        except Exception as error:  # the same: the row shows it
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
