"""Random deformations against the libraries that they come from, with the same drawn numbers."""

from __future__ import annotations

import numpy as np
import pytest
from given import AFFINES, blobs, labels, random_array, volume

import medoxide as mx

pytestmark = pytest.mark.peers

INNER = np.s_[4:-4, 4:-4, 4:-4]


def close(found, wanted, tolerance=1e-4):
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    assert found.shape == wanted.shape
    worst = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert worst < tolerance, worst


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 1.5, 2.2)])
@pytest.mark.parametrize("counts", [(7, 7, 7), (5, 6, 8)])
def test_elastic_is_torchios_with_the_same_control_points(spacing, counts):
    import torch
    import torchio
    from torchio.transforms.augmentation.spatial.random_elastic_deformation import ElasticDeformation

    array = blobs((31, 27, 24))
    points = np.random.default_rng(3).uniform(-3, 3, (*counts, 3))
    affine = np.diag([*spacing, 1.0])
    image = torchio.ScalarImage(tensor=torch.from_numpy(array)[None], affine=affine)
    wanted = ElasticDeformation(points, (3.0, 3.0, 3.0))(image).data[0].numpy()
    # Theirs are numbered, and displaced, to the left and to posterior.
    own = (points[::-1, ::-1] * [-1, -1, 1]).transpose(2, 1, 0, 3).reshape(-1, 3)
    found = volume(array, affine).elastic(control_points=counts, displacements=own.tolist()).numpy()
    # Outside, ITK has the smallest value where we have the edge.
    close(found[INNER], wanted[INNER])
    assert np.abs(found - array)[INNER].max() > 0.1


@pytest.mark.parametrize("name", AFFINES)
def test_control_points_in_lps_are_torchios_on_any_grid(name):
    import torch
    import torchio
    from torchio.transforms.augmentation.spatial.random_elastic_deformation import ElasticDeformation

    counts, affine = (5, 6, 8), AFFINES[name]
    array = blobs((31, 27, 24)) + 3
    points = np.random.default_rng(3).uniform(-2, 2, (*counts, 3))
    image = torchio.ScalarImage(tensor=torch.from_numpy(array)[None], affine=affine)
    wanted = ElasticDeformation(points, (2.0, 2.0, 2.0))(image).data[0].numpy()
    own = points.transpose(2, 1, 0, 3).reshape(-1, 3)
    found = volume(array, affine).elastic(control_points=counts, displacements=own, frame="lps", mode="smallest").numpy()
    close(found[INNER], wanted[INNER])
    assert np.abs(found - array)[INNER].max() > 0.1


@pytest.mark.parametrize("cells", [2, 5])
def test_grid_distortion_is_monais_with_the_same_steps(cells):
    import torch
    from monai.transforms import GridDistortion

    array = blobs((33, 25, 21))
    steps = np.random.default_rng(5).uniform(0.8, 1.2, (3, cells + 1)).tolist()
    move = GridDistortion(cells, steps, mode="bilinear", padding_mode="border")
    wanted = move(torch.from_numpy(array)[None])[0].numpy()
    found = volume(array).grid_distortion(cells=cells, steps=steps).numpy()
    close(found, wanted, 1e-5)
    seg = labels((33, 25, 21), (0, 1, 2))
    nearest = GridDistortion(cells, steps, mode="nearest", padding_mode="border")
    wanted = nearest(torch.from_numpy(seg.astype(np.float32))[None])[0].numpy()
    found = volume(seg, role="label").grid_distortion(cells=cells, steps=steps).numpy()
    assert found.dtype == np.uint8
    assert np.mean(found != wanted) < 0.01  # halves are rounded to even there


@pytest.mark.parametrize("factor", [(1.3, 1.3, 1.3), (0.7, 0.8, 0.9), (0.75, 1.4, 1.0)])
@pytest.mark.parametrize("keep", [True, False])
def test_zoom_is_monais(factor, keep):
    import torch
    from monai.transforms import Zoom

    array = random_array((19, 16, 23))
    move = Zoom(factor, mode="trilinear", padding_mode="edge", align_corners=False, keep_size=keep)
    wanted = move(torch.from_numpy(array)[None])[0].numpy()
    found = volume(array).zoom(factor, keep_shape=keep)
    close(found.numpy(), wanted, 1e-5)
    np.testing.assert_array_equal(found.affine, np.eye(4))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("factor", [2.0, 2.7])
def test_anisotropy_is_torchios(axis, factor):
    import torch
    import torchio

    array = blobs((33, 29, 30))
    image = torchio.ScalarImage(tensor=torch.from_numpy(array)[None])
    target = [1.0, 1.0, 1.0]
    target[axis] = factor
    low = torchio.Resample(tuple(target), image_interpolation="nearest")(image)
    wanted = torchio.Resample((image.spatial_shape, image.affine))(low).data[0].numpy()
    found = volume(array).anisotropy(factor, axes=axis).numpy()
    # Beyond the outermost centres ITK has zero. Halves go up here, to even or down there.
    differ = np.abs(found - wanted)[INNER] > 1e-4
    assert differ.mean() < (0.6 if factor == 2.0 else 0.02)


