"""Augmentation of volumes in memory, float32, 128³."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Aim, Close, Must, Work, copy, row
from rows_memory import bytes_of, medrs_by, medrs_image, torch_volume

SECTION = "augmentation in memory, float32"

GAMMA = 0.7

gamma = row(
    "gamma 0.7 in the range, 128³",
    SECTION,
    must=Must(0.6),
    aim=Aim(3.0, copy(bytes_of(128))),
    check=Close("NumPy", absolute=4e-3),
    note="range measured",
)


@gamma.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).gamma(GAMMA).numpy()


@gamma.by("NumPy", patient=True)
def _(data: Data):
    voxels = data.head(128)

    def call() -> Any:
        low, high = voxels.min(), voxels.max()
        out = voxels - low
        out *= 1 / (high - low)
        np.power(out, np.float32(GAMMA), out=out)
        out *= high - low
        out += low
        return out

    return call


@gamma.by("torch")
def _(data: Data):
    import torch

    voxels = torch_volume(data.head(128))

    def call() -> Any:
        low, high = torch.aminmax(voxels)
        return voxels.sub(low).mul_(1 / (high - low)).pow_(GAMMA).mul_(high - low).add_(low)

    return call


@gamma.by("batchgeneratorsv2")
def _(data: Data):
    import torch
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform

    voxels, adjust = torch_volume(data.head(128))[None], GammaTransform(GAMMA, 0, False, 1, 0)
    off = torch.zeros(1, dtype=torch.bool)
    drawn = {
        "apply_to_channel": torch.arange(1),
        "retain_stats": off,
        "invert_image": off,
        "gamma": torch.tensor([GAMMA]),
    }
    return Work(lambda: adjust._apply_to_image(voxels.clone(), **drawn), lambda t: t[0])


@gamma.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import AdjustContrast

    voxels, adjust = torch_volume(data.head(128))[None], AdjustContrast(GAMMA)
    return Work(lambda: adjust(voxels), lambda t: t[0])


power = row(
    "gamma 0.7 of magnitudes, 128³",
    SECTION,
    must=Must(0.6),
    aim=Aim(3.0, copy(bytes_of(128))),
    check=Close("NumPy", absolute=1e-3),
    note="TorchIO's definition, on [0, 1]",
)


@power.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).gamma(GAMMA, relative_to="magnitude").numpy()


@power.by("NumPy")
def _(data: Data):
    voxels = data.head(128)
    return lambda: np.power(voxels, np.float32(GAMMA))


@power.by("torch")
def _(data: Data):
    voxels = torch_volume(data.head(128))
    return lambda: voxels.pow(GAMMA)


@power.by("TorchIO", patient=True)
def _(data: Data):
    import torchio

    image = torchio.ScalarImage(tensor=torch_volume(data.head(128))[None])
    adjust = torchio.Gamma(GAMMA)
    return Work(lambda: adjust(image), lambda image: image.data[0])


@power.by("medrs")
def _(data: Data):
    import medrs

    image = medrs_image(data.head(128))
    return medrs_by(lambda: medrs.random_gamma(image, (GAMMA, GAMMA + 1e-6), 1))


COEFFICIENT = 0.05

bias = row(
    "bias field of degree 3, 128³",
    SECTION,
    must=Must(0.15),
    aim=Aim(4.0, copy(bytes_of(128))),
    check=Close("MONAI", relative=2e-5, absolute=1e-3),
)


@bias.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).bias_field((COEFFICIENT, COEFFICIENT), seed=1).numpy()


@bias.by("MONAI")
def _(data: Data):
    from monai.transforms import RandBiasField

    voxels, adjust = torch_volume(data.head(128))[None], RandBiasField(degree=3, prob=1.0)
    adjust._coeff, adjust._do_transform = [COEFFICIENT] * 20, True
    return Work(lambda: adjust(voxels, randomize=False), lambda t: t[0])


@bias.by("TorchIO: powers", patient=True)
def _(data: Data):
    import torchio

    image = torchio.ScalarImage(tensor=torch_volume(data.head(128))[None])
    adjust = torchio.BiasField([COEFFICIENT] * 20, 3)
    return Work(lambda: adjust(image), lambda image: image.data[0])


contrast = row(
    "contrast 1.2 within the range, 128³",
    SECTION,
    must=Must(0.6),
    aim=Aim(3.0, copy(bytes_of(128))),
    check=Close("batchgeneratorsv2", absolute=2e-3),
)


@contrast.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).contrast(1.2, keep_range=True).numpy()


@contrast.by("batchgeneratorsv2")
def _(data: Data):
    import torch
    from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform

    voxels, adjust = torch_volume(data.head(128))[None], ContrastTransform(1.2, True, False)
    drawn = {"apply_to_channel": torch.arange(1), "multipliers": torch.tensor([1.2])}
    return Work(lambda: adjust._apply_to_image(voxels.clone(), **drawn), lambda t: t[0])
