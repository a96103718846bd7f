"""Two minutes of a loader's daily life (`scripts/soak` for longer)."""

from __future__ import annotations

import pytest
from soak import soak


@pytest.mark.slow
def test_two_minutes_of_loading(tmp_path):
    seen = soak(tmp_path, 120)
    assert seen["epochs"] > 20 and seen["resumed"] > 10 and seen["dropped"] > 10, seen
