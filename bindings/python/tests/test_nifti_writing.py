"""What is written is read back equal, by nibabel and SimpleITK, and nothing of the header is lost."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import textwrap
import time

import nibabel as nib
import niftis
import numpy as np
import pytest
from given import AFFINES, blobs, labels, random_array, volume, write_scaled

import medoxide as mx

pytestmark = pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning", "ignore::medoxide.HeaderWarning")

SUFFIXES = [".nii", ".nii.gz", ".img", ".hdr", ".img.gz", ".NII.GZ"]
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nibabel_reads_back_bits_and_affine(dtype, suffix, tmp_path):
    for n, (name, shape) in enumerate([("oblique", (7, 5, 3)), ("oblique_permuted", (1, 9, 2)), ("flipped", (4, 1, 1))]):
        array = random_array(shape, dtype, n)
        path = tmp_path / f"{n}{suffix}"
        volume(array, AFFINES[name]).save(path)
        back = nib.load(path)
        found = np.asarray(back.dataobj)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
        np.testing.assert_allclose(back.affine, AFFINES[name], atol=1e-4)
        for form in (back.get_qform(coded=True), back.get_sform(coded=True)):
            assert form[1] > 0
            np.testing.assert_allclose(form[0], AFFINES[name], atol=1e-4)
        np.testing.assert_array_equal(np.asarray(mx.load(path)), array)


@pytest.mark.peers
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".img"])
@pytest.mark.parametrize("dtype", [d for d in DTYPES if "complex" not in d])
def test_simpleitk_reads_back_values_and_geometry(dtype, suffix, tmp_path):
    import SimpleITK as sitk

    for n, name in enumerate(AFFINES):
        array = random_array((7, 5, 3), dtype, n)
        path = tmp_path / f"{n}{suffix}"
        volume(array, AFFINES[name]).save(path)
        image = sitk.ReadImage(str(path))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image).transpose(2, 1, 0), array)
        lps = np.diag([-1.0, -1.0, 1.0]) @ AFFINES[name][:3]
        spacing = np.sqrt((lps[:, :3] ** 2).sum(0))
        np.testing.assert_allclose(image.GetSpacing(), spacing, atol=1e-4)
        np.testing.assert_allclose(image.GetOrigin(), lps[:, 3], atol=1e-4)
        np.testing.assert_allclose(np.reshape(image.GetDirection(), (3, 3)), lps[:, :3] / spacing, atol=1e-4)


@pytest.mark.parametrize("order", ["C", "F", "K"])
def test_arrays_of_any_strides(order, tmp_path):
    base = random_array((9, 8, 7), "int16")
    for n, array in enumerate([base[::2, 1:, ::-1], base.transpose(2, 0, 1), base[::-1], np.asarray(base, order=order)]):
        path = tmp_path / f"{n}.nii.gz"
        volume(array).save(path)
        np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), array)


@pytest.mark.parametrize("level", [0, "fast", 3, "balanced", 6, "small"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_levels_and_threads_change_no_voxel(level, threads, tmp_path):
    array = (blobs((120, 100, 60)) * 1000).astype(np.int16)
    path = tmp_path / "a.nii.gz"
    report = volume(array).save(path, level=level, threads=threads)
    assert report.bytes == path.stat().st_size
    assert gzip.decompress(path.read_bytes())[352:] == array.tobytes(order="F")
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), array)


@pytest.mark.parametrize("division", ["blocks", "bgzf", "single"])
def test_every_reader_opens_every_division(division, tmp_path):
    array = (blobs((120, 100, 60)) * 1000).astype(np.int16)
    path = tmp_path / "a.nii.gz"
    volume(array).save(path, gzip=division)
    assert gzip.decompress(path.read_bytes())[352:] == array.tobytes(order="F")
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), array)
    crop = mx.load(path)[10:70, 20:50, 30:45]
    np.testing.assert_array_equal(np.asarray(crop), array[10:70, 20:50, 30:45])


@pytest.mark.peers
@pytest.mark.parametrize("division", ["blocks", "bgzf", "single"])
def test_simpleitk_opens_every_division(division, tmp_path):
    import SimpleITK as sitk

    array = (blobs((120, 100, 60)) * 1000).astype(np.int16)
    path = tmp_path / "a.nii.gz"
    volume(array).save(path, gzip=division)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T, array)


def test_a_division_that_is_none_is_refused(tmp_path):
    with pytest.raises(mx.MedoxideError, match='"blocks", "bgzf" or "single"'):
        volume(np.zeros((2, 2, 2), np.int16)).save(tmp_path / "a.nii.gz", gzip="pigz")


EXTENSIONS = [(4, b"<AFNI_attributes/>"), (6, b"written by somebody"), (2, bytes(range(200)))]


def everything(header):
    """Sets every field that a file may keep to something unusual."""
    header.set_sform(AFFINES["oblique"], 4)
    header.set_qform(AFFINES["oblique"], 1)
    header["descrip"], header["aux_file"], header["intent_name"] = b"descrip \xe9", b"aux", b"name"
    header["intent_code"], header["intent_p1"], header["intent_p2"], header["intent_p3"] = 5, 1.5, 2.5, 3.5
    header["cal_max"], header["cal_min"], header["toffset"], header["slice_duration"] = 7, -2, 3, 0.05
    header["dim_info"], header["slice_code"], header["slice_start"], header["slice_end"] = 27, 3, 1, 2
    header["pixdim"][4] = 2.2
    header.set_xyzt_units("mm", "sec")
    if "glmax" in header.keys():
        header["glmax"], header["glmin"], header["regular"], header["extents"] = 99, 3, b"r", 16384
        header["data_type"], header["db_name"], header["session_error"] = b"SHORT", b"patient", 2


@pytest.mark.parametrize("slope,inter", [(None, 0), (0.5, -7.0), (0.0, 55.0), (np.nan, 1.0)])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("container", [".nii", ".nii.gz"])
def test_untouched_files_come_out_as_they_went_in(container, order, version, slope, inter, tmp_path):
    array = niftis.voxels("i2", (5, 4, 3, 2), order)
    options = {"version": version, "slope": slope, "inter": inter, "extensions": EXTENSIONS, "change": everything}
    path = niftis.write(tmp_path, "in", array, container, order=order, **options)
    out = tmp_path / "out.nii"
    mx.load(path).save(out)
    # Byte order is the machine's; everything else is the same, byte by byte.
    native, _ = niftis.parts(array.astype("<i2"), order="<", **options)
    found = out.read_bytes()
    start = len(native) - array.nbytes
    assert found[start:] == native[start:], "voxels"
    length = 348 if version == 1 else 540
    assert found[length:start] == native[length:start], "extensions"
    differing = [i for i in range(length) if found[i] != native[i]]
    assert not differing, f"header bytes {differing}"


@pytest.mark.parametrize("version", [1, 2])
def test_fields_survive_a_change_of_voxels_and_grid(version, tmp_path):
    array = niftis.voxels("i2", (9, 8, 7))
    path = niftis.write(tmp_path, "in", array, version=version, slope=0.5, inter=3.0, extensions=EXTENSIONS, change=everything)
    v = mx.load(path)
    for n, out in enumerate([v.flip(0), v.crop((1, 2, 3), (3, 4, 2)), v.resample(1.0), v.z_normalize()]):
        target = tmp_path / f"out{n}.nii.gz"
        out.save(target)
        was, now = nib.load(path).header, nib.load(target).header
        for name in ("descrip", "aux_file", "intent_name", "intent_code", "intent_p1", "cal_max", "cal_min", "toffset", "dim_info", "slice_code", "slice_duration", "xyzt_units", "sform_code", "qform_code"):
            np.testing.assert_array_equal(now[name], was[name], err_msg=name)
        assert [(e.get_code(), e.content if isinstance(e.content, bytes) else e.get_content()) for e in now.extensions] == [
            (e.get_code(), e.content if isinstance(e.content, bytes) else e.get_content()) for e in was.extensions
        ]
        np.testing.assert_allclose(nib.load(target).affine, out.affine, atol=1e-4)
        np.testing.assert_allclose(now.get_qform(), out.affine, atol=1e-4)


def test_derived_volumes_never_inherit_slope_or_dtype(tmp_path):
    raw = random_array((9, 8, 7), "int16")
    path = write_scaled(tmp_path / "in.nii", raw, 0.5, -7.0)
    real = raw * 0.5 - 7
    v = mx.load(path)
    cases = {
        "flip": (v.flip(1), np.flip(real, 1)),
        "clamp": (v.clamp(-100, 100), np.clip(real, -100, 100)),
        "slice": (v[2:5], real[2:5]),
        "array": (mx.Volume(np.asarray(v), affine=v.affine), real),
    }
    for name, (out, want) in cases.items():
        target = tmp_path / f"{name}.nii"
        report = out.save(target)
        back = nib.load(target)
        assert report.dtype == "float32" and back.get_data_dtype() == np.float32
        raw_header = np.frombuffer(target.read_bytes()[112:120], "<f4")
        assert raw_header[0] in (0, 1) and raw_header[1] == 0
        np.testing.assert_array_equal(np.asarray(back.dataobj), want.astype(np.float32), err_msg=name)


@pytest.mark.parametrize("low,high", [(0, 1), (-1000, 3000), (5.0, 5.0), (1e-20, 2e-20), (-1e30, 1e30), (1e6, 1e6 + 1)])
def test_int16_storage_keeps_its_error_bound(low, high, tmp_path):
    array = np.random.default_rng(0).uniform(low, high, (20, 21, 22)).astype(np.float32)
    path = tmp_path / "half.nii.gz"
    report = volume(array).save(path, storage="int16")
    back = nib.load(path)
    assert back.get_data_dtype() == np.int16 and report.dtype == "int16"
    error = np.abs(back.get_fdata() - array.astype(np.float64)).max()
    span = float(array.max()) - float(array.min())
    assert error <= report.max_error * (1 + 1e-9) + 1e-300
    # Half a step of 65534; the centre and the slope are rounded to float32.
    middle = max(abs(float(array.max())), abs(float(array.min())))
    assert report.max_error <= span / 131068 * 1.001 + middle * 1.2e-7
    np.testing.assert_array_equal(mx.load(path).numpy(dtype="float64"), back.get_fdata())


def test_int16_storage_refuses_what_it_cannot_keep(tmp_path):
    array = blobs((5, 6, 7))
    holes = array.copy()
    holes[0, 0, 0] = np.nan
    endless = array.copy()
    endless[0, 0, 0] = np.inf
    for v in (volume(holes), volume(endless), volume(labels((5, 6, 7)), role="label")):
        with pytest.raises(mx.MedoxideError, match="int16"):
            v.save(tmp_path / "no.nii", storage="int16")
        assert not (tmp_path / "no.nii").exists()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "uint16", "int64"])
def test_labels_keep_their_dtype(dtype, tmp_path):
    array = labels((9, 8, 7), (0, 1, 100), dtype=dtype)
    path = tmp_path / "label.nii.gz"
    volume(array, AFFINES["oblique"], "label").resample(1.0).save(path)
    back = nib.load(path)
    assert back.get_data_dtype() == np.dtype(dtype)
    assert set(np.unique(back.dataobj)) <= {0, 1, 100}


def test_float16_becomes_float32_that_every_reader_opens(tmp_path):
    array = random_array((5, 6, 7)).astype(np.float16)
    path = tmp_path / "half.nii"
    volume(array).save(path)
    back = nib.load(path)
    assert back.get_data_dtype() == np.float32
    np.testing.assert_array_equal(np.asarray(back.dataobj), array.astype(np.float32))
    private = tmp_path / "private.nii"
    volume(array).save(private, storage="float16-private")
    found = np.asarray(mx.load(private))
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, array)


def test_long_axes_choose_nifti2(tmp_path):
    for n, (length, version) in enumerate([(32767, 1), (32768, 2), (70000, 2)]):
        array = random_array((length, 2, 1), "uint8")
        path = tmp_path / f"{n}.nii.gz"
        report = volume(array).save(path)
        back = nib.load(path)
        assert report.version == version
        assert isinstance(back, nib.Nifti2Image) == (version == 2)
        np.testing.assert_array_equal(np.asarray(back.dataobj), array)


@pytest.mark.parametrize("name", ["out.mha", "out.foo", "out", "out.nii.bz2", ".nii", "out.gz"])
def test_names_that_say_no_format_are_refused(name, tmp_path):
    with pytest.raises(mx.MedoxideError, match=r"\.nii\.gz"):
        volume(blobs((3, 4, 5))).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_upper_case_names_are_compressed_too(tmp_path):
    path = tmp_path / "A.NII.GZ"
    volume(blobs((3, 4, 5))).save(path)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), blobs((3, 4, 5)))


WRITER = """
import sys, numpy as np, medoxide as mx
array = np.full((128, 128, 64), float(sys.argv[2]), np.float32) + np.random.default_rng(0).random((128, 128, 64), np.float32)
v = mx.Volume(array)
print("ready", flush=True)
while True:
    v.save(sys.argv[1], level=1)
"""


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_killed_writers_leave_the_old_file_or_the_new(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).random((128, 128, 64), np.float32)
    for n in range(8):
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(n)], stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(0.013 * n)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        found = np.asarray(mx.load(path))
        whole = [k for k in range(n + 1) if np.array_equal(found, np.float32(k) + noise)]
        assert len(whole) == 1, "half a file"
    volume(blobs((3, 4, 5))).save(path)  # a later writer clears away what the dead left
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
