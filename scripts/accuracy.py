"""How far chains of warps are from the truth: writes docs/accuracy.md and its picture.

    python scripts/accuracy.py [--out FOLDER]

A phantom is a sum of waves and blobs whose value is known at any place. Chains of rotations, scalings, elastic deformations and resamplings are run on its
voxels, by medoxide as one interpolation and step by step, by MONAI and by TorchIO step by step, all linear, all with the same numbers. The truth is the
phantom at the place that the chain's map says, in float64.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import medoxide as mx
import numpy as np

SHAPE = (64, 60, 56)
MARGIN = 3
"""Voxels: what comes from nearer to the faces, at any step, is left out."""


def phantom(at: np.ndarray) -> np.ndarray:
    """Values at millimetres (..., 3): waves of 9 to 20 mm and blobs of 3 to 5 mm."""
    rng = np.random.default_rng(11)
    out = np.zeros(at.shape[:-1])
    for length in (9.0, 11.0, 14.0, 20.0):
        way = rng.normal(size=3)
        way *= 2 * np.pi / length / np.linalg.norm(way)
        out += length / 20 * np.cos(at @ way + rng.uniform(0, 6))
    for _ in range(12):
        place, width = rng.uniform(10, 50, 3), rng.uniform(3, 5)
        out += 1.5 * np.exp(-((at - place) ** 2).sum(-1) / (2 * width**2))
    return out


@dataclass(frozen=True)
class Grid:
    """Voxels of one size along x, y, z, whose first lies at `origin` (mm)."""

    shape: tuple[int, ...] = SHAPE
    spacing: float = 1.0
    origin: tuple[float, ...] = (0.0, 0.0, 0.0)

    @property
    def affine(self) -> np.ndarray:
        out = np.diag([self.spacing] * 3 + [1.0])
        out[:3, 3] = self.origin
        return out

    def indices(self) -> np.ndarray:
        return np.stack(np.meshgrid(*map(np.arange, self.shape), indexing="ij"), -1).astype(float)

    @property
    def centre(self) -> np.ndarray:
        return (np.array(self.shape) - 1) / 2


def apply(matrix: np.ndarray, at: np.ndarray) -> np.ndarray:
    return at @ matrix[:3, :3].T + matrix[:3, 3]


@dataclass(frozen=True)
class Affine:
    """Rotation (degrees about y, x, z in turn), then magnification, about the middle, in TorchIO's convention."""

    rotate: tuple[float, float, float]
    scale: tuple[float, float, float]

    def grid(self, before: Grid) -> Grid:
        return before

    def back(self, at: np.ndarray, before: Grid) -> np.ndarray:
        x, y, z = np.radians(self.rotate)
        about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
        about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
        about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
        content = np.diag(self.scale) @ np.array(about_z) @ np.array(about_x) @ np.array(about_y)
        return (at - before.centre) @ np.linalg.inv(content).T + before.centre

    def medoxide(self):
        return mx.Affine(self.rotate, scale=self.scale, frame="ras", order="yxz", sequence=["rotate", "translate", "shear", "scale"])

    def monai(self, image, before: Grid):
        from monai.transforms import Affine

        corner = self.back(np.zeros(3), before) - before.centre
        columns = [self.back(np.eye(3)[a], before) - before.centre - corner for a in range(3)]
        matrix = np.eye(4)
        matrix[:3, :3] = np.stack(columns, -1)
        return Affine(affine=matrix, padding_mode="border", dtype=np.float64, image_only=True)(image)

    def torchio(self):
        import torchio as tio

        return tio.Affine(self.scale, self.rotate, (0, 0, 0))


