"""Random deformations of volumes in memory, float32, and of labels with them."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Data
from row import US, Aim, Close, Must, Work, row
from rows_memory import sitk_by, sitk_image, torch_volume

SECTION = "augmentation, float32"
POINTS = 7
MOST = 7.5


def _shares(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Uniform numbers of -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def _controls() -> np.ndarray:
    """Displacements of a grid of control points, of which those of two layers at the faces stay, (x, y, z, 3)."""
    points = MOST * _shares((POINTS, POINTS, POINTS, 3), 3)
    inner = np.zeros((POINTS,) * 3, bool)
    inner[2:-2, 2:-2, 2:-2] = True
    return np.where(inner[..., None], points, 0)


def _is_elastic(results: Any, _: Any) -> tuple[bool, str]:
    ours, theirs = results[US].astype(np.float64), results["TorchIO"].astype(np.float64)
    inner = np.s_[6:-6, 6:-6, 6:-6]
    worst = np.abs(ours[inner] - theirs[inner]).max() / np.abs(theirs).max()
    return worst < 1e-4, f"off by {worst:.2g} of the largest value, six voxels from the faces"


elastic = row(
    "elastic, 7³ control points, linear, 128³",
    SECTION,
    must=Must(0.12, ("torch",)),
    check=_is_elastic,
    note="must against a coarse field that torch interpolates trilinearly",
)


@elastic.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    # Control points are numbered, and displaced, along x, y, z of the voxels here, along left, posterior, superior in TorchIO.
    points = (_controls()[::-1, ::-1] * [-1, -1, 1]).transpose(2, 1, 0, 3).reshape(-1, 3).tolist()
    return lambda: mx.Volume(voxels).elastic(displacements=points).numpy()


@elastic.by("torch")
def _(data: Data):
    import torch
    from torch.nn import functional

    image = torch_volume(data.head(128))[None, None]
    coarse = torch.from_numpy(_controls().astype(np.float32)).permute(3, 0, 1, 2)[None] / 64
    still = functional.affine_grid(torch.eye(3, 4)[None], (1, 1, 128, 128, 128), align_corners=False)

    def call() -> Any:
        field = functional.interpolate(coarse, (128, 128, 128), mode="trilinear", align_corners=True)
        grid = still + field.permute(0, 2, 3, 4, 1)
        return functional.grid_sample(image, grid, padding_mode="border", align_corners=False)

    return Work(call, lambda t: t[0, 0])


@elastic.by("TorchIO")
def _(data: Data):
    import torchio
    from torchio.transforms.augmentation.spatial.random_elastic_deformation import ElasticDeformation

    image = torchio.ScalarImage(tensor=torch_volume(data.head(128))[None])
    move = ElasticDeformation(_controls(), (MOST,) * 3)
    return Work(lambda: move(image), lambda image: image.data[0])


@elastic.by("MONAI", patient=True)
def _(data: Data):
    from monai.transforms import Rand3DElastic

    voxels = torch_volume(data.head(128))[None]
    move = Rand3DElastic((5, 5), (100, 100), prob=1.0, padding_mode="border")
    return Work(lambda: move(voxels), lambda t: t[0])


ANGLES = (0.2, -0.3, 0.25)
SCALE = 0.9
PATCH = 128


def _is_spatial(results: Any, _: Any) -> tuple[bool, str]:
    (image, label), (wanted, labels) = results[US], results["batchgeneratorsv2"]
    worst = np.abs(image.astype(np.float64) - wanted).max() / np.abs(wanted).max()
    differ = float(np.mean(label != labels))
    return worst < 1e-4 and differ < 1e-3, f"image off by {worst:.2g}, labels differ at {differ:.2g} of the voxels"


spatial = row(
    "nnU-Net's spatial transform, 160³ to 128³, with a 3-label map",
    SECTION,
    must=Must(0.1),
    check=_is_spatial,
    note="rotated and scaled, labels by linear one-hot and largest",
)


def _pair(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """A volume of 160³ and a map of labels 0, 1, 2."""
    voxels = np.pad(data.head(128), 16, mode="edge")
    low, high = np.percentile(voxels, (40, 75))
    return voxels, ((voxels > low).astype(np.int8) + (voxels > high)).astype(np.int8)


def _both(result: Any) -> np.ndarray:
    """The image and its label in one array."""
    return np.stack([np.asarray(part, np.float32) for part in result])


@spatial.by(US)
def _(data: Data):
    import medoxide as mx

    voxels, labels = (np.ascontiguousarray(a) for a in _pair(data))
    move = mx.Affine(
        rotate=tuple(np.degrees(ANGLES).tolist()),
        scale=SCALE,
        moves="grid",
        unit="voxels",
        mode="constant",
        label_interpolation="linear",
        label_value=-1,
    )
    pipeline = mx.Pipeline([move, mx.CropOrPad(PATCH)])
    image, label = mx.Volume(voxels), mx.Volume(labels, role="label")

    def call() -> Any:
        out = pipeline({"image": image, "label": label})
        return out["image"].numpy(), out["label"].numpy()

    return Work(call, _both)


@spatial.by("batchgeneratorsv2")
def _(data: Data):
    import torch
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

    voxels, labels = (torch.from_numpy(np.ascontiguousarray(a))[None] for a in _pair(data))
    move = SpatialTransform(
        (PATCH,) * 3,
        PATCH / 2,
        random_crop=False,
        p_rotation=1,
        rotation=lambda image, dim: ANGLES[dim],
        p_scaling=1,
        scaling=lambda image, dim: SCALE,
        p_synchronize_scaling_across_axes=1,
        border_mode_seg="constant",
        padding_value_seg=-1,
        seg_tiebreak="lowest",
    )

    def call() -> Any:
        out = move(image=voxels, segmentation=labels)
        return out["image"][0], out["segmentation"][0]

    return Work(call, _both)


SAMPLERS = "samplers in memory, float32"


def _sampled(name: str, n: int, shape: int, parameters: dict[str, Any], peers: dict[str, Any], check: Any, must: Must, aim: Aim | None = None):
    """A volume of n³ on `shape`³ voxels of the same field of view."""
    made = row(f"{name}, {n}³ to {shape}³", SAMPLERS, must=must, aim=aim, check=check)

    @made.by(US)
    def _(data: Data):
        import medoxide as mx

        voxels = data.head(n)
        return lambda: mx.Volume(voxels).resample(shape=shape, **parameters).numpy()

    for peer, candidate in peers.items():
        patient = peer in ("SciPy", "SimpleITK")
        made.by(peer, patient=patient)(lambda data, candidate=candidate: candidate(data.head(n), shape))


def _scipy_cubic(voxels: np.ndarray, shape: int) -> Any:
    from scipy import ndimage

    return lambda: ndimage.zoom(voxels, shape / voxels.shape[0], order=3, mode="nearest", grid_mode=True)


def _sitk_on(voxels: np.ndarray, shape: int, how: str) -> Any:
    """SimpleITK's resampling onto the same field of view."""
    import SimpleITK as sitk

    image = sitk_image(voxels)
    step = voxels.shape[0] / shape
    settings = ([shape] * 3, sitk.Transform(), getattr(sitk, how), [(step - 1) / 2] * 3, [step] * 3)
    return sitk_by(lambda: sitk.Resample(image, *settings, image.GetDirection(), 0.0, sitk.sitkFloat32))


