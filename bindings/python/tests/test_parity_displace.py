"""Displacements by given fields, against SimpleITK, torch and MONAI."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from given import AFFINES, affine_of, blobs, close_to, indices, labels, volume, world

import medoxide as mx

pytestmark = pytest.mark.peers

# float32 voxels, weights and vectors; coordinates are float64.
LINEAR = 1e-5


def field(shape, most=2.0, seed=3) -> np.ndarray:
    """Vectors up to `most`, (x, y, z, 3)."""
    return np.random.default_rng(seed).uniform(-most, most, (*shape, 3)).astype(np.float32)


def tensor(array):
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def grid_sample(array, at, mode="bilinear"):
    """torch's samples at voxel coordinates (x, y, z, 3), edge voxels beyond the edge."""
    import torch

    size = np.array(array.shape)
    grid = (2 * at + 1) / size - 1
    grid = tensor(grid[..., ::-1].astype(np.float64))[None]
    given = tensor(array.astype(np.float64))[None, None]
    return torch.nn.functional.grid_sample(given, grid, mode=mode, padding_mode="border", align_corners=False)[0, 0].numpy()


@pytest.mark.parametrize("shape", [(17, 13, 11), (24, 1, 9), (5, 31, 2)])
def test_a_dense_field_is_grid_samples(shape):
    array, moved = blobs(shape), field(shape)
    moved[..., [n == 1 for n in shape]] = 0  # a picture stays in its plane
    found = volume(array).displace(moved, unit="voxels")
    close_to(found, grid_sample(array, indices(shape) + moved), LINEAR)
    seg = labels(shape, (0, 1, 2))
    found = volume(seg, role="label").displace(moved, unit="voxels").numpy()
    np.testing.assert_array_equal(found, grid_sample(seg, indices(shape) + moved, "nearest"))


def test_a_dense_field_is_monais_warp():
    from monai.networks.blocks import Warp

    array, moved = blobs((19, 17, 14)), field((19, 17, 14))
    want = Warp("bilinear", "border")(tensor(array)[None, None], tensor(np.moveaxis(moved, -1, 0))[None])[0, 0].numpy()
    close_to(volume(array).displace(moved, unit="voxels"), want, 2e-5)


@pytest.mark.parametrize("coarse", [(7, 5, 6), (1, 1, 1), (40, 3, 11)])
def test_a_field_of_another_shape_spans_the_volume(coarse):
    import torch

    shape, affine = (21, 18, 16), AFFINES["oblique"]
    array, moved = blobs(shape), field(coarse)
    dense = torch.nn.functional.interpolate(
        tensor(np.moveaxis(moved, -1, 0))[None].double(), shape, mode="trilinear", align_corners=False
    )
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(0))
    at = indices(shape) + 0.5 * np.moveaxis(dense[0].numpy(), 0, -1) / spacing
    close_to(volume(array, affine).displace(moved, scale=0.5), grid_sample(array, at), LINEAR)


@pytest.mark.parametrize("frame", ["lps", "ras"])
@pytest.mark.parametrize("name", AFFINES)
def test_a_field_on_a_grid_of_its_own_is_simpleitks(name, frame):
    import SimpleITK as sitk
    from torchio.data.io import nib_to_sitk

    affine, shape = AFFINES[name], (23, 19, 17)
    array = blobs(shape)
    # Turned against the volume, coarser, and wider on all sides: beyond its field ITK displaces nothing.
    centre = world(affine, (np.array(shape) - 1) / 2)
    own = affine_of(np.array([[4.0, 0.5, 0.0], [-0.4, 5.0, 0.3], [0.2, 0.0, 6.0]]))
    own[:3, 3] = centre - own[:3, :3] @ np.array([8.0, 8.0, 8.0])
    # A rotation, since ITK's images are not sheared.
    u, _, v = np.linalg.svd(own[:3, :3])
    own[:3, :3] = (u @ v) @ np.diag([4.0, 5.0, 6.0])
    own[:3, 3] = centre - own[:3, :3] @ np.array([8.0, 8.0, 8.0])
    moved = field((17, 17, 17), 3.0)
    lps = moved.astype(np.float64) * ([-1, -1, 1] if frame == "ras" else [1, 1, 1])
    vectors = sitk.GetImageFromArray(lps.transpose(2, 1, 0, 3), isVector=True)
    place = nib_to_sitk(np.zeros((1, 17, 17, 17), np.float32), own)
    vectors.CopyInformation(place)
    image = nib_to_sitk(array[None], affine)
    transform = sitk.DisplacementFieldTransform(sitk.Cast(vectors, sitk.sitkVectorFloat64))
    want = sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear, 1e3)).transpose(2, 1, 0)
    given = {"frame": frame, "field_affine": own.tolist()}
    found = volume(array, affine).displace(moved, **given).numpy()
    ramps = np.moveaxis(indices(shape), -1, 0).astype(np.float32)
    at = np.stack([volume(r, affine).displace(moved, **given, mode="constant", value=-1e6).numpy() for r in ramps], -1)
    inside = ((at >= 0) & (at <= np.array(shape) - 1)).all(-1)
    # Coordinates go through the world and back: 1e-6 mm of some 100.
    close_to(found[inside], want[inside], 3e-5)
    assert inside.mean() > 0.3


