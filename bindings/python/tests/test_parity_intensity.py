"""Transforms of values, against NumPy in float64, SciPy, MONAI, TorchIO and batchgeneratorsv2."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from given import AFFINES, SHAPES, close_to, head, labels, random_array, small_head, volume, write_scaled

import medoxide as mx

pytestmark = pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")

# One subtraction and one product in float32 after float64 statistics: 2 roundings, 1.2e-7 each, plus the
# rounding of the input. Relative to the largest magnitude.
POINT = 5e-7

INPUTS = {
    "float32": random_array((17, 13, 11)),
    "int16": random_array((17, 13, 11), "int16"),
    "uint8": random_array((17, 13, 11), "uint8"),
    "uint16": random_array((7, 11, 13), "uint16"),
    "float64": random_array((7, 11, 13), "float64").astype(np.float32).astype(np.float64),
    "row": random_array((1, 97, 1)),
    "far": 10000 + 0.1 * random_array((17, 13, 11)) / 100,
}


@pytest.mark.parametrize("name", INPUTS)
def test_z_normalize_is_numpy_in_float64(name):
    array = INPUTS[name]
    out = volume(array).z_normalize()
    assert np.asarray(out).dtype == np.float32
    close_to(out, oracle.z_normalize(array), POINT, name)


@pytest.mark.parametrize("shape", SHAPES)
def test_z_normalize_with_masks(shape):
    array = np.where(random_array(shape, seed=1) > 0, random_array(shape), 0).astype(np.float32)
    array.flat[0] = 3.0
    kept = array != 0
    close_to(volume(array).z_normalize("nonzero"), oracle.z_normalize(array, kept), POINT)
    inside = volume(array).z_normalize("nonzero", outside="keep")
    close_to(inside, np.where(kept, oracle.z_normalize(array, kept), array), POINT)
    above = array > 1.5
    close_to(volume(array).z_normalize({"above": 1.5}), oracle.z_normalize(array, above), POINT)


def test_z_normalize_of_a_scaled_file_is_in_real_units(tmp_path):
    raw = random_array((9, 8, 7), "int16")
    path = write_scaled(tmp_path / "a.nii.gz", raw, -0.03, 1000.5)
    slope = np.float64(np.float32(-0.03))
    close_to(mx.load(path).z_normalize(), oracle.z_normalize(raw * slope + 1000.5), POINT)


@pytest.mark.peers
def test_z_normalize_of_the_template():
    array = np.asarray(head().dataobj)
    close_to(volume(array).z_normalize("nonzero"), oracle.z_normalize(array, array != 0), POINT)


def test_z_normalize_of_a_constant_is_zero_and_nan_is_not_hidden():
    assert not np.asarray(volume(np.full((5, 4, 3), 7.25, np.float32)).z_normalize()).any()
    array = random_array((5, 4, 3))
    array[2, 2, 2] = np.nan
    assert np.isnan(np.asarray(volume(array).z_normalize())).all()
    kept = volume(array).z_normalize({"above": -1e30})
    close_to(kept, oracle.z_normalize(array, ~np.isnan(array)), POINT)


def label_sample(array, seg):
    return {"image": volume(array, AFFINES["oblique"]), "label": volume(seg, AFFINES["oblique"], "label")}


def test_z_normalize_over_a_label():
    array, seg = random_array((12, 10, 14)), labels((12, 10, 14))
    for mask, kept in [
        ({"label": "label"}, seg != 0),
        ({"label": {"item": "label", "values": [2, 200]}}, np.isin(seg, (2, 200))),
    ]:
        out = mx.Pipeline([mx.ZNormalize(mask=mask)])(label_sample(array, seg))
        close_to(out["image"], oracle.z_normalize(array, kept), POINT)
        np.testing.assert_array_equal(np.asarray(out["label"]), seg)


@pytest.mark.peers
@pytest.mark.parametrize("nonzero", [False, True])
@pytest.mark.parametrize("channel_wise", [False, True])
def test_z_normalize_is_monais(nonzero, channel_wise):
    import torch
    from monai.transforms import NormalizeIntensity

    array = np.where(random_array((3, 9, 10, 11), seed=2) > 30, 0, random_array((3, 9, 10, 11)))
    array = (array * np.array([1, 5, 0.2])[:, None, None, None]).astype(np.float32)
    want = NormalizeIntensity(nonzero=nonzero, channel_wise=channel_wise)(torch.from_numpy(array)).numpy()
    v = mx.Volume(array, affine=np.eye(4), channel_axis=0)
    mask = {"mask": "nonzero", "outside": "keep"} if nonzero else {}
    out = v.z_normalize(**mask, channel_wise=channel_wise).torch().numpy()
    # MONAI sums in float32: its mean of 1000 values near 100 is good to about 1e-6.
    close_to(out, want, 5e-6)


@pytest.mark.peers
def test_z_normalize_is_torchios_but_for_the_divisor():
    import torch
    import torchio as tio

    array, seg = random_array((12, 10, 14)), labels((12, 10, 14))
    subject = tio.Subject(
        image=tio.ScalarImage(tensor=torch.from_numpy(array)[None]),
        label=tio.LabelMap(tensor=torch.from_numpy(seg)[None]),
    )
    want = tio.ZNormalization(masking_method="label")(subject)["image"].data.numpy()[0]
    n = np.count_nonzero(seg)
    out = mx.Pipeline([mx.ZNormalize(mask={"label": "label"})])(label_sample(array, seg))
    # TorchIO divides by the sample's deviation (n - 1); float32 sums.
    close_to(np.asarray(out["image"]) * np.sqrt((n - 1) / n), want, 5e-6)


@pytest.mark.parametrize("name", INPUTS)
def test_rescale_by_extremes_and_by_a_window(name):
    array = INPUTS[name]
    extremes = float(array.min()), float(array.max())
    close_to(volume(array).rescale(), oracle.rescale(array, extremes), POINT, name)
    close_to(volume(array).rescale((-1, 3)), oracle.rescale(array, extremes, (-1, 3)), POINT, name)
    low, high = np.quantile(array, [0.2, 0.7]).tolist()
    out = volume(array).rescale((0, 255), in_range=(low, high))
    close_to(out, oracle.rescale(array, (low, high), (0, 255)), POINT, name)
    free = volume(array).rescale(in_range=(low, high), clip=False)
    close_to(free, oracle.rescale(array, (low, high), clip=False), POINT, name)


PERCENTILES = [(0, 100), (0.5, 99.5), (1, 99), (25, 75), (10, 10), (33.3, 66.6)]


def order_statistics(array, q):
    """NumPy's percentiles of the voxels that are no NaN, of float32 values, in float64."""
    return tuple(np.nanpercentile(np.asarray(array, np.float32).astype(np.float64), q).tolist())


