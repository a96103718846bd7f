"""One test for each wrong result, abort or refusal measured in medrs 0.2.0: what it should have been.

medrs itself is not run here. Names say the defect as a user would meet it.
"""

from __future__ import annotations

import copy
import gzip
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import niftis
import numpy as np
import pytest
from given import AFFINES, affine_of, blobs, indices, labels, random_array, rotation, volume, world, write_scaled

import medoxide as mx

pytestmark = pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning", "ignore::medoxide.HeaderWarning")


def saved(v, folder, name="saved.nii.gz"):
    path = folder / name
    v.save(path)
    return nib.load(path)


# Files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["i4", "u4"])
def test_int32_and_uint32_voxels_are_not_read_as_the_bits_of_floats(dtype, container, tmp_path):
    array = np.full((4, 4, 4), 120, niftis.dtype_of(dtype))
    path = niftis.write(tmp_path, "label", array, container)
    np.testing.assert_array_equal(np.asarray(mx.load(path)), array)
    np.testing.assert_array_equal(np.asarray(mx.load(path).crop((1, 1, 1), (2, 2, 2))), array[1:3, 1:3, 1:3])
    pair = mx.Pipeline([mx.RandomCrop(shape=(2, 2, 2))])({"image": path, "label": path})
    np.testing.assert_array_equal(np.asarray(pair["label"]), 120)


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
def test_big_endian_voxels_are_swapped_in_whole_reads_and_in_crops(dtype, tmp_path):
    array = niftis.voxels(dtype, (6, 5, 4), ">")
    for container in (".nii", ".nii.gz"):
        v = mx.load(niftis.write(tmp_path, "big", array, container, order=">"))
        np.testing.assert_array_equal(np.asarray(v), array)
        np.testing.assert_array_equal(np.asarray(v[1:4, 2:, 1:3]), array[1:4, 2:, 1:3])


def test_a_scaled_file_flipped_and_saved_keeps_its_values(tmp_path):
    raw = random_array((6, 5, 4), "int16")
    v = mx.load(write_scaled(tmp_path / "in.nii", raw, 0.5, -7.0))
    for name, out, want in [
        ("flip", v.flip(0), raw[::-1]),
        ("crop_or_pad", v.crop_or_pad((6, 3, 4)), raw[:, 1:4]),
        ("reorient", v.reorient("LAS"), raw[::-1]),
    ]:
        image = saved(out, tmp_path, f"{name}.nii")
        np.testing.assert_array_equal(image.get_fdata(), want * 0.5 - 7, err_msg=name)


@pytest.mark.parametrize("slope,inter", [(np.nan, 0.0), (np.inf, 1.0), (0.0, 55.0)])
def test_a_slope_that_is_no_scale_is_ignored_with_its_intercept(slope, inter, tmp_path):
    array = random_array((4, 3, 2), "int16")
    v = mx.load(niftis.write(tmp_path, "a", array, slope=slope, inter=inter))
    assert v.dtype == np.int16
    np.testing.assert_array_equal(np.asarray(v), array)


