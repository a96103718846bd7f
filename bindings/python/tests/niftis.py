"""NIfTI files written byte by byte around nibabel's headers, so that nothing is corrected on the way."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from nibabel import nifti1, nifti2

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16", "rgb", "rgba"]
COLOURS = {"rgb": "RGB", "rgba": "RGBA"}
HEADERS = {
    (1, False): nifti1.Nifti1Header,
    (1, True): nifti1.Nifti1PairHeader,
    (2, False): nifti2.Nifti2Header,
    (2, True): nifti2.Nifti2PairHeader,
}
# One to seven axes: odd, prime, one voxel long.
AXES = [(5,), (5, 4), (1, 7), (5, 4, 3), (5, 4, 1), (1, 1, 1), (3, 4, 2, 3), (2, 3, 2, 1, 2), (2, 3, 1, 1, 1, 2), (2, 1, 2, 1, 2, 1, 3)]


def dtype_of(name: str, order: str = "<") -> np.dtype:
    """The NumPy dtype of a short name; colours are records of bytes."""
    if name in COLOURS:
        return np.dtype([(c, "u1") for c in COLOURS[name]])
    return np.dtype(order + name)


def voxels(name: str, shape, order: str = "<", seed: int = 0) -> np.ndarray:
    """Voxels over the whole range of a dtype, extremes included; floats with NaN and infinities."""
    rng = np.random.default_rng(seed)
    dtype = dtype_of(name, order)
    n = int(np.prod(shape))
    if name in COLOURS:
        return np.frombuffer(rng.bytes(n * dtype.itemsize), dtype).reshape(shape, order="F")
    if dtype.kind in "ui":
        flat = np.frombuffer(rng.bytes(n * dtype.itemsize), dtype).copy()
        flat[0], flat[-1] = np.iinfo(dtype).min, np.iinfo(dtype).max
        return flat.reshape(shape, order="F")
    flat = rng.standard_normal(n) * 10.0 ** rng.integers(-3, 5, n)
    if dtype.kind == "c":
        flat = flat + 1j * rng.standard_normal(n) * 100
    elif n > 3:
        flat[:3] = np.nan, np.inf, -np.inf
    return flat.astype(dtype).reshape(shape, order="F")


def parts(array, *, version=1, order="<", slope=None, inter=0.0, pair=False, extensions=(), offset=None, change=None):
    """Header bytes and voxel bytes. `slope` None stores NaN, as writers that do not scale do."""
    header = HEADERS[version, pair](endianness=order)
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    if change is not None:
        change(header)
    # set_slope_inter refuses what a file may well hold; the fields themselves do not.
    header["scl_slope"], header["scl_inter"] = (np.nan, np.nan) if slope is None else (slope, inter)
    blocks = b""
    for code, data in extensions:
        size = -(-(len(data) + 8) // 16) * 16
        blocks += struct.pack(order + "ii", size, code) + data.ljust(size - 8, b"\0")
    flag = b"\1\0\0\0" if blocks else b"\0\0\0\0"
    start = (0 if pair else len(header.binaryblock) + len(flag) + len(blocks)) if offset is None else offset
    header["vox_offset"] = start
    head = header.binaryblock + flag + blocks
    body = array.tobytes(order="F")
    if pair:
        return head, b"\7" * start + body
    return head + b"\0" * (start - len(head)) + body, None


def compress(data: bytes, members: int = 1, trailing: int = 0) -> bytes:
    """gzip, in one or several members, with zeros behind."""
    cut = [data[i * len(data) // members : (i + 1) * len(data) // members] for i in range(members)]
    return b"".join(gzip.compress(c, 6, mtime=0) for c in cut) + b"\0" * trailing


CONTAINERS = {
    ".nii": {},
    ".nii.gz": {"gz": True},
    ".hdr": {"pair": True},
    ".hdr.gz": {"pair": True, "gz": True},
    ".NII": {},
    ".NII.GZ": {"gz": True},
    "gz_called.nii": {"gz": True},
    "plain_called.nii.gz": {},
    "members.nii.gz": {"gz": True, "members": 3},
    "zeros_behind.nii.gz": {"gz": True, "trailing": 512},
    "far.nii": {"offset": 4096},
    "far.hdr": {"pair": True, "offset": 96},
    "longer.nii": {"more": b"left over"},
}


def write(folder: Path, stem: str, array, container: str = ".nii", **options) -> Path:
    """A file in a container of the list; returns the path to open. Options as for `parts`."""
    how = dict(CONTAINERS[container])
    gz, members, trailing, more = (how.pop(k, d) for k, d in (("gz", False), ("members", 1), ("trailing", 0), ("more", b"")))
    head, body = parts(array, **{**how, **options})
    pack = (lambda b: compress(b, members, trailing)) if gz else (lambda b: b)
    path = folder / (stem + (container if container.startswith(".") else f"_{container}"))
    path.write_bytes(pack(head + more))
    if body is not None:
        path.with_name(path.name.replace(".hdr", ".img")).write_bytes(pack(body))
    return path


def plain(folder: Path, stem: str, array, **options) -> Path:
    """The same content where nibabel looks for it: one plain file."""
    head, _ = parts(array, **options)
    path = folder / f"{stem}_reference.nii"
    path.write_bytes(head)
    return path
