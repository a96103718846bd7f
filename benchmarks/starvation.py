"""How long a GPU waits for data: a training step of 50 ms on 128³ patches, two of a batch, on two processor cores.

    python benchmarks/starvation.py [--step 0.05] [--steps 30] [--libraries medoxide,MONAI,...]

Six cases of 160³, an image that is normalised (float32) and a label of three classes (uint8), as files that each library's users train from: NIfTI, and
for batchgenerators, as nnU-Net keeps them, arrays that are mapped. Augmentation is nnU-Net's (medoxide, batchgenerators), or what comes nearest to it with MONAI's and
TorchIO's own transforms. The step sleeps, as a processor does while the GPU works. Each library runs in processes of its own; steps are counted after
the first few, when what is made ahead is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import peers
from data import Data
from rows_recipes import nnunet_by_batchgenerators, sample

CASES, BATCH, PATCH, WORKERS, WARM = 6, 2, 128, 2, 6


def write(folder: Path, data: Data) -> None:
    """The cases: one head, rolled, in each library's format."""
    import nibabel as nib

    made = sample(data)
    for n in range(CASES):
        image = np.roll(made["image"], 3 * n, axis=n % 3)
        label = np.roll(made["label"], 3 * n, axis=n % 3).astype(np.uint8)
        for name, voxels in (("image", image), ("label", label)):
            nib.save(nib.Nifti1Image(np.asfortranarray(voxels), np.eye(4)), folder / f"{name}-{n}.nii")
        np.save(folder / f"{n}.npy", np.stack([image, label.astype(np.float32)]))


def _cases(folder: Path) -> list[dict[str, str]]:
    return [{k: str(folder / f"{k}-{n}.nii") for k in ("image", "label")} for n in range(CASES)]


def _medoxide(folder: Path) -> Iterator[Any]:
    import medoxide as mx

    pipe = mx.preset("nnunet_v2", patch=[PATCH] * 3, read=[160] * 3, beyond=[32] * 3, seed=1)
    loader = mx.Loader(_cases(folder), pipe, batch_size=BATCH, workers=WORKERS, prefetch=3)
    while True:
        yield from loader