@pytest.mark.parametrize("name", ["out.mha", "out.foo", "out"])
def test_saving_to_a_name_of_another_format_is_refused(name, tmp_path):
    with pytest.raises(mx.UnsupportedError):
        volume(blobs((3, 3, 3))).save(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_an_upper_case_nii_gz_is_written_as_gzip_and_opened_again(tmp_path):
    image = saved(volume(blobs((3, 4, 5))), tmp_path, "OUT.NII.GZ")
    assert (tmp_path / "OUT.NII.GZ").read_bytes()[:2] == b"\x1f\x8b"
    np.testing.assert_array_equal(np.asarray(image.dataobj), blobs((3, 4, 5)))
    np.testing.assert_array_equal(np.asarray(mx.load(tmp_path / "OUT.NII.GZ")), blobs((3, 4, 5)))


def test_header_extensions_are_no_reason_to_refuse_a_file(tmp_path):
    array = random_array((4, 3, 2), "int16")
    path = niftis.write(tmp_path, "afni", array, extensions=[(4, b"<AFNI/>"), (6, b"x" * 1000)])
    v = mx.load(path)
    np.testing.assert_array_equal(np.asarray(v), array)
    assert [code for code, _ in v.header.extensions] == [4, 6]
    out = saved(v.flip(0), tmp_path)
    assert [e.get_code() for e in out.header.extensions] == [4, 6]


@pytest.mark.parametrize(
    "container", [".hdr", ".hdr.gz", "zeros_behind.nii.gz", "gz_called.nii", "plain_called.nii.gz", "members.nii.gz", ".NII.GZ"]
)
def test_pairs_padding_and_wrong_suffixes_are_opened(container, tmp_path):
    array = random_array((4, 3, 2), "int16")
    np.testing.assert_array_equal(np.asarray(mx.load(niftis.write(tmp_path, "a", array, container))), array)


@pytest.mark.parametrize("name", ["rgb", "rgba", "c8", "c16"])
def test_colours_and_complex_numbers_are_opened(name, tmp_path):
    array = niftis.voxels(name, (4, 3, 2))
    found = np.asarray(mx.load(niftis.write(tmp_path, "a", array)))
    assert found.tobytes(order="F") == array.tobytes(order="F")


@pytest.mark.parametrize("sizes", [(-1.5, 2.0, 3.0), (0.0, 2.0, 3.0), (1.5, -2.0, 0.0)])
def test_negative_and_zero_voxel_sizes_are_opened(sizes, tmp_path):
    def change(h):
        h["pixdim"][1:4] = sizes
        h["pixdim"][4] = 0  # no repetition time

    path = niftis.write(tmp_path, "a", random_array((4, 3, 2, 2), "int16"), change=change)
    assert mx.load(path).shape == (4, 3, 2, 2)
    assert all(s > 0 for s in mx.load(path).spacing)


def test_half_precision_is_saved_so_that_others_can_read_it(tmp_path):
    array = random_array((4, 3, 2)).astype(np.float16)
    np.testing.assert_array_equal(np.asarray(saved(volume(array), tmp_path).dataobj), array.astype(np.float32))


def test_medrs_half_precision_files_are_read():
    folder = Path(__file__).resolve().parents[3] / "tests" / "data" / "nifti"
    assert np.asarray(mx.load(folder / "medrs_float16.nii")).dtype == np.float16
    assert np.isfinite(np.asarray(mx.load(folder / "medrs_bfloat16.nii"))).all()


def test_integers_are_not_cast_by_way_of_float32():
    array = np.array([[[16777217, -16777217, 2**31 - 1]]], np.int32)
    for dtype in ("int32", "int64", "float64"):
        np.testing.assert_array_equal(np.asarray(volume(array).cast(dtype)), array)
        np.testing.assert_array_equal(volume(array).numpy(dtype=dtype), array)


def test_intent_display_range_slices_and_offsets_survive_saving(tmp_path):
    def change(h):
        h["intent_name"], h["cal_min"], h["cal_max"], h["toffset"] = b"who", -1, 9, 4
        h["slice_start"], h["slice_end"], h["slice_code"], h["slice_duration"], h["dim_info"] = 1, 2, 3, 0.5, 27

    v = mx.load(niftis.write(tmp_path, "in", random_array((4, 3, 2, 2), "int16"), change=change))
    for n, out in enumerate((v, v.flip(0))):
        h = saved(out, tmp_path, f"{n}.nii").header
        assert (h["intent_name"].item(), h["cal_min"], h["cal_max"], h["toffset"]) == (b"who", -1, 9, 4)
        assert (h["slice_start"], h["slice_end"], h["slice_code"], h["slice_duration"], h["dim_info"]) == (1, 2, 3, 0.5, 27)


def test_a_changed_affine_leaves_no_stale_qform_or_voxel_size(tmp_path):
    def change(h):
        h.set_sform(AFFINES["anisotropic"], 1)
        h.set_qform(AFFINES["anisotropic"], 1)

    v = mx.load(niftis.write(tmp_path, "in", random_array((6, 5, 4), "int16"), change=change))
    for n, out in enumerate([v.flip([0, 1]), v.resample(1.0), v.reorient("PIR"), v.crop((1, 1, 1), (3, 3, 3))]):
        h = saved(out, tmp_path, f"{n}.nii").header
        for form in (h.get_sform(coded=True), h.get_qform(coded=True)):
            assert form[1] == 1
            np.testing.assert_allclose(form[0], out.affine, atol=1e-4)
        np.testing.assert_allclose(h.get_zooms(), out.spacing, atol=1e-5)


def test_four_axes_are_not_silently_three(tmp_path):
    array = random_array((6, 5, 4, 3), "int16")
    v = mx.load(niftis.write(tmp_path, "bold", array))
    np.testing.assert_array_equal(np.asarray(v.crop((1, 1, 1), (3, 2, 2))), array[1:4, 1:3, 1:3])
    np.testing.assert_array_equal(np.asarray(v.reorient("RAS")), array[::-1])
    np.testing.assert_array_equal(np.asarray(v.crop_or_pad((6, 3, 4))), array[:, 1:4])
    half = np.asarray(v.resample(shape=(3, 5, 4)))
    np.testing.assert_allclose(half, (array[::2].astype(float) + array[1::2]) / 2, atol=1e-2)
    np.testing.assert_array_equal(np.asarray(saved(v.flip(2), tmp_path).dataobj), array[:, :, ::-1])


def test_two_axes_are_worked_on_like_three():
    array = random_array((6, 5))
    v = mx.Volume(array)
    np.testing.assert_array_equal(np.asarray(v.flip(0)), array[::-1])
    np.testing.assert_array_equal(np.asarray(v.crop_or_pad((4, 7, 1))), np.pad(array[1:5], ((0, 0), (1, 1))))
    assert v.resample(shape=(3, 10, 1)).shape == (3, 10)
    assert v.reorient("LPS").shape == (6, 5)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_nifti2_voxels_are_written_where_the_header_says(dtype, tmp_path):
    array = random_array((7, 5, 3), dtype)
    v = mx.load(niftis.write(tmp_path, "two", array, version=2))
    for n, (out, want) in enumerate([(v, array), (v.flip(0), array[::-1])]):
        image = saved(out, tmp_path, f"{n}.nii")
        assert isinstance(image, nib.Nifti2Image)
        np.testing.assert_array_equal(np.asarray(image.dataobj), want)


def test_a_dimension_beyond_32767_does_not_become_negative(tmp_path):
    array = random_array((40000, 1, 2), "uint8")
    np.testing.assert_array_equal(np.asarray(saved(volume(array), tmp_path).dataobj), array)
    np.testing.assert_array_equal(np.asarray(mx.load(tmp_path / "saved.nii.gz")), array)


def test_a_file_cut_while_it_is_open_is_an_error_and_no_crash(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((64, 64, 64), "int16"))
    v = mx.load(path)
    os.truncate(path, 5000)
    with pytest.raises(mx.MedoxideError, match=r"a\.nii"):
        np.asarray(v)


def test_header_facts_do_not_inflate_the_voxels(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((64, 64, 64), "int16"), ".nii.gz")
    path.write_bytes(path.read_bytes()[:2000])  # there are no voxels to inflate
    v = mx.load(path)
    assert v.shape == (64, 64, 64) and v.bytes_read <= 2000


def test_a_forged_gzip_trailer_does_not_ask_for_memory(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((8, 8, 8), "int16"), ".nii.gz")
    path.write_bytes(path.read_bytes()[:-4] + b"\xf0\xff\xff\xff")
    with pytest.raises(mx.MedoxideError, match=r"a\.nii\.gz"):
        np.asarray(mx.load(path))


def test_a_bad_file_is_named(tmp_path):
    (tmp_path / "broken.nii.gz").write_bytes(gzip.compress(b"not an image" * 99))
    for path in (tmp_path / "broken.nii.gz", tmp_path / "missing.nii"):
        with pytest.raises(mx.MedoxideError, match=path.stem) as caught:
            np.asarray(mx.load(path))
        assert Path(caught.value.path) == path


# Volumes --------------------------------------------------------------------------------------------


def test_paths_may_be_pathlib_or_text(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((4, 3, 2), "int16"))
    assert mx.load(path).shape == mx.load(str(path)).shape == (4, 3, 2)
    volume(blobs((2, 2, 2))).save(str(tmp_path / "b.nii"))


def test_volumes_pickle_and_copy(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((4, 3, 2), "int16"), slope=0.5)
    for v in (mx.load(path), mx.load(path).flip(0).clamp(-5, 5), volume(random_array((4, 3, 2)), AFFINES["oblique"])):
        for again in (pickle.loads(pickle.dumps(v)), copy.copy(v), copy.deepcopy(v)):
            np.testing.assert_array_equal(np.asarray(again), np.asarray(v))
            np.testing.assert_array_equal(again.affine, v.affine)


def _shape_of(path):
    return np.asarray(mx.load(path).resample(2.0)).sum()


def test_a_forked_child_does_not_hang(tmp_path):
    path = niftis.write(tmp_path, "a", random_array((90, 80, 70), "int16"))
    wanted = _shape_of(path)  # threads and pools are in use in the parent
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_shape_of, [path] * 4).get(timeout=60) == [wanted] * 4


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64", "bool"])
def test_volumes_are_made_from_arrays_of_any_dtype_and_strides(dtype):
    base = (random_array((6, 5, 4)) > 0).astype(dtype)
    for array in (base, base[::-1, :, ::2], base.transpose(2, 0, 1), np.asfortranarray(base)):
        found = np.asarray(mx.Volume(array))
        assert found.dtype == (np.uint8 if dtype == "bool" else array.dtype)
        np.testing.assert_array_equal(found, array)


