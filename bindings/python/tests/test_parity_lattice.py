"""Transforms that only move voxels, against nibabel, NumPy and MONAI: bits, dtype and affine."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import oracle
import pytest
from given import (
    AFFINES,
    CODES,
    SHAPES,
    affine_of,
    head,
    indices,
    random_array,
    rotation,
    volume,
    world,
    write_scaled,
)

AFFINE_TOLERANCE = 1e-9  # mm: float64 products of numbers below 1000, with room


def same_places(out, array, affine):
    """Each output voxel has the value, and the place in the world, of one input voxel."""
    numbers = np.arange(array.size).reshape(array.shape)
    source = out(numbers.astype(np.int32))
    where = np.stack(np.unravel_index(np.asarray(source), array.shape), -1)
    got = world(source.affine, indices(source.shape))
    np.testing.assert_allclose(got, world(affine, where), atol=AFFINE_TOLERANCE)


def equal(found, array, affine=None):
    found_array = np.asarray(found)
    assert found_array.dtype == array.dtype
    np.testing.assert_array_equal(found_array, array)
    assert found.shape == array.shape
    if affine is not None:
        np.testing.assert_allclose(found.affine, affine, atol=AFFINE_TOLERANCE)


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("codes", CODES)
def test_reorient_is_nibabels_for_all_48_codes(codes, name):
    array, affine = random_array((3, 4, 5), "int16"), AFFINES[name]
    want, want_affine = oracle.reorient(array, affine, codes)
    out = volume(array, affine).reorient(codes)
    equal(out, want, want_affine)
    assert out.orientation == codes == "".join(nib.aff2axcodes(out.affine))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", AFFINES)
def test_reorient_to_ras_is_as_closest_canonical(name, shape):
    array, affine = random_array(shape), AFFINES[name]
    canonical = nib.as_closest_canonical(nib.Nifti1Image(array, affine))
    equal(volume(array, affine).reorient("RAS"), np.asarray(canonical.dataobj), canonical.affine)


def test_reorient_of_strongly_oblique_grids_assigns_each_axis_once():
    # Angles near 45 degrees: an argmax per column would give one axis twice.
    array = random_array((4, 5, 6))
    for angles in itertools.product([0.7, 0.78, 0.8, 0.9], [-0.79, 0.62], [0.75, -0.8]):
        affine = affine_of(rotation(*angles) @ np.diag([1.0, 2.0, 0.6]), (1, 2, 3))
        want, want_affine = oracle.reorient(array, affine, "LPI")
        equal(volume(array, affine).reorient("LPI"), want, want_affine)


@pytest.mark.parametrize("name", AFFINES)
def test_orientation_is_nibabels(name):
    v = volume(random_array((3, 4, 5)), AFFINES[name])
    assert v.orientation == "".join(nib.aff2axcodes(AFFINES[name]))


@pytest.mark.peers
def test_reorient_of_the_template():
    image = head()
    array = np.asarray(image.dataobj)
    for codes in ("LPS", "PIR", "SAL"):
        want, want_affine = oracle.reorient(array, image.affine, codes)
        equal(volume(array, image.affine).reorient(codes), want, want_affine)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_flip_is_numpys(shape, dtype):
    array = random_array(shape, dtype)
    for count in (1, 2, 3):
        for axes in itertools.combinations(range(3), count):
            equal(volume(array).flip(axes), np.flip(array, axes))
    same_places(lambda a: volume(a, AFFINES["oblique"]).flip([0, 2]), array, AFFINES["oblique"])


@pytest.mark.parametrize("shape", SHAPES)
def test_rot90_is_numpys(shape):
    array = random_array(shape, "int16")
    for axes in itertools.combinations(range(3), 2):
        for k in (-1, 0, 1, 2, 3, 4):
            equal(volume(array).rot90(k, axes=axes), np.rot90(array, k, axes))
    for name, affine in AFFINES.items():
        if name != "identity":
            same_places(lambda a, affine=affine: volume(a, affine).rot90(1, axes=(0, 2)), array, affine)


@pytest.mark.parametrize("name", AFFINES)
def test_crop_is_a_slice(name):
    array, affine = random_array((7, 11, 13), "uint8"), AFFINES[name]
    out = volume(array, affine).crop((1, 2, 3), (5, 1, 7))
    equal(out, array[1:6, 2:3, 3:10])
    same_places(lambda a: volume(a, affine).crop((1, 2, 3), (5, 1, 7)), array, affine)
    equal(volume(array, affine).crop((-7, -1, -4), (7, 1, 2)), array[:, -1:, -4:-2])


PADS = [((2, 1, 3), (1, 2, 0)), ((0, 0, 0), (0, 0, 0)), ((9, 0, 5), (0, 17, 40))]


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pad_is_numpys_in_every_mode(shape, dtype, mode):
    array = random_array(shape, dtype)
    for before, after in PADS:  # also pads wider than the volume
        value = {"constant_values": 7} if mode == "constant" else {}
        want = np.pad(array, list(zip(before, after, strict=True)), mode=mode, **value)
        more = {"value": 7} if mode == "constant" else {}
        out = volume(array, AFFINES["oblique"]).pad(before=before, after=after, mode=mode, **more)
        equal(out, want)
        moved = world(AFFINES["oblique"], -np.array(before))
        np.testing.assert_allclose(out.affine[:3, 3], moved, atol=AFFINE_TOLERANCE)


def test_pad_fills_in_real_units_of_a_scaled_file(tmp_path):
    import medoxide as mx

    raw = random_array((4, 5, 6), "int16")
    path = write_scaled(tmp_path / "a.nii", raw, 0.5, -7.0)
    out = np.asarray(mx.load(path).pad(2, value=-1000.25))
    want = (raw * 0.5 - 7).astype(np.float32)
    np.testing.assert_array_equal(out, np.pad(want, 2, constant_values=-1000.25))


# Every pair of odd and even lengths, larger, smaller and equal.
TARGETS = [(7, 11, 13), (8, 12, 14), (6, 10, 12), (9, 8, 16), (1, 2, 3), (20, 3, 13)]


def by_monais_rule(array, target):
    """Crop centred at n // 2, then pad with the odd voxel behind."""
    out = array
    for axis, m in enumerate(target):
        n = out.shape[axis]
        if n > m:
            start = n // 2 - m // 2
            out = np.take(out, range(start, start + m), axis)
        elif n < m:
            pads = [(0, 0)] * 3
            pads[axis] = ((m - n) // 2, m - n - (m - n) // 2)
            out = np.pad(out, pads)
    return out


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_crop_or_pad_by_numpy(shape, target):
    array = random_array(shape, "int16")
    equal(volume(array).crop_or_pad(target), by_monais_rule(array, target))


@pytest.mark.peers
@pytest.mark.parametrize("target", TARGETS)
def test_crop_or_pad_is_monais(target):
    import torch
    from monai.data import MetaTensor
    from monai.transforms import ResizeWithPadOrCrop

    array, affine = random_array((7, 11, 13)), AFFINES["oblique_permuted"]
    tensor = MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(affine))
    want = ResizeWithPadOrCrop(target)(tensor)
    equal(volume(array, affine).crop_or_pad(target), want.numpy()[0], want.affine.numpy())


