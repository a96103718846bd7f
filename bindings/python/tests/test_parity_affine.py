"""Deformations, against SciPy with the equivalent matrix, SimpleITK and MONAI."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from given import AFFINES, SHAPES, affine_of, blobs, close_to, indices, random_array, small_head, volume, world

pytestmark = pytest.mark.peers

# As for resampling: float32 weights of float64 coordinates. With oblique maps all three fractions are
# rounded; noise of both signs cancels, so that errors are relative to the largest magnitude.
LINEAR = 1e-5

MAPS = {
    "turn": {"rotate": (10, 0, 0)},
    "turns": {"rotate": (12, -7, 33)},
    "half": {"rotate": (0, 0, 180)},
    "scale": {"scale": 1.05},
    "scales": {"scale": (0.8, 1.25, 1.0)},
    "shear": {"shear": (0.1, -0.2, 0.05)},
    "shift": {"translate": (1.3, -2.6, 0.4)},
    "all": {"rotate": (5, -11, 23), "scale": (1.1, 0.9, 1.2), "shear": (0.05, 0.1, -0.1), "translate": (2, -1, 3)},
}
MODES = list(oracle.SCIPY_MODE)


def by_scipy(array, affine, mode, value=0.0, order=1, **parameters):
    back = oracle.deformation(array.shape, affine, **parameters)
    return oracle.sample(array, world(back, indices(array.shape)), order, mode, value)


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("which", MAPS)
def test_every_map_on_every_grid(which, name):
    array, affine = blobs((17, 13, 11)), AFFINES[name]
    out = volume(array, affine).affine_transform(**MAPS[which])
    np.testing.assert_array_equal(out.affine, affine)
    close_to(out, by_scipy(array, affine, "edge", **MAPS[which]), LINEAR, f"{which} {name}")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_mode_on_odd_shapes(shape, mode):
    array, affine = random_array(shape), AFFINES["oblique"]
    for which in ("turns", "all"):
        value = 50.0 if mode == "constant" else 0.0
        out = volume(array, affine).affine_transform(**MAPS[which], mode=mode, value=value)
        close_to(out, by_scipy(array, affine, mode, value, **MAPS[which]), LINEAR, f"{which} {mode}")


@pytest.mark.parametrize("mode", MODES)
def test_far_outside(mode):
    # Shifts by several times the volume: each mode's continuation has no end.
    array, affine = random_array((7, 5, 6)), AFFINES["anisotropic"]
    parameters = {"rotate": (0, 0, 20), "translate": (31.7, -19.3, 44.1)}
    out = volume(array, affine).affine_transform(**parameters, mode=mode, value=3.5)
    close_to(out, by_scipy(array, affine, mode, 3.5, **parameters), LINEAR, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_nearest_in_every_mode(dtype, mode):
    array, affine = random_array((17, 13, 11), dtype), AFFINES["oblique_permuted"]
    back = oracle.deformation(array.shape, affine, **MAPS["all"])
    coordinates = world(back, indices(array.shape))
    out = np.asarray(volume(array, affine).affine_transform(**MAPS["all"], mode=mode, interpolation="nearest"))
    assert out.dtype == array.dtype
    want = oracle.sample(array, coordinates, 0, mode)
    sure = np.all(np.abs(coordinates + 0.5 - np.round(coordinates + 0.5)) > 1e-6, -1)
    np.testing.assert_array_equal(out[sure].astype(np.float64), want[sure])


def test_a_real_head_turned_by_ten_degrees():
    array, affine = small_head()
    parameters = {"rotate": (0, 0, 10), "scale": 1.05}
    out = volume(array, affine).affine_transform(**parameters)
    close_to(out, by_scipy(array, affine, "edge", **parameters), LINEAR)


def test_positive_angles_turn_x_to_y_and_lengths_are_millimetres():
    # A bright voxel 10 mm from the centre along x; after a quarter turn about z it lies 10 mm along y.
    array = np.zeros((21, 11, 5), np.float32)
    array[20, 5, 2] = 1.0  # 10 voxels of 1 mm from the centre
    affine = affine_of(np.diag([1.0, 2.0, 3.0]))
    out = np.asarray(volume(array, affine).affine_transform(rotate=(0, 0, 90), mode="constant"))
    assert np.unravel_index(out.argmax(), out.shape) == (10, 10, 2)  # 5 voxels of 2 mm


def test_one_angle_for_all_axes_is_that_angle_about_each():
    array = blobs((11, 12, 13))
    one = np.asarray(volume(array).affine_transform(15.0))
    np.testing.assert_array_equal(one, np.asarray(volume(array).affine_transform((15.0, 15.0, 15.0))))


def test_update_keeps_the_world_in_place():
    # With affine="update" a ramp in world coordinates stays that ramp, away from the edge.
    affine = AFFINES["oblique_permuted"]
    shape = (19, 17, 15)
    normal = np.array([0.3, -0.5, 0.8])
    ramp = (world(affine, indices(shape)) @ normal).astype(np.float32)
    out = volume(ramp, affine).affine_transform(**MAPS["all"], affine="update")
    back = np.linalg.inv(affine) @ out.affine
    inside = np.all((world(back, indices(shape)) >= 0) & (world(back, indices(shape)) <= np.array(shape) - 1), -1)
    want = world(out.affine, indices(shape)) @ normal
    assert inside.mean() > 0.2
    assert np.abs(np.asarray(out) - want)[inside].max() < 1e-3  # mm


def test_simpleitk_with_the_same_map():
    import SimpleITK as sitk

    array, _ = small_head()
    affine = affine_of(np.diag([0.9, 1.1, 1.6]))
    out = volume(array, affine).affine_transform(**MAPS["all"], mode="constant", value=-5.0)
    back = oracle.deformation(array.shape, affine, **MAPS["all"])
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(back[:3, :3].ravel().tolist())
    transform.SetTranslation(back[:3, 3].tolist())
    want = sitk.GetArrayFromImage(sitk.Resample(image, transform, sitk.sitkLinear, -5.0)).transpose(2, 1, 0)
    # ITK cuts to the constant half a voxel outside the outermost centres; inside they agree.
    at = world(back, indices(array.shape))
    inside = np.all((at >= 0) & (at <= np.array(array.shape) - 1), -1)
    close_to(np.asarray(out)[inside], want[inside], LINEAR)


def test_monai_affine_with_the_same_map():
    import torch
    from monai.transforms import Affine

    array, _ = small_head()
    out = volume(array).affine_transform(rotate=(0, 0, 10), scale=1.25, mode="constant")
    back = oracle.deformation(array.shape, np.eye(4), rotate=(0, 0, 10), scale=1.25)
    # MONAI's matrix acts about the centre, from output to input voxels.
    centre = affine_of(np.eye(3), (np.array(array.shape) - 1) / 2)
    matrix = np.linalg.inv(centre) @ back @ centre
    transform = Affine(affine=matrix, mode="bilinear", padding_mode="zeros", dtype=np.float64, image_only=True)
    want = transform(torch.from_numpy(array)[None]).numpy()[0]
    # MONAI interpolates in float64 but its grid is scaled to -1..1 and back: 1e-5 of the range holds.
    close_to(out, want, LINEAR)


def test_labels_ride_along_nearest():
    import medoxide as mx

    array, affine = blobs((20, 22, 18)), AFFINES["oblique"]
    seg = (array > 0).astype(np.int16) * 7
    sample = {"image": volume(array, affine), "label": volume(seg, affine, "label")}
    out = mx.Pipeline([mx.Affine(**MAPS["all"], mode="constant", value=-3)])(sample)
    label = np.asarray(out["label"])
    assert label.dtype == np.int16
    coordinates = world(oracle.deformation(array.shape, affine, **MAPS["all"]), indices(array.shape))
    want = oracle.sample(seg, coordinates, 0, "constant")  # labels are filled with 0, not with the image's value
    sure = np.all(np.abs(coordinates + 0.5 - np.round(coordinates + 0.5)) > 1e-6, -1)
    np.testing.assert_array_equal(label[sure], want[sure])
    close_to(out["image"], by_scipy(array, affine, "constant", -3.0, **MAPS["all"]), LINEAR)
