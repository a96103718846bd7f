"""Directions of diffusion gradients on other grids."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from given import AFFINES

import medoxide as mx


def in_world(vectors, affine):
    """FSL's b-vectors as directions in the world: along the voxel axes, the first reversed where the determinant is positive."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    flip = [-1, 1, 1] if np.linalg.det(affine[:3, :3]) > 0 else [1, 1, 1]
    return (np.asarray(vectors) * flip) @ axes.T


@pytest.mark.parametrize(("a", "b"), itertools.product(AFFINES, repeat=2))
def test_directions_stay_where_they_are_in_the_world(a, b):
    vectors = np.random.default_rng(3).normal(size=(7, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = mx.rotate_bvecs(vectors, AFFINES[a], AFFINES[b])
    np.testing.assert_allclose(
        in_world(found, AFFINES[b]), in_world(vectors, AFFINES[a]), atol=1e-12
    )
    np.testing.assert_allclose(mx.rotate_bvecs(vectors.T, AFFINES[a], AFFINES[b]).T, found)


def test_they_follow_a_series():
    series = mx.Volume(
        np.zeros((4, 5, 6, 2), np.float32), affine=AFFINES["oblique_permuted"], channel_axis=3
    )
    moved = series.reorient("LPS").resample(1)
    vectors = np.eye(3)
    found = mx.rotate_bvecs(vectors, series, moved)
    np.testing.assert_allclose(
        in_world(found, moved.affine), in_world(vectors, series.affine), atol=1e-12
    )
    with pytest.raises(mx.errors.ParamError):
        mx.rotate_bvecs([1, 0, 0], series, moved)