@pytest.mark.peers
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA", "AIL"])
@pytest.mark.parametrize("name", ["flipped", "oblique", "oblique_permuted"])
def test_reorient_is_monais(name, codes):
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Orientation

    array, affine = random_array((5, 6, 7)), AFFINES[name]
    tensor = MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(affine))
    sides = (("L", "R"), ("P", "A"), ("I", "S"))
    want = Orientation(axcodes=codes, labels=sides)(tensor)
    equal(volume(array, affine).reorient(codes), want.numpy()[0], want.affine.numpy())


@pytest.mark.peers
def test_flip_and_rot90_are_monais_affine_included():
    import torch
    from monai.data import MetaTensor
    from monai.transforms import Flip, Rotate90

    array, affine = random_array((5, 6, 7)), AFFINES["oblique"]
    tensor = MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(affine))
    for axes in ([0], [1, 2], [0, 1, 2]):
        want = Flip(axes)(tensor)
        equal(volume(array, affine).flip(axes), want.numpy()[0], want.affine.numpy())
    for k, axes in itertools.product((1, 2, 3), ((0, 1), (0, 2), (1, 2))):
        want = Rotate90(k, axes)(tensor)
        equal(volume(array, affine).rot90(k, axes=axes), want.numpy()[0], want.affine.numpy())