@dataclass(frozen=True)
class Elastic:
    """A cubic B-spline over seven control points along each axis, counted and displaced to the left, to the back and upwards (mm)."""

    seed: int
    most: float

    @property
    def points(self) -> np.ndarray:
        out = np.random.default_rng(self.seed).uniform(-self.most, self.most, (7, 7, 7, 3))
        free = np.zeros((7, 7, 7, 1))
        free[1:-1, 1:-1, 1:-1] = 1
        return out * free

    def grid(self, before: Grid) -> Grid:
        return before

    def back(self, at: np.ndarray, before: Grid) -> np.ndarray:
        points = self.points[::-1, ::-1] * [-1, -1, 1] / before.spacing
        apart = (np.array(before.shape) + 0.25) / 4
        places = (at + 0.625) / apart + 1
        first = np.clip(np.floor(places), 1, 4).astype(int) - 1
        t = places - first - 1
        s = 1 - t
        weights = np.stack([s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3]) / 6
        out = np.zeros(at.shape)
        for i, j, k in np.ndindex(4, 4, 4):
            weight = weights[i][..., 0] * weights[j][..., 1] * weights[k][..., 2]
            out += weight[..., None] * points[first[..., 0] + i, first[..., 1] + j, first[..., 2] + k]
        return at + out

    def medoxide(self):
        given = self.points.transpose(2, 1, 0, 3).reshape(-1, 3)
        return mx.Elastic(control_points=7, displacements=given, frame="lps")

    def monai(self, image, before: Grid):
        import torch
        from monai.networks.blocks import Warp

        at = before.indices()
        moved = np.moveaxis(self.back(at, before) - at, -1, 0)
        return Warp("bilinear", "border")(image[None], torch.from_numpy(moved.astype(np.float32))[None])[0]

    def torchio(self):
        from torchio.transforms.augmentation.spatial.random_elastic_deformation import ElasticDeformation

        return ElasticDeformation(self.points, (self.most,) * 3)


@dataclass(frozen=True)
class Resample:
    """Voxels of another size about the same middle, as many as fit."""

    spacing: float

    def grid(self, before: Grid) -> Grid:
        shape = tuple(int(np.floor(n * before.spacing / self.spacing)) for n in before.shape)
        middle = np.array(before.origin) + before.spacing * before.centre
        origin = middle - self.spacing * (np.array(shape) - 1) / 2
        return Grid(shape, self.spacing, tuple(origin))

    def back(self, at: np.ndarray, before: Grid) -> np.ndarray:
        return apply(np.linalg.solve(before.affine, self.grid(before).affine), at)

    def medoxide(self):
        return mx.Resample(self.spacing, fit="inside")

    def monai(self, image, before: Grid):
        import torch
        from monai.data import MetaTensor
        from monai.transforms import SpatialResample

        after = self.grid(before)
        resample = SpatialResample(mode="bilinear", padding_mode="border", align_corners=False, dtype=torch.float64)
        image = MetaTensor(image, affine=torch.from_numpy(before.affine))
        return resample(image, dst_affine=torch.from_numpy(after.affine), spatial_size=after.shape).as_tensor().float()

    def torchio(self):
        import torchio as tio

        return tio.Resample(self.spacing)


TURN, STRETCH = Affine((7, -9, 14), (1.0, 1.0, 1.0)), Affine((0, 0, 0), (1.08, 0.95, 1.1))
CHAINS: dict[str, list] = {
    "rotate, scale": [TURN, STRETCH],
    "rotate, elastic": [TURN, Elastic(1, 3.0)],
    "resample to 0.8 mm, rotate": [Resample(0.8), TURN],
    "rotate, elastic, resample to 1.3 mm": [TURN, Elastic(2, 3.0), Resample(1.3)],
    "elastic, rotate, scale, resample to 0.8 mm": [Elastic(3, 3.0), TURN, STRETCH, Resample(0.8)],
}


def truth(chain: list) -> tuple[np.ndarray, np.ndarray, list[Grid]]:
    """The chain's values in float64, which of them come from well inside at every step, and the grids on the way."""
    grids = [Grid()]
    for step in chain:
        grids.append(step.grid(grids[-1]))
    at = grids[-1].indices()
    inside = np.ones(at.shape[:-1], bool)
    for step, before in zip(reversed(chain), reversed(grids[:-1]), strict=True):
        at = step.back(at, before)
        inside &= ((at >= MARGIN) & (at <= np.array(before.shape) - 1 - MARGIN)).all(-1)
    return phantom(apply(grids[0].affine, at)), inside, grids


