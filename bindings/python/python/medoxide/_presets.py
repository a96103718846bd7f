"""Recipes that others train with, as pipeline files."""

from __future__ import annotations

from typing import Any

from . import _medoxide
from .pipeline import Pipeline


def preset(name: str, *, seed: int | None = None, **parameters: Any) -> Pipeline:
    """The pipeline of a recipe that others train with.

    `preset_yaml` gives the same as a file with comments that say where it comes from, to be edited;
    `presets` tells what there is.

    >>> import medoxide as mx
    >>> pipe = mx.preset("nnunet_v2", patch=(96, 96, 96), read=(154, 154, 154), beyond=(58, 58, 58))
    >>> pipe.is_random, len(pipe)
    (True, 17)

    Parameters
    ----------
    name : str
        Name of the preset.
    seed : int
        Name of the draws; drawn from the system if not given.
    **parameters
        Parameters of the preset, as the head of its file tells them.
    """
    made = Pipeline.from_yaml(preset_yaml(name, **parameters))
    return made if seed is None else Pipeline(made.transforms, seed=seed)


def preset_yaml(name: str, **parameters: Any) -> str:
    """A recipe as a pipeline file, with comments that say where it comes from.

    Parameters
    ----------
    name : str
        Name of the preset.
    **parameters
        Parameters of the preset, written into the file.
    """
    return _medoxide.preset_file(name, parameters)


def presets() -> dict[str, str]:
    """What there is: name and meaning."""
    return dict(_medoxide.presets())
