"""Batches whose samples are mixed: MONAI's definitions with the same draws, and draws that follow from names alone."""

from __future__ import annotations

import medoxide as mx
import numpy as np
import pytest

IDS = ["a", "b", "c", "d", "e"]


def batch(seed=0, shape=(7, 6, 5)):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.normal(size=(5, 2, *shape)).astype(np.float32),
        "label": rng.integers(0, 4, (5, 1, *shape)).astype(np.int16),
        "score": rng.normal(size=5),
    }


def peer_of(kind, made, size, start=()):
    """MONAI's transform with our draws."""
    import torch

    peer = kind(size)
    weight = torch.from_numpy(made["drawn"])
    starts = [torch.tensor([int(s)]) for s in start]
    peer._params = (weight, made.get("partner", np.arange(size)), starts)
    return peer


@pytest.mark.peers
def test_mixup_is_monais():
    import torch
    from monai.transforms import MixUp

    given = batch()
    for seed in range(5):
        made = mx.mixup(given, 0.4, seed=seed, ids=IDS)
        told = made["mixup"]
        peer = peer_of(MixUp, {"drawn": told["weight"], "partner": told["partner"]}, 5)
        want = peer.apply(torch.from_numpy(given["image"])).numpy()
        np.testing.assert_array_equal(made["image"], want)
        assert made["label"] is given["label"] and made["score"] is given["score"]
        assert sorted(told["partner"]) == [0, 1, 2, 3, 4]


@pytest.mark.peers
@pytest.mark.parametrize("name", ["CutMix", "CutOut"])
def test_boxes_are_monais(name):
    import monai.transforms as peers
    import torch

    given = batch()
    ours = {"CutMix": mx.cutmix, "CutOut": mx.cutout}[name]
    for seed in range(5):
        made = ours(given, seed=seed, ids=IDS)
        told = made[name.lower()]
        rows = [(i, 0, 0) for i in IDS]
        drawn = mx._medoxide.mix_draws(name.lower(), seed, rows, (1.0, 1.0), 1.0, (7, 6, 5))
        partner = np.array(drawn[1])
        for row in range(5):
            # MONAI has one place for all rows.
            params = {"drawn": np.array(drawn[0], np.float32), "partner": partner}
            peer = peer_of(getattr(peers, name), params, 5, told["start"][row])
            want = peer.apply(torch.from_numpy(given["image"])).numpy()
            np.testing.assert_array_equal(made["image"][row], want[row])
        if name == "CutMix":
            np.testing.assert_array_equal(told["partner"], partner)
            for row in range(5):
                box = tuple(
                    slice(*ends) for ends in zip(told["start"][row], told["stop"][row], strict=True)
                )
                want = given["label"][row].copy()
                want[(slice(None), *box)] = given["label"][partner[row]][(slice(None), *box)]
                np.testing.assert_array_equal(made["label"][row], want)
                share = 1 - np.prod([s.stop - s.start for s in box]) / 210
                assert told["weight"][row] == np.float32(share)


def test_what_a_row_draws_follows_from_its_name():
    given = batch()
    made = mx.mixup(given, 0.4, seed=3, epoch=2, ids=IDS)
    fewer = {key: value[1:4] for key, value in given.items()}
    part = mx.mixup(fewer, 0.4, seed=3, epoch=2, ids=IDS[1:4])
    np.testing.assert_array_equal(part["mixup"]["weight"], made["mixup"]["weight"][1:4])
    for other in ({"seed": 4, "epoch": 2}, {"seed": 3, "epoch": 1}):
        assert (
            mx.mixup(given, 0.4, ids=IDS, **other)["mixup"]["weight"] != made["mixup"]["weight"]
        ).all()
    # Loaders name the rows.
    meta = [{"id": i, "epoch": 2, "patch": 0} for i in IDS]
    named = mx.mixup(given | {"meta": meta}, 0.4, seed=3)
    np.testing.assert_array_equal(named["image"], made["image"])
    meta[2]["patch"] = 1
    named = mx.mixup(given | {"meta": meta}, 0.4, seed=3)["mixup"]["weight"]
    assert (named != made["mixup"]["weight"]).tolist() == [False, False, True, False, False]


