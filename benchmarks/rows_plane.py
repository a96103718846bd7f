"""One picture of 512 × 512, float32: what a call costs when the work is small."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Close, Must, Work, row

SECTION = "2-D, 512×512 float32, one picture"

extremes = row("min-max to [0, 1]", SECTION, must=Must(1.0), check=Close("NumPy", absolute=1e-6))


@extremes.by(US)
def _(data: Data):
    import medoxide as mx

    picture, scale = data.plane(512), mx.Rescale()
    return lambda: scale(picture)


@extremes.by("OpenCV")
def _(data: Data):
    import cv2

    picture = data.plane(512)
    return lambda: cv2.normalize(picture, None, 0.0, 1.0, cv2.NORM_MINMAX)


@extremes.by("NumPy")
def _(data: Data):
    picture = data.plane(512)

    def call() -> Any:
        low, high = picture.min(), picture.max()
        out = picture - low
        out *= 1 / (high - low)
        return out

    return call


@extremes.by("torch")
def _(data: Data):
    import torch

    picture = torch.from_numpy(data.plane(512))

    def call() -> Any:
        low, high = torch.aminmax(picture)
        return picture.sub(low).mul_(1 / (high - low))

    return call


@extremes.by("MONAI")
def _(data: Data):
    import torch
    from monai.transforms import ScaleIntensity

    picture, scale = torch.from_numpy(data.plane(512))[None], ScaleIntensity()
    return Work(lambda: scale(picture), lambda t: t[0])


scores = row("z-score, clip ±3, to [0, 1]", SECTION, must=Must(0.5), check=Close("NumPy", absolute=1e-5))


@scores.by(US)
def _(data: Data):
    import medoxide as mx

    picture = data.plane(512)
    chain = mx.Pipeline([mx.ZNormalize(), mx.Rescale(in_range=(-3.0, 3.0))])
    return lambda: chain(picture)


@scores.by("NumPy")
def _(data: Data):
    picture = data.plane(512)

    def call() -> Any:
        out = picture - picture.mean()
        out /= picture.std()
        np.clip(out, -3, 3, out=out)
        out += 3
        out *= np.float32(1 / 6)
        return out

    return call


@scores.by("OpenCV")
def _(data: Data):
    import cv2

    picture = data.plane(512)

    def call() -> Any:
        mean, deviation = cv2.meanStdDev(picture)
        factor = 1 / (6 * deviation[0, 0])
        # convertTo with a factor and an offset, then limits: OpenCV's two-pass way.
        out = cv2.addWeighted(picture, factor, picture, 0, 0.5 - mean[0, 0] * factor)
        return np.clip(out, 0, 1, out=out)

    return call


@scores.by("torch")
def _(data: Data):
    import torch

    picture = torch.from_numpy(data.plane(512))

    def call() -> Any:
        deviation, mean = torch.std_mean(picture, correction=0)
        return picture.sub(mean).div_(deviation).clamp_(-3, 3).add_(3).mul_(1 / 6)

    return call


@scores.by("MONAI")
def _(data: Data):
    import torch
    from monai.transforms import Compose, NormalizeIntensity, ScaleIntensityRange

    picture = torch.from_numpy(data.plane(512))[None]
    steps = Compose([NormalizeIntensity(), ScaleIntensityRange(-3.0, 3.0, 0.0, 1.0, clip=True)])
    return Work(lambda: steps(picture), lambda t: t[0])


ranks = row("percentile 1/99 to [0, 1]", SECTION, must=Must(0.15), check=Close("NumPy", absolute=1e-5))


@ranks.by(US)
def _(data: Data):
    import medoxide as mx

    picture, scale = data.plane(512), mx.Rescale(percentiles=(1.0, 99.0))
    return lambda: scale(picture)


@ranks.by("NumPy")
def _(data: Data):
    picture = data.plane(512)

    def call() -> Any:
        low, high = np.percentile(picture, (1, 99))
        out = np.clip(picture, np.float32(low), np.float32(high))
        out -= np.float32(low)
        out *= np.float32(1 / (high - low))
        return out

    return call


@ranks.by("torch")
def _(data: Data):
    import torch

    picture, at = torch.from_numpy(data.plane(512)), torch.tensor([0.01, 0.99])

    def call() -> Any:
        low, high = torch.quantile(picture, at)
        return picture.clamp(low, high).sub_(low).mul_(1 / (high - low))

    return call


@ranks.by("MONAI")
def _(data: Data):
    import torch
    from monai.transforms import ScaleIntensityRangePercentiles

    picture = torch.from_numpy(data.plane(512))[None]
    scale = ScaleIntensityRangePercentiles(1, 99, 0.0, 1.0, clip=True)
    return Work(lambda: scale(picture), lambda t: t[0])
