"""Components, outlines, resolutions and names of labels, and images of them, against SciPy, MONAI, TorchIO, batchgeneratorsv2 and cc3d."""

from __future__ import annotations

import medoxide as mx
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


LENGTHS = [(16, 8, 4), (13, 10, 7), (1, 5, 2), (96, 40, 31)]


@pytest.mark.peers
@pytest.mark.parametrize("shape", LENGTHS)
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_label_pyramid_is_nnunets(shape, dtype):
    import torch
    from batchgeneratorsv2.transforms.utils.deep_supervision_downsampling import (
        DownsampleSegForDSTransform,
    )

    array = labels(shape, (0, 1, 2, 7), 3, dtype)
    scales = [(1, 1, 1), (0.5, 0.5, 0.5), (1, 0.5, 0.25), (0.3, 0.6, 0.9)]
    usable = [s for s in scales if all(round(n * x) for n, x in zip(shape, s, strict=True))]
    want = DownsampleSegForDSTransform(usable)._apply_to_segmentation(torch.from_numpy(array)[None])
    sample = {"image": volume(np.zeros(shape, np.float32)), "label": label_volume(array)}
    made = mx.Pipeline([mx.LabelPyramid(usable[1:])])(sample)
    assert list(made) == ["image", "label", *(f"label_{n + 2}" for n in range(len(usable) - 1))]
    for n, peer in enumerate(want):
        found = made["label" if n == 0 else f"label_{n + 1}"]
        assert found.role == "label" and found.dtype == array.dtype
        np.testing.assert_array_equal(np.asarray(found), peer.numpy()[0])


def test_label_pyramid_in_batches():
    label = labels((16, 12, 8), (0, 1, 2), 1)
    samples = [{"image": np.zeros((16, 12, 8), np.float32), "label": label} for _ in range(3)]
    pipe = mx.Pipeline([mx.Flip(axes="x", p=0.5), mx.LabelPyramid([0.5, (1, 0.5, 0.25)])], seed=1)
    batch = pipe.batch(samples, ids=["a", "b", "c"])
    shapes = {key: value.shape[1:] for key, value in batch.items() if hasattr(value, "shape")}
    assert shapes == {
        "image": (1, 16, 12, 8),
        "label": (1, 16, 12, 8),
        "label_2": (1, 8, 6, 4),
        "label_3": (1, 16, 6, 2),
    }
    np.testing.assert_array_equal(batch["label_2"], batch["label"][:, :, 1::2, 1::2, 1::2])
    named = [{"id": str(n), **sample} for n, sample in enumerate(samples)]
    loader = mx.Loader(named, mx.Pipeline([mx.RandomCrop(8), mx.LabelPyramid([0.5])], seed=1), batch_size=3)
    for made in loader:
        assert made["label"].shape == (3, 1, 8, 8, 8) and made["label_2"].shape == (3, 1, 4, 4, 4)
        assert (made["label_2"] == made["label"][:, :, 1::2, 1::2, 1::2]).all()


