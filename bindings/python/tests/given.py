"""Volumes, affines and files that the tests start from."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import itertools
from pathlib import Path

import nibabel as nib
import numpy as np

import medoxide as mx

# Odd and prime lengths, axes of one voxel, and one shape that has several tiles and threads.
SHAPES = [(7, 11, 13), (1, 5, 9), (6, 1, 4), (17, 3, 1), (1, 1, 1)]
CODES = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """Rotation about x, then y, then z, in radians."""
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def affine_of(linear, origin=(0.0, 0.0, 0.0)) -> np.ndarray:
    out = np.eye(4)
    out[:3, :3] = linear
    out[:3, 3] = origin
    return out


_SIZE = np.diag([0.7, 1.3, 2.1])
_CYCLE = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]], float)
_TURN = rotation(0.3, -0.2, 0.4)

AFFINES = {
    "identity": np.eye(4),
    "anisotropic": affine_of(_SIZE, (10.5, -20.25, 7.0)),
    "flipped": affine_of(np.diag([-1.0, 2.0, -0.5]), (90.0, -126.0, 72.5)),
    "permuted": affine_of(_CYCLE @ np.diag([1.0, -1.0, 1.0]) @ _SIZE, (-3.0, 4.0, 5.5)),
    "oblique": affine_of(_TURN @ _SIZE, (1.0, 2.0, -3.0)),
    "oblique_permuted": affine_of(_TURN @ _CYCLE @ np.diag([-1.0, 1.0, -1.0]) @ _SIZE, (-31.0, 12.0, 8.0)),
}


def random_array(shape, dtype="float32", seed=0) -> np.ndarray:
    """Values over the dtype's range (floats: normal, sd 100), in C order."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind in "ui":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if dtype.kind == "c":
        return (rng.normal(0, 100, shape) + 1j * rng.normal(0, 100, shape)).astype(dtype)
    return rng.normal(0, 100, shape).astype(dtype)


def blobs(shape, seed=0) -> np.ndarray:
    """A smooth float32 volume without symmetry, of values of about -2 to 2."""
    phase = np.random.default_rng(seed).uniform(0, 6, (3, 3))
    x, y, z = np.meshgrid(*(np.arange(n, dtype=float) for n in shape), indexing="ij")
    waves = [np.sin(0.4 * x + p) * np.cos(0.3 * y + q) + 0.5 * np.sin(0.5 * z + r) for p, q, r in phase]
    return sum(waves).astype(np.float32) / 3


def labels(shape, values=(0, 1, 2, 5, 200), seed=0, dtype="uint8") -> np.ndarray:
    """Patches of label values, some of them touching."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(np.array(values, dtype), [-(-n // 2) for n in shape])
    return coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)[tuple(slice(n) for n in shape)]


def write_scaled(path, raw, slope, inter, affine=None) -> Path:
    """A NIfTI file of stored numbers with a slope and an intercept, as a scanner writes it."""
    image = nib.Nifti1Image(raw, np.eye(4) if affine is None else affine, dtype=raw.dtype)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([slope, inter], "<f4").tobytes()  # nibabel would compute a scale of its own
    path = Path(path)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@functools.cache
def head() -> nib.Nifti1Image:
    """The ICBM152 T1 template that the nilearn package ships: 197 x 233 x 189 voxels of 1 mm."""
    spec = importlib.util.find_spec("nilearn")
    name = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    return nib.load(Path(spec.origin).parent / "datasets" / "data" / name)


@functools.cache
def small_head() -> tuple[np.ndarray, np.ndarray]:
    """An oblique, anisotropic piece of the template, float32, and its affine: real texture at a size for slow peers."""
    image = head()
    data = np.ascontiguousarray(image.dataobj[60:131, 70:143, 50:109], np.float32)
    return data, AFFINES["oblique"]


def volume(array, affine=None, role=None) -> mx.Volume:
    more = {} if role is None else {"role": role}
    return mx.Volume(array, affine=np.eye(4) if affine is None else affine, **more)


def world(affine, index) -> np.ndarray:
    """World millimetres of voxel indices, shape (..., 3)."""
    affine = np.asarray(affine)
    return np.asarray(index) @ affine[:3, :3].T + affine[:3, 3]


def indices(shape) -> np.ndarray:
    """All voxel indices of a shape, as (x, y, z, 3)."""
    return np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)


def close_to(found, wanted, relative, what=""):
    """Largest difference at most `relative` times the largest magnitude; NaN only where NaN is wanted."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape, f"{what}: shape {found.shape}, wanted {wanted.shape}"
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted), err_msg=f"{what}: NaN")
    known = ~np.isnan(wanted)
    if not known.any():
        return
    size = max(np.abs(wanted[known]).max(), 1e-30)
    worst = np.abs(found[known] - wanted[known]).max() / size
    assert worst <= relative, f"{what}: off by {worst:.3g} of the largest magnitude, allowed {relative:g}"
