"""The rules of lazy volumes, each with a test."""

from __future__ import annotations

import copy
import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp


def big(tmp_path: Path, name: str = "big.nii") -> Path:
    """A float32 file of 64 x 64 x 64 voxels, 1 MiB, of which the middle is not 0."""
    a = np.zeros((64, 64, 64), np.float32)
    a[20:40, 10:50, 30:34] = ramp(20, 40, 4, dtype="float32") + 1
    path = tmp_path / name
    mx.Volume(a, AFFINE).save(path)
    return path


# Errors come when the step is chained ------------------------------------------------------------


def test_parameter_errors_come_at_once_and_name_the_step(nii):
    v = mx.load(nii).reorient("RAS")
    with pytest.raises(mx.ParamError) as e:
        v.clamp(3, 1)
    assert e.value.transform == "clamp" and e.value.name == "min" and e.value.step == 2
    assert "step 2 (clamp)" in str(e.value)


def test_shape_errors_come_at_once(nii):
    with pytest.raises(mx.ParamError, match="crop"):
        mx.load(nii).crop((0, 0, 0), (6, 1, 1))
    with pytest.raises(mx.LimitError):
        mx.load(nii).resample(shape=(100_000, 100_000, 100_000))


# Nothing is read before it is needed, and only what is needed ------------------------------------


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_opening_and_chaining_read_the_header_only(tmp_path, suffix):
    v = mx.load(big(tmp_path, f"big{suffix}"))
    chain = v.reorient("RAS").resample(1).z_normalize().clamp(-1, 1)
    assert chain.shape and chain.affine is not None and repr(chain)
    assert v.bytes_read <= 8192
    # What will be inflated is known from the index at the file's end.
    assert chain.explain()
    assert v.bytes_read <= 8192 + (16384 if suffix == ".nii.gz" else 0)
    assert not chain.is_computed


def test_a_crop_is_pushed_into_the_file(tmp_path):
    v = mx.load(big(tmp_path))
    before = v.bytes_read
    part = v.gaussian_smooth(0.5).crop((8, 8, 8), (8, 8, 8))
    whole = np.asarray(mx.load(v.path).gaussian_smooth(0.5))
    assert np.array_equal(np.asarray(part), whole[8:16, 8:16, 8:16])
    assert v.bytes_read - before < 64**3 * 4 / 3


def test_a_slice_reads_its_slab(tmp_path):
    v = mx.load(big(tmp_path))
    before = v.bytes_read
    np.asarray(v[:, :, 31])
    assert v.bytes_read - before <= 64 * 64 * 4


def test_frames_are_read_alone(frames):
    v = mx.load(frames)
    before = v.bytes_read
    assert np.array_equal(np.asarray(v[..., 2]), ramp(5, 6, 7, 4)[..., 2])
    assert v.bytes_read - before == 5 * 6 * 7 * 2


def test_a_shape_that_voxels_decide_measures_only_when_asked(tmp_path):
    v = mx.load(big(tmp_path))
    before = v.bytes_read
    chain = v.crop_foreground().flip("x").clamp(0, 5)
    assert v.bytes_read == before
    assert chain.shape == (20, 40, 4)
    assert v.bytes_read > before
    assert not chain.is_computed
    assert np.asarray(chain).max() == 5


def test_a_pipeline_on_a_path_is_lazy(tmp_path):
    out = mx.Pipeline([mx.Resample(spacing=2), mx.ZNormalize()])(big(tmp_path))
    assert isinstance(out, mx.Volume) and not out.is_computed
    assert out.compute() is out and out.is_computed


# The result is kept, and reused ------------------------------------------------------------------


def test_the_result_is_kept_and_is_one_array(tmp_path):
    v = mx.load(big(tmp_path)).z_normalize()
    a = np.asarray(v)
    read = v.bytes_read
    assert v.is_computed
    b = np.asarray(v)
    assert np.shares_memory(a, b) and v.bytes_read == read


def test_derived_volumes_start_at_the_kept_result(tmp_path):
    v = mx.load(big(tmp_path)).z_normalize().compute()
    read = v.bytes_read
    w = np.asarray(v.clamp(0, 1))
    assert v.bytes_read == read
    assert np.array_equal(w, np.asarray(mx.load(v.path).z_normalize().clamp(0, 1)))