def structure(element, radius):
    """A structuring element of SciPy's."""
    reach = int(radius)
    d = np.abs(np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij")))
    return {
        "ball": (d**2).sum(0) <= radius**2,
        "box": d.max(0) <= radius,
        "cross": d.sum(0) <= radius,
    }[element]


def scipys(mask, operation, element):
    from scipy import ndimage

    def dilate(x):
        return ndimage.binary_dilation(x, element)

    def erode(x):
        return ndimage.binary_erosion(x, element, border_value=1)

    turns = {"dilate": [dilate], "erode": [erode], "open": [erode, dilate], "close": [dilate, erode]}
    for turn in turns[operation]:
        mask = turn(mask)
    return mask


@pytest.mark.peers
@pytest.mark.parametrize("operation", ["dilate", "erode", "open", "close"])
@pytest.mark.parametrize(("element", "radius"), [("ball", 1), ("ball", 3.7), ("box", 2), ("cross", 3)])
def test_morphology_is_scipys(operation, element, radius):
    for shape in [*SHAPES, (24, 30, 18), (70, 9, 8)]:
        array = labels(shape, (0, 0, 1), 5, "int16")
        want = scipys(array == 1, operation, structure(element, radius))
        found = label_volume(array).morphology(operation, radius=radius, element=element)
        np.testing.assert_array_equal(np.asarray(found) == 1, want)


@pytest.mark.peers
@pytest.mark.parametrize("width", [3, 5])
def test_morphology_is_monais(width):
    import torch
    from monai.transforms.utils_morphological_ops import dilate, erode

    array = labels((19, 23, 14), (0, 0, 1), 2)
    tensor = torch.from_numpy(array)[None, None].float()
    for operation, peer in [("dilate", dilate), ("erode", erode)]:
        want = peer(tensor, width).numpy()[0, 0]
        found = label_volume(array).morphology(operation, radius=width // 2, element="box")
        np.testing.assert_array_equal(np.asarray(found), want)


@pytest.mark.peers
@pytest.mark.parametrize("radius", [1, 2, 5])
def test_random_morphology_is_nnunets_with_the_same_draws(radius):
    import torch
    from batchgeneratorsv2.transforms.nnunet import random_binary_operator as peer

    array = labels((20, 18, 16), (0, 0, 1, 2), 4)
    names = {"dilate": peer.binary_dilation_torch, "erode": peer.binary_erosion_torch}
    names |= {"open": peer.binary_opening_torch, "close": peer.binary_closing_torch}
    onehot = torch.from_numpy(np.stack([array == 1, array == 2])).to(torch.int16)
    for name, operator in names.items():
        wanted = []
        for order in ([0, 1], [1, 0]):
            given = {"apply_to_channels": order, "operators": [operator] * 2, "strel_size": [radius] * 2}
            made = peer.ApplyRandomBinaryOperatorTransform([0, 1])._apply_to_image(onehot.clone(), **given)
            wanted.append((made[0] + 2 * made[1]).numpy())
        transform = mx.RandomMorphology((radius, radius), operations=[name])
        found = [np.asarray(transform(label_volume(array), seed=s, id="a")) for s in range(12)]
        met = [next(n for n, w in enumerate(wanted) if np.array_equal(f, w)) for f in found]
        assert len(set(met)) == 2 or np.array_equal(*wanted)


@pytest.mark.peers
@pytest.mark.parametrize("connectivity", [1, 2, 3])
def test_small_components_are_monais(connectivity):
    import torch
    from monai.transforms import RemoveSmallObjects

    for shape in [(17, 16, 9), (24, 30, 18)]:
        array = labels(shape, (0, 0, 0, 1, 2), 6, "int32")
        for size in (9, 40):
            # scikit-image from 0.26 on, which MONAI hands the number to, takes it for the largest that is removed.
            peer = RemoveSmallObjects(size - 1, connectivity)

            def kept(mask, peer=peer):
                return peer(torch.from_numpy(mask)[None]).numpy()[0] != 0

            v = label_volume(array)
            found = v.remove_small_components(size, connectivity=connectivity)
            # MONAI takes integers for components that are numbered already; so one label at a time.
            want = sum(value * kept(array == value) for value in (1, 2))
            np.testing.assert_array_equal(np.asarray(found), want)
            found = v.remove_small_components(size, connectivity=connectivity, per_label=False)
            np.testing.assert_array_equal(np.asarray(found), array * kept(array != 0))


@pytest.mark.peers
def test_a_removed_component_is_one_of_scipys():
    from scipy import ndimage

    array = labels((20, 18, 16), (0, 0, 0, 0, 1), 7)
    parts, count = ndimage.label(array, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel())
    removable = [n for n in range(1, count + 1) if sizes[n] < 0.01 * array.size]
    wanted = {np.where(parts == n, 0, array).tobytes() for n in removable}
    transform = mx.RemoveRandomComponent(0.01)
    seeds = range(40 * len(removable))
    made = [np.asarray(transform(label_volume(array), seed=seed, id="a")) for seed in seeds]
    assert len(wanted) > 2 and {np.ascontiguousarray(m).tobytes() for m in made} == wanted


@pytest.mark.peers
def test_labels_to_image_is_torchios():
    import torchio as tio

    array = labels((24, 20, 18), (0, 1, 2, 3), 2)
    means, stds = [0.0, 50.0, 120.0, -7.0], [0.0, 2.0, 5.0, 0.5]
    subject = tio.Subject(label=tio.LabelMap(tensor=array[None]))
    theirs = tio.LabelsToImage(label_key="label", mean=means, std=stds)(subject)["image_from_labels"].numpy()[0]
    transform = mx.LabelsToImage(means=dict(enumerate(means)), stds=dict(enumerate(stds)))
    made = mx.Pipeline([transform], seed=4)({"label": label_volume(array)})
    assert list(made) == ["label", "image"] and made["image"].role == "image"
    ours = np.asarray(made["image"])
    for label, (mean, std) in enumerate(zip(means, stds, strict=True)):
        for image in (ours, theirs):
            here = image[array == label]
            assert abs(here.mean() - mean) <= 5 * std / np.sqrt(here.size) + 1e-6
            assert abs(here.std() - std) <= 5 * std / np.sqrt(2 * here.size) + 1e-6
    # Without deviations there is nothing left to chance.
    flat = tio.LabelsToImage(label_key="label", mean=means, std=[0] * 4)(subject)["image_from_labels"].numpy()[0]
    transform = mx.LabelsToImage(means=dict(enumerate(means)), std=(0, 0))
    found = np.asarray(label_volume(array).labels_to_image(means=dict(enumerate(means)), std=(0, 0), seed=1))
    np.testing.assert_array_equal(found, flat)
    np.testing.assert_array_equal(np.asarray(transform({"label": label_volume(array)}, seed=1)["image"]), flat)
    # Channels of shares are partial volumes.
    shares = np.random.default_rng(3).random((4, 9, 7, 11), np.float32)
    subject = tio.Subject(label=tio.LabelMap(tensor=shares))
    mixed = tio.LabelsToImage(label_key="label", mean=means, std=[0] * 4)(subject)["image_from_labels"].numpy()[0]
    tissues = mx.Volume(shares, channel_axis=0, role="map")
    found = tissues.labels_to_image(means=dict(enumerate(means)), std=(0, 0), seed=1)
    np.testing.assert_allclose(np.asarray(found), mixed, rtol=1e-6)


def test_wrap_around_is_what_sparse_frequencies_give():
    rng = np.random.default_rng(2)
    array = rng.normal(size=(12, 10, 8)).astype(np.float32)
    for axis, name in enumerate("xyz"):
        found = np.asarray(volume(array).wrap_around(0.5, axes=name, seed=1))
        # Every second frequency alone, twice as strong: aliasing by half of the field of view.
        spectrum = np.fft.fft(array, axis=axis)
        index = [slice(None)] * 3
        index[axis] = slice(1, None, 2)
        spectrum[tuple(index)] = 0
        want = 2 * np.fft.ifft(spectrum, axis=axis).real
        np.testing.assert_allclose(found, want, atol=1e-5)
