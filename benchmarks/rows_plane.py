"""Pictures of 512 × 512, float32: what a call costs when the work is small, and batches of them.

In a batch every picture is normalised by its own numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Close, Must, Work, row

SIDE = 512


def section(count: int) -> str:
    """The heading of the rows of so many pictures."""
    return f"2-D, {SIDE}×{SIDE} float32, " + ("one picture" if count == 1 else f"batch of {count}")


def pictures(data: Data, count: int) -> np.ndarray:
    """One picture, or a batch with the pictures along the first axis."""
    return data.plane(SIDE) if count == 1 else data.planes(SIDE, count)


def tensor(data: Data, count: int) -> Any:
    """The same for torch."""
    import torch

    return torch.from_numpy(pictures(data, count))


def each(call: Any, batch: np.ndarray) -> Any:
    """OpenCV, which knows single pictures only, on each of a batch."""
    if batch.ndim == 2:
        return lambda: call(batch)
    out = np.empty_like(batch)

    def loop() -> np.ndarray:
        for picture, place in zip(batch, out, strict=True):
            place[...] = call(picture)
        return out

    return loop


def ours(make: Any, data: Data, count: int) -> Any:
    """A transform on a picture, or channel by channel on a batch."""
    voxels = pictures(data, count)
    if count == 1:
        transform = make(False)
        return lambda: transform(voxels)
    transform = make(True)
    return lambda: transform(voxels, channel_axis=0)


def monai(make: Any, data: Data, count: int) -> Any:
    """A MONAI transform on channels-first tensors."""
    image = tensor(data, count)
    transform = make(count > 1)
    if count == 1:
        return Work(lambda: transform(image[None]), lambda t: t[0])
    return lambda: transform(image)


#: For a batch the bars name array libraries; OpenCV, picture by picture into a place of its own, is measured too.
ARRAYS = ("NumPy", "torch", "MONAI")

for n, must in ((1, (1.0, 0.5, 0.15)), (100, (0.4, 0.4, 0.1))):
    many = "" if n == 1 else f", batch of {n}"
    over: Any = None if n == 1 else (1, 2)
    against = () if n == 1 else ARRAYS

    extremes = row(
        f"min-max to [0, 1]{many}",
        section(n),
        must=Must(must[0], against),
        check=Close("NumPy", absolute=1e-6),
    )

    @extremes.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        return ours(lambda wise: mx.Rescale(channel_wise=wise), data, n)

    @extremes.by("OpenCV")
    def _(data: Data, n=n):
        import cv2

        def one(picture: np.ndarray) -> Any:
            return cv2.normalize(picture, None, 0.0, 1.0, cv2.NORM_MINMAX)

        return each(one, pictures(data, n))

    @extremes.by("NumPy")
    def _(data: Data, n=n, over=over):
        voxels = pictures(data, n)

        def call() -> Any:
            low = voxels.min(axis=over, keepdims=True)
            high = voxels.max(axis=over, keepdims=True)
            out = voxels - low
            out *= 1 / (high - low)
            return out

        return call

    @extremes.by("torch")
    def _(data: Data, n=n, over=over):
        import torch

        voxels = tensor(data, n)

        def call() -> Any:
            if over is None:
                low, high = torch.aminmax(voxels)
            else:
                low, high = voxels.amin(over, keepdim=True), voxels.amax(over, keepdim=True)
            return voxels.sub(low).mul_(1 / (high - low))

        return call

    @extremes.by("MONAI", patient=n > 1)
    def _(data: Data, n=n):
        from monai.transforms import ScaleIntensity

        return monai(lambda wise: ScaleIntensity(channel_wise=wise), data, n)

    scores = row(
        f"z-score, clip ±3, to [0, 1]{many}",
        section(n),
        must=Must(must[1], against),
        check=Close("NumPy", absolute=1e-5),
    )

    @scores.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        def chain(wise: bool) -> Any:
            return mx.Pipeline([mx.ZNormalize(channel_wise=wise), mx.Rescale(in_range=(-3.0, 3.0))])

        return ours(chain, data, n)

    @scores.by("NumPy")
    def _(data: Data, n=n, over=over):
        voxels = pictures(data, n)

        def call() -> Any:
            out = voxels - voxels.mean(axis=over, keepdims=True)
            out /= voxels.std(axis=over, keepdims=True)
            np.clip(out, -3, 3, out=out)
            out += 3
            out *= np.float32(1 / 6)
            return out

        return call

    @scores.by("OpenCV")
    def _(data: Data, n=n):
        import cv2

        def one(picture: np.ndarray) -> Any:
            mean, deviation = cv2.meanStdDev(picture)
            factor = 1 / (6 * deviation[0, 0])
            # One pass with a factor and an offset, then limits: OpenCV's two-pass way.
            out = cv2.addWeighted(picture, factor, picture, 0, 0.5 - mean[0, 0] * factor)
            return np.clip(out, 0, 1, out=out)

        return each(one, pictures(data, n))

    @scores.by("torch")
    def _(data: Data, n=n, over=over):
        import torch

        voxels = tensor(data, n)

        def call() -> Any:
            deviation, mean = torch.std_mean(voxels, over, correction=0, keepdim=over is not None)
            return voxels.sub(mean).div_(deviation).clamp_(-3, 3).add_(3).mul_(1 / 6)

        return call

    @scores.by("MONAI", patient=n > 1)
    def _(data: Data, n=n):
        from monai.transforms import Compose, NormalizeIntensity, ScaleIntensityRange

        def steps(wise: bool) -> Any:
            normalize = NormalizeIntensity(channel_wise=wise)
            return Compose([normalize, ScaleIntensityRange(-3.0, 3.0, 0.0, 1.0, clip=True)])

        return monai(steps, data, n)

    ranks = row(
        f"percentile 1/99 to [0, 1]{many}",
        section(n),
        must=Must(must[2], against),
        check=Close("NumPy", absolute=1e-5),
    )

    @ranks.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        return ours(lambda wise: mx.Rescale(percentiles=(1.0, 99.0), channel_wise=wise), data, n)

    @ranks.by("NumPy")
    def _(data: Data, n=n, over=over):
        voxels = pictures(data, n)

        def call() -> Any:
            ends = np.percentile(voxels, (1, 99), axis=over, keepdims=True)
            low, high = ends.astype(np.float32)
            out = np.clip(voxels, low, high)
            out -= low
            out *= 1 / (high - low)
            return out

        return call

    @ranks.by("torch")
    def _(data: Data, n=n):
        import torch

        voxels, at = tensor(data, n), torch.tensor([0.01, 0.99])

        def call() -> Any:
            ends = torch.quantile(voxels.reshape(n, -1), at, dim=1)
            low, high = ends if n == 1 else ends[:, :, None, None]
            return voxels.clamp(low, high).sub_(low).mul_(1 / (high - low))

        return call

    @ranks.by("MONAI", patient=n > 1)
    def _(data: Data, n=n):
        from monai.transforms import ScaleIntensityRangePercentiles

        def scale(wise: bool) -> Any:
            return ScaleIntensityRangePercentiles(1, 99, 0.0, 1.0, clip=True, channel_wise=wise)

        return monai(scale, data, n)


def grey(data: Data, count: int) -> np.ndarray:
    """The pictures as uint8."""
    pixels = pictures(data, count)
    return (pixels * np.float32(255 / pixels.max())).astype(np.uint8)


for n, must in ((1, 1.0), (100, 0.6)):
    many = "" if n == 1 else f", batch of {n}"
    clahe = row(
        f"CLAHE uint8, 8 × 8 tiles{many}",
        section(n).replace("float32", "uint8"),
        must=Must(must, ("OpenCV",)),
        check=Close("OpenCV"),
    )

    @clahe.by(US)
    def _(data: Data, n=n):
        import medoxide as mx

        pixels, transform = grey(data, n), mx.Clahe(clip_limit=2.0)
        return (lambda: transform(pixels)) if n == 1 else (lambda: transform(pixels, channel_axis=0))

    @clahe.by("OpenCV")
    def _(data: Data, n=n):
        import cv2

        return each(cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply, grey(data, n))

    @clahe.by("scikit-image", patient=n > 1)
    def _(data: Data, n=n):
        from skimage.exposure import equalize_adapthist

        def one(picture: np.ndarray) -> Any:
            return (255 * equalize_adapthist(picture, clip_limit=2.0 / 256)).astype(np.uint8)

        return each(one, grey(data, n))


for side, dtype in ((3, "uint8"), (5, "uint8"), (3, "float32"), (5, "float32")):
    medians = row(
        f"median of {side} × {side}, {dtype}",
        section(1).replace("float32", dtype),
        must=Must(1.0),
        check=Close("OpenCV"),
    )

    @medians.by(US)
    def _(data: Data, side=side, dtype=dtype):
        import medoxide as mx

        pixels, transform = grey(data, 1).astype(dtype), mx.MedianSmooth(radius=side // 2)
        return lambda: transform(pixels)

    @medians.by("OpenCV")
    def _(data: Data, side=side, dtype=dtype):
        import cv2

        pixels = grey(data, 1).astype(dtype)
        return lambda: cv2.medianBlur(pixels, side)


otsu = row(
    "Otsu's threshold, uint8",
    section(1).replace("float32", "uint8"),
    must=Must(1.0),
    check=Close("OpenCV"),
)


@otsu.by(US)
def _(data: Data):
    import medoxide as mx

    pixels, transform = grey(data, 1), mx.Threshold(method="otsu")
    return lambda: transform(pixels)


@otsu.by("OpenCV")
def _(data: Data):
    import cv2

    pixels, how = grey(data, 1), cv2.THRESH_BINARY + cv2.THRESH_OTSU
    return lambda: cv2.threshold(pixels, 0, 1, how)[1]


FOUR_K = (2160, 3840)

binary = row(
    "threshold 4K uint8",
    "2-D, 3840×2160 uint8, one picture",
    must=Must(1.0),
    check=Close("OpenCV"),
)


def four_k(data: Data) -> np.ndarray:
    """A picture of a cinema's size."""
    pixels = grey(data, 1)
    times = [-(-n // SIDE) for n in FOUR_K]
    return np.ascontiguousarray(np.tile(pixels, times)[: FOUR_K[0], : FOUR_K[1]])


@binary.by(US)
def _(data: Data):
    import medoxide as mx

    pixels, transform = four_k(data), mx.Threshold(128)
    return lambda: transform(pixels)


@binary.by("OpenCV")
def _(data: Data):
    import cv2

    pixels = four_k(data)
    return lambda: cv2.threshold(pixels, 127, 1, cv2.THRESH_BINARY)[1]


@binary.by("NumPy")
def _(data: Data):
    pixels = four_k(data)
    return lambda: (pixels >= 128).view(np.uint8)


def colours(data: Data) -> np.ndarray:
    """The same with four channels side by side: three of other brightness, and a gradient of opacity."""
    pixels = four_k(data)
    opacity = np.broadcast_to(np.linspace(0, 255, FOUR_K[1]).astype(np.uint8), FOUR_K)
    return np.stack((pixels, pixels[::-1], pixels[:, ::-1], opacity), -1)


brightness = row(
    "RGBA to grey 4K uint8",
    "2-D, 3840×2160 uint8, one picture",
    must=Must(1.0),
    check=Close("OpenCV"),
)


@brightness.by(US)
def _(data: Data):
    import medoxide as mx

    pixels, transform = colours(data), mx.Grey()
    return lambda: transform(pixels, channel_axis=2)


@brightness.by("OpenCV")
def _(data: Data):
    import cv2

    pixels = colours(data)
    return lambda: cv2.cvtColor(pixels, cv2.COLOR_RGBA2GRAY)
