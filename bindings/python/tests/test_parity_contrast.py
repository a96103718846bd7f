"""CLAHE, histograms, windows, thresholds and filters, against OpenCV, scikit-image, TorchIO, MONAI, SimpleITK and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from given import AFFINES, SHAPES, blobs, close_to, head, labels, random_array, small_head, volume, write_scaled

import medoxide as mx

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

PICTURES = [(64, 64), (61, 47), (200, 131), (97, 8), (5, 3), (1, 13), (512, 500)]


def picture(shape, dtype, seed=0):
    """Smooth, with a flat background, over much of the dtype's range."""
    wave = blobs((*shape, 1), seed)[..., 0]
    noise = np.random.default_rng(seed).normal(0, 0.1, shape)
    values = np.where(wave < -0.4, 0, (wave + noise + 1) / 3)
    return (values.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", PICTURES)
@pytest.mark.parametrize(("clip", "tiles"), [(2.0, (8, 8)), (40.0, (8, 8)), (0.0, (3, 5)), (1.3, (4, 2)), (0.01, (1, 1))])
def test_clahe_is_opencvs(dtype, shape, clip, tiles):
    cv2 = pytest.importorskip("cv2")
    array = picture(shape, dtype)
    # OpenCV counts tiles across columns first; columns are the array's last axis.
    wanted = cv2.createCLAHE(clipLimit=clip, tileGridSize=tiles[::-1]).apply(array)
    transform = mx.Clahe(clip_limit=clip, tiles=(*tiles, 1))
    for given in (array, np.asfortranarray(array), array[::-1, ::-1][::-1, ::-1]):
        out = transform(given)
        found = np.asarray(out)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found.reshape(shape), wanted)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_clahe_of_slices_is_opencvs_of_each(tmp_path, dtype, axis):
    cv2 = pytest.importorskip("cv2")
    array = np.stack([picture((45, 38), dtype, n) for n in range(5)], axis)
    clahe = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 6))
    wanted = np.stack([clahe.apply(np.ascontiguousarray(s)) for s in np.moveaxis(array, axis, 0)], axis)
    tiles = [6, 4]
    tiles.insert(axis, 1)
    transform = mx.Clahe(clip_limit=3.0, tiles=tuple(tiles), slices=axis)
    np.testing.assert_array_equal(np.asarray(transform(volume(array))), wanted)
    # A region of a file reads its own slices, and is the same.
    volume(array).save(tmp_path / "a.nii")
    part = tuple(slice(1, -1) for _ in range(3))
    lazy = transform(mx.load(tmp_path / "a.nii"))[part]
    np.testing.assert_array_equal(np.asarray(lazy), wanted[part])
    torch = pytest.importorskip("torch")
    assert torch.equal(transform(volume(array)).torch()[0].to(torch.int32), torch.from_numpy(wanted.astype(np.int32)))


def test_clahe_of_a_batch_of_pictures_is_opencvs_of_each():
    cv2 = pytest.importorskip("cv2")
    batch = np.stack([picture((70, 51), "uint8", n) for n in range(6)])
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    wanted = np.stack([clahe.apply(one) for one in batch])
    np.testing.assert_array_equal(np.squeeze(mx.Clahe()(batch, channel_axis=0)), wanted)


def test_clahe_does_not_threshold():
    array = picture((128, 128), "uint8")
    out = np.asarray(mx.Clahe(clip_limit=2.0)(array))
    assert len(np.unique(out)) > 100
    again = np.asarray(mx.Clahe(clip_limit=8.0)(array))
    assert (out != again).mean() > 0.2  # The limit is looked at.


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_clahe_of_a_volume_with_one_tile_along_an_axis(dtype):
    """Of a volume whose slices are alike, tiles along that axis change nothing: it is the picture's."""
    cv2 = pytest.importorskip("cv2")
    one = picture((48, 40), dtype)
    array = np.repeat(one[..., None], 12, 2)
    wanted = cv2.createCLAHE(clipLimit=0.0, tileGridSize=(4, 4)).apply(one)
    found = np.asarray(mx.Clahe(clip_limit=0, tiles=(4, 4, 3))(volume(array)))
    assert found.dtype == array.dtype
    # Blending along the third axis rounds once more.
    assert np.abs(found.astype(int) - wanted[..., None].astype(int)).max() <= 1