@pytest.mark.parametrize("q", PERCENTILES)
@pytest.mark.parametrize("name", INPUTS)
def test_rescale_by_percentiles_is_numpys(name, q):
    array = INPUTS[name]
    want = oracle.rescale(array, order_statistics(array, q))
    close_to(volume(array).rescale(percentiles=q), want, POINT, f"{name} {q}")


@pytest.mark.parametrize("q", PERCENTILES)
def test_percentiles_of_constant_mostly_equal_and_nan_volumes(q):
    constant = np.full((9, 8, 7), -3.5, np.float32)
    assert not np.asarray(volume(constant).rescale(percentiles=q)).any()
    mostly = random_array((20, 20, 20))
    mostly[np.random.default_rng(5).uniform(size=mostly.shape) < 0.9] = 0
    close_to(volume(mostly).rescale(percentiles=q), oracle.rescale(mostly, order_statistics(mostly, q)), POINT)
    holes = random_array((11, 12, 13))
    holes[::3, 1, :] = np.nan
    with pytest.raises(mx.DataError, match="NaN"):  # as numpy.percentile, which gives NaN; never a silent range
        np.asarray(volume(holes).rescale(percentiles=q))
    kept = volume(holes).rescale(percentiles=q, mask={"above": -1e30})
    close_to(kept, oracle.rescale(holes, order_statistics(holes, q)), POINT)