def test_a_slice_of_a_computed_volume_is_cut_from_the_result(tmp_path):
    v = mx.load(big(tmp_path)).z_normalize().compute()
    read = v.bytes_read
    part = v[3:9, ::-2, 5]
    assert np.array_equal(np.asarray(part), np.asarray(v)[3:9, ::-2, 5:6])
    assert v.bytes_read == read == part.bytes_read
    fresh = mx.load(v.path).z_normalize()[3:9, ::-2, 5]
    assert np.array_equal(np.asarray(fresh), np.asarray(part))
    # It keeps the result, whoever else forgets it.
    v.release()
    assert np.array_equal(np.asarray(part[1:]), np.asarray(fresh)[1:]) and part.bytes_read == read


def test_being_computed_changes_no_draw(tmp_path):
    path = big(tmp_path)
    fresh, kept = mx.load(path).clamp(0, 9), mx.load(path).clamp(0, 9).compute()
    draw = {"std": 0.5, "seed": 7}
    assert np.array_equal(fresh.gaussian_noise(**draw).numpy(), kept.gaussian_noise(**draw).numpy())


def test_release_forgets(tmp_path):
    v = mx.load(big(tmp_path)).z_normalize()
    a = np.asarray(v).copy()
    read = v.bytes_read
    v.release()
    assert not v.is_computed
    assert np.array_equal(np.asarray(v), a) and v.bytes_read > read


def test_numpy_and_torch_do_not_keep(tmp_path):
    v = mx.load(big(tmp_path)).z_normalize()
    v.numpy()
    assert not v.is_computed


# Whose memory ------------------------------------------------------------------------------------


def test_asarray_is_read_only(nii):
    for v in (mx.load(nii), mx.load(nii).clamp(0, 1), mx.Volume(ramp(2, 3, 4))):
        a = np.asarray(v)
        assert not a.flags.writeable
        with pytest.raises(ValueError):
            a[0, 0, 0] = 1


@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("step", [None, "clamp", "flip"])
def test_numpy_is_writable_and_nobody_elses(nii, array, order, step):
    v = mx.Volume(array, AFFINE)
    v = {None: v, "clamp": v.clamp(0, 300), "flip": v.flip("x")}[step].compute()
    before = np.asarray(v).copy()
    a, b = v.numpy(order=order), v.numpy(order=order)
    assert a.flags[f"{order}_CONTIGUOUS"] and a.flags.writeable
    a[:] = -7
    assert np.array_equal(b, before) and np.array_equal(np.asarray(v), before)
    assert np.array_equal(array, ramp(5, 6, 7))


@pytest.mark.peers
def test_torch_is_writable_and_nobody_elses(array):
    v = mx.Volume(array, AFFINE).compute()
    t = v.torch()
    t.zero_()
    assert np.array_equal(np.asarray(v), ramp(5, 6, 7)) and np.array_equal(array, ramp(5, 6, 7))


def test_arrays_are_viewed_not_copied(array):
    for a in (array, np.asfortranarray(array), array[::-1, 1:, ::2], array.T):
        assert np.shares_memory(np.asarray(mx.Volume(a)), a)
        assert np.array_equal(np.asarray(mx.Volume(a)), a)


def test_a_volume_outlives_its_array_and_an_array_its_volume():
    v = mx.Volume(ramp(50, 60, 70))
    assert np.array_equal(np.asarray(v), ramp(50, 60, 70))
    a = np.asarray(v.clamp(0, 10**6))
    del v
    assert np.array_equal(a, ramp(50, 60, 70).clip(min=0))


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_any_numeric_dtype_and_byte_order(dtype, order):
    a = (ramp(3, 4, 5, dtype="u1") % 2).astype(order + dtype)
    for view in (a, a[::-2, :, 1:], np.asfortranarray(a)):
        v = mx.Volume(view)
        assert np.array_equal(np.asarray(v), view)
        assert v.dtype == (np.uint8 if dtype == "?" else np.dtype(dtype))
        assert np.array_equal(np.asarray(v.flip("x")), view[::-1])


