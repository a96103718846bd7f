"""Sliding windows against MONAI, TorchIO, nnU-Net's rules, and SciPy."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import numpy as np
import pytest

import medoxide as mx


def net(seed: int, classes: int):
    """A small network that looks at neighbours, so that a window's faces are predicted worse than its middle."""
    import torch

    torch.manual_seed(seed)
    one = torch.nn.Conv3d(1, 4, 3, padding=1)
    two = torch.nn.Conv3d(4, classes, 5, padding=2)
    return lambda x: two(torch.tanh(one(x)))


def head(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.peers
@pytest.mark.parametrize("importance", ["constant", "gaussian"])
@pytest.mark.parametrize(
    ("shape", "window", "overlap"),
    [
        ((37, 41, 29), (16, 16, 16), 0.25),
        ((37, 41, 29), (16, 20, 12), 0.5),
        ((10, 41, 7), (16, 16, 16), 0.625),
        ((16, 16, 16), (16, 16, 16), 0.5),
        ((33, 17, 20), (32, 16, 1), 0.0),
    ],
)
def test_equals_monai(shape, window, overlap, importance):
    import torch
    from monai import inferers

    array, model = head(shape), net(1, 3)
    with torch.inference_mode():
        theirs = inferers.sliding_window_inference(
            torch.from_numpy(array)[None, None], window, 2, model, overlap=overlap, mode=importance
        )[0].numpy()
    ours = mx.sliding_window_inference(
        mx.Volume(array),
        window,
        model,
        batch_size=2,
        overlap=overlap,
        importance=importance,
        reduce="mean",
    )
    assert ours.role == "map" and ours.shape == (*shape, 3)
    np.testing.assert_allclose(np.moveaxis(np.asarray(ours), -1, 0), theirs, atol=2e-6)
    labels = mx.sliding_window_inference(
        mx.Volume(array), window, model, overlap=overlap, importance=importance
    )
    assert (np.asarray(labels) == theirs.argmax(0)).mean() > 0.9999


def steps(length, tile, step):
    """nnU-Net v2, `compute_steps_for_sliding_window`."""
    count = int(np.ceil((length - tile) / (tile * step))) + 1
    actual = (length - tile) / (count - 1) if count > 1 else 99999999
    return [int(np.round(actual * i)) for i in range(count)]


@pytest.mark.peers
@pytest.mark.parametrize("step", [0.5, 0.3, 1.0])
def test_equals_nnunets_rules(step):
    import torch
    from scipy import ndimage

    shape, tile = (45, 38, 51), (20, 16, 24)
    array, model = head(shape, 2), net(3, 4)
    delta = np.zeros(tile)
    delta[tuple(n // 2 for n in tile)] = 1
    weight = ndimage.gaussian_filter(delta, [n / 8 for n in tile], 0, mode="constant", cval=0)
    weight = (weight / weight.max() * 10).astype(np.float16)
    weight[weight == 0] = weight[weight > 0].min()
    weight = weight.astype(np.float64)
    total, count = np.zeros((4, *shape)), np.zeros(shape)
    for x in steps(shape[0], tile[0], step):
        for y in steps(shape[1], tile[1], step):
            for z in steps(shape[2], tile[2], step):
                at = (slice(x, x + tile[0]), slice(y, y + tile[1]), slice(z, z + tile[2]))
                with torch.inference_mode():
                    total[(slice(None), *at)] += (
                        weight * model(torch.from_numpy(array[at])[None, None])[0].numpy()
                    )
                count[at] += weight
    ours = mx.sliding_window_inference(
        mx.Volume(array),
        tile,
        model,
        overlap=1 - step,
        rule="nnunet",
        importance="gaussian",
        reduce="mean",
    )
    np.testing.assert_allclose(np.moveaxis(np.asarray(ours), -1, 0), total / count, atol=5e-6)


@pytest.mark.peers
@pytest.mark.parametrize(("importance", "mode"), [("constant", "average"), ("hann", "hann")])
def test_equals_torchio(importance, mode):
    import torch
    import torchio as tio

    shape, window, overlap = (37, 41, 29), (16, 20, 12), (8, 10, 6)
    array, model = head(shape, 4), net(5, 2)
    subject = tio.Subject(t1=tio.ScalarImage(tensor=torch.from_numpy(array)[None]))
    sampler = tio.GridSampler(subject, window, overlap)
    aggregator = tio.GridAggregator(sampler, overlap_mode=mode)
    sliding = mx.SlidingWindow(
        mx.Volume(array), window, overlap=0.5, rule="torchio", importance=importance, reduce="mean"
    )
    theirs = {tuple(int(v) for v in s[tio.LOCATION][:3]) for s in sampler}
    assert {tuple(s.start for s in w) for w in sliding.windows()} == theirs
    with torch.inference_mode():
        for s in sampler:
            aggregator.add_batch(
                model(s["t1"][tio.DATA][None]), torch.as_tensor(s[tio.LOCATION])[None]
            )
        for batch in sliding.batches(3):
            sliding.add(model(batch))
    wanted = aggregator.get_output_tensor().numpy()
    np.testing.assert_allclose(np.moveaxis(np.asarray(sliding.result()), -1, 0), wanted, atol=2e-6)


@pytest.mark.peers
def test_predictions_go_back_to_the_files_grid_with_one_interpolation():
    """Against SciPy: each class at the file's voxel centres, linear, edges continued by half a voxel, then the largest."""
    import torch
    from scipy import ndimage

    affine = np.diag([1.0, 1.2, 2.0, 1]) @ np.array(
        [[0, -1, 0, 4], [1, 0, 0, 2], [0, 0, -1, 9], [0, 0, 0, 1.0]]
    )
    original = mx.Volume(head((25, 31, 14), 6), affine=affine)
    ready = original.reorient("RAS").resample(1.5).crop((3, 1, 2), (14, 16, 12))
    model = net(7, 3)
    options = {"overlap": 0.5, "importance": "gaussian"}
    mean = mx.sliding_window_inference(ready, 8, model, reduce="mean", **options)
    back = mx.sliding_window_inference(ready, 8, model, onto=original, reduce="mean", **options)
    labels = mx.sliding_window_inference(ready, 8, model, onto=original, **options)
    assert labels.shape == original.shape and labels.dtype == np.uint8
    np.testing.assert_array_equal(labels.affine, original.affine)
    index = np.indices(original.shape).reshape(3, -1)
    point = (
        np.linalg.inv(ready.affine) @ original.affine @ np.vstack([index, np.ones(index.shape[1])])
    )
    limits = np.array(ready.shape)[:, None]
    outside = ((point[:3] < -0.5 - 1e-6) | (point[:3] > limits - 0.5 + 1e-6)).any(0)
    assert 0.05 < outside.mean() < 0.95
    classes = np.moveaxis(np.asarray(mean), -1, 0)
    wanted = np.stack(
        [ndimage.map_coordinates(c, point[:3], order=1, mode="nearest") for c in classes]
    )
    wanted[:, outside] = 0
    np.testing.assert_allclose(
        np.moveaxis(np.asarray(back), -1, 0).reshape(3, -1), wanted, atol=2e-6
    )
    agree = np.asarray(labels).ravel() == np.where(outside, 0, wanted.argmax(0))
    assert agree.mean() > 0.999
    assert torch.from_numpy(np.array(labels)).max() == 2


def resident() -> float:
    """Bytes of resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_overlapping_classes_are_channels():
    array = head((20, 20, 20), 8)
    sliding = mx.SlidingWindow(mx.Volume(array), 12, reduce="threshold", threshold=0.25)
    for batch in sliding.batches(2, tensors=False):
        sliding.add(np.concatenate([batch, -batch], axis=1))
    made = np.asarray(sliding.result())
    np.testing.assert_array_equal(
        made, np.stack([array > 0.25, -array > 0.25], -1).astype(np.uint8)
    )


def test_a_result_on_disk_takes_little_memory_and_is_the_same(tmp_path):
    """96 classes of 64³ are 100 MB; what is summed is a slab of a few voxels."""
    volume = mx.Volume(head((64, 64, 64), 10))

    def predicted(**options):
        sliding = mx.SlidingWindow(volume, (8, 64, 64), overlap=0.0, reduce="mean", **options)
        mx.release_memory()
        peak, before = 0, resident()
        for n, batch in enumerate(sliding.batches(1, tensors=False)):
            # Memory of the prediction itself is the same for both.
            sliding.add(np.broadcast_to(batch * (n + 1), (1, 96, 8, 64, 64)))
            peak = max(peak, resident() - before)
        return sliding.result(), peak

    predicted(scratch=tmp_path)  # what is there for good
    memory, much = predicted()
    disk, little = predicted(scratch=tmp_path)
    np.testing.assert_array_equal(np.asarray(disk), np.asarray(memory))
    assert little < much - 40e6, (little, much)
    assert list(tmp_path.iterdir()) == []
    disk.save(tmp_path / "all.nii")
    np.testing.assert_array_equal(np.asarray(mx.load(tmp_path / "all.nii")), np.asarray(memory))
    with pytest.raises(mx.MedoxideError, match="nowhere"):
        predicted(scratch=tmp_path / "nowhere")


@pytest.mark.peers
def test_half_precision_predictions_and_channels_in():
    import torch

    volume = mx.Volume(head((3, 20, 18, 16), 9), channel_axis=0)
    sliding = mx.SlidingWindow(volume, 12, reduce="mean")
    for batch in sliding.batches(2):
        assert batch.shape[1:] == (3, 12, 12, 12) and batch.is_contiguous()
        sliding.add(batch.to(torch.bfloat16))
    np.testing.assert_allclose(np.asarray(sliding.result()), np.asarray(volume), rtol=1 / 128)


@pytest.mark.peers
def test_of_several_volumes_the_next_is_made_while_one_is_predicted():
    import threading

    arrays = [head((20, 18, 16), n) for n in range(4)]
    made, begun = [], [threading.Event() for _ in arrays]

    def visit(n):
        def run(volume):
            begun[n].set()
            made.append((n, threading.current_thread() is threading.main_thread()))
            return volume

        return mx.Function(run)(mx.Volume(arrays[n]))

    def model(x):
        # While the first one is predicted the second one is under way.
        assert begun[min(len(got) + 1, 3)].wait(30)
        return x * 2

    got: list[mx.Volume] = []
    options = {"overlap": 0.5, "reduce": "mean"}
    subjects = (visit(n) if n != 2 else (visit(n), mx.Volume(arrays[n]).flip(0)) for n in range(4))
    for prediction in mx.sliding_window_inference(subjects, 12, model, **options):
        got.append(prediction)
        assert len(made) <= len(got) + 1
    for n, (one, array) in enumerate(zip(got, arrays, strict=True)):
        one = np.asarray(one)[..., 0]
        np.testing.assert_allclose(one if n != 2 else one[::-1], array * 2, rtol=1e-6)
    assert sorted(made) == [(n, False) for n in range(4)]


@pytest.mark.peers
def test_a_volume_that_fails_fails_at_its_place(tmp_path):
    good = tmp_path / "good.nii"
    mx.Volume(head((16, 16, 16))).save(good)
    bad = tmp_path / "bad.nii.gz"
    mx.Volume(head((16, 16, 16))).save(bad)
    volumes = [mx.load(good), mx.load(bad), mx.load(good)]
    bad.write_bytes(bad.read_bytes()[:-5000])
    each = mx.sliding_window_inference(volumes, 8, lambda x: x)
    next(each)
    with pytest.raises(mx.MedoxideError, match=r"bad\.nii\.gz"):
        next(each)
    # To stop early waits for nobody.
    next(mx.sliding_window_inference([mx.load(good)] * 3, 8, lambda x: x))
    assert list(mx.sliding_window_inference([], 8, lambda x: x)) == []


def test_what_does_not_fit_is_refused():
    volume = mx.Volume(head((20, 20, 20)))
    for options in (
        {"overlap": 1.0},
        {"rule": "median"},
        {"importance": "flat"},
        {"reduce": "max"},
    ):
        with pytest.raises(mx.ParamError):
            mx.SlidingWindow(volume, 12, **options)
    with pytest.raises(mx.ParamError, match="window"):
        mx.SlidingWindow(volume, (12, 0, 12))
    sliding = mx.SlidingWindow(volume, 12)
    with pytest.raises(mx.ShapeError, match="classes"):
        sliding.add(np.zeros((12, 12, 12)))
    with pytest.raises(mx.ShapeError, match="12"):
        sliding.add(np.zeros((1, 2, 12, 12, 11)))
    with pytest.raises(mx.ShapeError, match="windows"):
        sliding.result()
    bad = mx.SlidingWindow(volume, 20)
    with pytest.raises(mx.DataError, match="half precision"):
        bad.add(np.full((1, 2, 20, 20, 20), np.inf, np.float32))


def test_the_documented_examples_run():
    tried = doctest.testmod(sys.modules["medoxide.sliding"])
    assert tried.attempted >= 10 and tried.failed == 0
    page = (Path(__file__).parents[3] / "docs" / "python.md").read_text()
    section = page.split("## Predicting window by window")[1].split("\n## ")[0]
    names: dict = {}
    exec(section.split("```python\n")[1].split("```")[0], names)
    assert names["labels"].shape == (40, 30, 20)