def test_slicing_keeps_voxels_in_their_place():
    array, affine = random_array((6, 5, 4)), AFFINES["oblique"]
    v = volume(array, affine)
    for index in [np.s_[1:4], np.s_[::-1], np.s_[:, 2:, ::2], np.s_[-2:, ..., 1:3], np.s_[4:0:-2]]:
        out = v[index]
        np.testing.assert_array_equal(np.asarray(out), array[index])
        numbers = np.arange(array.size).reshape(array.shape)[index]
        places = np.stack(np.unravel_index(numbers, array.shape), -1)
        np.testing.assert_allclose(world(out.affine, indices(out.shape)), world(affine, places), atol=1e-9)


def test_arrays_are_x_y_z_and_agree_with_spacing():
    v = mx.Volume(np.zeros((7, 5, 3), np.float32), affine=np.diag([0.5, 1.0, 2.0, 1.0]))
    assert np.asarray(v).shape == v.shape == (7, 5, 3)
    assert v.spacing == (0.5, 1.0, 2.0)


def test_labels_are_not_returned_as_float32(tmp_path):
    array = labels((6, 5, 4), dtype="uint8")
    path = niftis.write(tmp_path, "seg", array)
    v = mx.load(path, role="label")
    for out in (v, v.flip(0), v.reorient("PIR"), v.resample(0.7), v.crop_or_pad(9), v.rot90()):
        assert np.asarray(out).dtype == np.uint8
        assert set(np.unique(np.asarray(out))) <= set(np.unique(array)) | {0}


