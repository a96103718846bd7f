"""The data: a head of 256³ voxels made from the ICBM152 T1 that nilearn ships.

Background exactly zero, int16, noise inside the head, spacing 1 mm: gzip shrinks it about as much as
a skull-stripped scan. Written with nibabel. Nothing here is random between runs.
"""

from __future__ import annotations

import atexit
import importlib.util
import itertools
import json
import os
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np

PATCH = 64
CASES = 20
VERSION = 3


def template_path() -> str:
    """The file of the ICBM152 T1 that nilearn ships."""
    spec = importlib.util.find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise SystemExit("nilearn is not installed: it carries the template")
    folder = Path(spec.origin).parent / "datasets" / "data"
    found = sorted(folder.glob("mni_icbm152_t1*.nii.gz"))
    if not found:
        raise SystemExit(f"no ICBM152 T1 in {folder}")
    return str(found[0])


def _template() -> np.ndarray:
    import nibabel as nib

    return np.asanyarray(nib.load(template_path()).dataobj).astype(np.float32)


def _smooth(template: np.ndarray, n: int) -> np.ndarray:
    from scipy.ndimage import zoom

    return zoom(template, [n / s for s in template.shape], order=1)


def _head(smooth: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(smooth.shape, dtype=np.float32)
    return np.where(smooth > 20, np.rint(smooth * 8 + noise * 8), 0).astype(np.int16)


def _cases(folder: Path, smooth: np.ndarray) -> None:
    """Heads of 128³ that differ in noise, stored as scanners do (L to R, P to A), each with two labels: what is bright, and what is brighter."""
    import nibabel as nib

    folder.mkdir(exist_ok=True)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    label = np.digitize(smooth, np.percentile(smooth[smooth > 20], [60, 85])).astype(np.uint8)
    for n in range(CASES):
        for name, voxels in (("image", _head(smooth, 1000 + n)), ("label", np.roll(label, n, 2))):
            nib.save(nib.Nifti1Image(np.asfortranarray(voxels), affine), folder / f"{name}-{n:02}.nii.gz")


def make(folder: Path, large: bool) -> None:
    """Writes what is not there yet: 128³ and 256³, and 512³ if `large`."""
    import nibabel as nib

    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "made.json"
    want = {"version": VERSION, "large": large}
    if stamp.exists():
        have = json.loads(stamp.read_text())
        if have["version"] == VERSION and have["large"] >= large:
            return
    template = _template()
    affine = np.eye(4)
    for n in (128, 256):
        smooth = _smooth(template, n)
        head = _head(smooth, n)
        if n == 128:
            _cases(folder / "cases", smooth)
        np.save(folder / f"head{n}.npy", np.asfortranarray(head))
        image = nib.Nifti1Image(np.asfortranarray(head), affine)
        image.header.set_xyzt_units("mm", "sec")
        for end in (".nii", ".nii.gz"):
            nib.save(image, folder / f"head{n}_i16{end}")
        if n == 256:
            single = nib.Nifti1Image(np.asfortranarray(head, dtype=np.float32), affine)
            nib.save(single, folder / f"head{n}_f32.nii")
    if large:
        half = np.load(folder / "head256.npy")
        noise = np.random.default_rng(512).integers(-8, 9, (512, 512), dtype=np.int16)
        big = np.asfortranarray(np.repeat(np.repeat(np.repeat(half, 2, 0), 2, 1), 2, 2))
        for z in range(512):
            plane = big[:, :, z]
            plane[plane != 0] += np.roll(noise, z * 37, axis=0)[plane != 0]
        image = nib.Nifti1Image(big, affine / np.array([2, 2, 2, 1]))
        for end in (".nii", ".nii.gz"):
            nib.save(image, folder / f"head512_i16{end}")
    stamp.write_text(json.dumps(want))


def _cached(handle: int, size: int) -> bool:
    """Whether the page cache has the middle of a file: a read that may not wait says so."""
    try:
        return os.preadv(handle, [bytearray(1)], size // 2, os.RWF_NOWAIT) > 0
    except BlockingIOError:
        return False
    except OSError:  # a file system in memory cannot tell, and forgets nothing
        return True


def forget(path: Path) -> bool:
    """Takes a file out of the page cache; False where that cannot be done."""
    if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        return not _cached(handle, os.fstat(handle).st_size)
    finally:
        os.close(handle)


class Data:
    """What candidates start from: files by name, arrays by size, places to write."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder = folder
        self.out = out
        self.link, self.number = "", itertools.count()
        self.visited: Path | None = None

    def file(self, name: str) -> str:
        """Path of an input file."""
        return str(self.folder / name)

    def fresh(self, name: str) -> str:
        """Another path of an input file, which no process has seen; the one given before is gone."""
        if self.link:
            os.unlink(self.link)
        else:
            atexit.register(lambda: os.unlink(self.link))
        self.link = str(self.folder / f"fresh-{os.getpid()}-{next(self.number)}-{name}")
        os.link(self.folder / name, self.link)
        return self.link

    def cases(self, keys: tuple[str, ...]) -> list[dict[str, str]]:
        """The volumes of an epoch: for each case the paths of "image" and "label"."""
        folder = self.folder / "cases"
        return [{key: str(folder / f"{key}-{n:02}.nii.gz") for key in keys} for n in range(CASES)]

    def fresh_cases(self) -> list[dict[str, str]]:
        """Other paths of the images, which no process has seen; those given before are gone."""
        if self.visited:
            shutil.rmtree(self.visited)
        else:
            atexit.register(lambda: shutil.rmtree(self.visited or "", ignore_errors=True))
        self.visited = self.folder / f"fresh-{os.getpid()}-{next(self.number)}"
        self.visited.mkdir()
        made = []
        for case in self.cases(("image",)):
            link = self.visited / Path(case["image"]).name
            os.link(case["image"], link)
            made.append({"image": str(link)})
        return made

    def target(self, name: str) -> str:
        """Path to write to: a folder in memory where the system has one, so that disks are not measured."""
        self.out.mkdir(parents=True, exist_ok=True)
        return str(self.out / name)

    @lru_cache(maxsize=2)
    def stored(self, n: int) -> np.ndarray:
        """The head of n³ voxels, int16, axes x, y, z, x fastest."""
        return np.load(self.folder / f"head{n}.npy")

    @lru_cache(maxsize=2)
    def label(self, n: int) -> np.ndarray:
        """Two tissues of the head, by brightness and without specks; uint8, x fastest."""
        from scipy.ndimage import uniform_filter

        smooth = uniform_filter(self.head(n), 5)
        return np.asfortranarray(np.digitize(smooth, np.percentile(smooth[smooth > 160], [60, 85])).astype(np.uint8))

    @lru_cache(maxsize=4)
    def head(self, n: int) -> np.ndarray:
        """The head, float32, x fastest, as a NIfTI reader gives it."""
        return np.asfortranarray(self.stored(n), dtype=np.float32)

    @lru_cache(maxsize=4)
    def head_c(self, n: int) -> np.ndarray:
        """The same with z fastest, the layout of torch, MONAI, TorchIO and SciPy."""
        return np.ascontiguousarray(self.stored(n), dtype=np.float32)

    @lru_cache(maxsize=2)
    def flat(self, n: int) -> np.ndarray:
        """The head with nine voxels of ten set to 7: what percentiles by selection find hard."""
        same = np.random.default_rng(9).random((n, n, n), dtype=np.float32) < 0.9
        return np.asfortranarray(np.where(same, np.float32(7), self.head(n)))

    @lru_cache(maxsize=2)
    def plane(self, n: int) -> np.ndarray:
        """A slice of n × n, float32, C order as pictures are."""
        middle = np.asarray(self.stored(256)[:, :, 128], dtype=np.float32)
        picture = np.kron(middle, np.ones((n // 256, n // 256), np.float32))
        noise = np.random.default_rng(2).standard_normal(picture.shape, dtype=np.float32)
        return np.where(picture > 0, picture + 8 * noise, 0).astype(np.float32)

    def planes(self, n: int, count: int) -> np.ndarray:
        """`count` pictures of n × n, each turned and lit in its own way."""
        one = self.plane(n)
        return np.stack([np.roll(one, 5 * i, 0) * np.float32(1 + 0.01 * i) for i in range(count)])

    def corners(self, n: int) -> list[tuple[int, int, int]]:
        """Random places of a patch, the same for every candidate."""
        places = np.random.default_rng(1).integers(0, n - PATCH + 1, (64, 3))
        return [tuple(int(i) for i in place) for place in places]
