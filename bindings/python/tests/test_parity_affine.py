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


ANGLES = (17.0, -28.0, 41.0)


@pytest.mark.parametrize("order", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_orders_of_rotations_are_scipys_about_fixed_axes(order):
    from scipy.spatial.transform import Rotation

    array, affine = blobs((17, 13, 11)), AFFINES["anisotropic"]
    out = volume(array, affine).affine_transform(ANGLES, order=order)
    turn = Rotation.from_euler(order, [ANGLES["xyz".index(a)] for a in order], degrees=True).as_matrix()
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(0))
    centre = affine_of(np.eye(3), -(np.array(array.shape) - 1) / 2)
    to_mm = affine_of(np.diag(spacing)) @ centre
    back = np.linalg.inv(to_mm) @ np.linalg.inv(affine_of(turn)) @ to_mm
    close_to(out, oracle.sample(array, world(back, indices(array.shape))), LINEAR, order)


def test_all_of_monais_affine_at_once():
    import torch
    from monai.transforms import Affine

    array = blobs((21, 24, 18))
    turn, scale, shift, (xy, xz, yz) = (0.3, -0.2, 0.45), (1.2, 0.9, 1.1), (1.5, -2.0, 0.7), (0.1, -0.15, 0.2)
    peer = Affine(turn, (xy, xz, 0, yz, 0, 0), shift, scale, padding_mode="border", image_only=True)
    want = peer(torch.from_numpy(array)[None])[0].numpy()
    found = volume(array).affine_transform(
        np.degrees(turn).tolist(),
        scale=scale,
        shear=(xy, xz, yz),
        translate=shift,
        moves="grid",
        unit="voxels",
        order="zyx",
        sequence=["scale", "translate", "shear", "rotate"],
        mode="edge",
    )
    # Their grid is one of float32.
    close_to(found, want, 2e-5)


@pytest.mark.parametrize("name", AFFINES)
def test_torchios_affine_about_the_axes_of_the_world(name):
    import torch
    import torchio as tio

    array, affine = blobs((21, 24, 18)) + 3, AFFINES[name]
    scale, shift = (1.2, 0.85, 1.1), (2.0, -3.0, 1.5)
    peer = tio.Affine(scale, ANGLES, shift)
    tell = lambda a: peer(tio.ScalarImage(tensor=torch.from_numpy(a), affine=affine)).data.numpy()
    found = volume(array, affine).affine_transform(
        ANGLES,
        scale=scale,
        translate=shift,
        frame="ras",
        order="yxz",
        sequence=["rotate", "translate", "shear", "scale"],
        mode="smallest",
    )
    at = np.moveaxis(tell(np.moveaxis(indices(array.shape), -1, 0).astype(np.float32)), 0, -1)
    # Within a voxel of the faces we blend with what is outside; ITK ends half a voxel outside them.
    inside = ((at > 1e-3) & (at < np.array(array.shape) - 1 - 1e-3)).all(-1)
    found, want = np.asarray(found), tell(array[None])[0]
    close_to(found[inside], want[inside], LINEAR)
    # Far outside there is the smallest value.
    far = ndimage_far(inside)
    np.testing.assert_array_equal(found[far], array.min())
    np.testing.assert_array_equal(want[far], array.min())
    assert inside.mean() > 0.2 and far.mean() > 0.02


def ndimage_far(inside):
    """Voxels that are a few voxels away from all that are inside."""
    from scipy import ndimage

    return ~ndimage.binary_dilation(inside, iterations=5)


def test_the_smallest_value_outside_is_the_images_and_labels_have_theirs():
    import medoxide as mx

    array = blobs((15, 14, 13)) - 5
    sample = {"t1": volume(array), "t2": volume(array * 7), "label": volume((array > -5).astype(np.uint8), role="label")}
    move = {"translate": (40, 0, 0), "mode": "smallest", "label_value": 3}
    out = mx.Pipeline([mx.Affine(**move), mx.Flip(axes="x")])(sample)
    assert (out["t1"].numpy() == array.min()).all() and (out["t2"].numpy() == (array * 7).min()).all()
    assert (out["label"].numpy() == 3).all()
    padded = volume(array).pad(2, mode="smallest").numpy()
    np.testing.assert_array_equal(padded, np.pad(array, 2, constant_values=array.min()))
    # A crop brings nothing in, and measures nothing.
    cut = volume(array).crop_or_pad(9, mode="smallest")
    assert "smallest" not in cut.explain() and cut.shape == (9, 9, 9)
    for bad in (
        {"sequence": ["scale", "scale", "rotate", "translate"]},
        {"frame": "ras", "unit": "voxels"},
    ):
        with pytest.raises(mx.ParamError, match=next(iter(bad)) if "frame" not in bad else "unit"):
            volume(array).affine_transform(5, **bad).numpy()