@pytest.mark.peers
def test_tensors_have_a_dtype_and_are_contiguous():
    import torch

    v = volume(random_array((6, 5, 4), "int16"))
    assert v.torch().shape == (1, 6, 5, 4) and v.torch().is_contiguous()
    assert v.torch(dtype=torch.float32, channel=False).shape == (6, 5, 4)
    assert v.torch(dtype="bfloat16").dtype == torch.bfloat16
    np.testing.assert_array_equal(torch.from_dlpack(v).numpy(), np.asarray(v))


@pytest.mark.peers
def test_import_loads_neither_torch_nor_monai():
    code = "import sys, medoxide; print([m for m in ('torch', 'monai', 'nibabel', 'SimpleITK') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# Geometry -------------------------------------------------------------------------------------------


def test_voxels_are_not_scrambled_after_a_crop_pad_flip_or_turn(tmp_path):
    array = blobs((9, 8, 7))
    v = volume(array, AFFINES["oblique"])
    cases = {
        "crop_or_pad": (v.crop_or_pad((6, 10, 7)), np.pad(array[1:7], ((0, 0), (1, 1), (0, 0)))),
        "flip": (v.flip(0), array[::-1]),
        "rot90": (v.rot90(1), np.rot90(array)),
        "reorient": (v.reorient("LPI"), array[::-1, ::-1, ::-1]),
    }
    for name, (out, want) in cases.items():
        np.testing.assert_array_equal(np.asarray(saved(out, tmp_path, f"{name}.nii").dataobj), want, err_msg=name)
        mean, sd = want.astype(np.float64).mean(), want.astype(np.float64).std()
        np.testing.assert_allclose(np.asarray(out.z_normalize()), (want - mean) / sd, atol=2e-6, err_msg=name)
        low, high = float(want.min()), float(want.max())
        np.testing.assert_allclose(np.asarray(out.rescale()), (want - low) / (high - low), atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(np.asarray(out.clamp(-0.1, 0.3)), np.clip(want, np.float32(-0.1), np.float32(0.3)))


@pytest.mark.parametrize("name", AFFINES)
def test_flip_and_turn_leave_the_anatomy_in_place(name):
    affine, shape = AFFINES[name], (9, 8, 7)
    ramp = (world(affine, indices(shape)) @ [1.0, -2.0, 0.5]).astype(np.float32)
    for out in (volume(ramp, affine).flip([0, 2]), volume(ramp, affine).rot90(1, axes=(1, 2)), volume(ramp, affine).rot90(3)):
        want = world(out.affine, indices(out.shape)) @ [1.0, -2.0, 0.5]
        np.testing.assert_allclose(np.asarray(out), want, atol=1e-4)


def test_an_odd_crop_or_pad_moves_the_affine_by_whole_voxels():
    array = np.arange(9 * 8 * 7, dtype=np.int32).reshape(9, 8, 7)
    affine = AFFINES["oblique"]
    out = volume(array, affine).crop_or_pad((6, 5, 4))
    start = np.unravel_index(np.asarray(out)[0, 0, 0], array.shape)
    np.testing.assert_allclose(out.affine[:3, 3], world(affine, start), atol=1e-9)


def test_reorient_does_not_shift_the_origin():
    array = random_array((20, 24, 28), "uint8")
    out = volume(array, affine_of(np.diag([-2.0, 2.0, 2.0]), (20, -20, 0))).reorient("RAS")
    np.testing.assert_allclose(out.affine[:3, 3], (20 - 2 * 19, -20, 0))  # not 2 * (n - 1) * spacing away
    assert np.asarray(out).dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(out), array[::-1])


