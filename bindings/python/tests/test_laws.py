"""What holds for every transform and every chain of them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from chains import OPS
from given import AFFINES, blobs, close_to, indices, labels, random_array, volume, world, write_scaled
from hypothesis import given, settings
from hypothesis import strategies as st

import medoxide as mx

SHAPE = (11, 9, 12)
FLOAT = 4e-6  # of the largest magnitude, after two float32 steps
pytestmark = pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")


def starts(tmp_path):
    """A float32 array, a scaled file, an integer array."""
    raw = random_array(SHAPE, "int16", 4)
    affine = AFFINES["oblique_permuted"]
    path = write_scaled(tmp_path / "scaled.nii.gz", raw, 1e-4, 0.25, affine)
    yield volume(blobs(SHAPE), affine)
    yield mx.load(path)
    yield volume(labels(SHAPE), affine)


@pytest.mark.parametrize("name", OPS)
def test_saved_and_read_by_nibabel_is_what_numpy_sees(name, tmp_path):
    for n, start in enumerate(starts(tmp_path)):
        out = OPS[name].run(start)
        for suffix in (".nii", ".nii.gz", ".img"):
            path = tmp_path / f"{n}{suffix}"
            out.save(path)
            back = nib.load(path)
            assert back.header["scl_slope"] in (1, 0) or np.isnan(back.header["scl_slope"])
            np.testing.assert_array_equal(np.asarray(back.dataobj), np.asarray(out))
            np.testing.assert_allclose(back.affine, out.affine, atol=1e-4)
            again = mx.load(path)
            np.testing.assert_array_equal(np.asarray(again), np.asarray(out))


PAIRS = [
    (a, b)
    for a, b in itertools.product(OPS, OPS)
    if [OPS[a].kind, OPS[b].kind] != ["sampled", "sampled"]  # those are joined into one: law B
]


@pytest.mark.parametrize("first,second", PAIRS)
def test_every_pair_is_numpys_composition(first, second):
    array, affine = blobs(SHAPE), AFFINES["oblique_permuted"]
    out = OPS[second].run(OPS[first].run(volume(array, affine)))
    middle, middle_affine = OPS[first].say(array, affine)
    want, want_affine = OPS[second].say(middle, middle_affine)
    assert out.shape == want.shape
    np.testing.assert_allclose(out.affine, want_affine, atol=1e-9)
    if {OPS[first].kind, OPS[second].kind} == {"lattice"}:
        np.testing.assert_array_equal(np.asarray(out), want)
    else:
        close_to(out, want, FLOAT, f"{first}, {second}")


def eager(start, names):
    """Step by step, each result a fresh volume without a past."""
    v = start
    for name in names:
        v = OPS[name].run(v)
        v = volume(np.array(v), v.affine)
    return v


def same(found, wanted):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
    np.testing.assert_allclose(found.affine, wanted.affine, atol=1e-9)


def fits(names):
    return sum(OPS[n].kind == "sampled" for n in names) <= 1


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(OPS)), min_size=2, max_size=5).filter(fits))
def test_lazy_is_eager_bit_for_bit(names):
    start = volume(blobs((14, 16, 18)), AFFINES["oblique_permuted"])
    v = start
    for name in names:
        v = OPS[name].run(v)
    same(v, eager(start, names))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(set(OPS) - {"crop"})), min_size=2, max_size=5))
def test_unfused_pipelines_are_eager_bit_for_bit(names):
    start = volume(blobs((14, 16, 18)), AFFINES["oblique_permuted"])
    pipe = mx.Pipeline([OPS[n].transform for n in names], fuse=False)
    same(pipe(start), eager(start, names))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["reorient", "flip", "rot90", "crop", "resample"]), min_size=1, max_size=5))
def test_a_ramp_in_the_world_stays_that_ramp(names):
    affine, shape = AFFINES["oblique_permuted"], (15, 17, 19)
    normal = np.array([0.5, -0.7, 0.4])
    v = volume((world(affine, indices(shape)) @ normal).astype(np.float32), affine)
    margin = 0.01
    for name in names:
        v = OPS[name].run(v)
        # Voxels near an edge see the edge voxel instead of the ramp: one new voxel of at most 2.3 old ones.
        margin += 2.5 if name == "resample" else 0
    at = world(np.linalg.inv(affine), world(v.affine, indices(v.shape)))
    inside = np.all((at >= margin) & (at <= np.array(shape) - 1 - margin), -1)
    wanted = world(v.affine, indices(v.shape)) @ normal
    if inside.any():
        assert np.abs(np.asarray(v) - wanted)[inside].max() < 1e-3  # mm


def test_joined_interpolations_keep_the_grid_and_come_closer_to_the_truth():
    array, affine = blobs((40, 36, 32)), AFFINES["oblique"]
    transforms = [OPS["resample"].transform, OPS["affine"].transform]
    one, two = (mx.Pipeline(transforms, fuse=f)(volume(array, affine)) for f in (True, False))
    np.testing.assert_allclose(one.affine, two.affine, atol=1e-9)
    back = np.linalg.inv(affine) @ two.affine
    # The composed map, sampled once, in float64.
    from oracle import deformation, linear

    after = deformation(two.shape, two.affine, rotate=(5, -8, 12), scale=1.1)
    close_to(one, linear(array, world(back @ after, indices(two.shape))), 1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"])
def test_labels_keep_dtype_and_values(dtype, tmp_path):
    array = labels((12, 10, 14), (0, 1, 3, 120), dtype=dtype)
    for kept in OPS:
        if OPS[kept].kind in ("point", "filter"):
            continue
        path = tmp_path / "label.nii.gz"
        nib.save(nib.Nifti1Image(array, AFFINES["oblique"], dtype=dtype), path)
        start = mx.load(path, role="label")
        # Padding a label by a constant fills with 0.
        out = np.asarray(mx.Pipeline([OPS[kept].transform])(start)) if kept != "crop" else np.asarray(OPS[kept].run(start))
        assert out.dtype == np.dtype(dtype), kept
        assert set(np.unique(out)) <= {0, 1, 3, 120}, kept


def test_labels_in_a_pipeline_are_not_normalised():
    array = labels(SHAPE)
    sample = {"image": volume(blobs(SHAPE)), "label": volume(array, role="label")}
    out = mx.Pipeline([mx.ZNormalize(), mx.GaussianSmooth(), mx.Clamp(min=0, max=1), mx.GaussianNoise(std=1.0)], seed=1)(sample)
    np.testing.assert_array_equal(np.asarray(out["label"]), array)


@pytest.mark.parametrize(
    "there,back",
    [
        (lambda v: v.flip([0, 1]), lambda v: v.flip([0, 1])),
        (lambda v: v.rot90(1, axes=(1, 2)), lambda v: v.rot90(3, axes=(1, 2))),
        (lambda v: v.reorient("SPL"), lambda v: v.reorient("RAS")),
        (lambda v: v.pad(3, mode="reflect"), lambda v: v.crop((3, 3, 3), SHAPE)),
    ],
)
def test_there_and_back_again(there, back):
    start = volume(random_array(SHAPE, "int32"), AFFINES["anisotropic"])
    out = back(there(start))
    np.testing.assert_array_equal(np.asarray(out), np.asarray(start))
    np.testing.assert_allclose(out.affine, start.affine, atol=1e-9)


DIGESTS = Path(__file__).with_name("digests.py")


def digests(**environment):
    run = subprocess.run(
        [sys.executable, str(DIGESTS)], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_same_seed_same_bits_on_any_threads_and_instruction_set():
    levels = [level for level in mx.features()["available"] if level != "plain"]
    wanted = digests(MEDOXIDE_THREADS="1", MEDOXIDE_LEVEL="plain")
    assert len(wanted) > 20
    for threads, level in [("2", "plain"), ("7", "plain"), *zip(itertools.cycle("271"), levels, strict=False)]:
        found = digests(MEDOXIDE_THREADS=threads, MEDOXIDE_LEVEL=level)
        differing = [name for name in wanted if found[name] != wanted[name]]
        assert not differing, f"{threads} threads, {level}: {differing}"