def naive_clahe(levels, tiles, count, table, around):
    """Zuiderveld's algorithm tile by tile and corner by corner: `tiles` are numbers and lengths by axis, `table` makes a tile's from its histogram, and `around` says between
    which tiles a voxel lies and the share of the second."""
    padded = np.pad(levels, [(0, n * length - s) for (n, length), s in zip(tiles, levels.shape, strict=True)], mode="reflect")
    numbers = [n for n, _ in tiles]
    tables = np.empty((*numbers, count), np.float32)
    for at in np.ndindex(*numbers):
        tile = padded[tuple(slice(i * length, (i + 1) * length) for i, (_, length) in zip(at, tiles, strict=True))]
        tables[at] = table(np.bincount(tile.ravel(), minlength=count))

    def blended(chosen):
        axis = len(chosen)
        if axis == levels.ndim:
            return tables[(*chosen, levels)]
        first, share = around(np.arange(levels.shape[axis]), tiles[axis][1])
        pair = [np.clip(i, 0, tiles[axis][0] - 1) for i in (first, first + 1)]
        a, b = (blended([*chosen, i.reshape([-1 if k == axis else 1 for k in range(levels.ndim)])]) for i in pair)
        share = share.astype(np.float32).reshape([-1 if k == axis else 1 for k in range(levels.ndim)])
        return a * (np.float32(1) - share) + b * share

    return blended([])


