"""Interpolation on other grids, against SciPy in float64, SimpleITK, torch and MONAI."""

from __future__ import annotations

import itertools

import numpy as np
import oracle
import pytest
from given import AFFINES, SHAPES, blobs, close_to, head, random_array, small_head, volume

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")]

# float32 results of float64 coordinates: the fraction has 24 bits and eight products are summed, which
# stays below 2e-6 of the largest magnitude; 1e-5 leaves room for steep neighbours.
LINEAR = 1e-5

SPACINGS = [(1.0, 1.0, 1.0), (0.5, 2.6, 1.05), (1.4, 0.65, 6.3), 0.9]


def by_world(array, affine, out, order):
    coordinates = oracle.voxel_coordinates(affine, out.affine, out.shape)
    # The field of view is the input's: what lies beyond the outermost centres is the edge voxel.
    return oracle.sample(array, coordinates, order)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", AFFINES)
def test_linear_is_scipy_in_world_coordinates(name, spacing):
    array, affine = random_array((17, 13, 11)), AFFINES[name]
    out = volume(array, affine).resample(spacing)
    have = np.sqrt((affine[:3, :3] ** 2).sum(0))
    wanted = np.broadcast_to(spacing, 3)
    assert out.shape == oracle.resample_shape(array.shape, have, wanted)
    np.testing.assert_allclose(out.spacing, wanted, rtol=1e-12)
    np.testing.assert_allclose(
        out.affine, oracle.resampled_affine(affine, array.shape, out.shape, wanted / have), atol=1e-9
    )
    assert np.asarray(out).dtype == np.float32
    close_to(out, by_world(array, affine, out, 1), LINEAR, f"{name} {spacing}")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("target", [(5, 9, 20), (1, 1, 1), (14, 22, 26), (3, 3, 3)])
def test_linear_to_a_shape_on_odd_shapes(shape, target):
    array, affine = random_array(shape), AFFINES["oblique_permuted"]
    out = volume(array, affine).resample(shape=target)
    ratio = np.array(shape) / target
    assert out.shape == target
    np.testing.assert_allclose(out.affine, oracle.resampled_affine(affine, shape, target, ratio), atol=1e-9)
    close_to(out, by_world(array, affine, out, 1), LINEAR)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float64"])
def test_linear_of_other_dtypes_is_float32(dtype):
    array, affine = random_array((9, 10, 11), dtype), AFFINES["oblique"]
    out = volume(array, affine).resample((1.0, 1.0, 1.0))
    assert np.asarray(out).dtype == np.float32
    close_to(out, by_world(array, affine, out, 1), LINEAR, dtype)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", AFFINES)
def test_nearest_copies_voxels_in_their_dtype(name, dtype):
    array, affine = random_array((17, 13, 11), dtype), AFFINES[name]
    for spacing in [(1.1, 0.9, 1.7), (0.5, 2.9, 1.05), 0.77]:  # no ratio of 2, whose centres all lie on halves
        out = volume(array, affine).resample(spacing, interpolation="nearest")
        coordinates = oracle.voxel_coordinates(affine, out.affine, out.shape)
        want, sure = oracle.nearest(array, coordinates)
        got = np.asarray(out)
        assert got.dtype == array.dtype
        np.testing.assert_array_equal(got[sure], want[sure])
        assert sure.mean() > 0.5
        by_scipy = oracle.sample(array.astype(np.float64), coordinates, order=0)
        np.testing.assert_array_equal(got[sure].astype(np.float64), by_scipy[sure])


def test_nearest_takes_the_upper_voxel_at_a_half():
    # Two voxels to one: every output centre lies on a half.
    # Also where spacings are no binary fractions and the grid is oblique: never now this one, now that.
    array = np.arange(48, dtype=np.int16)[:, None, None].repeat(3, 1).repeat(5, 2)
    for axis, name in itertools.product(range(3), AFFINES):
        v = volume(np.moveaxis(array, 0, axis), AFFINES[name])
        for factor in (2, 4):
            spacing = np.array(v.spacing)
            spacing[axis] *= factor
            out = np.moveaxis(np.asarray(v.resample(spacing, interpolation="nearest")), axis, 0)
            np.testing.assert_array_equal(out, array[factor // 2 :: factor])


def test_nan_spreads_only_to_its_neighbours():
    array = random_array((9, 9, 9))
    array[4, 5, 3] = np.nan
    out = volume(array).resample((0.7, 1.3, 0.9))
    coordinates = oracle.voxel_coordinates(np.eye(4), out.affine, out.shape)
    near = np.all(np.abs(coordinates - (4, 5, 3)) < 1 - 1e-6, -1)
    got = np.asarray(out)
    assert np.isnan(got[near]).all()
    far = np.any(np.abs(coordinates - (4, 5, 3)) > 1 + 1e-6, -1)
    clean = np.nan_to_num(array)
    close_to(got[far], oracle.sample(clean, coordinates)[far], LINEAR)


def test_the_template_at_coarser_spacings():
    image = head()
    array = np.asarray(image.dataobj, np.float32)[30:160, 40:200, 20:150]
    for spacing in (2.0, 1.5):
        out = volume(array, image.affine).resample(spacing)
        close_to(out, by_world(array, image.affine, out, 1), LINEAR, f"{spacing} mm")


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
@pytest.mark.parametrize("name", ["anisotropic", "oblique", "oblique_permuted"])
def test_simpleitk_on_our_output_grid(name, interpolation):
    import SimpleITK as sitk

    def place(image, affine):
        lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3]
        spacing = np.sqrt((lps[:, :3] ** 2).sum(0))
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps[:, :3] / spacing).ravel().tolist())
        image.SetOrigin(lps[:, 3].tolist())

    array, _ = small_head()
    affine = AFFINES[name]
    out = volume(array, affine).resample(shape=(60, 80, 45), interpolation=interpolation)
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    place(image, affine)
    like = sitk.Image([60, 80, 45], sitk.sitkFloat32)
    place(like, out.affine)
    kind = sitk.sitkLinear if interpolation == "linear" else sitk.sitkNearestNeighbor
    want = sitk.GetArrayFromImage(sitk.Resample(image, like, sitk.Transform(), kind, -1e6)).transpose(2, 1, 0)
    if interpolation == "linear":
        close_to(out, want, LINEAR)
        return
    _, sure = oracle.nearest(array, oracle.voxel_coordinates(affine, out.affine, out.shape))
    np.testing.assert_array_equal(np.asarray(out)[sure], want[sure])


