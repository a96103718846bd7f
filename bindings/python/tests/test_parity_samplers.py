"""Cubic, area and Lanczos sampling, and the presets of `resample`, against the libraries that they follow."""

from __future__ import annotations

import itertools

import nibabel.processing
import numpy as np
import pytest
from given import AFFINES, SHAPES, blobs, random_array, small_head, volume
from scipy import ndimage

import medoxide as mx

torch = pytest.importorskip("torch")

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")]

# Odd and prime targets, larger and smaller, and an axis that becomes or stays one voxel.
TARGETS = [(7, 13, 29), (20, 6, 9), (1, 5, 3), (14, 22, 26), (5, 5, 1)]
CASES = list(itertools.product(SHAPES, TARGETS))


def near(ours, theirs, tolerance=2e-6):
    """As close as float32 is, relative to the largest value."""
    theirs = np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    scale = max(np.abs(theirs).max(), 1e-30)
    np.testing.assert_allclose(
        np.asarray(ours, np.float64) / scale, theirs / scale, rtol=0, atol=tolerance
    )


def half_pixel(n, m):
    """Where `m` voxels over the field of view of `n` lie."""
    return (np.arange(m) + 0.5) * n / m - 0.5


@pytest.mark.parametrize(("shape", "target"), CASES)
@pytest.mark.parametrize("order", [0, 1, 3])
def test_scipy_zoom(shape, target, order):
    array = random_array(shape)
    with np.errstate(divide="ignore"):
        zoom = [m / n for n, m in zip(shape, target)]
    theirs = ndimage.zoom(array.astype(np.float64), zoom, order=order, mode="mirror")
    if theirs.shape != target:
        pytest.skip("SciPy rounds to another shape")
    interpolation = {0: "nearest", 1: "linear", 3: "cubic"}[order]
    ours = (
        volume(array)
        .resample(shape=target, preset="scipy_zoom", interpolation=interpolation)
        .numpy()
    )
    if order == 0:
        assert np.mean(ours != theirs.astype(np.float32)) < 0.02  # ties that rounding decides
    else:
        near(ours, theirs)


