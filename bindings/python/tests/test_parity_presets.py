"""Presets against the whole pipelines that they follow: the numbers that were drawn are given to the peer's own transforms, one after the other."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from given import affine_of, blobs, close_to, labels, small_head
from keys import Key
from test_parity_augment import coefficients
from test_parity_warp import one_hot_scores

import medoxide as mx

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::medoxide.PrecisionWarning")]

VISITS = range(16)

#: Axes exchanged and turned round, voxels of unequal sizes.
AFFINE = affine_of(np.array([[0, 0, 1.1], [-0.9, 0, 0], [0, 1.4, 0]]), (12.0, -30.0, 4.5))


def tensor(array):
    import torch

    return torch.from_numpy(np.array(array))


def sample(kind: str, shape, channels: int = 1) -> dict[str, mx.Volume]:
    """A piece of a T1, or smooth waves, as channels of unequal scale; and labels."""
    rng = np.random.default_rng(2)
    if kind == "head":
        array = small_head()[0][tuple(slice(10, 10 + n) for n in shape)] / 50
    else:
        array = blobs(shape) + 2.5
    array = np.stack([array * (c + 1) + c * rng.normal(size=array.shape) / 10 for c in range(channels)])
    image = mx.Volume(array.astype(np.float32), affine=AFFINE, channel_axis=0)
    return {"image": image, "label": mx.Volume(labels(shape, (0, 1, 2)), affine=AFFINE, role="label")}


def drawn(pipe: mx.Pipeline, x, visit: int):
    """What a visit gives, and what was drawn for it: name and parameters of each transform."""
    plan = pipe.drawn(x, epoch=visit, id="case")
    steps = [next(iter(step.items())) for step in plan.to_dict()["transforms"]]
    return plan(x), [(name, given if isinstance(given, dict) else {}) for name, given in steps]


def alone(name: str, given: dict, x):
    """One drawn transform by itself."""
    return mx.Pipeline.from_dict({"medoxide": 1, "transforms": [{name: given}]})(x)


def channels(volume: mx.Volume) -> np.ndarray:
    return volume.torch().numpy()


def of_zeros(name: str, given: dict, shape) -> np.ndarray:
    """What a drawn noise adds to a (channel, x, y, z) array."""
    zeros = mx.Volume(np.zeros(shape, np.float32), affine=np.eye(4), channel_axis=0)
    return channels(alone(name, {k: v for k, v in given.items() if k != "keys"}, zeros))


def compare(out, image, label, sure, tolerance, what):
    """Images within a share of the largest magnitude; labels wherever no tie was near."""
    close_to(channels(out["image"]), image, tolerance, what)
    found = out["label"].numpy()
    assert found.shape == label.shape, what
    np.testing.assert_array_equal(found[sure], label[sure], err_msg=what)
    assert sure.mean() > 0.97, what


class NnUNet:
    """batchgeneratorsv2's transforms with numbers given; arrays are (channel, z, y, x), as nnU-Net has them."""

    def __init__(self, image, label, patch):
        turned = lambda a: tensor(a.transpose(0, 3, 2, 1))
        self.image, self.label = turned(image), turned(label[None].astype(np.int16))
        self.sure = np.ones_like(self.label.numpy(), bool)
        self.patch, self.spatial = patch, {"rotate": (0, 0, 0), "scale": 1.0}

    def apply(self, name, given):
        getattr(self, name)(**given)

    def label_pyramid(self, scales, **given):
        assert scales == []

    def affine(self, rotate, scale, **given):
        assert given["moves"] == "grid" and given["unit"] == "voxels"
        if np.any(rotate):
            assert given["order"] == "zyx"
            self.spatial["rotate"] = rotate
        if scale != 1.0:
            self.spatial["scale"] = scale

    def crop_or_pad(self, **given):
        from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

        # Their axes are ours backwards, so that what turns x to y turns y to x.
        angles = [-np.radians(a) for a in reversed(self.spatial["rotate"])]
        scale = self.spatial["scale"]
        move = SpatialTransform(
            self.patch[::-1],
            patch_center_dist_from_border=0,
            random_crop=False,
            p_rotation=float(np.any(angles)),
            rotation=lambda image, dim: angles[dim],
            p_scaling=float(scale != 1),
            scaling=lambda image, dim: scale,
            p_synchronize_scaling_across_axes=1,
            border_mode_seg="constant",
            padding_value_seg=-1,
        )
        params = move.get_parameters(image=self.image)
        before = self.label.numpy()[0]
        self.image = move._apply_to_image(self.image, **params)
        self.label = move._apply_to_segmentation(self.label, **params)
        self.sure = np.ones(self.label.shape, bool)
        if params["grid"] is not None:
            top = np.sort(one_hot_scores(before, params["grid"], -1, (-1, 0, 1, 2)), axis=0)
            # They compare scores of float16, in steps of 0.0005, and settle ties by the nearest voxel.
            self.sure[0] = top[-1] - top[-2] > 1.1e-3

    def gaussian_noise(self, **given):
        from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform

        noise = of_zeros("gaussian_noise", given, self.image.shape[:1] + self.image.shape[:0:-1])
        noise = tensor(noise.transpose(0, 3, 2, 1))
        peer = GaussianNoiseTransform(noise_variance=(given["std"], given["std"]), p_per_channel=1, synchronize_channels=True)
        with mock.patch("torch.Tensor.normal_", lambda self, **given: self.copy_(noise)):
            self.image = peer(image=self.image)["image"]

    def _channels(self, given):
        import torch

        found = given.get("per_channel", list(range(len(self.image))))
        return torch.tensor(found)

    def gaussian_smooth(self, sigma, **given):
        from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform

        chosen = np.isin(np.arange(len(self.image)), self._channels(given).numpy())
        peer = GaussianBlurTransform((0.5, 1.0))
        self.image = peer._apply_to_image(self.image, apply_to_channel=chosen, sigmas=[sigma[::-1]] * chosen.sum())

    def scale_intensity(self, factor, **given):
        from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform

        peer = MultiplicativeBrightnessTransform((factor, factor), False)
        chosen = self._channels(given)
        self.image = peer._apply_to_image(self.image, apply_to_channel=chosen, multipliers=chosen * 0.0 + factor)

    def contrast(self, factor, **given):
        from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform

        chosen = self._channels(given)
        peer = ContrastTransform(factor, True, False)
        self.image = peer._apply_to_image(self.image, apply_to_channel=chosen, multipliers=chosen * 0.0 + factor)

    def simulate_low_resolution(self, scale, **given):
        from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform

        chosen = self._channels(given)
        peer = SimulateLowResolutionTransform((0.5, 1), False, True, None, p_per_channel=0.5)
        scales = chosen[:, None] * 0.0 + np.float32([[scale] * 3])
        self.image = peer._apply_to_image(self.image, apply_to_channel=chosen, scales=scales)

    def gamma(self, gamma, invert, **given):
        from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform

        chosen = self._channels(given)
        every = chosen >= 0
        peer = GammaTransform((0.7, 1.5), 0, False, 1, 1)
        drawn = {"retain_stats": every, "invert_image": every if invert else ~every, "gamma": chosen * 0.0 + gamma}
        self.image = peer._apply_to_image(self.image, apply_to_channel=chosen, **drawn)

    def flip(self, axes, **given):
        from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform

        peer, axes = MirrorTransform((0, 1, 2)), [2 - a for a in axes]
        self.image = peer._apply_to_image(self.image, axes=axes)
        self.label = peer._apply_to_segmentation(self.label, axes=axes)
        self.sure = peer._apply_to_segmentation(tensor(self.sure), axes=axes).numpy()

    def remap_labels(self, table, **given):
        from batchgeneratorsv2.transforms.utils.remove_label import RemoveLabelTansform

        assert table == {"-1": 0}
        self.label = RemoveLabelTansform(-1, 0)(segmentation=self.label)["segmentation"]

    def result(self):
        back = lambda a: np.asarray(a).transpose(0, 3, 2, 1)
        return back(self.image), back(self.label)[0], back(self.sure)[0]


