"""The examples, at a size that a test can wait for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.peers
def test_a_unet_learns_the_tissues_of_the_other_hemisphere(tmp_path):
    spec = importlib.util.spec_from_file_location("train_unet", EXAMPLES / "train_unet.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    picture = tmp_path / "slice.png"
    grey, white = example.train(steps=60, spacing=2.5, seed=1, picture=str(picture))
    # An untrained one has 0.1 or so; the whole run (--steps 300 --spacing 1.5) ends far above.
    assert grey > 0.6 and white > 0.6, (grey, white)
    assert picture.stat().st_size > 1000
