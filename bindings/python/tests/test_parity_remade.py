"""Channels of classes, distances, holes and boundaries of labels, against SciPy, MONAI, TorchIO, batchgeneratorsv2, scikit-image, torch and edt."""

from __future__ import annotations

import medoxide as mx
import numpy as np
import pytest
from given import AFFINES, SHAPES, labels

ALL = [*SHAPES, (24, 30, 18), (3, 70, 50)]


def label_volume(array, affine="identity"):
    return mx.Volume(array, affine=AFFINES[affine], role="label")


def channels_first(v):
    return np.moveaxis(np.asarray(v), -1, 0)


@pytest.mark.peers
@pytest.mark.parametrize("shape", ALL)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32"])
def test_one_hot_is_torchs_and_monais(shape, dtype):
    import torch
    from monai.transforms import AsDiscrete

    array = labels(shape, (0, 0, 1, 2, 3), 1, "uint8").astype(dtype)
    for order in "CF":
        made = label_volume(np.asarray(array, order=order)).one_hot(4)
        assert made.role == "map" and made.dtype == np.float32
        assert made.shape == (*shape, 4) and made.torch().shape == (4, *shape)
        want = torch.nn.functional.one_hot(torch.from_numpy(array.astype(np.int64)), 4)
        np.testing.assert_array_equal(np.asarray(made), want.numpy())
        np.testing.assert_array_equal(np.moveaxis(made.torch().numpy(), 0, -1), want.numpy())
        monais = AsDiscrete(to_onehot=4)(torch.from_numpy(array)[None])
        np.testing.assert_array_equal(channels_first(made), monais.numpy())
        back = made.argmax()
        assert back.role == "label" and back.dtype == np.uint8
        np.testing.assert_array_equal(np.asarray(back), array.astype(np.uint8))


@pytest.mark.peers
def test_one_hot_is_torchios():
    import torch
    import torchio as tio

    array = labels((9, 8, 7), (0, 1, 2), 4)
    want = tio.OneHot(num_classes=3)(tio.LabelMap(tensor=torch.from_numpy(array)[None]))
    np.testing.assert_array_equal(channels_first(label_volume(array).one_hot(3)), want.data.numpy())


@pytest.mark.peers
def test_regions_are_nnunets_and_brats():
    import torch
    from batchgeneratorsv2.transforms.utils.seg_to_regions import (
        ConvertSegmentationToRegionsTransform,
    )
    from monai.transforms import ConvertToMultiChannelBasedOnBratsClasses

    array = labels((13, 10, 7), (0, 0, 1, 2, 3, 4), 4)
    regions = ((1, 2, 3), (2, 3), 3)
    nnunets = ConvertSegmentationToRegionsTransform(regions)
    want = nnunets._apply_to_segmentation(torch.from_numpy(array)[None])
    made = label_volume(array).one_hot(regions, dtype="uint8")
    np.testing.assert_array_equal(channels_first(made), want.numpy())
    brats = ConvertToMultiChannelBasedOnBratsClasses()(torch.from_numpy(array)[None])
    made = label_volume(array).one_hot([[1, 4], [1, 2, 4], 4], dtype="uint8")
    np.testing.assert_array_equal(channels_first(made), brats.numpy())


@pytest.mark.peers
@pytest.mark.parametrize("shape", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_argmax_is_numpys(shape, dtype):
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 4, (5, *shape)).astype(dtype)
    if dtype.startswith("float"):
        scores[rng.uniform(size=scores.shape) < 0.05] = np.nan
    for array, axis in ((scores, 0), (np.ascontiguousarray(np.moveaxis(scores, 0, -1)), -1)):
        out = mx.Volume(array, channel_axis=axis, role="map").argmax()
        np.testing.assert_array_equal(np.asarray(out), scores.argmax(0))
    renamed = mx.Volume(scores, channel_axis=0, role="map").argmax([0, 9, 9, 7, 500])
    assert renamed.dtype == np.uint16
    np.testing.assert_array_equal(
        np.asarray(renamed), np.array([0, 9, 9, 7, 500])[scores.argmax(0)]
    )


def near(found, want):
    """Equal within float32; where SciPy knows no voxel outside, infinite."""
    np.testing.assert_allclose(found, want, rtol=2e-6, atol=0)


@pytest.mark.peers
@pytest.mark.parametrize("shape", ALL)
@pytest.mark.parametrize("affine", AFFINES)
def test_distances_are_scipys_and_edts(shape, affine):
    import edt
    from scipy import ndimage

    for seed, values in enumerate([(0, 1, 2, 5), (1,) * 60 + (0,), (0,) * 60 + (2,), (1, 2)]):
        array = labels(shape, values, seed)
        v = label_volume(array, affine)
        size = v.spacing
        plain, each = (
            np.asarray(v.distance_transform()),
            np.asarray(v.distance_transform(per_label=True)),
        )
        assert plain.dtype == np.float32 and v.distance_transform().role == "map"
        if (array == 0).any():
            near(plain, ndimage.distance_transform_edt(array, size))
        else:
            assert np.isposinf(plain).all()
        near(each, edt.edt(np.asfortranarray(array), anisotropy=size, black_border=False))
        signed = np.asarray(v.distance_transform(True))
        if (array == 0).any() and (array != 0).any():
            want = ndimage.distance_transform_edt(array != 0, size)
            near(signed, want - ndimage.distance_transform_edt(array == 0, size))
        two = np.asarray(v.distance_transform(labels=[2]))
        if (array != 2).any():
            near(two, ndimage.distance_transform_edt(array == 2, size))


