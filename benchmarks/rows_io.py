"""Reading and writing: the 256³ head, int16 unless said, page cache warm."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np

from data import PATCH, Data, forget
from row import MIB, US, Aim, Close, Must, Reference, Work, copy, inflate, row

SECTION = "reading and writing, 256³"
PLAIN, PACKED, SINGLE = "head256_i16.nii", "head256_i16.nii.gz", "head256_f32.nii"
OUTPUT = 64 * MIB


def nib_load(path: str) -> Any:
    import nibabel as nib

    return nib.load(path)


def _sitk_array(image: Any) -> np.ndarray:
    import SimpleITK as sitk

    return sitk.GetArrayViewFromImage(image).T


# Open: the header only.
for suffix, file, must, aim in ((".nii", PLAIN, 1.0, 0.01), (".nii.gz", PACKED, 0.3, 0.05)):
    opened = row(f"open {suffix}", SECTION, must=Must(must), aim=Aim(aim), check=Close("nibabel"))

    @opened.by(US)
    def _(data: Data, file=file):
        import medoxide as mx

        path = data.file(file)
        return lambda: mx.load(path).shape

    @opened.by("nibabel")
    def _(data: Data, file=file):
        path = data.file(file)
        return lambda: nib_load(path).shape

    @opened.by("medrs")
    def _(data: Data, file=file):
        import medrs

        path = data.file(file)
        return lambda: medrs.load(path).shape

    @opened.by("SimpleITK")
    def _(data: Data, file=file):
        import SimpleITK as sitk

        path = data.file(file)

        def call() -> Any:
            reader = sitk.ImageFileReader()
            reader.SetFileName(path)
            reader.ReadImageInformation()
            return reader.GetSize()

        return call


# Every voxel as float32, x fastest, as NumPy.
for name, file, must, aim in (
    (".nii → float32", PLAIN, Must(0.7), Aim(2.0, copy(OUTPUT))),
    (".nii.gz → float32", PACKED, Must(0.5), Aim(1.4, inflate(PACKED))),
    (".nii float32 → copy", SINGLE, Must(0.7), Aim(1.3, copy(OUTPUT))),
):
    whole = row(name, SECTION, must=must, aim=aim, check=Close("nibabel"))

    @whole.by(US)
    def _(data: Data, file=file):
        import medoxide as mx

        path = data.file(file)
        return lambda: mx.load(path).numpy(dtype="float32")

    @whole.by("nibabel")
    def _(data: Data, file=file):
        path = data.file(file)
        if file == SINGLE:
            return lambda: np.array(nib_load(path).dataobj, order="K")
        return lambda: nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")

    @whole.by("medrs")
    def _(data: Data, file=file):
        import medrs

        path = data.file(file)
        return lambda: medrs.load(path).to_numpy()

    @whole.by("SimpleITK")
    def _(data: Data, file=file):
        import SimpleITK as sitk

        path = data.file(file)
        return Work(lambda: sitk.ReadImage(path, sitk.sitkFloat32), _sitk_array)


view = row(".nii float32 → mapped view", SECTION, must=Must(0.2), check=Close("nibabel"), note="aim: no copy")


@view.by(US)
def _(data: Data):
    import medoxide as mx

    path = data.file(SINGLE)
    return lambda: np.asarray(mx.load(path, mmap=True))


@view.by("nibabel")
def _(data: Data):
    path = data.file(SINGLE)
    return lambda: np.asarray(nib_load(path).dataobj)


tensor = row(
    ".nii → float32 torch (x, y, z), contiguous",
    SECTION,
    must=Must(0.3),
    aim=Aim(4.0, copy(OUTPUT)),
    check=Close("nibabel+torch"),
)


@tensor.by(US)
def _(data: Data):
    import medoxide as mx
    import torch

    path = data.file(PLAIN)
    return lambda: mx.load(path).torch(dtype=torch.float32, channel=False)


@tensor.by("nibabel+torch")
def _(data: Data):
    import torch

    path = data.file(PLAIN)

    def call() -> Any:
        voxels = torch.from_numpy(np.asarray(nib_load(path).dataobj))
        return torch.empty(voxels.shape).copy_(voxels)  # converts and turns in one pass

    return call


@tensor.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk
    import torch

    path = data.file(PLAIN)

    def call() -> Any:
        array = sitk.GetArrayViewFromImage(sitk.ReadImage(path, sitk.sitkFloat32))
        return torch.from_numpy(array).permute(2, 1, 0).contiguous()

    return call


@tensor.by("medrs")
def _(data: Data):
    import medrs

    path = data.file(PLAIN)
    return lambda: medrs.load_to_torch(path).contiguous()


@tensor.by("MONAI")
def _(data: Data):
    from monai.transforms import LoadImage

    path, load = data.file(PLAIN), LoadImage(image_only=True)
    return Work(lambda: load(path), lambda image: image.as_tensor())


# A patch at a random place.
for n, must in ((256, 0.4), (512, 0.4)):
    file = f"head{n}_i16.nii"
    crop = row(
        f"64³ crop of {n}³ .nii → float32",
        SECTION,
        must=Must(must),
        aim=Aim(1.5, Reference("pread", n)),
        check=Close("nibabel"),
        quick=n == 256,
    )

    @crop.by(US)
    def _(data: Data, file=file, n=n):
        import medoxide as mx

        path, corners = data.file(file), itertools.cycle(data.corners(n))

        def call() -> Any:
            x, y, z = next(corners)
            patch = mx.load(path)[x : x + PATCH, y : y + PATCH, z : z + PATCH]
            return patch.numpy(dtype="float32")

        return call

    @crop.by("medrs")
    def _(data: Data, file=file, n=n):
        import medrs

        path, corners = data.file(file), itertools.cycle(data.corners(n))
        return lambda: medrs.load_cropped(path, list(next(corners)), [PATCH] * 3).to_numpy()

    @crop.by("nibabel")
    def _(data: Data, file=file, n=n):
        path, corners = data.file(file), itertools.cycle(data.corners(n))

        def call() -> Any:
            x, y, z = next(corners)
            voxels = np.asarray(nib_load(path).dataobj)  # mapped: only the patch is read
            return voxels[x : x + PATCH, y : y + PATCH, z : z + PATCH].astype(np.float32)

        return call

    @crop.by("SimpleITK")
    def _(data: Data, file=file, n=n):
        import SimpleITK as sitk

        path, corners = data.file(file), itertools.cycle(data.corners(n))

        def call() -> Any:
            reader = sitk.ImageFileReader()
            reader.SetFileName(path)
            reader.SetOutputPixelType(sitk.sitkFloat32)
            reader.SetExtractIndex(next(corners))
            reader.SetExtractSize([PATCH] * 3)
            return reader.Execute()

        return Work(call, _sitk_array)


# Our own division of a gzip file into members; every library reads it, those that know it in parallel and by region.
def _divided(data: Data, path: str = "") -> str:
    import medoxide as mx

    path = path or data.target("members.nii.gz")
    mx.load(data.file(PLAIN)).save(path)
    return path


ONE_MEMBER = f"{US}: one member"
divided = row(
    "block-gzip .nii.gz → float32",
    SECTION,
    must=Must(0.65, (ONE_MEMBER,)),
    aim=Aim(0.75, inflate(PACKED)),
    check=Close("nibabel"),
    note="one member: the file that nibabel wrote",
)


@divided.by(US)
def _(data: Data):
    import medoxide as mx

    path = _divided(data)
    return lambda: mx.load(path).numpy(dtype="float32")


@divided.by(ONE_MEMBER)
def _(data: Data):
    import medoxide as mx

    path = data.file(PACKED)
    return lambda: mx.load(path).numpy(dtype="float32")


@divided.by("nibabel")
def _(data: Data):
    path = _divided(data)
    return lambda: nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")


@divided.by("medrs")
def _(data: Data):
    import medrs

    path = data.target("medrs.mgz.nii.gz")
    medrs.convert_to_mgzip(data.file(PACKED), path)
    return lambda: medrs.load_mgzip(path).to_numpy()


patch = row(
    "64³ crop of block-gzip .nii.gz → float32",
    SECTION,
    must=Must(0.8, (f"{US}: whole",)),
    check=Close("nibabel"),
    note="whole: all members; members inflated are counted by a test",
)


@patch.by(US)
def _(data: Data):
    import medoxide as mx

    path, corners = _divided(data), itertools.cycle(data.corners(256))

    def call() -> Any:
        x, y, z = next(corners)
        cut = mx.load(path)[x : x + PATCH, y : y + PATCH, z : z + PATCH]
        return cut.numpy(dtype="float32")

    return call


@patch.by(f"{US}: whole")
def _(data: Data):
    import medoxide as mx

    path, corners = _divided(data), itertools.cycle(data.corners(256))

    def call() -> Any:
        x, y, z = next(corners)
        whole = mx.load(path).numpy(dtype="float32")
        return whole[x : x + PATCH, y : y + PATCH, z : z + PATCH]

    return call


@patch.by("nibabel")
def _(data: Data):
    path, corners = _divided(data), itertools.cycle(data.corners(256))

    def call() -> Any:
        x, y, z = next(corners)
        voxels = nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")
        return voxels[x : x + PATCH, y : y + PATCH, z : z + PATCH]

    return call


# A patch touches the share PATCH / 256 of the slices, of which row groups are skipped.
cold = row(
    "64³ crop of block-gzip .nii.gz, cold → float32",
    SECTION,
    must=Must(0.8 * PATCH / 256, reference=inflate(PACKED)),
    check=Close("nibabel"),
    note="taken out of the page cache before each visit; the bar is 0.8 × the share of slices × inflate",
)


@cold.by(US)
def _(data: Data):
    import medoxide as mx

    path, corners = _divided(data, data.file("members.nii.gz")), itertools.cycle(data.corners(256))

    def before() -> None:
        if not forget(Path(path)):
            raise RuntimeError("the page cache keeps the file")

    def call() -> Any:
        x, y, z = next(corners)
        return mx.load(path)[x : x + PATCH, y : y + PATCH, z : z + PATCH].numpy(dtype="float32")

    return Work(call, before=before)


@cold.by("nibabel")
def _(data: Data):
    path, corners = _divided(data, data.file("members-nibabel.nii.gz")), itertools.cycle(data.corners(256))

    def call() -> Any:
        x, y, z = next(corners)
        voxels = nib_load(path).get_fdata(dtype=np.float32, caching="unchanged")
        return voxels[x : x + PATCH, y : y + PATCH, z : z + PATCH]

    return Work(call, before=lambda: forget(Path(path)))


# Writing, to a folder in memory: waiting for a disk is the same for everyone, and timed apart.
def _small_enough(_: Any, facts: Any) -> tuple[bool, str]:
    ratio = facts[US]["bytes"] / facts["nibabel"]["bytes"]
    return ratio <= 1.02, f"size {ratio:.3f} × nibabel's"


save = row(
    "save .nii.gz",
    SECTION,
    must=Must(0.5),
    aim=Aim(0.5, Reference("deflate", (3, 256))),
    check=Close("nibabel"),
    also=_small_enough,
    note="aim: two threads of libdeflate at our default level",
)


def _saving(data: Data, name: str, write: Any) -> Work:
    path = data.target(f"{name}.nii.gz")
    return Work(
        lambda: write(path),
        lambda _: np.asarray(nib_load(path).dataobj),
        lambda: {"bytes": os.path.getsize(path)},
    )


@save.by(US)
def _(data: Data):
    import medoxide as mx

    volume = mx.Volume(data.stored(256), affine=np.eye(4))
    return _saving(data, "medoxide", lambda path: volume.save(path))


@save.by("nibabel")
def _(data: Data):
    import nibabel as nib

    image = nib.Nifti1Image(data.stored(256), np.eye(4))
    return _saving(data, "nibabel", lambda path: nib.save(image, path))


@save.by("medrs")
def _(data: Data):
    import medrs

    image = medrs.load(data.file(PLAIN))
    return _saving(data, "medrs", lambda path: image.save(path))


@save.by("SimpleITK")
def _(data: Data):
    import SimpleITK as sitk

    image = sitk.ReadImage(data.file(PLAIN))
    return _saving(data, "sitk", lambda path: sitk.WriteImage(image, path, useCompression=True))