@pytest.mark.parametrize("target", [(142, 146, 118), (35, 36, 29), (71, 73, 59), (100, 31, 77)])
def test_torch_interpolate_without_aligned_corners(target):
    import torch
    from torch.nn.functional import interpolate

    array, _ = small_head()
    tensor = torch.from_numpy(array)[None, None].double()
    want = interpolate(tensor, target, mode="trilinear", align_corners=False)[0, 0].numpy()
    close_to(volume(array).resample(shape=target), want, LINEAR)


@pytest.mark.parametrize("target", [(142, 146, 118), (213, 219, 177), (100, 31, 77), (50, 60, 40)])
def test_torch_nearest_exact(target):
    import torch
    from torch.nn.functional import interpolate

    array, _ = small_head()
    want = interpolate(torch.from_numpy(array)[None, None], target, mode="nearest-exact")[0, 0].numpy()
    out = volume(array).resample(shape=target, interpolation="nearest")
    _, sure = oracle.nearest(array, oracle.voxel_coordinates(np.eye(4), out.affine, out.shape))
    np.testing.assert_array_equal(np.asarray(out)[sure], want[sure])
    assert sure.mean() > 0.9


def test_monai_spacing_on_the_same_grid():
    import torch
    from monai.data import MetaTensor
    from monai.transforms import SpatialResample

    array, affine = small_head()
    out = volume(array, affine).resample((1.0, 1.5, 1.5))
    resample = SpatialResample(mode="bilinear", padding_mode="border", align_corners=False, dtype=torch.float64)
    tensor = MetaTensor(torch.from_numpy(array)[None], affine=torch.from_numpy(affine))
    want = resample(tensor, dst_affine=torch.from_numpy(out.affine.copy()), spatial_size=out.shape)
    close_to(out, want.numpy()[0], LINEAR)


def test_labels_are_resampled_nearest_whatever_is_asked():
    array = (blobs((20, 22, 18)) > 0).astype(np.uint8) * 3
    label = volume(array, AFFINES["oblique"], "label")
    out = np.asarray(label.resample(1.0))
    assert out.dtype == np.uint8
    assert set(np.unique(out)) == {0, 3}
    by_hand = volume(array, AFFINES["oblique"]).resample(1.0, interpolation="nearest")
    np.testing.assert_array_equal(out, np.asarray(by_hand))


@pytest.mark.parametrize("scale", [0.5, (0.25, 0.5, 1.0), (0.3, 0.77, 0.41), 0.1])
@pytest.mark.parametrize("shape", [(20, 24, 16), (21, 17, 13), (5, 25, 35), (1, 7, 9)])
def test_simulate_low_resolution_is_nnunets(shape, scale):
    # A shape of n * scale voxels is rounded as Python rounds: halves to even. The low-resolution voxels are
    # copied, so that only the linear step rounds: the linear tolerance holds.
    array = random_array(shape)
    each = np.broadcast_to(scale, 3)
    out = volume(array, AFFINES["oblique"]).simulate_low_resolution(scale)
    np.testing.assert_array_equal(out.affine, AFFINES["oblique"])
    close_to(out, oracle.low_resolution(array, each), LINEAR)


def test_simulate_low_resolution_is_batchgeneratorsv2s():
    import torch
    from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform

    array, _ = small_head()
    transform = SimulateLowResolutionTransform(0.5, True, True, None)
    for scale in (0.5, 0.6, 0.75):
        image = torch.from_numpy(array.copy())[None]
        parameters = {"apply_to_channel": [0], "scales": torch.tensor([[scale] * 3])}
        want = transform._apply_to_image(image, **parameters)[0].numpy()
        close_to(volume(array).simulate_low_resolution(scale), want, LINEAR)
