"""Whole recipes of augmentation, on a volume in memory with its label: a few samples at a time, of which each has draws of its own.

Means matter here, for most transforms are applied to some samples only: a call makes `EACH` samples, and calls go through the keys in turn. Libraries
draw differently; checked are shapes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from data import Data
from row import US, Must, Work, row

SECTION = "recipes of augmentation, image and label in memory"
SIZE = 160
EACH = 10
KEYS = 200


def sample(data: Data) -> dict[str, np.ndarray]:
    """A head of 160³, normalised, with a label of three classes besides 0, whose borders are as smooth as those that people draw."""
    from scipy.ndimage import gaussian_filter

    head = data.head(256)[48:208, 48:208, 48:208]
    inside = head[head > 0]
    label = np.digitize(gaussian_filter(head, 2), np.percentile(inside, [10, 60, 85])).astype(np.int16)
    return {"image": ((head - inside.mean()) / inside.std()).astype(np.float32), "label": label}


def _shape(made: Any) -> np.ndarray:
    """What is compared: how large an image and a label are."""
    return np.asarray([*np.shape(made["image"])[-3:], *np.shape(made["label"])[-3:]], np.float64)


def _same(results: Any, _: Any) -> tuple[bool, str]:
    shapes = {name: tuple(int(n) for n in result) for name, result in results.items()}
    return len(set(shapes.values())) == 1, f"shapes {shapes}"


def scaled(data: Data) -> dict[str, np.ndarray]:
    """The same with intensities from 0, outside the head, to 1: what recipes for CT make of a window."""
    made = sample(data)
    image = made["image"] - made["image"].min()
    return made | {"image": image / image.max()}


def _ours(data: Data, transforms: list[Any], make: Callable[[Data], dict[str, np.ndarray]] = sample) -> Work:
    """A pipeline on the sample, x fastest as files are, under the next keys."""
    import medoxide as mx

    given, keys = {name: np.asfortranarray(v) for name, v in make(data).items()}, itertools.cycle(range(KEYS))
    pipe = mx.Pipeline(transforms, seed=1)

    def call() -> Any:
        for _ in range(EACH):
            made = pipe(given, epoch=next(keys), id="head")
            for one in made if isinstance(made, list) else [made]:
                last = {name: np.asarray(one[name]) for name in ("image", "label")}
        return last

    return Work(call, _shape)


def _theirs(make: Callable[[], dict[str, Any]]) -> Work:
    """As often as ours; torch draws from one stream."""
    import torch

    torch.manual_seed(1)
    np.random.seed(1)

    def call() -> Any:
        for _ in range(EACH):
            last = make()
        return last

    return Work(call, _shape)


def _channel_first(data: Data, make: Callable[[Data], dict[str, np.ndarray]] = sample) -> dict[str, Any]:
    """The sample as tensors with a channel in front, z fastest."""
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(v)[None]) for name, v in make(data).items()}


def nnunet_by_batchgenerators() -> Any:
    """batchgeneratorsv2's transforms as nnU-Net 2 puts them together, 128³."""
    from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
    from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
    from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
    from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
    from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
    from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
    from batchgeneratorsv2.transforms.utils.random import RandomTransform
    from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform

    def gamma(invert: int) -> Any:
        return GammaTransform(BGContrast((0.7, 1.5)), invert, False, 1, 1)

    return ComposeTransforms(
        [
            SpatialTransform(
                (128, 128, 128),
                patch_center_dist_from_border=0,
                random_crop=False,
                p_elastic_deform=0,
                p_rotation=0.2,
                rotation=(-np.pi / 6, np.pi / 6),
                p_scaling=0.2,
                scaling=(0.7, 1.4),
                p_synchronize_scaling_across_axes=1,
                padding_value_seg=-1,
            ),
            RandomTransform(GaussianNoiseTransform((0, 0.1), 1, True), 0.1),
            RandomTransform(GaussianBlurTransform((0.5, 1.0), False, False, 0.5, True), 0.2),
            RandomTransform(MultiplicativeBrightnessTransform(BGContrast((0.75, 1.25)), False, 1), 0.15),
            RandomTransform(ContrastTransform(BGContrast((0.75, 1.25)), True, False, 1), 0.15),
            RandomTransform(SimulateLowResolutionTransform((0.5, 1), False, True, None, None, 0.5), 0.25),
            RandomTransform(gamma(1), 0.1),
            RandomTransform(gamma(0), 0.3),
            MirrorTransform((0, 1, 2)),
            RemoveLabelTansform(-1, 0),
        ]
    )


nnunet = row(
    f"nnU-Net v2, {SIZE}³ → 128³, {EACH} samples",
    SECTION,
    must=Must(0.12),
    check=_same,
    note=f"{KEYS} keys in turn; batchgeneratorsv2 as nnU-Net 2 puts it together",
    quick=False,
)


