"""Caches of decoded volumes: the same bits with and without, whatever befalls the entries and whoever shares them."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp

SHAPE = (48, 40, 36)


@pytest.fixture
def volume(tmp_path):
    return write(tmp_path / "v.nii.gz", 0)


def write(path: Path, seed: int) -> Path:
    voxels = np.random.default_rng(seed).integers(-1000, 1000, SHAPE).astype(np.int16)
    mx.Volume(voxels, AFFINE).save(path, gzip="single", level=1)
    return path


def entries(cache: mx.Cache) -> list[Path]:
    return sorted(cache.dir.glob("*.nii"))


def same(a: mx.Volume, b: mx.Volume) -> None:
    assert a.dtype == b.dtype
    assert a.affine.tobytes() == b.affine.tobytes()
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


CHAINS = [
    ([], []),
    ([], [mx.RandomCrop(shape=16), mx.ZNormalize()]),
    ([mx.Reorient(orientation="RAS"), mx.Cast(dtype="float32")], [mx.Flip(axes="x", p=0.5)]),
    ([mx.Resample(spacing=2)], [mx.ZNormalize(), mx.GaussianNoise(std=0.1)]),
    ([mx.CropForeground(above=990), mx.ZNormalize()], [mx.RandomCrop(shape=8), mx.Clamp(min=-1)]),
]


@pytest.mark.parametrize("before,after", CHAINS)
@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_lazy_is_eager(tmp_path, volume, before, after, kind):
    cache = mx.cache(tmp_path / "c" if kind == "disk" else None, max_bytes="1 GB")
    first, rest = mx.Pipeline(before, seed=3), mx.Pipeline(after, seed=3)
    want = rest(first(volume).compute(), id="s")
    both = mx.Pipeline([*before, *after], seed=3)
    for _ in range(3):
        same(rest(first(mx.load(volume)).cached(cache), id="s"), want)
        same(both(volume, id="s", cache=cache), both(volume, id="s"))
    stats = cache.stats
    assert (stats["misses"], stats["entries"], stats["rebuilt"], stats["not_kept"]) == (2, 2, 0, 0)
    assert len(cache) == 2 and cache.bytes == stats["bytes"] > 0


def test_methods_chain_on(tmp_path, volume):
    cache = mx.cache(tmp_path / "c", "1 GiB")
    v = mx.load(volume).flip("x").cached(cache)
    assert v.shape == SHAPE and not v.is_computed and v.path == volume
    assert "cache miss" in v.explain()
    np.testing.assert_array_equal(
        v[4:20, 3, ::-2].numpy(), mx.load(volume).flip("x")[4:20, 3, ::-2].numpy()
    )
    again = mx.load(volume).flip("x").cached(cache)[4:20]
    assert "cache hit" in again.explain() and f"{16 * 40 * 36 * 2} bytes" in again.explain()
    read = again.bytes_read
    again.numpy()
    assert again.bytes_read == read, "the source is left alone"
    # An entry is a file like any other.
    (entry,) = entries(cache)
    same(mx.load(entry), mx.load(volume).flip("x").replace(affine=mx.load(entry).affine))
    cache.clear()
    assert len(cache) == 0 and cache
    np.testing.assert_array_equal(
        again.flip("y").numpy(), mx.load(volume).flip("x")[4:20].flip("y").numpy()
    )


def test_entries_open_elsewhere(tmp_path, volume):
    nibabel = pytest.importorskip("nibabel")
    cache = mx.cache(tmp_path / "c", 10**9)
    mx.load(volume).cached(cache).numpy()
    entry, source = nibabel.load(entries(cache)[0]), nibabel.load(volume)
    assert entry.get_data_dtype() == source.get_data_dtype()
    np.testing.assert_array_equal(entry.get_fdata(), source.get_fdata())
    np.testing.assert_array_equal(entry.affine, source.affine)


@pytest.mark.parametrize("damage", ["byte", "header", "cut", "empty"])
def test_damage_is_mended_and_told(tmp_path, volume, damage):
    cache = mx.cache(tmp_path / "c", 10**9)
    want = mx.load(volume).cached(cache).numpy()
    (entry,) = entries(cache)
    sound = bytearray(entry.read_bytes())
    wrong = sound.copy()
    if damage in ("byte", "header"):
        wrong[100_000 if damage == "byte" else 80] ^= 1
    else:
        del wrong[{"cut": 50_000, "empty": 0}[damage] :]
    entry.write_bytes(wrong)
    with pytest.warns(mx.CacheWarning, match="damaged") as told:
        np.testing.assert_array_equal(mx.load(volume).cached(cache).numpy(), want)
    assert len(told) == 1 and str(entry) in str(told[0].message)
    assert cache.stats["rebuilt"] == 1
    assert entry.read_bytes() == sound
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(mx.load(volume).cached(cache).numpy(), want)


def test_a_changed_file_has_another_entry(tmp_path, volume):
    cache = mx.cache(tmp_path / "c", 10**9)
    before = os.stat(volume)
    mx.load(volume).cached(cache).numpy()
    write(volume, 1)
    os.utime(volume, ns=(before.st_atime_ns, before.st_mtime_ns))
    same(mx.load(volume).cached(cache), mx.load(volume))
    assert len(cache) == 2, "another content at the same time"
    os.utime(volume)
    same(mx.load(volume).cached(cache), mx.load(volume))
    assert len(cache) == 3, "another time"


def test_the_bound_holds(tmp_path):
    one = np.prod(SHAPE) * 2 + 8192
    cache = mx.cache(tmp_path / "c", 3 * int(one))
    for n in range(8):
        path = write(tmp_path / f"{n}.nii.gz", n)
        same(mx.load(path).cached(cache), mx.load(path))
        assert sum(p.stat().st_size for p in (tmp_path / "c").iterdir()) <= cache.max_bytes
    assert cache.stats["evicted"] == 5 and len(cache) == 3
    small = mx.cache(max_bytes="1 kB")
    with pytest.warns(mx.CacheWarning, match="not kept"):
        mx.load(path).cached(small).numpy()
    assert small.stats["not_kept"] == 1 and len(small) == 0


def test_what_cannot_be_kept_says_so(volume):
    cache = mx.cache(max_bytes=10**9)
    with pytest.raises(mx.UnsupportedError, match="array"):
        mx.Volume(ramp(3, 4, 5)).cached(cache)
    with pytest.raises(mx.UnsupportedError, match="random gaussian_noise"):
        mx.load(volume).gaussian_noise(1).cached(cache)
    with pytest.raises(mx.UnsupportedError, match="array"):
        mx.Pipeline([mx.Flip(axes="x")])(ramp(3, 4, 5), cache=cache)
    for bad in ("much", "-3", -1, 1.5, None):
        with pytest.raises(mx.ParamError, match="max_bytes"):
            mx.cache(max_bytes=bad)


def test_pickled_caches_are_shared(tmp_path, volume):
    disk, memory = mx.cache(tmp_path / "c", "1 GB"), mx.cache(max_bytes="1 GB")
    for cache in (disk, memory):
        again = pickle.loads(pickle.dumps(cache))
        assert again == cache and again.max_bytes == 10**9
        v = mx.load(volume).flip("y").cached(cache).flip("x")
        want = v.numpy()
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(v)).numpy(), want)
        assert again.stats["misses"] == 1 and again.stats["hits"] == 1
    assert disk != memory and str(tmp_path) in repr(disk) and "memory" in repr(memory)


def crop(item) -> tuple[bytes, dict]:
    path, cache, seed = item
    pipe = mx.Pipeline([mx.Reorient(orientation="LPS"), mx.RandomCrop(shape=12)], seed=seed)
    return pipe(path, cache=cache).numpy().tobytes(), cache.stats


@pytest.mark.parametrize(
    "method", [m for m in ("fork", "spawn") if m in mp.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_share_the_folder(tmp_path, volume, method):
    cache = mx.cache(tmp_path / "c", "1 GB")
    want = [crop((volume, mx.cache(max_bytes="1 GB"), seed))[0] for seed in range(8)]
    crop((volume, cache, 0))
    with mp.get_context(method).Pool(2) as pool:
        got = pool.map_async(crop, [(volume, cache, seed) for seed in range(8)]).get(timeout=120)
    assert [g[0] for g in got] == want
    # Nothing was made again: what this process made serves the others.
    assert all(g[1]["misses"] == 0 and g[1]["rebuilt"] == 0 and g[1]["hits"] > 0 for g in got)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_forked_while_others_use_the_cache_works(tmp_path, volume):
    paths = [write(tmp_path / f"{n}.nii.gz", n) for n in range(4)]
    caches = [mx.cache(tmp_path / "c", "1 GB"), mx.cache(max_bytes="1 GB")]
    want = [mx.load(p).numpy() for p in paths]
    stop = threading.Event()

    def work():
        while not stop.is_set():
            for cache in caches:
                cache.clear()
                for p in paths:
                    mx.load(p).cached(cache).numpy()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(60)  # a hang is a failure
                code = 1
                try:
                    made = [
                        np.array_equal(mx.load(p).cached(c).numpy(), w)
                        for c in caches
                        for p, w in zip(paths, want)
                    ]
                    code = 0 if all(made) and caches[1].stats["entries"] == 4 else 2
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for t in threads:
            t.join()


BUSY = """
import sys, numpy as np, medoxide as mx
folder, cache, seed = sys.argv[1], mx.cache(sys.argv[2], int(sys.argv[3])), int(sys.argv[4])
order = np.random.default_rng(seed)
print("ready", flush=True)
for _ in range(int(sys.argv[5])):
    n = order.integers(6)
    v = mx.load(f"{folder}/{n}.nii.gz")
    got = v.cached(cache)[5:30, ::2].numpy()
    assert np.array_equal(got, v[5:30, ::2].numpy()), n