@pytest.mark.peers
def test_distances_are_monais():
    import torch
    from monai.transforms import DistanceTransformEDT

    array = labels((21, 19, 17), (0, 1, 1, 1, 1), 3)
    want = DistanceTransformEDT(sampling=[0.7, 1.3, 2.1])(torch.from_numpy(array)[None])
    near(np.asarray(label_volume(array, "anisotropic").distance_transform()), want.numpy()[0])


@pytest.mark.peers
@pytest.mark.parametrize("shape", ALL)
@pytest.mark.parametrize("connectivity", [1, 2, 3])
def test_holes_are_filled_as_by_monai_and_scipy(shape, connectivity):
    import torch
    from monai.transforms import FillHoles
    from scipy import ndimage

    # An axis of one voxel has no edge here: a slice is a picture.
    flat = [n for n in shape if n > 1] or [1]
    steps = min(connectivity, len(flat))
    for seed, dtype in enumerate(["uint8", "int16", "float32"]):
        array = labels(shape, (0, 1, 1, 1, 2), seed, "uint8").astype(dtype)
        out = np.asarray(label_volume(array).fill_holes(connectivity)).reshape(flat)
        if flat == [1]:
            continue
        want = FillHoles(connectivity=steps)(
            torch.from_numpy(array.reshape(flat).copy())[None]
        ).numpy()[0]
        np.testing.assert_array_equal(out, want)
        one = (
            np.asarray(label_volume(array).fill_holes(connectivity, labels=[1])).reshape(flat) == 1
        )
        structure = ndimage.generate_binary_structure(len(flat), steps)
        np.testing.assert_array_equal(
            one, ndimage.binary_fill_holes(array.reshape(flat) == 1, structure)
        )


@pytest.mark.peers
@pytest.mark.parametrize("shape", ALL)
@pytest.mark.parametrize("connectivity", [1, 2, 3])
@pytest.mark.parametrize("which", ["inner", "outer", "thick"])
def test_boundaries_are_scikit_images(shape, connectivity, which):
    from skimage.segmentation import find_boundaries

    for seed, dtype in enumerate(["uint8", "int32"]):
        array = labels(shape, (0, 0, 0, 0, 1, 1, 1, 2, 5), seed, dtype)
        out = np.asarray(label_volume(array).boundary(which, connectivity=connectivity))
        assert out.dtype == array.dtype
        np.testing.assert_array_equal(out, find_boundaries(array, connectivity, which))


@pytest.mark.peers
def test_contours_are_monais_and_torchios():
    import torch
    import torchio as tio
    from monai.transforms import LabelToContour

    array = (labels((21, 19, 17), (0, 1), 3) != 0).astype(np.uint8)
    array[4:12, 3:14, 2:9] = 1
    out = label_volume(array).boundary("inner", connectivity=3, at_edge=True)
    want = LabelToContour()(torch.from_numpy(array.astype(np.float32))[None]).numpy()[0]
    np.testing.assert_array_equal(np.asarray(out), want)
    array[[0, -1]] = array[:, [0, -1]] = array[:, :, [0, -1]] = 0
    want = tio.Contour()(tio.LabelMap(tensor=torch.from_numpy(array)[None])).data.numpy()[0]
    out = label_volume(array).boundary("inner", connectivity=1)
    np.testing.assert_array_equal(np.asarray(out), want)


@pytest.mark.parametrize("order", ["C", "F"])
def test_in_batches_and_pipelines(order):
    array = np.asarray(labels((16, 12, 8), (0, 1, 2), 1), order=order)
    pipe = mx.Pipeline(
        [mx.DistanceTransform(item="distance"), mx.Flip("x", p=0.5), mx.OneHot(3, item="channels")],
        seed=1,
    )
    sample = {"image": np.zeros((16, 12, 8), np.float32), "label": array}
    batch = pipe.batch([sample] * 3, ids=["a", "b", "c"])
    assert batch["channels"].shape == (3, 3, 16, 12, 8) and batch["distance"].shape == (
        3,
        1,
        16,
        12,
        8,
    )
    for value in range(3):
        np.testing.assert_array_equal(batch["channels"][:, value], batch["label"][:, 0] == value)
    assert ((batch["distance"][:, 0] > 0) == (batch["label"][:, 0] > 0)).all()
    loader = mx.Loader(
        [{"id": str(n), **sample} for n in range(3)],
        mx.Pipeline([mx.OneHot(3, item="channels"), mx.RandomCrop(8, count=2)], seed=1),
        batch_size=2,
    )
    for made in loader:
        assert made["channels"].shape == (2, 3, 8, 8, 8)
        for value in range(3):
            assert (made["channels"][:, value] == (made["label"][:, 0] == value)).all()