@pytest.mark.parametrize("mode", ["edge", "constant", "cut", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_scipy_affine_transform(shape, order, mode):
    array = random_array(shape, seed=3)
    linear = np.array([[0.9, 0.2, -0.1], [-0.15, 1.1, 0.05], [0.1, 0.0, 0.8]])
    # No sample lies on a limit, where rounding would decide.
    offset = np.array([0.71234, -1.23457, 0.43211])
    names = {
        "edge": "nearest",
        "constant": "grid-constant",
        "cut": "constant",
        "reflect": "mirror",
        "symmetric": "reflect",
        "wrap": "grid-wrap",
    }
    theirs = ndimage.affine_transform(
        array.astype(np.float64), linear, offset, order=order, mode=names[mode], cval=-20
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, offset
    move = mx.Affine(
        matrix=matrix.tolist(),
        moves="grid",
        unit="voxels",
        about="origin",
        mode=mode,
        value=-20,
        interpolation={0: "nearest", 1: "linear", 3: "cubic"}[order],
    )
    # On axes of a few voxels SciPy's filter is exact to 8e-5 in this mode: so far it is from itself on an array that is padded first.
    short = order == 3 and mode == "symmetric" and min(n for n in shape if n > 1) < 6
    near(move(volume(array)).numpy(), theirs, 1e-4 if short else 5e-6)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("shape", "target"), CASES[:10])
def test_scipy_map_coordinates_without_blending(shape, target, order):
    array = random_array(shape, seed=6)
    interpolation = {0: "nearest", 1: "linear", 3: "cubic"}[order]
    # Along the axes: half-pixel centres of a finer grid lie beyond the outermost voxels.
    at = np.meshgrid(*(half_pixel(n, m) for n, m in zip(shape, target)), indexing="ij")
    theirs = ndimage.map_coordinates(array.astype(np.float64), at, order=order, mode="constant", cval=77)
    ours = volume(array).resample(shape=target, mode="cut", value=77, interpolation=interpolation)
    if order == 0:
        assert np.mean(ours.numpy() != theirs.astype(np.float32)) < 0.02  # ties that rounding decides
    else:
        near(ours.numpy(), theirs, 5e-6)
    # By a field of their own.
    field = np.random.default_rng(7).uniform(-2, 2, (*shape, 3))
    field[..., [n == 1 for n in shape]] = 0  # a picture stays in its plane
    at = [axis + field[..., n] for n, axis in enumerate(np.meshgrid(*map(np.arange, shape), indexing="ij"))]
    theirs = ndimage.map_coordinates(array.astype(np.float64), at, order=order, mode="constant", cval=77)
    ours = volume(array).displace(field.tolist(), unit="voxels", mode="cut", value=77, interpolation=interpolation)
    if order == 0:
        assert np.mean(ours.numpy() != theirs.astype(np.float32)) < 0.02
    else:
        near(ours.numpy(), theirs, 2e-5)


@pytest.mark.parametrize("name", ["anisotropic", "oblique_permuted"])
def test_integers_and_scaled_numbers_are_splined_as_they_mean(name):
    raw = random_array((9, 14, 11), "int16", 4)
    theirs = ndimage.zoom(raw.astype(np.float64), 1.5, order=3, mode="mirror")
    v = volume(raw, AFFINES[name]).resample(
        shape=theirs.shape, preset="scipy_zoom", interpolation="cubic"
    )
    near(v.numpy(), theirs)


def test_nan_reaches_as_far_as_the_spline():
    array = random_array((40, 6, 5))
    array[20, 3, 2] = np.nan
    ours = volume(array).resample(shape=(55, 6, 5), interpolation="cubic").numpy()
    clean = np.nan_to_num(array)
    theirs = volume(clean).resample(shape=(55, 6, 5), interpolation="cubic").numpy()
    hit = np.isnan(ours)
    assert 0 < hit[:, 3, 2].sum() < 44
    assert not hit[:, 0].any()
    np.testing.assert_array_equal(ours[~hit], theirs[~hit])


@pytest.mark.parametrize(("shape", "target"), CASES)
@pytest.mark.parametrize("corners", [False, True])
def test_torch_interpolate(shape, target, corners):
    array = random_array(shape)
    given = torch.from_numpy(array)[None, None]
    theirs = torch.nn.functional.interpolate(given, target, mode="trilinear", align_corners=corners)
    ours = (
        volume(array).resample(shape=target, preset="torch_corners" if corners else "torch").numpy()
    )
    near(ours, theirs[0, 0].numpy(), 1e-5 if corners else 2e-6)


@pytest.mark.parametrize(("shape", "target"), CASES)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
def test_torch_modes(shape, target, mode):
    array = random_array(shape)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(array)[None, None], target, mode=mode
    )[0, 0].numpy()
    more = (
        {"interpolation": "nearest"}
        if mode == "nearest-exact"
        else {"preset": "torch", "interpolation": mode}
    )
    ours = volume(array).resample(shape=target, **more)
    if mode == "area":
        near(ours.numpy(), theirs)
    else:
        np.testing.assert_array_equal(ours.numpy(), theirs)
        label = volume((array > 0).astype(np.uint8), role="label").resample(
            shape=target, preset="torch" if mode == "nearest" else None
        )
        np.testing.assert_array_equal(label.numpy(), theirs > 0)


@pytest.mark.parametrize(("shape", "target"), [((16, 12, 9), (8, 4, 3)), ((15, 10, 4), (5, 5, 2))])
def test_area_is_the_mean_where_voxels_fit(shape, target):
    array = random_array(shape)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(array)[None, None], target, mode="area"
    )[0, 0].numpy()
    near(volume(array).resample(shape=target, interpolation="area").numpy(), theirs)


