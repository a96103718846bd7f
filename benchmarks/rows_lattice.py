"""In memory, float32, 128³: geometry. Exact copies first, then sampling between voxels."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Aim, Close, Must, Work, copy, row
from rows_chain import about_centre, turn
from rows_memory import bytes_of, medrs_by, medrs_image, sitk_by, sitk_image, torch_volume, transposed

COPIES = "geometry in memory, copies, float32 128³"
SAMPLING = "geometry in memory, sampled, 128³"

BOX = (102, 102, 128)
"""Cropped to four fifths in x and y: what crop and crop-or-pad leave."""


def _copying(
    name: str, ours: Any, numpy: Any, torch: Any, kept: bool, medrs: Any = None, n_out: int = 128**3
):
    """A copy: by NumPy on x-fastest voxels, by torch on a tensor whose last axis is x, as each likes it."""
    made = row(
        name,
        COPIES,
        must=Must(1.0, ("NumPy",)) if kept else Must(0.3),
        aim=Aim(1.2 if kept else 1.5, copy(4 * n_out)),
        check=Close("NumPy"),
    )

    @made.by(US)
    def _(data: Data):
        import medoxide as mx

        voxels = data.head(128)
        return lambda: ours(mx.Volume(voxels)).numpy()

    @made.by("NumPy")
    def _(data: Data):
        voxels = data.head(128)
        return lambda: numpy(voxels)

    if torch is not None:

        @made.by("torch")
        def _(data: Data):
            import torch as library

            voxels = library.from_numpy(data.head(128).T)
            return Work(lambda: torch(library, voxels), lambda t: t.permute(2, 1, 0))

    if medrs is not None:

        @made.by("medrs")
        def _(data: Data):
            image = medrs_image(data.head(128))
            return Work(lambda: medrs(image).to_numpy())


def _packed(view: np.ndarray) -> np.ndarray:
    return np.array(view, order="F")


_copying(
    "crop to 102×102×128",
    lambda v: v.crop((13, 13, 0), BOX),
    lambda a: _packed(a[13:115, 13:115]),
    lambda _, t: t[:, 13:115, 13:115].contiguous(),
    kept=True,
    n_out=102 * 102 * 128,
)


def _numpy_pad(a: np.ndarray) -> np.ndarray:
    out = np.zeros((144, 144, 144), np.float32, order="F")
    out[8:-8, 8:-8, 8:-8] = a
    return out


_copying(
    "pad by 8",
    lambda v: v.pad(8),
    _numpy_pad,
    lambda library, t: library.nn.functional.pad(t, (8,) * 6),
    kept=True,
    n_out=144**3,
)


def _numpy_crop_or_pad(a: np.ndarray) -> np.ndarray:
    out = np.zeros((102, 102, 140), np.float32, order="F")
    out[:, :, 6:134] = a[13:115, 13:115]
    return out


_copying(
    "crop or pad to 102×102×140",
    lambda v: v.crop_or_pad((102, 102, 140)),
    _numpy_crop_or_pad,
    lambda library, t: library.nn.functional.pad(t[:, 13:115, 13:115], (0, 0, 0, 0, 6, 6)),
    kept=True,
    medrs=lambda image: image.crop_or_pad([102, 102, 140]),
    n_out=102 * 102 * 140,
)
for axes in ((2,), (0,), (0, 1, 2)):
    _copying(
        f"flip {'xyz'[axes[0]] if len(axes) == 1 else 'xyz'}",
        lambda v, axes=axes: v.flip(axes),
        lambda a, axes=axes: _packed(np.flip(a, axes)),
        lambda library, t, axes=axes: library.flip(t, [2 - i for i in axes]),
        kept=True,
        medrs=lambda image, axes=axes: image.flip(list(axes)),
    )
_copying(
    "rot90 in y, z (x kept)",
    lambda v: v.rot90(axes=(1, 2)),
    lambda a: _packed(np.rot90(a, 1, (1, 2))),
    lambda library, t: library.rot90(t, 1, (1, 0)).contiguous(),
    kept=True,
)
_copying(
    "reorient RAS → LPS (x kept)",
    lambda v: v.reorient("LPS"),
    lambda a: _packed(a[::-1, ::-1]),
    lambda library, t: library.flip(t, (1, 2)),
    kept=True,
    medrs=lambda image: image.reorient("LPS"),
)
_copying(
    "rot90 in x, y",
    lambda v: v.rot90(axes=(0, 1)),
    lambda a: _packed(np.rot90(a, 1, (0, 1))),
    lambda library, t: library.rot90(t, 1, (2, 1)).contiguous(),
    kept=False,
)
_copying(
    "reorient RAS → PIR (axes permuted)",
    lambda v: v.reorient("PIR"),
    lambda a: _packed(np.flip(a.transpose(1, 2, 0), (0, 1))),
    lambda library, t: library.flip(t, (0, 1)).permute(2, 0, 1).contiguous(),
    kept=False,
    medrs=lambda image: image.reorient("PIR"),
)


def _resampling(
    name: str, step: float, nearest: bool, must: float, aim: Aim, check: Close, note: str = ""
) -> None:
    n_out = round(128 / step)
    ours = "nearest" if nearest else "linear"
    made = row(name, SAMPLING, must=Must(must), aim=aim, check=check, note=note)

    @made.by(US)
    def _(data: Data):
        import medoxide as mx

        voxels = data.head(128)
        return lambda: mx.Volume(voxels).resample(step, interpolation=ours).numpy()

    @made.by("torch")
    def _(data: Data):
        import torch

        image = torch.from_numpy(data.head(128).T)[None, None]
        mode = "nearest-exact" if nearest else "trilinear"
        return Work(lambda: torch.nn.functional.interpolate(image, size=(n_out,) * 3, mode=mode), transposed)

    @made.by("medrs", patient=nearest)
    def _(data: Data):
        image = medrs_image(data.head(128))
        method = "nearest" if nearest else "trilinear"
        return medrs_by(lambda: image.resample([step] * 3, method))

    @made.by("SimpleITK", patient=step < 1)
    def _(data: Data):
        import SimpleITK as sitk

        image = sitk_image(data.head(128))
        how = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
        origin = [(step - 1) / 2] * 3
        identity = sitk.Transform(3, sitk.sitkIdentity)
        return sitk_by(
            lambda: sitk.Resample(image, [n_out] * 3, identity, how, origin, [step] * 3, image.GetDirection())
        )

    @made.by("SciPy", patient=True)
    def _(data: Data):
        from scipy.ndimage import zoom

        voxels = data.head_c(128)
        order = 0 if nearest else 1
        return lambda: zoom(voxels, n_out / 128, order=order, grid_mode=True, mode="nearest")

    @made.by("MONAI", patient=True)
    def _(data: Data):
        from monai.data import MetaTensor
        from monai.transforms import Spacing

        image = MetaTensor(torch_volume(data.head(128))[None], affine=np.eye(4))
        spacing = Spacing([step] * 3, mode="nearest" if nearest else "bilinear")
        return Work(lambda: spacing(image), lambda image: image.as_tensor()[0])


def _moved(n_out: int) -> Aim:
    """One and a half times the copy that moves as many bytes: those read and those written, halved."""
    return Aim(1.5, copy((bytes_of(128) + bytes_of(n_out)) // 2))


_MEMORY = "aim: memory-bound, taken as 1.5 × a copy of the same traffic"
_linear = Close("torch", absolute=2e-2)
_resampling("resample linear 1 → 2 mm", 2.0, False, 1.0, _moved(64), _linear, _MEMORY)
_resampling("resample linear 1 → 0.8 mm", 0.8, False, 0.35, _moved(160), _linear, _MEMORY)
_resampling("resample nearest 1 → 2 mm", 2.0, True, 1.0, Aim(1.5, copy(bytes_of(64))), Close("torch"))
_resampling("resample nearest 1 → 0.8 mm", 0.8, True, 1.0, Aim(1.5, copy(bytes_of(160))), Close("torch"))

labels = row(
    "resample nearest 1 → 0.8 mm, uint8 labels",
    SAMPLING,
    must=Must(1.0),
    aim=Aim(1.5, copy(160**3)),
    check=Close("torch"),
)


def _labels(data: Data) -> np.ndarray:
    return np.asfortranarray(np.clip(data.head(128) / 100, 0, 20).astype(np.uint8))


@labels.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = _labels(data)
    return lambda: mx.Volume(voxels).resample(0.8, interpolation="nearest").numpy()


@labels.by("torch")
def _(data: Data):
    import torch

    image = torch.from_numpy(_labels(data).T)[None, None]
    return Work(
        lambda: torch.nn.functional.interpolate(image, size=(160,) * 3, mode="nearest-exact"), transposed
    )


@labels.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image, origin = sitk_image(_labels(data)), [-0.1] * 3
    identity, how = sitk.Transform(3, sitk.sitkIdentity), sitk.sitkNearestNeighbor
    return sitk_by(
        lambda: sitk.Resample(image, [160] * 3, identity, how, origin, [0.8] * 3, image.GetDirection())
    )


affine = row(
    "affine, rotate 10°, scale 1.05, linear",
    SAMPLING,
    must=Must(0.45),
    aim=Aim(5.0),
    check=Close("SciPy", absolute=2e-2),
)


def _map() -> tuple[np.ndarray, np.ndarray]:
    return about_centre(1.05 * turn(2, 10), 128)


@affine.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    return lambda: mx.Volume(voxels).affine_transform((0, 0, 10), scale=1.05).numpy()


@affine.by("SciPy")
def _(data: Data):
    from scipy.ndimage import affine_transform

    voxels, (matrix, offset) = data.head_c(128), _map()
    return lambda: affine_transform(voxels, matrix, offset, order=1, mode="nearest")


@affine.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image, (matrix, offset) = sitk_image(data.head(128)), _map()
    moved = sitk.AffineTransform(matrix.ravel().tolist(), offset.tolist())
    return sitk_by(lambda: sitk.Resample(image, image, moved, sitk.sitkLinear))


@affine.by("torch")
def _(data: Data):
    import torch

    image, (matrix, _) = torch.from_numpy(data.head(128).T)[None, None], _map()
    theta = torch.from_numpy(np.concatenate([matrix, np.zeros((3, 1))], 1).astype(np.float32))[None]

    def call() -> Any:
        grid = torch.nn.functional.affine_grid(theta, (1, 1, 128, 128, 128), align_corners=False)
        return torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=False)

    return Work(call, transposed)


@affine.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import Affine

    voxels = torch_volume(data.head(128))[None]
    matrix = np.eye(4)
    matrix[:3, :3] = _map()[0]
    move = Affine(affine=matrix, padding_mode="border", image_only=True)
    return Work(lambda: move(voxels), lambda image: image[0])


@affine.by("TorchIO", patient=True)
def _(data: Data):
    import torchio

    image = torchio.ScalarImage(tensor=torch_volume(data.head(128))[None])
    move = torchio.Affine((1.05,) * 3, (0, 0, 10), (0, 0, 0), default_pad_value="minimum")
    return Work(lambda: move(image), lambda image: image.data[0])
