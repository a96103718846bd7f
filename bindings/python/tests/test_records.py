"""Kept numbers: the same bits with and without, whoever shares them."""

from __future__ import annotations

import multiprocessing as mp
import os
import pickle
import warnings

import medoxide as mx
import numpy as np
import pytest
from conftest import AFFINE

SHAPE = (64, 60, 52)
PIPE = mx.Pipeline(
    [mx.ZNormalize(mask="nonzero"), mx.Rescale(percentiles=(1, 99)), mx.RandomCrop(shape=12)],
    seed=3,
)


@pytest.fixture(params=["v.nii", "v.nii.gz"])
def volume(tmp_path, request):
    voxels = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
    path = tmp_path / request.param
    mx.Volume(voxels, AFFINE).save(path)
    return path


def visit(path, records, epoch: int) -> tuple[bytes, int]:
    source = mx.load(path)
    patch = PIPE(source, epoch=epoch, records=records)
    return patch.numpy().tobytes(), patch.bytes_read


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_later_visits_read_the_patch_only(tmp_path, volume, kind):
    records = mx.records(tmp_path / "r" if kind == "disk" else None)
    assert records.folder == (tmp_path / "r" if kind == "disk" else None)
    assert "not recorded yet" in PIPE.explain(volume, records=records)
    for epoch in range(4):
        got, read = visit(volume, records, epoch)
        assert got == visit(volume, None, epoch)[0]
        size = volume.stat().st_size
        assert read > size * 0.9 if epoch == 0 else read < size * 0.6
    assert records.stats["measured"] == 2 and records.stats["files"] == 1
    text = PIPE.explain(volume, records=records)
    assert "(recorded)" in text and "not recorded" not in text
    assert "measurements of 1 files" in repr(records)
    records.clear()
    assert "not recorded yet" in PIPE.explain(volume, records=records)


def test_damage_is_told(tmp_path, volume):
    visit(volume, mx.records(tmp_path / "r"), 0)
    (record,) = (tmp_path / "r").iterdir()
    other = tmp_path / "other"
    other.mkdir()
    wrong = bytearray(record.read_bytes())
    wrong[len(wrong) // 2] ^= 1
    (other / record.name).write_bytes(wrong)
    with pytest.warns(mx.CacheWarning, match="measured again"):
        got = visit(volume, mx.records(other), 1)[0]
    assert got == visit(volume, None, 1)[0]
    assert (other / record.name).read_bytes() == record.read_bytes()


def test_records_pickle(tmp_path, volume):
    for records in (mx.records(tmp_path / "r"), mx.records()):
        again = pickle.loads(pickle.dumps(records))
        assert again == records and again.folder == records.folder
        lazy = PIPE(volume, records=records)
        want = lazy.numpy()
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy)).numpy(), want)
        assert records.stats["measured"] == 2
    assert mx.records() != mx.records()
    with pytest.raises(TypeError):
        mx.records(3)


@pytest.mark.parametrize(
    "method", [m for m in ("fork", "spawn") if m in mp.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_share_the_folder(tmp_path, volume, method):
    records = mx.records(tmp_path / "r")
    want = [visit(volume, None, epoch)[0] for epoch in range(6)]
    visit(volume, records, 0)
    with mp.get_context(method).Pool(2) as pool:
        jobs = [(volume, records, epoch) for epoch in range(6)]
        got = pool.starmap_async(visit, jobs).get(timeout=120)
    assert [g[0] for g in got] == want
    assert all(g[1] < volume.stat().st_size * 0.6 for g in got), "nothing was measured again"


def add(job) -> bytes:
    path, records, low = job
    pipe = mx.Pipeline([mx.Clamp(min=low), mx.ZNormalize(), mx.RandomCrop(shape=12)], seed=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", mx.CacheWarning)
        return pipe(path, records=records).numpy().tobytes()


def test_processes_that_add_to_one_record_at_once_leave_a_sound_one(tmp_path, volume):
    records = mx.records(tmp_path / "r")
    lows = [-900 + 50 * (n % 12) for n in range(48)]
    with mp.get_context("spawn").Pool(3) as pool:
        jobs = [(volume, records, low) for low in lows]
        got = pool.map_async(add, jobs, chunksize=1).get(timeout=120)
    assert got == [add((volume, None, low)) for low in lows]
    # At most what two wrote at the very same time has to be measured again.
    for low in lows:
        add((volume, records, low))
    assert records.stats["measured"] <= 6 and records.stats["remeasured"] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_uses_what_it_was_given(tmp_path, volume):
    want = visit(volume, None, 5)[0]
    for records in (mx.records(), mx.records(tmp_path / "r")):
        visit(volume, records, 0)
        child = os.fork()
        if child == 0:
            os._exit(0 if visit(volume, records, 5)[0] == want else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