def opencv_table(limit, voxels, whole):
    """What is clipped goes to all levels alike, and what is left to single ones, evenly spread, whether they are full or not."""

    def table(histogram):
        count = len(histogram)
        clipped = int(np.maximum(histogram - limit, 0).sum()) if limit else 0
        histogram = (np.minimum(histogram, limit) if limit else histogram) + clipped // count
        left = clipped % count
        histogram[np.arange(left) * max(count // max(left, 1), 1)] += 1
        value = np.cumsum(histogram).astype(np.float32) * (np.float32(count - 1) / np.float32(voxels))
        return np.minimum(np.rint(value), count - 1) if whole else value

    return table


def between_middles(at, length):
    place = at.astype(np.float32) * (np.float32(1) / np.float32(length)) - np.float32(0.5)
    first = np.floor(place)
    return first.astype(int), place - first


def opencv_tiles(shape, numbers):
    even = all(s % n == 0 for s, n in zip(shape, numbers, strict=True))
    return [(n, s // n if even else (s + n - s % n) // n) for s, n in zip(shape, numbers, strict=True)]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(("shape", "numbers"), [((24, 20, 16), (4, 5, 2)), ((23, 19, 17), (3, 4, 5)), ((31, 9, 12), (8, 2, 1))])
@pytest.mark.parametrize("clip", [0.0, 1.4, 3.0])
def test_clahe_of_volumes_is_the_published_algorithm(dtype, shape, numbers, clip):
    """In three dimensions as OpenCV has it in two: every value is what the naive version gives."""
    array = picture((shape[0], shape[1] * shape[2]), "uint8", 5).reshape(shape)
    if dtype == "float32":
        array = array.astype(np.float32) ** 2 - 70
    whole = dtype == "uint8"
    count = 256 if whole else 50
    low, width = (0.0, 1.0) if whole else (float(array.min()), (float(array.max()) - float(array.min())) / (count - 1))
    levels = array.astype(int) if whole else np.floor((array.astype(float) - (low - width / 2)) * (1 / width)).clip(0, count - 1).astype(int)
    tiles = opencv_tiles(shape, numbers)
    voxels = int(np.prod([length for _, length in tiles]))
    limit = max(int(clip * voxels / count), 1) if clip else 0
    value = naive_clahe(levels, tiles, count, opencv_table(limit, voxels, whole), between_middles)
    found = np.asarray(mx.Clahe(clip_limit=clip, tiles=numbers, bins=None if whole else count)(volume(array)))
    assert found.dtype == array.dtype
    if whole:
        np.testing.assert_array_equal(found, np.rint(value).astype(np.uint8))
    else:
        close_to(found, value.astype(float) * width + low, 1e-6)


def scikit_table(limit, voxels, last):
    """What is clipped fills levels up to the limit, as in Graphics Gems: first all alike, then one by one; tables are of 16384 levels, rounded down."""

    def table(histogram):
        count = len(histogram)
        histogram, left = np.minimum(histogram, limit), int(np.maximum(histogram - limit, 0).sum())
        each = left // count
        filled = np.where(histogram < limit - each, histogram + each, np.maximum(histogram, limit))
        left -= int((filled - histogram).sum())
        histogram = filled
        while left > 0 and (histogram < limit).any():
            for start in range(count):
                step = max(1, int((histogram < limit).sum()) // left)
                places = np.arange(start, count, step)
                places = places[histogram[places] < limit]
                histogram[places] += 1
                left -= len(places)
                if left <= 0:
                    break
        return np.floor(np.minimum(np.cumsum(histogram) * (last / voxels), last))

    return table


def scikit_around(at, length):
    return (at + length // 2) // length - 1, (at + length // 2) % length / length


@pytest.mark.parametrize(("shape", "kernel"), [((32, 24, 20), (8, 6, 4)), ((29, 24, 31), (8, 8, 8)), ((30, 25, 27), (10, 5, 9))])
def test_clahe_of_volumes_differs_from_scikit_images_by_its_rules(shape, kernel):
    """`equalize_adapthist` is the same algorithm with other rules for bins, for what is clipped, for the middles of tiles of odd length, and with the result stretched: by these the naive version is it."""
    exposure = pytest.importorskip("skimage.exposure")
    unit = blobs(shape, 3).astype(np.float64)
    unit = (unit - unit.min()) / (unit.max() - unit.min())
    theirs = exposure.equalize_adapthist(unit, kernel_size=kernel, clip_limit=0.02, nbins=256)
    # 256 bins of 65 levels each: the last three stay empty.
    last, bins = 2**14 - 1, np.rint(np.rint(unit * 65535) / 65535 * (2**14 - 1)).astype(int) // 65
    tiles = [(-(-s // k), k) for s, k in zip(shape, kernel, strict=True)]
    voxels = int(np.prod(kernel))
    limit = max(int(0.02 * voxels), 1)
    value = np.floor(naive_clahe(bins, tiles, 256, scikit_table(limit, voxels, last), scikit_around))
    value = (value - value.min()) / (value.max() - value.min())
    # A level is 1/16383; sums that are a level within rounding fall to either side.
    assert np.abs(value - theirs).max() < 2.5 / last
    # Ours has the same tiles where they come out even; the limit is 256 times theirs, a multiple of an even histogram. What is left is those rules.
    if all(s % k == 0 for s, k in zip(shape, kernel, strict=True)):
        ours = np.asarray(mx.Clahe(tiles=[n for n, _ in tiles], clip_limit=0.02 * 256, bins=256)(volume(unit.astype(np.float32))))
        assert np.abs(ours - theirs).max() < 0.06 and np.abs(ours - theirs).mean() < 0.009


@pytest.mark.parametrize("shape", SHAPES)
def test_equalize_is_scikit_images(shape):
    exposure = pytest.importorskip("skimage.exposure")
    for array in (random_array(shape), random_array(shape, "int16") % 300, picture((shape[0], shape[1]), "uint8")):
        if array.min() == array.max():
            np.testing.assert_array_equal(np.asarray(volume(array).histogram_equalize()), array)
            continue
        close_to(volume(array).histogram_equalize(), exposure.equalize_hist(array), 2e-6)
        mask = np.asarray(array) != 0
        if array[mask].min() < array[mask].max():
            wanted = exposure.equalize_hist(array, mask=mask)
            close_to(volume(array).histogram_equalize(mask="nonzero"), wanted, 2e-6)


def test_equalize_under_a_label_and_by_channel():
    exposure = pytest.importorskip("skimage.exposure")
    array, seg = random_array((17, 13, 11)), labels((17, 13, 11))
    sample = {"image": volume(array), "seg": volume(seg, role="label")}
    out = mx.HistogramEqualize(mask={"label": "seg"})(sample)["image"]
    close_to(out, exposure.equalize_hist(array, mask=seg != 0), 2e-6)
    both = np.stack([array, 3 * array + 2 * random_array(array.shape, seed=4)])
    out = mx.HistogramEqualize(channel_wise=True)(both, channel_axis=0)
    for found, one in zip(out, both, strict=True):
        close_to(found, exposure.equalize_hist(one), 2e-6)


def test_equalize_is_monais():
    transforms = pytest.importorskip("monai.transforms")
    array = random_array((17, 13, 11))
    wanted = transforms.HistogramNormalize(num_bins=100, min=-3, max=9)(array[None])[0]
    close_to(volume(array).histogram_equalize((-3, 9), bins=100, stretch=True), np.asarray(wanted), 2e-6)


def test_match_is_scikit_images(tmp_path):
    exposure = pytest.importorskip("skimage.exposure")
    for dtype in ("uint8", "int16", "uint16"):
        image = random_array((17, 13, 11), dtype) // 3
        reference = (blobs((20, 9, 15)) * 40 + 90).astype(dtype)
        volume(reference).save(tmp_path / f"{dtype}.nii")
        wanted = exposure.match_histograms(image, reference)
        close_to(volume(image).histogram_match(tmp_path / f"{dtype}.nii"), wanted, 2e-6, dtype)
    image, reference = random_array((17, 13, 11)), blobs((20, 9, 15)) * 40
    volume(reference).save(tmp_path / "float.nii")
    wanted = exposure.match_histograms(image, reference)
    found = np.asarray(volume(image).histogram_match(tmp_path / "float.nii"))
    # Within the width of the reference's bins and what as many voxels as share a bin may span.
    assert np.abs(found - wanted).max() < 0.01 * np.ptp(reference)
    assert np.abs(found - wanted).mean() < 0.001 * np.ptp(reference)


def test_match_names_its_reference(tmp_path):
    volume(random_array((5, 6, 7))).save(tmp_path / "a.nii")
    given = mx.HistogramMatch(tmp_path / "a.nii").to_dict()["histogram_match"]
    assert len(given["digest"]) == 16
    volume(random_array((5, 6, 7), seed=3)).save(tmp_path / "a.nii")
    with pytest.raises(mx.ParamError, match="digest"):
        mx.HistogramMatch(**given)


def files(tmp_path):
    arrays = [random_array((11, 9, 7), seed=n) * (n + 1) + 100 * n for n in range(4)]
    paths = []
    for n, array in enumerate(arrays):
        paths.append(tmp_path / f"{n}.nii.gz")
        volume(array).save(paths[-1])
    return arrays, paths


def test_landmarks_are_torchios(tmp_path):
    tio = pytest.importorskip("torchio")
    arrays, paths = files(tmp_path)
    train = tio.HistogramStandardization.train
    wanted = train(paths, progress=False)
    found = mx.train_landmarks(paths, save=tmp_path / "landmarks.npy")
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(np.load(tmp_path / "landmarks.npy"), found)
    np.testing.assert_allclose(mx.train_landmarks(paths, cutoff=(2, 98)), train(paths, cutoff=(0.02, 0.98), progress=False), rtol=1e-6, atol=1e-9)
    wanted = train(paths, masking_function=tio.ZNormalization.mean, progress=False)
    np.testing.assert_allclose(mx.train_landmarks(paths, mask="above_mean"), wanted, rtol=1e-6, atol=1e-9)
    masks = []
    for n, array in enumerate(arrays):
        masks.append(tmp_path / f"mask{n}.nii")
        volume((array > 100 * n).astype(np.uint8)).save(masks[-1])
    wanted = train(paths, mask_path=masks, progress=False)
    np.testing.assert_allclose(mx.train_landmarks(paths, masks=masks), wanted, rtol=1e-6, atol=1e-9)
    wanted = train(paths, mask_path=masks[0], progress=False)
    np.testing.assert_allclose(mx.train_landmarks(paths, masks=masks[0]), wanted, rtol=1e-6, atol=1e-9)
    mx.train_landmarks(paths, save=tmp_path / "landmarks.json")
    assert '"cutoff"' in (tmp_path / "landmarks.json").read_text()
    with pytest.raises(mx.ParamError, match="at least one image"):
        mx.train_landmarks([])


@pytest.mark.parametrize("kind", ["plain", "int16", "scaled", "background", "template"])
def test_standardize_is_torchios(tmp_path, kind):
    tio = pytest.importorskip("torchio")
    landmarks = [0.0, 9.0, 14.5, 17.0, 21.0, 33.0, 42.0, 55.0, 66.0, 71.0, 78.0, 90.5, 100.0]
    array = random_array((17, 13, 11), "int16" if kind in ("int16", "scaled") else "float32")
    if kind == "background":
        array[:, :, :8] = 0
    if kind == "template":
        array = small_head()[0]
    if kind == "scaled":
        image = mx.load(write_scaled(tmp_path / "a.nii", array, 0.5, -7))
        values = array * np.float32(0.5) - np.float32(7)
    else:
        image, values = volume(array), array
    subject = tio.Subject(image=tio.ScalarImage(tensor=np.asarray(values, np.float32)[None]))
    wanted = tio.HistogramStandardization({"image": np.array(landmarks)})(subject).image.numpy()[0]
    close_to(image.histogram_standardize(landmarks), wanted, 2e-6)
    masked = tio.HistogramStandardization({"image": np.array(landmarks)}, masking_method=tio.ZNormalization.mean)
    wanted = masked(subject).image.numpy()[0]
    close_to(image.histogram_standardize(landmarks, mask="above_mean"), wanted, 2e-6)


def test_standardize_by_name_is_torchios():
    tio = pytest.importorskip("torchio")
    arrays = {"t1": random_array((17, 13, 11)), "t2": np.exp(random_array((17, 13, 11), seed=4) / 40)}
    landmarks = {"t1": np.linspace(0, 100, 13) ** 1.1, "t2": 100 - np.linspace(10, 0, 13) ** 2}
    subject = tio.Subject({name: tio.ScalarImage(tensor=array[None].astype(np.float32)) for name, array in arrays.items()})
    wanted = tio.HistogramStandardization(landmarks)(subject)
    sample = {name: volume(array.astype(np.float32)) for name, array in arrays.items()}
    by_name = mx.HistogramStandardize(landmarks)
    for name, found in by_name(sample).items():
        close_to(found, wanted[name].numpy()[0], 2e-6)
    again = mx.Pipeline.from_yaml(mx.Pipeline([by_name]).to_yaml())
    for name, found in again(sample).items():
        np.testing.assert_array_equal(found, by_name(sample)[name])
    # Neither of them leaves alone what has no landmarks; with keys it is not asked for.
    sample["flair"] = sample["t1"]
    with pytest.raises(mx.ParamError, match="flair"):
        by_name(sample)
    out = mx.HistogramStandardize(landmarks, keys=["t1", "t2"])(sample)
    np.testing.assert_array_equal(out["flair"], sample["flair"])
    close_to(out["t2"], wanted["t2"].numpy()[0], 2e-6)


WINDOWS = {"brain": (40, 80), "lung": (-600, 1500), "bone": (400, 1800), "liver": (30, 150), "soft_tissue": (50, 400)}


@pytest.mark.parametrize("shape", SHAPES)
def test_windows_are_simpleitks(shape):
    sitk = pytest.importorskip("SimpleITK")
    array = random_array(shape, "int16") // 8
    for name, (level, width) in WINDOWS.items():
        image = sitk.GetImageFromArray(array.astype(np.float32))
        peer = sitk.IntensityWindowing(image, level - width / 2, level + width / 2, -1.0, 3.0)
        for transform in (mx.Window(name, out_range=(-1, 3)), mx.Window(level=level, width=width, out_range=(-1, 3))):
            close_to(transform(volume(array)), sitk.GetArrayFromImage(peer), 5e-7, name)


def test_normalize_by_given_numbers_is_monais():
    transforms = pytest.importorskip("monai.transforms")
    array = np.where(random_array((3, 9, 8, 7)) > -50, random_array((3, 9, 8, 7), seed=2), 0).astype(np.float32)
    cases = [
        ({"mean": 3.0, "std": 2.5}, {"subtrahend": 3.0, "divisor": 2.5}),
        ({"mean": [1.0, -2.0, 30.0], "std": [2.0, 0.0, 7.0], "channel_wise": True}, {"subtrahend": [1.0, -2.0, 30.0], "divisor": [2.0, 0.0, 7.0], "channel_wise": True}),
        ({"mean": 12.0, "channel_wise": True}, {"subtrahend": [12.0] * 3, "channel_wise": True}),
        ({"std": 4.0}, {"divisor": 4.0}),
        ({"mask": "nonzero", "outside": "keep"}, {"nonzero": True}),
        ({"mask": "nonzero", "outside": "keep", "channel_wise": True}, {"nonzero": True, "channel_wise": True}),
        ({"mean": 3.0, "std": 2.5, "mask": "nonzero", "outside": "keep"}, {"subtrahend": 3.0, "divisor": 2.5, "nonzero": True}),
    ]
    for ours, theirs in cases:
        wanted = np.asarray(transforms.NormalizeIntensity(**theirs)(array.copy()))
        close_to(mx.ZNormalize(**ours)(array, channel_axis=0), wanted, 1e-6, str(ours))
    with pytest.raises(mx.ParamError, match="3 of them"):
        mx.ZNormalize(mean=[1.0, 2.0], std=1.0)(array, channel_axis=0)


def test_clamp_and_normalize_are_nnunets_ct():
    array = random_array((17, 13, 11), "int16") // 16
    low, high, mean, std = -950.0, 1200.0, 80.5, 141.25
    wanted = (np.clip(array.astype(np.float32), low, high) - mean) / max(std, 1e-8)
    chain = mx.Pipeline([mx.Clamp(min=low, max=high), mx.ZNormalize(mean=mean, std=std)])
    close_to(chain(volume(array)), wanted, 5e-7)


def test_relative_percentiles_are_monais():
    transforms = pytest.importorskip("monai.transforms")
    array = random_array((9, 8, 7))
    wanted = transforms.ScaleIntensityRangePercentiles(5, 90, -3.0, 7.0, clip=False, relative=True)(array[None])[0]
    close_to(volume(array).rescale((-3, 7), percentiles=(5, 90), relative=True, clip=False), np.asarray(wanted), 1e-6)


def test_logarithms():
    array = np.abs(random_array((9, 8, 7)))
    close_to(volume(array).log(), np.log1p(array.astype(float)), 2e-6)
    close_to(volume(array).log(0, base=2), np.log2(array.astype(float)), 2e-6)
    signed = random_array((9, 8, 7))
    close_to(volume(signed).log(signed=True), np.sign(signed) * np.log1p(np.abs(signed.astype(float))), 2e-6)
    found = np.asarray(volume(np.array([[[-2.0, -1.0, 0.0]]], np.float32)).log())
    assert np.isnan(found[0, 0, 0]) and found[0, 0, 1] == -np.inf and found[0, 0, 2] == 0


def test_sigmoids():
    sitk = pytest.importorskip("SimpleITK")
    exposure = pytest.importorskip("skimage.exposure")
    array = random_array((9, 8, 7))
    peer = sitk.Sigmoid(sitk.GetImageFromArray(array), alpha=30.0, beta=12.0, outputMaximum=9.0, outputMinimum=-2.0)
    close_to(volume(array).sigmoid(12, width=30, out_range=(-2, 9)), sitk.GetArrayFromImage(peer), 2e-6)
    unit = (array - array.min()) / np.ptp(array)
    close_to(volume(unit).sigmoid(0.5, width=0.1), exposure.adjust_sigmoid(unit), 2e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_thresholds(dtype):
    sitk = pytest.importorskip("SimpleITK")
    array = random_array((17, 13, 11), dtype)
    lower, upper = np.percentile(array, 30), np.percentile(array, 80)
    image = sitk.GetImageFromArray(array)
    for low, high in ((lower, upper), (None, upper), (lower, None)):
        peer = (array >= (-np.inf if low is None else low)) & (array <= (np.inf if high is None else high))
        out = np.asarray(volume(array).threshold(low, upper=high))
        np.testing.assert_array_equal(out, peer)
        assert out.dtype == array.dtype
        kept = np.asarray(volume(array).threshold(low, upper=high, result="keep", value=7))
        np.testing.assert_array_equal(kept, np.where(peer, array, 7))
    binary = sitk.BinaryThreshold(image, float(lower), float(upper), 1, 0)
    if dtype == "float32":
        np.testing.assert_array_equal(np.asarray(volume(array).threshold(lower, upper=upper)), sitk.GetArrayFromImage(binary))
    nothing = np.asarray(volume(array).threshold(1e9))
    assert not nothing.any()
    everything = np.asarray(volume(array).threshold(-1e9, upper=1e9))
    assert everything.all()


def test_otsus_threshold():
    filters = pytest.importorskip("skimage.filters")
    sitk = pytest.importorskip("SimpleITK")
    for array in (small_head()[0], (small_head()[0] / 4).astype(np.uint8), (blobs((30, 20, 10)) * 100).astype(np.int16)):
        found = np.asarray(volume(array).threshold(method="otsu"))
        np.testing.assert_array_equal(found, array > filters.threshold_otsu(array))
    array = small_head()[0]
    peer = sitk.OtsuThreshold(sitk.GetImageFromArray(array), 0, 1, 128)
    found = np.asarray(volume(array).threshold(method="otsu_end", bins=128))
    # ITK widens its range a little, so that the largest value is inside.
    assert (found != sitk.GetArrayFromImage(peer)).mean() < 0.01
    above = np.asarray(volume(array).threshold(method="mean"))
    np.testing.assert_array_equal(above, array > array.astype(float).mean())
    low, high = np.percentile(array, (10, 75))
    found = np.asarray(volume(array).threshold(method="percentiles", percentiles=(10, 75)))
    np.testing.assert_array_equal(found, (array >= low) & (array <= high))


def test_a_threshold_becomes_a_label():
    array = random_array((9, 8, 7))
    out = mx.Threshold(12, into="above")({"image": volume(array)})
    np.testing.assert_array_equal(np.asarray(out["image"]), array)
    np.testing.assert_array_equal(np.asarray(out["above"]), array >= 12)
    assert np.asarray(out["above"]).dtype == np.uint8
    out = mx.Threshold(method="otsu", into="above")({"image": volume(array)})
    assert 0 < np.asarray(out["above"]).mean() < 1


def test_threshold_intensity_is_monais():
    transforms = pytest.importorskip("monai.transforms")
    array = random_array((9, 8, 7))
    wanted = np.asarray(transforms.ThresholdIntensity(5.5, above=True, cval=-3)(array))
    np.testing.assert_array_equal(np.asarray(volume(array).threshold(5.5, result="keep", value=-3)), wanted)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32", "int32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_medians_are_scipys(dtype, shape):
    ndimage = pytest.importorskip("scipy.ndimage")
    array = random_array(shape, dtype) if dtype != "int32" else random_array(shape, "int16").astype(np.int32)
    for radius in ((1, 1, 1), (2, 0, 1), (0, 3, 2)):
        size = tuple(2 * r + 1 for r in radius)
        for mode, theirs in (("edge", "nearest"), ("symmetric", "reflect"), ("reflect", "mirror"), ("wrap", "wrap"), ("constant", "constant")):
            wanted = ndimage.median_filter(array, size=size, mode=theirs, cval=3)
            for given in (array, np.asfortranarray(array)):
                found = np.asarray(volume(given).median_smooth(radius, mode=mode, value=3))
                np.testing.assert_array_equal(found, wanted, f"{radius} {mode}")
            if dtype in ("uint8", "int8", "uint16", "int16"):
                assert found.dtype == array.dtype


def test_medians_of_others():
    sitk = pytest.importorskip("SimpleITK")
    transforms = pytest.importorskip("monai.transforms")
    cv2 = pytest.importorskip("cv2")
    array = small_head()[0][:31, :29, :23]
    found = np.asarray(volume(array).median_smooth(1))
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(sitk.Median(sitk.GetImageFromArray(array), (1, 1, 1))))
    np.testing.assert_array_equal(found, np.asarray(transforms.MedianSmooth(radius=1)(array[None]))[0])
    one = picture((61, 47), "uint8")
    for size in (3, 5):
        np.testing.assert_array_equal(np.asarray(mx.MedianSmooth(size // 2)(one)), cv2.medianBlur(one, size))


def test_nan_is_the_largest_to_a_median():
    array = np.array([1.0, np.nan, 2.0, 5.0, np.nan, np.nan, 3.0], np.float32).reshape(-1, 1, 1)
    found = np.asarray(volume(array).median_smooth(1)).ravel()
    np.testing.assert_array_equal(found, [1, 2, 5, 5, np.nan, np.nan, 3])


@pytest.mark.parametrize("shape", SHAPES)
def test_laplacians(shape):
    ndimage = pytest.importorskip("scipy.ndimage")
    for array in (random_array(shape), random_array(shape, "int16")):
        close_to(volume(array).laplacian(), ndimage.laplace(array.astype(float)), 1e-6)
    sitk = pytest.importorskip("SimpleITK")
    if min(shape) > 1:
        image = sitk.GetImageFromArray(random_array(shape).astype(np.float32).T)
        image.SetSpacing((0.7, 1.3, 2.1))
        found = volume(random_array(shape), AFFINES["anisotropic"]).laplacian("mm")
        close_to(found, sitk.GetArrayFromImage(sitk.Laplacian(image)).T, 1e-5)


def test_unsharp_masking_is_scikit_images():
    filters = pytest.importorskip("skimage.filters")
    array = (random_array((17, 13, 11)) / 400).clip(-1, 1)
    wanted = filters.unsharp_mask(array.astype(float), radius=1.7, amount=2.5, preserve_range=True)
    found = volume(array).gaussian_sharpen(2.5, sigma1=0, sigma2=1.7, rule="scipy")
    close_to(np.asarray(found), wanted, 2e-6)


@pytest.mark.parametrize("shape", [(17, 13, 11), (1, 15, 9), (30, 4, 1)])
def test_local_normalisation_is_its_formula(shape):
    ndimage = pytest.importorskip("scipy.ndimage")
    array = random_array(shape)
    value = array.astype(float)
    for given, mean in (
        ({"sigma": (1.5, 0, 2)}, lambda a: ndimage.gaussian_filter(a, (1.5, 0, 2), mode="reflect")),
        ({"sigma": 2, "weights": "box"}, lambda a: ndimage.uniform_filter(a, 5, mode="reflect")),
    ):
        left = value - mean(value)
        wanted = left / np.maximum(np.sqrt(mean(left**2)), 0.2 * value.std())
        close_to(volume(array).local_normalize(**given, floor=0.2), wanted, 5e-6)


def test_everything_at_the_templates_size():
    array = np.asarray(head().dataobj)
    image = volume(array)
    assert np.asarray(image.clahe()).shape == array.shape
    assert 0 < np.asarray(image.threshold(method="otsu")).mean() < 1