@pytest.mark.parametrize("kind", ["head", "waves"])
@pytest.mark.parametrize("patch, read", [((13, 15, 18), (21, 27, 28)), ((24, 11, 17), (38, 19, 29))])
def test_nnunet_v2_is_nnunets(kind, patch, read):
    x = sample(kind, (37, 31, 33), 2)
    beyond = [r - p for r, p in zip(read, patch, strict=True)]
    pipe = mx.preset("nnunet_v2", patch=list(patch), read=list(read), beyond=beyond, seed=7)
    seen = set()
    for visit in VISITS:
        out, steps = drawn(pipe, x, visit)
        names = [name for name, _ in steps]
        assert names[:2] == ["cast", "random_crop_by_label"]
        cut = alone(*steps[1], {"image": x["image"], "label": alone(*steps[0], x)["label"]})
        if visit == 0:
            # The patch is a copy of what lies there, and -1 beyond it.
            start = np.rint(np.linalg.solve(AFFINE, cut["label"].affine[:, 3])[:3]).astype(int)
            pad = [(40, 40)] * 3
            wide = np.pad(x["label"].numpy().astype(np.int16), pad, constant_values=-1)
            part = tuple(slice(s + 40, s + 40 + n) for s, n in zip(start, read, strict=True))
            np.testing.assert_array_equal(cut["label"].numpy(), wide[part])
        peer = NnUNet(channels(cut["image"]), cut["label"].numpy(), patch)
        for name, given in steps[2:]:
            peer.apply(name, given)
        seen |= set(names)
        # float32 in another order, and torch's grid of float32 coordinates.
        compare(out, *peer.result(), 5e-6, f"visit {visit}: {names}")
    assert {"affine", "gaussian_smooth", "scale_intensity", "gamma", "flip"} <= seen


