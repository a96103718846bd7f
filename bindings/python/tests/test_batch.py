"""Several samples as the rows of one array."""

from __future__ import annotations

import numpy as np
import pytest

import medoxide as mx


def sample(n, shape=(20, 18, 16)):
    rng = np.random.default_rng(n)
    return {
        "image": rng.normal(size=(2, *shape)).astype(np.float32),
        "label": rng.integers(0, 3, shape).astype(np.uint8),
        "points": np.array([[1.0, 2.0, n]]),
        "id": f"case {n}",
        "age": 40 + n,
    }


PIPE = mx.Pipeline(
    [
        mx.Affine(rotate=[-20, 20], scale=[0.8, 1.2], p=0.7),
        mx.RandomCrop(shape=(9, 8, 7), count=2),
        mx.Gamma([0.7, 1.5], per_channel=True),
        mx.GaussianNoise(std=[0, 0.5]),
        mx.Flip(axes="xy", p=0.5),
    ],
    seed=4,
)


@pytest.mark.parametrize("threads", [None, 1, 2, 7])
def test_rows_are_what_the_pipeline_gives_one_by_one(threads):
    samples = [sample(n) for n in range(3)]
    made = PIPE.batch(samples, epoch=2, threads=threads)
    assert made["image"].shape == (6, 2, 9, 8, 7) and made["image"].dtype == np.float32
    assert made["label"].shape == (6, 1, 9, 8, 7) and made["label"].dtype == np.int16
    assert made["image"].flags.c_contiguous and made["age"].tolist() == [40, 40, 41, 41, 42, 42]
    for n, one in enumerate(samples):
        for k, patch in enumerate(PIPE(one, epoch=2)):
            row = 2 * n + k
            np.testing.assert_array_equal(made["image"][row], np.asarray(patch["image"]))
            np.testing.assert_array_equal(made["label"][row, 0], np.asarray(patch["label"]))
            np.testing.assert_array_equal(made["points"][row], patch["points"])
            assert made["id"][row] == one["id"]


def test_results_are_written_where_they_are_wanted():
    samples = [sample(n) for n in range(2)]
    wanted = PIPE.batch(samples)
    image, label = np.full((4, 2, 9, 8, 7), np.nan, np.float16), np.zeros((4, 1, 9, 8, 7), np.int64)
    made = PIPE.batch(samples, out={"image": image, "label": label})
    assert made["image"] is image and made["label"] is label
    np.testing.assert_array_equal(image, wanted["image"].astype(np.float16))
    np.testing.assert_array_equal(label, wanted["label"])


def test_volumes_paths_and_arrays_give_one_array(tmp_path):
    array = np.random.default_rng(0).normal(size=(8, 7, 6)).astype(np.float32)
    mx.Volume(array).save(tmp_path / "a.nii.gz")
    pipe = mx.Pipeline([mx.Clamp(-1, 1), mx.Pad(before=1, after=0)])
    made = pipe.batch([array, mx.Volume(array * 2), tmp_path / "a.nii.gz"], dtypes={})
    assert made.shape == (3, 1, 9, 8, 7)
    np.testing.assert_array_equal(made[0, 0, 1:, 1:, 1:], array.clip(-1, 1))
    np.testing.assert_array_equal(made[0], made[2])
    out = np.empty((1, 1, 9, 8, 7), np.float64)
    assert pipe.batch([array], out=out) is out
    np.testing.assert_array_equal(out[0], made[0])


@pytest.mark.peers
def test_tensors_give_tensors():
    import torch

    x = torch.arange(2 * 3 * 4 * 5, dtype=torch.float32).reshape(2, 3, 4, 5)
    pipe = mx.Pipeline([mx.Flip(axes=0)])
    made = pipe.batch([x, x + 1], channel_axis=0)
    assert isinstance(made, torch.Tensor)
    assert torch.equal(made, torch.stack([x, x + 1]).flip(2))
    for dtype in (torch.bfloat16, torch.float16, torch.int32):
        out = torch.zeros(2, 2, 3, 4, 5, dtype=dtype)
        assert pipe.batch([x, x + 1], channel_axis=0, out=out) is out
        assert torch.equal(out, made.to(dtype))


def test_what_does_not_fit_is_refused():
    pipe = mx.Pipeline([mx.Clamp(0, 1)])
    a, b = np.zeros((4, 4, 4), np.float32), np.zeros((4, 4, 5), np.float32)
    with pytest.raises(mx.ShapeError, match=r"sample 1 .*\[4, 4, 5\].*CropOrPad"):
        pipe.batch([a, b])
    with pytest.raises(mx.ShapeError, match=r"\(2, 1, 4, 4, 4\)"):
        pipe.batch([a, a], out=np.zeros((2, 4, 4, 4), np.float32))
    with pytest.raises(mx.ParamError, match="contiguous"):
        pipe.batch([a, a], out=np.zeros((4, 4, 4, 1, 2), np.float32).T)
    with pytest.raises(mx.ParamError, match="dict"):
        pipe.batch([{"image": a}], out=np.zeros((1, 1, 4, 4, 4), np.float32))
    with pytest.raises(mx.ParamError, match="out is 'mask'"):
        pipe.batch([{"image": a}], out={"mask": np.zeros((1, 1, 4, 4, 4), np.float32)})
    with pytest.raises(mx.ParamError, match="samples"):
        pipe.batch([])
    with pytest.raises(mx.ParamError, match="ids"):
        pipe.batch([a], ids=["a", "b"])
    with pytest.raises(mx.ParamError, match="threads"):
        pipe.batch([a], threads=0)
    with pytest.raises(mx.ParamError, match="one kind"):
        pipe.batch([a, {"image": a}])
    with pytest.raises(mx.DataError, match="300"):
        pipe = mx.Pipeline([])
        pipe.batch([{"label": np.full((2, 2, 2), 300, np.int16)}], dtypes={"label": "uint8"})