@nnunet.by(US)
def _(data: Data):
    import medoxide as mx

    # Without the loader's patch, which is what the sample is.
    return _ours(data, mx.preset("nnunet_v2").transforms[1:])


@nnunet.by("batchgeneratorsv2")
def _(data: Data):
    recipe, given = nnunet_by_batchgenerators(), _channel_first(data)

    def make() -> dict[str, Any]:
        made = recipe(image=given["image"].clone(), segmentation=given["label"].clone())
        return {"image": made["image"], "label": made["segmentation"]}

    return _theirs(make)


swin = row(
    f"MONAI SwinUNETR, {SIZE}³ → 4 × 96³, {EACH} samples",
    SECTION,
    must=Must(0.1),
    check=_same,
    note="the random part of the recipe: crops by label, flips, rot90, shift",
    quick=False,
)


@swin.by(US)
def _(data: Data):
    import medoxide as mx

    return _ours(data, mx.preset("monai_swinunetr").transforms[4:], scaled)


@swin.by("MONAI")
def _(data: Data):
    from monai import transforms as m

    keys, given = ["image", "label"], _channel_first(data, scaled)
    recipe = m.Compose(
        [
            m.RandCropByPosNegLabeld(keys, "label", (96,) * 3, 1, 1, 4, "image", 0),
            *(m.RandFlipd(keys, 0.1, axis) for axis in range(3)),
            m.RandRotate90d(keys, 0.1, 3),
            m.RandShiftIntensityd("image", 0.1, prob=0.5),
        ]
    )
    return _theirs(lambda: recipe(given)[-1])


segresnet = row(
    f"MONAI SegResNet, {SIZE}³ → 128³, {EACH} samples",
    SECTION,
    must=Must(0.1),
    check=_same,
    note="the random part of the recipe: crop by classes, affine, noise, smoothing, contrast, gamma, flips",
    quick=False,
)


@segresnet.by(US)
def _(data: Data):
    import medoxide as mx

    return _ours(data, mx.preset("monai_segresnet", patch=[128] * 3).transforms[3:])


@segresnet.by("MONAI")
def _(data: Data):
    from monai import transforms as m

    keys, given = ["image", "label"], _channel_first(data)
    modes = ["bilinear", "nearest"]
    recipe = m.Compose(
        [
            m.RandCropByLabelClassesd(keys, "label", (128,) * 3, [1, 1], 2, 1, warn=False),
            m.RandAffined(
                keys,
                prob=0.2,
                rotate_range=[0.26] * 3,
                scale_range=[0.2] * 3,
                mode=modes,
                padding_mode="border",
            ),
            m.RandGaussianNoised("image", prob=0.2, std=0.1),
            m.RandGaussianSmoothd("image", (0.5, 1.0), (0.5, 1.0), (0.5, 1.0), prob=0.2),
            m.RandScaleIntensityFixedMeand("image", 0.3, prob=0.2, fixed_mean=True),
            m.RandAdjustContrastd("image", prob=0.2, gamma=(0.7, 1.5), retain_stats=True),
            m.RandAdjustContrastd("image", prob=0.2, gamma=(0.7, 1.5), invert_image=True, retain_stats=True),
            *(m.RandFlipd(keys, 0.5, axis) for axis in range(3)),
        ]
    )

    def make() -> dict[str, Any]:
        made = recipe(given)
        return made[-1] if isinstance(made, list) else made

    return _theirs(make)


mri = row(
    f"TorchIO MRI, {SIZE}³, {EACH} samples",
    SECTION,
    must=Must(0.1),
    check=_same,
    note="bias field, z-normalisation, noise, flip, affine or elastic",
    quick=False,
)


@mri.by(US)
def _(data: Data):
    import medoxide as mx

    return _ours(data, mx.preset("torchio_mri", shape=[SIZE] * 3).transforms)


@mri.by("TorchIO")
def _(data: Data):
    import torchio as t

    given = _channel_first(data)
    recipe = t.Compose(
        [
            t.ToCanonical(),
            t.Resample(1),
            t.CropOrPad(SIZE),
            t.RandomBiasField(p=0.3),
            t.ZNormalization(masking_method=lambda x: x != 0),
            t.RandomNoise(p=0.5),
            t.RandomFlip(),
            t.OneOf({t.RandomAffine(): 0.8, t.RandomElasticDeformation(): 0.2}),
        ]
    )

    def make() -> dict[str, Any]:
        subject = t.Subject(
            image=t.ScalarImage(tensor=given["image"]), label=t.LabelMap(tensor=given["label"])
        )
        made = recipe(subject)
        return {"image": made["image"].data, "label": made["label"].data}

    return _theirs(make)