def with_background(kind: str, shape) -> dict[str, mx.Volume]:
    """The sample in a background of zeros that is wider on some sides than on others."""
    x = sample(kind, shape)
    array = channels(x["image"]).copy()
    inside = np.zeros(shape, bool)
    inside[3:-5, 4:-2, 2:-6] = True
    array[:, ~inside] = 0
    return x | {"image": mx.Volume(np.abs(array), affine=AFFINE, channel_axis=0)}


class Monai:
    """MONAI's transforms with numbers given."""

    def __init__(self, x, cut):
        import torch
        from monai.data import MetaTensor

        label = x["label"].numpy()[None].astype(np.float32)
        arrays = {"image": channels(x["image"]), "label": label, "sure": np.ones_like(label)}
        self.items = {k: MetaTensor(tensor(v), affine=torch.from_numpy(AFFINE)) for k, v in arrays.items()}
        self.cut = cut

    def apply(self, name, given):
        getattr(self, name)(**given)

    def _all(self, transform, *args, **given):
        made = transform(list(self.items), *args, **given)(self.items)
        self.items = {name: made[name] for name in self.items}

    def _image(self, transform):
        self.items["image"] = transform(self.items["image"])

    def _array(self, name):
        return self.items[name].numpy()

    def rescale(self, in_range, out_range, **given):
        from monai.transforms import ScaleIntensityRange

        self._image(ScaleIntensityRange(*in_range, *out_range, clip=True))

    def crop_foreground(self, margin, **given):
        from monai.transforms import CropForegroundd

        self._all(CropForegroundd, "image", margin=margin, allow_smaller=True)

    def reorient(self, orientation):
        from monai.transforms import Orientationd

        self._all(Orientationd, axcodes=orientation)

    def resample(self, spacing, **given):
        from monai.transforms import Spacingd

        before = self.items["image"].affine.numpy()
        self._all(Spacingd, pixdim=spacing, mode=("bilinear", "nearest", "nearest"))
        self._doubt(np.linalg.solve(before, self.items["image"].affine.numpy()), 1e-5)

    def _doubt(self, matrix, near):
        """Voxels whose centre falls in the middle between two are either of them."""
        import torch

        shape = self.items["sure"].shape[1:]
        at = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ matrix[:3, :3].T + matrix[:3, 3]
        off = np.abs(at - np.floor(at) - 0.5)
        self.items["sure"] = self.items["sure"] * torch.from_numpy((off > near).all(-1).astype(np.float32))

    def random_crop_by_label(self, shape, **given):
        from monai.transforms import SpatialCropd, SpatialPadd

        here = self.items["image"].affine.numpy()
        self._all(SpatialPadd, spatial_size=shape)
        padded = self.items["image"].affine.numpy()
        start = np.rint(np.linalg.solve(padded, self.cut["image"].affine[:, 3])[:3]).astype(int)
        assert np.allclose(padded[:3, :3], here[:3, :3])
        self._all(SpatialCropd, roi_start=start, roi_end=start + shape)
        close_to(channels(self.cut["image"]), self._array("image"), 5e-6, "the patch")

    def z_normalize(self, mask, outside, channel_wise):
        from monai.transforms import NormalizeIntensity

        assert (mask, outside) == ("nonzero", "keep")
        self._image(NormalizeIntensity(nonzero=True, channel_wise=channel_wise))

    def affine(self, rotate, scale, **given):
        from monai.transforms import Affined

        assert given["order"] == "zyx" and given["moves"] == "grid" and given["unit"] == "voxels" and given["mode"] == "edge"
        move = {"rotate_params": np.radians(rotate).tolist(), "scale_params": scale, "padding_mode": "border"}
        shape = np.array(self.items["image"].shape[1:])
        self._all(Affined, **move, mode=("bilinear", "nearest", "nearest"), spatial_size=tuple(shape))
        turn = mx.Affine(rotate=rotate, scale=scale, moves="grid", unit="voxels", order="zyx", mode="edge")
        ramp = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(np.float32)
        at = channels(turn(mx.Volume(ramp, affine=np.eye(4), channel_axis=0)))
        # Theirs is a grid of float32 numbers.
        off = np.abs(at - np.floor(at) - 0.5).min(0)
        self.items["sure"] = self.items["sure"] * tensor((off > 1e-3).astype(np.float32))

    def gaussian_noise(self, std, mean, **given):
        from monai.transforms import RandGaussianNoise

        peer = RandGaussianNoise(prob=1, mean=mean, std=std)
        peer._do_transform, peer.noise = True, of_zeros("gaussian_noise", given | {"std": std, "mean": mean}, self.items["image"].shape)
        self.items["image"] = peer(self.items["image"], randomize=False)

    def gaussian_smooth(self, sigma, rule, **given):
        from monai.transforms import GaussianSmooth

        assert rule == "monai"
        self._image(GaussianSmooth(sigma))

    def contrast(self, factor, **given):
        from monai.transforms import ScaleIntensityFixedMean

        self._image(ScaleIntensityFixedMean(factor - 1))

    def gamma(self, gamma, invert, keep_stats, **given):
        from monai.transforms import AdjustContrast

        self._image(AdjustContrast(gamma, invert_image=invert, retain_stats=keep_stats))

    def shift_intensity(self, offset, **given):
        from monai.transforms import ShiftIntensity

        self._image(ShiftIntensity(offset))

    def flip(self, axes, **given):
        from monai.transforms import Flipd

        self._all(Flipd, spatial_axis=axes)

    def rot90(self, k, axes, **given):
        from monai.transforms import Rotate90d

        self._all(Rotate90d, k=int(k), spatial_axes=tuple(axes))

    def result(self):
        return self._array("image"), self._array("label")[0], self._array("sure")[0] == 1


