"""Components and names of labels, against SciPy, MONAI and cc3d."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from given import SHAPES, labels, volume


def label_volume(array):
    return volume(array, role="label")


@pytest.mark.peers
@pytest.mark.parametrize("connectivity", [1, 2, 3])
@pytest.mark.parametrize("per_label", [True, False])
@pytest.mark.parametrize("shape", [*SHAPES, (24, 30, 18)])
def test_largest_components_are_scipys(shape, per_label, connectivity):
    for seed in range(3):
        array = labels(shape, (0, 0, 0, 1, 2, 7), seed)
        want = oracle.largest_components(array, connectivity, per_label)
        out = label_volume(array).keep_largest_component(connectivity, per_label=per_label)
        np.testing.assert_array_equal(np.asarray(out), want)
        assert np.asarray(out).dtype == array.dtype


@pytest.mark.peers
@pytest.mark.parametrize("connectivity", [1, 2, 3])
def test_largest_components_are_monais(connectivity):
    import torch
    from monai.transforms import KeepLargestConnectedComponent

    for seed in range(4):
        array = labels((21, 19, 17), (0, 0, 0, 0, 1, 2), seed, "int16")
        array[3:9, 3:9, 3:9] = 1  # no two components of a label are equally large
        array[12:18, 10:16, 9:15] = 2
        want = KeepLargestConnectedComponent(connectivity=connectivity)(torch.from_numpy(array)[None])
        out = label_volume(array).keep_largest_component(connectivity)
        np.testing.assert_array_equal(np.asarray(out), want.numpy()[0])


@pytest.mark.peers
def test_largest_components_of_noise_are_cc3ds():
    import cc3d

    array = (np.random.default_rng(0).uniform(size=(60, 50, 40)) < 0.28).astype(np.uint8)
    for connectivity, neighbours in [(1, 6), (2, 18), (3, 26)]:
        want = cc3d.largest_k(array, k=1, connectivity=neighbours) > 0
        out = np.asarray(label_volume(array).keep_largest_component(connectivity))
        assert out.sum() == want.sum()
        np.testing.assert_array_equal(out > 0, want)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "int64", "uint64"])
def test_remap_labels_is_a_table(dtype):
    array = labels((9, 8, 7), (0, 1, 2, 5, 100), dtype=dtype)
    table = {1: 7, 5: 0, 0: 3}
    out = np.asarray(label_volume(array).remap_labels(table))
    want = np.vectorize(lambda v: table.get(int(v), int(v)))(array)
    assert out.dtype == array.dtype
    np.testing.assert_array_equal(out, want)


def test_remap_swaps_at_once():
    array = labels((5, 4, 3), (1, 2))
    np.testing.assert_array_equal(np.asarray(label_volume(array).remap_labels({1: 2, 2: 1})), 3 - array)