def test_a_file_is_its_numbers(tmp_path):
    import nibabel as nib

    shape, affine = (13, 11, 10), AFFINES["oblique"]
    moved = field((6, 7, 5))
    own = affine @ np.diag([2.4, 1.7, 2.2, 1.0])
    image = nib.Nifti1Image(moved[:, :, :, None], own)
    image.header.set_intent("vector")
    path = tmp_path / "field.nii.gz"
    nib.save(image, path)
    v = volume(blobs(shape), affine)
    by_file = mx.Displace(path, frame="lps")
    want = v.displace(moved, frame="lps", field_affine=nib.load(path).affine.tolist()).numpy()
    np.testing.assert_array_equal(by_file(v).numpy(), want)
    pipe = mx.Pipeline([by_file])
    for again in (mx.Pipeline.from_yaml(pipe.to_yaml()), pickle.loads(pickle.dumps(pipe)), pipe.drawn(v)):
        np.testing.assert_array_equal(again(v).numpy(), want)
    text = pipe.to_yaml()
    assert len(text) < 1000 and "digest" in text
    nib.save(nib.Nifti1Image(moved[:, :, :, None] + 1, own), path)
    with pytest.raises(mx.ParamError, match="digest"):
        mx.Pipeline.from_yaml(text)
    with pytest.raises(FileNotFoundError):
        mx.Displace(tmp_path / "none.nii")
    nib.save(nib.Nifti1Image(moved[..., :2], own), path)
    with pytest.raises(mx.MedoxideError, match="three"):
        mx.Displace(path)


def test_a_field_joins_its_neighbours_and_moves_landmarks():
    array = blobs((25, 23, 21))
    moved = 4 * np.stack([blobs((6, 5, 7), seed) for seed in range(3)], -1)
    pipe = mx.Pipeline([mx.Affine((5, -8, 12)), mx.Displace(moved), mx.Elastic(4.0)], seed=2)
    out = pipe(volume(array))
    assert out.explain().count("interpolate") == 1
    # A bright spot goes where its landmark goes.
    spot = np.exp(-((indices((25, 23, 21)) - [11, 13, 9]) ** 2).sum(-1) / 4).astype(np.float32)
    sample = {"image": volume(spot), "points": np.array([[11.0, 13.0, 9.0]])}
    made = mx.Pipeline([mx.Displace(moved)])(sample)
    image = made["image"].numpy().astype(np.float64)
    middle = (indices(image.shape) * image[..., None]).sum((0, 1, 2)) / image.sum()
    mark = made["points"][0]
    assert np.abs(mark - middle).max() < 0.5 < np.abs(mark - [11, 13, 9]).max()


def test_wrong_fields_are_told():
    v = volume(blobs((5, 6, 7)))
    with pytest.raises(mx.ParamError, match="field"):
        mx.Displace([[[[1, 2]]]])
    with pytest.raises(mx.ParamError, match="each voxel"):
        mx.Displace([[[[1, 2, 3]]], [[[1, 2, 3], [1, 2, 3]]]])
    with pytest.raises(mx.ParamError, match="field_affine"):
        mx.Displace([[[[1, 2, 3]]]], field_affine=np.zeros((4, 4)).tolist())
    with pytest.raises(mx.ParamError, match="unit"):
        v.displace([[[[1, 2, 3]]]], unit="voxels", frame="lps").numpy()