def fused(image: np.ndarray, chain: list, fuse: bool = True) -> np.ndarray:
    pipe = mx.Pipeline([step.medoxide() for step in chain], fuse=fuse)
    out = pipe(mx.Volume(image, affine=np.eye(4)))
    count = out.explain().count("interpolate")
    assert count == (1 if fuse else len(chain)), out.explain()
    return out.numpy()


def monai(image: np.ndarray, chain: list) -> np.ndarray:
    import torch

    now, grid = torch.from_numpy(image)[None], Grid()
    for step in chain:
        now, grid = step.monai(now, grid), step.grid(grid)
    return np.asarray(now)[0]


def torchio(image: np.ndarray, chain: list) -> np.ndarray:
    import torch
    import torchio as tio

    now = tio.ScalarImage(tensor=torch.from_numpy(image)[None], affine=np.eye(4))
    for step in chain:
        now = step.torchio()(now)
    return now.data[0].numpy()


WAYS: dict[str, Callable[[np.ndarray, list], np.ndarray]] = {
    "medoxide": fused,
    "medoxide, step by step": lambda image, chain: fused(image, chain, fuse=False),
    "MONAI": monai,
    "TorchIO": torchio,
}


def errors(chain: list) -> dict[str, np.ndarray]:
    """What each way is off by, in shares of the phantom's range; NaN near the faces."""
    image = phantom(apply(Grid().affine, Grid().indices())).astype(np.float32)
    want, inside, grids = truth(chain)
    out = {}
    for name, way in WAYS.items():
        found = way(image, chain)
        assert found.shape == grids[-1].shape, (name, found.shape, grids[-1].shape)
        out[name] = np.where(inside, (found - want) / np.ptp(image), np.nan)
    return out


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(error**2)))


HEAD = """# Accuracy of chains

One interpolation instead of several: medoxide joins warps into one map and samples once. This page says what that is worth. It is written by `scripts/accuracy.py`,
which says what is compared; `bindings/python/tests/test_accuracy.py` holds that one interpolation is nearer to the truth than each of the others.

Peak signal-to-noise ratio in decibels, that is −20 log₁₀ of the root of the mean squared error as a share of the phantom's range, and in brackets the largest error
as a share of the range. Six decibels more are half the error. All interpolation is linear, all numbers are the same, and what comes from within {margin}
voxels of the faces is left out. MONAI displaces by a dense field of the same displacements (`Warp`); its lazy mode joins affine steps and was not used.

| chain | {ways} |
|---|{rule}
"""

TAIL = """
![Errors in the middle slice of the last chain](accuracy.png)

The middle slice of the last chain: what each way is off by, from −4 % (blue) to 4 % (red) of the range. Of one interpolation what remains is what linear
interpolation costs; where the second falls on what the first has smoothed, and so on, fine structure is lost everywhere.

Versions: medoxide {medoxide}, MONAI {monai}, TorchIO {torchio}.
"""


def write(folder: Path) -> None:
    from importlib.metadata import version

    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    page = HEAD.format(margin=MARGIN, ways=" | ".join(WAYS), rule="--:|" * len(WAYS))
    found = {}
    for name, chain in CHAINS.items():
        found = errors(chain)
        cells = [f"{-20 * np.log10(rms(e)):.1f} ({np.nanmax(np.abs(e)):.1%})" for e in found.values()]
        page += f"| {name} | {' | '.join(cells)} |\n"
    page += TAIL.format(**{name: version(name) for name in ("medoxide", "monai", "torchio")})
    (folder / "accuracy.md").write_text(page)
    figure, axes = plt.subplots(1, len(found), figsize=(11, 3.2), layout="constrained")
    for axis, (name, error) in zip(axes, found.items(), strict=True):
        shown = axis.imshow(error[:, :, error.shape[2] // 2].T, cmap="RdBu_r", vmin=-0.04, vmax=0.04, origin="lower")
        axis.set_title(f"{name}\n{-20 * np.log10(rms(error)):.1f} dB", fontsize=9)
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_facecolor("0.85")
    figure.colorbar(shown, ax=axes, shrink=0.8, format=lambda v, _: f"{v:.0%}")
    figure.savefig(folder / "accuracy.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs")
    write(parser.parse_args().out)
