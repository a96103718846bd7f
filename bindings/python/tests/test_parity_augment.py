"""Random changes of values against MONAI, TorchIO and batchgeneratorsv2, with the same drawn parameters."""

from __future__ import annotations

import numpy as np
import pytest
from given import AFFINES, blobs, close_to, volume

import medoxide as mx

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")]

SHAPES = [(17, 13, 11), (24, 1, 9), (5, 31, 2)]
CHANNELS = 3


def channels(shape=(17, 13, 11)) -> np.ndarray:
    """Smooth channels of different scales, with noise, float32."""
    rng = np.random.default_rng(3)
    out = [(blobs(shape, n) + 0.3 * rng.normal(size=shape)) * 10**n + 4 * n for n in range(CHANNELS)]
    return np.stack(out).astype(np.float32)


def transformed(v: mx.Volume, name: str, given) -> mx.Volume:
    """One transform, by name, with the same draws each time."""
    classes = {name: getattr(mx, cls) for name, cls, _ in mx._medoxide.transforms()}
    made = classes[name](**given) if isinstance(given, dict) else classes[name](given)
    return made(v, seed=5, id="same")


def ours(array, **given) -> np.ndarray:
    """The same of a (channel, x, y, z) array."""
    ((name, given),) = given.items()
    return transformed(mx.Volume(array, affine=np.eye(4), channel_axis=0), name, given).torch().numpy()


def tensor(array):
    import torch

    return torch.from_numpy(np.array(array))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("gamma", [0.7, 1.5, 4.2])
def test_gamma_is_monais_and_batchgenerators(gamma, invert, keep):
    import torch
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from monai.transforms import AdjustContrast

    array = channels()
    given = {"gamma": gamma, "invert": invert, "keep_stats": keep}
    want = AdjustContrast(gamma, invert_image=invert, retain_stats=keep)(tensor(array)).numpy()
    # Both round the range to float32 and add 1e-7 to it.
    close_to(ours(array, gamma=given), want, 2e-6, "MONAI")
    peer = GammaTransform(gamma, 0, False, 1, 0)
    flags = torch.ones(CHANNELS, dtype=torch.bool)
    drawn = {
        "apply_to_channel": torch.arange(CHANNELS),
        "retain_stats": flags if keep else ~flags,
        "invert_image": flags if invert else ~flags,
        "gamma": torch.full((CHANNELS,), gamma),
    }
    want = peer._apply_to_image(tensor(array), **drawn).numpy()
    found = ours(array, gamma=given | {"channel_wise": True})
    for n in range(CHANNELS):
        close_to(found[n], want[n], 2e-6, f"batchgeneratorsv2, channel {n}")


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_is_torchios(shape):
    import torchio as tio

    for array in (channels(shape), np.abs(channels(shape))):
        for gamma in (0.74, 1.3):
            want = tio.Gamma(gamma)(tio.ScalarImage(tensor=tensor(array))).data.numpy()
            close_to(ours(array, gamma={"gamma": gamma, "relative_to": "magnitude"}), want, 5e-7)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("factor", [0.75, 1.25, 3.0])
def test_contrast_is_batchgenerators_and_monais(factor, keep):
    import torch
    from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform
    from monai.transforms import ScaleIntensityFixedMean

    array = channels()
    drawn = {"apply_to_channel": torch.arange(CHANNELS), "multipliers": torch.full((CHANNELS,), factor)}
    want = ContrastTransform(factor, keep, False)._apply_to_image(tensor(array), **drawn).numpy()
    found = ours(array, contrast={"factor": factor, "keep_range": keep, "channel_wise": True})
    for n in range(CHANNELS):
        close_to(found[n], want[n], 1e-6, f"batchgeneratorsv2, channel {n}")
    for each in (False, True):
        peer = ScaleIntensityFixedMean(factor - 1, preserve_range=keep, channel_wise=each)
        found = ours(array, contrast={"factor": factor, "keep_range": keep, "channel_wise": each})
        close_to(found, peer(tensor(array)).numpy(), 1e-6, "MONAI")