@pytest.mark.parametrize("codes", ["RRS", "RII", "LIL", "RA", "RASP", "XYZ", ""])
def test_impossible_orientations_are_refused(codes):
    with pytest.raises(mx.ParamError, match="orientation"):
        volume(blobs((3, 4, 5))).reorient(codes)


def test_strongly_oblique_volumes_can_be_reoriented():
    affine = affine_of(rotation(0.78, -0.79, 0.75))
    array = random_array((3, 4, 5))
    canonical = nib.as_closest_canonical(nib.Nifti1Image(array, affine))
    out = volume(array, affine).reorient("RAS")
    np.testing.assert_array_equal(np.asarray(out), np.asarray(canonical.dataobj))


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("target", [0.5, (0.8, 2.0, 1.1)])
def test_resample_scales_columns_of_the_affine_and_keeps_a_ramp(name, target):
    affine, shape = AFFINES[name], (12, 11, 13)
    ramp = (world(affine, indices(shape)) @ [1.0, -2.0, 0.5]).astype(np.float32)
    out = volume(ramp, affine).resample(target)
    np.testing.assert_allclose(out.spacing, np.broadcast_to(target, 3))
    at = world(np.linalg.inv(affine), world(out.affine, indices(out.shape)))
    inside = np.all((at >= 0) & (at <= np.array(shape) - 1), -1)
    want = world(out.affine, indices(out.shape)) @ [1.0, -2.0, 0.5]
    assert np.abs(np.asarray(out) - want)[inside].max() < 1e-3


def test_resample_gives_the_shape_that_was_asked_for():
    v = volume(blobs((12, 11, 13)))
    assert v.resample(shape=(5, 20, 7)).shape == (5, 20, 7)
    with pytest.raises(mx.ParamError):
        v.resample(1.0, shape=(5, 20, 7))


@pytest.mark.parametrize("spacing", [float("nan"), 0.0, -1.0, float("inf"), 1e-6, (1.0, 1.0, float("nan"))])
def test_impossible_spacings_are_errors_not_one_voxel_or_an_abort(spacing):
    with pytest.raises(mx.MedoxideError):
        volume(blobs((12, 11, 13))).resample(spacing)


def test_flip_takes_negative_axes_and_refuses_repeated_ones():
    array = blobs((3, 4, 5))
    np.testing.assert_array_equal(np.asarray(volume(array).flip(-1)), array[:, :, ::-1])
    with pytest.raises(mx.ParamError, match="axes"):
        volume(array).flip([1, 1])


def test_a_crop_beyond_the_volume_is_refused_not_cut():
    with pytest.raises(mx.ParamError):
        volume(blobs((3, 4, 5))).crop((1, 1, 1), (3, 3, 3))


# Values ---------------------------------------------------------------------------------------------