def _monai(folder: Path) -> Iterator[Any]:
    from monai import transforms as m
    from monai.data import DataLoader, Dataset

    keys = ["image", "label"]
    recipe = m.Compose(
        [
            m.LoadImaged(keys, ensure_channel_first=True),
            m.RandAffined(
                keys,
                prob=0.36,
                rotate_range=[0.52] * 3,
                scale_range=[0.3] * 3,
                spatial_size=(PATCH,) * 3,
                mode=["bilinear", "nearest"],
                padding_mode="zeros",
            ),
            m.CenterSpatialCropd(keys, (PATCH,) * 3),
            m.RandGaussianNoised("image", prob=0.1, std=0.1),
            m.RandGaussianSmoothd("image", (0.5, 1.0), (0.5, 1.0), (0.5, 1.0), prob=0.1),
            m.RandScaleIntensityd("image", 0.25, prob=0.15),
            m.RandScaleIntensityFixedMeand("image", 0.25, prob=0.15, fixed_mean=True, preserve_range=True),
            m.RandSimulateLowResolutiond("image", prob=0.125, zoom_range=(0.5, 1.0)),
            m.RandAdjustContrastd("image", prob=0.1, gamma=(0.7, 1.5), invert_image=True, retain_stats=True),
            m.RandAdjustContrastd("image", prob=0.3, gamma=(0.7, 1.5), retain_stats=True),
            *(m.RandFlipd(keys, 0.5, axis) for axis in range(3)),
        ]
    )
    loader = DataLoader(
        Dataset(_cases(folder), recipe),
        batch_size=BATCH,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    while True:
        yield from loader


def _torchio(folder: Path) -> Iterator[Any]:
    import torchio as t

    subjects = [
        t.Subject(image=t.ScalarImage(case["image"]), label=t.LabelMap(case["label"])) for case in _cases(folder)
    ]
    recipe = t.Compose(
        [
            t.RandomAffine(scales=(0.7, 1.4), degrees=30, p=0.36, isotropic=True),
            t.CropOrPad(PATCH),
            t.RandomNoise(std=(0, 0.1), p=0.1),
            t.RandomBlur(std=(0.5, 1), p=0.1),
            t.RandomAnisotropy(downsampling=(1, 2), p=0.125),
            t.RandomGamma(log_gamma=(-0.35, 0.4), p=0.4),
            t.RandomFlip(axes=(0, 1, 2), flip_probability=0.5),
        ]
    )
    loader = t.SubjectsLoader(
        t.SubjectsDataset(subjects, recipe),
        batch_size=BATCH,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
    )
    while True:
        yield from loader


def _batchgenerators(folder: Path) -> Iterator[Any]:
    import torch
    from batchgenerators.dataloading.data_loader import DataLoader
    from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter

    recipe = nnunet_by_batchgenerators()

    class Cases(DataLoader):
        def generate_train_batch(self) -> dict[str, Any]:
            images, labels = [], []
            for n in self.get_indices():
                case = np.load(folder / f"{n}.npy", mmap_mode="r")
                image = torch.from_numpy(np.array(case[:1]))
                label = torch.from_numpy(case[1:].astype(np.int16))
                with torch.inference_mode():
                    made = recipe(image=image, segmentation=label)
                images.append(made["image"])
                labels.append(made["segmentation"])
            return {"image": torch.stack(images), "label": torch.stack(labels)}

    data = Cases(list(range(CASES)), BATCH, WORKERS, infinite=True)
    data.indices = list(range(CASES))
    loader = MultiThreadedAugmenter(data, None, WORKERS, 2, seeds=list(range(WORKERS)))
    try:
        yield from loader
    finally:
        loader._finish()


LIBRARIES = {"medoxide": _medoxide, "MONAI": _monai, "TorchIO": _torchio, "batchgenerators": _batchgenerators}


def one(library: str, folder: Path, step: float, steps: int) -> dict[str, Any]:
    """Trains with one library in this process; seconds that were waited, and the shape of a batch."""
    import torch

    torch.set_num_threads(1)
    batches = LIBRARIES[library](folder)
    waited = 0.0
    for n in range(WARM + steps):
        start = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - start if n >= WARM else 0.0
        time.sleep(step)
    image = batch["image"]["data"] if library == "TorchIO" else batch["image"]
    shape = tuple(image.shape)
    batches.close()
    return {"waited": waited, "shape": shape}


def main() -> None:
    """Prints the table, one library after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("target/benchmarks"), help="the benchmark's data")
    parser.add_argument("--step", type=float, default=0.05, help="seconds of a training step")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    parser.add_argument("--one", nargs=2, metavar=("LIBRARY", "FOLDER"), help="measure here and print JSON")
    asked = parser.parse_args()
    if asked.one:
        json.dump(one(asked.one[0], Path(asked.one[1]), asked.step, asked.steps), sys.stdout)
        return
    with tempfile.TemporaryDirectory(dir=asked.data) as name:
        write(Path(name), Data(asked.data, asked.data))
        print(f"steps of {asked.step * 1000:g} ms, batches of {BATCH} × {PATCH}³, {WORKERS} workers")
        for library in asked.libraries.split(","):
            command = [sys.executable, "-W", "ignore", __file__, "--step", str(asked.step), "--steps", str(asked.steps)]
            command += ["--one", library, name]
            done = subprocess.run(command, stdout=subprocess.PIPE, env=peers.environment(), check=True)
            made = json.loads(done.stdout.decode().splitlines()[-1])
            share = made["waited"] / (made["waited"] + asked.steps * asked.step)
            each = made["waited"] / asked.steps * 1000
            print(f"{library:>16}: waits {share:6.1%} of the time, {each:7.1f} ms a step; batches {made['shape']}", flush=True)


if __name__ == "__main__":
    main()
