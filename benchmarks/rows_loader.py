"""Training loaders: one epoch over 20 volumes of 128³ int16 .nii.gz, patches of 64³, batches of 4 as torch tensors.

What is timed is an epoch with everything that a user makes for it anew; datasets and caches that live as long as the training are made before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from data import CASES, PATCH, Data
from row import US, Aim, Must, Reference, Work, row

SECTION = "training loader, an epoch of 20 volumes"
BATCH = 4
PER_VISIT = 4


def _drained(batches: Iterable[Any], key: str | None = "image") -> list[Any]:
    """All batches of an epoch, as training takes them; the last ones are kept for the check."""
    kept = []
    for batch in batches:
        kept = [*kept[-2:], batch if key is None else batch[key]]
    return kept


def _last(batches: list[Any]) -> np.ndarray:
    """The last batch as an array of one axis: what is compared are shapes, for patches lie at random places."""
    return np.asarray([*np.shape(batches[-1]), float(np.max(np.asarray(batches[-1])) > 0)])


def _wrong(data: Data, batches: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """How many patches are not what nibabel reads at their places, and how many there are."""
    import nibabel as nib

    wrong = count = 0
    for batch in batches:
        for patch, meta in zip(batch["image"], batch["meta"], strict=True):
            whole = np.asanyarray(nib.load(meta["path"]).dataobj)
            at = tuple(slice(a, b) for a, b in zip(meta["start"], meta["stop"], strict=True))
            wrong += not np.array_equal(np.asarray(patch)[0], whole[at].astype(np.float32))
            count += 1
    return {"patches": count, "wrong": wrong}


def _right(results: Mapping[str, np.ndarray], facts: Mapping[str, Mapping[str, float]]) -> tuple[bool, str]:
    """Every patch of an epoch of ours was compared with nibabel's; shapes with those of the peers."""
    seen = facts[US]
    # A physical measure has no patches.
    patches = {name: result for name, result in results.items() if result.size > 1}
    shapes = {name: tuple(int(n) for n in result[:5]) for name, result in patches.items()}
    same = len({shape[-3:] for shape in shapes.values()}) == 1
    right = seen.get("wrong", 0) == 0 and seen["patches"] in (CASES, CASES * PER_VISIT) and same
    return right, f"{seen['patches']:g} patches, {seen.get('wrong', 0):g} wrong, shapes {shapes}"


def _ours(data: Data, count: int, fresh: bool = False, cached: bool = False, **given: Any) -> Work:
    import medoxide as mx

    pipe = mx.Pipeline([mx.RandomCrop(shape=PATCH, count=count)], seed=1)
    cache = mx.cache(data.file("decoded-cases"), "1 GB") if cached else None
    loader = mx.Loader(
        data.cases(("image",)), pipe, batch_size=BATCH, seed=1, cache=cache, **given
    )
    if not fresh:
        # The first epochs have gone by: places are known, entries are made and have been looked at.
        for _ in range(2):
            _drained(loader)

    def call() -> list[Any]:
        if not fresh:
            return _drained(loader)
        return _drained(
            mx.Loader(data.fresh_cases(), pipe, batch_size=BATCH, seed=1, **given)
        )

    return Work(call, _last, lambda: _wrong(data, loader))


class _Changed:
    """A dataset's entries after a transform."""

    def __init__(self, dataset: Any, transform: Any) -> None:
        self.dataset, self.transform = dataset, transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, n: int) -> Any:
        return self.transform(self.dataset[n])


def _medrs_fast(data: Data, fresh: bool) -> Work:
    import medrs
    import torch

    def call() -> list[Any]:
        cases = data.fresh_cases() if fresh else data.cases(("image",))
        paths = [case["image"] for case in cases]
        loader = medrs.FastLoader(paths, [PATCH] * 3, workers=2)
        return _drained(_batches(torch.from_numpy(p.to_numpy()) for p in loader), None)

    return Work(call, _last)


