"""One interpolation is nearer to the truth than a chain of them: ours step by step, MONAI's and TorchIO's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

SPEC = importlib.util.spec_from_file_location("accuracy", Path(__file__).parents[3] / "scripts" / "accuracy.py")
assert SPEC is not None and SPEC.loader is not None
accuracy = importlib.util.module_from_spec(SPEC)
sys.modules["accuracy"] = accuracy
SPEC.loader.exec_module(accuracy)


@pytest.mark.parametrize("name", accuracy.CHAINS)
def test_one_interpolation_is_nearest_to_the_truth(name):
    found = {way: accuracy.rms(error) for way, error in accuracy.errors(accuracy.CHAINS[name]).items()}
    one = found.pop("medoxide")
    # An error in a map would be of the order of the content's changes, a tenth of its range.
    assert 0 < one < 0.02
    for way, other in found.items():
        # At least a decibel.
        assert one < 0.89 * other, f"{way}: {other:.3g}, {one:.3g} in one interpolation"
