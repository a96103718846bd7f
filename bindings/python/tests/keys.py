"""Keys of random draws in plain Python, from the description in docs/random.md: for tests that need the very numbers that were drawn."""

from __future__ import annotations

import math

import numpy as np

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

    @classmethod
    def of_text(cls, digits):
        """As a drawn plan has it: 32 hexadecimal digits."""
        return cls(tuple(int(digits[n : n + 8], 16) for n in range(0, 32, 8)))

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

    def below(self, n):
        return self.bits() * int(n) >> 64

    def normal(self):
        u, v = 1 - self.text("u").uniform(), self.text("v").uniform()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)

    def words_of(self, start, stop):
        """A word of 32 bits for each voxel of a range."""
        a, b, c, d = self.words
        return [philox((n // 4 & LOW, n // 4 >> 32, c, d), (a, b))[n % 4] for n in range(start, stop)]

    def voxels(self, start, stop):
        return [(w >> 8) / 2**24 for w in self.words_of(start, stop)]

    def field(self, shape):
        """A uniform number for each voxel of (x, y, z), x fastest."""
        return np.array(self.voxels(0, math.prod(shape)), np.float32).reshape(shape, order="F")

    def normal_field(self, shape):
        """A normal number for each voxel of (x, y, z), x fastest: two of a pair of words, by Box and Muller's rule."""
        count = math.prod(shape)
        words = np.array(self.words_of(0, count + count % 2)).reshape(-1, 2)
        radius = np.sqrt(-2 * np.log((words[:, 0] // 2 + 0.5) / 2**31))
        turn = 2 * np.pi * words[:, 1] / 2**32
        both = np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)
        return both.ravel()[:count].reshape(shape, order="F")
