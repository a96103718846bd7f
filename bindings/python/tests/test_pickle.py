"""Everything pickles: lazy volumes as file and steps, volumes in memory as bytes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp


def again(x, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(x, protocol))


def same(a: mx.Volume, b: mx.Volume) -> None:
    assert a.shape == b.shape and a.path == b.path
    assert np.array_equal(a.affine, b.affine) and a.role == b.role and a.dtype == b.dtype
    assert np.array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_lazy_is_path_and_steps(nii, protocol):
    v = mx.load(nii).reorient("LPI").resample(1.1)[1:, ::-1].gaussian_noise(1, seed=3).clamp(-5, 50)
    data = pickle.dumps(v, protocol)
    assert len(data) < 2000 and not v.is_computed
    w = pickle.loads(data)
    assert w.path == nii and not w.is_computed
    same(v, w)


def test_lazy_stays_lazy_after_it_was_computed(nii):
    v = mx.load(nii).z_normalize().compute().clamp(-1, 1)
    assert len(pickle.dumps(v)) < 2000
    same(v, again(v))


def test_a_pipelines_result_is_path_and_pipeline(nii):
    pipe = mx.Pipeline(
        [
            mx.Reorient(orientation="RAS"),
            mx.GaussianNoise(std=(1, 2), p=0.9),
            mx.CropForeground(above=20),
        ]
    )
    v = pipe(nii, epoch=3, id="case 1")
    assert len(pickle.dumps(v)) < 3000
    same(v, again(v))


def test_a_stack_of_files_is_their_paths(nii, nii_gz):
    stacked = mx.stack([mx.load(nii), mx.load(nii_gz, index=False), mx.load(nii, mmap=True)])
    v = stacked.reorient("LPI").gaussian_noise(1, seed=3)
    assert len(pickle.dumps(v)) < 3000 and not v.is_computed
    w = again(v)
    assert w.path is None and w.bytes_read > 0 and not w.is_computed
    same(v, w)


def test_mapped_stays_mapped(nii):
    v = mx.load(nii, mmap=True).flip("x")
    assert len(pickle.dumps(v)) < 2000
    same(v, again(v))


def test_roles_stay(nii):
    v = mx.load(nii, role="label").resample(1.3)
    w = again(v)
    assert w.role == "label"
    same(v, w)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex64"])
def test_memory_is_bytes(dtype):
    v = mx.Volume(ramp(3, 4, 5, 2, dtype="u1").astype(dtype)[:, ::-1], AFFINE, channel_axis=3)
    w = again(v)
    same(v, w)
    same(v.flip("x"), again(v.flip("x")))
    assert w.shape == (3, 4, 5, 2)


def test_memory_keeps_its_metadata(nii):
    v = mx.load(nii).replace(description="here", extensions=[(6, b"0123456789abcdef")])
    w = again(v)
    assert (
        w.header["sform_code"] == v.header["sform_code"]
        and w.header.extensions == v.header.extensions
    )
    header = again(v.header)
    assert dict(header) == dict(v.header) and header.format == v.header.format


def test_saved_again_after_pickling_nothing_is_lost(tmp_path, nii):
    mx.load(nii).replace(description="here").save(tmp_path / "a.nii")
    again(mx.load(nii).replace(description="here")).save(tmp_path / "b.nii")
    assert (tmp_path / "a.nii").read_bytes() == (tmp_path / "b.nii").read_bytes()


def test_two_axes_stay_two():
    assert again(mx.Volume(ramp(4, 5))).shape == (4, 5)


def test_transforms_and_pipelines(nii):
    t = mx.Pad(before=(1, 2, 3), mode="edge", p=0.5, id="mine")
    assert again(t) == t and again(t).id == "mine" and hash(again(t)) == hash(t)
    drawn = mx.Pipeline([t, mx.GaussianNoise(std=(0, 1))])
    copy = again(drawn)
    assert copy == drawn and copy.seed == drawn.seed
    assert np.array_equal(np.asarray(copy(nii)), np.asarray(drawn(nii)))
    fixed = mx.Pipeline([t], seed=4, fuse=False, on_mismatch="resample")
    assert again(fixed).to_dict() == fixed.to_dict()