def _torch_area(voxels: np.ndarray, shape: int) -> Any:
    from torch.nn import functional

    given = torch_volume(voxels)[None, None]
    return Work(lambda: functional.interpolate(given, (shape,) * 3, mode="area"), lambda t: t[0, 0])


def _monai_area(voxels: np.ndarray, shape: int) -> Any:
    from monai.transforms import Resize

    given, move = torch_volume(voxels)[None], Resize((shape,) * 3, mode="area")
    return Work(lambda: move(given), lambda t: t[0])


for _n, _shape in ((128, 160), (128, 64), (256, 320)):
    _sampled(
        "resample cubic",
        _n,
        _shape,
        {"interpolation": "cubic"},
        {"SciPy": _scipy_cubic, "SimpleITK": lambda v, s: _sitk_on(v, s, "sitkBSpline")},
        Close("SciPy", absolute=0.05),
        Must(0.2),
    )
for _n, _shape in ((128, 64), (256, 128), (256, 100)):
    _sampled(
        "resample area",
        _n,
        _shape,
        {"interpolation": "area", "preset": "torch"},
        {"torch": _torch_area, "MONAI": _monai_area},
        Close("torch", absolute=0.02),
        Must(1.0),
    )
for _n, _shape in ((128, 160), (128, 64)):
    # ITK's window is that of the input's voxels, also where the output's are wider: another filter there, and less work.
    _sampled(
        "resample Lanczos",
        _n,
        _shape,
        {"interpolation": "lanczos"},
        {"SimpleITK": lambda v, s: _sitk_on(v, s, "sitkLanczosWindowedSinc")},
        None,
        Must(1.0),
    )


