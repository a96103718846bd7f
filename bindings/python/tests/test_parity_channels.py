"""Channels picked, divided, merged and made grey, as NumPy, MONAI, OpenCV, Pillow and scikit-image do it."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from given import AFFINES, SHAPES, random_array

import medoxide as mx


def bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


@pytest.fixture
def series(tmp_path):
    """A time series as a file of scaled integers, oblique, and what nibabel reads of it."""
    raw = random_array((7, 11, 13, 6), "int16", 3)
    image = nib.Nifti1Image(raw, AFFINES["oblique"])
    image.header.set_slope_inter(0.5, -3)
    nib.save(image, tmp_path / "series.nii")
    return tmp_path / "series.nii", nib.load(tmp_path / "series.nii").get_fdata(dtype=np.float32)


@pytest.mark.parametrize("channels", [3, -1, [5, 0, 2], {"start": 1, "step": 2}, {"start": -1, "stop": 0, "step": -2}])
def test_picked_is_numpys(series, channels):
    path, want = series
    if isinstance(channels, dict):
        at = slice(channels.get("start"), channels.get("stop"), channels.get("step"))
    else:
        at = channels
    volume = mx.load(path)
    header = volume.bytes_read
    found = volume.pick_channels(channels)
    bits(found, want[..., at])
    np.testing.assert_array_equal(found.affine, volume.affine)
    count = 1 if np.ndim(want[..., at]) == 3 else want[..., at].shape[-1]
    assert volume.bytes_read - header == count * 7 * 11 * 13 * 2
    # Through a crop, in a pipeline too.
    step = mx.PickChannels(channels)
    cropped = mx.Pipeline([step, mx.Crop((1, 2, 3), (4, 5, 6))])(path)
    bits(cropped, want[1:5, 2:7, 3:9][..., at])
    torch = pytest.importorskip("torch")
    tensor = mx.Pipeline([step])(torch.from_numpy(np.moveaxis(want, -1, 0).copy()), channel_axis=0)
    picked = want[..., at]
    bits(tensor.numpy(), picked if picked.ndim == 3 else np.moveaxis(picked, -1, 0))


def test_squeezed_is_numpys_and_monais(tmp_path):
    transforms = pytest.importorskip("monai.transforms")
    vectors = random_array((5, 6, 7, 1, 3))
    nib.save(nib.Nifti1Image(vectors, AFFINES["permuted"]), tmp_path / "vectors.nii.gz")
    volume = mx.load(tmp_path / "vectors.nii.gz")
    assert volume.shape == (5, 6, 7, 1, 3)
    bits(volume.squeeze(), vectors[:, :, :, 0])
    bits(volume.squeeze("time"), transforms.SqueezeDim(3)(vectors))
    bits(volume.pick_channels(1, axis="component"), vectors[..., 1])
    bits(volume.squeeze().torch().numpy(), np.moveaxis(vectors[:, :, :, 0], -1, 0))
    with pytest.raises(mx.ParamError, match="length 1"):
        volume.squeeze(4)


@pytest.mark.parametrize("shape", SHAPES)
def test_split_and_merged_are_monais(shape):
    transforms = pytest.importorskip("monai.transforms")
    array, other = random_array((4, *shape), seed=1), random_array((1, *shape), seed=2)
    split = mx.Pipeline([mx.SplitChannels(keys="image")])({"image": array, "t2": other})
    want = transforms.SplitDimd("image", dim=0, keepdim=False)({"image": array})
    assert sorted(split) == ["image_0", "image_1", "image_2", "image_3", "t2"]
    for c in range(4):
        bits(np.asarray(split[f"image_{c}"]).reshape(shape), np.asarray(want[f"image_{c}"]))
    merged = mx.Pipeline([mx.MergeChannels("both")])({"image": array, "t2": other})
    want = transforms.ConcatItemsd(["image", "t2"], "both", dim=0)({"image": array, "t2": other})
    assert list(merged) == ["both"]
    bits(merged["both"], want["both"])


def test_weightings_of_several_files_are_one_image(tmp_path):
    arrays = [random_array((9, 8, 7), dtype, n) for n, dtype in enumerate(("int16", "float32", "uint8", "int16"))]
    paths = {}
    for n, (name, array) in enumerate(zip(("t1", "t1ce", "t2", "flair"), arrays, strict=True)):
        paths[name] = tmp_path / f"{name}.nii{'.gz' if n % 2 else ''}"
        nib.save(nib.Nifti1Image(array, AFFINES["oblique"]), paths[name])
    steps = [mx.ZNormalize(), mx.MergeChannels("image"), mx.RandomCrop(4)]
    made = mx.Pipeline(steps, seed=2)(paths, id="x")
    apart = mx.Pipeline([steps[0], steps[2]], seed=2)(paths, id="x")
    bits(made["image"], np.stack([apart[name] for name in paths], -1))
    loaded = next(iter(mx.Loader([paths | {"id": "x"}], mx.Pipeline(steps, seed=2), batch_size=1)))
    assert tuple(loaded["image"].shape) == (1, 4, 4, 4, 4)


COLOURS = np.random.default_rng(4).integers(0, 256, (61, 47, 4), np.uint8)


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_is_opencvs(channels):
    cv2 = pytest.importorskip("cv2")
    pixels = np.ascontiguousarray(COLOURS[..., :channels])
    # All values of each channel, with each other's extremes.
    ramp = np.stack(np.meshgrid(np.arange(256), (0, 1, 127, 128, 254, 255), (0, 77, 255), indexing="ij"), -1)
    ramp = np.concatenate((ramp, ramp[..., ::-1], ramp[..., [1, 0, 2]])).reshape(-1, 9, 3).astype(np.uint8)
    if channels == 4:
        ramp = np.concatenate((ramp, ramp[..., :1]), -1)
    code = cv2.COLOR_RGB2GRAY if channels == 3 else cv2.COLOR_RGBA2GRAY
    for picture in (pixels, ramp):
        want = cv2.cvtColor(picture, code)
        bits(mx.Grey()(picture, channel_axis=2), want)
        bits(mx.Grey()(np.moveaxis(picture, 2, 0).copy(), channel_axis=0), want)
        bits(mx.Grey()(np.asfortranarray(picture), channel_axis=2), want)


def test_grey_of_a_files_colours(tmp_path):
    image = pytest.importorskip("PIL.Image")
    volume = np.ascontiguousarray(COLOURS.reshape(61, 47, 1, 4))
    for names, channels in (("RGB", 3), ("RGBA", 4)):
        dtype = np.dtype([(name, "u1") for name in names])
        raw = np.ascontiguousarray(volume[..., :channels]).view(dtype)[..., 0]
        nib.save(nib.Nifti1Image(raw, np.eye(4)), tmp_path / "colours.nii.gz")
        grey = np.asarray(mx.load(tmp_path / "colours.nii.gz").grey())
        want = np.asarray(image.fromarray(COLOURS[..., :channels]).convert("L"))
        # Pillow weighs in 2^-16ths.
        assert grey.dtype == np.uint8 and np.abs(grey[..., 0].astype(int) - want).max() <= 1
    over = np.asarray(mx.load(tmp_path / "colours.nii.gz").grey(alpha="multiply"))[..., 0]
    np.testing.assert_array_equal(over, np.floor(grey[..., 0] * (COLOURS[..., 3] / 255) + 0.5))


def test_grey_of_numbers_is_scikit_images():
    color = pytest.importorskip("skimage.color")
    pixels = (COLOURS[..., :3] / 255).astype(np.float32)
    found = mx.Grey((0.2125, 0.7154, 0.0721))(pixels, channel_axis=2)
    np.testing.assert_allclose(found, color.rgb2gray(pixels), atol=1e-6)
    with pytest.raises(mx.ShapeError, match="3 or 4 channels"):
        mx.Grey()(pixels[..., :2], channel_axis=2)
