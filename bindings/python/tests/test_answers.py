"""Draws made again from their description alone: Philox 4x32-10 in plain Python, and the rule by which keys are named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from keys import Key

ANSWERS = json.loads(
    (Path(__file__).parents[3] / "tests" / "data" / "random" / "answers.json").read_text()
)


@pytest.mark.parametrize("one", ANSWERS["keys"], ids=lambda k: k["transform"] + str(k["epoch"]))
def test_keys(one):
    key = (
        Key.of_seed(one["seed"])
        .text("epoch")
        .index(one["epoch"])
        .text("sample")
        .text(one["sample"])
    )
    key = key.text("transform").text(one["transform"]).text("item").text(one["item"])
    key = key.text(one["parameter"])
    assert "".join(f"{w:08x}" for w in key.words) == one["key"]
    assert key.bits() == one["bits"] and key.uniform() == one["uniform"]
    assert key.bits() * 1000 >> 64 == one["below_1000"]
    assert key.index(5).bits() == one["index_5"]
    assert key.text("patch").index(3).bits() == one["patch_3"]
    assert key.normal() == pytest.approx(one["normal"], rel=1e-14)
    assert key.voxels(2, 9) == one["uniform_row_2_to_9"]
    assert [key.index(n).uniform() for n in range(3)] == one["each_axis"]


def test_distributions():
    def two_sided(low, high, u):
        return low + (1 - low) * 2 * u if u < 0.5 else 1 + (high - 1) * (2 * u - 1)

    def below(x):
        return math.erfc(-x / math.sqrt(2)) / 2

    def log_gamma(shape, key):
        d = shape + 2 / 3
        for n in range(100):
            one = key.index(n)
            x = one.normal()
            v = (1 + x / math.sqrt(9 * d)) ** 3
            accept = math.log(1 - one.text("accept").uniform())
            if v > 0 and accept < x * x / 2 + d - d * v + d * math.log(v):
                return math.log(d * v) + math.log(1 - one.text("power").uniform()) / shape
        raise AssertionError("none of a hundred was accepted")

    def beta(a, b, key):
        return 1 / (1 + math.exp(log_gamma(b, key.text("b")) - log_gamma(a, key.text("a"))))

    for one in ANSWERS["dists"]:
        for n, drawn in enumerate(one["under_seed_1_index_0_to_3"]):
            key = Key.of_seed(1).index(n)
            u, dist = key.uniform(), one["dist"]
            if not isinstance(dist, dict):
                low, high = dist if isinstance(dist, list) else (dist, dist)
                assert drawn == low + (high - low) * u
                continue
            ((kind, p),) = dist.items()
            if kind == "truncated_normal":
                mean, sd, low, high = p
                share = (below((drawn - mean) / sd) - below((low - mean) / sd)) / (
                    below((high - mean) / sd) - below((low - mean) / sd)
                )
                assert share == pytest.approx(u, abs=1e-11)
                continue
            want = {
                "log_uniform": lambda p, u=u: math.exp(math.log(p[0]) + math.log(p[1] / p[0]) * u),
                "normal": lambda p, k=key: p[0] + p[1] * k.normal(),
                "two_sided": lambda p, u=u: two_sided(*p, u),
                "beta": lambda p, k=key: beta(*p, k),
                "choice": lambda p, k=key: p[k.bits() * len(p) >> 64],
            }[kind](p)
            assert drawn == pytest.approx(want, rel=1e-12)
