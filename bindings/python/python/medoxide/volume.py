"""Volumes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _arrays
from ._medoxide import SaveReport, VolumeCore, _volume_from_state
from ._methods import TransformMethods
from .errors import ParamError, ShapeError, UnsupportedError
from .header import Header

if TYPE_CHECKING:
    import torch

    Path = str | os.PathLike[str]
    Affine = npt.NDArray[np.float64]
    Role = Literal["image", "label", "map"]

#: From RAS+ to LPS+ millimetres, the world of ITK and DICOM, and back.
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Grid(NamedTuple):
    """Where a volume lies in the world."""

    shape: tuple[int, int, int]
    affine: Affine
    spacing: tuple[float, float, float]
    orientation: str
    field_of_view: tuple[float, float, float]


class Explanation(str):
    """A text that shows itself as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Volume(VolumeCore, TransformMethods):
    """A volume: voxels, where they lie in the world, and what is to be done to them.

    Made by `load` from a file, lazily, or from an array of any numeric dtype, byte order and
    strides. Arrays are viewed, not copied, where NumPy's memory allows; do not write to them while
    the volume is in use. Axes are (X, Y, Z) and then frames or channels, as in nibabel; of an array
    with more than three axes `channel_axis` says which are not space.

    Transforms are methods, and chain: `mx.load(p).reorient("RAS").resample(1).z_normalize()`. They
    return new volumes, and nothing is read or computed until values are asked for: `np.asarray(v)`
    is a read-only view of the result, which is kept; `v.numpy()` and `v.torch()` give memory of
    one's own; `v.save(path)` writes a file. Parameter and shape errors come at once.

    Square brackets cut by voxel indices, with ints, slices (also backwards) and an ellipsis. An int
    on an axis of space keeps the axis, with one voxel, as a volume has three; on a frame axis it
    drops it. The affine follows, so that voxels stay in place. Frames are read when they are cut.

    Parameters
    ----------
    array : array-like or torch tensor
        2 or 3 axes of space, and those in `channel_axis`. Bool becomes uint8.
    affine : (4, 4) array-like, default the identity
        Voxel index to world millimetres, RAS+.
    channel_axis : int or sequence of ints, default none
        Axes that are no space.
    role : "image", "label" or "map", default "image"
        What the voxels are: measured values; class numbers, sampled nearest and never changed, which
        become the smallest integer dtype; or probabilities and weights, warped but not normalised.
    """

    __slots__ = ()
    __iter__ = None

    def __new__(
        cls,
        array: Any,
        affine: npt.ArrayLike | None = None,
        *,
        channel_axis: int | Iterable[int] | None = None,
        role: Role | None = None,
    ) -> Volume:
        if isinstance(array, Volume):
            return array.replace(affine=affine, role=role)
        axes = _arrays.axes(channel_axis)
        made = VolumeCore.__new__(cls, _arrays.as_array(array), _rows(affine), axes, role)
        return made

    # Where it lies ------------------------------------------------------------------------------

    @property
    def affine(self) -> Affine:
        """Voxel index to world millimetres, RAS+: a read-only 4 x 4 array."""
        out = np.array(self._affine_rows())
        out.flags.writeable = False
        return out

    @property
    def grid(self) -> Grid:
        """Shape of the three axes of space, affine, spacing, orientation, field of view."""
        x, y, z, *_ = (*self.shape, 1, 1)
        return Grid((x, y, z), self.affine, self.spacing, self.orientation, self.field_of_view)

    @property
    def header(self) -> Header | None:
        """The header of the file that the volume came from; None for arrays."""
        state = self._header()
        return None if state is None else Header(state)

    # Values -------------------------------------------------------------------------------------

    def torch(
        self,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        channel: bool = True,
    ) -> torch.Tensor:
        """The values as a tensor of one's own, channel first and C-contiguous: (C, X, Y, Z).

        Frames count as channels, the first frame axis fastest. `channel=False` drops C from a
        volume that has one channel.
        """
        name = None if dtype is None else str(dtype).removeprefix("torch.")
        array, bfloat16 = self._channel_first("uint8" if name == "bool" else name, channel)
        tensor = _arrays.to_tensor(array, bfloat16)
        if name == "bool":
            import torch

            tensor = tensor.to(torch.bool)
        return tensor if device is None else tensor.to(device)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The values in memory of the taker's own, (X, Y, Z) and x fastest."""
        if copy is False and self.is_computed:
            raise BufferError("the kept result cannot be given away; copy=False is not possible")
        # The fresh array is nobody else's: to hand it over is no further copy. Old NumPy knows
        # only the stream.
        known = {"stream": stream, "max_version": max_version, "dl_device": dl_device}
        array = self.numpy()
        try:
            return array.__dlpack__(**{k: v for k, v in known.items() if v is not None})
        except TypeError:
            return array.__dlpack__(stream=stream)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def compute(self) -> Volume:
        """Computes the result and keeps it; returns the volume itself."""
        self._compute()
        return self

    def explain(self) -> Explanation:
        """What will be done: stages, passes over the voxels, bytes to read."""
        return Explanation(self._explain())

    def invert(
        self,
        prediction: Volume | npt.ArrayLike,
        *,
        label_interpolation: Literal["nearest", "linear"] = "nearest",
    ) -> Volume:
        """What lies on this volume's grid, on the grid of the file or array that it was made of.

        The way back is one map, whatever transforms led here, and one interpolation: images and maps
        linearly, labels by the nearest voxel or by the largest share of the neighbours. Crops, pads,
        flips and turns are undone exactly; deformations voxel by voxel. Outside lies 0.

        Parameters
        ----------
        prediction : Volume or array
            Of this volume's shape, channels after it; an array of whole numbers is a label.
        label_interpolation : "nearest" or "linear", default "nearest"
            How labels are sampled between voxels.

        Examples
        --------
        >>> import medoxide as mx, numpy as np
        >>> scan = mx.Volume(np.zeros((10, 12, 8), np.float32))
        >>> x = scan.flip("x").crop_or_pad(6).resample(2)
        >>> x.invert(np.ones(x.shape, np.uint8)).shape
        (10, 12, 8)
        """
        if not isinstance(prediction, Volume):
            values = np.asarray(prediction)
            whole = values.dtype.kind in "uib"
            extra = tuple(range(3, values.ndim)) or None
            prediction = Volume(
                values, affine=self.affine, channel_axis=extra, role="label" if whole else "image"
            )
        return self._invert(prediction, label_interpolation)  # type: ignore[no-any-return]

    def replace(
        self,
        *,
        affine: npt.ArrayLike | None = None,
        role: Role | None = None,
        description: str | None = None,
        display_range: tuple[float, float] | None = None,
        extensions: Sequence[tuple[int, bytes]] | None = None,
    ) -> Volume:
        """The same voxels with other facts; reads them, unless only the role changes."""
        out: Any = self
        given = (affine, description, display_range, extensions)
        if any(v is not None for v in given):
            out = out._replace(_rows(affine), *given[1:])
        return out if role is None else out._as_role(role)  # type: ignore[no-any-return]

    # Files --------------------------------------------------------------------------------------

    def save(
        self,
        path: Path,
        *,
        like: Volume | Path | None = None,
        level: Literal["none", "fast", "balanced", "small"] | int = "balanced",
        gzip: Literal["blocks", "bgzf", "single"] = "blocks",
        threads: int | None = None,
        storage: Literal["int16", "float16-private"] | None = None,
        dtype: npt.DTypeLike | None = None,
        sync: bool = True,
    ) -> SaveReport:
        """Writes `.nii`, `.nii.gz` or a `.hdr`/`.img` pair, as the name says; atomically.

        The dtype stays: float32 is written as float32, an untouched file keeps its stored numbers,
        scale and header bit for bit, and what was derived never inherits the source's scale.

        Parameters
        ----------
        like : volume or path
            Header fields and extensions are taken from here.
        level : "none", "fast", "balanced", "small" or int
            Compression of gzipped files: "balanced" gives about the size that nibabel does, "small" is
            slower by half or more; or a number from 0 to 9.
        gzip : "blocks", "bgzf" or "single"
            How gzipped files are divided; every gzip reader opens all of them. Blocks have an index:
            regions are read by themselves, and the whole by several threads. "bgzf" is what bgzip
            writes, "single" one block that is read from its start.
        threads : int
            Threads for compression; as many as the library uses if not given.
        storage : "int16" or "float16-private"
            Half the size: int16 with a scale (the report has the largest error), or float16 under a
            private code that only medoxide and medrs read.
        dtype : dtype
            Cast: rounded half to even, saturating; the report has the largest error.
        sync : bool, default True
            Wait until the disk has the file.
        """
        return self._save(path, like, level, gzip, threads, storage, dtype, sync)

    # Other libraries ----------------------------------------------------------------------------

    @classmethod
    def from_nibabel(cls, image: Any, *, role: Role | None = None) -> Volume:
        """A volume from a nibabel image: its values, affine, header fields and extensions.

        The values are those that nibabel gives, scaled to float64 where the file has a scale;
        `load` reads a file faster, and as it is stored.
        """
        import nibabel

        data = np.asanyarray(image.dataobj)
        out = cls(data, image.affine, channel_axis=range(3, data.ndim), role=role)
        if not isinstance(image.header, nibabel.Nifti1Header):
            return out
        found = [(int(e.get_code()), bytes(e.content)) for e in image.header.extensions]
        return out._replace(None, None, None, found, image.header.binaryblock)

    def to_nibabel(self) -> Any:
        """A `nibabel.Nifti1Image` of the values, with the header of the file it came from."""
        import nibabel

        header, extensions = None, []
        if self.header is not None:
            two = self.header.format.startswith("nifti2")
            kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
            order = ">" if self.header.byte_order == "big" else "<"
            header = kind(self.header.raw, endianness=order, check=False).as_byteswapped("<")
            extensions = self.header.extensions
        values = self.numpy()
        if header is not None:
            header.set_data_dtype(values.dtype)
            header.set_slope_inter(1, 0)
        make = (
            nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
        )
        image = make(values, self.affine, header)
        for code, content in extensions:
            image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, content))
        return image

    @classmethod
    def from_sitk(cls, image: Any, *, role: Role | None = None) -> Volume:
        """A volume from a SimpleITK image of 2 or 3 axes; its LPS world becomes RAS, components channels.

        The voxels are copied.
        """
        import SimpleITK

        n = image.GetDimension()
        if n not in (2, 3):
            raise UnsupportedError(
                f"from_sitk works on images of 2 or 3 axes, not {n}", what="from_sitk"
            )
        # (z, y, x[, component]) to (x, y, z[, component]), x fastest as before.
        data = SimpleITK.GetArrayFromImage(image)
        data = data.transpose(*range(n - 1, -1, -1), *range(n, data.ndim))
        affine = np.eye(4)
        affine[:n, :n] = np.reshape(image.GetDirection(), (n, n)) * image.GetSpacing()
        affine[:n, 3] = image.GetOrigin()
        return cls(data, _LPS @ affine, channel_axis=range(n, data.ndim), role=role)

    def to_sitk(self) -> Any:
        """A SimpleITK image of the values; the RAS world becomes LPS, channels become components."""
        import SimpleITK

        n = self.ndim - len(self.shape[3:])
        if self.ndim - n > 1:
            raise ShapeError(f"to_sitk: found {self.ndim} axes, expected at most one of channels")
        values = self.numpy()
        back = values.transpose(*range(n - 1, -1, -1), *range(n, values.ndim))
        image = SimpleITK.GetImageFromArray(back, isVector=values.ndim > n)
        affine = _LPS @ self.affine
        spacing = np.array(self.spacing)
        if not (spacing > 0).all():
            raise UnsupportedError("to_sitk: a voxel has no size along some axis", what="to_sitk")
        image.SetSpacing(spacing[:n].tolist())
        image.SetOrigin(affine[:n, 3].tolist())
        image.SetDirection((affine[:n, :n] / spacing[:n]).ravel().tolist())
        return image

    # Looks --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if self._is_planned:
            shape = " x ".join(map(str, self.shape))
            size = " x ".join(f"{s:.4g}" for s in self.spacing)
            facts = [f"{shape} {self.dtype}", f"{size} mm", self.orientation]
        else:
            # To look at it does not read a file.
            facts = ["shape not measured yet"]
        if self.role != "image":
            facts.append(self.role)
        if self.path is not None:
            facts.append(repr(os.path.basename(self.path)))
        if self.transforms:
            facts.append(" -> ".join(self.transforms))
        facts.append("in memory" if self.is_computed else "lazy")
        return f"Volume({', '.join(facts)})"

    def _repr_png_(self) -> bytes:
        return self._preview(os.path.basename(self.path) if self.path is not None else "array")

    # Copies -------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        return _volume_from_state, (self._state(),)

    def __copy__(self) -> Volume:
        return self

    def __deepcopy__(self, memo: Any) -> Volume:
        return self._own()


def _rows(affine: npt.ArrayLike | None) -> list[list[float]] | None:
    """An affine as nested lists."""
    if affine is None:
        return None
    matrix = _arrays.as_array(affine)
    if matrix.shape != (4, 4) or matrix.dtype.kind not in "fiu":
        raise ParamError(
            f"volume: affine is of shape {matrix.shape}; expected a 4 x 4 matrix of numbers",
            transform="volume",
            name="affine",
        )
    return matrix.astype(np.float64).tolist()  # type: ignore[no-any-return]
