"""Physical measures, taken in the same run as the libraries: what the memory and libdeflate can do.

- `copy(n)`: `numpy.copyto` of n bytes between touched blocks, one thread.
- `inflate(f)`: libdeflate decoding the gzip stream of f into touched memory, one thread.
- `inflate_epoch(n)`: libdeflate decoding the stream of each case up to the end of a random patch in n³, two threads: what an epoch of first visits cannot do without.
- `deflate(level, n)`: libdeflate encoding the int16 head of n³ at that level, one thread.
- `pread(n)`: one `pread` per slab of a 64³ patch of the int16 file of n³, into touched memory.
- `fsync(n)`: writing n bytes to a file on the temporary folder's disk and waiting for it.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from data import PATCH, Data
from row import Reference, Work

HEADER = 352
_OUT_OF_ROOM = 3  # libdeflate: all of the room that there was is full


def work(reference: Reference, data: Data) -> Work:
    """The call to time."""
    return Work(_KINDS[reference.kind](reference.amount, data), array=lambda _: np.zeros(1))


def _copy(n: int, _: Data):
    source, target = np.ones(n, np.uint8), np.zeros(n, np.uint8)
    return lambda: np.copyto(target, source)


def _libdeflate() -> ctypes.CDLL:
    import deflate._deflate as compiled

    library = ctypes.CDLL(compiled.__file__)  # whose calls let other threads run
    library.libdeflate_alloc_decompressor.restype = ctypes.c_void_p
    library.libdeflate_alloc_compressor.restype = ctypes.c_void_p
    library.libdeflate_gzip_compress.restype = ctypes.c_size_t
    return library


def _decoded(path: str | os.PathLike[str], most: int | None = None):
    """Decodes a gzip stream into touched memory, to its end or up to that byte of the content."""
    library = _libdeflate()
    packed = np.fromfile(path, np.uint8)
    size = int.from_bytes(packed[-4:].tobytes(), "little")
    target = np.zeros(size if most is None else most, np.uint8)
    decoder = ctypes.c_void_p(library.libdeflate_alloc_decompressor())
    wanted = _OUT_OF_ROOM if target.nbytes < size else 0

    def call() -> None:
        status = library.libdeflate_gzip_decompress(
            decoder,
            ctypes.c_void_p(packed.ctypes.data),
            ctypes.c_size_t(packed.nbytes),
            ctypes.c_void_p(target.ctypes.data),
            ctypes.c_size_t(target.nbytes),
            ctypes.byref(ctypes.c_size_t()),
        )
        if status != wanted:
            raise RuntimeError(f"libdeflate: status {status}")

    return call


def _inflate(name: str, data: Data):
    return _decoded(data.file(name))


def _inflate_epoch(n: int, data: Data):
    cases = [case["image"] for case in data.cases(("image",))]
    calls = []
    for path, (x, y, z) in zip(cases, data.corners(n), strict=False):
        last = (z + PATCH - 1) * n * n + (y + PATCH - 1) * n + x + PATCH
        calls.append(_decoded(path, HEADER + 2 * last))
    pool = ThreadPoolExecutor(2)

    def call() -> None:
        list(pool.map(lambda decode: decode(), calls))

    return call


def _deflate(what: tuple[int, int], data: Data):
    level, n = what
    library = _libdeflate()
    source = np.ascontiguousarray(data.stored(n).ravel(order="K"))
    target = np.zeros(source.nbytes, np.uint8)
    encoder = ctypes.c_void_p(library.libdeflate_alloc_compressor(level))

    def call() -> None:
        size = library.libdeflate_gzip_compress(
            encoder,
            ctypes.c_void_p(source.ctypes.data),
            ctypes.c_size_t(source.nbytes),
            ctypes.c_void_p(target.ctypes.data),
            ctypes.c_size_t(target.nbytes),
        )
        if not size:
            raise RuntimeError("libdeflate: the result does not fit")

    return call


def _pread(n: int, data: Data):
    file = os.open(data.file(f"head{n}_i16.nii"), os.O_RDONLY)
    corners = itertools.cycle(data.corners(n))
    buffers = [memoryview(bytearray(2 * ((PATCH - 1) * n + PATCH)))]

    def call() -> None:
        x, y, z = next(corners)
        start = HEADER + 2 * (x + n * (y + n * z))
        for k in range(PATCH):
            os.preadv(file, buffers, start + 2 * n * n * k)

    return call


def _fsync(n: int, _: Data):
    payload = np.random.default_rng(0).integers(0, 256, n, np.uint8).tobytes()
    file, path = tempfile.mkstemp()
    os.unlink(path)

    def call() -> None:
        os.pwrite(file, payload, 0)
        os.fsync(file)

    return call


_KINDS = {"copy": _copy, "inflate": _inflate, "inflate_epoch": _inflate_epoch, "deflate": _deflate, "pread": _pread, "fsync": _fsync}
