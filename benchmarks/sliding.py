"""Putting the windows of sliding-window inference together: time and memory for 2, 20 and 100 classes, against MONAI and TorchIO.

    python benchmarks/sliding.py [--size 160] [--classes 2,20,100]

The network is a table of random numbers, so that what is measured is what surrounds it: cutting windows, weighting, summing, and the labels
at the end. 64³ windows that overlap by half, Gaussian weights (TorchIO: Hann), two threads, each library in a process of its own; memory
is the peak of resident memory above what it was when the library was imported and the volume made.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import peers

WINDOW, OVERLAP = 64, 0.5


def _rss() -> int:
    """Bytes of resident memory now."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize()


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    line = next(li for li in Path("/proc/self/status").read_text().splitlines() if li.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _medoxide(volume: np.ndarray, predict: Any) -> Any:
    import medoxide as mx

    made = mx.Volume(volume)
    return lambda: np.asarray(
        mx.sliding_window_inference(made, WINDOW, predict, overlap=OVERLAP, importance="gaussian")
    )


def _monai(volume: np.ndarray, predict: Any) -> Any:
    import torch
    from monai.inferers import sliding_window_inference

    tensor = torch.from_numpy(volume)[None, None]

    def call() -> np.ndarray:
        with torch.inference_mode():
            logits = sliding_window_inference(tensor, WINDOW, 1, predict, overlap=OVERLAP, mode="gaussian")
            return logits.argmax(1)[0].numpy()

    return call


def _torchio(volume: np.ndarray, predict: Any) -> Any:
    import torch
    import torchio as tio

    subject = tio.Subject(t1=tio.ScalarImage(tensor=torch.from_numpy(volume)[None]))

    def call() -> np.ndarray:
        sampler = tio.GridSampler(subject, WINDOW, int(WINDOW * OVERLAP))
        aggregator = tio.GridAggregator(sampler, overlap_mode="hann")
        with torch.inference_mode():
            for patch in sampler:
                places = torch.as_tensor(patch[tio.LOCATION])[None]
                aggregator.add_batch(predict(patch["t1"][tio.DATA][None]), places)
            return aggregator.get_output_tensor().argmax(0).numpy()

    return call


LIBRARIES = {"medoxide": _medoxide, "MONAI": _monai, "TorchIO": _torchio}


def one(library: str, size: int, classes: int) -> dict[str, Any]:
    """Measures one library in this process."""
    import torch

    torch.set_num_threads(peers.THREADS)
    volume = np.random.default_rng(0).random((size, size, size), np.float32)
    table = torch.rand((1, classes, WINDOW, WINDOW, WINDOW), generator=torch.Generator().manual_seed(1))
    call = LIBRARIES[library](volume, lambda batch: table.clone())
    warm = LIBRARIES[library](volume[:WINDOW, :WINDOW, :WINDOW].copy(), lambda batch: table[:, :2].clone())
    warm()
    before = _rss()
    _forget_peak()
    start = time.perf_counter()
    labels = call()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "bytes": _peak() - before, "sum": int(labels.astype(np.int64).sum())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--classes", default="2,20,100")
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "CLASSES"), help="measure here and print JSON")
    asked = parser.parse_args()
    if asked.one:
        json.dump(one(asked.one[0], asked.size, int(asked.one[1])), sys.stdout)
        return
    print(f"{asked.size}³, {WINDOW}³ windows, overlap {OVERLAP}: seconds, peak MiB above the start")
    for classes in asked.classes.split(","):
        made = {}
        for library in LIBRARIES:
            command = [sys.executable, "-W", "ignore", __file__, "--size", str(asked.size), "--one", library, classes]
            done = subprocess.run(command, stdout=subprocess.PIPE, env=peers.environment(), check=True)
            made[library] = json.loads(done.stdout)
        ours, theirs = made["medoxide"], made["MONAI"]
        cells = [f"{n} {m['seconds']:.2f} s {m['bytes'] / 2**20:.0f} MiB" for n, m in made.items()]
        same = "same labels" if ours["sum"] == theirs["sum"] else f"label sums {ours['sum']} and {theirs['sum']}"
        ratio = f"{ours['seconds'] / theirs['seconds']:.2f} × MONAI's time, {ours['bytes'] / theirs['bytes']:.2f} × its memory"
        print(f"{classes:>4} classes: " + "; ".join(cells) + f": {ratio}; {same} (MONAI)", flush=True)


if __name__ == "__main__":
    main()