def _batches(patches: Iterable[Any]) -> Iterable[Any]:
    import torch

    rest: list[Any] = []
    for patch in patches:
        rest.append(patch[None])
        if len(rest) == BATCH:
            yield torch.stack(rest)
            rest = []
    if rest:
        yield torch.stack(rest)


def _monai(data: Data, count: int, fresh: bool = False, workers: int = 0, cached: bool = False) -> Work:
    import torch
    from monai.data import CacheDataset, DataLoader, Dataset
    from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged, RandSpatialCropSamplesd

    recipe = Compose(
        [
            LoadImaged("image"),
            EnsureChannelFirstd("image"),
            RandSpatialCropSamplesd("image", PATCH, count, random_size=False),
        ]
    )
    kept = CacheDataset(data.cases(("image",)), recipe, progress=False) if cached else None

    def call() -> list[Any]:
        cases = data.fresh_cases() if fresh else data.cases(("image",))
        dataset = kept if kept is not None else Dataset(cases, recipe)
        # The loader flattens the patches of one visit: so many visits make a batch.
        loader = DataLoader(dataset, batch_size=BATCH // count, shuffle=True, num_workers=workers)
        return [torch.as_tensor(b) for b in _drained(loader)]

    return Work(call, _last)


for index, must, what in ((False, 1.8, ""), (True, 1.3, ", gathering checkpoints")):
    first = row(
        f"1 patch a visit, first epoch{what}",
        SECTION,
        must=Must(1 / must),
        aim=Aim(1.1, Reference("inflate_epoch", 128)),
        check=_right,
        quick=False,
    )
    first.by(US)(lambda data, index=index: _ours(data, 1, fresh=True, index=index))
    first.by("medrs")(lambda data: _medrs_fast(data, fresh=True))
    first.by("MONAI", patient=True)(lambda data: _monai(data, 1, fresh=True))
    first.by("MONAI: 2 workers", patient=True)(lambda data: _monai(data, 1, fresh=True, workers=2))

# Of files as small as these the loader notes places in streams at the second visit unless it is told to.
for given, what in (({}, "no volume kept"), ({"index": True}, "checkpoints known")):
    later = row(
        f"1 patch a visit, later epochs, {what}", SECTION, must=Must(1 / 2), check=_right, quick=False
    )
    later.by(US)(lambda data, given=given: _ours(data, 1, **given))
    later.by("medrs")(lambda data: _medrs_fast(data, fresh=False))

decoded = row(
    "1 patch a visit, later epochs, decoded volumes on disk",
    SECTION,
    must=Must(1 / 5),
    check=_right,
    quick=False,
    note="MONAI's CacheDataset keeps all volumes in memory",
)
decoded.by(US)(lambda data: _ours(data, 1, cached=True))
decoded.by("MONAI")(lambda data: _monai(data, 1, cached=True))

several = row("4 patches a visit", SECTION, must=Must(1 / 2.5), check=_right, quick=False)
several.by(US)(lambda data: _ours(data, PER_VISIT, index=False))


@several.by("medrs")
def _(data: Data) -> Work:
    import medrs
    import torch

    def call() -> list[Any]:
        paths = [case["image"] for case in data.cases(("image",))]
        loader = medrs.TrainingDataLoader(paths, [PATCH] * 3, PER_VISIT, [0] * 3, True)
        return _drained(_batches(torch.from_numpy(p.to_numpy()) for p in loader), None)

    return Work(call, _last)


@several.by("TorchIO")
def _(data: Data) -> Work:
    import torchio as tio

    def call() -> list[Any]:
        subjects = tio.SubjectsDataset(
            [tio.Subject(image=tio.ScalarImage(c["image"])) for c in data.cases(("image",))]
        )
        queue = tio.Queue(subjects, 5 * PER_VISIT, PER_VISIT, tio.UniformSampler(PATCH), num_workers=0)
        loader = tio.SubjectsLoader(queue, batch_size=BATCH, num_workers=0)
        return [image["data"] for image in _drained(loader)]

    return Work(call, _last)


# What a segmentation is trained with: image and label, orientation, spacing, patches about the foreground, flips, rotation and zoom, noise.
SPACING = 1.25
recipe = row(
    "image + label: RAS, spacing, foreground-balanced patches, flips, affine, noise; 4 patches a visit",
    SECTION,
    must=Must(1 / 15),
    check=lambda results, facts: (
        facts[US]["patches"] == CASES * PER_VISIT and len({r[-4:-1].tobytes() for r in results.values()}) == 1,
        f"{facts[US]['patches']:g} patches",
    ),
    quick=False,
)


@recipe.by(US)
def _(data: Data) -> Work:
    import medoxide as mx

    pipe = mx.Pipeline(
        [
            mx.Reorient(orientation="RAS"),
            mx.Resample(spacing=SPACING),
            mx.RandomCropByLabel(shape=PATCH, count=PER_VISIT, foreground=0.5),
            mx.Flip(axes="x", p=0.5),
            mx.Flip(axes="y", p=0.5),
            mx.Flip(axes="z", p=0.5),
            mx.Affine(
                rotate=[{"uniform": [-10, 10]}] * 3,
                scale=[{"uniform": [0.9, 1.1]}] * 3,
            ),
            mx.GaussianNoise(std=0.1),
        ],
        seed=1,
    )
    loader = mx.Loader(data.cases(("image", "label")), pipe, batch_size=BATCH, seed=1)
    _drained(loader)
    return Work(
        lambda: _drained(loader),
        _last,
        lambda: {"patches": sum(len(batch["image"]) for batch in loader)},
    )


@recipe.by("MONAI")
def _(data: Data) -> Work:
    import torch
    from monai import transforms as t
    from monai.data import DataLoader, Dataset

    keys = ["image", "label"]
    steps = t.Compose(
        [
            t.LoadImaged(keys),
            t.EnsureChannelFirstd(keys),
            t.Orientationd(keys, "RAS"),
            t.Spacingd(keys, (SPACING,) * 3, mode=("bilinear", "nearest")),
            t.RandCropByPosNegLabeld(keys, "label", PATCH, 1, 1, PER_VISIT),
            *(t.RandFlipd(keys, 0.5, axis) for axis in range(3)),
            t.RandAffined(
                keys, prob=1.0, rotate_range=(np.pi / 18,) * 3, scale_range=(0.1,) * 3, mode=("bilinear", "nearest")
            ),
            t.RandGaussianNoised("image", 1.0, std=0.1),
        ]
    )

    def call() -> list[Any]:
        dataset = Dataset(data.cases(("image", "label")), steps)
        return [torch.as_tensor(b) for b in _drained(DataLoader(dataset, batch_size=1, shuffle=True))]

    return Work(call, _last)


@recipe.by("TorchIO")
def _(data: Data) -> Work:
    import torchio as tio

    before = tio.Compose([tio.ToCanonical(), tio.Resample(SPACING)])
    after = tio.Compose(
        [tio.RandomFlip((0, 1, 2), 0.5), tio.RandomAffine(0.1, 10), tio.RandomNoise(std=(0.1, 0.1))]
    )

    def call() -> list[Any]:
        subjects = tio.SubjectsDataset(
            [
                tio.Subject(image=tio.ScalarImage(c["image"]), label=tio.LabelMap(c["label"]))
                for c in data.cases(("image", "label"))
            ],
            transform=before,
        )
        sampler = tio.LabelSampler(PATCH, "label", {0: 1, 1: 1, 2: 1})
        queue = tio.Queue(subjects, 5 * PER_VISIT, PER_VISIT, sampler, num_workers=0)
        patches = _Changed(queue, after)
        loader = tio.SubjectsLoader(patches, batch_size=BATCH, num_workers=0)
        return [image["data"] for image in _drained(loader)]

    return Work(call, _last)
