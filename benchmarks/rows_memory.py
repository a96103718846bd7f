"""In memory, float32: intensities and filters. Each library gets the volume in its own layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Aim, Close, Must, Work, copy, row

SECTION = "in memory, float32"
WINDOW = (100.0, 1500.0)


def bytes_of(n: int) -> int:
    """Bytes of n³ float32."""
    return 4 * n**3


def transposed(tensor: Any) -> Any:
    """A (1, 1, z, y, x) or (z, y, x) tensor as (x, y, z)."""
    return tensor.reshape(tensor.shape[-3:]).permute(2, 1, 0)


def sitk_image(voxels: np.ndarray) -> Any:
    """A SimpleITK image with unit spacing."""
    import SimpleITK as sitk

    return sitk.GetImageFromArray(voxels.T)


def sitk_array(image: Any) -> np.ndarray:
    """Its voxels in the order x, y, z."""
    import SimpleITK as sitk

    return sitk.GetArrayViewFromImage(image).T


def sitk_by(call: Any) -> Work:
    """Work on SimpleITK images."""
    return Work(call, sitk_array)


def medrs_image(voxels: np.ndarray) -> Any:
    """A medrs image that is in memory."""
    import medrs

    return medrs.NiftiImage(voxels)


def medrs_by(call: Any) -> Work:
    """Work on medrs images."""
    return Work(call, lambda image: image.to_numpy())


def torch_volume(voxels: np.ndarray) -> Any:
    """A contiguous tensor in torch's usual axis order, z fastest."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(voxels))


for n in (128, 256):
    z = row(
        f"z-normalise {n}³",
        SECTION,
        must=Must(0.5),
        aim=Aim(2.5, copy(bytes_of(n))),
        check=Close("NumPy", absolute=1e-4),
    )

    @z.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        voxels = data.head(n)
        return lambda: mx.Volume(voxels).z_normalize().numpy()

    @z.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head(n)

        def call() -> Any:
            out = voxels - voxels.mean()
            out /= voxels.std()
            return out

        return call

    @z.by("torch")
    def _(data: Data, n=n):
        import torch

        voxels = torch_volume(data.head(n))

        def call() -> Any:
            deviation, mean = torch.std_mean(voxels, correction=0)
            return voxels.sub(mean).div_(deviation)

        return call

    @z.by("medrs")
    def _(data: Data, n=n):
        image = medrs_image(data.head(n))
        return medrs_by(lambda: image.z_normalize())

    @z.by("MONAI")
    def _(data: Data, n=n):
        from monai.transforms import NormalizeIntensity

        voxels, normalize = torch_volume(data.head(n))[None], NormalizeIntensity()
        return Work(lambda: normalize(voxels), lambda t: t[0])

    @z.by("SimpleITK", patient=True)
    def _(data: Data, n=n):
        import SimpleITK as sitk

        image = sitk_image(data.head(n))
        return sitk_by(lambda: sitk.Normalize(image))

    clamp = row(
        f"clamp {n}³",
        SECTION,
        must=Must(1.0 if n == 128 else 0.8),
        aim=Aim(1.3, copy(bytes_of(n))),
        check=Close("NumPy"),
    )

    @clamp.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        voxels = data.head(n)
        return lambda: mx.Volume(voxels).clamp(*WINDOW).numpy()

    @clamp.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head(n)
        return lambda: np.clip(voxels, *WINDOW)

    @clamp.by("torch")
    def _(data: Data, n=n):
        voxels = torch_volume(data.head(n))
        return lambda: voxels.clamp(*WINDOW)

    @clamp.by("medrs")
    def _(data: Data, n=n):
        image = medrs_image(data.head(n))
        return medrs_by(lambda: image.clamp(*WINDOW))

    scale = row(
        f"rescale to [0, 1] {n}³",
        SECTION,
        must=Must(0.6 if n == 128 else 0.8),
        aim=Aim(2.5, copy(bytes_of(n))),
        check=Close("NumPy", absolute=1e-6),
        note="range measured",
    )

    @scale.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        voxels = data.head(n)
        return lambda: mx.Volume(voxels).rescale().numpy()

    @scale.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head(n)

        def call() -> Any:
            low, high = voxels.min(), voxels.max()
            out = voxels - low
            out *= 1 / (high - low)
            return out

        return call

    @scale.by("torch")
    def _(data: Data, n=n):
        import torch

        voxels = torch_volume(data.head(n))

        def call() -> Any:
            low, high = torch.aminmax(voxels)
            return voxels.sub(low).mul_(1 / (high - low))

        return call

    @scale.by("medrs")
    def _(data: Data, n=n):
        image = medrs_image(data.head(n))
        return medrs_by(lambda: image.rescale(0.0, 1.0))

    @scale.by("MONAI")
    def _(data: Data, n=n):
        from monai.transforms import ScaleIntensity

        voxels, rescale = torch_volume(data.head(n))[None], ScaleIntensity()
        return Work(lambda: rescale(voxels), lambda t: t[0])


