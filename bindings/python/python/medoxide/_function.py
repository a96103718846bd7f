"""Functions of the user as transforms."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _arrays
from ._medoxide import Node, PipelineCore
from ._transform import Transform
from .errors import ParamError, ShapeError
from .volume import Volume


class Function(Transform):
    """A Python function as a transform, anywhere in a pipeline.

    The function gets the values of a volume as a writable array (X, Y, Z), or (X, Y, Z, C) with
    channels, and gives an array of the same shape: of images and maps float32, of labels in their own
    dtype, which must hold what it gives. It is called when values are asked for, on the whole volume
    as it is at that place of the pipeline: no crop that follows is pushed through it, as `explain`
    shows. With `whole_sample` it gets all items instead, a dict of such arrays and of points (N, 3),
    and gives a dict; then shapes may change, items may come and go, and it is called as soon as the
    pipeline is. An array of another shape than before is given as `mx.Volume`, which has an affine,
    and volumes that lay on one grid must still do so.

    A function with a parameter `rng` gets a `numpy.random.Generator`, one with `seed` a whole number
    of 64 bits. Both are named by the pipeline's seed, epoch, sample and item, as all draws are, so that
    the same call gives the same numbers in any process, thread and order.

    What the function raises reaches the caller as it is, with a note of the place. A pipeline with a
    function pickles if the function does; no pipeline file can hold it.

    >>> import numpy as np
    >>> import medoxide as mx
    >>> def jitter(image, rng):
    ...     return image * rng.uniform(0.9, 1.1)
    >>> pipe = mx.Pipeline([mx.Clamp(min=0), mx.Function(jitter, p=0.5), mx.Flip(axes="x")], seed=1)
    >>> pipe(np.ones((2, 3, 4))).shape
    (2, 3, 4)
    >>> def together(sample):
    ...     return {"image": np.stack([sample["t1"], sample["t2"]], axis=-1)}
    >>> pipe = mx.Pipeline([mx.Function(together, whole_sample=True)])
    >>> pipe({"t1": np.ones((2, 3, 4)), "t2": np.zeros((2, 3, 4))})["image"].shape
    (2, 3, 4, 2)

    Parameters
    ----------
    function : callable
        What is called.
    keys : str or sequence of str, default the images
        Items that it is called on, each by itself.
    p : float, default 1
        Probability of being applied.
    id : str
        Name for random draws.
    whole_sample : bool, default False
        Whether it is called once, on all items.
    key, patch :
        The key that it draws under and the one patch that it touches, as `Pipeline.drawn` has them.
    """

    __slots__ = ()
    name = "function"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        keys: str | Sequence[str] | None = None,
        p: float = 1.0,
        id: str | None = None,
        whole_sample: bool = False,
        key: str | None = None,
        patch: Sequence[int] | None = None,
    ) -> None:
        if not callable(function):
            raise ParamError(
                f"function: function is {function!r}; expected something that can be called",
                transform="function",
                name="function",
                found=repr(function),
            )
        if whole_sample and keys is not None:
            raise ParamError(
                "function: keys are given for a function of the whole sample, which gets all items",
                transform="function",
                name="keys",
                found=repr(keys),
            )
        bridge = Bridge(function, whole_sample)
        listed = [keys] if isinstance(keys, str) else None if keys is None else list(keys)
        made = Node.function(
            bridge,
            f"function {bridge.label}",
            whole_sample,
            bridge.draws is not None,
            (p, listed, id, key, None if patch is None else list(patch)),
        )
        given = {
            "function": function,
            "keys": keys,
            "p": p,
            "id": id,
            "whole_sample": whole_sample,
            "key": key,
            "patch": patch,
        }
        object.__setattr__(self, "_node", made)
        object.__setattr__(self, "_given", given)
        object.__setattr__(self, "_alone", None)

    @classmethod
    def _of_node(cls, node: Node) -> Function:
        bridge, (p, keys, id, key, patch) = node.bridge, node.header
        whole_sample = bridge.whole_sample
        return cls(
            bridge.function, keys=keys, p=p, id=id, whole_sample=whole_sample, key=key, patch=patch
        )

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """An error: no pipeline file can hold a function."""
        raise unwritable(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Function):
            return NotImplemented
        return self._told() == other._told()

    def __hash__(self) -> int:
        return hash((self._given["function"], self._given["p"], self._given["id"]))

    def __repr__(self) -> str:
        usual = {
            "keys": None,
            "p": 1.0,
            "id": None,
            "whole_sample": False,
            "key": None,
            "patch": None,
        }
        told = [f"{k}={self._given[k]!r}" for k, v in usual.items() if self._given[k] != v]
        return f"Function({', '.join([self._node.bridge.label, *told])})"

    def _told(self) -> tuple[Any, ...]:
        return (self._given["function"], self._given["whole_sample"], self._node.header)

    def __reduce__(self) -> tuple[Any, ...]:
        options = {k: v for k, v in self._given.items() if k != "function"}
        return functools.partial(Function, self._given["function"], **options), ()


def unwritable(function: Transform) -> ParamError:
    """Why a pipeline cannot be written to a file."""
    return ParamError(
        f"pipeline: {function!r} is a function of Python, which no pipeline file can hold; "
        "pickle the pipeline, or write the file without it",
        transform="function",
        name="function",
        found=repr(function),
    )


class Bridge:
    """What the native part calls: arrays in, volumes out."""

    __slots__ = ("draws", "function", "label", "whole_sample")

    def __init__(self, function: Callable[..., Any], whole_sample: bool) -> None:
        self.function = function
        self.whole_sample = whole_sample
        inner = function.func if isinstance(function, functools.partial) else function
        self.label = getattr(inner, "__qualname__", type(inner).__name__)
        #: The name of the parameter that draws are made from.
        self.draws = _draws(function)

    def _call(self, x: Any, seed: int) -> Any:
        if self.draws is None:
            return self.function(x)
        if self.draws == "seed":
            return self.function(x, seed=seed)
        return self.function(x, rng=np.random.Generator(np.random.Philox(seed)))

    def volume(self, array: _arrays.Array, seed: int) -> Volume:
        """New values of one volume."""
        return _volume(self._call(array, seed), self.label, None, None)

    def sample(self, items: list[tuple[str, str, Any, Any]], seed: int) -> list[tuple[str, Any]]:
        """New items of a sample."""
        before = {name: (role, array, affine) for name, role, array, affine in items}
        shapes = {a.shape[:3]: affine for _, _, a, affine in reversed(items) if affine is not None}
        made = self._call({name: array for name, _, array, _ in items}, seed)
        if not isinstance(made, dict):
            raise ShapeError(
                f"function {self.label}: found a {type(made).__name__}; expected a dict of items",
                what=f"function {self.label}",
                found=type(made).__name__,
                expected="a dict of items",
            )
        out: list[tuple[str, Any]] = []
        for name, value in made.items():
            role = before[name][0] if name in before else PipelineCore.infer_role(name)
            if role == "points":
                out.append((name, np.asarray(value, np.float64).reshape(-1, 3).tolist()))
                continue
            array = value if isinstance(value, Volume) else _arrays.as_array(value)
            affine = shapes.get(array.shape[:3])
            if affine is None and not isinstance(value, Volume):
                raise ShapeError(
                    f"function {self.label}: item {name!r} has the shape {array.shape[:3]} of no item "
                    "before; expected a mx.Volume with its affine",
                    what=f"function {self.label}",
                    found=str(array.shape[:3]),
                    expected="a mx.Volume with its affine",
                )
            if name in before and before[name][2] is not None and not isinstance(value, Volume):
                same = before[name][1].shape[:3] == array.shape[:3]
                affine = before[name][2] if same else affine
            out.append((name, _volume(array, self.label, affine, role)))
        return out


def _volume(made: Any, label: str, affine: Any, role: Any) -> Volume:
    if isinstance(made, Volume):
        return made if role is None or made._role_given else made._as_role(role)
    array = _arrays.as_array(made)
    if array.ndim < 3:
        raise ShapeError(
            f"function {label}: found a result of shape {array.shape}; expected (X, Y, Z) and channels",
            what=f"function {label}",
            found=str(array.shape),
            expected="(X, Y, Z) and channels",
        )
    return Volume(array, affine, channel_axis=range(3, array.ndim), role=role)


def _draws(function: Callable[..., Any]) -> str | None:
    """Which parameter of a function takes random numbers."""
    try:
        names = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    return next((name for name in ("rng", "seed") if name in names), None)
