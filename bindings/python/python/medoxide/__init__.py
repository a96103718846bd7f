"""From a medical volume on disk to a training batch in one pass.

>>> import numpy as np
>>> import medoxide as mx
>>> volume = mx.Volume(np.arange(24.0, dtype=np.float32).reshape(2, 3, 4))
>>> volume.flip("x").clamp(0, 20).shape
(2, 3, 4)
"""

from __future__ import annotations

from . import errors, transforms
from ._medoxide import (
    Cache,
    Records,
    SaveReport,
    __version__,
    cache,
    features,
    index,
    load,
    records,
    release_memory,
    set_level,
    set_threads,
    stack,
)
from ._batch import list_collate
from ._function import Function
from ._iteration import Counters, LoadError
from ._presets import preset, preset_yaml, presets
from ._transform import Group, Transform
from .bvecs import rotate_bvecs
from .datalists import Datalist, datalist
from .dataset import Dataset
from .errors import *  # noqa: F403
from .header import Header
from .landmarks import train_landmarks
from .loader import Loader
from .mixing import cutmix, cutout, mixup
from .pipeline import Pipeline
from .sliding import SlidingWindow, sliding_window_inference
from .transforms import *  # noqa: F403
from .volume import Grid, Volume

__all__ = [
    "Cache",
    "Counters",
    "Datalist",
    "Dataset",
    "Function",
    "Grid",
    "Group",
    "Header",
    "LoadError",
    "Loader",
    "Pipeline",
    "Records",
    "SaveReport",
    "SlidingWindow",
    "Transform",
    "Volume",
    "__version__",
    "cache",
    "cutmix",
    "cutout",
    "datalist",
    "features",
    "index",
    "list_collate",
    "load",
    "mixup",
    "preset",
    "preset_yaml",
    "presets",
    "records",
    "release_memory",
    "rotate_bvecs",
    "set_level",
    "set_threads",
    "sliding_window_inference",
    "stack",
    "train_landmarks",
]
__all__ += errors.__all__
__all__ += transforms.__all__