for name, kind in (("", "head"), (", 90 % equal", "flat")):
    percentile = row(
        f"percentile 0.5/99.5 normalise 128³{name}",
        SECTION,
        must=Must(0.15),
        aim=Aim(6.0, copy(bytes_of(128))),
        check=Close("NumPy", absolute=1e-5),
    )

    @percentile.by(US)
    def _(data: Data, kind=kind):
        import medoxide as mx

        voxels = getattr(data, kind)(128)
        return lambda: mx.Volume(voxels).rescale(percentiles=(0.5, 99.5)).numpy()

    @percentile.by("NumPy")
    def _(data: Data, kind=kind):
        voxels = getattr(data, kind)(128)

        def call() -> Any:
            low, high = np.percentile(voxels, (0.5, 99.5))
            out = np.clip(voxels, np.float32(low), np.float32(high))
            out -= np.float32(low)
            out *= np.float32(1 / (high - low))
            return out

        return call

    @percentile.by("torch")
    def _(data: Data, kind=kind):
        voxels = torch_volume(getattr(data, kind)(128))
        flat = voxels.flatten()
        low_rank, high_rank = (round(p * (flat.numel() - 1)) + 1 for p in (0.005, 0.995))

        def call() -> Any:
            low, high = flat.kthvalue(low_rank).values, flat.kthvalue(high_rank).values
            return voxels.clamp(low, high).sub_(low).mul_(1 / (high - low))

        return call

    @percentile.by("MONAI")
    def _(data: Data, kind=kind):
        from monai.transforms import ScaleIntensityRangePercentiles

        voxels = torch_volume(getattr(data, kind)(128))[None]
        rescale = ScaleIntensityRangePercentiles(0.5, 99.5, 0.0, 1.0, clip=True)
        return Work(lambda: rescale(voxels), lambda t: t[0])

    @percentile.by("TorchIO", patient=True)
    def _(data: Data, kind=kind):
        import torchio

        image = torchio.ScalarImage(tensor=torch_volume(getattr(data, kind)(128))[None])
        rescale = torchio.RescaleIntensity((0, 1), percentiles=(0.5, 99.5))
        return Work(lambda: rescale(image), lambda image: image.data[0])


smooth = row(
    "Gaussian smooth σ = 1, 128³",
    SECTION,
    must=Must(0.15),
    aim=Aim(8.0, copy(bytes_of(128))),
    check=Close("SciPy", absolute=2e-3),
)


@smooth.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).gaussian_smooth(1.0).numpy()


@smooth.by("SciPy")
def _(data: Data):
    from scipy.ndimage import gaussian_filter

    voxels = data.head_c(128)
    return lambda: gaussian_filter(voxels, 1.0)


@smooth.by("TorchIO", patient=True)
def _(data: Data):
    import torchio

    image = torchio.ScalarImage(tensor=torch_volume(data.head(128))[None])
    blur = torchio.Blur(std=1.0)
    return Work(lambda: blur(image), lambda image: image.data[0])


@smooth.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import GaussianSmooth

    voxels, blur = torch_volume(data.head(128))[None], GaussianSmooth(1.0)
    return Work(lambda: blur(voxels), lambda t: t[0])


@smooth.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image = sitk_image(data.head(128))
    return sitk_by(lambda: sitk.DiscreteGaussian(image, 1.0, 9, 0.01, False))


STD = 25.0


def _is_noise(results: Any, _: Any) -> tuple[bool, str]:
    import numpy as np

    added = results[US].astype(np.float64) - results["NumPy"].astype(np.float64)
    # NumPy's result is its own noise; the difference of two independent draws has variance 2.
    mean, deviation = added.mean(), added.std() / np.sqrt(2)
    flat = added.ravel(order="F")
    lag = float(np.mean(flat[1:] * flat[:-1]) / flat.var())
    right = abs(mean) < 0.1 and abs(deviation / STD - 1) < 0.005 and abs(lag) < 0.005
    return right, f"mean {mean:.3f}, deviation {deviation:.3f}, neighbours correlate {lag:.4f}"


noise = row(
    "Gaussian noise, 128³",
    SECTION,
    must=Must(0.6),
    aim=Aim(1.5e-6 * 128**3 / 2),
    check=_is_noise,
    note="aim: 1.5 ns per voxel and thread",
)


@noise.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).gaussian_noise(STD, seed=1).numpy()


@noise.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image = sitk_image(data.head(128))
    return sitk_by(lambda: sitk.AdditiveGaussianNoise(image, STD, 0.0, 1))


@noise.by("torch")
def _(data: Data):
    import torch

    voxels = torch_volume(data.head(128))
    return lambda: torch.randn_like(voxels).mul_(STD).add_(voxels)


@noise.by("NumPy")
def _(data: Data):
    voxels, generator = data.head_c(128), np.random.default_rng(2)

    def call() -> Any:
        out = generator.standard_normal(voxels.shape, dtype=np.float32)
        out *= np.float32(STD)
        out += voxels
        return out

    return call


@noise.by("medrs")
def _(data: Data):
    import medrs

    image = medrs_image(data.head(128))
    return medrs_by(lambda: medrs.random_gaussian_noise(image, STD, 1))


@noise.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import RandGaussianNoise

    voxels = torch_volume(data.head(128))[None]
    add = RandGaussianNoise(prob=1.0, std=STD, sample_std=False)
    return Work(lambda: add(voxels), lambda t: t[0])
