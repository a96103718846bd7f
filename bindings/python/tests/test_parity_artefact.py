"""Artefacts, noise and holes against MONAI and TorchIO, with the very numbers that were drawn."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from given import AFFINES, affine_of, blobs, close_to, rotation, volume
from keys import Key

import medoxide as mx

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")]

SHAPES = [(17, 13, 11), (16, 10, 8), (9, 1, 14)]


def tensor(array):
    import torch

    return torch.from_numpy(np.array(array))


def run(transform, array, affine=None, seed=0):
    """What a transform makes of an array, what it drew, and the key of what else it draws."""
    v = volume(array, affine)
    plan = mx.Pipeline([transform], seed=seed).drawn(v)
    (step,) = plan.to_dict()["transforms"]
    ((_, given),) = step.items()
    return plan(v).numpy(), given, Key.of_text(given["key"]) if "key" in given else None


def drawn_axis(key, axes=(0, 1, 2)):
    return axes[key.text("axis").below(len(axes))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("restore", [None, [0.1, 0.6]])
def test_ghosting_is_torchios(shape, restore, seed):
    import torchio as tio

    array = blobs(shape)
    more = {} if restore is None else {"restore": restore}
    found, given, key = run(mx.Ghosting(ghosts=(2, 6), intensity=(0.3, 1.4), **more), array, seed=seed)
    peer = tio.Ghosting(int(given["ghosts"]), drawn_axis(key), given["intensity"], given.get("restore"))
    want = peer(tio.ScalarImage(tensor=tensor(array)[None])).data.numpy()[0]
    # float32 transforms of Fourier on both sides.
    close_to(found, want, 2e-6)
    assert shape[drawn_axis(key)] == 1 or np.abs(found - array).max() > 1e-3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", SHAPES)
def test_spikes_are_torchios(shape, seed):
    import torchio as tio

    array = blobs(shape)
    found, given, key = run(mx.Spikes(spikes=(1, 4), intensity=(0.2, 1.5)), array, seed=seed)
    places = [[key.text("place").index(s).index(a).below(shape[a]) for a in range(3)] for s in range(int(given["spikes"]))]
    # Theirs are shares of the shape, rounded down.
    shares = (np.array(places) + 0.5) / shape
    want = tio.Spike(shares, given["intensity"])(tio.ScalarImage(tensor=tensor(array)[None])).data.numpy()[0]
    close_to(found, want, 3e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.35, 0.6, 0.95])
@pytest.mark.parametrize("shape", SHAPES)
def test_gibbs_ringing_is_monais(shape, alpha):
    from monai.transforms import GibbsNoise

    array = blobs(shape)
    want = GibbsNoise(alpha)(tensor(array)[None]).numpy()[0]
    close_to(volume(array).gibbs_ringing(alpha), want, 2e-6)


@pytest.mark.parametrize("seed", range(4))
def test_dropped_planes_are_a_mask_among_frequencies(seed):
    # fastMRI's and MONAI's masks of undersampled reconstruction keep the middle and drop lines at random; their image is the magnitude, ours the
    # real part, so that values keep their sign.
    array = blobs((18, 13, 12))
    found, given, key = run(mx.KSpaceDropout(fraction=(0.2, 0.7), center=(0.05, 0.3)), array, seed=seed)
    axis = drawn_axis(key)
    n = array.shape[axis]
    count = min(max(int(np.round(given["center"] * n)), 1), n)
    first = n // 2 - count // 2
    kept = [first <= k < first + count or key.text("plane").index(k).uniform() >= given["fraction"] for k in range(n)]
    mask = np.reshape(kept, [n if a == axis else 1 for a in range(3)])
    spectrum = np.fft.fftshift(np.fft.fftn(array.astype(np.float64)))
    close_to(found, np.fft.ifftn(np.fft.ifftshift(spectrum * mask)).real, 2e-6)
    assert not all(kept)


def rigid(key, movement, given):
    """A movement's rotation and shift, in millimetres along the voxel axes."""
    draw = lambda name: [
        low + (high - low) * key.text(name).index(movement).index(a).uniform()
        for low, high in [given[name]]
        for a in range(3)
    ]
    return affine_of(rotation(*np.radians(draw("rotate"))), draw("translate"))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("movements", [1, 2, 4])