def test_area_is_opencv_where_that_is_smaller():
    cv2 = pytest.importorskip("cv2")
    image = random_array((61, 47), seed=2)
    for target in [(20, 13), (30, 46), (61, 11)]:
        theirs = cv2.resize(image, target[::-1], interpolation=cv2.INTER_AREA)
        ours = mx.Volume(image).resample(shape=(*target, 1), interpolation="area").numpy()
        near(ours.reshape(target), theirs, 1e-5)


@pytest.mark.parametrize("target", [(90, 71), (20, 17), (61, 100), (7, 46)])
def test_lanczos_is_pillow(target):
    image = pytest.importorskip("PIL.Image")
    array = random_array((61, 47), seed=2)
    inner = array.copy()
    theirs = np.asarray(image.fromarray(inner).resize(target[::-1], image.Resampling.LANCZOS))
    ours = (
        mx.Volume(array)
        .resample(shape=(*target, 1), interpolation="lanczos")
        .numpy()
        .reshape(target)
    )
    # Beyond the edge Pillow leaves weights out, here the edge voxel has them.
    width = [3 * max(1, n / m) for n, m in zip(array.shape, target)]
    at = [half_pixel(n, m) for n, m in zip(array.shape, target)]
    inside = np.ix_(*((c - w > 0) & (c + w < n - 1) for c, w, n in zip(at, width, array.shape)))
    assert ours[inside].size or target[0] == 7
    near(ours[inside], theirs[inside], 1e-5) if ours[inside].size else None


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("target", [(9, 20, 4), (30, 14, 13), (7, 7, 7)])
def test_scikit_resize(order, smooth, target):
    resize = pytest.importorskip("skimage.transform").resize
    array = blobs((21, 17, 11), 3) + random_array((21, 17, 11)) / 500
    theirs = resize(array.astype(np.float64), target, order=order, anti_aliasing=smooth)
    ours = volume(array).resample(
        shape=target,
        preset="scikit",
        interpolation="cubic" if order == 3 else "linear",
        anti_alias="scikit" if smooth else "none",
    )
    near(ours.numpy(), theirs, 1e-5)


@pytest.mark.parametrize("mode", ["area", "nearest", "trilinear", "nearest-exact"])
@pytest.mark.parametrize("target", TARGETS)
def test_monai_resize(mode, target):
    transforms = pytest.importorskip("monai.transforms")
    array = random_array((11, 18, 9))
    theirs = transforms.Resize(target, mode=mode)(torch.from_numpy(array)[None])[0].numpy()
    names = {"trilinear": "linear", "nearest-exact": "nearest"}
    preset = None if mode == "nearest-exact" else "monai_resize"
    ours = (
        volume(array)
        .resample(shape=target, preset=preset, interpolation=names.get(mode, mode))
        .numpy()
    )
    near(ours, theirs)


def test_monai_resize_smooths_before():
    transforms = pytest.importorskip("monai.transforms")
    array = blobs((23, 18, 12), 1)
    theirs = transforms.Resize((9, 18, 5), mode="trilinear", anti_aliasing=True)(
        torch.from_numpy(array)[None]
    )[0]
    ours = (
        volume(array).resample(shape=(9, 18, 5), preset="monai_resize", anti_alias="monai").numpy()
    )
    near(ours, theirs.numpy(), 2e-5)


