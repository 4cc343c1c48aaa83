"""Lists of ids in SQL: one array on PostgreSQL, one mark each on SQLite."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from models.store import Dialect, marks

AT_A_TIME: Final = 500
"""Ids of one statement, at the most."""


def within(
    dialect: Dialect, ids: Sequence[Any], first: int = 1, of: str = "uuid"
) -> tuple[str, list[Any]]:
    """Return the right-hand side of `column …` and its arguments; they are numbered
    from `first`, and must come last.
    """
    if dialect == "postgres":
        return f"= ANY(${first}::{of}[])", [list(ids)]
    return f"IN ({marks(len(ids), first)})", list(ids)


def chunks(ids: Sequence[Any], at_a_time: int = AT_A_TIME) -> Iterator[Sequence[Any]]:
    """Yield the ids in parts that fit into one statement."""
    for start in range(0, len(ids), at_a_time):
        yield ids[start : start + at_a_time]