def test_motion_is_torchios_with_the_same_movements(movements, seed):
    import SimpleITK as sitk
    import torchio as tio
    from torchio.data.io import nib_to_sitk
    from torchio.transforms.augmentation.intensity.random_motion import Motion

    # TorchIO turns about the origin of the world, whatever centre it sets, and its angles are ITK's: given our maps, the rest is the same.
    # Nothing near the faces, where ITK ends half a voxel outside and we blend.
    array, affine = np.zeros((27, 31, 24), np.float32), AFFINES["anisotropic"]
    array[9:-9, 10:-10, 8:-8] = blobs((9, 11, 8)) + 2.5
    found, given, key = run(mx.Motion(movements=movements, rotate=(-9, 9), translate=(-2, 2)), array, affine, seed)
    spacing = np.diag([*np.sqrt((affine[:3, :3] ** 2).sum(0)), 1.0])
    to_mm = spacing.copy()
    to_mm[:3, 3] = -spacing[:3, :3] @ ((np.array(array.shape) - 1) / 2)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    transforms, times = [None], []
    for n in range(movements):
        back = np.linalg.inv(to_mm) @ np.linalg.inv(rigid(key, n, given)) @ to_mm
        back = lps @ back @ np.linalg.inv(lps)
        one = sitk.AffineTransform(3)
        one.SetMatrix(back[:3, :3].ravel().tolist())
        one.SetTranslation(back[:3, 3].tolist())
        transforms.append(one)
        off = (2 * key.text("times").index(n).uniform() - 1) * given["irregularity"]
        times.append((n + 1 + off) / (movements + 1))
    peer = Motion(np.zeros((1, 3)), np.zeros((1, 3)), np.array(times), "linear")
    image = nib_to_sitk(array[None], affine, force_3d=True)
    want = peer.add_artifact(image, transforms, np.array(times), "linear").numpy()
    close_to(found, want, 1e-5)
    assert isinstance(tio.RandomMotion(), tio.Transform) and np.abs(found - array).max() > 0.1


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_rician_noise_is_monais_with_the_same_noise(shape, relative):
    from monai.transforms import RandRicianNoise

    array = 3 * blobs(shape) + 1
    found, given, key = run(mx.RicianNoise(std=(0.1, 0.8), mean=0.05, relative=relative), array)
    peer = RandRicianNoise(prob=1, mean=given["mean"], std=given["std"], relative=relative, sample_std=False)
    noise = iter([key.text("real").normal_field(shape), key.text("imaginary").normal_field(shape)])
    peer.R = mock.Mock(normal=lambda mean, std, size: mean + std * next(noise)[None], rand=lambda: 0.0)
    want = peer(tensor(array)[None]).numpy()[0]
    # They take the deviation with divisor n - 1.
    close_to(found, want, 2e-6 if not relative else 1.0 / array.size)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("fill", [None, [2.0, 2.0], [-1.0, 4.0]])
@pytest.mark.parametrize("seed", range(3))
def test_coarse_dropout_is_monais_with_the_same_boxes(fill, outside, seed):
    from monai.transforms import RandCoarseDropout

    shape = (12, 11, 9)
    array = blobs(shape)
    more = {} if fill is None else {"fill": fill}
    transform = mx.CoarseDropout(holes=(2, 6), shape=(2, 3, 1), max_shape=(5, 20, 4), outside=outside, **more)
    found, given, key = run(transform, array, seed=seed)
    boxes = []
    for n in range(int(given["holes"])):
        box = key.text("hole").index(n)
        size = [low + box.text("shape").index(a).below(high - low + 1) for a, (low, high) in enumerate(((2, 5), (3, 20), (1, 4)))]
        size = np.minimum(size, shape)
        start = [box.text("start").index(a).below(shape[a] - size[a] + 1) for a in range(3)]
        boxes.append((slice(None), *(slice(s, s + n) for s, n in zip(start, size, strict=True))))
    noise = key.text("voxels").field(shape)[None]
    peer = RandCoarseDropout(holes=1, spatial_size=1, prob=1, dropout_holes=not outside, fill_value=None if fill is None else tuple(fill))
    peer.hole_coords, peer._do_transform = boxes, True
    parts = iter([noise] if outside else [noise[box] for box in boxes])
    peer.R = mock.Mock(uniform=lambda low, high, size: low + (high - low) * next(parts))
    want = peer(tensor(array)[None], randomize=False).numpy()[0]
    close_to(found, want, 2e-7)
    assert (np.abs(found - array) > 1e-6).any() and (found == array).any()
