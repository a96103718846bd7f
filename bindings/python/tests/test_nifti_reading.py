"""Reading equals nibabel: shape, affine, header fields, and the voxels' bits."""

from __future__ import annotations

import gzip
import itertools
import warnings
from pathlib import Path

import nibabel as nib
import niftis
import numpy as np
import pytest
from given import AFFINES, affine_of, rotation

import medoxide as mx

pytestmark = pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning", "ignore::medoxide.HeaderWarning")

# Slope and intercept; None is what nibabel writes for "not scaled".
SCALES = [
    (None, 0.0),
    (1.0, 0.0),
    (0.5, -7.0),
    (0.0, 55.0),
    (np.nan, 3.0),
    (np.inf, 3.0),
    (-np.inf, 0.0),
    (-2.25, 1e6),
    (1.0, 3.5),
    (1e-30, 0.1),
    (3e30, 0.0),
]


def same_bits(found, wanted, what=""):
    """Equal dtype, shape and bits but for the payload of NaNs."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    wanted = wanted.astype(wanted.dtype.newbyteorder("="))
    assert found.dtype == wanted.dtype, f"{what}: {found.dtype}, wanted {wanted.dtype}"
    assert found.shape == wanted.shape, f"{what}: {found.shape}, wanted {wanted.shape}"
    if found.dtype.names:
        assert found.tobytes() == wanted.tobytes(), what
    else:
        np.testing.assert_array_equal(found, wanted, err_msg=what)
        if found.dtype.kind == "f":  # -0.0 is not 0.0
            np.testing.assert_array_equal(np.signbit(found)[found == 0], np.signbit(wanted)[wanted == 0], err_msg=what)


def by_formula(raw, slope, inter):
    """f64(raw) * slope + inter, the scale as the header holds it."""
    with np.errstate(all="ignore"):
        return raw.astype(np.float64) * np.float64(slope) + np.float64(inter)


def check(path, reference=None):
    """The file read by us against nibabel's reading of it, or of a plain file of the same content."""
    what = Path(path).name
    wanted = nib.load(reference or path)
    v = mx.load(path)
    assert v.shape == wanted.shape, what
    np.testing.assert_allclose(v.affine, wanted.affine, rtol=1e-12, atol=1e-10, err_msg=what)
    raw = np.asarray(wanted.dataobj.get_unscaled())
    slope, inter = float(wanted.dataobj.slope), float(wanted.dataobj.inter)
    if raw.dtype.names or (slope, inter) == (1.0, 0.0):
        same_bits(v, raw, what)
        assert v.dtype == raw.dtype.newbyteorder("=")
    elif raw.dtype.kind == "c":
        return  # see test_scaled_complex_numbers
    if raw.dtype.names or raw.dtype.kind == "c":
        return
    exact = by_formula(raw, slope, inter)
    with np.errstate(all="ignore"):
        same_bits(v.numpy(dtype="float64"), wanted.get_fdata(caching="unchanged"), what)
        same_bits(v.numpy(dtype="float64"), exact, what)
        if (slope, inter) != (1.0, 0.0):  # float32, unless float64 is what is stored
            same_bits(v, exact if raw.dtype.itemsize == 8 and raw.dtype.kind == "f" else exact.astype(np.float32), what)
        same_bits(v.numpy(dtype="float32"), exact.astype(np.float32), what)
    header(v, wanted.header, what)


DERIVED = {"scl_slope", "scl_inter", "vox_offset"}  # nibabel overwrites these when it loads


def header(v, wanted, what=""):
    """Every header field as nibabel sees it."""
    for name in wanted.keys():
        if name in DERIVED or name == "pixdim":
            continue
        value, found = wanted[name], v.header[name]
        if value.dtype.kind == "S":
            value = value.item().decode("latin1")
        np.testing.assert_array_equal(found, value if isinstance(value, str) else value.tolist(), err_msg=f"{what} {name}")
    np.testing.assert_array_equal(np.abs(v.header["pixdim"][1:]), np.abs(wanted["pixdim"][1:]), err_msg=what)