def test_clamp_keeps_nan():
    array = np.array([[[np.nan, -5, 5]]], np.float32)
    np.testing.assert_array_equal(np.asarray(volume(array).clamp(0, 1)), [[[np.nan, 0, 1]]])


def test_clamp_acts_on_real_values_and_with_its_own_bounds(tmp_path):
    raw = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    v = mx.load(write_scaled(tmp_path / "a.nii", raw, 0.0625, 0.0))
    np.testing.assert_array_equal(np.asarray(v.clamp(0.25, 0.75)), np.clip(raw * 0.0625, 0.25, 0.75))
    whole = np.array([[[0, 1, 2]]], np.uint8)
    np.testing.assert_allclose(np.asarray(volume(whole).clamp(0.2, 0.8)), [[[0.2, 0.8, 0.8]]], rtol=1e-7)


def test_rescale_does_not_turn_round_under_a_negative_slope(tmp_path):
    raw = np.arange(24, dtype=np.int16).reshape(4, 3, 2)
    out = np.asarray(mx.load(write_scaled(tmp_path / "a.nii", raw, -2.0, 5.0)).rescale())
    np.testing.assert_allclose(out, (23 - raw) / 23, atol=1e-6)


def test_one_infinite_voxel_does_not_empty_a_rescaled_volume():
    array = blobs((6, 5, 4))
    array[0, 0, 0] = np.inf
    out = np.asarray(volume(array).rescale())
    assert out[0, 0, 0] == 1 and np.unique(out).size > 50


def test_nan_can_be_left_out_of_the_statistics():
    array = random_array((6, 5, 4))
    array[1, 1, 1] = np.nan
    out = np.asarray(volume(array).z_normalize({"above": -1e30})).astype(np.float64)
    assert np.isnan(out[1, 1, 1]) and abs(np.nanmean(out)) < 1e-6 and abs(np.nanstd(out) - 1) < 1e-6


@pytest.mark.parametrize("mean,sd", [(1e4, 0.1), (3e4, 2.0), (-1e6, 5.0)])
def test_statistics_of_values_far_from_zero_are_exact(mean, sd):
    array = np.random.default_rng(0).normal(mean, sd, (40, 41, 42)).astype(np.float32)
    exact = array.astype(np.float64)
    out = np.asarray(volume(array).z_normalize())
    np.testing.assert_allclose(out, (exact - exact.mean()) / exact.std(), atol=5e-6)


def test_percentiles_masks_and_smoothing_exist():
    v = volume(blobs((9, 8, 7)))
    for out in (v.rescale(percentiles=(1, 99)), v.z_normalize("nonzero"), v.gaussian_smooth(), v.affine_transform(5.0)):
        assert np.isfinite(np.asarray(out)).all()


def test_bad_parameters_are_errors_not_aborts():
    v = volume(blobs((3, 4, 5)))
    for call in (lambda: v.clamp(2, 1), lambda: v.gaussian_noise(-0.5), lambda: v.gaussian_noise([0.5, 0.1])):
        with pytest.raises(mx.ParamError):
            call()


def test_the_next_seed_is_not_the_same_noise_moved_on():
    zero = volume(np.zeros((64, 64, 8), np.float32))
    one, two = (np.asarray(zero.gaussian_noise(1.0, seed=s)).ravel(order="F") for s in (5, 6))
    for shift in (0, 1, 64, 4096, 8192, 16384):
        assert abs(np.corrcoef(one[shift:], two[: one.size - shift])[0, 1]) < 0.05
        assert not np.isin(one[:100], two).any()


def test_a_chain_is_the_same_lazily_and_step_by_step():
    array, affine = blobs((12, 11, 13)), AFFINES["oblique_permuted"]
    lazy = volume(array, affine).reorient("RAS").flip(0).resample(1.0).crop_or_pad((9, 12, 10)).z_normalize()
    v = volume(array, affine)
    for step in (
        lambda v: v.reorient("RAS"),
        lambda v: v.flip(0),
        lambda v: v.resample(1.0),
        lambda v: v.crop_or_pad((9, 12, 10)),
        lambda v: v.z_normalize(),
    ):
        out = step(v)
        v = volume(np.array(out), out.affine)
    np.testing.assert_array_equal(np.asarray(lazy), np.asarray(v))
    np.testing.assert_allclose(lazy.affine, v.affine, atol=1e-9)
