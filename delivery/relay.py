"""The relay of a cluster: one process at a time gives the log's rows their positions.

A position given by the writer would become visible out of order: a reader that has
seen 2 would never come back for a 1 that commits later. Here only committed rows are
numbered, by whoever holds an advisory lock. Lock and numbering share one connection,
so a leader that has lost its lock cannot number.

Order of ids is order enough: of two events that depend on each other, the second took
its id after the first had committed (a row lock lies between them).
"""

import asyncio
import time
from typing import Final

import asyncpg
import structlog

from delivery.bus import Bus
from delivery.dedicated import LOST, Connect, again, close, dedicated
from delivery.log import TAIL, UNNUMBERED

LOCK: Final = 7_482_601_131
"""The advisory lock of the leader; any number that nothing else locks."""
BATCH: Final = 1_000
LOOK_AGAIN_S: Final = 1.0
"""Covers a writer that died between commit and kick, and a leader that died."""

_NUMBER: Final = """
WITH n AS MATERIALIZED (
  SELECT id, row_number() OVER (ORDER BY id) AS k
  FROM (SELECT id FROM event_log WHERE position IS NULL ORDER BY id LIMIT $1) AS x),
c AS (
  UPDATE counter SET value = value + (SELECT count(*) FROM n)
  WHERE name = 'position' AND EXISTS (SELECT 1 FROM n)
  RETURNING value - (SELECT count(*) FROM n) AS base),
u AS (
  UPDATE event_log AS e SET position = c.base + n.k FROM n, c
  WHERE e.id = n.id AND e.position IS NULL RETURNING 1)
SELECT count(*) FROM u"""

_log = structlog.get_logger(__name__)


class Relay:
    """Numbers new rows while it leads, and otherwise waits to lead."""

    def __init__(
        self, connect: Connect, bus: Bus, look_again_s: float = LOOK_AGAIN_S
    ) -> None:
        """Take what opens connections to the database, and the bus to hear and tell."""
        self._connect = connect
        self._bus = bus
        self._look_again_s = look_again_s

    async def start(self) -> None:
        """Stand for leader from now on."""
        self._connection = await self._open()
        self._listener = self._bus.listen(UNNUMBERED)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Give up leading; another process takes over within a second."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._listener.close()
        await close(self._connection)

    async def _open(self) -> asyncpg.Connection:
        return await dedicated(self._connect, "tocsin relay")

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._become_leader(self._connection)
                await self._lead(self._connection)
            except LOST as reason:
                _log.warning("relay_lost", reason=type(reason).__name__)
            await close(self._connection)
            # A server that takes no writes lets one connect, again and again.
            left = began + self._look_again_s - time.monotonic()
            await asyncio.sleep(max(0.0, left))
            self._connection = await again(self._open)

    async def _become_leader(self, connection: asyncpg.Connection) -> None:
        # Waiting inside the database would hold a snapshot, and vacuum with it.
        lock = "SELECT pg_try_advisory_lock($1)"
        while not await connection.fetchval(lock, LOCK):  # noqa: ASYNC110
            await asyncio.sleep(self._look_again_s)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        while True:
            while (numbered := await connection.fetchval(_NUMBER, BATCH)) > 0:
                self._bus.kick(TAIL)
                if numbered < BATCH:
                    break
            await self._listener.wait(self._look_again_s)
