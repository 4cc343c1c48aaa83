"""Rows of values as a relation in SQL, to write many rows by one statement.

On SQLite each step of a statement gives up the interpreter's lock, and gets it back
from a busy event loop only after a while; on PostgreSQL each would be a message.
"""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from models.store import Tx

ROWS_AT_ONCE: Final = 20
"""Rows of one statement on SQLite; more make it no faster."""

Row = Sequence[Any]


async def for_rows(
    tx: Tx, statement: str, kinds: Sequence[str], rows: Sequence[Row], *args: object
) -> None:
    """Run a statement for rows, which stand in it as `{rows}` and are called
    `r(c1, c2, …)` there. `kinds` are PostgreSQL's types of the columns; `args` are
    numbered from $1 and come first.
    """
    for relation, values in _relations(tx, kinds, rows, len(args) + 1):
        await tx.execute(statement.replace("{rows}", relation), *args, *values)


def _relations(
    tx: Tx, kinds: Sequence[str], rows: Sequence[Row], first: int
) -> Iterator[tuple[str, list[Any]]]:
    names = ", ".join(f"c{number + 1}" for number in range(len(kinds)))
    if tx.dialect == "postgres":
        if rows:
            marks = (f"${n}::{kind}[]" for n, kind in enumerate(kinds, first))
            relation = f"unnest({', '.join(marks)}) AS r({names})"
            yield relation, [list(column) for column in zip(*rows, strict=True)]
        return
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        yield _values(len(kinds), len(part), first), [it for row in part for it in row]


@lru_cache(maxsize=1000)
def _values(columns: int, rows: int, first: int) -> str:
    marks = [f"${number}" for number in range(first, first + columns * rows)]
    tuples = (
        f"({', '.join(marks[at : at + columns])})"
        for at in range(0, len(marks), columns)
    )
    names = ", ".join(f"column{n} AS c{n}" for n in range(1, columns + 1))
    return f"(SELECT {names} FROM (VALUES {', '.join(tuples)})) AS r"