def patches_of(pipe, x, visit):
    """What a visit gives, patch by patch, each with what was drawn for it and the patch as it was cut."""
    plan = pipe.drawn(x, epoch=visit, id="case")
    steps = [next(iter(step.items())) for step in plan.to_dict()["transforms"]]
    steps = [(name, given if isinstance(given, dict) else {}) for name, given in steps]
    at = [name for name, _ in steps].index("random_crop_by_label") + 1
    made, cuts = plan(x), mx.Pipeline.from_dict({"medoxide": 1, "transforms": [{n: g} for n, g in steps[:at]]})(x)
    if isinstance(made, dict):
        made, cuts = [made], [cuts]
    for n, (out, cut) in enumerate(zip(made, cuts, strict=True)):
        yield out, cut, [(name, {k: v for k, v in given.items() if k != "patch"}) for name, given in steps if given.get("patch", [n]) == [n]]


@pytest.mark.parametrize("kind", ["head", "waves"])
@pytest.mark.parametrize("name, shape", [("monai_swinunetr", (21, 24, 13)), ("monai_segresnet", (19, 18, 25)), ("monai_segresnet", (24, 41, 17))])
def test_monai_presets_are_monais(kind, name, shape):
    x = with_background(kind, (35, 33, 39))
    if name == "monai_swinunetr":
        array = channels(x["image"]) * 60 - 180
        x["image"] = mx.Volume(array.astype(np.float32), affine=AFFINE, channel_axis=0)
    pipe = mx.preset(name, patch=list(shape), samples=2, spacing=[1.3, 1.0, 1.6], seed=5)
    seen = set()
    for visit in VISITS:
        for out, cut, steps in patches_of(pipe, x, visit):
            peer = Monai(x, cut)
            for step, given in steps:
                given = {k: v for k, v in given.items() if k != "keys"}
                peer.apply(step, given)
            names = [step for step, _ in steps]
            seen |= set(names)
            # As for nnU-Net.
            compare(out, *peer.result(), 1e-5, f"visit {visit}: {names}")
    assert {"flip"} | ({"rot90", "shift_intensity"} if "swin" in name else {"affine", "gamma", "contrast"}) <= seen


