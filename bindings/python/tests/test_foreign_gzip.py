"""gzip files of other writers, whole and by region; our files in other readers. Programs that are not installed are not asked."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from given import blobs, volume

import medoxide as mx
from conftest import AFFINE

# More than a MiB of voxels: regions of one stream are entered at checkpoints the second time.
ARRAY = (blobs((150, 120, 50)) * 1000).astype(np.int16)


def tool(*command: str, stdin: bytes | None = None) -> bytes:
    """What a program of the system writes."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    run = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


def threaded(name: str, content: bytes, path, **options) -> None:
    module = pytest.importorskip(name)
    with module.open(str(path), "wb", thread=2, **options) as f:
        f.write(content)


def simpleitk(content: bytes, path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(sitk.GetImageFromArray(ARRAY.T), str(path), useCompression=True)


def by_nibabel(content: bytes, path) -> None:
    nib.save(nib.Nifti1Image(ARRAY, AFFINE), path)


def by_nifti_tool(content: bytes, path) -> None:
    source = path.with_name("source.nii")
    source.write_bytes(content)
    tool("nifti_tool", "-copy_im", "-infiles", str(source), "-prefix", str(path))


def piped(*command: str):
    return lambda content, path: path.write_bytes(tool(*command, stdin=content))


WRITERS = {
    "python gzip 1": lambda content, path: path.write_bytes(gzip.compress(content, 1)),
    "python gzip 9": lambda content, path: path.write_bytes(gzip.compress(content, 9)),
    "nibabel": by_nibabel,
    "SimpleITK": simpleitk,
    "nifti_tool": by_nifti_tool,
    "gzip": piped("gzip", "-c"),
    "bgzip": piped("bgzip", "-c"),
    "bgzip 9": piped("bgzip", "-c", "-l", "9"),
    "pigz": piped("pigz", "-c"),
    "pigz -i": piped("pigz", "-c", "-i"),
    "pigz -b": piped("pigz", "-c", "-i", "-b", "32"),
    "pigz -9": piped("pigz", "-c", "-9", "-b", "512"),
    "pigz, one thread": piped("pigz", "-c", "-p", "1"),
    "mgzip": lambda content, path: threaded("mgzip", content, path, blocksize=100_000),
    "pgzip": lambda content, path: threaded("pgzip", content, path, blocksize=100_000),
}


@pytest.mark.peers
@pytest.mark.parametrize("writer", WRITERS)
def test_what_others_write_opens_here(writer, tmp_path):
    path = tmp_path / "a.nii.gz"
    WRITERS[writer](nib.Nifti1Image(ARRAY, AFFINE).to_bytes(), path)
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), ARRAY)
    dice = np.random.default_rng(3)
    for _ in range(25):
        start = [int(dice.integers(n)) for n in ARRAY.shape]
        at = tuple(slice(s, s + int(dice.integers(1, 40))) for s in start)
        np.testing.assert_array_equal(np.asarray(mx.load(path)[at]), ARRAY[at])
    np.testing.assert_array_equal(np.asarray(mx.load(path)), ARRAY)


DIVISIONS = ["blocks", "bgzf", "single"]


def ours(division, tmp_path):
    path = tmp_path / "a.nii.gz"
    volume(ARRAY).save(path, gzip=division)
    return path


@pytest.mark.peers
@pytest.mark.parametrize("division", DIVISIONS)
@pytest.mark.parametrize(
    "command", [("gzip", "-t"), ("gzip", "-dc"), ("pigz", "-t"), ("pigz", "-dc"), ("bgzip", "-t"), ("bgzip", "-dc")], ids=" ".join
)
def test_programs_open_our_files(command, division, tmp_path):
    path = ours(division, tmp_path)
    out = tool(*command, str(path))
    assert out[352:] == (b"" if command[1] == "-t" else ARRAY.tobytes(order="F"))


@pytest.mark.peers
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".hdr", ".img.gz"])
@pytest.mark.parametrize("division", DIVISIONS)
def test_the_reference_library_opens_our_files(division, suffix, tmp_path):
    """nifti_tool, of the NIfTI reference library that FSL, AFNI and ITK descend from."""
    path = tmp_path / f"a{suffix}"
    v = mx.Volume(ARRAY, AFFINE)
    v.save(path, gzip=division)
    copy = tmp_path / "copy.nii"
    tool("nifti_tool", "-check_nim", "-infiles", str(path))
    tool("nifti_tool", "-copy_im", "-infiles", str(path), "-prefix", str(copy))
    found = nib.load(copy)
    np.testing.assert_array_equal(np.asarray(found.dataobj), ARRAY)
    assert np.allclose(found.affine, AFFINE, atol=1e-5)


@pytest.mark.peers
@pytest.mark.parametrize("division", DIVISIONS)
def test_libraries_open_our_files(division, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    path = ours(division, tmp_path)
    with gzip.open(path) as f:
        assert f.read()[352:] == ARRAY.tobytes(order="F")
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), ARRAY)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T, ARRAY)
    out = subprocess.run([sys.executable, "-m", "gzip", "-d", str(path)], check=False).returncode
    assert out == 0 and (tmp_path / "a.nii").read_bytes()[352:] == ARRAY.tobytes(order="F")