def test_percentiles_over_a_mask():
    array = np.where(random_array((15, 14, 13), seed=3) > 0, random_array((15, 14, 13)), 0).astype(np.float32)
    window = order_statistics(array[array != 0], (2, 98))
    close_to(volume(array).rescale(percentiles=(2, 98), mask="nonzero"), oracle.rescale(array, window), POINT)


def test_infinite_voxels_do_not_make_the_range():
    array = random_array((6, 5, 4))
    finite = array.copy()
    array[0, 0, 0], array[1, 1, 1] = np.inf, -np.inf
    keep = np.isfinite(array)
    out = np.asarray(volume(array).rescale())
    window = float(finite[keep].min()), float(finite[keep].max())
    close_to(out[keep], oracle.rescale(finite[keep], window), POINT)
    assert (out[0, 0, 0], out[1, 1, 1]) == (1.0, 0.0)


@pytest.mark.peers
def test_rescale_is_monais():
    import torch
    from monai.transforms import ScaleIntensityRange, ScaleIntensityRangePercentiles

    array, _ = small_head()
    tensor = torch.from_numpy(array)[None]
    for clip in (True, False):
        want = ScaleIntensityRange(20, 180, -1, 1, clip=clip)(tensor).numpy()[0]
        close_to(volume(array).rescale((-1, 1), in_range=(20, 180), clip=clip), want, POINT)
    for low, high in [(0.5, 99.5), (5, 95)]:
        want = ScaleIntensityRangePercentiles(low, high, 0, 1, clip=True)(tensor).numpy()[0]
        # MONAI takes quantiles in float32; they are good to an ulp of the values.
        close_to(volume(array).rescale(percentiles=(low, high)), want, 2e-6)


@pytest.mark.peers
def test_rescale_is_torchios():
    import torch
    import torchio as tio

    array, _ = small_head()
    image = tio.ScalarImage(tensor=torch.from_numpy(array)[None])
    for q in [(0, 100), (0.5, 99.5)]:
        want = tio.RescaleIntensity((0, 1), percentiles=q)(image).data.numpy()[0]
        close_to(volume(array).rescale(percentiles=q), want, 2e-6)


@pytest.mark.parametrize("name", INPUTS)
def test_clamp_is_numpy_clip(name):
    array = INPUTS[name]
    low, high = np.quantile(array, [0.3, 0.6]).tolist()
    for a, b in [(low, high), (None, high), (low, None)]:
        want = np.clip(array.astype(np.float32), None if a is None else np.float32(a), None if b is None else np.float32(b))
        np.testing.assert_array_equal(np.asarray(volume(array).clamp(a, b), np.float32), want)


def test_clamp_keeps_nan_and_acts_in_real_units(tmp_path):
    array = random_array((6, 5, 4))
    array[1, 2, 3], array[0, 0, 0] = np.nan, np.inf
    np.testing.assert_array_equal(np.asarray(volume(array).clamp(-1, 1)), np.clip(array, -1, 1))
    raw = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    path = write_scaled(tmp_path / "a.nii", raw, 0.01, 0.0)
    real = (raw * np.float64(np.float32(0.01))).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(mx.load(path).clamp(0.2, 0.8)), np.clip(real, np.float32(0.2), np.float32(0.8)))


DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