@pytest.mark.parametrize("name", ["anisotropic", "flipped", "oblique"])
def test_monai_spacing(name):
    monai = pytest.importorskip("monai")
    array = random_array((13, 17, 8))
    given = monai.data.MetaTensor(
        torch.from_numpy(array)[None], affine=torch.from_numpy(AFFINES[name])
    )
    move = monai.transforms.Spacing(
        (0.9, 1.0, 1.4), mode="bilinear", padding_mode="border", dtype=torch.float64
    )
    theirs = move(given)
    ours = volume(array, AFFINES[name]).resample((0.9, 1.0, 1.4), preset="monai_spacing")
    near(ours.numpy(), theirs[0].numpy(), 2e-5)
    np.testing.assert_allclose(ours.affine, theirs.affine.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", ["anisotropic", "flipped", "oblique"])
@pytest.mark.parametrize(("interpolation", "theirs"), [("linear", "linear"), ("cubic", "bspline")])
def test_torchio_resample(name, interpolation, theirs):
    torchio = pytest.importorskip("torchio")
    array = random_array((13, 17, 12))
    image = torchio.ScalarImage(tensor=torch.from_numpy(array)[None], affine=AFFINES[name])
    wanted = torchio.Resample((0.9, 1.0, 1.4), image_interpolation=theirs)(image)
    ours = volume(array, AFFINES[name]).resample(
        (0.9, 1.0, 1.4), preset="torchio", interpolation=interpolation
    )
    near(ours.numpy(), wanted.data[0].numpy(), 3e-5)
    np.testing.assert_allclose(ours.affine, wanted.affine, atol=1e-5)


def _nnunet(array, target, spacing, new_spacing):
    """nnU-Net's default resampling of images, told again: cubic in slices and nearest across where one axis alone is more than three times as thick."""
    resize = pytest.importorskip("skimage.transform").resize
    thick = next((s for s in (spacing, new_spacing) if max(s) / min(s) > 3), None)
    axes = [] if thick is None else [i for i in range(3) if max(thick) == thick[i]]
    how = {"order": 3, "mode": "edge", "anti_aliasing": False}
    if len(axes) != 1:
        return resize(array.astype(float), target, **how)
    (axis,) = axes
    plane = [m for i, m in enumerate(target) if i != axis]
    slices = [resize(s, plane, **how) for s in np.moveaxis(array.astype(float), axis, 0)]
    across = np.clip(
        np.floor(half_pixel(array.shape[axis], target[axis]) + 0.5 + 1e-9).astype(int),
        0,
        array.shape[axis] - 1,
    )
    return np.moveaxis(np.stack(slices)[across], 0, axis)


@pytest.mark.parametrize(
    ("spacing", "new"),
    [
        ((1, 1, 1), (0.8, 0.9, 1.3)),
        ((5, 1, 1), (2.5, 0.8, 0.7)),
        ((0.7, 0.7, 4), (1, 1, 1)),
        ((1, 1, 1), (1, 1, 4)),
        ((4, 4, 1), (2, 2, 1.3)),
    ],
)
def test_nnunet_images(spacing, new):
    array = blobs((19, 23, 14), 5)
    target = tuple(int(np.round(n * s / m)) for n, s, m in zip(array.shape, spacing, new))
    theirs = _nnunet(array, target, spacing, new)
    v = volume(array, np.diag([*spacing, 1.0])).resample(shape=target, preset="nnunet")
    near(v.numpy(), theirs, 1e-5)


def test_nnunet_labels_are_the_larger_share():
    resize = pytest.importorskip("skimage.transform").resize
    label = np.kron(
        np.random.default_rng(2).integers(0, 2, (5, 6, 4)), np.ones((4, 4, 4), int)
    ).astype(np.uint8)
    target = (27, 20, 21)
    share = resize((label == 1).astype(float), target, order=1, mode="edge", anti_aliasing=False)
    ours = volume(label, role="label").resample(shape=target, preset="nnunet").numpy()
    sure = np.abs(share - 0.5) > 1e-6
    np.testing.assert_array_equal(ours[sure], (share >= 0.5)[sure])


def test_presets_are_written_as_what_they_stand_for():
    (given,) = mx.Resample(spacing=1, preset="nnunet").to_dict().values()
    told = {k: given.get(k) for k in ("preset", "interpolation", "clip", "thick")}
    assert told == {"preset": None, "interpolation": "cubic", "clip": True, "thick": 3.0}
    text = volume(random_array((8, 9, 7))).resample(shape=5, preset="nnunet").explain()
    assert "cubic" in text
    assert "edge" in text


def test_clip_holds_each_channel_within_its_own_range():
    array = np.stack(
        [np.where(random_array((12, 11, 10), seed=s) > 0, 50.0 * s, -1.0) for s in (1, 2)], -1
    )
    v = mx.Volume(array.astype(np.float32), channel_axis=3)
    wild = v.resample(shape=(17, 15, 13), interpolation="cubic").numpy()
    held = v.resample(shape=(17, 15, 13), interpolation="cubic", clip=True).numpy()
    for c in (0, 1):
        low, high = array[..., c].min(), array[..., c].max()
        assert wild[..., c].max() > high
        np.testing.assert_array_equal(held[..., c], wild[..., c].clip(low, high))


def _centre(affine, n):
    """World millimetres of the middle of a grid."""
    return affine[:3] @ [*(np.array(n) - 1) / 2, 1]


@pytest.mark.parametrize(
    ("a", "b"), itertools.permutations(["anisotropic", "flipped", "permuted", "oblique"], 2)
)
@pytest.mark.parametrize("order", [1, 3])
def test_resample_to_is_nibabel(a, b, order):
    import nibabel as nib

    array = random_array((14, 17, 11))
    target = AFFINES[b].copy()
    shape = (9, 12, 8)
    target[:3, 3] += _centre(AFFINES[a], array.shape) - _centre(target, shape)
    theirs = nibabel.processing.resample_from_to(
        nib.Nifti1Image(array, AFFINES[a]), (shape, target), order=order, mode="grid-constant"
    ).get_fdata()
    other = mx.Volume(np.zeros(shape, np.float32), affine=target)
    interpolation = "cubic" if order == 3 else "linear"
    ours = volume(array, AFFINES[a]).resample_to(grid=other, interpolation=interpolation)
    near(ours.numpy(), theirs, 1e-5)
    np.testing.assert_array_equal(ours.affine, target)


def test_resample_to_a_file_and_another_item(tmp_path):
    data, affine = small_head()
    scan = mx.Volume(data, affine=affine)
    coarse = scan.resample(3).numpy()
    mx.Volume(coarse, affine=scan.resample(3).affine).save(tmp_path / "coarse.nii.gz")
    reference = mx.load(tmp_path / "coarse.nii.gz")
    wanted = scan.resample_to(grid=reference).numpy()
    np.testing.assert_array_equal(scan.resample_to(tmp_path / "coarse.nii.gz").numpy(), wanted)
    move = mx.Pipeline([mx.ResampleTo(item="t2", keys=["t1"])])
    out = move({"t2": reference, "t1": scan})
    np.testing.assert_array_equal(out["t1"].numpy(), wanted)
    assert out["t2"].shape == out["t1"].shape
    with pytest.raises(mx.errors.ParamError):
        scan.resample_to(grid=reference, item="t2")


@pytest.mark.parametrize("name", ["identity", "oblique_permuted"])
def test_bspline_deform_is_simpleitk(name):
    sitk = pytest.importorskip("SimpleITK")
    array = blobs((26, 31, 22), 7)
    affine = AFFINES[name]
    lps = np.diag([-1, -1, 1]) @ affine[:3, :3]
    spacing = np.linalg.norm(lps, axis=0)
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps / spacing).ravel().tolist())
    image.SetOrigin((np.diag([-1, -1, 1]) @ affine[:3, 3]).tolist())
    move = sitk.BSplineTransformInitializer(image, [3, 4, 2], order=3)
    control_points = move.GetTransformDomainMeshSize()
    control_points = tuple(n + 3 for n in control_points)
    points = np.random.default_rng(1).uniform(-1.5, 1.5, (3, *control_points[::-1]))
    move.SetParameters(points.ravel().tolist())
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, image, move, sitk.sitkLinear)).transpose(
        2, 1, 0
    )
    # ITK counts control points along left, posterior and superior, and displaces along them.
    given = points.reshape(3, -1).T.tolist()
    ours = mx.Volume(array, affine=affine).bspline_deform(control_points, given, frame="lps")
    inner = np.s_[3:-3, 3:-3, 3:-3]
    near(ours.numpy()[inner], theirs[inner], 1e-4)


