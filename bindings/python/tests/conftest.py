"""Small volumes that every test knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import medoxide as mx

#: An oblique, anisotropic placement: no two axes can be mixed up unnoticed.
AFFINE = np.array(
    [
        [1.9, 0.1, -0.2, -30.0],
        [-0.15, 1.4, 0.3, 12.5],
        [0.25, -0.2, 2.9, 7.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def ramp(*shape: int, dtype: str = "int16") -> np.ndarray:
    """Every voxel another number."""
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


@pytest.fixture
def affine() -> np.ndarray:
    return AFFINE.copy()


@pytest.fixture
def array() -> np.ndarray:
    return ramp(5, 6, 7)


@pytest.fixture
def nii(tmp_path: Path, array: np.ndarray) -> Path:
    """An uncompressed int16 file of 5 x 6 x 7 voxels."""
    path = tmp_path / "ramp.nii"
    mx.Volume(array, AFFINE).save(path)
    return path


@pytest.fixture
def nii_gz(tmp_path: Path, array: np.ndarray) -> Path:
    """The same, compressed."""
    path = tmp_path / "ramp.nii.gz"
    mx.Volume(array, AFFINE).save(path)
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Four frames of 5 x 6 x 7 voxels."""
    path = tmp_path / "frames.nii"
    mx.Volume(ramp(5, 6, 7, 4), AFFINE, channel_axis=3).save(path)
    return path
