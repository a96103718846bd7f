"""The axis table of docs/python.md, each row a test.

All sizes of a volume are different, or all the same: nothing can be guessed.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp

TABLE = Path(__file__).parents[3] / "docs" / "python.md"


def test_every_row_of_the_table_has_its_test():
    page = TABLE.read_text().split("\n## Axes\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_0-9]+)` \|", page, flags=re.M)
    tests = [n.removeprefix("test_row_") for n in globals() if n.startswith("test_row_")]
    assert len(rows) >= 15
    assert sorted(rows) == sorted(tests)


def test_row_file(nii, array):
    v = mx.load(nii)
    assert v.shape == (5, 6, 7) and v.ndim == 3
    assert np.array_equal(np.asarray(v), array)
    assert np.array_equal(v.numpy(), array)
    assert np.array_equal(v.numpy(order="C"), array)


def test_row_file_frames(frames):
    v = mx.load(frames)
    assert v.shape == (5, 6, 7, 4)
    assert np.array_equal(np.asarray(v), ramp(5, 6, 7, 4))
    c = v.numpy(order="C")
    assert c.flags.c_contiguous and np.array_equal(c, ramp(5, 6, 7, 4))


@pytest.mark.peers
def test_row_torch(nii, array):
    t = mx.load(nii).torch()
    assert tuple(t.shape) == (1, 5, 6, 7) and t.is_contiguous()
    assert np.array_equal(t.numpy()[0], array)


@pytest.mark.peers
def test_row_torch_space(nii, array):
    t = mx.load(nii).torch(channel=False)
    assert tuple(t.shape) == (5, 6, 7) and t.is_contiguous()
    assert np.array_equal(t.numpy(), array)


@pytest.mark.peers
def test_row_torch_frames(frames):
    v = mx.load(frames)
    t = v.torch()
    assert tuple(t.shape) == (4, 5, 6, 7) and t.is_contiguous()
    assert np.array_equal(t.numpy(), np.moveaxis(ramp(5, 6, 7, 4), 3, 0))
    with pytest.raises(mx.ShapeError):
        v.torch(channel=False)
    # The first frame axis is the fastest.
    w = mx.Volume(ramp(2, 3, 4, 5, 6), channel_axis=(3, 4)).torch()
    assert tuple(w.shape) == (30, 2, 3, 4)
    assert np.array_equal(w.numpy()[2 + 5 * 3], ramp(2, 3, 4, 5, 6)[..., 2, 3])


@pytest.mark.peers
def test_row_dlpack(nii, array):
    import torch

    assert np.array_equal(np.from_dlpack(mx.load(nii)), array)
    t = torch.from_dlpack(mx.load(nii))
    assert np.array_equal(t.numpy(), array)
    t += 1
    assert np.array_equal(np.asarray(mx.load(nii)), array)


def test_row_array_2d(tmp_path):
    v = mx.Volume(ramp(5, 6))
    assert v.shape == (5, 6) and v.grid.shape == (5, 6, 1)
    assert v.flip("x").shape == (5, 6)
    assert v.pad(before=(0, 0, 1)).shape == (5, 6, 2)
    assert np.array_equal(np.asarray(v.flip("y")), ramp(5, 6)[:, ::-1])


@pytest.mark.parametrize("shape", [(5, 6, 7), (3, 3, 3), (1, 6, 7), (4, 6, 1), (3, 64, 64)])
def test_row_array_3d(shape):
    v = mx.Volume(ramp(*shape))
    assert v.shape == shape
    assert np.array_equal(np.asarray(v), ramp(*shape))


@pytest.mark.parametrize("shape", [(1, 5, 6, 7), (5, 6, 7, 1), (3, 5, 6, 7), (2, 3, 4, 5, 6)])
def test_row_array_4d(shape):
    with pytest.raises(mx.ShapeError, match="channel_axis"):
        mx.Volume(ramp(*shape))
    with pytest.raises(mx.ShapeError, match="channel_axis"):
        mx.ZNormalize()(ramp(*shape))
    with pytest.raises(mx.ShapeError):
        mx.Volume(ramp(5))


def test_row_channel_axis():
    a = ramp(2, 5, 6, 7)
    v = mx.Volume(a, channel_axis=0)
    assert v.shape == (5, 6, 7, 2)
    assert np.array_equal(np.asarray(v), np.moveaxis(a, 0, -1))
    assert np.array_equal(np.asarray(mx.Volume(a, channel_axis=-1)), a)
    assert mx.Volume(a, channel_axis=-1).shape == (2, 5, 6, 7)
    assert mx.Volume(ramp(2, 5, 6), channel_axis=0).shape == (5, 6, 1, 2)
    both = mx.Volume(ramp(2, 3, 4, 5, 6), channel_axis=(1, 0))
    assert both.shape == (4, 5, 6, 3, 2)
    assert np.array_equal(np.asarray(both), ramp(2, 3, 4, 5, 6).transpose(2, 3, 4, 1, 0))
    for bad in (4, -5, (0, 0)):
        with pytest.raises(mx.ParamError, match="channel_axis"):
            mx.Volume(a, channel_axis=bad)


def test_row_call_array():
    a = ramp(5, 6, 7, dtype="float32")
    out = mx.Flip(axes="x")(a)
    assert isinstance(out, np.ndarray) and out.flags.c_contiguous and out.flags.writeable
    assert np.array_equal(out, a[::-1])
    f = mx.Flip(axes="x")(np.asfortranarray(a))
    assert f.flags.f_contiguous and np.array_equal(f, a[::-1])
    b = ramp(2, 5, 6, 7)
    for axis in (0, 1, 3, -1):
        # Space is what is left, in order; z is the last of it.
        space = [i for i in range(4) if i != axis % 4]
        out = mx.Flip(axes="z")(b, channel_axis=axis)
        assert np.array_equal(out, np.flip(b, space[2])), axis


@pytest.mark.peers
def test_row_call_tensor():
    import torch

    a = torch.arange(210.0).reshape(5, 6, 7)
    out = mx.Flip(axes="x")(a)
    assert isinstance(out, torch.Tensor) and out.is_contiguous()
    assert torch.equal(out, a.flip(0))
    b = torch.arange(420.0).reshape(2, 5, 6, 7)
    out = mx.Flip(axes="x")(b, channel_axis=0)
    assert out.is_contiguous() and torch.equal(out, b.flip(1))
    c = torch.arange(420.0).reshape(5, 6, 7, 2)
    assert torch.equal(mx.Flip(axes="x")(c, channel_axis=3), c.flip(0))
    with pytest.raises(mx.ShapeError, match="channel_axis"):
        mx.Flip(axes="x")(b)


def test_row_dict_array():
    a = ramp(2, 5, 6, 7)
    out = mx.Flip(axes="x")({"image": a})["image"]
    assert np.array_equal(out, a[:, ::-1])
    out = mx.Flip(axes="x")({"image": ramp(5, 6, 7)})["image"]
    assert np.array_equal(out, ramp(5, 6, 7)[::-1])
    c = np.moveaxis(a, 0, -1).copy()
    out = mx.Flip(axes="x")({"image": c}, channel_axis=-1)["image"]
    assert np.array_equal(out, c[::-1])


@pytest.mark.peers
def test_row_dict_tensor():
    import torch

    a = torch.arange(420.0).reshape(2, 5, 6, 7)
    assert torch.equal(mx.Flip(axes="x")({"image": a})["image"], a.flip(1))


def test_row_dict_paths(tmp_path, nii, array):
    other = tmp_path / "other.nii"
    mx.Volume(array + 1, AFFINE).save(other)
    out = mx.Flip(axes="x")({"image": [nii, other]})["image"]
    assert out.shape == (5, 6, 7, 2) and out.dtype == np.int16
    assert np.array_equal(np.asarray(out)[..., 1], array[::-1] + 1)
    away = tmp_path / "away.nii"
    mx.Volume(array, np.eye(4)).save(away)
    with pytest.raises(mx.ShapeError, match="first voxel at"):
        mx.Flip(axes="x")({"image": [nii, away]})


def test_row_dict_points(array):
    points = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    out = mx.Flip(axes="x")({"image": mx.Volume(array, AFFINE), "points": points})
    assert isinstance(out["points"], np.ndarray) and out["points"].shape == (2, 3)
    # A flip keeps the world in place.
    assert np.allclose(out["points"], points)
    with pytest.raises(mx.ShapeError, match="points"):
        mx.Flip(axes="x")({"image": array, "points": points.T})


def test_row_index(frames):
    v = mx.load(frames)
    a = ramp(5, 6, 7, 4)
    assert v[2].shape == (1, 6, 7, 4)
    assert v[..., 1].shape == (5, 6, 7)
    assert np.array_equal(np.asarray(v[..., 1]), a[..., 1])
    assert np.array_equal(np.asarray(v[1:4, ::-2, -1, ::2]), a[1:4, ::-2, -1:, ::2])
    assert np.array_equal(np.asarray(v[..., 3:0:-1]), a[..., 3:0:-1])


@pytest.mark.peers
def test_row_sitk():
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(ramp(7, 6, 5))
    v = mx.Volume.from_sitk(image)
    assert v.shape == (5, 6, 7)
    assert np.array_equal(np.asarray(v), ramp(7, 6, 5).transpose())
    assert v.to_sitk().GetSize() == (5, 6, 7)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_pictures_with_channels_come_back_as_they_came(axis):
    batch = ramp(4, 6, 5) - 20
    limits = mx.Clamp(-3, 40)
    out = limits(batch, channel_axis=axis)
    assert out.shape == batch.shape and np.array_equal(out, np.clip(batch, -3, 40))
    assert out.flags.c_contiguous or axis != 0
    assert mx.Pad(1)(batch, channel_axis=0).shape == (4, 8, 7, 3)


def test_pictures_with_two_axes_of_channels():
    batch = ramp(4, 2, 6, 5)
    for axes in ([0, 1], [1, 0], [3, 0]):
        out = mx.Clamp(3, 40)(batch, channel_axis=axes)
        assert out.shape == batch.shape and np.array_equal(out, np.clip(batch, 3, 40))
