"""Every transform of the catalog at 128³ and 256³, each against what others have for the same work.

Inputs are a head (float32), its label (two classes of tissue), the same as channels, and noise of labels. Parameters are those of a usual augmentation, or the defaults; peers have the same
work, or what comes nearest, by their fastest documented call. That the numbers agree is the matter of the parity tests; where a peer draws its own numbers, only time is compared. Beside the times
stands our memory at its highest: what a call needs besides its input, as a multiple of the input's bytes, the result included.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data import Data, template_path
from row import US, Aim, Must, Work, copy, row
from rows_contrast import LANDMARKS
from rows_memory import torch_volume

SECTION = "catalog"
SIZES = (128, 256)

Maker = Callable[[np.ndarray], Any]
"""Gets the input, does what is not timed, gives the call."""


@dataclass
class Entry:
    """What is measured of a transform."""

    given: dict[str, Any] = field(default_factory=dict)
    """Parameters; a function makes one when it is needed."""
    input: str = "image"
    peers: dict[str, Maker] = field(default_factory=dict)
    slow: dict[str, Maker] = field(default_factory=dict)
    """Peers that are measured at 128³ only: a call takes a second or more."""
    alone: str = ""
    """Why there is no peer, if there is none."""
    all: bool = False
    """Whether it makes several samples or items: then the whole sample is computed."""


def inputs(data: Data, kind: str, n: int) -> np.ndarray:
    """An input, x fastest."""
    if kind == "image":
        return data.head(n)
    label = data.label(n)
    if kind == "noise":
        return np.asfortranarray((np.random.default_rng(3).random(label.shape) < 0.3).astype(np.uint8))
    if kind == "channels":
        return np.asfortranarray(np.stack([label == v for v in range(3)], -1).astype(np.float32))
    return label


def monai(name: str, /, *, also: str = "", **given: Any) -> Maker:
    """A transform of MONAI on a tensor with a channel, which is given by another name too. Crops are views of it, and some change it: they are copied as a loop would have to."""

    def make(voxels: np.ndarray) -> Any:
        import monai.transforms

        tensor = channels_first(voxels)
        transform = getattr(monai.transforms, name)(**given)
        named = {also: tensor} if also else {}
        if "Crop" in name and "Pad" not in name:
            return lambda: [one.clone() for one in _several(transform(tensor, **named))]
        if name == "RandCoarseDropout":
            return lambda: transform(tensor.clone())
        return lambda: transform(tensor, **named)

    return make


def _several(made: Any) -> list[Any]:
    return made if isinstance(made, list) else [made]


def torchio(name: str, /, **given: Any) -> Maker:
    """A transform of TorchIO on an image, or a label if the voxels are whole numbers."""

    def make(voxels: np.ndarray) -> Any:
        import torchio as tio

        kind = tio.LabelMap if voxels.dtype == np.uint8 else tio.ScalarImage
        image, transform = kind(tensor=channels_first(voxels)), getattr(tio, name)(**given)
        return lambda: transform(image)

    return make


def nnunet(path: str, /, **given: Any) -> Maker:
    """A transform of batchgeneratorsv2, by module and class."""

    def make(voxels: np.ndarray) -> Any:
        import importlib

        module, name = path.rsplit(".", 1)
        transform = getattr(importlib.import_module(f"batchgeneratorsv2.transforms.{module}"), name)(**given)
        tensor = channels_first(voxels)
        key = "segmentation" if voxels.dtype == np.uint8 else "image"
        return lambda: transform(**{key: tensor.clone() if key == "image" else tensor})

    return make


def sitk(call: Callable[[Any, Any], Any]) -> Maker:
    """A call of SimpleITK, of the module and an image."""

    def make(voxels: np.ndarray) -> Any:
        import SimpleITK

        image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
        return lambda: call(SimpleITK, image)

    return make


def torch(call: Callable[[Any, Any], Any]) -> Maker:
    """A call of torch, of the module and a contiguous tensor (x, y, z)."""

    def make(voxels: np.ndarray) -> Any:
        import torch

        tensor = torch_volume(voxels)
        return lambda: call(torch, tensor)

    return make


def torch_channels(call: Callable[[Any, Any], Any]) -> Maker:
    """The same on a tensor with channels in front."""

    def make(voxels: np.ndarray) -> Any:
        import torch

        tensor = channels_first(voxels)
        return lambda: call(torch, tensor)

    return make


def array(call: Callable[[np.ndarray], Any]) -> Maker:
    """A call of NumPy, SciPy and what works on their arrays, on the layout that it likes best."""

    def make(voxels: np.ndarray) -> Any:
        return lambda: call(voxels)

    return make


def c_array(call: Callable[[np.ndarray], Any]) -> Maker:
    """The same on z fastest."""

    def make(voxels: np.ndarray) -> Any:
        turned = np.ascontiguousarray(voxels)
        return lambda: call(turned)

    return make


def channels_first(voxels: np.ndarray) -> Any:
    """A tensor with channels first, one if the array has none."""
    import torch

    if voxels.ndim == 3:
        return torch_volume(voxels)[None]
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(voxels, -1, 0)))


def ndimage(name: str, *args: Any, **given: Any) -> Maker:
    """A function of `scipy.ndimage`."""

    def call(voxels: np.ndarray) -> Any:
        import scipy.ndimage

        return getattr(scipy.ndimage, name)(voxels, *args, **given)

    return c_array(call)


def skimage(path: str, *args: Any, **given: Any) -> Maker:
    """A function of scikit-image, by module and name."""

    def call(voxels: np.ndarray) -> Any:
        import importlib

        module, name = path.rsplit(".", 1)
        return getattr(importlib.import_module(f"skimage.{module}"), name)(voxels, *args, **given)

    return c_array(call)


def cc3d(name: str, **given: Any) -> Maker:
    """A function of connected-components-3d."""

    def call(voxels: np.ndarray) -> Any:
        import cc3d

        return getattr(cc3d, name)(voxels, **given)

    return array(call)


def edt(name: str, **given: Any) -> Maker:
    """A function of edt."""

    def call(voxels: np.ndarray) -> Any:
        import edt

        return getattr(edt, name)(voxels, parallel=2, **given)

    return array(call)


def _numpy_rescale(v: np.ndarray) -> np.ndarray:
    low, high = np.percentile(v, (1, 99))
    return (np.clip(v, low, high) - low) / (high - low)


def _torch_noise(t: Any, v: Any) -> Any:
    return v + t.randn_like(v).mul_(20)


def _torch_sample(t: Any, v: Any) -> Any:
    turn = t.tensor([[[0.985, -0.174, 0, 0], [0.174, 0.985, 0, 0], [0, 0, 1, 0]]])
    grid = t.nn.functional.affine_grid(turn, (1, 1, *v.shape), align_corners=False)
    return t.nn.functional.grid_sample(v[None, None], grid, align_corners=False, padding_mode="border")


def _torch_displaced(t: Any, v: Any) -> Any:
    field = t.zeros(1, 3, 2, 2, 2)
    field[0, :, 0, 0, 0] = 0.1
    wide = t.nn.functional.interpolate(field, v.shape, mode="trilinear", align_corners=False)
    grid = t.nn.functional.affine_grid(t.eye(3, 4)[None], (1, 1, *v.shape), align_corners=False)
    return t.nn.functional.grid_sample(v[None, None], grid + wide.permute(0, 2, 3, 4, 1), align_corners=False)


def _elastic(S: Any, image: Any) -> Any:
    transform = S.BSplineTransformInitializer(image, [4, 4, 4])
    transform.SetParameters([5.0 * (-1) ** n for n in range(len(transform.GetParameters()))])
    return S.Resample(image, image, transform, S.sitkLinear)


def _torch_argmax(voxels: np.ndarray) -> Any:
    tensor = channels_first(voxels)
    return lambda: tensor.argmax(0)


def _subject(voxels: np.ndarray) -> Any:
    import torchio as tio

    kind = tio.LabelMap if voxels.dtype == np.uint8 else tio.ScalarImage
    return tio.Subject(label=kind(tensor=channels_first(voxels)))


def _windows(voxels: np.ndarray) -> Any:
    import torchio as tio

    subject = _subject(voxels)
    return lambda: list(tio.GridSampler(subject, 64))


def _painted(voxels: np.ndarray) -> Any:
    import torchio as tio

    subject, transform = _subject(voxels), tio.RandomLabelsToImage(label_key="label")
    return lambda: transform(subject)


def _wrapped(v: np.ndarray) -> np.ndarray:
    out, period = v.copy("F"), round(v.shape[1] * 0.8)
    out[:, :-period] += v[:, period:]
    out[:, period:] += v[:, :-period]
    return out


def _dilated(v: np.ndarray) -> np.ndarray:
    import scipy.ndimage

    return scipy.ndimage.binary_dilation(v == 1, _ball(2))


def _operated(v: np.ndarray) -> Any:
    path = "nnunet.random_binary_operator.ApplyRandomBinaryOperatorTransform"
    return nnunet(path, channel_idx=0, strel_size=(2, 2), p_per_label=1)(np.asarray(v == 1, np.float32))


def _ball(radius: int) -> np.ndarray:
    reach = np.arange(-radius, radius + 1) ** 2
    return reach[:, None, None] + reach[:, None] + reach <= radius**2


def _adapted(v: np.ndarray) -> Any:
    from skimage.exposure import equalize_adapthist

    unit = np.ascontiguousarray(v / v.max())
    return lambda: equalize_adapthist(unit, clip_limit=0.01)


def _matched(v: np.ndarray) -> Any:
    import nibabel
    from skimage.exposure import match_histograms

    image, reference = np.ascontiguousarray(v), nibabel.load(template_path()).get_fdata(dtype=np.float32)
    return lambda: match_histograms(image, reference)


def _standardized(v: np.ndarray) -> Any:
    import torchio as tio

    transform = tio.HistogramStandardization({"image": np.array(LANDMARKS)})
    subject = tio.Subject(image=tio.ScalarImage(tensor=channels_first(v)))
    return lambda: transform(subject)


def _otsu(v: np.ndarray) -> Any:
    from skimage.filters import threshold_otsu

    image = np.ascontiguousarray(v)
    return lambda: image > threshold_otsu(image)


def _onto(S: Any, image: Any) -> Any:
    turn = (0.9965, 0.083, 0, -0.083, 0.9965, 0, 0, 0, 1)
    return S.Resample(image, (100, 100, 100), S.Transform(), S.sitkLinear, (3, 2, 1), (1.2, 1.2, 1.2), turn)


CONTROLS = [[5 * (-1) ** n, 4 * (-1) ** (n // 4), 0] for n in range(64)]

FIELD = [[[[0, 0, 0], [9, 0, -6]], [[-9, 5, 4], [6, -8, 0]]], [[[5, 9, 6], [0, 0, -9]], [[-6, 0, 8], [9, 6, 0]]]]

CATALOG: dict[str, Entry] = {
    "affine": Entry(
        {"rotate": (0, 0, 10)},
        peers={"torch": torch(_torch_sample), "SimpleITK": sitk(lambda S, i: S.Resample(i, i, S.Euler3DTransform((64, 64, 64), 0, 0, 0.174), S.sitkLinear))},
        slow={"TorchIO": torchio("Affine", scales=1, degrees=(0, 0, 10), translation=0)},
    ),
    "anisotropy": Entry({"factor": 2, "axes": 2}, slow={"TorchIO": torchio("RandomAnisotropy", axes=2, downsampling=2)}),
    "argmax": Entry(
        input="channels",
        peers={"torch": _torch_argmax, "NumPy": c_array(lambda v: v.argmax(-1)), },
    ),
    "bias_field": Entry({"coefficients": (0.05, 0.05)}, peers={"MONAI": monai("RandBiasField", prob=1)}),
    "boundary": Entry(
        input="label",
        peers={"SimpleITK": sitk(lambda S, i: S.LabelContour(i)), "MONAI": lambda v: monai("LabelToContour")(np.asarray(v, np.float32))},
        slow={"SciPy: scikit-image": skimage("segmentation.find_boundaries", mode="inner")},
    ),
    "bspline_deform": Entry({"control_points": 4, "displacements": CONTROLS}, slow={"SimpleITK": sitk(_elastic)}),
    "cast": Entry({"dtype": "int16"}, peers={"NumPy": array(lambda v: v.astype(np.int16)), "torch": torch(lambda t, v: v.to(t.int16)), "SimpleITK": sitk(lambda S, i: S.Cast(i, S.sitkInt16))}),
    "clahe": Entry({}, slow={"SciPy: scikit-image": _adapted}),
    "clamp": Entry({"min": 100, "max": 1500}, peers={"torch": torch(lambda t, v: v.clamp(100, 1500)), "NumPy": array(lambda v: np.clip(v, 100, 1500))}),
    "coarse_dropout": Entry({"holes": 20, "shape": 16, "fill": (0, 0)}, peers={"MONAI": monai("RandCoarseDropout", holes=20, spatial_size=16, fill_value=0, prob=1)}),
    "contrast": Entry({"factor": 1.2}, peers={"batchgeneratorsv2": nnunet("intensity.contrast.ContrastTransform", contrast_range=1.2, preserve_range=True, synchronize_channels=True), "MONAI": monai("ScaleIntensityFixedMean", factor=0.2)}),
    "crop": Entry({"start": (10, 10, 10), "shape": (96, 96, 96)}, peers={"NumPy": array(lambda v: v[10:106, 10:106, 10:106].copy("F")), "torch": torch(lambda t, v: v[10:106, 10:106, 10:106].contiguous())}),
    "crop_foreground": Entry({}, peers={"MONAI": monai("CropForeground", allow_smaller=True)}),
    "crop_or_pad": Entry({"shape": (140, 100, 120)}, peers={"MONAI": monai("ResizeWithPadOrCrop", spatial_size=(140, 100, 120)), "TorchIO": torchio("CropOrPad", target_shape=(140, 100, 120))}),
    "crop_to_label": Entry({"values": (1,)}, "label", all=True, peers={"MONAI": monai("CropForeground", allow_smaller=True)}),
    "displace": Entry({"field": FIELD}, slow={"torch": torch(_torch_displaced)}),
    "distance_transform": Entry(
        input="label",
        peers={"SciPy: edt": edt("edt"), "SimpleITK": sitk(lambda S, i: S.SignedMaurerDistanceMap(i > 0, squaredDistance=False))},
        slow={"SciPy": ndimage("distance_transform_edt"), "MONAI": monai("DistanceTransformEDT")},
    ),
    "divisible_pad": Entry({"multiple": 48}, peers={"MONAI": monai("DivisiblePad", k=48), "TorchIO": torchio("EnsureShapeMultiple", target_multiple=48, method="pad")}),
    "elastic": Entry({"max_displacement": 5}, slow={"SimpleITK": sitk(_elastic), "TorchIO": torchio("RandomElasticDeformation", max_displacement=5)}),
    "elastic_noise": Entry({"sigma": 6, "magnitude": 100}, slow={"MONAI": monai("Rand3DElastic", sigma_range=(6, 6), magnitude_range=(100, 100), prob=1)}),
    "fill_holes": Entry({}, "label", slow={"MONAI": monai("FillHoles", connectivity=1), "SimpleITK": sitk(lambda S, i: [S.BinaryFillhole(i == v) for v in (1, 2)])}),
    "flip": Entry({"axes": "xy"}, peers={"NumPy": array(lambda v: v[::-1, ::-1].copy("F")), "torch": torch(lambda t, v: v.flip(0, 1)), "TorchIO": torchio("Flip", axes=(0, 1))}),
    "gamma": Entry({"gamma": 0.7}, peers={"batchgeneratorsv2": nnunet("intensity.gamma.GammaTransform", gamma=0.7, p_invert_image=0, synchronize_channels=True, p_per_channel=1, p_retain_stats=0), "MONAI": monai("AdjustContrast", gamma=0.7), "TorchIO": torchio("Gamma", gamma=0.7)}),
    "gaussian_noise": Entry({"std": 20}, peers={"torch": torch(_torch_noise), "SimpleITK": sitk(lambda S, i: S.AdditiveGaussianNoise(i, 20, 0, 1)), "MONAI": monai("RandGaussianNoise", std=20, prob=1)}),
    "gaussian_sharpen": Entry({}, slow={"MONAI": monai("GaussianSharpen")}),
    "gaussian_smooth": Entry({"sigma": 1}, peers={"SimpleITK": sitk(lambda S, i: S.DiscreteGaussian(i, 1.0)), "batchgeneratorsv2": nnunet("noise.gaussian_blur.GaussianBlurTransform", blur_sigma=1, synchronize_channels=True, synchronize_axes=True), "SciPy": ndimage("gaussian_filter", 1), "TorchIO": torchio("Blur", std=1)}),
    "ghosting": Entry({"ghosts": 4, "intensity": 0.5, "axes": 1}, peers={"TorchIO": torchio("RandomGhosting", num_ghosts=(4, 4), axes=1, intensity=(0.5, 0.5))}),
    "gibbs_ringing": Entry({"alpha": 0.5}, peers={"MONAI": monai("GibbsNoise", alpha=0.5)}),
    "grey": Entry({}, "channels", peers={"torch": torch_channels(lambda t, v: v[0] * 0.299 + v[1] * 0.587 + v[2] * 0.114), "NumPy": array(lambda v: v @ np.array((0.299, 0.587, 0.114), np.float32))}, slow={"SciPy: scikit-image": skimage("color.rgb2gray")}),
    "grid_crop": Entry({"shape": 64}, all=True, peers={"TorchIO": _windows}),
    "grid_distortion": Entry({"limits": (-0.2, 0.2)}, slow={"MONAI": monai("RandGridDistortion", distort_limit=0.2, prob=1)}),
    "histogram_equalize": Entry({}, peers={"SciPy: scikit-image": skimage("exposure.equalize_hist")}, slow={"MONAI": monai("HistogramNormalize")}),
    "histogram_match": Entry({"reference": template_path}, peers={"SciPy: scikit-image": _matched}),
    "histogram_shift": Entry({}, peers={"MONAI": monai("RandHistogramShift", prob=1)}),
    "histogram_standardize": Entry({"landmarks": LANDMARKS}, peers={"TorchIO": _standardized}),
    "invert_intensity": Entry({}, peers={"torch": torch(lambda t, v: v.max() + v.min() - v), "NumPy": array(lambda v: v.max() + v.min() - v), "batchgeneratorsv2": nnunet("intensity.inversion.InvertImageTransform", p_invert_image=1, p_synchronize_channels=1, p_per_channel=1)}),
    "k_space_dropout": Entry({"fraction": 0.3, "axes": 1}, alone="no library leaves out planes of frequencies of an image"),
    "keep_largest_component": Entry({}, "label", peers={"SciPy: cc3d": cc3d("largest_k", k=1)}, slow={"MONAI": monai("KeepLargestConnectedComponent")}),
    "label_pyramid": Entry({"scales": (0.5, 0.25)}, "label", all=True, peers={"batchgeneratorsv2": nnunet("utils.deep_supervision_downsampling.DownsampleSegForDSTransform", ds_scales=(1, 0.5, 0.25))}),
    "labels_to_image": Entry({}, "label", peers={"TorchIO": _painted}),
    "laplacian": Entry({}, peers={"SciPy": ndimage("laplace"), "SimpleITK": sitk(lambda S, i: S.Laplacian(i))}),
    "local_normalize": Entry({}, alone="no library has it; `rows_contrast.py` has the same by two filters of SciPy"),
    "log": Entry({}, peers={"torch": torch(lambda t, v: v.log1p()), "NumPy": array(np.log1p)}),
    "median_smooth": Entry({}, peers={"SimpleITK": sitk(lambda S, i: S.Median(i, (1, 1, 1)))}, slow={"SciPy": ndimage("median_filter", 3), "MONAI": monai("MedianSmooth")}),
    "merge_channels": Entry({"item": "image"}, "channels", all=True, peers={"NumPy": array(lambda v: np.concatenate((v, v[..., :1]), -1)), "torch": torch_channels(lambda t, v: t.cat((v, v[:1])))}),
    "morphology": Entry({"radius": 2, "labels": [1]}, "label", peers={"SimpleITK": sitk(lambda S, i: S.BinaryDilate(i == 1, (2, 2, 2), S.sitkBall)), "SciPy": c_array(_dilated)}),
    "motion": Entry({}, slow={"TorchIO": torchio("RandomMotion")}),
    "one_hot": Entry({"classes": 3}, "label", peers={"MONAI": monai("AsDiscrete", to_onehot=3), "torch": torch(lambda t, v: t.stack([v == c for c in range(3)]).float()), "NumPy": array(lambda v: np.stack([v == c for c in range(3)], -1).astype(np.float32))}),
    "pad": Entry({"amount": 8, "mode": "edge"}, peers={"NumPy": array(lambda v: np.pad(v, 8, "edge")), "torch": torch(lambda t, v: t.nn.functional.pad(v[None, None], (8,) * 6, "replicate")), "MONAI": monai("BorderPad", spatial_border=8, mode="edge")}),
    "permute_labels": Entry({"labels": (1, 2)}, "label", peers={"NumPy": array(lambda v: np.array([0, 2, 1], np.uint8)[v])}),
    "pick_channels": Entry({"channels": 1}, "channels", peers={"NumPy": array(lambda v: v[..., 1].copy("F")), "torch": torch_channels(lambda t, v: v[1].clone())}),
    "poisson_noise": Entry({"scale": 0.1}, peers={"NumPy": array(lambda v: np.random.default_rng(0).poisson(v * 0.1) / 0.1), "torch": torch(lambda t, v: t.poisson(v * 0.1) / 0.1)}),
    "quantize": Entry({"levels": 16}, peers={"NumPy": array(lambda v: np.rint((v - v.min()) * (15 / np.ptp(v))) * (np.ptp(v) / 15) + v.min()), "torch": torch(lambda t, v: ((v - v.min()) * (15 / (v.max() - v.min()))).round_().mul_(100))}),
    "random_crop": Entry({"shape": 96, "count": 4}, all=True, peers={"MONAI": monai("RandSpatialCropSamples", roi_size=96, num_samples=4, random_size=False)}),
    "random_crop_by_label": Entry({"shape": 96, "count": 2}, "label", all=True, peers={"MONAI": monai("RandCropByPosNegLabel", spatial_size=96, num_samples=2, also="label")}),
    "random_crop_by_weight": Entry({"shape": 96, "count": 2, "map": "image"}, all=True, peers={"MONAI": monai("RandWeightedCrop", spatial_size=(96, 96, 96), num_samples=2, also="weight_map")}),
    "random_morphology": Entry({"radius": (2, 2), "labels": [1]}, "label", slow={"batchgeneratorsv2": _operated}),
    "random_orientation": Entry({}, peers={"NumPy": array(lambda v: np.asfortranarray(v.transpose(1, 2, 0)[::-1]))}),
    "random_sized_crop": Entry({"smallest": 96, "largest": 96}, peers={"MONAI": monai("RandSpatialCrop", roi_size=96, max_roi_size=97, random_size=True)}),
    "remap_labels": Entry({"table": {1: 2, 2: 1}}, "label", peers={"NumPy": array(lambda v: np.array([0, 2, 1], np.uint8)[v]), "SimpleITK": sitk(lambda S, i: S.ChangeLabel(i, {1.0: 2.0, 2.0: 1.0})), "TorchIO": torchio("RemapLabels", remapping={1: 2, 2: 1}), "MONAI": monai("MapLabelValue", orig_labels=[1, 2], target_labels=[2, 1])}),
    "remove_random_component": Entry({}, "label", alone="batchgeneratorsv2's needs a package that PyPI's has not"),
    "remove_small_components": Entry({"min_size": 64}, "label", peers={"SciPy: cc3d": cc3d("dust", threshold=64), "SciPy: scikit-image": lambda v: skimage("morphology.remove_small_objects", max_size=63)(np.asarray(v, np.int32)), "MONAI": monai("RemoveSmallObjects", min_size=64)}),
    "reorient": Entry({"orientation": "ASR"}, peers={"NumPy": array(lambda v: np.asfortranarray(v.transpose(1, 2, 0))), "torch": torch(lambda t, v: v.permute(1, 2, 0).contiguous()), "TorchIO": torchio("ToOrientation", orientation="ASR")}),
    "resample": Entry({"spacing": 2}, peers={"torch": torch(lambda t, v: t.nn.functional.interpolate(v[None, None], scale_factor=0.5, mode="trilinear")), "SimpleITK": sitk(lambda S, i: S.Resample(i, [n // 2 for n in i.GetSize()], S.Transform(), S.sitkLinear, (0.5,) * 3, (2,) * 3)), "TorchIO": torchio("Resample", target=2), "MONAI": monai("Spacing", pixdim=(2, 2, 2))}),
    "resample_to": Entry({"grid": {"shape": (100, 100, 100), "affine": [[1.2, 0.1, 0, 3], [-0.1, 1.2, 0, 2], [0, 0, 1.2, 1], [0, 0, 0, 1]]}}, peers={"SimpleITK": sitk(_onto)}),
    "rescale": Entry({"percentiles": (1, 99)}, peers={"NumPy": array(_numpy_rescale), "TorchIO": torchio("RescaleIntensity", percentiles=(1, 99)), "MONAI": monai("ScaleIntensityRangePercentiles", lower=1, upper=99, b_min=0, b_max=1, clip=True)}),
    "rician_noise": Entry({"std": 20}, peers={"torch": torch(lambda t, v: t.hypot(v + t.randn_like(v).mul_(20), t.randn_like(v).mul_(20))), "MONAI": monai("RandRicianNoise", prob=1, std=20)}),
    "rot90": Entry({"k": 1, "axes": "xy"}, peers={"NumPy": array(lambda v: np.asfortranarray(np.rot90(v))), "torch": torch(lambda t, v: v.rot90(1, (0, 1)).contiguous())}),
    "salt_and_pepper": Entry({"fraction": 0.02}, peers={"SimpleITK": sitk(lambda S, i: S.SaltAndPepperNoise(i, 0.02, 1)), "torch": torch(lambda t, v: (lambda u: v.masked_fill(u < 0.01, 0).masked_fill_(u > 0.99, 3000))(t.rand_like(v)))}),
    "scale_intensity": Entry({"factor": 1.2}, peers={"torch": torch(lambda t, v: v * 1.2), "NumPy": array(lambda v: v * np.float32(1.2))}),
    "sharpen": Entry({"strength": 0.5}, slow={"batchgeneratorsv2": nnunet("noise.sharpen.SharpeningTransform", strength=0.5, p_same_for_each_channel=1)}),
    "shift_intensity": Entry({"offset": 10}, peers={"torch": torch(lambda t, v: v + 10), "NumPy": array(lambda v: v + np.float32(10))}),
    "sigmoid": Entry({"centre": 500, "width": 100}, peers={"torch": torch(lambda t, v: v.sub(500).mul_(0.01).sigmoid_()), "SimpleITK": sitk(lambda S, i: S.Sigmoid(i, alpha=100.0, beta=500.0))}),
    "simulate_low_resolution": Entry({"scale": 0.5}, peers={"batchgeneratorsv2": nnunet("spatial.low_resolution.SimulateLowResolutionTransform", scale=0.5, synchronize_channels=True, synchronize_axes=True, ignore_axes=()), "MONAI": monai("RandSimulateLowResolution", prob=1, zoom_range=(0.5, 0.5))}),
    "smooth_field": Entry({}, peers={"MONAI": lambda v: monai("RandSmoothFieldAdjustIntensity", spatial_size=v.shape, rand_size=(3, 3, 3), prob=1)(v)}),
    "speckle_noise": Entry({"std": 0.1}, peers={"torch": torch(lambda t, v: v * t.randn_like(v).mul_(0.1).add_(1))}, slow={"SimpleITK": sitk(lambda S, i: S.SpeckleNoise(i, 0.1, 1))}),
    "spikes": Entry({"spikes": 1, "intensity": 1}, peers={"TorchIO": torchio("RandomSpike", num_spikes=(1, 1), intensity=(1, 1)), "MONAI": monai("KSpaceSpikeNoise", loc=(30, 40, 50), k_intensity=13)}),
    "split_channels": Entry({"keys": "image"}, "channels", all=True, alone="channels that lie in memory are views of it: nothing is copied"),
    "squeeze": Entry({}, "channels", alone="it copies nothing: axes of one are left out"),
    "swap": Entry({"shape": 15, "count": 100}, peers={"TorchIO": torchio("RandomSwap", patch_size=15, num_iterations=100)}),
    "threshold": Entry({"method": "otsu"}, peers={"SimpleITK": sitk(lambda S, i: S.OtsuThreshold(i, 0, 1, 256)), "SciPy: scikit-image": _otsu}),
    "window": Entry({"level": 600, "width": 1000}, peers={"MONAI": monai("ScaleIntensityRange", a_min=100, a_max=1100, b_min=0, b_max=1, clip=True), "torch": torch(lambda t, v: v.sub(100).mul_(0.001).clamp_(0, 1)), "SimpleITK": sitk(lambda S, i: S.IntensityWindowing(i, 100, 1100, 0, 1))}),
    "wrap_around": Entry({"fraction": 0.2, "axes": 1}, peers={"NumPy": array(_wrapped)}),
    "z_normalize": Entry({}, peers={"torch": torch(lambda t, v: (lambda s, m: v.sub(m).div_(s))(*t.std_mean(v, correction=0))), "MONAI": monai("NormalizeIntensity"), "NumPy": array(lambda v: (v - v.mean()) / v.std())}),
    "zoom": Entry({"factor": 1.2}, peers={"torch": torch(lambda t, v: t.nn.functional.interpolate(v[None, None], scale_factor=1.2, mode="trilinear")), "MONAI": monai("Zoom", zoom=1.2, mode="trilinear")}),
}

NOISE = {
    "keep_largest_component": Entry({}, "noise", peers={"SciPy: cc3d": cc3d("largest_k", k=1)}),
    "remove_small_components": Entry({"min_size": 64}, "noise", peers={"SciPy: cc3d": cc3d("dust", threshold=64)}),
    "distance_transform": Entry({}, "noise", peers={"SciPy: edt": edt("edt")}),
}
"""The same of labels without any order."""


def ours(name: str, entry: Entry, data: Data, n: int) -> Work:
    """Our call, and the memory that it needs."""
    import inspect

    import medoxide as mx

    voxels = inputs(data, entry.input, n)
    given = {key: value() if callable(value) else value for key, value in entry.given.items()}
    if entry.all:
        # A sample of one item, as peers get it.
        images = {"image": voxels, "t2": data.head(n)} if voxels.ndim == 4 else {entry.input: voxels}
        about: dict[str, Any] = {"channel_axis": 3} if voxels.ndim == 4 else {}
        step = getattr(mx, "".join(word.capitalize() for word in name.split("_")))(**given)
        pipe = mx.Pipeline([step], seed=1)

        def call() -> Any:
            roles = {key: "label" if key == "label" else "image" for key in images}
            made = pipe({key: mx.Volume(v, role=roles[key], **(about if v.ndim == 4 else {})) for key, v in images.items()})
            return [np.asarray(v) for one in (made if isinstance(made, list) else [made]) for v in one.values()]

        return Work(call, lambda _: voxels, lambda: _memory(call, sum(v.nbytes for v in images.values())))
    method = "affine_transform" if name == "affine" else name
    if "seed" in inspect.signature(getattr(mx.Volume, method)).parameters:
        given["seed"] = 1
    about = {"channel_axis": 3, "role": "map"} if voxels.ndim == 4 else {}
    if voxels.dtype == np.uint8:
        about["role"] = "label"

    def call() -> Any:
        return getattr(mx.Volume(voxels, **about), method)(**given).numpy()

    return Work(call, facts=lambda: _memory(call, voxels.nbytes))


def _memory(call: Callable[[], Any], held: int) -> dict[str, float]:
    """What a call needs at its highest, as a multiple of what it is given; nothing where the system does not tell."""
    import medoxide as mx

    mx.release_memory()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
        before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        call()
        status = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    peak = int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024
    return {"memory_of_input": (peak - before) / held}


def _declare(name: str, entry: Entry, n: int) -> None:
    noise = " of noise" if entry.input == "noise" else ""
    peers = entry.peers | (entry.slow if n == SIZES[0] else {})
    made = row(
        f"catalog: {name}{noise}, {n}³",
        SECTION,
        must=Must(1.0) if peers else None,
        aim=Aim(3.0, copy(4 * n**3)),
        note=entry.alone,
        quick=False,
        light=True,
    )
    made.by(US)(lambda data: ours(name, entry, data, n))
    for peer, make in peers.items():
        made.by(peer)(lambda data, make=make: Work(make(inputs(data, entry.input, n)), lambda _: np.zeros(1)))


for _size in SIZES:
    for _entries in (CATALOG, NOISE):
        for _name, _entry in _entries.items():
            _declare(_name, _entry, _size)