s = cache.stats
assert s["rebuilt"] == 0, s
assert s["bytes"] <= cache.max_bytes + 200_000, s
"""


def busy(tmp_path: Path, max_bytes: int, seed: int, rounds: int) -> subprocess.Popen[str]:
    args = [
        sys.executable,
        "-W",
        "error",
        "-c",
        BUSY,
        str(tmp_path),
        str(tmp_path / "c"),
        str(max_bytes),
        str(seed),
        str(rounds),
    ]
    return subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("room", [3, 100])
def test_two_processes_at_once(tmp_path, room):
    """Also while each removes what the other reads."""
    for n in range(6):
        write(tmp_path / f"{n}.nii.gz", n)
    one = int(np.prod(SHAPE)) * 2 + 8192
    both = [busy(tmp_path, room * one, seed, 150) for seed in (1, 2)]
    for p in both:
        _, errors = p.communicate(timeout=120)
        assert p.returncode == 0, errors
    cache = mx.cache(tmp_path / "c", room * one)
    assert cache.bytes <= cache.max_bytes
    assert [p for p in (tmp_path / "c").iterdir() if p.suffix != ".nii"] == []


def test_a_writer_that_is_killed_leaves_nothing_wrong(tmp_path):
    shape = (160, 160, 120)
    for n in range(6):
        voxels = np.random.default_rng(n).integers(0, 9, shape).astype(np.int16)
        mx.Volume(voxels).save(tmp_path / f"{n}.nii.gz", level=1)
    folder = tmp_path / "c"
    left = 0
    for n in range(25):
        p = busy(tmp_path, 2 * int(np.prod(shape)) * 2 + 50_000, n, 1000)
        assert p.stdout is not None and p.stdout.readline() == "ready\n"
        time.sleep(0.01 + 0.004 * n)
        p.send_signal(signal.SIGKILL)
        p.communicate()
        left += sum(f.suffix == ".tmp" for f in folder.iterdir()) if folder.exists() else 0
    assert left > 0, "no writer was killed in the middle of writing"
    cache = mx.cache(folder, "1 GB")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(6):
            same(mx.load(tmp_path / f"{n}.nii.gz").cached(cache), mx.load(tmp_path / f"{n}.nii.gz"))
    assert cache.stats["rebuilt"] == 0
    # The next writer clears away what they left.
    assert [f for f in folder.iterdir() if f.suffix == ".tmp"] == []


def test_threads_make_an_entry_once(tmp_path, volume):
    for cache in (mx.cache(tmp_path / "c", "1 GB"), mx.cache(max_bytes="1 GB")):
        threads = [
            threading.Thread(
                target=lambda: mx.load(volume).gaussian_smooth(2).cached(cache)[:9].numpy()
            )
            for _ in range(6)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert cache.stats["misses"] == 1


def test_labels_move_along(tmp_path, volume):
    label = tmp_path / "l.nii.gz"
    mx.Volume((ramp(*SHAPE, dtype="int32") // 900 % 3).astype(np.uint8), AFFINE, role="label").save(
        label
    )
    pipe = mx.Pipeline(
        [mx.CropForeground(source="label"), mx.ZNormalize(), mx.RandomCrop(shape=10, count=2)],
        seed=4,
    )
    cache = mx.cache(tmp_path / "c", "1 GB")
    points = np.array([[1.0, 2.0, 3.0]])
    for epoch in range(3):
        item = {"image": volume, "label": label, "points": points}
        for a, b in zip(pipe(item, epoch=epoch), pipe(item, epoch=epoch, cache=cache), strict=True):
            same(a["image"], b["image"])
            same(a["label"], b["label"])
            np.testing.assert_array_equal(a["points"], b["points"])
    assert cache.stats["misses"] == 2
    assert str(pipe.explain(item, cache=cache, measure=True)).count("cache hit") == 4
