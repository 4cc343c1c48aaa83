"""Removes what is kept for a while only: old events, used idempotency keys, the rows of
workers that are gone, history. In small turns, because a long one holds up every other
writer.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from delivery.housekeeping_history import History
from delivery.lease import forget
from domain.clock import Clock
from domain.timing import DAY, HOUR, IDEMPOTENCY_KEPT, MINUTE
from models.store import Store, Tx

INTERVAL: Final = 10 * MINUTE
WORKER_KEPT: Final = HOUR
"""How long a worker is remembered after its lease has ended."""
ROWS_A_TURN: Final = {"sqlite": 500, "postgres": 5_000}
"""At 500 a turn beside it takes 10 ms on SQLite, at 5,000 three times that."""

LOCK: Final = 7_482_601_132
"""Advisory lock: one process at a time cleans."""

# Only ever from the front of the log, so that one number says what has gone: a row with
# an older time behind a younger one waits for it. (NOT NULL: the index is partial.)
_LAST_OLD: Final = """
WITH front AS (
 SELECT position, at FROM event_log WHERE position IS NOT NULL
 ORDER BY position LIMIT $2)
SELECT max(position) FROM front WHERE position < COALESCE(
 (SELECT min(position) FROM front WHERE at >= $1), 9223372036854775807)"""

_PURGED: Final = """
INSERT INTO counter (name, value) VALUES ('purged', $1)
ON CONFLICT (name) DO UPDATE SET value =
 CASE WHEN excluded.value > counter.value THEN excluded.value ELSE counter.value END"""

VERIFICATION_KEPT: Final = DAY
"""How long it is known that a code was sent: longer than sends are counted."""

_VERIFICATIONS: Final = """
DELETE FROM verification WHERE id IN (
 SELECT id FROM verification WHERE created_at < $1 ORDER BY created_at LIMIT $2)"""

_KEYS: Final = """
DELETE FROM idempotency WHERE id IN (
 SELECT id FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went."""

    events: int
    keys: int
    workers: int
    history: int


class Housekeeping:
    """Cleans now and then."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        event_retention: int,
        history_retention: int,
    ) -> None:
        """Keep events, and what ended, for so many ms."""
        self._store = store
        self._clock = clock
        self._event_retention = event_retention
        self._history_retention = history_retention
        self._history = History(store)

    async def start(self) -> None:
        """Clean from now on, first at once."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop between two turns."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def clean(self, now: int) -> Removed:
        """Remove all that is too old at this time."""
        limit = ROWS_A_TURN[self._store.dialect]
        turn = self._store.turn
        events = keys = 0
        while gone := await turn(purge_events, now - self._event_retention, limit):
            events += gone
        while gone := await turn(_purge_keys, now - IDEMPOTENCY_KEPT, limit):
            keys += gone
        while await turn(_purge_verifications, now - VERIFICATION_KEPT, limit):
            pass
        workers = await turn(forget, now - WORKER_KEPT)
        history = await self._history.remove(now - self._history_retention, now)
        return Removed(events, keys, workers, history)

    async def _run(self) -> None:
        while True:
            last = self._clock()
            try:
                await self.clean(last)
            except Exception:  # noqa: BLE001 - it has to go on another time
                _log.warning("housekeeping_put_off", exc_info=True)
            now = self._clock()
            await asyncio.sleep((next_cleaning(last, now) - now) / 1000)


def next_cleaning(last: int, now: int) -> int:
    """Return when to clean next; a clock that jumps neither stops nor hurries it."""
    return min(max(last + INTERVAL, now), now + INTERVAL)


async def purge_events(tx: Tx, before: int, limit: int) -> int:
    """Remove the oldest events up to the first that is not older than `before`."""
    if tx.dialect == "postgres" and not await tx.fetchval(
        "SELECT pg_try_advisory_xact_lock($1)", LOCK
    ):
        return 0
    last = await tx.fetchval(_LAST_OLD, before, limit)
    if last is None:
        return 0
    await tx.execute(_PURGED, last)
    return await tx.execute("DELETE FROM event_log WHERE position <= $1", last)


async def _purge_keys(tx: Tx, before: int, limit: int) -> int:
    return await tx.execute(_KEYS, before, limit)


async def _purge_verifications(tx: Tx, before: int, limit: int) -> int:
    return await tx.execute(_VERIFICATIONS, before, limit)