def test_scales_and_shifts_are_theirs():
    import torch
    from batchgeneratorsv2.transforms.intensity.brightness import BrightnessAdditiveTransform, MultiplicativeBrightnessTransform
    from batchgeneratorsv2.transforms.intensity.inversion import InvertImageTransform
    from monai.transforms import ScaleIntensity, ShiftIntensity, StdShiftIntensity

    array, every = channels(), torch.arange(CHANNELS)
    want = ScaleIntensity(minv=None, maxv=None, factor=0.3)(tensor(array)).numpy()
    close_to(ours(array, scale_intensity=1.3), want, 2e-7)
    drawn = {"apply_to_channel": every, "multipliers": torch.full((CHANNELS,), 0.8)}
    want = MultiplicativeBrightnessTransform((0.8, 0.8), True)._apply_to_image(tensor(array), **drawn).numpy()
    close_to(ours(array, scale_intensity=0.8), want, 2e-7)
    close_to(ours(array, shift_intensity=-1.7), ShiftIntensity(-1.7)(tensor(array)).numpy(), 2e-7)
    drawn = {"apply_to_channel": every, "shift": torch.full((CHANNELS,), 0.4)}
    want = BrightnessAdditiveTransform(0, 1)._apply_to_image(tensor(array), **drawn).numpy()
    close_to(ours(array, shift_intensity=0.4), want, 2e-7)
    for each in (False, True):
        want = StdShiftIntensity(0.6, channel_wise=each)(tensor(array)).numpy()
        found = ours(array, shift_intensity={"offset": 0.6, "unit": "deviations", "channel_wise": each})
        close_to(found, want, 1e-6)
    want = InvertImageTransform(1)._apply_to_image(tensor(array), apply=True, apply_to_channel=every).numpy()
    close_to(ours(array, invert_intensity={"about": "mean", "channel_wise": True}), want, 1e-6)


@pytest.mark.parametrize("sigma", [(0.5, 0.8, 1.0), (1.5, 0.25, 2.2), (0.05, 3.0, 0.7)])
@pytest.mark.parametrize("shape", [(17, 13, 14), (40, 15, 16)])
def test_smoothing_is_monais_and_batchgenerators(shape, sigma):
    from batchgeneratorsv2.transforms.noise.gaussian_blur import blur_dimension
    from monai.transforms import GaussianSmooth

    array = channels(shape)
    want = GaussianSmooth(sigma)(tensor(array)).numpy()
    close_to(ours(array, gaussian_smooth={"sigma": sigma, "rule": "monai"}), want, 2e-6, "MONAI")
    want = tensor(array)
    for axis in range(3):
        want = blur_dimension(want, sigma[axis], axis)
    close_to(ours(array, gaussian_smooth={"sigma": sigma, "rule": "nnunet"}), want.numpy(), 2e-6, "nnU-Net")


def test_smoothing_is_torchios_in_millimetres():
    import torchio as tio

    array, affine = channels()[0], AFFINES["anisotropic"]
    image = tio.ScalarImage(tensor=tensor(array)[None], affine=affine)
    want = tio.Blur(std=(1.1, 0.4, 1.7))(image).data.numpy()[0]
    close_to(volume(array, affine).gaussian_smooth((1.1, 0.4, 1.7), unit="mm"), want, 2e-6)


def test_sharpening_is_monais_and_batchgenerators():
    from batchgeneratorsv2.transforms.noise.sharpen import SharpeningTransform
    from monai.transforms import GaussianSharpen

    array = channels()
    for first, second, alpha in [((0.6, 0.9, 1.0), (0.5, 0.7, 0.5), 10.0), (3.0, 1.0, 30.0)]:
        want = GaussianSharpen(first, second, alpha)(tensor(array)).numpy()
        given = {"sigma1": first, "sigma2": second, "alpha": alpha}
        close_to(ours(array, gaussian_sharpen=given), want, 1e-5, "MONAI")
    for keep in (False, True):
        drawn = {"strengths": [0.4] * CHANNELS, "clamp_intensities": [keep] * CHANNELS, "apply_channel": [True] * CHANNELS}
        want = SharpeningTransform()._apply_to_image(tensor(array), **drawn).numpy()
        given = {"strength": 0.4, "keep_range": keep, "channel_wise": True}
        close_to(ours(array, sharpen=given), want, 1e-6, "batchgeneratorsv2")