@pytest.mark.parametrize("shape", [(7, 11, 13), (16, 1, 5)])
@pytest.mark.parametrize("multiple", [4, (1, 3, 8)])
def test_divisible_pad_is_monai(shape, multiple):
    transforms = pytest.importorskip("monai.transforms")
    array = random_array(shape)
    theirs = transforms.DivisiblePad(multiple)(torch.from_numpy(array)[None])[0].numpy()
    np.testing.assert_array_equal(volume(array).divisible_pad(multiple).numpy(), theirs)


@pytest.mark.parametrize("values", [[], [2], [1, 5]])
@pytest.mark.parametrize("margin", [0, (1, 2, 0)])
def test_crop_to_label_is_monai(values, margin):
    transforms = pytest.importorskip("monai.transforms")
    label = np.zeros((14, 12, 10), np.uint8)
    label[3:6, 4:9, 2:5], label[8, 9, 7], label[1, 1, 1] = 1, 2, 5
    image = random_array(label.shape)
    keep = (lambda x: x > 0) if not values else (lambda x: sum(x == v for v in values) > 0)
    crop = transforms.CropForegroundd(
        ["image", "label"], "label", select_fn=keep, margin=margin, allow_smaller=True
    )
    theirs = crop({"image": torch.from_numpy(image)[None], "label": torch.from_numpy(label)[None]})
    out = mx.CropToLabel(values=values, margin=margin)(
        {"image": volume(image), "label": volume(label, role="label")}
    )
    np.testing.assert_array_equal(out["image"].numpy(), theirs["image"][0].numpy())
    np.testing.assert_array_equal(out["label"].numpy(), theirs["label"][0].numpy())


