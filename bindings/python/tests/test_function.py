"""Python functions as transforms, anywhere in a pipeline."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

import medoxide as mx
from conftest import AFFINE, ramp

RAMP = ramp(5, 6, 7, dtype="float32")


def square(image):
    assert image.dtype == np.float32 and image.flags.writeable
    image *= image
    return image


def noisy(image, rng):
    return image + rng.standard_normal(image.shape)


def seeded(image, seed):
    return np.full_like(image, seed % 1000)


def double(image):
    return image * 2


def fail(image):
    raise KeyError("mine")


class Scaled:
    """An object that is called, with a buffer that it uses again."""

    def __init__(self, factor):
        self.factor = factor
        self.buffer = np.empty(RAMP.shape, np.float32)

    def __call__(self, image):
        return np.multiply(image, self.factor, out=self.buffer)


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("at", range(4))
def test_anywhere(at, fuse):
    others = [mx.Clamp(max=50), mx.Flip(axes="x"), mx.Crop(start=(1, 0, 2), shape=(3, 6, 4))]
    steps = [lambda a: np.minimum(a, 50), lambda a: a[::-1], lambda a: a[1:4, :, 2:6]]
    steps.insert(at, lambda a: a * a)
    others.insert(at, mx.Function(square))
    before = RAMP.copy()
    want = RAMP
    for step in steps:
        want = step(want)
    volume = mx.Volume(RAMP, AFFINE)
    out = mx.Pipeline(others, fuse=fuse)(volume)
    assert out.shape == want.shape and not out.is_computed
    assert np.array_equal(out, want) and np.array_equal(RAMP, before)
    assert np.array_equal(
        out.torch() if "torch" in sys.modules else out.numpy(order="C")[None], want[None]
    )
    assert np.array_equal(mx.Function(square)(RAMP), RAMP * RAMP)


def test_it_is_called_when_values_are_asked_for(nii):
    calls = []
    pipe = mx.Pipeline([mx.Function(lambda a: calls.append(a.shape) or a), mx.Flip(axes="y")])
    out = pipe(nii)
    shown = out.explain()
    assert not calls and "<lambda>" in shown and "no crop is pushed through it" in shown
    out.compute()
    assert calls == [(5, 6, 7)]


def test_roles_keys_and_channels():
    seen = []

    def look(array):
        seen.append((array.shape, array.dtype.name))
        return array

    sample = {
        "image": np.zeros((2, 5, 6, 7)),
        "label": mx.Volume(np.ones((5, 6, 7), np.uint8), role="label"),
        "weight": np.ones((5, 6, 7), np.float32),
    }
    for keys, want in [
        (None, [((5, 6, 7, 2), "float32")]),
        ("label", [((5, 6, 7), "uint8")]),
        (["image", "weight"], [((5, 6, 7, 2), "float32"), ((5, 6, 7), "float32")]),
    ]:
        out = mx.Pipeline([mx.Function(look, keys=keys)])(sample)
        assert all(np.asarray(v).shape == np.shape(sample[k]) for k, v in out.items())
        assert seen == want
        seen.clear()


def test_results_are_of_the_volumes_kind():
    label = mx.Volume(np.full((5, 6, 7), 3, np.uint8), role="label")
    merged = mx.Pipeline([mx.Function(lambda a: a > 2, keys="label")])({"label": label})["label"]
    assert merged.dtype == np.uint8 and merged.role == "label" and np.asarray(merged).all()
    for function, error in [
        (lambda a: a * 100.0, mx.DataError),
        (lambda a: a / 2, mx.DataError),
        (lambda a: a[1:], mx.ShapeError),
        (lambda a: a.mean(), mx.ShapeError),
        (lambda a: None, mx.ShapeError),
    ]:
        with pytest.raises((error, mx.UnsupportedError)):
            mx.Pipeline([mx.Function(function, keys="label")])({"label": label})["label"].compute()
    double = mx.Pipeline([mx.Function(lambda a: a.astype(np.float64) / 3)])(RAMP)
    assert double.dtype == np.float32 and np.array_equal(
        double, (RAMP.astype("f8") / 3).astype("f4")
    )


def test_a_buffer_that_is_used_again_does_no_harm():
    scaled = mx.Pipeline([mx.Function(Scaled(2))])
    a, b = scaled(mx.Volume(RAMP)).compute(), scaled(mx.Volume(RAMP + 1)).compute()
    assert np.array_equal(a, RAMP * 2) and np.array_equal(b, RAMP * 2 + 2)


def test_draws_are_named():
    for function in (noisy, seeded):
        pipe = mx.Pipeline([mx.Function(function)], seed=4)
        assert pipe.is_random
        a = pipe(RAMP, id="a", epoch=1)
        assert np.array_equal(a, pipe(RAMP, id="a", epoch=1))
        for other in ({"id": "b", "epoch": 1}, {"id": "a", "epoch": 2}):
            assert not np.array_equal(a, pipe(RAMP, **other))
        again = pickle.loads(pickle.dumps(pipe))
        assert again == pipe and np.array_equal(a, again(RAMP, id="a", epoch=1))
    both = mx.Pipeline([mx.Function(seeded, keys=["image", "t2"])], seed=1)
    made = both({"image": RAMP, "t2": RAMP}, id="a")
    assert made["image"].flat[0] != made["t2"].flat[0]
    assert not mx.Pipeline([mx.Function(double)]).is_random
    often = mx.Pipeline([mx.Function(double, p=0.5)], seed=0)
    doubled = [bool(often(RAMP, epoch=e)[0, 0, 1] == 2) for e in range(64)]
    assert 16 < sum(doubled) < 48


def test_a_whole_sample():
    def one_hot(sample):
        assert set(sample) == {"image", "label", "points"}
        classes = np.stack([sample["label"] == c for c in range(3)], axis=-1)
        return {
            "image": sample["image"] + 1,
            "weight": classes.astype(np.float32),
            "points": sample["points"] + 1,
        }

    label = (RAMP % 3).astype(np.uint8)
    sample = {
        "image": mx.Volume(RAMP, AFFINE),
        "label": mx.Volume(label, AFFINE, role="label"),
        "points": np.array([[1.0, 2, 3]]),
    }
    pipe = mx.Pipeline([mx.Function(one_hot, whole_sample=True), mx.Flip(axes="x")])
    out = pipe(sample)
    assert set(out) == {"image", "weight", "points"}
    assert np.array_equal(out["image"], (RAMP + 1)[::-1])
    assert out["weight"].role == "map" and out["weight"].shape == (5, 6, 7, 3)
    assert np.array_equal(np.asarray(out["weight"])[..., 1], label[::-1] == 1)
    assert np.array_equal(out["points"], [[2.0, 3, 4]])


def test_a_whole_sample_stays_on_one_grid():
    sample = {"image": RAMP, "mask": np.ones(RAMP.shape, np.uint8)}
    whole = lambda f: mx.Pipeline([mx.Function(f, whole_sample=True)])  # noqa: E731
    with pytest.raises(mx.ShapeError, match="mx.Volume"):
        whole(lambda s: s | {"image": s["image"][1:]})(sample)
    with pytest.raises(mx.ShapeError, match="one grid"):
        whole(lambda s: s | {"image": mx.Volume(s["image"][1:])})(sample)
    with pytest.raises(mx.ShapeError, match="dict"):
        whole(lambda s: None)(sample)

    def halved(s):
        return {k: mx.Volume(v[::2], np.diag([2, 1, 1, 1])) for k, v in s.items()}

    out = mx.Pipeline([mx.Function(halved, whole_sample=True), mx.Resample(shape=3)])(sample)
    assert out["image"].shape == out["mask"].shape == (3, 3, 3)


def test_what_it_raises_reaches_the_caller(nii):
    with pytest.raises(KeyError, match="mine") as failed:
        mx.Pipeline([mx.Function(fail)])(nii).compute()
    if sys.version_info >= (3, 11):
        assert 'in function fail, on item "image"' in failed.value.__notes__[0]
    assert any(entry.name == "fail" for entry in failed.traceback)
    with pytest.raises(RuntimeError, match="StopIteration"):
        mx.Pipeline([mx.Function(lambda a: next(iter([])))])(nii).compute()
    with pytest.raises(KeyError) as failed:
        mx.Dataset([{"id": "one", "image": nii}], mx.Pipeline([mx.Function(fail)]), to="numpy")[0]
    if sys.version_info >= (3, 11):
        assert any("one" in note for note in failed.value.__notes__)


def test_it_pickles_and_no_file_holds_it(nii):
    pipe = mx.Pipeline(
        [mx.Clamp(max=9), mx.Function(double, keys="image", id="twice")],
        seed=3,
        on_mismatch="resample",
    )
    again = pickle.loads(pickle.dumps(pipe))
    assert again == pipe and again.transforms == pipe.transforms and repr(again) == repr(pipe)
    assert again != mx.Pipeline(
        [mx.Clamp(max=9), mx.Function(square, keys="image", id="twice")], seed=3
    )
    assert "Function(double, keys=['image'], id='twice')" in repr(pipe)
    for write in (pipe.to_yaml, pipe.to_dict, pipe.transforms[1].to_dict):
        with pytest.raises(mx.ParamError, match=r"Function\(double.*pickle"):
            write()
    out = pipe({"image": nii})["image"]
    assert np.array_equal(pickle.loads(pickle.dumps(out)), out)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(mx.Pipeline([mx.Function(lambda a: a)]))
    for wrong in (
        {"function": 3},
        {"function": double, "p": 2},
        {"function": double, "keys": "a", "whole_sample": True},
    ):
        with pytest.raises(mx.ParamError):
            mx.Function(**wrong)


def test_a_cache_ends_before_it(nii, tmp_path):
    cache = mx.cache(tmp_path / "cache", "1 MB")
    calls = []
    pipe = mx.Pipeline([mx.Resample(spacing=2), mx.Function(lambda a: calls.append(1) or a)])
    for _ in range(2):
        assert np.array_equal(pipe(nii, cache=cache), pipe(nii))
    assert len(cache) == 1 and len(calls) == 4


def test_patches_share_one_call():
    calls = []
    pipe = mx.Pipeline(
        [mx.Function(lambda a: calls.append(1) or a + 1), mx.RandomCrop(shape=3, count=4)], seed=1
    )
    made = pipe({"image": RAMP})
    assert len(made) == 4 and len(calls) == 1
    assert all(np.asarray(m["image"]).min() >= 1 for m in made)
