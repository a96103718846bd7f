"""Groups of transforms, channels that draw for themselves, and drawn plans, from Python."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import medoxide as mx


def add(value):
    return mx.GaussianNoise(std=0, mean=value)


def twice(image):
    return image * 2


def noisy(image, rng):
    return image + rng.normal()


ZEROS = np.zeros((3, 4, 5), np.float32)
GROUPS = [
    mx.OneOf([add(1), mx.Flip(axes="x"), mx.ZNormalize()], weights=[3, 1, 1]),
    mx.SomeOf([add(1), add(10), add(100)], count=(1, 2), order="drawn", p=0.9, id="some"),
    mx.Maybe([add(1), mx.OneOf([add(5), mx.Maybe([add(7)], p=0.5)])], p=0.5),
    mx.Repeat([mx.GaussianNoise(std=(0, 1)), mx.Clamp(min=0)], count={"choice": [1, 3]}),
]


@pytest.mark.parametrize("group", GROUPS, ids=[g.name for g in GROUPS])
def test_a_group_is_a_transform(group):
    pipe = mx.Pipeline([group, mx.Clamp(max=50)], seed=3)
    assert pipe.is_random and pipe.transforms[0] == group
    for again in (
        mx.Pipeline.from_yaml(pipe.to_yaml()),
        mx.Pipeline.from_dict(pipe.to_dict()),
        pickle.loads(pickle.dumps(pipe)),
        mx.Pipeline(pipe.transforms, seed=3),
    ):
        assert again == pipe and again.transforms == pipe.transforms
        for epoch in range(4):
            assert np.array_equal(again(ZEROS, epoch=epoch), pipe(ZEROS, epoch=epoch))
    assert pickle.loads(pickle.dumps(group)) == group and hash(group) == hash(pipe.transforms[0])
    assert eval(repr(group), vars(mx)) == group
    assert group(ZEROS, seed=1).shape == ZEROS.shape


def test_one_of_chooses_by_weight():
    pipe = mx.Pipeline([mx.OneOf([add(1), add(2), add(3)], weights=[1, 0, 3])], seed=0)
    seen = [int(pipe(ZEROS, epoch=e).max()) for e in range(400)]
    assert set(seen) == {1, 3} and 250 < seen.count(3) < 350


def test_functions_of_python_stand_in_groups():
    group = mx.OneOf([mx.Function(twice), mx.Maybe([mx.Function(noisy)], p=0.5)])
    pipe = mx.Pipeline([add(1), group], seed=2)
    seen = [pipe(ZEROS, epoch=e) for e in range(12)]
    assert {1.0, 2.0} < {float(x.max()) for x in seen}
    again = pickle.loads(pickle.dumps(pipe))
    assert again == pipe
    for epoch, x in enumerate(seen):
        assert np.array_equal(again(ZEROS, epoch=epoch), x)
        drawn = pipe.drawn(ZEROS, epoch=epoch)
        assert not drawn.is_random
        assert np.array_equal(drawn(ZEROS), x)
        assert np.array_equal(pickle.loads(pickle.dumps(drawn))(ZEROS), x)
    with pytest.raises(mx.ParamError, match="no pipeline file can hold"):
        pipe.to_yaml()


def test_mistakes_are_told():
    with pytest.raises(mx.ParamError, match="expected transforms"):
        mx.OneOf([mx.Flip])
    with pytest.raises(mx.ParamError, match="weights"):
        mx.OneOf([add(1)], weights=[1, 2])
    with pytest.raises(mx.ParamError, match="count"):
        mx.SomeOf([add(1)], count=2)
    with pytest.raises(mx.ParamError, match="transforms"):
        mx.Maybe([], p=0.5)


def test_channels_draw_for_themselves():
    x = np.zeros((3, 4, 5, 6), np.float32)
    together = mx.GaussianNoise(std=0, mean=(0, 1))(x, seed=1, channel_axis=0)
    apart = mx.GaussianNoise(std=0, mean=(0, 1), per_channel=True)(x, seed=1, channel_axis=0)
    assert len(np.unique(together)) == 1 and len(np.unique(apart)) == 3
    only = mx.GaussianNoise(std=1, per_channel=[2])(x, seed=1, channel_axis=0)
    assert not only[:2].any() and only[2].any()
    volume = mx.Volume(x, channel_axis=0)
    assert not np.asarray(volume.clamp(1, 2, per_channel=[0]))[..., 1:].any()
    some = mx.GaussianNoise(per_channel=0.5)
    touched = [int(some(x, seed=s, channel_axis=0).any((1, 2, 3)).sum()) for s in range(100)]
    assert set(touched) == {0, 1, 2, 3} and 110 < sum(touched) < 190
    with pytest.raises(mx.ParamError, match="per_channel"):
        mx.Clamp(min=0, per_channel=2)


def test_a_drawn_plan_repeats_what_was_done():
    pipe = mx.Pipeline(
        [
            mx.RandomCrop(shape=6, count=2),
            mx.Affine(rotate=(-20, 20), scale=(0.8, 1.2), p=0.7),
            mx.GaussianNoise(std=(0, 1), per_channel=0.5),
            mx.SomeOf([mx.Flip(axes="x"), mx.Flip(axes="y"), mx.Clamp(min=0)], count=(0, 3)),
        ]
    )
    rng = np.random.default_rng(0)
    x = {
        "image": rng.normal(size=(2, 9, 8, 7)).astype(np.float32),
        "label": rng.integers(0, 3, (9, 8, 7)),
    }
    for epoch in range(5):
        drawn = pipe.drawn(x, epoch=epoch, id="case")
        assert not drawn.is_random
        again = mx.Pipeline.from_yaml(drawn.to_yaml())
        for a, b, c in zip(pipe(x, epoch=epoch, id="case"), drawn(x), again(x), strict=True):
            for key in x:
                assert np.array_equal(a[key], b[key]) and np.array_equal(a[key], c[key])
    assert pipe.drawn(x, epoch=1, id="case") == pipe.drawn(x, epoch=1, id="case")
    assert pipe.drawn(x, epoch=1, id="case") != pipe.drawn(x, epoch=2, id="case")


@pytest.mark.parametrize("name", mx.presets())
def test_presets_are_pipelines_and_files(name):
    pipe = mx.preset(name, seed=1)
    assert pipe.is_random and pipe.seed == 1
    text = mx.preset_yaml(name)
    assert "# Source: " in text and mx.presets()[name] in text
    assert mx.Pipeline.from_yaml(text).transforms == pipe.transforms


def test_a_preset_runs():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 24, 22, 20)).astype(np.float32)
    x = {"image": image, "seg": rng.integers(0, 3, (24, 22, 20), np.uint8)}
    pipe = mx.preset("nnunet_v2", patch=[12, 12, 12], read=[20, 20, 20], beyond=[8, 8, 8], label="seg")
    out = pipe(x)
    assert out["image"].shape == (2, 12, 12, 12) and set(np.unique(out["seg"])) <= {0, 1, 2}
    with pytest.raises(mx.ParamError, match="nnunet_v2"):
        mx.preset("nnunet")
    with pytest.raises(mx.ParamError, match="noise"):
        mx.preset("medrs", sigma=1)
