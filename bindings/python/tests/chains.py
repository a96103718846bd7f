"""Transforms, each with what it should do, as NumPy says it: for the tests that chain them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import oracle
from given import affine_of, indices, world

import medoxide as mx


@dataclass(frozen=True)
class Op:
    """`run` on a volume; `say` on (array, affine); `kind` is lattice, point, filter or sampled."""

    kind: str
    transform: mx.transforms.Transform
    say: Callable

    def run(self, volume):
        return self.transform(volume)


def _moved(array, affine, start):
    return array, affine @ affine_of(np.eye(3), start)


def _flip(array, affine, axes):
    change = np.diag([-1.0 if a in axes else 1.0 for a in range(3)])
    start = [n - 1.0 if a in axes else 0.0 for a, n in enumerate(array.shape)]
    return np.flip(array, axes), affine @ affine_of(change, start)


def _rot90(array, affine, k, axes):
    numbers = np.rot90(np.arange(array.size).reshape(array.shape), k, axes)
    first = lambda *at: np.array(np.unravel_index(numbers[at], array.shape), float)
    change = np.eye(4)
    change[:3, 3] = first(0, 0, 0)
    permutation = np.rint(np.linalg.inv(_turn(k, axes)))
    change[:3, :3] = permutation
    return np.rot90(array, k, axes), affine @ change


def _turn(k, axes):
    a, b = axes
    quarter = np.eye(3)
    quarter[[a, a, b, b], [a, b, a, b]] = [0, -1, 1, 0]  # numpy: first axis towards the second
    return np.linalg.matrix_power(quarter, k % 4)


def _crop_or_pad(array, affine, shape):
    before = np.array([(m - n) // 2 if m >= n else m // 2 - n // 2 for n, m in zip(array.shape, shape, strict=True)])
    out = np.zeros(shape, array.dtype)
    low = np.maximum(before, 0)
    source = tuple(slice(max(0, -b), max(0, -b) + min(m, n)) for b, n, m in zip(before, array.shape, shape, strict=True))
    part = array[source]
    out[tuple(slice(a, a + n) for a, n in zip(low, part.shape, strict=True))] = part
    return _moved(out, affine, -before)


def _crop(array, affine):
    start = np.array([1, 0, 2])
    stop = np.array(array.shape) - (0, 1, 1)
    return _moved(array[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))], affine, start)


class _Crop(mx.transforms.Crop):
    """One voxel less in front of x, behind y, two and one around z, whatever the shape."""

    def __call__(self, v):
        x, y, z = v.shape[:3]
        return v.crop((1, 0, 2), (x - 1, y - 1, z - 3))


def _resample(array, affine, spacing):
    have = np.sqrt((affine[:3, :3] ** 2).sum(0))
    shape = oracle.resample_shape(array.shape, have, spacing)
    out = oracle.resampled_affine(affine, array.shape, shape, np.array(spacing) / have)
    return oracle.linear(array, oracle.voxel_coordinates(affine, out, shape)), out


def _affine(array, affine, **parameters):
    back = oracle.deformation(array.shape, affine, **parameters)
    return oracle.linear(array, world(back, indices(array.shape))), affine


def _pad(mode, value=None):
    more = {} if value is None else {"constant_values": value}

    def say(array, affine):
        return _moved(np.pad(array, [(2, 1), (0, 3), (1, 1)], mode, **more), affine, (-2, 0, -1))

    transform = mx.Pad(before=(2, 0, 1), after=(1, 3, 1), mode=mode, **({} if value is None else {"value": value}))
    return Op("lattice", transform, say)


def _point(transform, say):
    return Op("point", transform, lambda array, affine: (say(array), affine))


OPS = {
    "reorient": Op("lattice", mx.Reorient(orientation="PIR"), lambda a, m: oracle.reorient(a, m, "PIR")),
    "flip": Op("lattice", mx.Flip(axes=[0, 2]), lambda a, m: _flip(a, m, (0, 2))),
    "rot90": Op("lattice", mx.Rot90(k=3, axes=(0, 1)), lambda a, m: _rot90(a, m, 3, (0, 1))),
    "crop": Op("lattice", _Crop(start=(0, 0, 0), shape=(1, 1, 1)), _crop),
    "pad": _pad("constant", 3.0),
    "pad_edge": _pad("edge"),
    "pad_reflect": _pad("reflect"),
    "pad_symmetric": _pad("symmetric"),
    "pad_wrap": _pad("wrap"),
    "crop_or_pad": Op("lattice", mx.CropOrPad(shape=(8, 13, 10)), lambda a, m: _crop_or_pad(a, m, (8, 13, 10))),
    "z_normalize": _point(mx.ZNormalize(), oracle.z_normalize),
    "rescale": _point(mx.Rescale(out_range=(-2, 5)), lambda a: oracle.rescale(a, (float(a.min()), float(a.max())), (-2, 5))),
    "percentiles": _point(
        mx.Rescale(percentiles=(5, 90)), lambda a: oracle.rescale(a, tuple(np.percentile(a, (5, 90)).tolist()))
    ),
    "clamp": _point(mx.Clamp(min=-0.5, max=0.75), lambda a: np.clip(a, -0.5, 0.75)),
    "smooth": Op("filter", mx.GaussianSmooth(sigma=(1.2, 0.0, 0.8)), lambda a, m: (oracle.smooth(a, (1.2, 0, 0.8)), m)),
    "resample": Op("sampled", mx.Resample(spacing=(0.9, 1.1, 1.6)), lambda a, m: _resample(a, m, (0.9, 1.1, 1.6))),
    "affine": Op("sampled", mx.Affine(rotate=(5, -8, 12), scale=1.1), lambda a, m: _affine(a, m, rotate=(5, -8, 12), scale=1.1)),
}