def test_nibabels_own_files():
    data = Path(nib.__file__).parent / "tests" / "data"
    seen = []
    for path in sorted([*data.glob("*.nii"), *data.glob("*.nii.gz"), *data.glob("*.hdr")]):
        if path.with_suffix(".img").exists() is False and path.suffix == ".hdr":
            # Headers without voxels: refused by name, whether NIfTI or Analyze.
            with pytest.raises(mx.MedoxideError, match=path.stem):
                np.asarray(mx.load(path))
            seen.append(path.name)
            continue
        if "dconn" in path.name:  # nibabel reads CIFTI with a reader of its own
            v, wanted = mx.load(path), nib.nifti2.Nifti2Image.from_filename(path)
            assert v.shape == wanted.shape == (1, 1, 1, 1, 10, 10)
            same_bits(v, np.asarray(wanted.dataobj))
            assert [code for code, _ in v.header.extensions] == [32]
        else:
            check(path)
        seen.append(path.name)
    assert len(seen) == 11, seen


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", niftis.DTYPES)
def test_every_dtype_order_version_and_scale(name, order, version, tmp_path):
    for n, (slope, inter) in enumerate(SCALES):
        array = niftis.voxels(name, (5, 4, 3), order, seed=n)
        check(niftis.write(tmp_path, f"s{n}", array, version=version, order=order, slope=slope, inter=inter))


@pytest.mark.parametrize("container", niftis.CONTAINERS)
@pytest.mark.parametrize("version", [1, 2])
def test_every_container(container, version, tmp_path):
    for n, (name, (slope, inter)) in enumerate(itertools.product(["i2", "f4", "rgb", "u1"], [(None, 0), (0.25, -3)])):
        order = "<>"[n % 2]
        array = niftis.voxels(name, (5, 4, 3), order, seed=n)
        options = {"version": version, "order": order, "slope": slope, "inter": inter}
        path = niftis.write(tmp_path, f"c{n}", array, container, **options)
        check(path, None if ".hdr" in container else niftis.plain(tmp_path, f"c{n}", array, **options))
        if ".hdr" in container:  # either file of a pair opens it
            other = path.with_name(path.name.replace(".hdr", ".img"))
            same_bits(mx.load(other), np.asarray(mx.load(path)))