def test_weights_are_drawn_from_beta_and_p_decides():
    from scipy import stats

    rows = [str(n) for n in range(20_000)]
    given = {"image": np.zeros((20_000, 1, 1, 1, 1), np.float32)}
    for alpha, shapes in [(0.2, (0.2, 0.2)), ((2, 5), (2, 5))]:
        told = mx.mixup(given, alpha, seed=1, ids=rows)["mixup"]
        # In double precision: weights near 1 are 1 in float32.
        named = [(i, 0, 0) for i in rows]
        drawn = mx._medoxide.mix_draws(
            "mixup", 1, named, tuple(map(float, shapes)), 1.0, (1, 1, 1)
        )[0]
        assert stats.kstest(drawn, stats.beta(*shapes).cdf).pvalue > 1e-3
        np.testing.assert_array_equal(told["weight"], np.float32(drawn))
        assert sorted(told["partner"]) == list(range(20_000))
    told = mx.mixup(given, seed=1, ids=rows, p=0.3)["mixup"]
    assert 5_700 < (told["weight"] < 1).sum() < 6_300


def test_tensors_give_the_bits_of_arrays():
    torch = pytest.importorskip("torch")
    given = batch()
    tensors = {key: torch.from_numpy(value) for key, value in given.items()}
    for function in (mx.mixup, mx.cutmix, mx.cutout):
        before = {key: value.copy() for key, value in given.items()}
        arrays, made = function(given, seed=1, ids=IDS), function(tensors, seed=1, ids=IDS)
        for key in ("image", "label"):
            np.testing.assert_array_equal(made[key].numpy(), arrays[key])
            np.testing.assert_array_equal(given[key], before[key])
        for key, value in arrays[function.__name__].items():
            assert torch.is_tensor(made[function.__name__][key])
            np.testing.assert_array_equal(made[function.__name__][key].numpy(), value)


def test_of_a_loader():
    scans = [
        {"image": np.full((6, 6, 6), n, "f4"), "label": np.full((6, 6, 6), n, "i2")}
        for n in range(6)
    ]
    pipe = mx.Pipeline([mx.RandomCrop(shape=4, count=2), mx.LabelPyramid([0.5])], seed=1)
    for made in mx.Loader(scans, pipe, batch_size=6, to="numpy"):
        mixed = mx.cutmix(made, seed=2)
        told = mixed["cutmix"]
        # The label of half the size stays; image and label are cut alike.
        assert mixed["label_2"] is made["label_2"]
        np.testing.assert_array_equal(mixed["label"], mixed["image"].astype("i2"))
        own = (mixed["image"] == made["image"]).mean(axis=(1, 2, 3, 4))
        other = made["image"][told["partner"], 0, 0, 0, 0] != made["image"][:, 0, 0, 0, 0]
        np.testing.assert_allclose(own[other], told["weight"][other], rtol=1e-6)


def test_wrong_batches_are_told():
    given = batch()
    for function, more, word in [
        (mx.mixup, {"keys": "label", "ids": IDS}, "class numbers"),
        (mx.mixup, {"keys": "nothing", "ids": IDS}, "nothing"),
        (mx.mixup, {}, "ids"),
        (mx.mixup, {"ids": IDS[:3]}, "3 names"),
        (mx.mixup, {"ids": IDS, "alpha": 0}, "alpha"),
        (mx.cutmix, {"ids": IDS, "p": 2}, "p is"),
        (mx.cutmix, {"ids": IDS, "keys": []}, "keys"),
    ]:
        with pytest.raises(mx.ParamError, match=word):
            function(given, seed=1, **more)
    with pytest.raises(mx.ShapeError, match="half"):
        mx.cutmix(
            given | {"half": given["image"][:, :, ::2]}, seed=1, ids=IDS, keys=["image", "half"]
        )
