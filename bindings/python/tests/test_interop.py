"""Volumes of other libraries, there and back."""

from __future__ import annotations

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp

pytestmark = pytest.mark.peers


def orthogonal() -> np.ndarray:
    """An oblique placement without shear, which every library can hold."""
    c, s = np.cos(0.3), np.sin(0.3)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, c, s], [0, -s, c]]
    )
    out = np.eye(4)
    out[:3, :3] = turn * [1.5, 2.0, 0.7]
    out[:3, 3] = [-20, 31, 5.5]
    return out


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_nibabel_there_and_back(dtype):
    import nibabel as nib

    a = ramp(5, 6, 7, dtype=dtype)
    image = nib.Nifti1Image(a, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"from nibabel"
    image.header.extensions.append(nib.nifti1.Nifti1Extension(6, b"a comment"))
    v = mx.Volume.from_nibabel(image)
    assert np.array_equal(np.asarray(v), a) and np.array_equal(v.affine, AFFINE)
    assert v.header["descrip"] == "from nibabel" and v.header.extensions[0][1].startswith(
        b"a comment"
    )
    back = v.to_nibabel()
    assert np.array_equal(back.get_fdata(), a) and np.allclose(back.affine, AFFINE)
    assert back.get_data_dtype() == np.dtype(dtype)
    assert back.header["descrip"].item() == b"from nibabel"
    assert back.header.extensions[0].get_code() == 6


def test_nibabel_of_a_file_and_of_what_was_made_of_it(tmp_path, nii):
    import nibabel as nib

    v = mx.load(nii)
    for w in (v, v.reorient("LPS"), v.resample(2).clamp(0, 50), v[1:3], v[2]):
        image = w.to_nibabel()
        nib.save(image, tmp_path / "x.nii.gz")
        read = nib.load(tmp_path / "x.nii.gz")
        assert np.array_equal(np.asanyarray(read.dataobj), np.asarray(w))
        assert np.allclose(read.affine, w.affine, atol=1e-5)
    assert np.array_equal(np.asarray(mx.load(tmp_path / "x.nii.gz")), np.asarray(v[2]))


def test_nibabel_frames():
    import nibabel as nib

    v = mx.Volume.from_nibabel(nib.Nifti1Image(ramp(5, 6, 7, 3), AFFINE))
    assert v.shape == (5, 6, 7, 3) and v.to_nibabel().shape == (5, 6, 7, 3)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_sitk_there_and_back(dtype):
    import SimpleITK as sitk

    affine = orthogonal()
    v = mx.Volume(ramp(5, 6, 7, dtype=dtype), affine)
    image = v.to_sitk()
    assert image.GetSize() == (5, 6, 7) and image[2, 3, 4] == ramp(5, 6, 7)[2, 3, 4]
    # ITK's world is LPS: the first two coordinates change their sign.
    for index in ((0, 0, 0), (4, 1, 6)):
        world = affine @ [*index, 1]
        assert np.allclose(image.TransformIndexToPhysicalPoint(index), world[:3] * [-1, -1, 1])
    back = mx.Volume.from_sitk(image)
    assert np.allclose(back.affine, affine) and np.array_equal(np.asarray(back), np.asarray(v))
    assert back.dtype == np.dtype(dtype)
    assert sitk.GetArrayFromImage(image).shape == (7, 6, 5)


def test_sitk_reads_what_we_place(tmp_path):
    import SimpleITK as sitk

    path = str(tmp_path / "x.nii.gz")
    v = mx.Volume(ramp(5, 6, 7), orthogonal())
    v.save(path)
    read = mx.Volume.from_sitk(sitk.ReadImage(path))
    assert np.allclose(read.affine, v.affine, atol=1e-4) and np.array_equal(
        np.asarray(read), np.asarray(v)
    )


def test_sitk_components_and_planes():
    v = mx.Volume(ramp(5, 6, 7, 3, dtype="float32"), channel_axis=3)
    image = v.to_sitk()
    assert image.GetNumberOfComponentsPerPixel() == 3 and image.GetSize() == (5, 6, 7)
    back = mx.Volume.from_sitk(image)
    assert back.shape == (5, 6, 7, 3) and np.array_equal(np.asarray(back), np.asarray(v))
    flat = mx.Volume(ramp(5, 6), np.diag([2.0, 3.0, 1.0, 1.0])).to_sitk()
    assert flat.GetSize() == (5, 6) and flat.GetSpacing() == (2.0, 3.0)
    assert mx.Volume.from_sitk(flat).shape == (5, 6)
    with pytest.raises(mx.ShapeError):
        mx.Volume(ramp(2, 3, 4, 5, 6), channel_axis=(3, 4)).to_sitk()


def test_tensors_come_back_as_tensors():
    import torch

    for dtype in (
        torch.uint8,
        torch.int16,
        torch.int32,
        torch.float16,
        torch.float32,
        torch.float64,
    ):
        t = torch.arange(24).reshape(2, 3, 4).to(dtype)
        out = mx.Flip(axes="y")(t)
        assert out.dtype == dtype and torch.equal(out, t.flip(1))
    t = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
    assert torch.equal(mx.Clamp(max=5)(t), t.detach().clamp(max=5))
    b = torch.tensor([[True, False], [False, False]])
    assert mx.Flip(axes="x")(b).tolist() == [[0, 0], [1, 0]]
    assert mx.Flip(axes="x")(torch.ones(2, 3, 4, dtype=torch.bfloat16)).shape == (2, 3, 4)


def test_torch_dtypes(nii, array):
    import torch

    v = mx.load(nii)
    assert v.torch().dtype == torch.int16
    for dtype in (
        torch.float16,
        torch.float32,
        torch.float64,
        torch.int32,
        torch.uint8,
        torch.bfloat16,
    ):
        t = v.torch(dtype=dtype)
        assert t.dtype == dtype
        want = torch.from_numpy(array)
        want = want.clamp(0, 255) if dtype == torch.uint8 else want
        assert torch.equal(t[0].to(torch.float64), want.to(dtype).to(torch.float64))
    assert v.torch(dtype="float32").dtype == torch.float32
    assert v.torch(dtype=torch.bool).dtype == torch.bool
    assert v.torch(device="cpu").device.type == "cpu"
    with pytest.raises(mx.ParamError, match="dtype"):
        v.torch(dtype="qint8")


def test_metatensors_are_not_taken_for_plain_ones():
    import torch

    class Meta(torch.Tensor):
        affine = torch.eye(4)

    with pytest.raises(mx.UnsupportedError, match="affine"):
        mx.ZNormalize()(torch.ones(2, 3, 4).as_subclass(Meta))


def test_dlpack_gives_memory_of_ones_own(nii, array):
    import torch

    v = mx.load(nii).compute()
    t = torch.from_dlpack(v)
    t.zero_()
    assert np.array_equal(np.asarray(v), array)
    assert v.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError):
        v.__dlpack__(copy=False)