class TorchIO:
    """TorchIO's transforms with numbers given; `at` carries where voxels come from through the deformation."""

    def __init__(self, x):
        import torchio as tio

        self.subject = tio.Subject(
            image=tio.ScalarImage(tensor=tensor(channels(x["image"])), affine=AFFINE),
            label=tio.LabelMap(tensor=tensor(x["label"].numpy()[None]), affine=AFFINE),
        )
        self.sure = None

    def apply(self, name, given):
        getattr(self, name)(**given)

    def _move(self, transform):
        self.subject = transform(self.subject)

    def reorient(self, **given):
        import torchio as tio

        self._move(tio.ToCanonical())

    def resample(self, spacing, **given):
        import torchio as tio

        before = self.subject.image
        self._move(tio.Resample(spacing))
        matrix = np.linalg.solve(before.affine, self.subject.image.affine)
        shape = self.subject.spatial_shape
        at = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ matrix[:3, :3].T + matrix[:3, 3]
        clear = (np.abs(at - np.floor(at) - 0.5) > 1e-4).all(-1)
        self.subject.add_image(tio.LabelMap(tensor=tensor(clear[None].astype(np.uint8)), affine=self.subject.image.affine), "clear")

    def crop_or_pad(self, shape, **given):
        import torchio as tio

        self._move(tio.CropOrPad(shape))

    def motion(self, **given):
        # Its own test holds it against TorchIO's, which turns about another centre.
        image = self.subject.image
        moved = alone("motion", given, mx.Volume(image.data.numpy()[0], affine=image.affine))
        image.set_data(tensor(channels(moved)))

    def histogram_standardize(self, landmarks, **given):
        import torchio as tio

        self._move(tio.HistogramStandardization({"image": np.array(landmarks)}))

    def bias_field(self, degree, **given):
        import torchio as tio

        given.pop("keys", None)
        ones = mx.Volume(np.ones(self.subject.spatial_shape, np.float32), affine=np.eye(4))
        field = alone("bias_field", given | {"degree": degree}, ones).numpy()
        self._move(tio.BiasField(coefficients(field, degree, "powers").tolist(), degree))

    def z_normalize(self, mask, **given):
        import torchio as tio

        assert mask == "above_mean"
        image = self.subject.image.data
        n = int((image > image.mean()).sum())
        self._move(tio.ZNormalization(masking_method=tio.ZNormalization.mean))
        # They divide by n - 1.
        self.subject.image.set_data(self.subject.image.data * np.float32(np.sqrt(n / (n - 1))))

    def gaussian_noise(self, std, mean, **given):
        import torchio as tio

        noise = tensor(of_zeros("gaussian_noise", given | {"std": std, "mean": mean}, self.subject.image.shape))
        place = "torchio.transforms.augmentation.intensity.random_noise.get_noise"
        with mock.patch(place, lambda image, mean, std: noise):
            self._move(tio.Noise(mean, std, 0))

    def flip(self, axes, **given):
        import torchio as tio

        self._move(tio.Flip(tuple(axes)))

    def _deform(self, transform):
        import torchio as tio

        shape = np.array(self.subject.spatial_shape)
        ramps = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(np.float32)
        ramps = tio.ScalarImage(tensor=tensor(ramps), affine=self.subject.image.affine)
        clear = self.subject.clear
        self.subject.remove_image("clear")
        self._move(transform)
        at = np.moveaxis(transform(ramps).data.numpy(), 0, -1)
        # Within a voxel of the faces ours blend with what is outside; theirs end half a voxel outside.
        self.sure = ((at > 1e-3) & (at < shape - 1 - 1e-3)).all(-1)
        index = np.floor(at + 0.5).astype(int).clip(0, shape - 1)
        clear = clear.data.numpy()[0][tuple(np.moveaxis(index, -1, 0))] > 0
        self.sure_label = self.sure & clear & (np.abs(at - np.floor(at) - 0.5) > 1e-3).all(-1)

    def affine(self, rotate, scale, **given):
        import torchio as tio

        assert given["frame"] == "ras" and given["order"] == "yxz" and given["mode"] == "smallest"
        self._deform(tio.Affine(scale, rotate, (0, 0, 0)))

    def elastic(self, control_points, key, **given):
        import torchio as tio
        assert given["frame"] == "lps" and given["mode"] == "smallest" and given["locked_borders"] == 2
        n = control_points
        points = np.array(Key.of_text(key).text("displacements").voxels(0, 3 * n**3)).reshape(n, n, n, 3).transpose(2, 1, 0, 3) * 2 - 1
        free = np.zeros((n, n, n, 1))
        free[2:-2, 2:-2, 2:-2] = 1
        most = given["max_displacement"]
        self._deform(tio.ElasticDeformation(points * free * most, (most,) * 3))


