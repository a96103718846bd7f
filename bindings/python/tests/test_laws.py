"""What holds for every transform and every chain of them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import niftis
import numpy as np
import pytest
from chains import OPS
from given import AFFINES, blobs, close_to, indices, labels, random_array, volume, world, write_scaled
from hypothesis import HealthCheck, given, settings
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


@pytest.mark.parametrize("name", [*OPS, "noise", "low_resolution", "foreground", "float64", "int16", "patch", "slices"])
def test_saved_and_read_by_nibabel_is_what_numpy_sees(name, tmp_path):
    for n, start in enumerate(starts(tmp_path)):
        out = step(name, start)
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
    return sum(OPS[n].kind == "sampled" for n in names) <= 1 and names.count("crop") <= 2


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(OPS)), min_size=2, max_size=5).filter(fits))
def test_lazy_is_eager_bit_for_bit(names):
    start = volume(blobs((14, 16, 18)), AFFINES["oblique_permuted"])
    v = start
    for name in names:
        v = OPS[name].run(v)
    same(v, eager(start, names))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(set(OPS) - {"crop"})), min_size=2, max_size=5))
def test_unfused_pipelines_are_eager_bit_for_bit(names):
    start = volume(blobs((14, 16, 18)), AFFINES["oblique_permuted"])
    pipe = mx.Pipeline([OPS[n].transform for n in names], fuse=False)
    same(pipe(start), eager(start, names))


SOURCES = {
    ".nii": {},
    ".nii.gz": {"slope": 0.25, "inter": -3.0},
    "members.nii.gz": {"order": ">"},
    "far.nii": {"order": ">", "slope": -1e-3, "inter": 7.5},
    ".hdr": {"slope": 2.0, "version": 2},
}
# Besides those of the chains: what reads a part of its input only, or draws, or looks at everything.
MORE = {
    "patch": lambda v: v.crop([n // 3 for n in v.shape[:3]], [max(1, n // 2) for n in v.shape[:3]]),
    "slices": lambda v: v[::-1, 1::2],
    "noise": lambda v: mx.GaussianNoise(std=0.3)(v, seed=11, id="same"),
    "low_resolution": lambda v: v.simulate_low_resolution(0.6),
    "foreground": lambda v: v.crop_foreground(0.4, margin=1, divisible=2),
    "float64": lambda v: v.cast("float64"),
    "int16": lambda v: v.clamp(-30000, 30000).cast("int16"),
    "some_frames": lambda v: v[..., ::-1] if v.ndim > 3 else v,
}


def step(name, v):
    return MORE[name](v) if name in MORE else OPS[name].run(v)


def from_array(v):
    """The same values in memory, without a past."""
    return mx.Volume(np.array(v), affine=v.affine, channel_axis=3 if v.ndim > 3 else None)


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(SOURCES)),
    st.sampled_from(["i2", "f4", "u1", "f8"]),
    st.booleans(),
    st.lists(st.sampled_from(sorted({**OPS, **MORE})), min_size=1, max_size=5),
)
def test_chains_on_files_are_eager_whatever_part_is_read(tmp_path, container, dtype, frames, names):
    names = [n for i, n in enumerate(names) if n not in ("resample", "affine") or not {"resample", "affine"} & {*names[:i]}]
    array = (blobs((17, 14, 16)) * 100).astype(niftis.dtype_of(dtype))
    array = np.stack([array, array[::-1]], -1) if frames else array
    options = {"order": "<", **SOURCES[container]}
    array = array.astype(niftis.dtype_of(dtype, options["order"]))
    path = niftis.write(tmp_path, "a", array, container, **options, change=lambda h: h.set_sform(AFFINES["oblique"], 1))
    v = mx.load(path)
    wanted = from_array(v)
    for name in names:
        if min(wanted.shape[:3]) > 4:
            v = step(name, v)
            wanted = from_array(step(name, wanted))
    same(v, wanted)
    assert v.dtype == wanted.dtype
    # As C-contiguous memory, and in another dtype, it is the same.
    np.testing.assert_array_equal(v.numpy(order="C"), np.asarray(wanted))
    if v.dtype == np.float32:
        np.testing.assert_array_equal(v.numpy(dtype="float64"), np.asarray(wanted).astype(np.float64))


@pytest.mark.parametrize("name", [*OPS, *(m for m in MORE if m not in ("noise", "some_frames"))])
def test_frames_are_done_one_by_one(name):
    array = np.stack([blobs(SHAPE), blobs(SHAPE, 1) * 2 + 1], -1)
    array[0, 0, 0], array[-1, -1, -1] = 5, 5  # one foreground, and the same extremes
    affine = AFFINES["oblique_permuted"]
    four = mx.Volume(array, affine=affine, channel_axis=3)
    if name in ("z_normalize", "rescale", "percentiles"):
        more = {"out_range": (-2, 5)} if name == "rescale" else {"percentiles": (5, 90)} if name == "percentiles" else {}
        run = lambda v: getattr(v, "rescale" if name != "z_normalize" else name)(**more, channel_wise=True)
    else:
        run = lambda v: step(name, v)
    out = run(four)
    for n in range(2):
        alone = run(volume(array[..., n], affine))
        np.testing.assert_array_equal(np.asarray(out)[..., n], np.asarray(alone))
        np.testing.assert_array_equal(out.affine, alone.affine)


@pytest.mark.parametrize("name", [*OPS, *(m for m in MORE if m != "some_frames")])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_memory_order_changes_no_bit(name, dtype):
    array, affine = (blobs((19, 14, 16)) * 50).astype(dtype), AFFINES["oblique"]
    wanted = step(name, volume(np.asfortranarray(array), affine))
    wide = np.zeros((38, 14, 48), dtype)
    wide[::2, :, ::3] = array
    views = [np.ascontiguousarray(array), wide[::2, :, ::3], array[::-1].copy()[::-1], array.transpose(1, 2, 0).copy().transpose(2, 0, 1)]
    for view in views:
        same(step(name, volume(view, affine)), wanted)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["reorient", "flip", "rot90", "crop", "resample"]), min_size=1, max_size=5))
def test_a_ramp_in_the_world_stays_that_ramp(names):
    affine, shape = AFFINES["oblique_permuted"], (35, 37, 39)
    normal = np.array([0.5, -0.7, 0.4])
    v = volume((world(affine, indices(shape)) @ normal).astype(np.float32), affine)
    margin = 0.01
    for name in names:
        v = OPS[name].run(v)
        # Voxels near an edge see the edge voxel instead of the ramp: one new voxel of at most 2.3 old ones.
        # A crop brings the edge up to two voxels (of the grid it cuts, at most 2.3 old ones each) nearer.
        margin += {"resample": 2.5, "crop": 4.6}.get(name, 0)
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


@pytest.mark.peers
def test_bits_do_not_depend_on_torchs_flush_to_zero(tmp_path):
    import torch

    tiny = blobs((40, 41, 42)) * np.float32(1e-38)  # half of it subnormal
    scaled = write_scaled(tmp_path / "a.nii", random_array((90, 91, 92), "int16"), 1e-40, 0.0)

    def run():
        start = volume(tiny, AFFINES["oblique"])
        out = [np.array(op.run(start)) for op in OPS.values()] + [np.array(mx.load(scaled))]
        for more in ({}, {"dtype": "float64"}, {"storage": "int16"}):
            start.save(tmp_path / "b.nii", **more)
            out.append(np.fromfile(tmp_path / "b.nii", np.uint8))
        return out

    wanted = run()
    assert torch.set_flush_denormal(True)
    try:
        found = run()
    finally:
        torch.set_flush_denormal(False)
    for a, b in zip(found, wanted, strict=True):
        assert a.tobytes() == b.tobytes()
    assert np.count_nonzero(np.abs(wanted[0]) < 1e-38) > 1000


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