@pytest.mark.parametrize("target", [(9, 20, 13), (20, 4, 30)])
def test_spatial_pad_and_center_crop_are_crop_or_pad(target):
    transforms = pytest.importorskip("monai.transforms")
    array = random_array((12, 15, 13))
    given = torch.from_numpy(array)[None]
    larger = [max(n, m) for n, m in zip(array.shape, target)]
    smaller = [min(n, m) for n, m in zip(array.shape, target)]
    np.testing.assert_array_equal(
        volume(array).crop_or_pad(larger).numpy(), transforms.SpatialPad(target)(given)[0].numpy()
    )
    np.testing.assert_array_equal(
        volume(array).crop_or_pad(smaller).numpy(),
        transforms.CenterSpatialCrop(target)(given)[0].numpy(),
    )


def test_predictions_come_back_to_the_scan():
    data, affine = small_head()
    scan = mx.Volume(data, affine=affine)
    x = scan.reorient("LPS").resample(1.5).crop_foreground(above=20).divisible_pad(8)
    back = x.invert(x.numpy())
    assert back.shape == scan.shape
    np.testing.assert_array_equal(back.affine, scan.affine)
    inner = np.s_[8:-8, 8:-8, 8:-8]
    assert np.corrcoef(back.numpy()[inner].ravel(), data[inner].ravel())[0, 1] > 0.97
    label = (x.numpy() > 60).astype(np.uint8)
    assert x.invert(label).dtype == np.uint8
    several = x.invert(np.stack([x.numpy(), -x.numpy()], -1)).numpy()
    np.testing.assert_array_equal(several[..., 0], back.numpy())
    np.testing.assert_array_equal(several[..., 1], -back.numpy())
