"""Global look-up: `node` and `nodes` know the type from the id's prefix."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import strawberry

from domain.ids import BadIdError, Id, decode
from domain.scopes import Scope
from schema.context import Info
from schema.errors import bad_input
from schema.loaders import Loaders
from schema.scopes import query

MOST_NODES: Final = 100


class NodeRow(Protocol):
    """A row that stands for an object with an id of its own."""

    @property
    def typename(self) -> str:
        """The name of its GraphQL object type."""


Find = Callable[[Loaders, Sequence[Id]], Awaitable[Sequence[Any]]]
"""Gives for each id the row, or None for one that is unknown, foreign or deleted."""

_FINDERS: dict[str, Find] = {}


def finds(noun: str) -> Callable[[Find], Find]:
    """Return a decorator that makes a batch function the look-up of a noun."""

    def register(find: Find) -> Find:
        _FINDERS[noun] = find
        return find

    return register


@strawberry.interface(description="An object with a global id.")
class Node:
    """The interface of all nouns.

    Rows are plain objects: `resolve_type` reads their `typename`, and implementing
    types take any object that has come that far.
    """

    id: strawberry.ID

    @staticmethod
    def resolve_type(row: NodeRow, *_: object) -> str:
        """Name the object type of a row."""
        return row.typename

    @staticmethod
    def is_type_of(*_: object) -> bool:
        """Accept every row: the type has been told by `resolve_type`."""
        return True


def id_of(noun: str, text: str) -> Id | None:
    """Return the raw id of a text, or None if it is not an id of this noun."""
    try:
        found, value = decode(text)
    except BadIdError:
        return None
    return value if found == noun else None


async def find(loaders: Loaders, noun: str, text: str) -> object:
    """Return the row of an id of this noun, or None."""
    value = id_of(noun, text)
    return None if value is None else await loaders.load(_FINDERS[noun], value)


async def find_any(loaders: Loaders, text: str) -> object:
    """Return the row of an id of any noun, or None."""
    try:
        noun, value = decode(text)
    except BadIdError:
        return None
    finder = _FINDERS.get(noun)
    return None if finder is None else await loaders.load(finder, value)


@strawberry.type
class NodeQueries:
    """Root queries for all nouns."""

    @query(
        Scope.READ,
        "The object with this id; null where there is none.",
        graphql_type=Node | None,
    )
    async def node(self, info: Info, id: strawberry.ID) -> object:
        """Look up one object."""
        return await find_any(info.context.loaders, id)

    @query(
        Scope.READ,
        f"The objects with these ids, at most {MOST_NODES}, in their order; null "
        "where there is none.",
        graphql_type=list[Node | None],
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Any]:
        """Look up many objects, with one statement for each noun."""
        if len(ids) > MOST_NODES:
            raise bad_input((("ids",), f"At most {MOST_NODES} ids."))
        loaders = info.context.loaders
        waiting = [find_any(loaders, text) for text in ids]
        return list(await gather(*waiting))
