"""What all transforms have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ._medoxide import Node
from .errors import ParamError

if TYPE_CHECKING:
    from .pipeline import Pipeline


class Transform:
    """A transform with its parameters: immutable, compared by value, picklable, callable."""

    __slots__ = ("_alone", "_given", "_node")
    name: ClassVar[str]
    p: float
    keys: str | Sequence[str] | None
    id: str | None

    #: The pipeline of this transform alone, where every call can be the same.
    _alone: Pipeline | None
    _given: dict[str, Any]
    _node: Node

    def _declare(self, parameters: dict[str, Any], **header: Any) -> None:
        given = {**parameters, **header}
        object.__setattr__(self, "_node", Node(self.name, given))
        object.__setattr__(self, "_given", given)
        object.__setattr__(self, "_alone", None)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            try:
                return self._given[name]
            except KeyError:
                pass
        raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("transforms do not change; make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("transforms do not change; make another one")

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """`{name: {parameter: value}}`, as in a pipeline file, every parameter written out."""
        return self._node.to_dict()

    def __call__(
        self,
        x: Any,
        *,
        seed: int | None = None,
        epoch: int = 0,
        id: str | None = None,
        channel_axis: int | Sequence[int] | None = None,
        roles: Mapping[str, str | None] | None = None,
    ) -> Any:
        """Applies the transform as a pipeline of one; see `Pipeline.__call__`."""
        alone = self._alone
        if alone is None or seed is not None:
            from .pipeline import Pipeline

            alone = Pipeline([self], seed=seed)
            if not alone.is_random:
                object.__setattr__(self, "_alone", alone)
        return alone(x, epoch=epoch, id=id, channel_axis=channel_axis, roles=roles)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transform):
            return NotImplemented
        return type(self) is type(other) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(repr(self.to_dict()))

    def __repr__(self) -> str:
        (parameters,) = self.to_dict().values()
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in parameters.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self._given)


class Group(Transform):
    """Transforms of which a draw says which are applied; a transform itself."""

    __slots__ = ()
    transforms: Sequence[Transform]

    def _declare_group(
        self, transforms: Iterable[Transform], parameters: dict[str, Any], **header: Any
    ) -> None:
        inside = tuple(transforms)
        for t in inside:
            if not isinstance(t, Transform):
                raise ParamError(
                    f"{self.name}: transforms has {t!r}; expected transforms, such as mx.Flip(axes=0)",
                    transform=self.name,
                    name="transforms",
                    found=repr(t),
                )
        given = {**parameters, **header}
        node = Node.group(self.name, [t._node for t in inside], given)
        object.__setattr__(self, "_node", node)
        object.__setattr__(self, "_given", {"transforms": inside, **given})
        object.__setattr__(self, "_alone", None)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """`{name: {parameter: value}}`, as in a pipeline file; an error if a `mx.Function` is inside."""
        inside = [t.to_dict() for t in self.transforms]
        return {self.name: {**self._told(), "transforms": inside}}

    def _told(self) -> dict[str, Any]:
        """The parameters besides the transforms, as the native part has them."""
        (parameters,) = self._node.to_dict().values()
        return {k: v for k, v in parameters.items() if k != "transforms"}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group) or type(self) is not type(other):
            return NotImplemented
        return self._told() == other._told() and self.transforms == other.transforms

    def __hash__(self) -> int:
        return hash((self.name, repr(self._told()), self.transforms))

    def __repr__(self) -> str:
        told = [f"{k}={v!r}" for k, v in self._told().items()]
        return f"{type(self).__name__}({', '.join([repr(list(self.transforms)), *told])})"


def _again(cls: type[Transform], given: dict[str, Any]) -> Transform:
    return cls(**given)


def of_node(node: Node) -> Transform:
    """The transform of a checked node."""
    from . import transforms
    from ._function import Function

    if node.bridge is not None:
        return Function._of_node(node)

    ((name, parameters),) = node.to_dict().items()
    kinds = {getattr(transforms, c).name: getattr(transforms, c) for c in transforms.__all__}
    if node.inside is not None:
        parameters["transforms"] = [of_node(n) for n in node.inside]
    made: Transform = kinds[name](**parameters)
    return made