PADDED = (27, 45, 36)
LANDMARKS = [0.0, 9.0, 14.5, 17.0, 21.0, 33.0, 42.0, 55.0, 66.0, 71.0, 78.0, 90.5, 100.0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["head", "waves"])
@pytest.mark.parametrize("shape", [(34, 31, 29), PADDED])
def test_torchio_mri_is_torchios(kind, shape):
    x = sample(kind, (35, 33, 39))
    pipe = mx.preset("torchio_mri", spacing=[1.3, 1.0, 1.2], shape=list(shape), landmarks=LANDMARKS, seed=3)
    seen = set()
    for visit in VISITS:
        out, steps = drawn(pipe, x, visit)
        peer = TorchIO(x)
        for n, (name, given) in enumerate(steps):
            if name == "histogram_standardize" and shape == PADDED:
                # Where zeros are padded percentiles coincide, and what lies just below and just above them comes apart by 5.5: motion leaves 1e-8 there, of which the last
                # bits of the steps before decide the sign. So both go on from the same voxels.
                before = channels(mx.Pipeline.from_dict({"medoxide": 1, "transforms": [{k: v} for k, v in steps[:n]]})(x)["image"])
                close_to(before[0], peer.subject.image.data.numpy()[0], 1e-6, f"visit {visit}, before the histogram")
                peer.subject.image.set_data(tensor(before))
            peer.apply(name, {k: v for k, v in given.items() if k != "keys"})
        names = [name for name, _ in steps]
        seen |= set(names)
        found, wanted = channels(out["image"])[0], peer.subject.image.data.numpy()[0]
        assert found.shape == wanted.shape and peer.sure.mean() > 0.3
        close_to(found[peer.sure], wanted[peer.sure], 5e-6, f"visit {visit}: {names}")
        label = peer.subject.label.data.numpy()[0]
        np.testing.assert_array_equal(out["label"].numpy()[peer.sure_label], label[peer.sure_label])
    assert {"affine", "elastic", "motion", "histogram_standardize", "bias_field", "gaussian_noise", "flip"} <= seen
