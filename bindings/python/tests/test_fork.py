"""Children of a process that has used the library work, forked or spawned."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal

import numpy as np
import pytest

import medoxide as mx
from conftest import ramp

PIPE = mx.Pipeline(
    [mx.GaussianSmooth(sigma=1), mx.GaussianNoise(std=(0, 1)), mx.ZNormalize()], seed=11
)


def work(path: str) -> float:
    return float(np.asarray(PIPE(path), np.float64)[::3].sum())


@pytest.fixture
def volume(tmp_path):
    """Large enough for all threads and the pool: 8 MiB of float32."""
    path = tmp_path / "large.nii.gz"
    mx.Volume(ramp(128, 128, 128, dtype="float32") % 1000).save(path, level=1)
    return str(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_computes_the_same(volume):
    want = work(volume)
    kept = mx.load(volume).clamp(0, 10).compute()
    for _ in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                same = work(volume) == want and np.asarray(kept.clamp(0, 5)).max() == 5
                mx.release_memory()
                code = 0 if same else 2
            finally:
                os.write(write, bytes([code]))
                os._exit(code)
        os.close(write)
        signal.alarm(60)  # a hang is a failure
        try:
            assert os.read(read, 1) == b"\0"
        finally:
            signal.alarm(0)
            os.close(read)
            os.waitpid(child, 0)
    assert work(volume) == want


@pytest.mark.parametrize(
    "method", [m for m in ("fork", "spawn", "forkserver") if m in mp.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_compute_the_same(volume, method):
    want = work(volume)
    with mp.get_context(method).Pool(2) as pool:
        assert pool.map_async(work, [volume] * 4).get(timeout=120) == [want] * 4


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torch_loader_works(tmp_path):
    import torch

    paths = []
    for n in range(4):
        paths.append(str(tmp_path / f"{n}.nii"))
        mx.Volume(ramp(16, 16, 16, dtype="float32") + n).save(paths[-1])
    PIPE(paths[0]).torch()

    class Data(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, i):
            return PIPE(paths[i]).torch()

    alone = [b for b in torch.utils.data.DataLoader(Data(), batch_size=2)]
    several = [b for b in torch.utils.data.DataLoader(Data(), batch_size=2, num_workers=2)]
    assert all(torch.equal(a, b) for a, b in zip(alone, several, strict=True))
    assert alone[0].shape == (2, 1, 16, 16, 16)


def test_the_lock_is_released(volume):
    """Another thread runs while a volume is computed."""
    import threading

    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1

    mx.set_threads(1)
    thread = threading.Thread(target=tick)
    try:
        thread.start()
        v = mx.load(volume).gaussian_smooth(3)
        before = ticks[0]
        v.compute()
        during = ticks[0] - before
    finally:
        stop.set()
        thread.join()
        mx.set_threads(None)
    assert during > 1000


def test_threads_and_levels_change_no_bit(volume):
    want = np.asarray(PIPE(volume))
    try:
        for threads in (1, 2, 3):
            mx.set_threads(threads)
            assert mx.features()["threads"] == threads
            assert np.array_equal(np.asarray(PIPE(volume)), want)
        for level in mx.features()["available"]:
            mx.set_level(level)
            assert mx.features()["level"] == level
            assert np.array_equal(np.asarray(PIPE(volume)), want)
    finally:
        mx.set_threads(None)
        mx.set_level(None)
    for bad in (0, -1, 10_000):
        with pytest.raises(mx.ParamError):
            mx.set_threads(bad)
    with pytest.raises(mx.ParamError, match="mmx"):
        mx.set_level("mmx")


def test_memory_goes_back(volume):
    v = mx.load(volume).clamp(0, 1).compute()
    del v
    assert mx.features()["pool"]["held_bytes"] > 0
    mx.release_memory()
    assert mx.features()["pool"]["held_bytes"] == 0


@pytest.mark.parametrize(
    "end", ["", "os._exit(0)", "threading.Thread(target=for_ever, daemon=True).start(); work(5)"]
)
def test_the_process_ends_while_threads_look_for_work(end):
    """The interpreter does not wait for helping threads, awake or in the middle of a daemon's work."""
    import subprocess
    import sys

    program = f"""
import os, threading, numpy as np, medoxide as mx
voxels = np.zeros((128, 128, 64), np.float32)
def work(times):
    for _ in range(times):
        mx.Volume(voxels).clamp(0, 1).gaussian_smooth(1).numpy()
def for_ever():
    while True:
        work(1)
mx.set_threads(3)
work(20)
{end}
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