def _oblique(n: int) -> np.ndarray:
    """A grid that is turned by 10° against the first, of voxels a tenth smaller, about the same centre."""
    turn = np.eye(4)
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    turn[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * 0.9
    turn[:3, 3] = (n - 1) / 2 * (1 - turn[:3, :3].sum(1))
    return turn


for _how, _theirs, _order in (("linear", "sitkLinear", 1), ("cubic", "sitkBSpline", 3)):
    onto = row(f"resample_to an oblique grid, {_how}, 128³", SAMPLERS, must=Must(0.45 if _order == 1 else 0.2), check=Close("SciPy", absolute=0.05))

    @onto.by(US)
    def _(data: Data, how: str = _how):
        import medoxide as mx

        voxels = data.head(128)
        grid = {"shape": (128,) * 3, "affine": _oblique(128).tolist()}
        return lambda: mx.Volume(voxels).resample_to(grid=grid, interpolation=how, mode="edge").numpy()

    @onto.by("SciPy")
    def _(data: Data, order: int = _order):
        from scipy import ndimage

        voxels, affine = data.head(128), _oblique(128)
        return lambda: ndimage.affine_transform(voxels, affine[:3, :3], affine[:3, 3], order=order, mode="nearest")

    @onto.by("SimpleITK")
    def _(data: Data, theirs: str = _theirs):
        import SimpleITK as sitk

        image, affine = sitk_image(data.head(128)), _oblique(128)
        settings = ((128,) * 3, sitk.Transform(), getattr(sitk, theirs), affine[:3, 3].tolist(), [0.9] * 3)
        direction = (affine[:3, :3] / 0.9).ravel().tolist()
        return sitk_by(lambda: sitk.Resample(image, *settings, direction, 0.0, sitk.sitkFloat32))


spline = row("bspline_deform, 7³ control points, linear, 128³", SAMPLERS, must=Must(0.45, ("SimpleITK",)), check=Close("SimpleITK", absolute=0.5, margin=8))


@spline.by(US)
def _(data: Data):
    import medoxide as mx

    voxels = data.head(128)
    points = _controls().transpose(2, 1, 0, 3).reshape(-1, 3).tolist()
    return lambda: mx.Volume(voxels).bspline_deform(POINTS, points).numpy()


@spline.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image = sitk_image(data.head(128))
    move = sitk.BSplineTransformInitializer(image, [POINTS - 3] * 3, order=3)
    move.SetParameters(_controls().transpose(3, 2, 1, 0).ravel().tolist())
    return sitk_by(lambda: sitk.Resample(image, image, move, sitk.sitkLinear))
