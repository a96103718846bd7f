"""Regions of gzip streams, and the indexes that make them cheap: where they are kept, and when they are not trusted."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx

SPACING = (1 << 20) + (160 << 10)
"""Content between places at which the stream can be entered, and the longest of its blocks."""


def stream(path: Path, shape=(140, 130, 120), seed=1) -> np.ndarray:
    """A .nii.gz as most programs write it, of about 4 MiB of content."""
    voxels = np.random.default_rng(seed).integers(0, 500, shape).astype(np.int16)
    mx.Volume(voxels).save(path.with_suffix(""))
    path.write_bytes(gzip.compress(path.with_suffix("").read_bytes(), 6))
    path.with_suffix("").unlink()
    return voxels


@pytest.fixture
def packed(tmp_path):
    """A file of its own for each test: what is known of a file stays in memory."""
    path = tmp_path / "a.nii.gz"
    return path, stream(path)


END = (slice(50, 60), slice(60, 70), slice(110, 118))
"""A region near the end."""


def cost(path: Path, voxels: np.ndarray, region=END, **how) -> int:
    """Bytes inflated for a region, which must be right."""
    volume = mx.load(path, **how)
    before = volume.bytes_inflated
    assert np.array_equal(volume[region].numpy(), voxels[region])
    return volume.bytes_inflated - before


def elsewhere(path: Path, *, variables: dict[str, str] | None = None) -> int:
    """The cost of that region in another process."""
    code = (
        "import sys, medoxide as mx\n"
        "v = mx.load(sys.argv[1])\n"
        "before = v.bytes_inflated\n"
        "v[50:60, 60:70, 110:118].numpy()\n"
        "print(v.bytes_inflated - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_a_second_visit_inflates_little(packed):
    path, voxels = packed
    assert cost(path, voxels) > 3_900_000
    held = mx.features()["index"]
    assert 0 < held["bytes"] <= held["limit"] == 64 << 20
    assert cost(path, voxels) < SPACING + 400_000
    assert cost(path, voxels, index=False) > 3_900_000
    assert elsewhere(path) > 3_900_000, "nothing was written"
    assert list(path.parent.iterdir()) == [path]


def test_a_sidecar_serves_other_processes(packed):
    path, voxels = packed
    early = (slice(0, 10), slice(0, 10), slice(5, 10))
    assert cost(path, voxels, early, index="sidecar") > 4_300_000, "to the end, once"
    sidecar = path.with_name("a.nii.gz.mxi")
    assert 0 < sidecar.stat().st_size < path.stat().st_size / 20
    assert elsewhere(path) < SPACING + 400_000
    assert cost(path, voxels, early, index="sidecar") < SPACING


def test_a_folder_of_indexes(packed, tmp_path):
    path, voxels = packed
    folder = tmp_path / "kept" / "here"
    cost(path, voxels, index=folder)
    (index,) = folder.iterdir()
    assert index.name.startswith("a.nii.gz-") and index.suffix == ".mxi"
    assert elsewhere(path) > 3_900_000
    assert elsewhere(path, variables={"MEDOXIDE_INDEX_DIR": str(folder)}) < SPACING + 400_000
    assert mx.index(path, folder) == index
    assert mx.index(path, str(tmp_path / "more")).parent == tmp_path / "more"


def test_index_says_where(packed, tmp_path):
    path, voxels = packed
    sidecar = mx.index(path)
    assert sidecar == path.with_name("a.nii.gz.mxi") and sidecar.exists()
    before = sidecar.stat().st_mtime_ns
    assert mx.index(path) == sidecar and sidecar.stat().st_mtime_ns == before
    for name in ("b.nii", "b.nii.gz"):
        mx.Volume(voxels).save(tmp_path / name)
        assert mx.index(tmp_path / name) is None
        assert not (tmp_path / f"{name}.mxi").exists()


def test_a_stale_index_is_not_used(packed):
    path, _ = packed
    sidecar = mx.index(path)
    other = stream(path, seed=2)
    assert elsewhere(path) > 3_900_000
    assert cost(path, other) > 3_900_000
    old = sidecar.read_bytes()
    assert cost(path, other, index="sidecar") > 0
    assert sidecar.read_bytes() != old
    assert elsewhere(path) < SPACING + 400_000


def test_a_damaged_index_is_written_anew(packed):
    path, voxels = packed
    sidecar = mx.index(path)
    sound = sidecar.read_bytes()
    for damaged in (sound[:-9], sound[:99] + b"?" + sound[100:], b""):
        sidecar.write_bytes(damaged)
        assert elsewhere(path) > 3_900_000
        assert mx.index(path) == sidecar
        assert sidecar.read_bytes() == sound
    assert cost(path, voxels) < SPACING + 400_000


def test_processes_may_build_at_once(packed):
    path, voxels = packed
    code = "import sys, medoxide as mx; mx.load(sys.argv[1], index='sidecar')[:9, :9, :9].numpy(); mx.index(sys.argv[1])"
    crowd = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)]
    assert [p.wait() for p in crowd] == [0] * 4
    assert sorted(p.name for p in path.parent.iterdir()) == ["a.nii.gz", "a.nii.gz.mxi"]
    assert elsewhere(path) < SPACING + 400_000
    assert cost(path, voxels) < SPACING + 400_000


def test_the_choice_is_pickled(packed, tmp_path):
    path, _ = packed
    for index in (True, False, "sidecar", tmp_path / "kept"):
        again = pickle.loads(pickle.dumps(mx.load(path, index=index)))
        again[:9, :9, :9].numpy()
        sidecar = path.with_name("a.nii.gz.mxi")
        assert sidecar.exists() == (index == "sidecar")
        sidecar.unlink(missing_ok=True)
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_what_is_no_choice(packed, tmp_path):
    path, _ = packed
    for index in (3, "", 1.5, ["sidecar"]):
        with pytest.raises(mx.ParamError, match="index"):
            mx.load(path, index=index)
    with pytest.raises(OSError, match="a.nii.gz"):
        mx.load(path, index=path)[:9, :9, :9].numpy()
    with pytest.raises(FileNotFoundError):
        mx.index(tmp_path / "gone.nii.gz")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_a_crop_of_a_large_file_takes_little_memory(tmp_path):
    """64³ of 512³, at the first visit and later, less than 40 MiB above what was there when medoxide had been imported."""
    path = tmp_path / "large.nii.gz"
    mx.Volume(np.zeros((512, 512, 1), np.int16)).save(tmp_path / "flat.nii")
    header = bytearray((tmp_path / "flat.nii").read_bytes()[:352])
    header[40:48] = np.array([3, 512, 512, 512], "<i2").tobytes()
    stock = np.random.default_rng(3).integers(0, 8, 512 * 1024).astype(np.int16).tobytes()
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(header)
        for z in range(512):
            at = z * 7918 % (1 << 19)
            out.write(stock[at : at + (1 << 19)])
    code = (
        "import sys, medoxide as mx\n"
        "def peak():\n"
        "    line = next(s for s in open('/proc/self/status') if s.startswith('VmHWM:'))\n"
        "    return int(line.split()[1]) / 1024\n"
        "mx.Volume(__import__('numpy').zeros((64, 64, 64), 'float32')).numpy()\n"
        "before, more = peak(), []\n"
        "for z in (448, 10, 300):\n"
        "    mx.load(sys.argv[1])[100:164, 200:264, z : z + 64].numpy(dtype='float32')\n"
        "    more.append(peak() - before)\n"
        "print(*more)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    more = [float(v) for v in done.stdout.split()]
    assert max(more) < 40, more
