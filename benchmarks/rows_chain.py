"""From the file through a transform, and chains: what fusing saves."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import MIB, US, Aim, Close, Must, Work, copy, row
from rows_io import PLAIN, nib_load

SECTION = "file → transform, 256³ int16 .nii"

half = row("load + half resolution, linear", SECTION, must=Must(0.4), aim=Aim(3.0, copy(32 * MIB)))
half.check = Close("nibabel+torch", absolute=2e-3)


@half.by(US)
def _(data: Data):
    import medoxide as mx

    path = data.file(PLAIN)
    return lambda: mx.load(path).resample(2.0).numpy()


@half.by("nibabel+torch")
def _(data: Data):
    import torch

    path = data.file(PLAIN)

    def call() -> Any:
        voxels = nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")
        image = torch.from_numpy(voxels.T)[None, None]
        return torch.nn.functional.interpolate(image, scale_factor=0.5, mode="trilinear")

    return Work(call, lambda image: image[0, 0].permute(2, 1, 0))


@half.by("medrs")
def _(data: Data):
    import medrs

    path = data.file(PLAIN)
    return lambda: medrs.load(path).resample([2.0, 2.0, 2.0]).to_numpy()


@half.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    path = data.file(PLAIN)

    def call() -> Any:
        image = sitk.ReadImage(path, sitk.sitkFloat32)
        origin = image.TransformContinuousIndexToPhysicalPoint([0.5] * 3)
        size, twice = [128] * 3, [2.0] * 3
        identity = sitk.Transform(3, sitk.sitkIdentity)
        return sitk.Resample(image, size, identity, sitk.sitkLinear, origin, twice, image.GetDirection())

    return Work(call, lambda image: sitk.GetArrayViewFromImage(image).T)


@half.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import Compose, EnsureChannelFirst, LoadImage, Spacing

    path = data.file(PLAIN)
    steps = Compose([LoadImage(image_only=True), EnsureChannelFirst(), Spacing((2.0, 2.0, 2.0))])
    return Work(lambda: steps(path), lambda image: image.as_tensor()[0])


normal = row("load + z-normalise", SECTION, must=Must(0.5), aim=Aim(4.0, copy(64 * MIB)))
normal.check = Close("nibabel+NumPy", absolute=1e-4)


@normal.by(US)
def _(data: Data):
    import medoxide as mx

    path = data.file(PLAIN)
    return lambda: mx.load(path).z_normalize().numpy()


@normal.by("nibabel+NumPy")
def _(data: Data):
    path = data.file(PLAIN)

    def call() -> Any:
        voxels = nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")
        mean, deviation = voxels.mean(), voxels.std()
        voxels -= mean
        voxels /= deviation
        return voxels

    return call


@normal.by("nibabel+torch")
def _(data: Data):
    import torch

    path = data.file(PLAIN)

    def call() -> Any:
        voxels = torch.from_numpy(nib_load(path).get_fdata(dtype=np.float32, caching="unchanged").T)
        deviation, mean = torch.std_mean(voxels, correction=0)
        return voxels.sub_(mean).div_(deviation)

    return Work(call, lambda voxels: voxels.permute(2, 1, 0))


@normal.by("medrs")
def _(data: Data):
    import medrs

    path = data.file(PLAIN)
    return lambda: medrs.load(path).z_normalize().to_numpy()


@normal.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import Compose, LoadImage, NormalizeIntensity

    path, steps = data.file(PLAIN), Compose([LoadImage(image_only=True), NormalizeIntensity()])
    return Work(lambda: steps(path), lambda image: image.as_tensor())


# Chains in memory: n points cost one pass, n warps one interpolation.
CHAINS = "chains in memory, float32"
ALONE = f"{US}: one alone"


def _window(mx: Any, voxels: np.ndarray) -> Any:
    return mx.Volume(voxels).rescale((-1.0, 1.0), in_range=(0.0, 1500.0))


for n in (128, 256):
    points = row(
        f"chain of 5 point transforms, {n}³",
        CHAINS,
        must=Must(1.4, (ALONE,)),
        check=Close("NumPy", absolute=1e-5),
        note="one alone: the rescaling",
        quick=n == 128,
    )

    @points.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        voxels = data.head(n)

        def call() -> Any:
            chain = _window(mx, voxels).clamp(-0.9, 0.9)
            chain = chain.rescale((0.0, 255.0), in_range=(-1.0, 1.0)).clamp(20.0, 200.0)
            return chain.rescale((0.0, 1.0), in_range=(0.0, 200.0)).numpy()

        return call

    @points.by(ALONE)
    def _(data: Data, n=n):
        import medoxide as mx

        voxels = data.head(n)
        return lambda: _window(mx, voxels).numpy()

    @points.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head(n)

        def call() -> Any:
            out = voxels * np.float32(2 / 1500)
            out -= 1
            np.clip(out, -0.9, 0.9, out=out)
            out += 1
            out *= np.float32(127.5)
            np.clip(out, 20, 200, out=out)
            out *= np.float32(1 / 200)
            return out

        return call


warps = row(
    "chain of 5 lattice and interpolating warps, 128³",
    CHAINS,
    must=Must(1.2, (ALONE,)),
    check=Close("torch", absolute=2e-2),
    note="one alone: the resampling",
)


@warps.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)

    def call() -> Any:
        chain = mx.Volume(voxels).flip(0).crop((0, 0, 0), (120, 128, 128)).pad(4)
        return chain.flip((1, 2)).resample(0.8).numpy()

    return call


@warps.by(ALONE)
def _(data: Data):
    import medoxide as mx

    # As many voxels in and out as the chain's.
    voxels = np.asfortranarray(np.pad(data.head(128)[:120], 4))
    return lambda: mx.Volume(voxels).resample(0.8).numpy()


@warps.by("torch")
def _(data: Data):
    import torch

    voxels = torch.from_numpy(data.head(128).T)

    def call() -> Any:
        cut = torch.flip(voxels, (2,))[:, :, :120]
        image = torch.flip(torch.nn.functional.pad(cut, (4,) * 6), (0, 1))[None, None]
        return torch.nn.functional.interpolate(image, size=(170, 170, 160), mode="trilinear")

    return Work(call, lambda image: image[0, 0].permute(2, 1, 0))


turns = row(
    "chain of 3 affine warps, 128³",
    CHAINS,
    must=Must(1.2, (ALONE,)),
    check=Close("SciPy", absolute=2e-2, margin=0),
    note="one alone: a rotation",
)


@turns.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)

    def call() -> Any:
        chain = mx.Volume(voxels).affine_transform((0, 0, 10)).affine_transform((5, 0, 0))
        return chain.affine_transform(0.0, scale=1.05).numpy()

    return call


@turns.by(ALONE)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).affine_transform((7, 0, 8)).numpy()


def turn(axis: int, degrees: float) -> np.ndarray:
    """Rotation about an axis that turns x to y, y to z, z to x."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[second, first], matrix[first, second] = sine, -sine
    return matrix


def about_centre(content: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from output to input voxels, for content moved by a matrix about the centre."""
    inverse = np.linalg.inv(content)
    centre = np.full(3, (n - 1) / 2)
    return inverse, centre - inverse @ centre


@turns.by("SciPy")
def _(data: Data):
    from scipy.ndimage import affine_transform

    voxels = data.head_c(128)
    matrix, offset = about_centre(1.05 * turn(0, 5) @ turn(2, 10), 128)
    return lambda: affine_transform(voxels, matrix, offset, order=1, mode="nearest")
