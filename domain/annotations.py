"""Type annotations of settings, taken apart."""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Self, Union, get_args, get_origin


@dataclass(frozen=True, slots=True)
class Shape:
    """What is left of `Annotated[of, …]`, `of | None`, `tuple[of, ...]`, `list[of]`.

    `metadata` gathers what `Annotated` says at all depths.
    """

    of: Any
    many: bool
    optional: bool
    metadata: tuple[Any, ...]

    @classmethod
    def read(cls, annotation: object, where: str) -> Self:
        """Take an annotation apart; raise TypeError, naming `where`, if it cannot."""
        annotation, metadata = _bare(annotation)
        optional = get_origin(annotation) in {Union, types.UnionType}
        if optional:
            rest = [a for a in get_args(annotation) if a is not types.NoneType]
            if len(rest) != 1:
                raise TypeError(f"{where}: a setting has one type, or that and None")
            annotation, inner = _bare(rest[0])
            metadata += inner
        many = get_origin(annotation) in {list, tuple}
        if many:
            items = get_args(annotation)
            if get_origin(annotation) is tuple and items[1:] != (...,):
                raise TypeError(f"{where}: write tuple[of, ...]")
            annotation, inner = _bare(items[0])
            metadata += inner
        return cls(annotation, many, optional, metadata)


def _bare(annotation: object) -> tuple[object, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0], get_args(annotation)[1:]
    return annotation, ()
