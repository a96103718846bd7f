"""What the docs say other libraries call a transform is there, in the versions that the tests are pinned to."""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "transforms.md"

#: Each library's module; dotted names begin there.
MODULES = {
    "MONAI": "monai",
    "TorchIO": "torchio",
    "batchgeneratorsv2": "batchgeneratorsv2",
    "NumPy": "numpy",
    "SciPy": "scipy",
    "SimpleITK": "SimpleITK",
    "OpenCV": "cv2",
    "Pillow": "PIL",
    "PyTorch": "torch",
    "cc3d": "cc3d",
    "edt": "edt",
    "nibabel": "nibabel",
    "scikit-image": "skimage",
}


def claims() -> list[tuple[str, str, str]]:
    """Transform, library and one of its names, from the reference page."""
    out = []
    for part in PAGE.read_text().split("\n### ")[1:]:
        found = re.search(r"^Peers: (.*)\.$", part, re.MULTILINE)
        for peer in found[1].split("; ") if found and found[1] != "none" else []:
            library, names = peer.split(" ", 1)
            out += [
                (part.split("\n", 1)[0], library, name.strip("`")) for name in names.split(", ")
            ]
    return out


@cache
def classes(library: str) -> str:
    """Sources of a package whose modules need more than is installed."""
    spec = importlib.util.find_spec(library)
    assert spec and spec.submodule_search_locations
    return "\n".join(p.read_text() for p in Path(spec.submodule_search_locations[0]).rglob("*.py"))


def there(library: str, name: str) -> bool:
    """Whether the library has something of that name."""
    module = MODULES[library]
    if library == "batchgeneratorsv2":
        return re.search(rf"^class {name}\b", classes(module), re.MULTILINE) is not None
    for start in [f"{module}.transforms"] * (library == "MONAI") + [module]:
        at, path = importlib.import_module(start), start
        for step in name.split("."):
            path = f"{path}.{step}"
            if not hasattr(at, step):
                try:
                    importlib.import_module(path)
                except ImportError:
                    break
            at = getattr(at, step)
        else:
            return True
    return False


def test_there_are_claims():
    assert len(claims()) >= 100


@pytest.mark.parametrize("library", sorted({library for _, library, _ in claims()}))
def test_names_are_there(library):
    pytest.importorskip(MODULES[library])
    wrong = [(t, name) for t, lib, name in claims() if lib == library and not there(library, name)]
    assert not wrong