@pytest.mark.peers
def test_reorient_and_crop_or_pad_are_torchios():
    import torch
    import torchio as tio

    array, affine = random_array((5, 6, 7)), AFFINES["oblique_permuted"]
    image = tio.ScalarImage(tensor=torch.from_numpy(array)[None], affine=affine)
    want = tio.ToCanonical()(image)
    equal(volume(array, affine).reorient("RAS"), want.data.numpy()[0], want.affine)
    want = tio.Pad((1, 2, 0, 3, 4, 0))(image)  # x before, x after, y before, ...
    out = volume(array, affine).pad(before=(1, 0, 4), after=(2, 3, 0))
    equal(out, want.data.numpy()[0], want.affine)


def by_hand(array, above, margin, divisible):
    """The foreground's box, grown; zeros where it leaves the volume."""
    found = np.argwhere(array > above)
    low = np.maximum(found.min(0) - margin, 0)
    high = np.minimum(found.max(0) + 1 + margin, array.shape)
    size = -(-(high - low) // divisible) * divisible
    start = low - (size - (high - low)) // 2
    padded = np.pad(array, divisible)
    box = tuple(slice(s + divisible, s + divisible + m) for s, m in zip(start, size, strict=True))
    return padded[box], start


def sparse(shape, seed=0):
    array = np.zeros(shape, np.float32)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        array[tuple(rng.integers(0, shape))] = rng.uniform(0.5, 3)
    return array


@pytest.mark.parametrize("margin", [0, 2, (1, 0, 3)])
@pytest.mark.parametrize("divisible", [1, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_crop_foreground_by_hand(shape, divisible, margin):
    array, affine = sparse(shape), AFFINES["oblique"]
    want, start = by_hand(array, 0.25, margin, divisible)
    out = volume(array, affine).crop_foreground(0.25, margin=margin, divisible=divisible)
    equal(out, want)
    np.testing.assert_allclose(out.affine[:3, 3], world(affine, start), atol=AFFINE_TOLERANCE)


@pytest.mark.peers
@pytest.mark.parametrize("margin", [0, 1, 3])
@pytest.mark.parametrize("divisible", [1, 4, 8])
def test_crop_foreground_is_monais(divisible, margin):
    import torch
    from monai.data import MetaTensor
    from monai.transforms import CropForeground

    for seed in range(5):
        array, affine = sparse((19, 23, 17), seed), AFFINES["oblique_permuted"]
        crop = CropForeground(margin=margin, k_divisible=divisible, allow_smaller=True)
        want = crop(MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(affine)))
        out = volume(array, affine).crop_foreground(margin=margin, divisible=divisible)
        equal(out, want.numpy()[0], want.affine.numpy())


@pytest.mark.peers
def test_crop_foreground_of_the_template_is_numpys_box():
    image = head()
    array = np.asarray(image.dataobj)
    found = np.argwhere(array > 0)
    low, high = found.min(0), found.max(0) + 1
    out = volume(array, image.affine).crop_foreground()
    equal(out, array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    np.testing.assert_allclose(out.affine[:3, 3], world(image.affine, low), atol=AFFINE_TOLERANCE)


def test_random_crop_keeps_image_and_label_aligned():
    import medoxide as mx

    array = np.arange(17 * 13 * 11, dtype=np.int32).reshape(17, 13, 11)
    affine = AFFINES["oblique_permuted"]
    starts = set()
    for seed in range(30):
        pipe = mx.Pipeline([mx.RandomCrop(shape=(5, 4, 3))], seed=seed)
        sample = {"image": volume(array, affine), "label": volume(array.astype(np.uint16), affine, "label")}
        out = pipe(sample)
        image, label = np.asarray(out["image"]), np.asarray(out["label"])
        assert image.shape == label.shape == (5, 4, 3)
        np.testing.assert_array_equal(image, label)
        np.testing.assert_array_equal(out["image"].affine, out["label"].affine)
        start = np.array(np.unravel_index(image[0, 0, 0], array.shape))
        np.testing.assert_array_equal(image, array[tuple(slice(s, s + n) for s, n in zip(start, image.shape, strict=True))])
        np.testing.assert_allclose(out["image"].affine[:3, 3], world(affine, start), atol=AFFINE_TOLERANCE)
        starts.add(tuple(int(s) for s in start))
    assert len(starts) > 20
