"""How often each preset does what, over two thousand visits, against the recipe that it follows."""

from __future__ import annotations

import numpy as np
import pytest

import medoxide as mx

VISITS = 2000


def of(name, **wanted):
    """Steps of a name whose parameters are these."""
    return lambda steps: any(n == name and all(g.get(k) == v for k, v in wanted.items()) for n, g in steps)


def both(a, b):
    return lambda steps: a(steps) and b(steps)


def channel(name, n):
    return lambda steps: any(s == name and g["per_channel"] == [n] for s, g in steps)


def flip(axis):
    return of("flip", axes=[axis])


rotated = lambda steps: any(n == "affine" and np.any(g["rotate"]) for n, g in steps)
scaled = lambda steps: any(n == "affine" and not np.any(g["rotate"]) for n, g in steps)

RECIPES = {
    "nnunet_v2": (
        {"patch": [4, 4, 4], "read": [6, 6, 6], "beyond": [2, 2, 2]},
        {
            "rotated": (rotated, 0.2),
            "scaled": (scaled, 0.2),
            "rotated and scaled": (both(rotated, scaled), 0.04),
            "noise": (of("gaussian_noise"), 0.1),
            "blur, first channel": (channel("gaussian_smooth", 0), 0.1),
            "blur, both channels": (both(channel("gaussian_smooth", 0), channel("gaussian_smooth", 1)), 0.05),
            "brightness": (channel("scale_intensity", 1), 0.15),
            "brightness of one channel alone": (lambda s: channel("scale_intensity", 0)(s) != channel("scale_intensity", 1)(s), 0.0),
            "contrast": (channel("contrast", 0), 0.15),
            "low resolution, second channel": (channel("simulate_low_resolution", 1), 0.125),
            "gamma of the inverted": (of("gamma", invert=True), 0.1),
            "gamma": (of("gamma", invert=False), 0.3),
            **{f"mirror {a}": (flip(a), 0.5) for a in range(3)},
        },
    ),
    "monai_swinunetr": (
        {"patch": [4, 4, 4], "samples": 1, "spacing": [1.0, 1.0, 1.0]},
        {
            **{f"flip {a}": (flip(a), 0.1) for a in range(3)},
            "quarter turns": (of("rot90"), 0.1),
            "a half turn": (of("rot90", k=2), 0.1 / 3),
            "shift": (of("shift_intensity"), 0.5),
        },
    ),
    "monai_segresnet": (
        {"patch": [4, 4, 4]},
        {
            "affine": (of("affine"), 0.2),
            "noise": (of("gaussian_noise"), 0.2),
            "smooth": (of("gaussian_smooth"), 0.2),
            "scale about the mean": (of("contrast"), 0.2),
            "gamma": (of("gamma", invert=False), 0.2),
            "gamma of the inverted": (of("gamma", invert=True), 0.2),
            "both gammas": (both(of("gamma", invert=True), of("gamma", invert=False)), 0.04),
            **{f"flip {a}": (flip(a), 0.5) for a in range(3)},
        },
    ),
    "torchio_mri": (
        {"shape": [6, 6, 6]},
        {
            "motion": (of("motion"), 0.2),
            "bias field": (of("bias_field"), 0.3),
            "noise": (of("gaussian_noise"), 0.5),
            "flip": (flip(0), 0.5),
            "affine": (of("affine"), 0.8),
            "elastic": (of("elastic"), 0.2),
        },
    ),
    "medrs": ({}, {f"flip {a}": (flip(a), 0.5) for a in range(3)}),
}


@pytest.mark.parametrize("name", mx.presets())
def test_transforms_occur_as_often_as_the_recipe_says(name):
    given, wanted = RECIPES[name]
    rng = np.random.default_rng(0)
    affine = np.eye(4)
    x = {
        "image": mx.Volume(rng.uniform(1, 2, (2, 7, 6, 8)).astype(np.float32), affine=affine, channel_axis=0),
        "label": mx.Volume(rng.integers(0, 3, (7, 6, 8)).astype(np.uint8), affine=affine, role="label"),
    }
    pipe = mx.preset(name, seed=11, **given)
    counts = dict.fromkeys(wanted, 0)
    for visit in range(VISITS):
        plan = pipe.drawn(x, epoch=visit).to_dict()["transforms"]
        steps = [next(iter(step.items())) for step in plan]
        for what, (seen, _) in wanted.items():
            counts[what] += seen([(n, g) for n, g in steps if isinstance(g, dict)])
    for what, (_, p) in wanted.items():
        # Four and a half deviations: once in 150 000.
        bound = 4.5 * np.sqrt(VISITS * p * (1 - p))
        assert abs(counts[what] - VISITS * p) <= bound, f"{what}: {counts[what]} of {VISITS}, wanted {p:.3g}"
