"""What a unit of work may do, whichever database is below.

SQL says `$1, $2 …` on both. Where the dialects differ, two statements stand side by
side and `dialect` chooses.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Literal, Protocol, TypeVar

from tortoise.exceptions import IntegrityError

Dialect = Literal["sqlite", "postgres"]
Work = Callable[..., Awaitable[Any]]
T = TypeVar("T")

IN_TURN: ContextVar[bool] = ContextVar("in_turn", default=False)


class Row(Protocol):
    """A row of an answer: values by name and by position."""

    def __getitem__(self, key: int | str, /) -> Any:  # noqa: ANN401
        """Return the value of a column."""

    def __iter__(self) -> Iterator[Any]:
        """Walk the values in the order of the columns."""

    def __len__(self) -> int:
        """Count the columns."""

    def keys(self) -> Iterable[str]:
        """Return the names of the columns."""


class Tx(Protocol):
    """The transaction of a turn. After an error it is over: let the error end the
    turn, or avoid it (`ON CONFLICT DO NOTHING`).
    """

    @property
    def dialect(self) -> Dialect:
        """Which SQL is understood."""

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """Run a statement and return all its rows."""

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        """Run a statement and return its first row."""

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        """Run a statement and return the first value of its first row, or None."""

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return how many rows it wrote."""

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement once for each row of arguments."""

    def note(self, topic: str) -> None:
        """Have the listeners of `Store.on_commit` told of a topic, once committed."""


class UniqueViolationError(IntegrityError):
    """A row with the same unique values exists. Tortoise knows it as its own."""


class TurnOverError(RuntimeError):
    """A turn went on after one of its statements had failed: nothing was stored."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("After a failed statement a turn can only end.")


class NestedTurnError(RuntimeError):
    """A turn used the store instead of its transaction."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__("A turn reads and writes through its transaction alone.")


def refuse_inside_turn() -> None:
    """Raise NestedTurnError where a turn is running."""
    if IN_TURN.get():
        raise NestedTurnError


def marks(count: int, first: int = 1) -> str:
    """Return `$1, $2, …` for so many values, for `IN (…)` and `VALUES (…)`."""
    return ", ".join(f"${number}" for number in range(first, first + count))