def test_unaligned_and_odd_strides_are_copied():
    raw = np.zeros(3 * 4 * 5 * 4 + 1, np.uint8)
    a = raw[1:].view(np.float32).reshape(3, 4, 5)
    a[:] = ramp(3, 4, 5)
    assert np.array_equal(np.asarray(mx.Volume(a).clamp(0, 99)), ramp(3, 4, 5))
    record = np.zeros((3, 4, 5), [("a", "u1"), ("b", "<f4")])
    record["b"] = ramp(3, 4, 5)
    assert np.array_equal(np.asarray(mx.Volume(record["b"]).clamp(0, 99)), ramp(3, 4, 5))
    wide = np.broadcast_to(ramp(3, 4, 1), (3, 4, 5))
    assert np.array_equal(np.asarray(mx.Volume(wide)), wide)


def test_colours_stay_colours():
    rgb = np.zeros((2, 3, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"] = ramp(2, 3, 4)
    v = mx.Volume(rgb)
    assert v.dtype == rgb.dtype and np.array_equal(np.asarray(v.flip("y")), rgb[:, ::-1])
    with pytest.raises(mx.UnsupportedError):
        v.clamp(0, 1)


# The file ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_is_held(nii):
    before = len(os.listdir("/proc/self/fd"))
    held = [mx.load(nii) for _ in range(20)]
    [np.asarray(v) for v in held]
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("how", ["replace", "truncate", "write"])
def test_a_changed_file_is_an_error(tmp_path, nii, how):
    v = mx.load(nii)
    if how == "replace":
        other = tmp_path / "other.nii"
        mx.Volume(ramp(5, 6, 7) + 1, AFFINE).save(other)
        os.replace(other, nii)
    elif how == "truncate":
        os.truncate(nii, 400)
    else:
        shutil.copyfile(nii, tmp_path / "copy.nii")
        os.utime(nii, ns=(1, 1))
    with pytest.raises(mx.ChangedFileError) as e:
        np.asarray(v)
    assert e.value.path == str(nii)


def test_mapping_only_on_request(tmp_path, nii, nii_gz, array):
    v = mx.load(nii, mmap=True)
    assert np.array_equal(np.asarray(v), array)
    assert np.array_equal(v.numpy(), array) and v.numpy().flags.writeable
    assert v.header is not None and v.path == nii
    assert np.array_equal(np.asarray(v.flip("x")), array[::-1])
    with pytest.raises(mx.UnsupportedError, match="compressed"):
        mx.load(nii_gz, mmap=True)


def test_mapping_changes_no_draw(nii):
    a = mx.load(nii).gaussian_noise(0.5, seed=1).numpy()
    b = mx.load(nii, mmap=True).gaussian_noise(0.5, seed=1).numpy()
    assert np.array_equal(a, b)


def test_header_warnings_come_once(tmp_path):
    path = tmp_path / "odd.nii"
    mx.Volume(ramp(3, 4, 5), AFFINE).save(path)
    raw = bytearray(path.read_bytes())
    raw[72:74] = (7).to_bytes(2, "little")  # bitpix
    path.write_bytes(raw)
    with pytest.warns(mx.HeaderWarning, match="bitpix"):
        v = mx.load(path)
    assert any("bitpix" in w for w in v.header.warnings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mx.load(path)


# Slices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1:4],
        np.s_[2],
        np.s_[-1],
        np.s_[::-1, ..., ::-1],
        np.s_[..., 4:1:-1],
        np.s_[::2, 1::3, ::-2],
        np.s_[:, np.int64(3), :],
        np.s_[...],
        np.s_[4:5, -2:, 0],
    ],
)
def test_slices_keep_voxels_in_the_world(nii, array, index):
    v = mx.load(nii)
    out = v[index]
    keep = tuple(
        slice(i, i + 1 or None) if isinstance(i, (int, np.integer)) else i
        for i in (index if isinstance(index, tuple) else (index,))
    )
    assert np.array_equal(np.asarray(out), array[keep])
    # Every voxel lies where the voxel of its value lay.
    back = {int(x): i for i, x in np.ndenumerate(array)}
    for at, value in np.ndenumerate(np.asarray(out)):
        assert np.allclose(out.affine @ [*at, 1], v.affine @ [*back[int(value)], 1])


def test_bad_indices(nii):
    v = mx.load(nii)
    for bad in (5, -6, (0, 0, 7), (0, 0, 0, 0), (..., ...)):
        with pytest.raises(IndexError):
            v[bad]
    for bad in (None, [1, 2], np.ones((5, 6, 7), bool), 1.5, True):
        with pytest.raises(TypeError):
            v[bad]
    with pytest.raises(mx.ShapeError, match="no voxel"):
        v[3:3]
    with pytest.raises(TypeError):
        iter(v)


# Dtypes ------------------------------------------------------------------------------------------


def scaled(tmp_path: Path, dtype: str) -> Path:
    """A file with slope 0.5 and intercept 3."""
    path = tmp_path / f"{dtype}.nii"
    mx.Volume(ramp(3, 4, 5, dtype=dtype), AFFINE).save(path)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([0.5, 3], "<f4").tobytes()
    path.write_bytes(raw)
    return path


def test_asarray_has_the_stored_dtype_unless_scaled(tmp_path, nii):
    assert np.asarray(mx.load(nii)).dtype == np.int16
    v = mx.load(scaled(tmp_path, "int16"))
    assert v.dtype == np.float32 and np.asarray(v).dtype == np.float32
    assert np.array_equal(np.asarray(v), ramp(3, 4, 5) * 0.5 + 3)
    assert np.asarray(v, dtype=np.float64).dtype == np.float64
    assert np.asarray(v, dtype=">i4").dtype == np.dtype(">i4")
    assert v.numpy(bool).dtype == bool


def test_loss_is_told_unless_asked_for(tmp_path):
    v = mx.load(scaled(tmp_path, "int32"))
    with pytest.warns(mx.PrecisionWarning, match="int32"):
        np.asarray(v)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        v.numpy(np.float32)
        v.numpy("float64")
        np.asarray(mx.Volume(ramp(3, 4, 5, dtype="float64")))
        np.asarray(mx.Volume(ramp(3, 4, 5, dtype="int64")))
    with pytest.warns(mx.PrecisionWarning, match="float64"):
        mx.Volume(ramp(3, 4, 5, dtype="float64")).clamp(0, 1).numpy()


def test_array_protocol_copy(nii):
    v = mx.load(nii)
    assert v.__array__(copy=True).flags.writeable
    assert not v.__array__(copy=None).flags.writeable
    with pytest.raises(ValueError):
        v.__array__(np.float32, copy=False)
    assert np.shares_memory(v.numpy(copy=False), np.asarray(v))


def test_labels_become_the_smallest_integers(tmp_path):
    v = mx.Volume(ramp(3, 4, 5, dtype="float64"), role="label")
    assert v.dtype == np.uint8 and v.role == "label"
    with pytest.raises(mx.DataError, match="0.5"):
        mx.Volume(np.full((2, 2, 2), 0.5), role="label")
    assert np.asarray(v.resample(0.4)).dtype == np.uint8
    with pytest.raises(mx.DataError):
        mx.load(scaled(tmp_path, "int16"), role="label")


# Saving ------------------------------------------------------------------------------------------


def test_an_untouched_file_is_saved_bit_for_bit(tmp_path):
    path = scaled(tmp_path, "int16")
    out = tmp_path / "out.nii"
    report = mx.load(path).save(out)
    assert out.read_bytes() == path.read_bytes()
    assert report.paths == [out] and report.bytes == out.stat().st_size and report.max_error == 0


def test_a_derived_volume_does_not_inherit_a_scale(tmp_path):
    out = tmp_path / "out.nii.gz"
    report = mx.load(scaled(tmp_path, "int16")).clamp(0, 99).save(out, level=1)
    assert report.dtype == "float32"
    v = mx.load(out)
    assert v.dtype == np.float32 and v.header["scl_slope"] == 1
    assert np.array_equal(np.asarray(v), ramp(3, 4, 5) * 0.5 + 3)


def test_quantising_is_asked_for_and_its_error_reported(tmp_path):
    a = np.random.default_rng(1).normal(size=(6, 7, 8)).astype(np.float32)
    out = tmp_path / "half.nii"
    report = mx.Volume(a).save(out, storage="int16")
    error = np.abs(np.asarray(mx.load(out), np.float64) - a).max()
    assert report.dtype == "int16" and 0 < error <= report.max_error * (1 + 1e-6) <= 1e-3
    for options in ({"storage": "int8"}, {"level": 12}, {"level": "tiny"}, {"level": True}, {"threads": 0}):
        with pytest.raises(mx.ParamError):
            mx.Volume(a).save(out, **options)


def test_save_like_takes_the_header(tmp_path, nii):
    v = mx.load(nii).replace(description="scan 7", extensions=[(6, b"a comment of sixteen")])
    a, b = tmp_path / "a.nii", tmp_path / "b.nii"
    v.save(a)
    mx.Volume(ramp(2, 2, 2)).save(b, like=a)
    header = mx.load(b).header
    assert header["descrip"] == "scan 7"
    assert header.extensions[0][0] == 6 and header.extensions[0][1].startswith(
        b"a comment of sixteen"
    )
    mx.Volume(ramp(2, 2, 2)).save(b, like=v)
    assert mx.load(b).header["descrip"] == "scan 7"


def test_replace_changes_facts_only(nii, array):
    v = mx.load(nii)
    w = v.replace(affine=np.eye(4), role="map")
    assert np.array_equal(w.affine, np.eye(4)) and w.role == "map" and v.role == "image"
    assert np.array_equal(np.asarray(w), array)
    with pytest.raises(mx.ParamError, match="affine"):
        v.replace(affine=np.eye(3))
    assert np.array_equal(mx.Volume(v).affine, v.affine)
    assert np.array_equal(mx.Volume(v, np.eye(4)).affine, np.eye(4))
    with pytest.raises(ValueError):
        v.affine[0, 0] = 5


# Draws -------------------------------------------------------------------------------------------


def test_a_seed_repeats_a_draw_and_is_shown(nii):
    v = mx.load(nii).gaussian_noise((0.5, 1.5))
    ((name, seed),) = v.seeds
    assert name == "gaussian_noise"
    assert np.array_equal(v.numpy(), mx.load(nii).gaussian_noise((0.5, 1.5), seed=seed).numpy())
    other = mx.load(nii).gaussian_noise((0.5, 1.5), seed=seed + 1)
    assert not np.array_equal(v.numpy(), other.numpy())


def test_arrays_are_told_apart_by_content():
    pipe = mx.Pipeline([mx.GaussianNoise(std=1)], seed=5)
    a = np.zeros((4, 5, 6), np.float32)
    b = a.copy()
    b[0, 0, 0] = 1e-6
    assert np.array_equal(pipe(a), pipe(np.asfortranarray(a)))
    assert not np.array_equal(pipe(a)[1:], pipe(b)[1:])
    assert np.array_equal(pipe(a, id="s1")[1:], pipe(b, id="s1")[1:])
    assert not np.array_equal(pipe(a, epoch=1), pipe(a))


# Copies ------------------------------------------------------------------------------------------


def test_copies(nii, array):
    v = mx.Volume(array)
    assert copy.copy(v) is v
    w = copy.deepcopy(v)
    assert not np.shares_memory(np.asarray(w), array)
    assert np.array_equal(np.asarray(w), array)
    assert copy.deepcopy(mx.load(nii)).path == nii


def test_looks(nii):
    v = mx.load(nii).reorient("LPS").clamp(0, 1)
    text = repr(v)
    for part in ("5 x 6 x 7", "float32", "LPS", "ramp.nii", "reorient -> clamp", "lazy"):
        assert part in text
    assert "in memory" in repr(v.compute())
    chain = mx.load(nii)
    before = chain.bytes_read
    assert "not measured" in repr(chain.crop_foreground()) and chain.bytes_read == before
    assert v._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "clamp" in v.explain() and repr(v.explain()) == str(v.explain())
    assert v.grid.shape == (5, 6, 7) and v.grid.orientation == "LPS"
