"""Every transform as a method of `Volume`. Generated from the Rust declarations; edit those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .transforms import (
        About,
        Absent,
        AffinePart,
        AffineRule,
        Alpha,
        AntiAlias,
        Axes,
        BoundarySide,
        ChannelAxis,
        Classes,
        CropPlace,
        CropUnit,
        Dist,
        Edges,
        FieldEffect,
        FillOf,
        Fit,
        ForcedBy,
        Frame,
        GammaOf,
        GaussianRule,
        GivenField,
        GivenGrid,
        GivenNumbers,
        GreyWeights,
        Interpolation,
        LabelInterpolation,
        LengthUnit,
        LocalWeights,
        Mask,
        MorphologyOperation,
        Moves,
        NoiseScale,
        OddVoxel,
        OffsetUnit,
        Outside,
        PadMode,
        Picked,
        Pivot,
        Polynomials,
        ResamplePreset,
        Resampling,
        RotationOrder,
        StructuringElement,
        ThresholdMethod,
        ThresholdResult,
        TrainedLandmarks,
        VolumeUnit,
        WindowPreset,
        WindowRule,
    )

V = TypeVar("V", bound="TransformMethods")


class TransformMethods:
    """One method for each transform: lazily applied, the volume itself is never changed.

    A method acts on its volume whatever the role; in a pipeline roles decide. Parameter and shape
    errors are raised by the call, voxels are touched when values are asked for. Methods that can
    draw at random take `p`, the probability of being applied; `id`, a name for the draws; and
    `seed`, which repeats them (drawn from the system and listed in `Volume.seeds` if not given).
    With `per_channel` every channel is an image of its own and draws for itself; a number is the
    probability that a channel is touched, a list names the channels.
    """

    __slots__ = ()

    def _apply(self: V, name: str, parameters: Mapping[str, Any], seed: int | None = None) -> V:
        raise NotImplementedError

    def affine_transform(
        self: V,
        rotate: Dist | Sequence[Dist] = 0.0,
        *,
        scale: Dist | Sequence[Dist] = 1.0,
        shear: Dist | Sequence[Dist] = 0.0,
        translate: Dist | Sequence[Dist] = 0.0,
        matrix: Sequence[Sequence[float]] | None = None,
        about: About = "center",
        moves: Moves = "content",
        unit: LengthUnit = "mm",
        frame: Frame = "grid",
        order: RotationOrder = "xyz",
        sequence: Sequence[AffinePart] = ("scale", "shear", "rotate", "translate"),
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        affine: AffineRule = "keep",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Scale, shear, rotate and shift the content about the centre of the grid; the grid stays.

        Lengths are millimetres along the voxel axes x, y, z, so that anisotropic voxels and
        oblique grids are not distorted. The content is first scaled, then sheared, then rotated
        about x, y and z in turn, then shifted, unless `sequence`, `order` and `frame` say
        otherwise. Positive angles turn x to y, y to z, z to x. Landmarks move with the content.

        nnU-Net's `SpatialTransform` (of batchgeneratorsv2) is `moves: grid`, `unit: voxels`,
        `mode: constant` and `label_interpolation: linear`, with its crop after it: both together
        are one interpolation of what the crop needs. Its axes are z, y, x: turned about them in
        that order, as `order: zyx` does.

        MONAI's `Affine` is `moves: grid`, `unit: voxels`, `order: zyx` and `sequence: [scale,
        translate, shear, rotate]`. TorchIO's `Affine` is `frame: ras`, `order: yxz`, `sequence:
        [rotate, translate, shear, scale]` and `mode: smallest`. SciPy's `affine_transform` is a
        `matrix` with `moves: grid`, `unit: voxels` and `about: origin`; ITK's `AffineTransform`
        one with `moves: grid`, `frame: lps` and `about: origin`.

        Peers: MONAI `Affine`, `RandAffine`, `Rotate`; TorchIO `Affine`, `RandomAffine`;
        batchgeneratorsv2 `SpatialTransform`; SciPy `ndimage.affine_transform`; SimpleITK
        `AffineTransform`, `Euler3DTransform`; OpenCV `warpAffine`.

        Parameters
        ----------
        rotate : Dist | Sequence[Dist], default 0.0
            Rotation about the axes x, y, z; of one distribution, an angle is drawn for each. In
            degrees.
        scale : Dist | Sequence[Dist], default 1.0
            Magnification along the axes; above 1 enlarges the content.
        shear : Dist | Sequence[Dist], default 0.0
            Shear: x by y, x by z, y by z (tangents of the angles).
        translate : Dist | Sequence[Dist], default 0.0
            Shift along the axes. In mm.
        matrix : Sequence[Sequence[float]] | None, default None
            The whole map at once, four rows of four, instead of scale, shear, rotation and shift:
            lengths along the axes to lengths along the axes.
        about : About, default "center"
            The point that scale, shear and rotation leave where it is, from which lengths are
            counted. `center`: the centre of the grid. `origin`: where lengths along the axes are 0.
        moves : Moves, default "content"
            What the numbers move: the content, or the grid that it is sampled by. `content`: the
            content: a scale above 1 enlarges it. `grid`: the grid on which it is sampled, as in
            MONAI and batchgeneratorsv2: a scale above 1 shows more of the content, smaller.
        unit : LengthUnit, default "mm"
            The unit of lengths. `voxels`: voxels along each axis. `mm`: millimetres.
        frame : Frame, default "grid"
            What x, y and z are. `grid`: along the rows, columns and slices of voxels. `ras`: to the
            right, to the front, upwards. `lps`: to the left, to the back, upwards.
        order : RotationOrder, default "xyz"
            About which axis is turned first, second and third. `xyz`: about x, then y, then z:
            batchgeneratorsv2, with its axes. `xzy`: about x, then z, then y. `yxz`: about y, then
            x, then z: ITK's `Euler3DTransform`, and so TorchIO. `yzx`: about y, then z, then x.
            `zxy`: about z, then x, then y. `zyx`: about z, then y, then x: MONAI, SciPy's `XYZ`.
        sequence : Sequence[AffinePart], default ("scale", "shear", "rotate", "translate")
            What is done first, second, third and last.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours (the largest of linearly interpolated one-hot channels,
            the lowest label where several are). `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        affine : AffineRule, default "keep"
            Whether the output's affine stays, or follows the content back to where it came from.
            `keep`: the grid stays. `update`: the affine is multiplied by the map, as for a
            regridding.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "affine",
            {
                "rotate": rotate,
                "scale": scale,
                "shear": shear,
                "translate": translate,
                "matrix": matrix,
                "about": about,
                "moves": moves,
                "unit": unit,
                "frame": frame,
                "order": order,
                "sequence": sequence,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "affine": affine,
                "p": p,
                "id": id,
            },
            seed,
        )

    def anisotropy(
        self: V,
        factor: Dist = 2.0,
        *,
        axes: Axes = (0, 1, 2),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Down-sample along one axis by nearest voxel and up-sample linearly to the old grid, as a
        scan of thick slices would look.

        The axis is drawn of `axes`. Sampling follows TorchIO's `RandomAnisotropy`: voxels along
        the axis are `factor` times as wide, as many of them as fit, about the centre. Never
        joined with another interpolation: the loss is the point.

        Peers: TorchIO `RandomAnisotropy`.

        Parameters
        ----------
        factor : Dist, default 2.0
            How much wider voxels become; 1 or more.
        axes : Axes, default (0, 1, 2)
            The axes of which one is drawn.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "anisotropy",
            {
                "factor": factor,
                "axes": axes,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def argmax(
        self: V,
        classes: Sequence[int] | None = None,
        *,
        item: str | None = None,
    ) -> V:
        """Turn channels into a label: at each voxel the class whose channel has the largest value,
        of equal ones the first.

        What is not a number counts as larger than any number, as in `NumPy` and torch. The label
        has the smallest dtype that holds its values.

        Peers: MONAI `AsDiscrete`; NumPy `argmax`; PyTorch `argmax`.

        Parameters
        ----------
        classes : Sequence[int] | None, default None
            The label values that the channels stand for; 0, 1, 2 and so on if not given.
        item : str | None, default None
            The name of the item that the label becomes; it takes the channels' place if not given.
        """
        return self._apply(
            "argmax",
            {
                "classes": classes,
                "item": item,
            },
        )

    def bias_field(
        self: V,
        coefficients: Sequence[float] = (-0.5, 0.5),
        *,
        degree: int = 3,
        basis: Polynomials = "legendre",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Multiply by a smooth field, the exponential of a random polynomial of the place in the
        volume, as the coil of an MR scanner does.

        Coordinates run from -1 to 1 between the centres of the first and the last voxel along
        each axis (0 where there is one voxel). Each term `P_i(x) P_j(y) P_k(z)` with `i + j + k`
        up to `degree` has a coefficient of its own; all channels have the same field. The
        polynomials are Legendre's, as in MONAI's `RandBiasField`, or powers, as in TorchIO's
        `RandomBiasField`.

        Peers: MONAI `RandBiasField`; TorchIO `BiasField`, `RandomBiasField`.

        Parameters
        ----------
        coefficients : Sequence[float], default (-0.5, 0.5)
            Lowest and highest value of a coefficient, which is drawn uniformly for each term.
        degree : int, default 3
            Largest sum of powers in a term, 0 to 12.
        basis : Polynomials, default "legendre"
            The polynomials. `legendre`: legendre's. `powers`: 1, x, x², and so on.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "bias_field",
            {
                "coefficients": coefficients,
                "degree": degree,
                "basis": basis,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def boundary(
        self: V,
        which: BoundarySide = "inner",
        *,
        connectivity: int = 1,
        at_edge: bool = False,
    ) -> V:
        """Keep the outlines of labels: voxels next to another value become 1, all others 0.

        The axes of length 1 count as none. Corresponds to scikit-image's `find_boundaries`; with
        `connectivity: 3`, `which: inner` and `at_edge` to MONAI's `LabelToContour` on a label of
        0 and 1.

        Peers: MONAI `LabelToContour`; TorchIO `Contour`; SimpleITK `LabelContour`, `BinaryContour`;
        scikit-image `segmentation.find_boundaries`.

        Parameters
        ----------
        which : BoundarySide, default "inner"
            Which voxels of the two sides. `inner`: voxels of labels. `outer`: voxels that are 0;
            between labels that touch, also within corners, both. `thick`: both.
        connectivity : int, default 1
            Which voxels are next to one another: 1 by faces (6 neighbours), 2 also by edges (18), 3
            also by corners (26).
        at_edge : bool, default False
            Whether voxels of labels at the volume's edge are on the boundary, as if 0 lay beyond.
        """
        return self._apply(
            "boundary",
            {
                "which": which,
                "connectivity": connectivity,
                "at_edge": at_edge,
            },
        )

    def bspline_deform(
        self: V,
        control_points: int | Sequence[int],
        displacements: Sequence[Sequence[float]],
        scale: Dist = 1.0,
        frame: Frame = "grid",
        first: Sequence[float] | None = None,
        apart: Sequence[float] | None = None,
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Displace the content by a cubic B-spline over a given grid of control points; the grid of
        voxels stays.

        What is at a voxel afterwards was before where the spline points from there, as in ITK's
        `BSplineTransform` of order 3. The control points span the volume, as
        `BSplineTransformInitializer` lays them: `n - 2` of `n` along an axis lie on it, the
        outermost a cell beyond; or they lie on a grid of their own, in voxels of the volume.
        Beyond the second and the last but one the content moves as there (ITK does not move it).
        Landmarks move with the content. Joined with warps before and after it into one
        interpolation.

        Peers: SimpleITK `BSplineTransform`; TorchIO `ElasticDeformation`.

        Parameters
        ----------
        control_points : int | Sequence[int]
            Control points along x, y, z; 4 to 256.
        displacements : Sequence[Sequence[float]]
            How far each is displaced along x, y, z, control points along x fastest. In mm.
        scale : Dist, default 1.0
            What displacements are multiplied by.
        frame : Frame, default "grid"
            What x, y and z are, that control points are counted and displaced along; ITK's are
            `lps`. Of the world's axes, control points are counted along the voxel axes that run
            along them most nearly. `grid`: along the rows, columns and slices of voxels. `ras`: to
            the right, to the front, upwards. `lps`: to the left, to the back, upwards.
        first : Sequence[float] | None, default None
            Where the first control point lies, in voxels of the volume, instead of the grid over
            the volume. In voxels.
        apart : Sequence[float] | None, default None
            From one control point to the next, in voxels of the volume, where `first` is given. In
            voxels.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels. `nearest`: the nearest voxel. `nearest_floor`:
            the voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "bspline_deform",
            {
                "control_points": control_points,
                "displacements": displacements,
                "scale": scale,
                "frame": frame,
                "first": first,
                "apart": apart,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def cast(
        self: V,
        dtype: DTypeLike,
        *,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Change the dtype. Integers are rounded half to even and saturate; NaN becomes 0 in
        integers.

        Peers: MONAI `CastToType`; NumPy `ndarray.astype`; SimpleITK `Cast`.

        Parameters
        ----------
        dtype : DTypeLike
            The dtype to change to.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "cast",
            {
                "dtype": dtype,
                "per_channel": per_channel,
            },
        )

    def clahe(
        self: V,
        clip_limit: Dist = 2.0,
        *,
        tiles: int | Sequence[int] = 8,
        slices: Axes | None = None,
        bins: int | None = None,
        range: Sequence[float] | None = None,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Equalise the histogram of each tile, its contrast limited, and blend between tiles
        (CLAHE).

        Of pictures, and slice by slice, it is OpenCV's `createCLAHE` bit for bit (uint8 and
        uint16, which stay what they are); of volumes the same rule with tiles in three
        dimensions. Other dtypes become float32: `bins` levels of a range, of which nothing is
        rounded; NaN stays NaN and counts in no tile. scikit-image's `equalize_adapthist`
        differs: it takes the limit as a share of a tile's voxels (ours is that times `bins`),
        has 253 bins where 256 are asked for, fills with what is clipped only levels that are
        below the limit, puts the middle of a tile of odd length half a voxel higher, and
        stretches the result to 0 and 1.

        Peers: OpenCV `createCLAHE`; scikit-image `exposure.equalize_adapthist`.

        Parameters
        ----------
        clip_limit : Dist, default 2.0
            The most voxels of one level in a tile, in multiples of what they would be if all levels
            were alike, and at least 1; 0 sets no limit.
        tiles : int | Sequence[int], default 8
            Number of tiles along x, y, z; along `slices` it is not looked at. OpenCV's
            `tileGridSize` is that of columns, then that of rows.
        slices : Axes | None, default None
            The axis that slices lie one after the other along, each equalised by itself; the volume
            as a whole if not given. Slices of one voxel along an axis are pictures anyhow.
        bins : int | None, default None
            Number of levels, up to 65536; if not given, those of the dtype for uint8 and uint16,
            and 256 for others.
        range : Sequence[float] | None, default None
            The lowest and the highest level; if not given, those of the dtype for uint8 and uint16,
            and the smallest and the largest value of the image for others.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own smallest and largest value.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "clahe",
            {
                "clip_limit": clip_limit,
                "tiles": tiles,
                "slices": slices,
                "bins": bins,
                "range": range,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def clamp(
        self: V,
        min: float | None = None,
        max: float | None = None,
        *,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Limit values to a range, in real units. NaN stays NaN.

        Corresponds to `numpy.clip`, TorchIO's `Clamp` and MONAI's `ClipIntensityPercentiles`
        with values.

        Peers: MONAI `ThresholdIntensity`, `ClipIntensityPercentiles`; TorchIO `Clamp`; NumPy
        `clip`; SimpleITK `Clamp`.

        Parameters
        ----------
        min : float | None, default None
            Values below become this; no lower limit if not given.
        max : float | None, default None
            Values above become this; no upper limit if not given.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "clamp",
            {
                "min": min,
                "max": max,
                "per_channel": per_channel,
            },
        )

    def coarse_dropout(
        self: V,
        holes: Dist = 5.0,
        *,
        shape: int | Sequence[int] = 16,
        max_shape: int | Sequence[int] | None = None,
        fill: Sequence[float] | None = None,
        each: FillOf = "voxel",
        outside: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Fill boxes of the volume with a value or with noise.

        Boxes lie anywhere inside, each as likely, and may overlap; all channels have the same.
        Corresponds to MONAI's `RandCoarseDropout` and, with `each: hole`, to batchgeneratorsv2's
        `BlankRectangleTransform`.

        Peers: MONAI `RandCoarseDropout`; batchgeneratorsv2 `BlankRectangleTransform`.

        Parameters
        ----------
        holes : Dist, default 5.0
            Number of boxes, 1 to 10000; a drawn number is rounded down.
        shape : int | Sequence[int], default 16
            Voxels of a box along x, y, z, at least 1; cut to the volume's.
        max_shape : int | Sequence[int] | None, default None
            If given, a box's voxels along each axis are drawn from `shape` to this, each number as
            likely.
        fill : Sequence[float] | None, default None
            Lowest and highest value of the uniformly drawn fill (`[0, 0]` for zeros); the smallest
            and the largest value of the image if not given.
        each : FillOf, default "voxel"
            What has a fill of its own. `voxel`: noise. `hole`: one value for all voxels of a hole.
        outside : bool, default False
            Whether everything outside the boxes is filled instead.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "coarse_dropout",
            {
                "holes": holes,
                "shape": shape,
                "max_shape": max_shape,
                "fill": fill,
                "each": each,
                "outside": outside,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def contrast(
        self: V,
        factor: Dist = 1.0,
        *,
        keep_range: bool = False,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Scale values about the image's mean, `(v - mean) * factor + mean`.

        Corresponds to batchgeneratorsv2's `ContrastTransform` (`channel_wise: true`) and to
        MONAI's `RandScaleIntensityFixedMean`, whose factor is 1 less.

        Peers: MONAI `ScaleIntensityFixedMean`, `RandScaleIntensityFixedMean`; batchgeneratorsv2
        `ContrastTransform`.

        Parameters
        ----------
        factor : Dist, default 1.0
            What distances from the mean are multiplied by: above 1 more contrast, below 1 less, not
            below 0.
        keep_range : bool, default False
            Whether values are held in the range that the image had.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own mean and range.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "contrast",
            {
                "factor": factor,
                "keep_range": keep_range,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def crop(
        self: V,
        start: Sequence[int],
        shape: Sequence[int],
    ) -> V:
        """Cut out a box of voxels. A box that leaves the volume is an error.

        Peers: MONAI `SpatialCrop`; TorchIO `Crop`; SimpleITK `RegionOfInterest`.

        Parameters
        ----------
        start : Sequence[int]
            Index of the first voxel along x, y, z; negative numbers count from the end.
        shape : Sequence[int]
            Voxels along x, y, z.
        """
        return self._apply(
            "crop",
            {
                "start": start,
                "shape": shape,
            },
        )

    def crop_foreground(
        self: V,
        above: float = 0.0,
        *,
        margin: int | Sequence[int] = 0,
        divisible: int = 1,
        source: str | None = None,
    ) -> V:
        """Crop to the smallest box that holds all foreground voxels. A volume without foreground is
        kept whole.

        Corresponds to MONAI's `CropForeground` (with `allow_smaller=True`: a margin never
        reaches beyond the volume).

        Peers: MONAI `CropForeground`.

        Parameters
        ----------
        above : float, default 0.0
            Voxels above this value are foreground.
        margin : int | Sequence[int], default 0
            Voxels kept around the box along x, y, z, as far as the volume reaches.
        divisible : int, default 1
            The box is grown to a multiple of this many voxels per axis, with zeros where the volume
            ends.
        source : str | None, default None
            The item whose foreground counts; the first image if not given.
        """
        return self._apply(
            "crop_foreground",
            {
                "above": above,
                "margin": margin,
                "divisible": divisible,
                "source": source,
            },
        )

    def crop_or_pad(
        self: V,
        shape: int | Sequence[int],
        *,
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
        odd: OddVoxel = "monai",
    ) -> V:
        """Crop or pad each axis about the centre to the given shape. The world stays in place.

        Where a difference is odd, the extra voxel is where MONAI's `ResizeWithPadOrCrop` puts
        it, unless `odd` says otherwise.

        Peers: MONAI `ResizeWithPadOrCrop`; TorchIO `CropOrPad`.

        Parameters
        ----------
        shape : int | Sequence[int]
            Voxels along x, y, z.
        mode : PadMode, default "constant"
            What is added where the volume is too small. `constant`: one value; samples between the
            outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a
            sample lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of
            whole voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge
            voxel not repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other
            side. `smallest`: the smallest value of the image, which is measured first, so that
            nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        odd : OddVoxel, default "monai"
            Where the middle lies if a difference is odd. `monai`: as MONAI and nnU-Net. `torchio`:
            as TorchIO.
        """
        return self._apply(
            "crop_or_pad",
            {
                "shape": shape,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "odd": odd,
            },
        )

    def crop_to_label(
        self: V,
        values: Sequence[int] = (),
        *,
        label: str | None = None,
        margin: int | Sequence[int] = 0,
        divisible: int = 1,
    ) -> V:
        """Crop to the smallest box that holds all voxels of some labels. A volume without them is
        kept whole.

        All items are cropped alike. Corresponds to MONAI's `CropForeground` with a label as
        `source_key` (with `allow_smaller=True`: a margin never reaches beyond the volume).

        Peers: MONAI `CropForeground`; TorchIO `CropOrPad`; SimpleITK
        `LabelShapeStatisticsImageFilter`.

        Parameters
        ----------
        values : Sequence[int], default ()
            The labels; all but 0 if there are none.
        label : str | None, default None
            The label item; the first one if not given.
        margin : int | Sequence[int], default 0
            Voxels kept around the box along x, y, z, as far as the volume reaches.
        divisible : int, default 1
            The box is grown to a multiple of this many voxels per axis, with zeros where the volume
            ends.
        """
        return self._apply(
            "crop_to_label",
            {
                "values": values,
                "label": label,
                "margin": margin,
                "divisible": divisible,
            },
        )

    def displace(
        self: V,
        field: GivenField,
        *,
        field_affine: Sequence[Sequence[float]] | None = None,
        digest: str | None = None,
        unit: LengthUnit = "mm",
        frame: Frame = "grid",
        scale: Dist = 1.0,
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Displace the content by a given field; the grid stays.

        What is at a voxel afterwards was before where the field points from there, as in ITK's
        `DisplacementFieldTransform`, MONAI's `Warp` and torch's `grid_sample`. The field may be
        coarser than the volume: it is linear between its voxels, and beyond the outermost as
        they are. Unless it has an affine it spans the volume, faces on faces. Landmarks move
        with the content. Joined with warps before and after it into one interpolation.

        Peers: MONAI `networks.blocks.Warp`; SciPy `ndimage.map_coordinates`; SimpleITK
        `DisplacementFieldTransform`; OpenCV `remap`; PyTorch `nn.functional.grid_sample`.

        Parameters
        ----------
        field : GivenField
            The field: vectors as lists, `field[x][y][z]` being three numbers; or a NIfTI file of
            three channels, which brings its affine and is read when the pipeline is made.
        field_affine : Sequence[Sequence[float]] | None, default None
            From voxels of the field to RAS+ millimetres, four rows of four; a file has its own.
        digest : str | None, default None
            A digest of the file's numbers, written when it is read; a file that has others is an
            error.
        unit : LengthUnit, default "mm"
            The unit of the vectors. `voxels`: voxels along each axis. `mm`: millimetres.
        frame : Frame, default "grid"
            What their components are along. ITK's and ANTs' files hold `lps`. `grid`: along the
            rows, columns and slices of voxels. `ras`: to the right, to the front, upwards. `lps`:
            to the left, to the back, upwards.
        scale : Dist, default 1.0
            What vectors are multiplied by.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours. `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "displace",
            {
                "field": field,
                "field_affine": field_affine,
                "digest": digest,
                "unit": unit,
                "frame": frame,
                "scale": scale,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def distance_transform(
        self: V,
        signed: bool = False,
        *,
        per_label: bool = False,
        labels: Sequence[int] | None = None,
        item: str | None = None,
    ) -> V:
        """Turn the label into a map of distances: how far each voxel is from the nearest voxel
        outside its label, in mm, exactly (Euclidean).

        Distances go from voxel centre to voxel centre, so a voxel at a label's edge has the
        voxels' spacing. They are float32; infinite where the volume has no voxel outside.
        Besides the map, a byte for each voxel is needed while it is made, where `per_label` is
        off or `labels` are given.

        Peers: MONAI `DistanceTransformEDT`; SciPy `ndimage.distance_transform_edt`; SimpleITK
        `SignedMaurerDistanceMap`; OpenCV `distanceTransform`; edt `edt`, `sdf`.

        Parameters
        ----------
        signed : bool, default False
            Whether voxels outside all labels have distances too, to the nearest label, and
            negative; otherwise theirs is 0.
        per_label : bool, default False
            Whether voxels of another label are outside; otherwise all that are not 0 count as one.
        labels : Sequence[int] | None, default None
            The label values that are looked at, all others being outside; all but 0 if not given.
        item : str | None, default None
            The name of the item that the distances become; they take the label's place if not
            given.
        """
        return self._apply(
            "distance_transform",
            {
                "signed": signed,
                "per_label": per_label,
                "labels": labels,
                "item": item,
            },
        )

    def divisible_pad(
        self: V,
        multiple: int | Sequence[int] = 16,
        *,
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
    ) -> V:
        """Pad each axis to a multiple of so many voxels, as networks that halve their input want
        it. The world stays in place.

        Voxels are added on both sides, an odd one behind, as MONAI's `DivisiblePad` does.

        Peers: MONAI `DivisiblePad`; TorchIO `EnsureShapeMultiple`.

        Parameters
        ----------
        multiple : int | Sequence[int], default 16
            Each axis becomes a multiple of this, along x, y, z; 1 leaves it as it is.
        mode : PadMode, default "constant"
            What is added. `constant`: one value; samples between the outermost voxels and it are
            blended (SciPy's `grid-constant`). `cut`: one value where a sample lies beyond the
            centre of an outermost voxel, not blended: SciPy's `constant`. Of whole voxels it is
            `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not repeated.
            `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side. `smallest`: the
            smallest value of the image, which is measured first, so that nothing before is joined
            with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`.
        """
        return self._apply(
            "divisible_pad",
            {
                "multiple": multiple,
                "mode": mode,
                "value": value,
                "label_value": label_value,
            },
        )

    def elastic(
        self: V,
        max_displacement: Dist | Sequence[Dist] = 7.5,
        *,
        control_points: int | Sequence[int] = 7,
        locked_borders: int = 2,
        displacements: Sequence[Sequence[float]] | None = None,
        frame: Frame = "grid",
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Displace the content smoothly, at random; the grid stays.

        A cubic B-spline over a coarse grid of control points, each displaced by up to
        `max_displacement` along each voxel axis, every displacement equally likely. The control
        points lie as in TorchIO's `RandomElasticDeformation` and ITK's
        `BSplineTransformInitializer`: `n - 2` of `n` along an axis lie on the volume, the
        outermost beyond it. The plan says so where displacements are larger than half the
        distance of control points: the content may then fold. Landmarks move with the content.
        Joined with affines before and after it into one interpolation.

        Peers: TorchIO `ElasticDeformation`, `RandomElasticDeformation`; SimpleITK
        `BSplineTransform`.

        Parameters
        ----------
        max_displacement : Dist | Sequence[Dist], default 7.5
            The largest displacement of a control point along x, y, z; one value is drawn for all
            axes. In mm.
        control_points : int | Sequence[int], default 7
            Control points along x, y, z; 4 to 256.
        locked_borders : int, default 2
            Layers of control points at the faces that are not displaced: 0, 1, or 2 (faces of the
            volume move by a sixth of what lies inside).
        displacements : Sequence[Sequence[float]] | None, default None
            Displacements of all control points along x, y, z, those along x fastest, instead of
            drawn ones. In mm.
        frame : Frame, default "grid"
            What x, y and z are, that control points are counted and displaced along; TorchIO's and
            ITK's are `lps`. Of the world's axes, control points are counted along the voxel axes
            that run along them most nearly. `grid`: along the rows, columns and slices of voxels.
            `ras`: to the right, to the front, upwards. `lps`: to the left, to the back, upwards.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours. `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "elastic",
            {
                "max_displacement": max_displacement,
                "control_points": control_points,
                "locked_borders": locked_borders,
                "displacements": displacements,
                "frame": frame,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def elastic_noise(
        self: V,
        magnitude: Dist = 100.0,
        *,
        sigma: Dist = 6.0,
        scale: NoiseScale = "noise",
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Displace the content by noise that a Gaussian has smoothed; the grid stays.

        Each voxel axis is displaced by a field of its own. The fields are those of smoothed
        white noise, made on a grid of control points that is as fine as they need: normal, with
        the correlation `exp(-d² / 4 sigma²)` at a distance of `d` voxels, everywhere alike (no
        weaker towards the faces). Landmarks move with the content. Joined with affines before
        and after it into one interpolation. Corresponds to MONAI's `Rand3DElastic` and, with
        `scale: peak`, to the elastic deformation of batchgenerators.

        Peers: MONAI `Rand3DElastic`; batchgeneratorsv2 `SpatialTransform`.

        Parameters
        ----------
        magnitude : Dist, default 100.0
            How far voxels are displaced; see `scale`.
        sigma : Dist, default 6.0
            Deviation of the Gaussian; 1 or more. In voxels.
        scale : NoiseScale, default "noise"
            What the magnitude is. `noise`: uniform noise between minus and plus the magnitude is
            smoothed. `deviation`: the standard deviation of displacements along each axis. `peak`:
            the largest displacement along each axis.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours. `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "elastic_noise",
            {
                "magnitude": magnitude,
                "sigma": sigma,
                "scale": scale,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def fill_holes(
        self: V,
        connectivity: int = 1,
        *,
        labels: Sequence[int] | None = None,
    ) -> V:
        """Fill the holes of each label: what is not connected to the volume's edge without crossing
        the label becomes that label.

        Labels are gone through one after the other, in the order given or ascending; other
        labels that lie in a hole are filled too. An axis of one voxel has no edge, so that a
        slice is filled as a picture.

        Peers: MONAI `FillHoles`; SciPy `ndimage.binary_fill_holes`; SimpleITK `BinaryFillhole`.

        Parameters
        ----------
        connectivity : int, default 1
            Which voxels outside the label touch: 1 by faces (6 neighbours), 2 also by edges (18), 3
            also by corners (26).
        labels : Sequence[int] | None, default None
            The label values whose holes are filled; all that there are but 0 if not given.
        """
        return self._apply(
            "fill_holes",
            {
                "connectivity": connectivity,
                "labels": labels,
            },
        )

    def flip(
        self: V,
        axes: Axes,
        *,
        affine: AffineRule = "update",
    ) -> V:
        """Reverse voxel axes. The affine follows, so that every voxel keeps its place in the world,
        unless it is told to stay.

        Corresponds to `numpy.flip`, MONAI's `Flip` and, with `affine: keep`, TorchIO's `Flip`,
        which mirrors the content in the world.

        Peers: MONAI `Flip`, `RandFlip`, `RandAxisFlip`; TorchIO `Flip`, `RandomFlip`;
        batchgeneratorsv2 `MirrorTransform`; NumPy `flip`; SimpleITK `Flip`.

        Parameters
        ----------
        axes : Axes
            The axes to reverse.
        affine : AffineRule, default "update"
            Whether the output's affine follows, or stays, so that content and landmarks move.
            `keep`: the grid stays. `update`: the affine is multiplied by the map, as for a
            regridding.
        """
        return self._apply(
            "flip",
            {
                "axes": axes,
                "affine": affine,
            },
        )

    def gamma(
        self: V,
        gamma: Dist = 1.0,
        *,
        relative_to: GammaOf = "range",
        invert: bool = False,
        keep_stats: bool = False,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Raise values to a power, relative to the image's own range.

        A value that lies a share `t` of the way from the smallest to the largest value goes to
        the share `t^gamma` of it, as in MONAI's `AdjustContrast` and batchgeneratorsv2's
        `GammaTransform`; an image of one value stays as it is. With `relative_to: magnitude` the
        magnitude is raised and the sign kept, as in TorchIO's `RandomGamma` (`gamma:
        {log_uniform: [0.74, 1.35]}` is its default).

        Peers: MONAI `AdjustContrast`, `RandAdjustContrast`; TorchIO `Gamma`, `RandomGamma`;
        batchgeneratorsv2 `GammaTransform`; scikit-image `exposure.adjust_gamma`.

        Parameters
        ----------
        gamma : Dist, default 1.0
            The exponent, 1e-6 to 1e4: below 1 lightens, above 1 darkens.
        relative_to : GammaOf, default "range"
            What is raised to the power. `range`: the share of the way from the smallest to the
            largest value. `magnitude`: the magnitude of the value, whose sign is kept.
        invert : bool, default False
            Whether the way goes from the largest value down to the smallest, as if the image were
            negated before and after.
        keep_stats : bool, default False
            Whether mean and standard deviation are brought back to what they were.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range, mean and deviation.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "gamma",
            {
                "gamma": gamma,
                "relative_to": relative_to,
                "invert": invert,
                "keep_stats": keep_stats,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def gaussian_noise(
        self: V,
        std: Dist = 0.1,
        *,
        mean: Dist = 0.0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Add normally distributed noise, independent in every voxel.

        A voxel's draw depends on the key and on its index in the whole grid only, so that any
        patch of a noisy volume has the noise of the whole.

        Peers: MONAI `RandGaussianNoise`; TorchIO `Noise`, `RandomNoise`; batchgeneratorsv2
        `GaussianNoiseTransform`; SimpleITK `AdditiveGaussianNoise`.

        Parameters
        ----------
        std : Dist, default 0.1
            Standard deviation of the noise, in the image's unit; drawn once per image.
        mean : Dist, default 0.0
            Mean of the noise, in the image's unit; drawn once per image.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "gaussian_noise",
            {
                "std": std,
                "mean": mean,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def gaussian_sharpen(
        self: V,
        alpha: Dist = 30.0,
        *,
        sigma1: Dist | Sequence[Dist] = 3.0,
        sigma2: Dist | Sequence[Dist] = 1.0,
        rule: GaussianRule = "monai",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Sharpen a smoothed image by what a second smoothing takes away: `s + alpha * (s -
        smooth(s))` with `s` the smoothed image.

        Corresponds to MONAI's `GaussianSharpen`. With `sigma1: 0` and `rule: scipy` it is
        unsharp masking, scikit-image's `unsharp_mask` with `sigma2` as radius and `alpha` as
        amount.

        Peers: MONAI `GaussianSharpen`, `RandGaussianSharpen`.

        Parameters
        ----------
        alpha : Dist, default 30.0
            Weight of what the second smoothing takes away, not below 0.
        sigma1 : Dist | Sequence[Dist], default 3.0
            Standard deviation of the first smoothing along x, y, z, in voxels; 0 leaves an axis
            alone.
        sigma2 : Dist | Sequence[Dist], default 1.0
            Standard deviation of the second smoothing along x, y, z, in voxels.
        rule : GaussianRule, default "monai"
            Whose kernel and edges. `scipy`: sciPy's `gaussian_filter` and TorchIO's `Blur`.
            `monai`: mONAI's `GaussianSmooth`. `nnunet`: batchgeneratorsv2's
            `GaussianBlurTransform`.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "gaussian_sharpen",
            {
                "alpha": alpha,
                "sigma1": sigma1,
                "sigma2": sigma2,
                "rule": rule,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def gaussian_smooth(
        self: V,
        sigma: Dist | Sequence[Dist] = 1.0,
        *,
        unit: LengthUnit = "voxels",
        truncate: float | None = None,
        rule: GaussianRule = "scipy",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Smooth with a Gaussian kernel.

        What the kernel's weights are, how wide it is and what lies beyond the volume's edge are
        as in SciPy's `gaussian_filter` and TorchIO's `Blur`, or by `rule` as in MONAI or in
        nnU-Net's augmentation.

        Peers: MONAI `GaussianSmooth`, `RandGaussianSmooth`; TorchIO `Blur`, `RandomBlur`;
        batchgeneratorsv2 `GaussianBlurTransform`; SciPy `ndimage.gaussian_filter`; SimpleITK
        `DiscreteGaussian`; OpenCV `GaussianBlur`.

        Parameters
        ----------
        sigma : Dist | Sequence[Dist], default 1.0
            Standard deviation of the kernel along x, y, z, in `unit`; 0 leaves an axis alone. One
            value for all axes is drawn once.
        unit : LengthUnit, default "voxels"
            The unit of sigma. `voxels`: voxels along each axis. `mm`: millimetres.
        truncate : float | None, default None
            Deviations at which the kernel is cut off; if not given 4, and 3 by nnU-Net's rule.
        rule : GaussianRule, default "scipy"
            Whose kernel and edges. `scipy`: sciPy's `gaussian_filter` and TorchIO's `Blur`.
            `monai`: mONAI's `GaussianSmooth`. `nnunet`: batchgeneratorsv2's
            `GaussianBlurTransform`.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "gaussian_smooth",
            {
                "sigma": sigma,
                "unit": unit,
                "truncate": truncate,
                "rule": rule,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def ghosting(
        self: V,
        ghosts: Dist = 4.0,
        *,
        intensity: Dist = 0.5,
        axes: Axes = (0, 1, 2),
        restore: Dist | None = None,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Weaken every n-th plane of frequencies along an axis, so that n ghosts of the image
        appear along it, as periodic motion makes them.

        Planes are counted from the lowest (negative) frequency; those around frequency 0 are
        kept. Corresponds to TorchIO's `RandomGhosting`. Two ghosts are the N/2 ghost of
        echo-planar images.

        Peers: TorchIO `Ghosting`, `RandomGhosting`.

        Parameters
        ----------
        ghosts : Dist, default 4.0
            Number of ghosts, 1 to 10000; a drawn number is rounded down.
        intensity : Dist, default 0.5
            What is taken away of the planes, not below 0; 1 is all.
        axes : Axes, default (0, 1, 2)
            Axes of which one is drawn, each as likely.
        restore : Dist | None, default None
            Share of the planes, around frequency 0, that are kept, 0 to 1; the one plane of
            frequency 0 if not given.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "ghosting",
            {
                "ghosts": ghosts,
                "intensity": intensity,
                "axes": axes,
                "restore": restore,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def gibbs_ringing(
        self: V,
        alpha: Dist = 0.6,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Cut off high frequencies sharply, so that edges ring.

        Frequencies beyond `(1 - alpha) max(nx, ny, nz) / sqrt(2)` from the middle `(n - 1) / 2`
        of the centred frequencies are set to 0, as in MONAI's `GibbsNoise`.

        Peers: MONAI `GibbsNoise`, `RandGibbsNoise`.

        Parameters
        ----------
        alpha : Dist, default 0.6
            How much is cut off: 0 nothing, 1 all but the middle.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "gibbs_ringing",
            {
                "alpha": alpha,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def grey(
        self: V,
        weights: GreyWeights = "bt601",
        *,
        alpha: Alpha = "ignore",
    ) -> V:
        """Make one brightness of colours: of NIfTI's RGB24 and RGBA32 voxels, or of three or four
        channels.

        Bytes stay bytes, with the numbers of `OpenCV`'s `cvtColor`: weights in 2^-15ths, rounded
        half up, saturated. Channels of any other dtype become float32.

        Peers: OpenCV `cvtColor`; Pillow `Image.Image.convert`; scikit-image `color.rgb2gray`.

        Parameters
        ----------
        weights : GreyWeights, default "bt601"
            What red, green and blue count: by name, or three numbers of magnitudes up to 16.
        alpha : Alpha, default "ignore"
            What a fourth channel does. `ignore`: nothing, as in `OpenCV` and Pillow. `multiply`:
            the brightness is multiplied by its share of the largest (255 of bytes, 1 of other
            dtypes), as over black.
        """
        return self._apply(
            "grey",
            {
                "weights": weights,
                "alpha": alpha,
            },
        )

    def grid_crop(
        self: V,
        shape: int | Sequence[int],
        *,
        overlap: float | Sequence[float] = 0.0,
        rule: WindowRule = "monai",
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
    ) -> V:
        """Cut the whole volume into patches that cover every voxel; the sample becomes as many as
        its shape needs.

        Patches lie where the windows of sliding-window inference lie, in the same order (z
        fastest), by the rule that is chosen. Axes shorter than the patch are padded about the
        centre. Corresponds to TorchIO's `GridSampler`, and to the windows of MONAI's
        `sliding_window_inference` (`dense_patch_slices`) and of nnU-Net's.

        Peers: MONAI `GridPatch`, `inferers.sliding_window_inference`; TorchIO `GridSampler`.

        Parameters
        ----------
        shape : int | Sequence[int]
            Voxels of a patch along x, y, z.
        overlap : float | Sequence[float], default 0.0
            How much of a patch its neighbours have in common with it, from 0 to below 1; the rule
            rounds it to voxels, and more where the volume ends.
        rule : WindowRule, default "monai"
            Whose rule places the patches. `monai`: steps of `int(window * (1 - overlap))` voxels,
            the last window shifted back to fit: MONAI's `dense_patch_slices` (1.6). `nnunet`: as
            many windows as steps of `window * (1 - overlap)` need, spread evenly and rounded half
            to even: nnU-Net's `compute_steps_for_sliding_window` (version 2); its `tile_step_size`
            is 1 - overlap. `torchio`: as MONAI's, with an overlap of a whole, even number of
            voxels: `int(window * overlap)`, made even downwards: `TorchIO`'s `GridSampler` (1.2).
        mode : PadMode, default "constant"
            What is added where the volume is smaller than the patch. `constant`: one value; samples
            between the outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one
            value where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's
            `constant`. Of whole voxels it is `constant`. `edge`: the edge voxel. `reflect`:
            mirrored, the edge voxel not repeated. `symmetric`: mirrored, the edge voxel repeated.
            `wrap`: the other side. `smallest`: the smallest value of the image, which is measured
            first, so that nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        """
        return self._apply(
            "grid_crop",
            {
                "shape": shape,
                "overlap": overlap,
                "rule": rule,
                "mode": mode,
                "value": value,
                "label_value": label_value,
            },
        )

    def grid_distortion(
        self: V,
        limits: Sequence[float] = (-0.03, 0.03),
        *,
        cells: int | Sequence[int] = 5,
        steps: Sequence[Sequence[float]] | None = None,
        interpolation: Interpolation = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Stretch and squeeze the cells of a grid along their axes, at random; the grid of voxels
        stays.

        Each axis is divided into `cells`, each of which takes as many voxels of the content as
        its width times a step drawn from `1 + limits`. The coordinates are those of MONAI's
        `GridDistortion`: within a cell they go from its beginning to the next one's in equal
        parts, both included, and voxels left over at the end are one more cell. Landmarks move
        with the content.

        Peers: MONAI `GridDistortion`, `RandGridDistortion`.

        Parameters
        ----------
        limits : Sequence[float], default (-0.03, 0.03)
            Range from which each cell's change of width is drawn, relative to it.
        cells : int | Sequence[int], default 5
            Cells along x, y, z.
        steps : Sequence[Sequence[float]] | None, default None
            Steps of all cells along x, y, z, `cells + 1` of each, instead of drawn ones.
        interpolation : Interpolation, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `cubic`: a cubic B-spline.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours. `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "grid_distortion",
            {
                "limits": limits,
                "cells": cells,
                "steps": steps,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def histogram_equalize(
        self: V,
        out_range: Sequence[float] = (0.0, 1.0),
        *,
        bins: int | None = None,
        stretch: bool = False,
        mask: Mask = "all",
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Bend the scale of values so that all values are about as frequent.

        A value becomes the share of voxels that are not above it, linearly between the middles
        of a histogram's bins. Corresponds to scikit-image's `equalize_hist`, and with `stretch`,
        `bins: 256` and `out_range: [0, 255]` to MONAI's `HistogramNormalize`. NaN stays NaN; an
        image of one value stays as it is.

        Peers: MONAI `HistogramNormalize`; scikit-image `exposure.equalize_hist`.

        Parameters
        ----------
        out_range : Sequence[float], default (0.0, 1.0)
            What the shares 0 and 1 become.
        bins : int | None, default None
            Number of bins from the smallest to the largest value, 2 to 65536; if not given, one for
            each value of integer voxels, and 256 for others.
        stretch : bool, default False
            Whether shares are stretched so that the smallest value becomes the lower end; else it
            becomes its own share.
        mask : Mask, default "all"
            Voxels that are counted. `all`: every voxel. `nonzero`: voxels that are not exactly 0.
            `above_mean`: voxels above the mean of all, as TorchIO's `ZNormalization.mean`.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own histogram.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "histogram_equalize",
            {
                "out_range": out_range,
                "bins": bins,
                "stretch": stretch,
                "mask": mask,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def histogram_match(
        self: V,
        reference: str,
        *,
        digest: str | None = None,
        bins: int | None = None,
        mask: Mask = "all",
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Bend the scale of values so that they are distributed as those of a reference.

        A value becomes the one below which the reference has the same share of its voxels. With
        integer voxels, which have a bin for each value, it is scikit-image's `match_histograms`;
        of others it is off by no more than a bin. SimpleITK's `HistogramMatching` takes a few
        quantiles instead, over voxels above the mean (`mask: above_mean`). NaN stays NaN; an
        image of one value stays as it is.

        Peers: SimpleITK `HistogramMatching`; scikit-image `exposure.match_histograms`.

        Parameters
        ----------
        reference : str
            The reference: a volume file, all of whose channels are counted together. It is read
            when the pipeline is made.
        digest : str | None, default None
            A digest of the file's numbers, written when it is read; a file that has others is an
            error.
        bins : int | None, default None
            Number of bins from the smallest to the largest value of each, 2 to 65536; if not given,
            one for each value of integer voxels, and 4096 for others.
        mask : Mask, default "all"
            Voxels that are counted, of both; a label cannot tell of the reference. `all`: every
            voxel. `nonzero`: voxels that are not exactly 0. `above_mean`: voxels above the mean of
            all, as TorchIO's `ZNormalization.mean`.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own histogram.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "histogram_match",
            {
                "reference": reference,
                "digest": digest,
                "bins": bins,
                "mask": mask,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def histogram_shift(
        self: V,
        control_points: Dist = 10.0,
        *,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Bend the scale of values by a random, rising, piecewise linear function that keeps the
        smallest and the largest value.

        Control points divide the image's range evenly. From the lowest to the highest, each but
        the outermost is moved to a value that is drawn uniformly between the point below it, as
        moved, and the point above it. Corresponds to MONAI's `RandHistogramShift`.

        Peers: MONAI `RandHistogramShift`.

        Parameters
        ----------
        control_points : Dist, default 10.0
            Number of control points, at least 3; a drawn number is rounded down.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "histogram_shift",
            {
                "control_points": control_points,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def histogram_standardize(
        self: V,
        landmarks: TrainedLandmarks,
        *,
        cutoff: Sequence[float] = (1.0, 99.0),
        mask: Mask = "all",
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Bring an image's percentiles to those of a training set, linearly in between (Nyúl, Udupa
        and Zhang 2000).

        Corresponds to TorchIO's `HistogramStandardization`, whose landmarks it takes and whose
        arithmetic it follows: the landmarks of the 25th and the 75th percentile are not used,
        two percentiles that are closer than 1e-5 stay one value, and beyond the outermost the
        lines go on. `train_landmarks` makes landmarks of files.

        Peers: TorchIO `HistogramStandardization`.

        Parameters
        ----------
        landmarks : TrainedLandmarks
            What the percentiles become: 13 numbers that rise, for the lower cutoff, 10, 20, 25, 30,
            40, 50, 60, 70, 75, 80, 90, and the upper cutoff. None, as long as they are not trained:
            images stay as they are. Where images differ in kind, each one's by its name in the
            sample.
        cutoff : Sequence[float], default (1.0, 99.0)
            The lowest and the highest percentile, 0 to 9 and 91 to 100; those that the landmarks
            were trained with.
        mask : Mask, default "all"
            Voxels that the percentiles are taken over. `all`: every voxel. `nonzero`: voxels that
            are not exactly 0. `above_mean`: voxels above the mean of all, as TorchIO's
            `ZNormalization.mean`.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own percentiles.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "histogram_standardize",
            {
                "landmarks": landmarks,
                "cutoff": cutoff,
                "mask": mask,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def invert_intensity(
        self: V,
        about: Pivot = "range",
        *,
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Turn high values into low ones: mirror them about the middle of the range, the mean, or
        0.

        `about: mean` with `channel_wise` is batchgeneratorsv2's `InvertImageTransform`.

        Peers: batchgeneratorsv2 `InvertImageTransform`; SimpleITK `InvertIntensity`.

        Parameters
        ----------
        about : Pivot, default "range"
            What stays where it is. `range`: the middle between the smallest and the largest value.
            `mean`: the mean. `zero`: 0.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range or mean.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "invert_intensity",
            {
                "about": about,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def k_space_dropout(
        self: V,
        fraction: Dist = 0.3,
        *,
        center: Dist = 0.08,
        axes: Axes = (0, 1, 2),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Leave out randomly drawn planes of frequencies along an axis, as a scan that measures
        only part of them, or loses some.

        Each plane outside the middle is left out by its own draw. With `axes` the phase-encoding
        axis, this is the random mask of undersampled reconstruction.

        Peers: none.

        Parameters
        ----------
        fraction : Dist, default 0.3
            Probability of a plane to be left out, 0 to 1.
        center : Dist, default 0.08
            Share of the planes, around frequency 0, that are kept, 0 to 1.
        axes : Axes, default (0, 1, 2)
            Axes of which one is drawn, each as likely.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "k_space_dropout",
            {
                "fraction": fraction,
                "center": center,
                "axes": axes,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def keep_largest_component(
        self: V,
        connectivity: int = 3,
        *,
        per_label: bool = True,
    ) -> V:
        """Keep only the largest connected component of each label; all other voxels of it become 0.

        Of components of the same size, the one whose first voxel (x fastest) comes first is
        kept. Corresponds to MONAI's `KeepLargestConnectedComponent`.

        Peers: MONAI `KeepLargestConnectedComponent`; TorchIO `KeepLargestComponent`; SciPy
        `ndimage.label`; SimpleITK `ConnectedComponent`, `RelabelComponent`; cc3d `largest_k`.

        Parameters
        ----------
        connectivity : int, default 3
            Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners
            (26).
        per_label : bool, default True
            Whether each label value is looked at by itself; otherwise all voxels that are not 0
            count as one.
        """
        return self._apply(
            "keep_largest_component",
            {
                "connectivity": connectivity,
                "per_label": per_label,
            },
        )

    def label_pyramid(
        self: V,
        scales: Sequence[float | Sequence[float]],
    ) -> V:
        """Add the label at lower resolutions: what the lower outputs of a network are compared with
        (deep supervision).

        The label stays as it is; of `label` come `label_2`, `label_3` and so on, one item for
        each of `scales`, with fewer voxels over the same field of view. Each voxel is the
        nearest of the label's own. Corresponds to batchgeneratorsv2's
        `DownsampleSegForDSTransform`, whose list begins with the label itself (1) and counts
        axes z, y, x. Transforms that move voxels come before: afterwards the items lie on
        several grids.

        Peers: batchgeneratorsv2 `DownsampleSegForDSTransform`.

        Parameters
        ----------
        scales : Sequence[float | Sequence[float]]
            For each further item its share of the label's voxels along all axes, or along x, y, z;
            above 0, at most 1. The number of voxels is rounded half to even, and at least 1.
        """
        return self._apply(
            "label_pyramid",
            {
                "scales": scales,
            },
        )

    def labels_to_image(
        self: V,
        mean: Sequence[float] = (0.1, 0.9),
        *,
        std: Sequence[float] = (0.01, 0.1),
        means: Mapping[int, Dist] | None = None,
        stds: Mapping[int, Dist] | None = None,
        same: Mapping[int, int] | None = None,
        image: str = "image",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Make an image from the label: the voxels of each label value are normally distributed,
        with a mean and a deviation that are drawn for it.

        For networks that must not mind the contrast (`SynthSeg`, Billot et al., Medical Image
        Analysis 2023): deform the label, make the image, then `bias_field`, `gamma` and
        `simulate_low_resolution` or `anisotropy`; a `gaussian_smooth` softens the borders.
        Partial volumes come of a chain: the label on voxels smaller than wanted (`resample`),
        the image of it, a `gaussian_smooth` of about a third of the wanted voxel, and a
        `resample` to that; a voxel then is a mixture of the labels in it.

        Of a map (`keys`) the channels are the shares of tissues, whose numbers are the label
        values: a voxel is the sum of what each tissue would be there, by its share. Both
        correspond to TorchIO's `RandomLabelsToImage`, on label maps and on partial volumes. The
        image is there when transforms that come after look for images.

        Peers: TorchIO `LabelsToImage`, `RandomLabelsToImage`.

        Parameters
        ----------
        mean : Sequence[float], default (0.1, 0.9)
            Lowest and highest mean, drawn uniformly for each label value.
        std : Sequence[float], default (0.01, 0.1)
            Lowest and highest standard deviation, drawn uniformly for each label value; not below
            0.
        means : Mapping[int, Dist] | None, default None
            Means of single label values, or what they are drawn from, instead.
        stds : Mapping[int, Dist] | None, default None
            Standard deviations of single label values, or what they are drawn from, instead.
        same : Mapping[int, int] | None, default None
            Label values that have the numbers of another one: `{42: 3}` for the cortex of the other
            hemisphere.
        image : str, default "image"
            Name of the image; an image of that name is replaced.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "labels_to_image",
            {
                "mean": mean,
                "std": std,
                "means": means,
                "stds": stds,
                "same": same,
                "image": image,
                "p": p,
                "id": id,
            },
            seed,
        )

    def laplacian(
        self: V,
        unit: LengthUnit = "voxels",
        *,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """The Laplacian: along each axis the voxels before and after, less twice the voxel, summed.

        Beyond the volume's edge lies the edge voxel again. Corresponds to SciPy's `laplace`, and
        with `unit: mm` to SimpleITK's `Laplacian`, which divides by the squared spacing.

        Peers: SciPy `ndimage.laplace`; SimpleITK `Laplacian`.

        Parameters
        ----------
        unit : LengthUnit, default "voxels"
            The unit of length that differences are taken over. `voxels`: voxels along each axis.
            `mm`: millimetres.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "laplacian",
            {
                "unit": unit,
                "per_channel": per_channel,
            },
        )

    def local_normalize(
        self: V,
        sigma: Dist | Sequence[Dist] = 4.0,
        *,
        unit: LengthUnit = "voxels",
        weights: LocalWeights = "gaussian",
        floor: float = 0.1,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Subtract the mean around each voxel, and divide by the deviation around it.

        Local contrast normalisation, subtractive then divisive (Jarrett, Kavukcuoglu, Ranzato
        and LeCun 2009): means are weighted by a Gaussian, or by boxes; the deviation is the root
        of the mean square of what the subtraction leaves. Where it is small it is not divided
        by.

        Peers: none.

        Parameters
        ----------
        sigma : Dist | Sequence[Dist], default 4.0
            Standard deviation of the Gaussian along x, y, z, in `unit`; of boxes, half of their
            length less half a voxel, rounded. 0 leaves an axis alone.
        unit : LengthUnit, default "voxels"
            The unit of sigma. `voxels`: voxels along each axis. `mm`: millimetres.
        weights : LocalWeights, default "gaussian"
            What neighbours are weighted by. `gaussian`: a Gaussian, cut off at four deviations.
            `box`: a box.
        floor : float, default 0.1
            The smallest deviation that is divided by, as a share of the image's own deviation;
            above 0.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own deviation for the floor.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "local_normalize",
            {
                "sigma": sigma,
                "unit": unit,
                "weights": weights,
                "floor": floor,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def log(
        self: V,
        offset: float = 1.0,
        *,
        base: float | None = None,
        signed: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Take the logarithm of `value + offset`.

        What is below `-offset` becomes NaN and what equals it minus infinity, as in NumPy,
        unless `signed`. Corresponds to `numpy.log1p` and, with `base: 2`, to scikit-image's
        `adjust_log` of values from 0 to 1; with `offset: 0` to SimpleITK's `Log`.

        Peers: NumPy `log1p`; SimpleITK `Log`; scikit-image `exposure.adjust_log`.

        Parameters
        ----------
        offset : float, default 1.0
            What is added to values before.
        base : float | None, default None
            The base, above 0 and not 1; e if not given.
        signed : bool, default False
            Whether the logarithm is that of the magnitude, and the value's sign is given back to
            it.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "log",
            {
                "offset": offset,
                "base": base,
                "signed": signed,
                "per_channel": per_channel,
            },
        )

    def median_smooth(
        self: V,
        radius: int | Sequence[int] = 1,
        *,
        mode: PadMode = "edge",
        value: float = 0.0,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Replace each voxel by the median of the box around it.

        Integers of 8 and 16 bits keep their dtype, others become float32. NaN counts as larger
        than any number. Corresponds to MONAI's `MedianSmooth`, SimpleITK's `Median` and OpenCV's
        `medianBlur`; with `mode: symmetric` to SciPy's `median_filter`.

        Peers: MONAI `MedianSmooth`; SciPy `ndimage.median_filter`; SimpleITK `Median`; OpenCV
        `medianBlur`.

        Parameters
        ----------
        radius : int | Sequence[int], default 1
            Voxels on either side along x, y, z, 0 to 7.
        mode : PadMode, default "edge"
            What lies beyond the volume's edge. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value beyond the edge in mode `constant`.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "median_smooth",
            {
                "radius": radius,
                "mode": mode,
                "value": value,
                "per_channel": per_channel,
            },
        )

    def merge_channels(
        self: V,
        item: str | None = None,
    ) -> V:
        """Make one item of several, whose channels are its channels: of the weightings of a scan in
        files of their own, one image.

        All images of the sample, or the volumes that `keys` names, in the sample's order. They
        lie on one grid and have one role; if their dtypes differ, float32 is made of them. What
        comes of a file stays a read of the region that is wanted.

        Peers: MONAI `ConcatItemsd`; NumPy `stack`, `concatenate`; PyTorch `stack`, `cat`.

        Parameters
        ----------
        item : str | None, default None
            The name of the item; the first one's if not given.
        """
        return self._apply(
            "merge_channels",
            {
                "item": item,
            },
        )

    def morphology(
        self: V,
        operation: MorphologyOperation = "dilate",
        *,
        radius: Dist = 1.0,
        unit: LengthUnit = "voxels",
        element: StructuringElement = "ball",
        labels: Sequence[int] | None = None,
        overwrite: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Grow labels, shrink them, or smooth their outlines, by binary morphology.

        Labels are gone through one after the other, in the order given or ascending. Voxels that
        a label loses become 0. What lies outside the volume takes nothing from a label and adds
        nothing to it, as in MONAI and batchgeneratorsv2; SciPy's `border_value=1` for erosions.

        Peers: MONAI `utils_morphological_ops.dilate`, `utils_morphological_ops.erode`; SciPy
        `ndimage.binary_dilation`, `ndimage.binary_erosion`, `ndimage.binary_opening`,
        `ndimage.binary_closing`; SimpleITK `BinaryDilate`, `BinaryErode`,
        `BinaryMorphologicalOpening`, `BinaryMorphologicalClosing`; scikit-image
        `morphology.dilation`, `morphology.erosion`, `morphology.opening`, `morphology.closing`.

        Parameters
        ----------
        operation : MorphologyOperation, default "dilate"
            What is done. `dilate`: a voxel is in it if the element around it touches the label.
            `erode`: a voxel is in it if the element around it is in the label. `open`: eroded, then
            dilated: thin parts go. `close`: dilated, then eroded: thin gaps are filled.
        radius : Dist, default 1.0
            How far the element reaches from its centre, 0 or more, to at most 64 voxels.
        unit : LengthUnit, default "voxels"
            The unit of the radius. `voxels`: voxels along each axis. `mm`: millimetres.
        element : StructuringElement, default "ball"
            The structuring element. `ball`: all within the radius (Euclidean): scikit-image's
            `ball`. `box`: all within the radius along each axis: a cube. `cross`: all whose
            distances along the axes have a sum within the radius: the six neighbours for 1, an
            octahedron beyond.
        labels : Sequence[int] | None, default None
            The label values that are changed; all that there are but 0 if not given.
        overwrite : bool, default False
            Whether labels that grow take voxels from other labels; otherwise only where there is 0.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "morphology",
            {
                "operation": operation,
                "radius": radius,
                "unit": unit,
                "element": element,
                "labels": labels,
                "overwrite": overwrite,
                "p": p,
                "id": id,
            },
            seed,
        )

    def motion(
        self: V,
        movements: int = 2,
        *,
        rotate: Sequence[float] = (-10.0, 10.0),
        translate: Sequence[float] = (-10.0, 10.0),
        irregularity: float = 0.3,
        axes: Axes = (2),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Move the patient while frequencies are measured: planes of them along an axis come from
        the image as it lay at their time.

        Between the movements the image is rigidly turned about the centre of the grid and
        shifted, sampled linearly; what comes in from outside has the smallest value. The part of
        the planes that holds frequency 0 comes from the image at rest. Follows TorchIO's
        `RandomMotion`, which turns about the origin of the world and lets time run along z.

        Peers: TorchIO `Motion`, `RandomMotion`.

        Parameters
        ----------
        movements : int, default 2
            Number of movements, 1 to 100.
        rotate : Sequence[float], default (-10.0, 10.0)
            Lowest and highest angle, drawn uniformly for each movement about each of the axes x, y,
            z. In degrees.
        translate : Sequence[float], default (-10.0, 10.0)
            Lowest and highest shift, drawn uniformly for each movement along each of the axes x, y,
            z. In mm.
        irregularity : float, default 0.3
            How far from even spacing the movements' times may lie, as a share of that spacing, 0 to
            0.5.
        axes : Axes, default (2)
            Axes along which time may run, of which one is drawn, each as likely.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "motion",
            {
                "movements": movements,
                "rotate": rotate,
                "translate": translate,
                "irregularity": irregularity,
                "axes": axes,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def one_hot(
        self: V,
        classes: Classes,
        *,
        dtype: DTypeLike = "float32",
        item: str | None = None,
    ) -> V:
        """Turn the label into channels of 0 and 1, one for each class or each region of several
        classes.

        The channels are a map: warps that come after interpolate them linearly, intensity
        transforms leave them alone. Regions may overlap, as in region-based training (`nnU-Net`,
        `BraTS`): `classes: [[1, 2, 3], [2, 3], 3]` are the whole tumour, its core and the part
        that enhances. The channels are the last axis, and the first of tensors.

        Peers: MONAI `AsDiscrete`, `ConvertToMultiChannelBasedOnBratsClasses`; TorchIO `OneHot`;
        batchgeneratorsv2 `ConvertSegmentationToRegionsTransform`; PyTorch `nn.functional.one_hot`.

        Parameters
        ----------
        classes : Classes
            How many classes there are: the values from 0 on, each a channel. Or for each channel
            the label value that it stands for, or several. 1 to 4096 channels.
        dtype : DTypeLike, default "float32"
            The dtype of the channels.
        item : str | None, default None
            The name of the item that the channels become; they take the label's place if not given.
        """
        return self._apply(
            "one_hot",
            {
                "classes": classes,
                "dtype": dtype,
                "item": item,
            },
        )

    def pad(
        self: V,
        amount: int | Sequence[int] = 0,
        *,
        before: int | Sequence[int] | None = None,
        after: int | Sequence[int] | None = None,
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
    ) -> V:
        """Add voxels around the volume. The world stays in place.

        Corresponds to `numpy.pad` and MONAI's `BorderPad`. Labels are padded by the same mode,
        with `label_value` where it is constant.

        Peers: MONAI `BorderPad`, `SpatialPad`; TorchIO `Pad`; NumPy `pad`; SimpleITK `ConstantPad`,
        `MirrorPad`, `WrapPad`.

        Parameters
        ----------
        amount : int | Sequence[int], default 0
            Voxels added on both sides of each axis.
        before : int | Sequence[int] | None, default None
            Voxels added before the first, instead of `amount`.
        after : int | Sequence[int] | None, default None
            Voxels added after the last, instead of `amount`.
        mode : PadMode, default "constant"
            What is added. `constant`: one value; samples between the outermost voxels and it are
            blended (SciPy's `grid-constant`). `cut`: one value where a sample lies beyond the
            centre of an outermost voxel, not blended: SciPy's `constant`. Of whole voxels it is
            `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not repeated.
            `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side. `smallest`: the
            smallest value of the image, which is measured first, so that nothing before is joined
            with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        """
        return self._apply(
            "pad",
            {
                "amount": amount,
                "before": before,
                "after": after,
                "mode": mode,
                "value": value,
                "label_value": label_value,
            },
        )

    def permute_labels(
        self: V,
        labels: Sequence[int],
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Exchange label values among themselves: each permutation of them is as likely.

        Values that are not listed stay. For classes whose numbers mean nothing, such as
        instances, or parts that are alike.

        Peers: none.

        Parameters
        ----------
        labels : Sequence[int]
            The label values that are exchanged, each once.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "permute_labels",
            {
                "labels": labels,
                "p": p,
                "id": id,
            },
            seed,
        )

    def pick_channels(
        self: V,
        channels: Picked,
        *,
        axis: ChannelAxis | None = None,
    ) -> V:
        """Keep some of the channels or frames: one volume of a time series, a few of a scan's
        weightings.

        Of a file only these are read. Channels are counted over all axes after x, y, z, the
        first of them fastest, unless `axis` says which one is meant.

        Peers: MONAI `SplitDim`, `Lambda`; NumPy `take`.

        Parameters
        ----------
        channels : Picked
            The number of one, whose axis is dropped; a list of several, in the order that they will
            have; or a range of them. Negative numbers count from the end.
        axis : ChannelAxis | None, default None
            The axis after x, y, z that they are counted along; the others stay. All as one if not
            given.
        """
        return self._apply(
            "pick_channels",
            {
                "channels": channels,
                "axis": axis,
            },
        )

    def poisson_noise(
        self: V,
        scale: Dist = 1.0,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Replace each voxel by a count of events as a detector would see it: a Poisson number with
        `scale` times the value as expectation, divided by `scale`.

        Values that are not above 0 become 0.

        Peers: SimpleITK `ShotNoise`; scikit-image `util.random_noise`.

        Parameters
        ----------
        scale : Dist, default 1.0
            Events that a value of 1 stands for, above 0: the fewer, the noisier. Drawn once per
            image.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "poisson_noise",
            {
                "scale": scale,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def quantize(
        self: V,
        levels: Dist = 256.0,
        *,
        range: Sequence[float] | None = None,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Round values to few levels that lie evenly in a range, as a coarse digitiser does.

        Peers: none.

        Parameters
        ----------
        levels : Dist, default 256.0
            Number of levels, 2 to 65536; a drawn number is rounded down.
        range : Sequence[float] | None, default None
            The lowest and the highest level, to which values beyond are brought; the smallest and
            the largest value of the image if not given.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own smallest and largest value.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "quantize",
            {
                "levels": levels,
                "range": range,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def random_crop(
        self: V,
        shape: int | Sequence[int],
        *,
        count: int = 1,
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Cut out patches at random places, the same for every item of the sample. With `count`
        above 1 the sample becomes that many.

        Every start that keeps the patch inside the volume is equally likely, the last one
        included. Axes shorter than the patch are padded about the centre. Corresponds to MONAI's
        `RandSpatialCropSamples` with `random_size=False`.

        Peers: MONAI `RandSpatialCrop`, `RandSpatialCropSamples`; TorchIO `UniformSampler`.

        Parameters
        ----------
        shape : int | Sequence[int]
            Voxels of a patch along x, y, z.
        count : int, default 1
            Number of patches.
        mode : PadMode, default "constant"
            What is added where the volume is smaller than the patch. `constant`: one value; samples
            between the outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one
            value where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's
            `constant`. Of whole voxels it is `constant`. `edge`: the edge voxel. `reflect`:
            mirrored, the edge voxel not repeated. `symmetric`: mirrored, the edge voxel repeated.
            `wrap`: the other side. `smallest`: the smallest value of the image, which is measured
            first, so that nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_crop",
            {
                "shape": shape,
                "count": count,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def random_crop_by_label(
        self: V,
        shape: int | Sequence[int],
        *,
        count: int = 1,
        label: str | None = None,
        foreground: float | None = None,
        classes: Mapping[int, float] | None = None,
        forced: float | None = None,
        forced_by: ForcedBy = "chance",
        image: str | None = None,
        above: float = 0.0,
        edges: Edges = "shift",
        absent: Absent = "uniform",
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Cut out patches around voxels that are chosen by their label, the same for every item of
        the sample. With `count` above 1 the sample becomes that many.

        One of three rules says what lies in the middle of a patch.

        With `foreground` it is a voxel of any label but 0 with this probability, otherwise one
        of label 0 (where `image` is above `above`, if given); where the volume has only one of
        the two it is that. This is MONAI's `RandCropByPosNegLabel`, where the probability is pos
        / (pos + neg).

        With `classes` a label is drawn in proportion to its weight, those that the volume does
        not have left out, then one of its voxels. This is MONAI's `RandCropByLabelClasses` and,
        with `edges: skip`, TorchIO's `LabelSampler`.

        With `forced` this share of the patches lies around a voxel of a label above 0, each
        label of the volume equally likely (or by `classes`), and the others lie anywhere. This
        is nnU-Net's oversampling of foreground, where every voxel of a label is a candidate
        instead of a stored choice of them.

        Every voxel of a label is equally likely. The label is looked at in its own dtype, as it
        stands at this point of the pipeline.

        Peers: MONAI `RandCropByPosNegLabel`, `RandCropByLabelClasses`; TorchIO `LabelSampler`.

        Parameters
        ----------
        shape : int | Sequence[int]
            Voxels of a patch along x, y, z. The voxel chosen has half of them before it, rounded
            down.
        count : int, default 1
            Number of patches.
        label : str | None, default None
            The label item; the first label if not given.
        foreground : float | None, default None
            Probability that a patch lies around foreground, from 0 to 1; 0.5 if neither this nor
            another rule is given.
        classes : Mapping[int, float] | None, default None
            Label value to weight.
        forced : float | None, default None
            Share of patches around foreground, the others anywhere, from 0 to 1.
        forced_by : ForcedBy, default "chance"
            How the forced patches are found. `chance`: each patch by chance. `place`: the last rows
            of each batch, from row `round(rows * (1 - forced))` on, half to even; without a loader
            a volume's patches are a batch.
        image : str | None, default None
            Voxels are chosen only where this item is above `above`; with the rule `foreground` that
            holds for background alone.
        above : float, default 0.0
            The value that `image` is compared with.
        edges : Edges, default "shift"
            What happens near the volume's edge. `{nnunet: n}`: patches may reach beyond it by half
            of `n` voxels (nnU-Net's patch that is loaded less the one that is kept), and behind the
            volume as far as a chosen voxel needs: nnU-Net's loader. `shift`: a patch that would
            reach beyond the edge is shifted inside: MONAI's `RandCropByPosNegLabel` and
            `RandCropByLabelClasses`. `skip`: voxels whose patch would reach beyond the edge are not
            chosen; along axes that are not longer than the patch all are: `TorchIO`'s samplers.
        absent : Absent, default "uniform"
            What happens where no voxel can be chosen. `uniform`: any place is equally likely, as in
            nnU-Net. `error`: an error.
        mode : PadMode, default "constant"
            What is added where a patch reaches beyond the volume. `constant`: one value; samples
            between the outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one
            value where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's
            `constant`. Of whole voxels it is `constant`. `edge`: the edge voxel. `reflect`:
            mirrored, the edge voxel not repeated. `symmetric`: mirrored, the edge voxel repeated.
            `wrap`: the other side. `smallest`: the smallest value of the image, which is measured
            first, so that nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_crop_by_label",
            {
                "shape": shape,
                "count": count,
                "label": label,
                "foreground": foreground,
                "classes": classes,
                "forced": forced,
                "forced_by": forced_by,
                "image": image,
                "above": above,
                "edges": edges,
                "absent": absent,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def random_crop_by_weight(
        self: V,
        shape: int | Sequence[int],
        *,
        count: int = 1,
        map: str | None = None,
        edges: Edges = "skip",
        absent: Absent = "uniform",
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Cut out patches around voxels that are drawn with probabilities in proportion to a map's
        values, the same for every item of the sample. With `count` above 1 the sample becomes
        that many.

        The map is looked at as it stands at this point of the pipeline, in float32, with sums in
        float64; it has one channel, and a negative or infinite weight or a NaN is an error.
        Corresponds to TorchIO's `WeightedSampler`, and to MONAI's `RandWeightedCrop`, which
        leaves out the last place along each axis.

        Peers: MONAI `RandWeightedCrop`; TorchIO `WeightedSampler`.

        Parameters
        ----------
        shape : int | Sequence[int]
            Voxels of a patch along x, y, z. The voxel drawn has half of them before it, rounded
            down.
        count : int, default 1
            Number of patches.
        map : str | None, default None
            The item whose values are weights; the first map if not given.
        edges : Edges, default "skip"
            What happens near the volume's edge. `{nnunet: n}`: patches may reach beyond it by half
            of `n` voxels, and behind the volume as far as the voxel drawn needs. `shift`: a patch
            that would reach beyond the edge is shifted inside: MONAI's `RandCropByPosNegLabel` and
            `RandCropByLabelClasses`. `skip`: voxels whose patch would reach beyond the edge are not
            chosen; along axes that are not longer than the patch all are: `TorchIO`'s samplers.
        absent : Absent, default "uniform"
            What happens where no voxel has weight. `uniform`: any place is equally likely, as in
            nnU-Net. `error`: an error.
        mode : PadMode, default "constant"
            What is added where a patch reaches beyond the volume. `constant`: one value; samples
            between the outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one
            value where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's
            `constant`. Of whole voxels it is `constant`. `edge`: the edge voxel. `reflect`:
            mirrored, the edge voxel not repeated. `symmetric`: mirrored, the edge voxel repeated.
            `wrap`: the other side. `smallest`: the smallest value of the image, which is measured
            first, so that nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`; nnU-Net's -1 needs labels of a signed dtype.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_crop_by_weight",
            {
                "shape": shape,
                "count": count,
                "map": map,
                "edges": edges,
                "absent": absent,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )

    def random_morphology(
        self: V,
        radius: Sequence[float] = (1.0, 8.0),
        *,
        unit: LengthUnit = "voxels",
        operations: Sequence[MorphologyOperation] = ("dilate", "erode", "open", "close"),
        element: StructuringElement = "ball",
        p_per_label: float = 1.0,
        labels: Sequence[int] | None = None,
        overwrite: bool = True,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Change the outline of each label by an operation of binary morphology and a radius of its
        own, as a network that is not sure of it.

        Labels are gone through in an order that is drawn. Corresponds to batchgeneratorsv2's
        `ApplyRandomBinaryOperatorTransform`, with the numbers of nnU-Net's cascade; the
        operations are those of `morphology`.

        Peers: batchgeneratorsv2 `ApplyRandomBinaryOperatorTransform`.

        Parameters
        ----------
        radius : Sequence[float], default (1.0, 8.0)
            Smallest and largest radius, which is drawn uniformly for each label; 0 or more, to at
            most 64 voxels.
        unit : LengthUnit, default "voxels"
            The unit of the radius. `voxels`: voxels along each axis. `mm`: millimetres.
        operations : Sequence[MorphologyOperation], default ("dilate", "erode", "open", "close")
            The operations of which one is drawn for each label.
        element : StructuringElement, default "ball"
            The structuring element. `ball`: all within the radius (Euclidean): scikit-image's
            `ball`. `box`: all within the radius along each axis: a cube. `cross`: all whose
            distances along the axes have a sum within the radius: the six neighbours for 1, an
            octahedron beyond.
        p_per_label : float, default 1.0
            Probability with which a label is changed; 0 to 1.
        labels : Sequence[int] | None, default None
            The label values that are changed; all that there are but 0 if not given.
        overwrite : bool, default True
            Whether labels that grow take voxels from other labels; otherwise only where there is 0.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_morphology",
            {
                "radius": radius,
                "unit": unit,
                "operations": operations,
                "element": element,
                "p_per_label": p_per_label,
                "labels": labels,
                "overwrite": overwrite,
                "p": p,
                "id": id,
            },
            seed,
        )

    def random_orientation(
        self: V,
        mirror: bool = False,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Turn the voxel axes to one of the 24 orientations of a cube, each equally likely. The
        affine follows, so that every voxel keeps its place in the world.

        Axes of different lengths change the shape: for patches that are cubes, or volumes of
        which patches are cut afterwards.

        Peers: batchgeneratorsv2 `Rot90Transform`, `TransposeAxesTransform`.

        Parameters
        ----------
        mirror : bool, default False
            Whether mirror images count too: 48 orientations.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_orientation",
            {
                "mirror": mirror,
                "p": p,
                "id": id,
            },
            seed,
        )

    def random_sized_crop(
        self: V,
        smallest: float | Sequence[float],
        *,
        largest: float | Sequence[float] | None = None,
        unit: CropUnit = "voxels",
        place: CropPlace = "random",
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Cut out a patch of random shape at a random place, the same for every item of the sample.

        Along each axis the length is drawn by itself, every number of voxels from the smallest
        to the largest equally likely; a range given as shares of the volume is rounded up to
        voxels. Corresponds to MONAI's `RandSpatialCrop` with `random_size=True` (`smallest` and
        `largest` are its `roi_size` and `max_roi_size`) and to `RandScaleCrop` (`unit: share`).

        Peers: MONAI `RandSpatialCrop`, `RandScaleCrop`.

        Parameters
        ----------
        smallest : float | Sequence[float]
            The shortest length along x, y, z.
        largest : float | Sequence[float] | None, default None
            The greatest length along x, y, z; the volume's if not given. No patch is longer than
            the volume.
        unit : CropUnit, default "voxels"
            What lengths are counted in. `voxels`: voxels. `share`: shares of the volume.
        place : CropPlace, default "random"
            Where the patch lies. `random`: anywhere. `centre`: about the centre, as `crop_or_pad`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "random_sized_crop",
            {
                "smallest": smallest,
                "largest": largest,
                "unit": unit,
                "place": place,
                "p": p,
                "id": id,
            },
            seed,
        )

    def remap_labels(
        self: V,
        table: Mapping[int, int],
    ) -> V:
        """Replace label values. Values that are not named stay. The dtype stays; a value that it
        cannot hold is an error.

        Peers: MONAI `MapLabelValue`; TorchIO `RemapLabels`, `RemoveLabels`; batchgeneratorsv2
        `RemoveLabelTransform`; SimpleITK `ChangeLabel`.

        Parameters
        ----------
        table : Mapping[int, int]
            Old value to new value.
        """
        return self._apply(
            "remap_labels",
            {
                "table": table,
            },
        )

    def remove_random_component(
        self: V,
        max_share: float = 0.15,
        *,
        fill: float = 0.0,
        p_per_label: float = 1.0,
        connectivity: int = 3,
        labels: Sequence[int] | None = None,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Remove a connected component of each label, any with the same probability, as a network
        that overlooks one.

        Labels are gone through in an order that is drawn. Corresponds to batchgeneratorsv2's
        `RemoveRandomConnectedComponentFromOneHotEncodingTransform`, with the numbers of
        nnU-Net's cascade.

        Peers: batchgeneratorsv2 `RemoveRandomConnectedComponentFromOneHotEncodingTransform`.

        Parameters
        ----------
        max_share : float, default 0.15
            Components with this share of the volume's voxels, or more, are never removed; 0 to 1.
        fill : float, default 0.0
            Probability that the voxels become another of the labels, each as likely, and not 0; 0
            to 1.
        p_per_label : float, default 1.0
            Probability with which a label loses a component; 0 to 1.
        connectivity : int, default 3
            Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners
            (26).
        labels : Sequence[int] | None, default None
            The label values that are looked at; all that there are but 0 if not given.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "remove_random_component",
            {
                "max_share": max_share,
                "fill": fill,
                "p_per_label": p_per_label,
                "connectivity": connectivity,
                "labels": labels,
                "p": p,
                "id": id,
            },
            seed,
        )

    def remove_small_components(
        self: V,
        min_size: Dist = 64.0,
        *,
        unit: VolumeUnit = "voxels",
        connectivity: int = 3,
        per_label: bool = True,
        labels: Sequence[int] | None = None,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Remove connected components that are smaller than a size; their voxels become 0.

        Corresponds to MONAI's `RemoveSmallObjects` and scikit-image's `remove_small_objects`.

        Peers: MONAI `RemoveSmallObjects`; SimpleITK `RelabelComponent`; scikit-image
        `morphology.remove_small_objects`; cc3d `dust`.

        Parameters
        ----------
        min_size : Dist, default 64.0
            The smallest size that is kept, 0 or more.
        unit : VolumeUnit, default "voxels"
            The unit of the size. `voxels`: voxels. `mm3`: cubic millimetres.
        connectivity : int, default 3
            Which voxels touch: 1 by faces (6 neighbours), 2 also by edges (18), 3 also by corners
            (26).
        per_label : bool, default True
            Whether voxels of another label value are another component; otherwise all voxels that
            are looked at count as one label.
        labels : Sequence[int] | None, default None
            The label values that are looked at; all but 0 if not given.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "remove_small_components",
            {
                "min_size": min_size,
                "unit": unit,
                "connectivity": connectivity,
                "per_label": per_label,
                "labels": labels,
                "p": p,
                "id": id,
            },
            seed,
        )

    def reorient(
        self: V,
        orientation: str,
    ) -> V:
        """Permute and flip the voxel axes so that they run in the given anatomical directions. The
        world stays in place; voxels are copied exactly.

        Corresponds to nibabel's `as_closest_canonical` (for `RAS`), MONAI's `Orientation` and
        TorchIO's `ToCanonical`.

        Peers: MONAI `Orientation`; TorchIO `ToCanonical`, `ToOrientation`; SimpleITK `DICOMOrient`;
        nibabel `as_closest_canonical`.

        Parameters
        ----------
        orientation : str
            Three letters, the directions that the axes x, y, z increase towards: one each of R/L,
            A/P, S/I.
        """
        return self._apply(
            "reorient",
            {
                "orientation": orientation,
            },
        )

    def resample(
        self: V,
        spacing: float | Sequence[float] | None = None,
        *,
        shape: int | Sequence[int] | None = None,
        fit: Fit = "rounded",
        interpolation: Resampling = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        anti_alias: AntiAlias = "none",
        clip: bool = False,
        thick: float | None = None,
        preset: ResamplePreset | None = None,
    ) -> V:
        """Sample the volume on a grid of another spacing, or of another shape over the same field
        of view.

        Both grids share the centre of their field of view, and voxel centres lie half a voxel
        inside its edge (torch `align_corners=False`), unless `fit` says otherwise. With
        `spacing`, the spacing is met exactly and the shape is the rounded one; with `shape`, the
        field of view is met exactly. Beyond the outermost centres the edge voxel is used.
        Nothing is smoothed before down-sampling unless `anti_alias` says so, and `area` is the
        mean of what a voxel covers. A `preset` takes over what a library does.

        Peers: MONAI `Spacing`, `Resize`; TorchIO `Resample`, `Resize`; SciPy `ndimage.zoom`;
        SimpleITK `Resample`; scikit-image `transform.resize`; PyTorch `nn.functional.interpolate`.

        Parameters
        ----------
        spacing : float | Sequence[float] | None, default None
            Voxel size along x, y, z. In mm.
        shape : int | Sequence[int] | None, default None
            Voxels along x, y, z, instead of a spacing.
        fit : Fit, default "rounded"
            How many voxels of the spacing there are, and where they lie. `rounded`: the rounded
            number. `inside`: as many as fit. `first`: first centre on first centre. `corners`:
            outermost centres on outermost centres.
        interpolation : Resampling, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `nearest_floor`: the voxel in which a voxel of the output begins.
            `cubic`: a cubic B-spline. `area`: the mean of what a voxel covers. `area_whole`: the
            mean of all voxels that a voxel touches. `lanczos`: a windowed sinc.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels. `nearest`: the nearest voxel. `nearest_floor`:
            the voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        anti_alias : AntiAlias, default "none"
            Whether, and by whose Gaussian, images are smoothed before they are sampled more
            coarsely. `none`: not at all. `scikit`: scikit-image's `resize(anti_aliasing=True)`.
            `monai`: mONAI's `Resize(anti_aliasing=True)`.
        clip : bool, default False
            Whether values between voxels are held within the range of the channel's voxels, beyond
            which `cubic` and `lanczos` may go; where an axis is sampled by itself, each slice
            across it within its own, as in nnU-Net.
        thick : float | None, default None
            An axis whose voxels are this many times as wide as those of another one, before or else
            afterwards, and the only one as wide, is sampled by itself, after the other two, by the
            nearest voxel: nnU-Net's rule, with 3.
        preset : ResamplePreset | None, default None
            Takes over what a library does: `fit`, `mode`, `clip`, `thick`, the rule of `anti_alias`
            if it is on, and what the library means by `nearest` and `area`.
        """
        return self._apply(
            "resample",
            {
                "spacing": spacing,
                "shape": shape,
                "fit": fit,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "anti_alias": anti_alias,
                "clip": clip,
                "thick": thick,
                "preset": preset,
            },
        )

    def resample_to(
        self: V,
        file: str | PathLike[str] | None = None,
        *,
        item: str | None = None,
        grid: GivenGrid | None = None,
        interpolation: Resampling = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "constant",
        value: float = 0.0,
        label_value: int = 0,
        clip: bool = False,
    ) -> V:
        """Sample the volume on another volume's grid: a file's, another item's, or one that is
        given. The world stays in place.

        Axis-aligned grids are sampled along the axes, whatever their order and direction; grids
        that lie on the same voxels are copied. `area` and `lanczos` go along axes only. In a
        pipeline, `keys` names the items that move when `item` is one of the sample.

        Peers: MONAI `ResampleToMatch`; TorchIO `Resample`; SimpleITK `Resample`; nibabel
        `processing.resample_from_to`.

        Parameters
        ----------
        file : str | PathLike[str] | None, default None
            A file whose grid it is; its header is read when the pipeline is made.
        item : str | None, default None
            An item of the sample whose grid it is.
        grid : GivenGrid | None, default None
            The grid; written when a file is read.
        interpolation : Resampling, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `nearest_floor`: the voxel in which a voxel of the output begins.
            `cubic`: a cubic B-spline. `area`: the mean of what a voxel covers. `area_whole`: the
            mean of all voxels that a voxel touches. `lanczos`: a windowed sinc.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels. `nearest`: the nearest voxel. `nearest_floor`:
            the voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "constant"
            What lies outside the volume. `constant`: one value; samples between the outermost
            voxels and it are blended (SciPy's `grid-constant`). `cut`: one value where a sample
            lies beyond the centre of an outermost voxel, not blended: SciPy's `constant`. Of whole
            voxels it is `constant`. `edge`: the edge voxel. `reflect`: mirrored, the edge voxel not
            repeated. `symmetric`: mirrored, the edge voxel repeated. `wrap`: the other side.
            `smallest`: the smallest value of the image, which is measured first, so that nothing
            before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value outside in mode `constant`.
        label_value : int, default 0
            The label outside in mode `constant`.
        clip : bool, default False
            Whether values between voxels are held within the range of the channel's voxels.
        """
        return self._apply(
            "resample_to",
            {
                "file": file,
                "item": item,
                "grid": grid,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "clip": clip,
            },
        )

    def rescale(
        self: V,
        out_range: Sequence[float] = (0.0, 1.0),
        *,
        in_range: Sequence[float] | None = None,
        percentiles: Sequence[float] | None = None,
        relative: bool = False,
        clip: bool = True,
        mask: Mask = "all",
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Map an input range linearly to an output range.

        The input range is given (a CT window, in HU), or measured: the smallest and largest
        finite value, or two percentiles (as `numpy.percentile`). A range of no width maps to the
        lower output. Corresponds to MONAI's `ScaleIntensityRange(Percentiles)` and TorchIO's
        `RescaleIntensity`.

        Peers: MONAI `ScaleIntensity`, `ScaleIntensityRange`, `ScaleIntensityRangePercentiles`;
        TorchIO `RescaleIntensity`; SimpleITK `RescaleIntensity`, `IntensityWindowing`; OpenCV
        `normalize`; scikit-image `exposure.rescale_intensity`.

        Parameters
        ----------
        out_range : Sequence[float], default (0.0, 1.0)
            Values that become the lower and upper output.
        in_range : Sequence[float] | None, default None
            Values of the input that are mapped to the output range; measured if not given.
        percentiles : Sequence[float] | None, default None
            Percentiles (0 to 100) that the input range is measured at, if not given; the extremes
            otherwise.
        relative : bool, default False
            Whether the percentiles become themselves, as shares of the way from the lower to the
            upper output, as with MONAI's `relative`; 0 and 100 are the ends.
        clip : bool, default True
            Whether values outside the input range are clipped to the output range.
        mask : Mask, default "all"
            Voxels that the range is measured over. `all`: every voxel. `nonzero`: voxels that are
            not exactly 0. `above_mean`: voxels above the mean of all, as TorchIO's
            `ZNormalization.mean`.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "rescale",
            {
                "out_range": out_range,
                "in_range": in_range,
                "percentiles": percentiles,
                "relative": relative,
                "clip": clip,
                "mask": mask,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def rician_noise(
        self: V,
        std: Dist = 0.1,
        *,
        mean: Dist = 0.0,
        relative: bool = False,
        from_minimum: bool = False,
        keep_stats: bool = False,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Take the magnitude of the values with normally distributed noise added to a real and an
        imaginary part, as in MR magnitude images: `sqrt((v + n1)^2 + n2^2)`.

        Corresponds to MONAI's `RandRicianNoise`; with `from_minimum` and `keep_stats` to
        batchgeneratorsv2's `RicianNoiseTransform`.

        Peers: MONAI `RandRicianNoise`; batchgeneratorsv2 `RicianNoiseTransform`.

        Parameters
        ----------
        std : Dist, default 0.1
            Standard deviation of both parts' noise, not below 0; drawn once per image.
        mean : Dist, default 0.0
            Mean of both parts' noise; drawn once per image.
        relative : bool, default False
            Whether `std` is a multiple of the image's own standard deviation.
        from_minimum : bool, default False
            Whether the smallest value stands for no signal, instead of 0.
        keep_stats : bool, default False
            Whether mean and standard deviation are brought back to what they were.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own smallest value, mean and deviation.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "rician_noise",
            {
                "std": std,
                "mean": mean,
                "relative": relative,
                "from_minimum": from_minimum,
                "keep_stats": keep_stats,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def rot90(
        self: V,
        k: Dist = 1.0,
        *,
        axes: Axes = (0, 1),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Turn by quarter turns in the plane of two voxel axes, from the first towards the second.
        The affine follows, so that every voxel keeps its place in the world.

        Corresponds to `numpy.rot90` and MONAI's `Rotate90`.

        Peers: MONAI `Rotate90`, `RandRotate90`; batchgeneratorsv2 `Rot90Transform`; NumPy `rot90`.

        Parameters
        ----------
        k : Dist, default 1.0
            Number of quarter turns; a drawn number is rounded down.
        axes : Axes, default (0, 1)
            The two axes of the plane.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "rot90",
            {
                "k": k,
                "axes": axes,
                "p": p,
                "id": id,
            },
            seed,
        )

    def salt_and_pepper(
        self: V,
        fraction: Dist = 0.01,
        *,
        salt: Dist = 0.5,
        values: Sequence[float] | None = None,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Set single voxels, drawn each by itself, to a high or a low value.

        Peers: SimpleITK `SaltAndPepperNoise`; scikit-image `util.random_noise`.

        Parameters
        ----------
        fraction : Dist, default 0.01
            Share of the voxels that are set, from 0 to 1; drawn once per image.
        salt : Dist, default 0.5
            Share of those that become high, from 0 to 1; drawn once per image.
        values : Sequence[float] | None, default None
            The low and the high value; the smallest and the largest of the image if not given.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own smallest and largest value.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "salt_and_pepper",
            {
                "fraction": fraction,
                "salt": salt,
                "values": values,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def scale_intensity(
        self: V,
        factor: Dist = 1.0,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Multiply values by a factor.

        Corresponds to batchgeneratorsv2's `MultiplicativeBrightnessTransform`, to MONAI's
        `RandScaleIntensity` (whose factor is 1 less) and to medrs's `random_intensity_scale`.

        Peers: MONAI `RandScaleIntensity`; batchgeneratorsv2 `MultiplicativeBrightnessTransform`.

        Parameters
        ----------
        factor : Dist, default 1.0
            What values are multiplied by.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "scale_intensity",
            {
                "factor": factor,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def sharpen(
        self: V,
        strength: Dist = 0.2,
        *,
        keep_range: bool = False,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Add a multiple of the negative Laplacian: each voxel plus `strength` times its
        differences to the six voxels around it.

        Beyond the volume's edge lies the edge voxel again. Corresponds to batchgeneratorsv2's
        `SharpeningTransform`.

        Peers: batchgeneratorsv2 `SharpeningTransform`.

        Parameters
        ----------
        strength : Dist, default 0.2
            What the differences are multiplied by, not below 0.
        keep_range : bool, default False
            Whether values are held in the range that the image had.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "sharpen",
            {
                "strength": strength,
                "keep_range": keep_range,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def shift_intensity(
        self: V,
        offset: Dist = 0.0,
        *,
        unit: OffsetUnit = "values",
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Add an offset to all values.

        Corresponds to MONAI's `RandShiftIntensity` and, with `unit: deviations`,
        `RandStdShiftIntensity`; to batchgeneratorsv2's `BrightnessAdditiveTransform` with
        `offset: {normal: [mu, sigma]}`; and to medrs's `random_intensity_shift`.

        Peers: MONAI `ShiftIntensity`, `RandShiftIntensity`, `StdShiftIntensity`,
        `RandStdShiftIntensity`; batchgeneratorsv2 `BrightnessAdditiveTransform`.

        Parameters
        ----------
        offset : Dist, default 0.0
            What is added, in `unit`.
        unit : OffsetUnit, default "values"
            The unit of the offset. `values`: the image's own unit. `deviations`: standard
            deviations (divisor n) of the image.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own standard deviation.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "shift_intensity",
            {
                "offset": offset,
                "unit": unit,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def sigmoid(
        self: V,
        centre: Dist = 0.0,
        *,
        width: Dist = 1.0,
        out_range: Sequence[float] = (0.0, 1.0),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Bend values by the logistic function: `1 / (1 + exp(-(value - centre) / width))`, brought
        onto the output range.

        Corresponds to SimpleITK's `Sigmoid` (alpha is the width, beta the centre), to
        scikit-image's `adjust_sigmoid` (`centre: 0.5`, `width: 0.1`), and by default to the
        sigmoid of MONAI's `Activations`.

        Peers: MONAI `Activations`; SimpleITK `Sigmoid`; scikit-image `exposure.adjust_sigmoid`.

        Parameters
        ----------
        centre : Dist, default 0.0
            The value that comes to the middle of the output range.
        width : Dist, default 1.0
            Over how many units the function rises from 0.5 to 0.73; below 0 it falls. Not 0.
        out_range : Sequence[float], default (0.0, 1.0)
            What values far below and far above the centre become.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "sigmoid",
            {
                "centre": centre,
                "width": width,
                "out_range": out_range,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def simulate_low_resolution(
        self: V,
        scale: Dist | Sequence[Dist] = 0.5,
        *,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Down-sample by nearest voxel and up-sample linearly to the old grid, as a coarse scan
        would look.

        Shapes and sampling follow nnU-Net's `SimulateLowResolutionTransform`. Never joined with
        another interpolation: the loss is the point.

        Peers: MONAI `RandSimulateLowResolution`; batchgeneratorsv2
        `SimulateLowResolutionTransform`.

        Parameters
        ----------
        scale : Dist | Sequence[Dist], default 0.5
            Resolution along x, y, z relative to the image's, above 0, up to 1; one value is drawn
            for all axes.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "simulate_low_resolution",
            {
                "scale": scale,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def smooth_field(
        self: V,
        values: Sequence[float] = (0.7, 1.3),
        *,
        effect: FieldEffect = "multiply",
        points: int | Sequence[int] = 4,
        pad: int = 0,
        channel_wise: bool = False,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Multiply by a random field, or raise to its powers, that changes linearly between a few
        control points.

        The points divide the volume evenly, the outermost at its outermost voxels' centres; the
        value at each is drawn uniformly. All channels have the same field. Corresponds to
        MONAI's `RandSmoothFieldAdjustIntensity` and `RandSmoothFieldAdjustContrast` with
        `mode="trilinear"` and `align_corners=True`; the field is not stretched once more to the
        drawn extremes.

        Peers: MONAI `RandSmoothFieldAdjustIntensity`, `RandSmoothFieldAdjustContrast`.

        Parameters
        ----------
        values : Sequence[float], default (0.7, 1.3)
            Lowest and highest value at a control point; for powers 1e-6 to 1e4.
        effect : FieldEffect, default "multiply"
            What the field does. `multiply`: a voxel times the field. `power`: the share of the way
            from the smallest to the largest value, to the power of the field, as in `gamma`.
        points : int | Sequence[int], default 4
            Number of control points along x, y, z, 1 to 64.
        pad : int, default 0
            Rings of further points around them whose value is 1, which changes nothing.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own range, within which it is raised to powers.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "smooth_field",
            {
                "values": values,
                "effect": effect,
                "points": points,
                "pad": pad,
                "channel_wise": channel_wise,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def speckle_noise(
        self: V,
        std: Dist = 0.1,
        *,
        mean: Dist = 0.0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Multiply each voxel by 1 plus normally distributed noise, as the speckle of ultrasound is
        often modelled.

        Peers: SimpleITK `SpeckleNoise`; scikit-image `util.random_noise`.

        Parameters
        ----------
        std : Dist, default 0.1
            Standard deviation of the noise, relative to the value, not below 0; drawn once per
            image.
        mean : Dist, default 0.0
            Mean of the noise, relative to the value; drawn once per image.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "speckle_noise",
            {
                "std": std,
                "mean": mean,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def spikes(
        self: V,
        intensity: Dist = 1.0,
        *,
        spikes: Dist = 1.0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Add waves over the whole image, as spikes among its frequencies make them
        ("herringbone").

        Each spike adds `intensity` times the largest magnitude so far to the real part of one
        frequency, drawn uniformly. Corresponds to TorchIO's `RandomSpike`.

        Peers: MONAI `KSpaceSpikeNoise`, `RandKSpaceSpikeNoise`; TorchIO `Spike`, `RandomSpike`.

        Parameters
        ----------
        intensity : Dist, default 1.0
            Height of a spike relative to the largest magnitude of all frequencies.
        spikes : Dist, default 1.0
            Number of spikes, 0 to 100; a drawn number is rounded down.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "spikes",
            {
                "intensity": intensity,
                "spikes": spikes,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def split_channels(
        self: V,
        items: Sequence[str] | None = None,
        *,
        axis: ChannelAxis | None = None,
    ) -> V:
        """Make an item of each channel or frame, in place of the one that they are of.

        Transforms that come after treat each as an image of its own, with its own random
        numbers; `merge_channels` brings them together again.

        Peers: MONAI `SplitDimd`, `SplitDim`; NumPy `split`; PyTorch `unbind`.

        Parameters
        ----------
        items : Sequence[str] | None, default None
            The names of the items, one for each channel; the item's own with `_0`, `_1` and so on
            if not given.
        axis : ChannelAxis | None, default None
            The axis after x, y, z that is divided; the others stay. All as one if not given.
        """
        return self._apply(
            "split_channels",
            {
                "items": items,
                "axis": axis,
            },
        )

    def squeeze(
        self: V,
        axis: ChannelAxis | None = None,
    ) -> V:
        """Drop axes of length 1 after x, y, z: a time series of one volume becomes a volume, a file
        of x, y, z, 1, c one with c channels.

        Peers: MONAI `SqueezeDim`; NumPy `squeeze`.

        Parameters
        ----------
        axis : ChannelAxis | None, default None
            The axis to drop, which must have the length 1; all such axes if not given.
        """
        return self._apply(
            "squeeze",
            {
                "axis": axis,
            },
        )

    def swap(
        self: V,
        shape: int | Sequence[int] = 15,
        *,
        count: int = 100,
        places: Sequence[Sequence[Sequence[int]]] | None = None,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Swap pairs of patches within the image, one pair after the other, as is done for learning
        to restore context.

        Places are drawn for each image; every place inside it is equally likely. Corresponds to
        TorchIO's `RandomSwap`.

        Peers: TorchIO `Swap`, `RandomSwap`.

        Parameters
        ----------
        shape : int | Sequence[int], default 15
            Voxels of a patch along x, y, z.
        count : int, default 100
            Number of pairs.
        places : Sequence[Sequence[Sequence[int]]] | None, default None
            First voxels (x, y, z) of the two patches of each pair, instead of drawn ones.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "swap",
            {
                "shape": shape,
                "count": count,
                "places": places,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def threshold(
        self: V,
        lower: float | None = None,
        *,
        upper: float | None = None,
        method: ThresholdMethod = "values",
        percentiles: Sequence[float] | None = None,
        bins: int | None = None,
        mask: Mask = "all",
        result: ThresholdResult = "mask",
        value: float = 0.0,
        into: str | None = None,
        channel_wise: bool = False,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Keep the voxels between two values: as a mask of 1 and 0, or as they are.

        The values are given, or measured. Corresponds to SimpleITK's `BinaryThreshold` and
        `OtsuThreshold`, scikit-image's `threshold_otsu`, and with `result: keep` to MONAI's
        `ThresholdIntensity` (which leaves out the threshold itself). NaN is outside. Where
        values are given, integers of 8 and 16 bits keep their dtype; all else becomes float32,
        and what is made `into` a label uint8.

        Peers: MONAI `ThresholdIntensity`; SimpleITK `BinaryThreshold`, `OtsuThreshold`;
        scikit-image `filters.threshold_otsu`.

        Parameters
        ----------
        lower : float | None, default None
            The lowest value that is inside; no limit if not given. With a `method`, one that is
            measured.
        upper : float | None, default None
            The highest value that is inside; no limit if not given.
        method : ThresholdMethod, default "values"
            How values are measured. `values`: as given. `otsu`: above the middle of a bin.
            `otsu_end`: above the end of a bin. `mean`: above the mean. `percentiles`: between
            percentiles.
        percentiles : Sequence[float] | None, default None
            The lowest and the highest percentile (0 to 100) that are inside, for method
            `percentiles`.
        bins : int | None, default None
            Number of bins for Otsu's method, 2 to 65536; if not given, one for each value of
            integer voxels, and 256 for others.
        mask : Mask, default "all"
            Voxels that are measured. `all`: every voxel. `nonzero`: voxels that are not exactly 0.
            `above_mean`: voxels above the mean of all, as TorchIO's `ZNormalization.mean`.
        result : ThresholdResult, default "mask"
            What becomes of voxels. `mask`: 1 inside, 0 outside. `keep`: voxels inside stay as they
            are.
        value : float, default 0.0
            What voxels outside become with `result: keep`.
        into : str | None, default None
            The name of a label item that is made of the mask, while the image stays as it is.
        channel_wise : bool, default False
            Whether each channel (or frame) is measured by itself.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "threshold",
            {
                "lower": lower,
                "upper": upper,
                "method": method,
                "percentiles": percentiles,
                "bins": bins,
                "mask": mask,
                "result": result,
                "value": value,
                "into": into,
                "channel_wise": channel_wise,
                "per_channel": per_channel,
            },
        )

    def window(
        self: V,
        preset: WindowPreset | None = None,
        *,
        level: Dist | None = None,
        width: Dist | None = None,
        out_range: Sequence[float] = (0.0, 1.0),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Show a window of values: `width` units about `level` become the output range, what lies
        beyond its ends.

        A window is given by its name, whose width and level in Hounsfield units are customary
        ones (hospitals differ), or by numbers, which go before those of the name. A `rescale`
        with `in_range` is the same, said by its ends; it corresponds to MONAI's
        `ScaleIntensityRange` with `clip`, and to SimpleITK's `IntensityWindowing`.

        Peers: MONAI `ScaleIntensityRange`; SimpleITK `IntensityWindowing`.

        Parameters
        ----------
        preset : WindowPreset | None, default None
            The window's name.
        level : Dist | None, default None
            The value in the middle of the window.
        width : Dist | None, default None
            How many units the window has, above 0.
        out_range : Sequence[float], default (0.0, 1.0)
            What the lower and the upper end of the window become.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "window",
            {
                "preset": preset,
                "level": level,
                "width": width,
                "out_range": out_range,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def wrap_around(
        self: V,
        fraction: Dist = 0.25,
        *,
        intensity: Dist = 1.0,
        axes: Axes = (0, 1, 2),
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Fold what lies near the edges onto the other side, as a field of view that is too small
        for the body does along a phase-encoding axis (aliasing).

        Frequencies that are measured too far apart, as many as there are voxels in the smaller
        field of view, give an image that repeats itself with that period: each voxel is the sum
        of all that lie a multiple of the period away. With an `intensity` below 1 the others
        count less, as after partial suppression. The grid stays.

        Peers: none.

        Parameters
        ----------
        fraction : Dist, default 0.25
            Share of the volume along the axis by which the field of view is smaller, 0 to 0.9.
        intensity : Dist, default 1.0
            What of the folded signal is added, not below 0; 1 is all.
        axes : Axes, default (0, 1, 2)
            Axes of which one is drawn, each as likely.
        p, id, seed, per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "wrap_around",
            {
                "fraction": fraction,
                "intensity": intensity,
                "axes": axes,
                "p": p,
                "id": id,
                "per_channel": per_channel,
            },
            seed,
        )

    def z_normalize(
        self: V,
        mask: Mask = "all",
        *,
        outside: Outside = "normalize",
        channel_wise: bool = False,
        mean: GivenNumbers | None = None,
        std: GivenNumbers | None = None,
        per_channel: bool | float | Sequence[int] = False,
    ) -> V:
        """Subtract the mean and divide by the standard deviation.

        Statistics are taken in float64 over the masked voxels; the deviation is the population's
        (divisor n), as in MONAI's `NormalizeIntensity` and nnU-Net. A deviation of 0 divides by
        1. NaN voxels make the mean NaN unless the mask leaves them out. With `mean` and `std`
        given nothing is measured: after a `clamp` to the percentiles of a data set's foreground,
        its mean and deviation are nnU-Net's `CTNormalization`.

        Peers: MONAI `NormalizeIntensity`; TorchIO `ZNormalization`; SimpleITK `Normalize`.

        Parameters
        ----------
        mask : Mask, default "all"
            Voxels that the mean and the deviation are taken over. `all`: every voxel. `nonzero`:
            voxels that are not exactly 0. `above_mean`: voxels above the mean of all, as TorchIO's
            `ZNormalization.mean`.
        outside : Outside, default "normalize"
            What happens to voxels that the mask leaves out. `normalize`: the same arithmetic
            everywhere. `keep`: voxels outside the mask are not changed.
        channel_wise : bool, default False
            Whether each channel (or frame) has its own mean and deviation.
        mean : GivenNumbers | None, default None
            What is subtracted, for all channels or one number for each, instead of the mean.
        std : GivenNumbers | None, default None
            What is divided by, for all channels or one number for each, instead of the deviation; 0
            divides by 1.
        per_channel :
            See `TransformMethods`.
        """
        return self._apply(
            "z_normalize",
            {
                "mask": mask,
                "outside": outside,
                "channel_wise": channel_wise,
                "mean": mean,
                "std": std,
                "per_channel": per_channel,
            },
        )

    def zoom(
        self: V,
        factor: Dist | Sequence[Dist] = 1.1,
        *,
        keep_shape: bool = True,
        interpolation: Resampling = "linear",
        label_interpolation: LabelInterpolation = "nearest",
        mode: PadMode = "edge",
        value: float = 0.0,
        label_value: int = 0,
        p: float = 1.0,
        id: str | None = None,
        seed: int | None = None,
    ) -> V:
        """Magnify the content; the grid stays, or its shape follows.

        The volume is sampled on `floor(n * factor)` voxels over its field of view, and cropped
        or padded about the centre to its old shape, as MONAI's `Zoom` does with
        `mode="trilinear"`. Landmarks move with the content.

        Peers: MONAI `Zoom`, `RandZoom`.

        Parameters
        ----------
        factor : Dist | Sequence[Dist], default 1.1
            Magnification along x, y, z; one value is drawn for all axes.
        keep_shape : bool, default True
            Whether the result has the shape of the volume.
        interpolation : Resampling, default "linear"
            How images are sampled between voxels. `linear`: linear along each axis. `nearest`: the
            nearest voxel. `nearest_floor`: the voxel in which a voxel of the output begins.
            `cubic`: a cubic B-spline. `area`: the mean of what a voxel covers. `area_whole`: the
            mean of all voxels that a voxel touches. `lanczos`: a windowed sinc.
        label_interpolation : LabelInterpolation, default "nearest"
            How labels are sampled between voxels: `nearest`, or `linear` for the label with the
            largest share of the neighbours. `nearest`: the nearest voxel. `nearest_floor`: the
            voxel in which a voxel of the output begins. `linear`: the largest share.
        mode : PadMode, default "edge"
            What is added where the zoomed volume is smaller. `constant`: one value; samples between
            the outermost voxels and it are blended (SciPy's `grid-constant`). `cut`: one value
            where a sample lies beyond the centre of an outermost voxel, not blended: SciPy's
            `constant`. Of whole voxels it is `constant`. `edge`: the edge voxel. `reflect`:
            mirrored, the edge voxel not repeated. `symmetric`: mirrored, the edge voxel repeated.
            `wrap`: the other side. `smallest`: the smallest value of the image, which is measured
            first, so that nothing before is joined with it; labels have theirs of `constant`.
        value : float, default 0.0
            The value added in mode `constant`, in real units.
        label_value : int, default 0
            The label added in mode `constant`.
        p, id, seed :
            See `TransformMethods`.
        """
        return self._apply(
            "zoom",
            {
                "factor": factor,
                "keep_shape": keep_shape,
                "interpolation": interpolation,
                "label_interpolation": label_interpolation,
                "mode": mode,
                "value": value,
                "label_value": label_value,
                "p": p,
                "id": id,
            },
            seed,
        )
