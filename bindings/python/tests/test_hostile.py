"""Files lie: ten thousand mutations of real files give values or typed errors, quickly and in little memory."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import medoxide as mx

COUNT = 10_000
MEBI = 1 << 20


def gzip_inside(data: bytes, dice) -> bytes:
    """A gzip file whose header, not whose stream, was damaged."""
    from hostile import mutated

    return gzip.compress(mutated(data, 360, dice), 1)


def originals(folder: Path) -> None:
    """Small real files: nibabel's own, and a pair, an extension, a NIfTI-2, big endian, several axes."""
    data = Path(nib.__file__).parent / "tests" / "data"
    for name in ("resampled_anat_moved.nii", "standard.nii.gz", "example_nifti2.nii.gz", "functional.nii"):
        (folder / name).write_bytes((data / name).read_bytes())
    rng = np.random.default_rng(0)
    array = rng.integers(-500, 500, (6, 5, 4, 2)).astype(">i2")
    image = nib.Nifti1Image(array, np.diag([1.0, 2.0, 3.0, 1.0]), nib.Nifti1Header(endianness=">"))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a comment " * 9))
    nib.save(image, folder / "extension.nii")
    nib.save(nib.Nifti1Pair(array, np.eye(4)), folder / "pair.img")
    nib.save(nib.Nifti2Image(array.astype(np.float32), np.eye(4)), folder / "two.nii")


def run(folder: Path, count: int, seed: int) -> dict:
    script = Path(__file__).with_name("hostile.py")
    command = [sys.executable, str(script), str(folder), str(count), str(seed)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert out.returncode == 0, f"the interpreter ended with {out.returncode}: {out.stderr[-2000:]}"
    return json.loads(out.stdout)


def test_ten_thousand_mutations_of_real_files(tmp_path):
    originals(tmp_path)
    report = run(tmp_path, COUNT, 20_24)
    assert not report["unexpected"], report["unexpected"]
    kinds = report["kinds"]
    assert sum(kinds.values()) == COUNT
    # The mutations reach both sides: many files are refused, many are read.
    assert kinds["read"] > COUNT // 20, kinds
    assert kinds.get("FormatError", 0) > COUNT // 20, kinds
    # A tenth of a second of work each; on a busy machine the clock may show more.
    assert report["most_work"] < 0.1, report
    assert report["slowest"] < 5.0, report
    assert report["total"] < COUNT * 0.02, report
    assert report["growth"] <= 64 * MEBI, report


def test_mutations_inside_the_compressed_stream(tmp_path):
    import random

    originals(tmp_path)
    dice = random.Random(5)
    data = (tmp_path / "resampled_anat_moved.nii").read_bytes()
    for _ in range(1000):
        path = tmp_path / "inside.nii.gz"
        path.write_bytes(gzip_inside(data, dice))
        try:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                np.asarray(mx.load(path))
        except mx.MedoxideError as e:
            assert not isinstance(e, mx.errors.InternalError), e
            assert "inside.nii.gz" in str(e)


def header(dims, datatype=16, bitpix=32, offset=352.0) -> bytes:
    out = bytearray(352)
    struct.pack_into("<i", out, 0, 348)
    struct.pack_into("<8h", out, 40, len(dims), *dims, *([1] * (7 - len(dims))))
    struct.pack_into("<2h", out, 70, datatype, bitpix)
    struct.pack_into("<8f", out, 76, *([1.0] * 8))
    struct.pack_into("<f", out, 108, offset)
    out[344:348] = b"n+1\0"
    return bytes(out)


CLAIMS = {
    "huge": header([32767] * 7),
    "large": header([32767, 32767, 4]),
    "short": header([64, 64, 64]),
    "negative": header([-5, 4, 3]),
    "zero": header([0, 4, 3]),
    "eight_axes": struct.pack("<i", 348) + header([2])[4:40] + struct.pack("<h", 9) + header([2])[42:],
    "far_offset": header([2, 2, 2], offset=1e30),
    "negative_offset": header([2, 2, 2], offset=-100.0),
    "nan_offset": header([2, 2, 2], offset=float("nan")),
    "unknown_dtype": header([2, 2, 2], datatype=4096),
    "float128": header([2, 2, 2], datatype=1536, bitpix=128),
    "empty": b"",
    "one_byte": b"\x5c",
    "text": b"patient,age\n" * 99,
}


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_claims_that_the_file_cannot_keep(name, suffix, tmp_path):
    path = tmp_path / f"{name}{suffix}"
    content = CLAIMS[name] + b"\0" * 16
    if name in ("empty", "one_byte"):
        content = CLAIMS[name]
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(mx.MedoxideError) as caught:
        np.asarray(mx.load(path))
    assert path.name in str(caught.value)
    assert not isinstance(caught.value, mx.errors.InternalError)


def test_a_small_gzip_may_not_ask_for_gigabytes(tmp_path):
    # 4 GiB of claimed voxels in a file of kilobytes, the size in the gzip trailer forged to agree.
    path = tmp_path / "bomb.nii.gz"
    stream = bytearray(gzip.compress(header([1024, 1024, 1024]) + b"\0" * 100_000))
    stream[-4:] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(stream)
    with pytest.raises(mx.MedoxideError, match="bomb"):
        np.asarray(mx.load(path))


def test_an_extension_may_not_claim_more_than_the_file(tmp_path):
    for size in (0, 7, 8, 17, -16, 1 << 30, 0x7FFFFFFF):
        body = header([2, 2, 2], offset=368.0)[:348] + b"\1\0\0\0" + struct.pack("<ii", size, 6) + b"x" * 8 + b"\0" * 32
        path = tmp_path / f"size{size}.nii"
        path.write_bytes(body)
        try:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert np.asarray(mx.load(path)).shape == (2, 2, 2)
        except mx.MedoxideError as e:
            assert path.name in str(e) and not isinstance(e, mx.errors.InternalError)


def test_impossible_parameters_are_errors_never_aborts():
    v = mx.Volume(np.zeros((4, 5, 6), np.float32))
    for call in (
        lambda: v.resample(1e-6),
        lambda: v.resample(float("nan")),
        lambda: v.resample(-1.0),
        lambda: v.resample(0),
        lambda: v.resample(shape=10**9),
        lambda: v.resample(shape=(0, 1, 1)),
        lambda: v.reorient("RRS"),
        lambda: v.reorient("RII"),
        lambda: v.reorient(""),
        lambda: v.pad(10**12),
        lambda: v.pad(-1),
        lambda: v.crop((0, 0, 0), (9, 9, 9)),
        lambda: v.crop_or_pad(0),
        lambda: v.clamp(2, 1),
        lambda: v.gaussian_noise(-1.0),
        lambda: v.gaussian_smooth(-1.0),
        lambda: v.gaussian_smooth(float("inf")),
        lambda: v.flip([0, 0]),
        lambda: v.flip(3),
        lambda: v.rot90(axes=(1, 1)),
        lambda: v.random_crop(0),
        lambda: v.simulate_low_resolution(0),
        lambda: v.rescale((1, 0)),
        lambda: v.rescale(percentiles=(-1, 101)),
        lambda: v.cast("float31"),
        lambda: v.keep_largest_component(4),
        lambda: v.affine_transform(scale=0),
    ):
        with pytest.raises((mx.MedoxideError, TypeError)):
            np.asarray(call())
