"""Keeps history for a limited time. What is not over stays, however old: open incidents
with all that hangs on them, unfinished deliveries.

Candidates are found beside the writer, by indexes that go by age; they are removed in
small turns, by one process at a time.
"""

from collections.abc import Sequence
from typing import Final

from delivery.housekeeping_removal import KINDS, Kind, Remove, outside
from domain.ids import ZERO, Id
from domain.timing import HOUR
from models.store import Row, Store, Tx

LOCK: Final = 7_482_601_133
"""Advisory lock: one process at a time removes history."""

ROWS_A_TURN: Final = 250
"""On SQLite so many take about 5 ms, being in many indexes: that long, every other
writer waits."""

AT_A_TIME: Final = 100
"""Candidates that are looked at together."""

LOOK_AGAIN: Final = HOUR
"""What is kept although it is old is looked at this often, not by every pass."""


class NotAloneError(Exception):
    """Another process is removing history."""


class History:
    """Removes, pass by pass, what ended before a time."""

    def __init__(self, store: Store) -> None:
        """Begin at the oldest."""
        self._store = store
        self._began = 0
        self._after: dict[str, tuple[int, Id]] = {}

    async def remove(self, before: int, now: int) -> int:
        """Remove what ended before a time; return how many rows went."""
        if not 0 <= now - self._began < LOOK_AGAIN:
            self._began, self._after = now, {}
        removed = 0
        try:
            while gone := await self._turn(outside, (), before):
                removed += gone
            for kind in KINDS:
                removed += await self._pass(kind, before)
        except NotAloneError:
            pass  # the other one goes on
        return removed

    async def _pass(self, kind: Kind, before: int) -> int:
        removed = 0
        while found := await self._find(kind, before):
            ids = [row["id"] for row in found if not row["kept"]]
            while ids and (gone := await self._turn(kind.remove, ids, before)):
                removed += gone
            self._after[kind.find] = found[-1]["ended_at"], found[-1]["id"]
        return removed

    async def _find(self, kind: Kind, before: int) -> list[Row]:
        at, last = self._after.get(kind.find, (0, ZERO))
        return await self._store.fetch(kind.find, before, at, last, AT_A_TIME)

    async def _turn(self, remove: Remove, ids: Sequence[Id], before: int) -> int:
        return await self._store.turn(_alone, remove, ids, before)


async def _alone(tx: Tx, remove: Remove, ids: Sequence[Id], before: int) -> int:
    if tx.dialect == "postgres" and not await tx.fetchval(
        "SELECT pg_try_advisory_xact_lock($1)", LOCK
    ):
        raise NotAloneError
    return await remove(tx, ids, before, ROWS_A_TURN)
