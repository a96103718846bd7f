"""In memory: histograms, thresholds and small neighbourhoods. Each library gets the volume in its own layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from data import Data
from row import US, Close, Must, Work, row
from rows_memory import sitk_by, sitk_image, torch_volume

SECTION = "in memory, histograms and neighbourhoods"
LANDMARKS = [0.0, 9.0, 14.5, 17.0, 21.0, 33.0, 42.0, 55.0, 66.0, 71.0, 78.0, 90.5, 100.0]


def ours(n: int, call: Callable[[Any], Any]) -> Callable[[Data], Any]:
    """A call on our volume of the head."""

    def make(data: Data) -> Any:
        import medoxide as mx

        voxels = data.head(n)
        return lambda: call(mx.Volume(voxels)).numpy()

    return make


def sitk(n: int, call: Callable[[Any, Any], Any]) -> Callable[[Data], Work]:
    """A call of SimpleITK, of the module and an image of the head."""

    def make(data: Data) -> Work:
        import SimpleITK

        image = sitk_image(data.head(n))
        return sitk_by(lambda: call(SimpleITK, image))

    return make


def monai_by(make: Any, data: Data, n: int) -> Work:
    """Work of a MONAI transform on a channels-first tensor."""
    voxels, transform = torch_volume(data.head(n))[None], make()
    return Work(lambda: transform(voxels), lambda t: t[0])


for n in (128, 256):
    equalize = row(f"equalise the histogram {n}³", SECTION, must=Must(1.0), check=Close("scikit-image", absolute=1e-5))

    equalize.by(US)(ours(n, lambda v: v.histogram_equalize()))

    @equalize.by("scikit-image")
    def _(data: Data, n=n):
        from skimage.exposure import equalize_hist

        voxels = data.head_c(n)
        return lambda: equalize_hist(voxels)

    @equalize.by("MONAI", patient=n > 128)
    def _(data: Data, n=n):
        from monai.transforms import HistogramNormalize

        return monai_by(lambda: HistogramNormalize(min=0, max=1), data, n)

    standard = row(f"Nyúl standardisation {n}³", SECTION, must=Must(1.0), check=Close("TorchIO", absolute=1e-3, relative=1e-5))

    standard.by(US)(ours(n, lambda v: v.histogram_standardize(LANDMARKS)))

    @standard.by("TorchIO")
    def _(data: Data, n=n):
        import torchio as tio

        transform = tio.HistogramStandardization({"image": np.array(LANDMARKS)})
        subject = tio.Subject(image=tio.ScalarImage(tensor=torch_volume(data.head(n))[None]))
        return Work(lambda: transform(subject), lambda s: s.image.numpy()[0])

    otsu = row(f"Otsu's threshold {n}³", SECTION, must=Must(1.0), check=Close("scikit-image"))

    otsu.by(US)(ours(n, lambda v: v.threshold(method="otsu")))

    @otsu.by("scikit-image")
    def _(data: Data, n=n):
        from skimage.filters import threshold_otsu

        voxels = data.head_c(n)
        return lambda: voxels > threshold_otsu(voxels)

    otsu.by("SimpleITK")(sitk(n, lambda S, image: S.OtsuThreshold(image, 0, 1, 256)))

    logistic = row(f"sigmoid {n}³", SECTION, must=Must(1.0), check=Close("NumPy", absolute=1e-6))

    logistic.by(US)(ours(n, lambda v: v.sigmoid(500, width=100)))

    @logistic.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head_c(n)
        return lambda: 1 / (1 + np.exp((500 - voxels) / np.float32(100)))

    @logistic.by("torch")
    def _(data: Data, n=n):
        voxels = torch_volume(data.head(n))
        return lambda: voxels.sub(500).mul_(0.01).sigmoid_()

    logistic.by("SimpleITK")(sitk(n, lambda S, image: S.Sigmoid(image, alpha=100.0, beta=500.0, outputMaximum=1.0)))

    logs = row(f"log(1 + x) {n}³", SECTION, must=Must(1.0), check=Close("NumPy", absolute=1e-5))

    logs.by(US)(ours(n, lambda v: v.log()))

    @logs.by("NumPy")
    def _(data: Data, n=n):
        voxels = data.head_c(n)
        return lambda: np.log1p(voxels)

    @logs.by("torch")
    def _(data: Data, n=n):
        voxels = torch_volume(data.head(n))
        return lambda: voxels.log1p()

    medians = row(f"median of 3×3×3 {n}³", SECTION, must=Must(1.0), check=Close("SimpleITK"), quick=n == 128)

    medians.by(US)(ours(n, lambda v: v.median_smooth()))

    medians.by("SimpleITK")(sitk(n, lambda S, image: S.Median(image, (1, 1, 1))))

    @medians.by("SciPy", patient=True)
    def _(data: Data, n=n):
        from scipy.ndimage import median_filter

        voxels = data.head_c(n)
        return lambda: median_filter(voxels, 3, mode="nearest")

    laplace = row(f"Laplacian {n}³", SECTION, must=Must(1.0), check=Close("SciPy", absolute=0.01))

    laplace.by(US)(ours(n, lambda v: v.laplacian()))

    @laplace.by("SciPy")
    def _(data: Data, n=n):
        from scipy.ndimage import laplace

        voxels = data.head_c(n)
        return lambda: laplace(voxels)

    laplace.by("SimpleITK")(sitk(n, lambda S, image: S.Laplacian(image)))

    @laplace.by("torch")
    def _(data: Data, n=n):
        import torch

        voxels = torch_volume(data.head(n))[None, None]
        weights = torch.zeros(1, 1, 3, 3, 3)
        weights[0, 0, 1, 1, :] = weights[0, 0, 1, :, 1] = weights[0, 0, :, 1, 1] = 1
        weights[0, 0, 1, 1, 1] = -6
        pad = torch.nn.functional.pad
        conv = torch.nn.functional.conv3d
        return Work(lambda: conv(pad(voxels, (1,) * 6, mode="replicate"), weights), lambda t: t[0, 0])

    local = row(f"local normalisation, sigma 4 {n}³", SECTION, must=Must(1.0), check=Close("SciPy", absolute=1e-3), quick=n == 128)

    local.by(US)(ours(n, lambda v: v.local_normalize(4)))

    @local.by("SciPy")
    def _(data: Data, n=n):
        from scipy.ndimage import gaussian_filter

        voxels = data.head_c(n)

        def call() -> Any:
            left = voxels - gaussian_filter(voxels, 4)
            deviation = np.sqrt(gaussian_filter(left * left, 4))
            return left / np.maximum(deviation, np.float32(0.1) * voxels.std())

        return call
