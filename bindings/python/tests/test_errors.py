"""The hierarchy of errors: classes, facts, pickling."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import medoxide as mx
from conftest import ramp

PARENTS = {
    "FileError": OSError,
    "MissingFileError": FileNotFoundError,
    "ChangedFileError": mx.FileError,
    "FormatError": ValueError,
    "UnsupportedError": NotImplementedError,
    "ShapeError": ValueError,
    "ParamError": ValueError,
    "LimitError": MemoryError,
    "DataError": ValueError,
    "InternalError": RuntimeError,
}


def test_every_class_has_a_builtin_parent():
    classes = {n for n in mx.errors.__all__ if n.endswith("Error") and n != "MedoxideError"}
    assert classes == set(PARENTS)
    for name, parent in PARENTS.items():
        cls = getattr(mx, name)
        assert issubclass(cls, parent) and issubclass(cls, mx.MedoxideError)


def raise_missing(tmp_path):
    mx.load(tmp_path / "none.nii")


def raise_file(tmp_path):
    mx.load(tmp_path)


def raise_format(tmp_path):
    path = tmp_path / "x.nii"
    mx.Volume(ramp(3, 4, 5)).save(path)
    path.write_bytes(path.read_bytes()[:400])
    mx.load(path)


def raise_unsupported(tmp_path):
    path = tmp_path / "x.nii"
    mx.Volume(ramp(3, 4, 5)).save(path)
    raw = bytearray(path.read_bytes())
    raw[70:72] = (1536).to_bytes(2, "little")  # float128
    path.write_bytes(raw)
    mx.load(path)


def raise_shape(tmp_path):
    mx.Volume(ramp(3))


def raise_param(tmp_path):
    mx.Volume(ramp(3, 4, 5)).reorient("RRR")


def raise_limit(tmp_path):
    mx.Volume(ramp(3, 4, 5)).pad(100_000)


def raise_data(tmp_path):
    mx.Volume(np.full((2, 2, 2), 0.5), role="label")


def raise_internal(tmp_path):
    mx._medoxide._panic("on purpose")


def raise_spec(tmp_path):
    path = tmp_path / "pipe.yaml"
    path.write_text("medoxide: 1\ntransforms:\n  - clamp: {min: 0, mux: 1}\n")
    mx.Pipeline.from_file(path)


CASES = [
    (raise_missing, mx.MissingFileError, {"path": "none.nii", "errno": 2}),
    (raise_file, mx.FileError, {"path": ""}),
    (
        raise_format,
        mx.FormatError,
        {"path": "x.nii", "field": "size", "found": "400", "expected": "at least"},
    ),
    (
        raise_unsupported,
        mx.UnsupportedError,
        {"path": "x.nii", "what": "float128", "hint": "float64"},
    ),
    (raise_shape, mx.ShapeError, {"found": "[3]", "expected": "channel_axis"}),
    (
        raise_param,
        mx.ParamError,
        {
            "transform": "reorient",
            "name": "orientation",
            "found": "RRR",
            "expected": "RAS",
            "step": 1,
        },
    ),
    (raise_limit, mx.LimitError, {"asked": None, "allowed": None}),
    (raise_data, mx.DataError, {"found": "0.5", "hint": "role"}),
    (raise_internal, mx.InternalError, {}),
    (
        raise_spec,
        mx.ParamError,
        {"path": "pipe.yaml", "transform": "clamp", "name": "mux", "place": "entry 1"},
    ),
]


@pytest.mark.parametrize(("act", "cls", "facts"), CASES, ids=[c[0].__name__ for c in CASES])
def test_class_facts_and_pickling(tmp_path, capfd, act, cls, facts):
    with pytest.raises(mx.MedoxideError) as caught:
        act(tmp_path)
    e = caught.value
    assert type(e) is cls
    for name, part in facts.items():
        value = getattr(e, name)
        if isinstance(part, str):
            assert part in value
        else:
            assert value == part if part is not None else value > 0
    again = pickle.loads(pickle.dumps(e))
    assert type(again) is cls and str(again) == str(e) and vars(again) == vars(e)
    if "path" in facts:
        assert str(e).startswith(e.path)
    assert "\n" not in str(e)


def test_a_panic_is_an_exception_and_the_process_goes_on(capfd):
    with pytest.raises(Exception, match="on purpose"):
        mx._medoxide._panic("on purpose")
    assert np.asarray(mx.Volume(ramp(3, 4, 5)).clamp(0, 1)).max() == 1


def test_plain_python_catches_them(tmp_path):
    with pytest.raises(FileNotFoundError):
        mx.load(tmp_path / "none.nii")
    with pytest.raises(ValueError):
        mx.Clamp(min="a")
    with pytest.raises(ValueError, match="perhaps clamp"):
        mx.Pipeline.from_yaml("medoxide: 1\ntransforms: [clomp]")


@pytest.mark.parametrize(
    ("name", "value"), [("MEDOXIDE_LEVEL", "mmx"), ("MEDOXIDE_THREADS", "many")]
)
def test_environment_that_cannot_be_used_is_told_at_import(name, value):
    code = "import medoxide"
    done = subprocess.run(
        [sys.executable, "-c", code], env={name: value}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert name in done.stderr and value in done.stderr and "ParamError" in done.stderr


def test_environment_is_used():
    code = "import medoxide as mx; f = mx.features(); print(f['level'], f['threads'])"
    env = {"MEDOXIDE_LEVEL": "plain", "MEDOXIDE_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["plain", "3"]
