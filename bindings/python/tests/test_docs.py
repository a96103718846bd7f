"""The examples of docstrings, of docs/python.md and of the README run."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import medoxide as mx

ROOT = Path(__file__).parents[3]
TEXT = "\n".join((ROOT / name).read_text() for name in ("docs/python.md", "README.md"))
#: Those that read no file of the reader's.
BLOCKS = [
    b
    for b in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    if "import numpy" in b and "t1.nii.gz" not in b
]
MODULES = sorted(m.name for m in pkgutil.iter_modules(mx.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(f"medoxide.{name}")
    assert doctest.testmod(module).failed == 0


def test_the_package_docstring():
    done = doctest.testmod(mx)
    assert done.attempted >= 4 and done.failed == 0


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.splitlines()[-1][:40])
def test_blocks(block):
    exec(compile(block, "docs/python.md", "exec"), {})


def test_there_are_blocks():
    assert len(BLOCKS) >= 4


def test_the_gallery_has_a_picture_of_every_transform():
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "docs" / "gallery.py")
    assert spec and spec.loader
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    assert len(gallery.catalog()) >= 50 and gallery.missing() == []


def test_the_benchmarks_have_every_transform(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    rows = importlib.import_module("rows_catalog")
    names = {name for name, _, _ in mx._medoxide.transforms()}
    assert set(rows.CATALOG) == names
    silent = [n for n, e in rows.CATALOG.items() if not (e.peers or e.slow) and not e.alone]
    assert silent == []
