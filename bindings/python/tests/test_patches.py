"""Patches by label, weight and grid against MONAI, TorchIO and their own probabilities."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

import medoxide as mx

DRAWS = 20_000
SHAPE = (7, 6, 5)


def starts(patches) -> list[tuple[int, ...]]:
    """Where patches begin, in voxels of a grid whose affine is the identity."""
    patches = patches if isinstance(patches, list) else [patches]
    return [tuple(next(iter(p.values())).affine[:3, 3].astype(int)) for p in patches]


def drawn(transform, seed=3, **items) -> list[tuple[int, ...]]:
    return starts(mx.Pipeline([transform], seed=seed)(items))


def fits(found, want: dict) -> None:
    """Pearson's chi-square, five standard deviations allowed."""
    want = {start: p for start, p in want.items() if p > 0}
    assert sum(want.values()) == pytest.approx(1)
    counts = Counter(found)
    assert counts.keys() <= want.keys(), "a place that should never be drawn"
    n = len(found)
    square = sum((counts[s] - n * p) ** 2 / (n * p) for s, p in want.items())
    free = len(want) - 1
    assert square <= free + 5 * (2 * free) ** 0.5


def image(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def parts(shape=SHAPE, dtype="uint8", large=200):
    """Labels 0, 1, 3 and a large one, of different sizes; 2 is absent."""
    out = np.zeros(shape, dtype)
    out[1:4, 2:, :] = 1
    out[5, 1:3, 2:] = 3
    out[0, 0, :3] = large
    return out


def of_monai(indices, weights, patch, shape) -> dict:
    """How often MONAI's functions put a patch where, each of `indices` having a weight."""
    from monai.transforms.utils import correct_crop_centers

    out: dict = {}
    total = sum(w for w, i in zip(weights, indices, strict=True) if len(i))
    for weight, own in zip(weights, indices, strict=True):
        for index in own:
            centre = [int(c) for c in np.unravel_index(int(index), shape)]
            centre = correct_crop_centers(centre, patch, shape)
            start = tuple(c - m // 2 for c, m in zip(centre, patch, strict=True))
            out[start] = out.get(start, 0) + weight / total / len(own)
    return out


@pytest.mark.peers
@pytest.mark.parametrize("shape", [(7, 6, 5), (1, 9, 4), (8, 1, 1), (5, 5, 5)])
def test_every_centre_becomes_the_box_that_monai_makes_of_it(shape):
    from monai.transforms.utils import correct_crop_centers

    for patch in itertools.product(*[sorted({1, n // 2 or 1, max(n - 1, 1), n}) for n in shape]):
        for voxel in np.ndindex(shape):
            seg = np.zeros(shape, np.uint8)
            seg[voxel] = 1
            rule = mx.RandomCropByLabel(patch, foreground=1.0)
            centre = correct_crop_centers(list(voxel), patch, shape)
            want = tuple(c - m // 2 for c, m in zip(centre, patch, strict=True))
            assert drawn(rule, label=mx.Volume(seg, role="label")) == [want], (voxel, patch)


@pytest.mark.peers
@pytest.mark.parametrize("threshold", [None, 0.3])
@pytest.mark.parametrize("patch", [(3, 4, 2), (7, 1, 5)])
def test_foreground_and_background_are_monais(patch, threshold):
    from monai.transforms.utils import map_binary_to_indices

    ct, seg = image(), parts()
    more = {} if threshold is None else {"image": ct[None], "image_threshold": threshold}
    fore, back = map_binary_to_indices(seg[None], **more)
    want = of_monai([fore, back], [3, 1], patch, SHAPE)
    rule = {} if threshold is None else {"image": "ct", "above": threshold}
    rule = mx.RandomCropByLabel(patch, count=DRAWS, foreground=0.75, **rule)
    fits(drawn(rule, ct=mx.Volume(ct, role="image"), label=mx.Volume(seg, role="label")), want)


@pytest.mark.peers
@pytest.mark.parametrize("threshold", [None, -0.2])
def test_weights_by_class_are_monais(threshold):
    from monai.transforms.utils import map_classes_to_indices

    ct, seg, patch = image(), parts(large=4), (4, 3, 2)
    more = {} if threshold is None else {"image": ct[None], "image_threshold": threshold}
    indices = map_classes_to_indices(seg[None], 5, **more)
    weights = [1, 2, 5, 0.5, 3]
    rule = {} if threshold is None else {"image": "ct", "above": threshold}
    rule = mx.RandomCropByLabel(patch, count=DRAWS, classes=dict(enumerate(weights)), **rule)
    found = drawn(rule, ct=mx.Volume(ct, role="image"), seg=mx.Volume(seg, role="label"))
    fits(found, of_monai(indices, weights, patch, SHAPE))


@pytest.mark.peers
def test_weights_by_class_are_torchios():
    import torch
    import torchio as tio

    # A label near the edge alone is absent for its sampler.
    seg, patch, weights = parts(large=4), (3, 4, 2), {0: 1.0, 1: 2.0, 3: 0.5, 4: 3.0}
    probability = tio.LabelSampler.get_probabilities_from_label_map(
        torch.from_numpy(seg[None]).float(), weights, np.array(patch)
    )[0].numpy()
    want = {}
    for voxel in zip(*np.nonzero(probability), strict=True):
        start = tuple(int(v) - m // 2 for v, m in zip(voxel, patch, strict=True))
        want[start] = float(probability[voxel] / probability.sum())
    rule = mx.RandomCropByLabel(patch, count=DRAWS, classes=weights, edges="skip")
    fits(drawn(rule, seg=mx.Volume(seg, role="label")), want)


@pytest.mark.peers
def test_a_map_is_sampled_as_torchio_does():
    import torch
    import torchio as tio

    weights, patch = np.abs(image(4)), np.array((3, 4, 1))
    weights[weights < 0.3] = 0
    sampler = tio.WeightedSampler(patch, "where")
    map_ = tio.Image(tensor=torch.from_numpy(weights[None]), type=tio.SAMPLING_MAP)
    probability = sampler.process_probability_map(
        sampler.get_probability_map(tio.Subject(where=map_)), None
    )
    want = {
        tuple(int(v) - m // 2 for v, m in zip(voxel, patch, strict=True)): float(probability[voxel])
        for voxel in zip(*np.nonzero(probability), strict=True)
    }
    rule = mx.RandomCropByWeight(patch.tolist(), count=DRAWS)
    fits(drawn(rule, where=mx.Volume(weights, role="map")), want)


@pytest.mark.peers
def test_a_map_is_sampled_as_monai_does_but_for_the_last_place():
    from monai.transforms.utils import weighted_patch_samples

    weights, patch = np.abs(image(5)), (3, 4, 2)
    rule = mx.RandomCropByWeight(patch, count=DRAWS)
    ours = drawn(rule, where=mx.Volume(weights, role="map"))
    state = np.random.RandomState(0)
    theirs = weighted_patch_samples(patch, weights, DRAWS, state)
    theirs = {tuple(int(c) - m // 2 for c, m in zip(s, patch, strict=True)) for s in theirs}
    last = tuple(n - m for n, m in zip(SHAPE, patch, strict=True))
    # MONAI's slice of centres ends one before the last that fits.
    assert theirs == {s for s in set(ours) if all(a < b for a, b in zip(s, last, strict=True))}
    centre = {s: weights[tuple(a + m // 2 for a, m in zip(s, patch, strict=True))] for s in theirs}
    total = sum(centre.values())
    fits([s for s in ours if s in theirs], {s: float(w / total) for s, w in centre.items()})


@pytest.mark.peers
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
def test_grids_are_monais_and_torchios(overlap):
    import torch
    import torchio as tio
    from monai.data.utils import dense_patch_slices

    shape, patch = (23, 17, 9), (8, 6, 9)
    volume = mx.Volume(image(0, shape))
    steps = [max(int(m * (1 - overlap)), 1) for m in patch]
    slices = dense_patch_slices(
        shape, patch, [m if m == n else s for m, n, s in zip(patch, shape, steps, strict=True)]
    )
    want = [tuple(s.start for s in each) for each in slices]
    assert drawn(mx.GridCrop(patch, overlap=overlap), image=volume) == want
    subject = tio.Subject(image=tio.ScalarImage(tensor=torch.zeros(1, *shape)))
    voxels = [int(m * overlap) // 2 * 2 for m in patch]
    sampler = tio.GridSampler(subject, patch, voxels)
    want = {tuple(int(v) for v in location[:3]) for location in sampler.locations}
    ours = drawn(mx.GridCrop(patch, overlap=overlap, rule="torchio"), image=volume)
    assert set(ours) == want and len(ours) == len(want)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_files_give_the_patches_that_their_voxels_give(tmp_path, suffix):
    rng = np.random.default_rng(0)
    ct = rng.normal(size=(61, 53, 47)).astype(np.float32)
    seg = np.zeros(ct.shape, np.int32)
    # Beyond what float32 tells apart.
    seg[10:30, 5:25, 7:40] = 2**24
    seg[40:50, 30:50, 20:30] = 2**24 + 1
    weight = np.abs(ct)
    arrays = {"ct": (ct, "image"), "seg": (seg, "label"), "where": (weight, "map")}
    memory = {name: mx.Volume(a, role=role) for name, (a, role) in arrays.items()}
    files = {}
    for name, v in memory.items():
        v.save(tmp_path / (name + suffix))
        files[name] = mx.load(tmp_path / (name + suffix), role=arrays[name][1])
    for rule in (
        mx.RandomCropByLabel(16, count=5, classes={2**24: 1, 2**24 + 1: 1}),
        mx.RandomCropByLabel((16, 8, 4), count=5, foreground=0.5, image="ct", above=0.5),
        mx.RandomCropByLabel(80, count=5, forced=0.4, forced_by="place"),
        mx.RandomCropByWeight((9, 16, 20), count=5),
        mx.GridCrop((30, 30, 60), overlap=0.25, rule="nnunet"),
    ):
        pipe = mx.Pipeline([mx.Reorient("LPS"), rule, mx.Flip("x", p=0.5)], seed=8)
        pipe = mx.Pipeline.from_yaml(pipe.to_yaml())
        made, read = pipe(memory, id="a", epoch=2), pipe(files, id="a", epoch=2)
        assert len(made) == len(read) >= 5
        for a, b in zip(made, read, strict=True):
            for name in arrays:
                np.testing.assert_array_equal(np.asarray(a[name]), np.asarray(b[name]))
                np.testing.assert_array_equal(a[name].affine, b[name].affine)


def test_a_label_that_floats_cannot_tell_apart():
    seg = np.zeros((9, 8, 7), np.int64)
    seg[2, 3, 4], seg[5:, 5:, 5:] = 2**53 + 1, 2**53
    rule = mx.RandomCropByLabel(1, classes={2**53 + 1: 1.0}, count=20)
    assert set(drawn(rule, seg=mx.Volume(seg, role="label"))) == {(2, 3, 4)}


def test_patches_around_labels_hold_them_and_move_together():
    ct = np.arange(40 * 30 * 20, dtype=np.int32).reshape(40, 30, 20)
    seg = (ct % 997 == 5).astype(np.uint8) * 7
    pipe = mx.Pipeline([mx.RandomCropByLabel((8, 6, 5), count=30, foreground=1.0)], seed=1)
    for patch in pipe({"image": ct, "label": seg}):
        assert patch["image"].shape == (8, 6, 5) and patch["label"].any()
        np.testing.assert_array_equal(patch["label"], (patch["image"] % 997 == 5) * 7)


def test_explain_stops_where_the_label_has_to_be_read():
    pipe = mx.Pipeline([mx.Flip("x"), mx.RandomCropByLabel(2, classes={1: 1})], seed=1)
    said = pipe.explain({"image": image(), "label": parts()})
    assert "once random_crop_by_label has measured the voxels" in str(said)
    said = str(pipe.explain({"image": image(), "label": parts()}, measure=True))
    assert "around [" in said and "label 1" in said


def test_what_is_wrong_is_said():
    v = {"image": image(), "label": parts()}
    for rule, said in (
        (mx.RandomCropByLabel(2, foreground=-0.5), "foreground is -0.5"),
        (mx.RandomCropByLabel(2, classes={1: -1.0}), "classes"),
        (mx.RandomCropByLabel(2, label="liver"), "liver"),
        (mx.RandomCropByLabel(2, label="image"), "float32 voxels"),
        (mx.RandomCropByLabel(2, classes={9: 1}, absent="error"), "no voxel that can be chosen"),
        (mx.RandomCropByWeight(2), "a map item"),
        (mx.RandomCropByWeight(2, map="image"), "negative"),
        (mx.GridCrop(2, overlap=1.5), "overlap is 1.5"),
    ):
        with pytest.raises(mx.MedoxideError, match=said):
            mx.Pipeline([rule], seed=0)(v)
