"""Types say what is there: the stub against the binary, and the package in strict mode."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(*args: str) -> None:
    done = subprocess.run([sys.executable, "-m", *args], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_is_the_binary():
    run("mypy.stubtest", "medoxide._medoxide", "--mypy-config-file", "pyproject.toml")


def test_the_package_is_typed():
    run("mypy", "--config-file", "pyproject.toml")


def test_what_users_write_is_typed(tmp_path):
    good = tmp_path / "good.py"
    good.write_text(
        "import pathlib\n"
        "import numpy as np\n"
        "import medoxide as mx\n"
        "v: mx.Volume = mx.load('a.nii').reorient('RAS').resample((1, 1, 1)).clamp(-1, 1)[2:, ::-1]\n"
        "p = mx.Pipeline([mx.ZNormalize(mask='nonzero'), mx.Pad(amount=3, mode='edge', p=0.5)], seed=1)\n"
        "a: np.ndarray = v.numpy(np.float32, order='C')\n"
        "s: tuple[float, float, float] = v.spacing\n"
        "w: mx.Volume = v.resample_to(grid=v).resample_to(pathlib.Path('b.nii')).pick_channels(2)\n"
    )
    run("mypy", "--config-file", "pyproject.toml", "--strict", str(good))
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import medoxide as mx\nmx.Pad(mode='mirror')\nmx.load('a').clamp('x')\nmx.ZNormalize(mosk=1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(bad)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("error:") == 3, done.stdout