def test_swap_is_torchios_with_the_same_places():
    import torch
    from torchio.transforms.augmentation.intensity.random_swap import _swap

    array = random_array((21, 18, 16))
    rng = np.random.default_rng(7)
    places = [[rng.integers(0, 8, 3).tolist(), rng.integers(9, 12, 3).tolist()] for _ in range(20)]
    wanted = _swap(torch.from_numpy(array)[None], (8, 6, 4), places)[0].numpy()
    found = volume(array).swap((8, 6, 4), places=places).numpy()
    np.testing.assert_array_equal(found, wanted)


def one_hot_scores(segmentation, grid, outside, labels):
    """Shares of labels at each voxel, in float64; what lies outside has a label of its own."""
    import torch

    out = []
    for label in labels:
        shift = 1.0 if label == outside else 0.0
        channel = torch.from_numpy((segmentation == label).astype(np.float64) - shift)[None, None]
        score = torch.nn.functional.grid_sample(channel, grid[None].double(), align_corners=False)
        out.append(score[0, 0].numpy() + shift)
    return np.stack(out)


@pytest.mark.parametrize("angles, scales", [((0.3, -0.2, 0.4), (0.8, 0.8, 0.8)), ((0.5, 0.1, -0.6), (1.4, 0.7, 1.1))])
@pytest.mark.parametrize("patch", [(24, 24, 24), (19, 26, 31)])
def test_affine_and_crop_are_nnunets_spatial_transform(angles, scales, patch):
    import torch
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

    shape = (31, 28, 33)
    array, seg = blobs(shape), labels(shape, (0, 1, 2), dtype="int8")
    move = SpatialTransform(
        patch,
        [p / 2 for p in patch],
        random_crop=False,
        p_rotation=1,
        rotation=lambda image, dim: angles[dim],
        p_scaling=1,
        scaling=lambda image, dim: scales[dim],
        border_mode_seg="constant",
        padding_value_seg=-1,
        seg_tiebreak="lowest",
    )
    data = {"image": torch.from_numpy(array)[None], "segmentation": torch.from_numpy(seg)[None]}
    drawn = move.get_parameters(**data)
    wanted = move._apply_to_image(data["image"], **drawn)[0].numpy()
    wanted_seg = move._apply_to_segmentation(data["segmentation"], **drawn)[0].numpy()

    # Half a voxel between the centres where lengths differ by an odd number: the grid is shifted before it is turned.
    half = np.array([((n - p) % 2) / 2 for n, p in zip(shape, patch, strict=True)])
    turn = mx.Affine(
        rotate=tuple(np.degrees(angles).tolist()),
        scale=scales,
        translate=tuple((drawn["affine"] @ half).tolist()),
        moves="grid",
        unit="voxels",
        mode="constant",
        label_interpolation="linear",
        label_value=-1,
    )
    cut = mx.Crop(start=[(n - p) // 2 for n, p in zip(shape, patch, strict=True)], shape=list(patch))
    out = mx.Pipeline([turn, cut])({"image": volume(array), "seg": volume(seg, role="label")})
    close(out["image"].numpy(), wanted, 2e-5)
    found = out["seg"].numpy()
    assert found.dtype == np.int8
    scores = one_hot_scores(seg, drawn["grid"], -1, (-1, 0, 1, 2))
    top = np.sort(scores, axis=0)
    # They compare scores of float16, in steps of 0.0005.
    clear = top[-1] - top[-2] > 1.1e-3
    np.testing.assert_array_equal(found[clear], wanted_seg[clear])
    np.testing.assert_array_equal(found[clear], scores.argmax(0)[clear] - 1)
    assert clear.mean() > 0.98 and {-1, 0, 1, 2} >= set(np.unique(found)) and len(np.unique(found)) > 3


def test_rotated_grid_in_voxels_is_monais():
    import torch
    from monai.transforms import Affine

    array = blobs((21, 24, 18))
    move = Affine((0.0, 0.0, 0.35), scale_params=(1.2, 0.9, 1.1), padding_mode="reflection", image_only=True)
    wanted = move(torch.from_numpy(array)[None])[0].numpy()
    found = volume(array).affine_transform(
        (0, 0, float(np.degrees(0.35))), scale=(1.2, 0.9, 1.1), moves="grid", unit="voxels", mode="symmetric"
    )
    close(found.numpy(), wanted, 2e-5)


def test_elastic_noise_is_as_strong_and_smooth_as_monais():
    from monai.transforms import Rand3DElastic

    shape, sigma, magnitude = (40, 40, 40), 4.0, 60.0
    ramp = np.indices(shape, dtype=np.float32)[0]
    ours, theirs = [], []
    for seed in range(12):
        move = Rand3DElastic((sigma, sigma), (magnitude, magnitude), prob=1.0, padding_mode="border")
        move.set_random_state(seed)
        theirs.append(np.asarray(move(ramp[None])[0]) - ramp)
        noise = volume(ramp).elastic_noise(magnitude, sigma=sigma, seed=seed)
        ours.append(noise.numpy() - ramp)
    middle = np.s_[:, 12:-12, 12:-12, 12:-12]
    ours, theirs = np.stack(ours)[middle], np.stack(theirs)[middle]
    # Of twelve fields of some eight independent places each.
    assert abs(ours.std() / theirs.std() - 1) < 0.2
    steps = [np.diff(field, axis=2).std() / field.std() for field in (ours, theirs)]
    assert abs(steps[0] / steps[1] - 1) < 0.15
