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

    @property
    def key(self) -> Id:
        """Its raw id."""


Find = Callable[[Loaders, Sequence[Id]], Awaitable[Sequence[Any]]]
"""Gives for each id the row, or None for one that is unknown, foreign or deleted."""

_FINDERS: dict[str, Find] = {}
_HISTORIANS: dict[str, Find] = {}


def finds(noun: str, *, deleted_too: bool = False) -> Callable[[Find], Find]:
    """Return a decorator that makes a batch function the look-up of a noun: of what
    clients may name by id, or of what others still refer to, deleted or not.
    """

    def register(find: Find) -> Find:
        (_HISTORIANS if deleted_too else _FINDERS)[noun] = find
        return find

    return register


def in_order(ids: Sequence[Id], rows: Sequence[NodeRow]) -> list[NodeRow | None]:
    """Return the rows in the order of the ids; None for one without a row."""
    found = {row.key: row for row in rows}
    return [found.get(value) for value in ids]


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


def ids_of(noun: str, texts: Sequence[str], *path: str) -> list[Id]:
    """Return the raw ids of a filter; what is no id of this noun matches nothing.

    Raises ApiError with the path where there are too many.
    """
    if len(texts) > MOST_NODES:
        raise bad_input((path, f"At most {MOST_NODES} ids."))
    ids = (id_of(noun, text) for text in dict.fromkeys(texts))
    return [value for value in ids if value is not None]


async def find(loaders: Loaders, noun: str, text: str) -> Any:  # noqa: ANN401
    """Return the row of an id of this noun, or None."""
    value = id_of(noun, text)
    return None if value is None else await find_row(loaders, noun, value)


def find_row(
    loaders: Loaders,
    noun: str,
    value: Id,
    *,
    deleted_too: bool = False,
) -> Awaitable[Any]:
    """Return the row of a raw id, or None. It goes where the type is annotated: to
    the checker anything, to the schema what the row stands for.
    """
    finder = _HISTORIANS.get(noun) if deleted_too else None
    return loaders.load(finder or _FINDERS[noun], value)


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
