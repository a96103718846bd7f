"""Draws made again from their description alone: Philox 4x32-10 in plain Python, and the rule by which keys are named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

ANSWERS = json.loads(
    (Path(__file__).parents[3] / "tests" / "data" / "random" / "answers.json").read_text()
)
LOW = 0xFFFF_FFFF


def philox(counter, key):
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = a * 0xD251_1F53, c * 0xCD9E_8D57
        a, b, c, d = (q >> 32) ^ b ^ k0, q & LOW, (p >> 32) ^ d ^ k1, p & LOW
        k0, k1 = (k0 + 0x9E37_79B9) & LOW, (k1 + 0xBB67_AE85) & LOW
    return a, b, c, d


class Key:
    def __init__(self, words):
        self.words = words

    @classmethod
    def of_seed(cls, seed):
        return cls((seed & LOW, seed >> 32, 0x6D65_646F, 0x7869_6465)).step(0, 0x8000_0001)

    def step(self, low, tag):
        a, b, c, d = self.words
        return Key(philox((low, tag, c, d), (a, b)))

    def index(self, i):
        return self.step(i & LOW, 0x2000_0000).step(i >> 32, 0x8000_0001)

    def text(self, name):
        raw, key = name.encode(), self
        for n in range(0, len(raw), 4):
            word = int.from_bytes(raw[n : n + 4].ljust(4, b"\0"), "little")
            key = key.step(word, 0x2000_0000 | n // 4)
        return key.step(len(raw), 0x8000_0002)

    def bits(self):
        low, high, *_ = self.step(0, 0x4000_0000).words
        return low | high << 32

    def uniform(self):
        return (self.bits() >> 11) / 2**53

    def normal(self):
        u, v = 1 - self.text("u").uniform(), self.text("v").uniform()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)

    def voxels(self, start, stop):
        a, b, c, d = self.words
        words = (
            philox((n // 4 & LOW, n // 4 >> 32, c, d), (a, b))[n % 4] for n in range(start, stop)
        )
        return [(w >> 8) / 2**24 for w in words]


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
