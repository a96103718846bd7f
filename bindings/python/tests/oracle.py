"""What the transforms should give, the slow way: NumPy and SciPy in float64."""

from __future__ import annotations

import numpy as np
from given import indices, world

# numpy.pad's words to SciPy's; "grid-" modes also interpolate across the edge.
SCIPY_MODE = {
    "edge": "nearest",
    "constant": "grid-constant",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "grid-wrap",
}


def reorient(array, affine, codes):
    """nibabel's orientation arithmetic: data and affine."""
    from nibabel import orientations as o

    change = o.ornt_transform(o.io_orientation(affine), o.axcodes2ornt(tuple(codes)))
    return o.apply_orientation(array, change), affine @ o.inv_ornt_aff(change, array.shape)


def voxel_coordinates(affine_in, affine_out, shape_out):
    """Where the voxels of the output lie, in voxels of the input: (x, y, z, 3)."""
    return world(np.linalg.inv(affine_in), world(affine_out, indices(shape_out)))


def sample(array, coordinates, order=1, mode="edge", value=0.0):
    """Values at voxel coordinates (..., 3), in float64; the volume is continued as `mode` says."""
    from scipy import ndimage

    at = np.moveaxis(coordinates, -1, 0)
    array = np.asarray(array, np.float64)
    return ndimage.map_coordinates(array, at, order=order, mode=SCIPY_MODE[mode], cval=value, prefilter=False)


def nearest(array, coordinates):
    """The nearest voxel, halves up, edge voxels beyond the edge; and where no half is near."""
    index = np.floor(coordinates + 0.5).astype(int)
    index = np.clip(index, 0, np.array(array.shape) - 1)
    sure = np.all(np.abs(coordinates + 0.5 - np.round(coordinates + 0.5)) > 1e-6, -1)
    return array[tuple(np.moveaxis(index, -1, 0))], sure


def resample_shape(shape, spacing, wanted):
    """The rounded shape over the same field of view, at least one voxel."""
    return tuple(max(1, int(np.floor(n * s / w + 0.5))) for n, s, w in zip(shape, spacing, wanted, strict=True))


def resampled_affine(affine, shape_in, shape_out, ratio):
    """Voxels `ratio` times as large, about the common centre."""
    scale = np.diag([*ratio, 1.0])
    scale[:3, 3] = [(n - 1) / 2 - r * (m - 1) / 2 for n, m, r in zip(shape_in, shape_out, ratio, strict=True)]
    return affine @ scale


def deformation(shape, affine, rotate=(0, 0, 0), scale=(1, 1, 1), shear=(0, 0, 0), translate=(0, 0, 0)):
    """The matrix from output to input voxels of the Affine transform, written down from its description."""
    from given import affine_of, rotation

    spacing = np.sqrt((np.asarray(affine)[:3, :3] ** 2).sum(0))
    sheared = np.eye(3)
    sheared[0, 1], sheared[0, 2], sheared[1, 2] = shear
    content = rotation(*np.radians(rotate)) @ sheared @ np.diag(np.broadcast_to(scale, 3).astype(float))
    to_mm = affine_of(np.diag(spacing)) @ affine_of(np.eye(3), -(np.array(shape) - 1) / 2)
    moved = affine_of(np.eye(3), translate) @ affine_of(content)
    return np.linalg.inv(to_mm) @ np.linalg.inv(moved) @ to_mm


def z_normalize(array, kept=None):
    """(x - mean) / sd over the kept voxels, in float64; a deviation of 0 divides by 1."""
    a = np.asarray(array, np.float64)
    chosen = a if kept is None else a[kept]
    sd = chosen.std()
    return (a - chosen.mean()) / (sd if sd > 0 else 1.0)


def rescale(array, in_range, out_range=(0.0, 1.0), clip=True):
    """The linear map of one range to another, in float64."""
    a = np.asarray(array, np.float64)
    (low, high), (to_low, to_high) = in_range, out_range
    if low == high:
        return np.where(np.isnan(a), a, to_low)
    out = (a - low) / (high - low) * (to_high - to_low) + to_low
    return np.clip(out, to_low, to_high) if clip else out


def largest_components(array, connectivity=3, per_label=True):
    """SciPy's components; of equal sizes the one whose first voxel, x fastest, comes first."""
    from scipy import ndimage

    out = np.zeros_like(array)
    structure = ndimage.generate_binary_structure(3, connectivity)
    values = [v for v in np.unique(array) if v != 0] if per_label else [None]
    for value in values:
        chosen = array != 0 if value is None else array == value
        numbered, count = ndimage.label(chosen, structure)
        if count == 0:
            continue
        flat = numbered.ravel(order="F")
        sizes = np.bincount(flat)[1:]
        best = [c + 1 for c in range(count) if sizes[c] == sizes.max()]
        first = next(c for c in flat if c in best)
        keep = numbered == first
        out[keep] = array[keep]
    return out


def low_resolution(array, scale):
    """nnU-Net's rule: shapes by Python's round, nearest-exact down, trilinear up."""
    import torch
    from torch.nn.functional import interpolate

    shape = [max(1, round(n * s)) for n, s in zip(array.shape, scale, strict=True)]
    image = torch.from_numpy(np.asarray(array, np.float64))[None, None]
    small = interpolate(image, shape, mode="nearest-exact")
    return interpolate(small, array.shape, mode="trilinear", align_corners=False)[0, 0].numpy()


def linear(array, coordinates):
    """Trilinear values at voxel coordinates, edge voxels beyond the edge: `sample` without SciPy."""
    a = np.asarray(array, np.float64)
    top = np.array(a.shape) - 1
    at = np.clip(coordinates, 0, top)
    low = np.minimum(np.floor(at).astype(int), np.maximum(top - 1, 0))
    part = at - low
    out = np.zeros(at.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), -1)
        out += weight * a[tuple(np.moveaxis(np.minimum(low + corner, top), -1, 0))]
    return out


def smooth(array, sigma, truncate=4.0):
    """SciPy's gaussian_filter, mode reflect, written out: `sigma` in voxels along each axis."""
    out = np.asarray(array, np.float64)
    for axis, s in enumerate(np.broadcast_to(sigma, 3)):
        if s == 0:
            continue
        radius = int(truncate * s + 0.5)
        taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / s) ** 2)
        taps /= taps.sum()
        pads = [(radius, radius) if a == axis else (0, 0) for a in range(3)]
        wide = np.pad(out, pads, mode="symmetric")
        n = out.shape[axis]
        out = sum(t * np.take(wide, range(i, i + n), axis) for i, t in enumerate(taps))
    return out