def coefficients(field: np.ndarray, degree: int, basis: str) -> np.ndarray:
    """The coefficients of a bias field, in the order of its terms, z fastest, by least squares."""
    along = [np.linspace(-1, 1, n) for n in field.shape]
    by = np.polynomial.legendre.legvander if basis == "legendre" else np.polynomial.polynomial.polyvander
    x, y, z = (by(a, degree) for a in along)
    powers = [(i, j, k) for i in range(degree + 1) for j in range(degree + 1 - i) for k in range(degree + 1 - i - j)]
    terms = [np.einsum("x,y,z->xyz", x[:, i], y[:, j], z[:, k]).ravel() for i, j, k in powers]
    found, *_ = np.linalg.lstsq(np.stack(terms, 1), np.log(field.astype(np.float64)).ravel(), rcond=None)
    return found


@pytest.mark.parametrize("degree", [1, 3, 4])
def test_bias_fields_are_monais_and_torchios(degree):
    import torchio as tio
    from monai.transforms import RandBiasField

    array = channels((12, 9, 11))
    field = lambda basis: ours(np.ones_like(array), bias_field={"coefficients": (0, 0.3), "degree": degree, "basis": basis})
    bias = {"coefficients": (0, 0.3), "degree": degree}
    drawn = coefficients(field("legendre")[0], degree, "legendre")
    assert ((drawn > -1e-5) & (drawn < 0.3 + 1e-5)).all() and np.ptp(drawn) > 0.1
    peer = RandBiasField(degree=degree)
    peer._coeff, peer._do_transform = drawn.tolist(), True
    want = np.asarray(peer(tensor(array), randomize=False))
    close_to(ours(array, bias_field=bias), want, 2e-6, "MONAI")
    drawn = coefficients(field("powers")[0], degree, "powers")
    peer = tio.BiasField(drawn.tolist(), degree)
    want = peer(tio.ScalarImage(tensor=tensor(array))).data.numpy()
    close_to(ours(array, bias_field=bias | {"basis": "powers"}), want, 5e-6, "TorchIO")


@pytest.mark.parametrize("points", [3, 5, 10])
def test_histogram_shift_is_monais(points):
    from monai.transforms import RandHistogramShift

    # The moved points are seen where the image is a ramp through them.
    ramp = np.linspace(0, 1, points, dtype=np.float32).reshape(1, points, 1, 1)
    peer = RandHistogramShift(num_control_points=points, prob=1)
    peer.randomize()
    peer.reference_control_points = np.linspace(0, 1, points)
    peer.floating_control_points = ours(ramp, histogram_shift=points)[0, :, 0, 0].astype(np.float64)
    array = channels()
    want = np.asarray(peer(tensor(array), randomize=False))
    # MONAI computes slope times value plus intercept in float32, which loses what they have in common.
    close_to(ours(array, histogram_shift=points), want, 5e-6)


@pytest.mark.parametrize("pad", [0, 1])
def test_smooth_fields_are_monais(pad):
    from monai.transforms import RandSmoothFieldAdjustContrast, RandSmoothFieldAdjustIntensity

    # Each control point lies on a voxel, so that the field's extremes are the drawn ones.
    points, steps = (3, 5, 2), (4, 2, 6)
    shape = tuple((n + 2 * pad - 1) * s + 1 for n, s in zip(points, steps))
    array = channels(shape)
    for effect, kind in [("multiply", RandSmoothFieldAdjustIntensity), ("power", RandSmoothFieldAdjustContrast)]:
        given = {"values": (0.5, 1.8), "points": points, "pad": pad}
        ones = np.ones((1, *(n + 2 * pad for n in points)), np.float32)
        drawn = ours(ones, smooth_field=given)
        peer = kind(shape, points, pad=pad, mode="trilinear", align_corners=True, prob=1, gamma=(0.5, 1.8))
        peer.sfield.field[:] = tensor(drawn)
        peer._do_transform = True
        want = np.asarray(peer(tensor(array), randomize=False))
        close_to(ours(array, smooth_field=given | {"effect": effect}), want, 3e-6, effect)


@pytest.mark.parametrize("name", ["gamma", "contrast", "gaussian_smooth", "bias_field", "rician_noise", "smooth_field"])
def test_the_same_seed_draws_the_same_whatever_the_layout(name):
    given = {"gamma": [0.5, 2], "contrast": [0.5, 2], "gaussian_smooth": [0.5, 2]}.get(name, {})
    array = channels((31, 20, 18))
    ordered = transformed(volume(array[0]), name, given)
    turned = transformed(volume(np.asfortranarray(array[0])), name, given)
    np.testing.assert_array_equal(np.asarray(ordered), np.asarray(turned))