@pytest.mark.parametrize("shape", niftis.AXES)
def test_one_to_seven_axes(shape, tmp_path):
    for n, name in enumerate(["i2", "f4", "u1", "f8"]):
        for container in (".nii", ".nii.gz", ".hdr"):
            array = niftis.voxels(name, shape, "<>"[n % 2], seed=n)
            options = {"version": 1 + n % 2, "order": "<>"[n % 2], "slope": [None, 2.0][n // 2], "inter": 1.0}
            check(niftis.write(tmp_path, f"a{n}", array, container, **options))


def test_scaled_complex_numbers(tmp_path):
    # The intercept goes to the real part. nibabel gives complex128 for both; we keep the dtype.
    for name, order in itertools.product(["c8", "c16"], "<>"):
        array = niftis.voxels(name, (4, 3, 2), order)
        path = niftis.write(tmp_path, f"{name}{order == '<'}", array, order=order, slope=0.5, inter=-2.0)
        wanted = np.asarray(nib.load(path).dataobj).astype(array.dtype.newbyteorder("="))
        for out, want in ((mx.load(path), wanted), (mx.load(path).flip(0)[1:, 0:2], wanted[::-1][1:, 0:2])):
            same_bits(out, want)


def test_orders_of_arrays(tmp_path):
    array = niftis.voxels("i2", (5, 4, 3))
    v = mx.load(niftis.write(tmp_path, "a", array, slope=0.5, inter=1.0))
    wanted = by_formula(array, 0.5, 1.0)
    for order, dtype in itertools.product("FC", ["float32", "float64", "int16"]):
        out = v.numpy(dtype=dtype, order=order)
        assert out.flags[f"{order}_CONTIGUOUS"] and out.flags.writeable and out.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(out, np.clip(np.rint(wanted), -32768, 32767) if dtype == "int16" else wanted)
    assert not np.asarray(v).flags.writeable


def forms(change, tmp_path, shape=(5, 4, 3), name="forms.nii", version=1):
    array = niftis.voxels("u1", shape)
    return niftis.write(tmp_path, name.split(".")[0], array, change=change, version=version)


def placed(sform=None, qform=None, more=None):
    """Sets both forms (affine, code), then whatever `more` does."""

    def change(h):
        for kind, form in (("sform", sform), ("qform", qform)):
            if form is not None:
                getattr(h, f"set_{kind}")(form[0], form[1])
        if more is not None:
            more(h)

    return change


RIGID = affine_of(rotation(0.4, -1.2, 2.1) @ np.diag([0.8, 1.1, 2.5]), (10, -20, 30))
MIRRORED = affine_of(rotation(0.4, -1.2, 2.1) @ np.diag([0.8, 1.1, -2.5]), (10, -20, 30))


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("s_code,q_code", list(itertools.product(range(6), range(6))))
def test_sform_first_then_qform_then_sizes(s_code, q_code, version, tmp_path):
    sheared = AFFINES["oblique"].copy()
    sheared[0, 1] += 0.5
    path = forms(placed((sheared, s_code), (RIGID, q_code)), tmp_path, version=version)
    v, wanted = mx.load(path), nib.load(path)
    np.testing.assert_allclose(v.affine, wanted.affine, rtol=1e-12, atol=1e-10)
    for name, code in (("sform", s_code), ("qform", q_code)):
        found = getattr(v.header, name)
        if code == 0:
            assert found is None
        else:
            affine, n = getattr(wanted, f"get_{name}")(coded=True)
            assert found[0] == n == code
            np.testing.assert_allclose(found[1], affine, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("affine", [RIGID, MIRRORED, *AFFINES.values()], ids=str)
@pytest.mark.parametrize("qfac", [1.0, -1.0, 0.0, 7.0])
def test_quaternions_with_every_qfac(qfac, affine, tmp_path):
    path = forms(placed(None, (affine, 1), lambda h: h["pixdim"].__setitem__(0, qfac)), tmp_path)
    np.testing.assert_allclose(mx.load(path).affine, nib.load(path).affine, rtol=1e-12, atol=1e-10)


def test_quaternions_longer_than_one_and_half_turns(tmp_path):
    for n, quaternion in enumerate([(-0.6, 0.8, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0.5), (0.7071068, 0, 0.7071068)]):

        def turn(h, q=quaternion):
            h["quatern_b"], h["quatern_c"], h["quatern_d"] = q
            h["qform_code"] = 1
            h["pixdim"][1:4] = 1.5, 2.0, 0.5

        path = forms(turn, tmp_path, name=f"q{n}.nii")
        np.testing.assert_allclose(mx.load(path).affine, nib.load(path).affine, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("sizes", [(-1.0, 2.0, 3.0), (1.0, -2.0, -0.5), (0.0, 2.0, 3.0), (1.5, 0.0, 0.0)])
@pytest.mark.parametrize("code", [0, 1])
def test_negative_and_zero_voxel_sizes(code, sizes, tmp_path):
    def change(h):
        h.set_qform(RIGID, code)
        h["pixdim"][1:4] = sizes

    path = forms(change, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = nib.load(path)
    np.testing.assert_allclose(mx.load(path).affine, wanted.affine, rtol=1e-12, atol=1e-10)


def test_repetition_time_of_zero_opens(tmp_path):
    path = forms(lambda h: h["pixdim"].__setitem__(4, 0.0), tmp_path, (4, 3, 2, 5))
    check(path)


def test_a_conflict_of_forms_is_warned_of_with_numbers(tmp_path):
    moved = RIGID.copy()
    moved[:3, 3] += (3.0, 4.0, 0.0)
    path = forms(placed((moved, 1), (RIGID, 1)), tmp_path)
    with pytest.warns(mx.HeaderWarning, match=r"5\.000 mm"):
        v = mx.load(path)
    np.testing.assert_allclose(v.affine, nib.load(path).affine, atol=1e-10)
    agreeing = forms(placed((RIGID, 1), (RIGID, 2)), tmp_path, name="agreeing.nii")
    with warnings.catch_warnings():
        warnings.simplefilter("error", mx.HeaderWarning)
        mx.load(agreeing)


EXTENSIONS = [
    (4, b"<?xml version='1.0' ?><AFNI_attributes self_idcode='x'></AFNI_attributes>"),
    (6, b"a comment"),
    (2, bytes(range(256))),
    (32, b"<CIFTI/>"),
    (44, b'{"RepetitionTime": 2}'),
]


@pytest.mark.parametrize("container", [".nii", ".nii.gz", ".hdr", ".hdr.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_extensions_are_read(order, container, tmp_path):
    array = niftis.voxels("i2", (5, 4, 3), order)
    path = niftis.write(tmp_path, "x", array, container, order=order, extensions=EXTENSIONS)
    v = mx.load(path)
    same_bits(v, array)
    found = [(code, data.rstrip(b"\0")) for code, data in v.header.extensions]
    assert found == [(code, data.rstrip(b"\0")) for code, data in EXTENSIONS]


def test_text_fields_units_intents_and_slices(tmp_path):
    def change(h):
        h["descrip"], h["aux_file"], h["intent_name"] = b"FSL5.0", b"none", b"t test"
        h["intent_code"], h["intent_p1"], h["intent_p2"] = 3, 17.0, 2.0
        h["cal_max"], h["cal_min"], h["toffset"], h["slice_duration"] = 7, -2, 3, 0.05
        h["dim_info"], h["slice_code"], h["slice_start"], h["slice_end"] = 27, 3, 1, 2
        h.set_xyzt_units("micron", "msec")

    for n, (version, order) in enumerate(itertools.product((1, 2), "<>")):
        array = niftis.voxels("f4", (4, 3, 2, 2), order)
        check(niftis.write(tmp_path, f"h{n}", array, version=version, order=order, change=change))


def test_opening_reads_the_header_only(tmp_path):
    array = np.random.default_rng(0).integers(0, 4000, (96, 96, 64)).astype(np.int16)
    plain = niftis.write(tmp_path, "plain", array)
    packed = tmp_path / "cut.nii.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 1)[:4096])  # the header is there, the voxels are not
    for path, most in ((plain, 4096), (packed, 4096)):
        v = mx.load(path)
        assert (v.shape, v.dtype, v.orientation) == ((96, 96, 64), np.int16, "LAS")
        assert v.bytes_read <= most
    np.testing.assert_array_equal(mx.load(plain).affine, nib.load(plain).affine)
    with pytest.raises(mx.MedoxideError, match=r"cut\.nii\.gz"):
        np.asarray(mx.load(packed))


def test_the_neighbour_of_another_name_is_not_read_instead(tmp_path):
    # With x.nii beside x.nii.gz, ITK returns the former for the latter.
    one, two = niftis.voxels("i2", (4, 3, 2), seed=1), niftis.voxels("i2", (4, 3, 2), seed=2)
    same_bits(mx.load(niftis.write(tmp_path, "x", one, ".nii")), one)
    same_bits(mx.load(niftis.write(tmp_path, "x", two, ".nii.gz")), two)
    same_bits(mx.load(tmp_path / "x.nii"), one)