@pytest.mark.parametrize("to", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_cast_rounds_half_to_even_and_saturates(dtype, to):
    array = random_array((5, 6, 7), dtype)
    if np.dtype(dtype).kind == "f":
        array.flat[:9] = [0.5, 1.5, 2.5, -0.5, -1.5, 1e30, -1e30, 254.5, 3.0]
    out = np.asarray(volume(array).cast(to))
    assert out.dtype == np.dtype(to)
    if np.dtype(to).kind == "f":
        want = array.astype(to)
    else:
        info = np.iinfo(to)
        exact = np.array([min(max(v if isinstance(v, int) else int(np.rint(v)), info.min), info.max) for v in array.ravel().tolist()], dtype=object)
        want = exact.astype(to).reshape(array.shape)
    np.testing.assert_array_equal(out, want)


def test_cast_of_nan_to_an_integer_is_zero():
    array = np.full((2, 2, 2), np.nan, np.float32)
    assert not np.asarray(volume(array).cast("int16")).any()


@pytest.mark.peers
@pytest.mark.parametrize("sigma", [0.4, 1.0, (2.5, 0.0, 0.7), 6.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_smooth_is_scipys(shape, sigma):
    from scipy.ndimage import gaussian_filter

    array = random_array(shape)
    for truncate in (4.0, 3.0, 1.3):
        want = gaussian_filter(array.astype(np.float64), sigma, mode="reflect", truncate=truncate)
        # Taps and partial sums in float32: up to 49 products an axis, each rounded.
        close_to(volume(array).gaussian_smooth(sigma, truncate=truncate), want, 2e-6, f"{sigma} {truncate}")


@pytest.mark.peers
def test_gaussian_smooth_in_millimetres_and_on_the_template():
    from scipy.ndimage import gaussian_filter

    array, affine = small_head()
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(0))
    want = gaussian_filter(array.astype(np.float64), 2.0 / spacing)
    close_to(volume(array, affine).gaussian_smooth(2.0, unit="mm"), want, 1e-6)
    close_to(volume(array, affine).gaussian_smooth(), gaussian_filter(array.astype(np.float64), 1.0), 1e-6)


def test_gaussian_noise_has_its_moments_and_no_pattern():
    shape = (96, 64, 80)
    noise = np.asarray(volume(np.zeros(shape, np.float32)).gaussian_noise(2.0, mean=0.5, seed=3)).astype(np.float64)
    n = noise.size
    assert abs(noise.mean() - 0.5) < 5 * 2 / np.sqrt(n)
    assert abs(noise.std() - 2) < 5 * 2 / np.sqrt(2 * n)
    unit = (noise - 0.5) / 2
    assert abs((unit**3).mean()) < 5 * np.sqrt(15 / n)
    assert abs((unit**4).mean() - 3) < 5 * np.sqrt(96 / n)
    for lag in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (2, 0, 0), (1, 1, 1)]:
        moved = np.roll(unit, lag, (0, 1, 2))
        assert abs((unit * moved).mean()) < 5 / np.sqrt(n), lag
    # Tails as a normal's: beyond 3 and 4 deviations.
    for z, share in [(3, 2.6998e-3), (4, 6.334e-5)]:
        assert abs((np.abs(unit) > z).mean() - share) < 5 * np.sqrt(share / n)


def test_gaussian_noise_is_repeated_by_its_seed_and_no_other():
    zero = volume(np.zeros((32, 33, 34), np.float32))
    one, again, other = (np.asarray(zero.gaussian_noise(1.0, seed=s)) for s in (7, 7, 8))
    np.testing.assert_array_equal(one, again)
    n = one.size
    for shift in [0, *range(1, 40), 8192, 1024, 32, 33 * 32]:  # no stretch of it returns under the next seed
        a, b = one.ravel(order="F")[shift:], other.ravel(order="F")[: n - shift]
        assert abs(np.corrcoef(a, b)[0, 1]) < 6 / np.sqrt(n - shift), shift
    drawn = zero.gaussian_noise(1.0)
    assert not np.array_equal(np.asarray(drawn), np.asarray(zero.gaussian_noise(1.0)))
    _, seed = drawn.seeds[-1]
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(zero.gaussian_noise(1.0, seed=seed)))
