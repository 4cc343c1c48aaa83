"""The bus of a cluster: LISTEN and NOTIFY on one connection of its own.

NOTIFY takes a lock of the whole database at commit; inside the reporting transactions
it cost a third to a half of all commits. Hence kicks leave after the commit, all that
gathered within two milliseconds in one statement.
"""

import asyncio
from typing import Final

import asyncpg
import structlog

from delivery.bus.in_process import InProcessBus, InProcessListener
from delivery.dedicated import LOST, Connect, again, close, dedicated

_CHANNEL: Final = "tocsin"
_GATHER_S: Final = 0.002
_STILL_THERE_S: Final = 10.0
"""A connection that is silent this long is tried: its end may have gone unheard."""

_log = structlog.get_logger(__name__)


class PostgresBus:
    """Wake-ups to all processes on one database, while the connection holds."""

    def __init__(self, connect: Connect) -> None:
        """Take what opens connections to the database."""
        self._connect = connect
        self._local = InProcessBus()
        self._pending: set[str] = set()
        self._wake = asyncio.Event()

    def kick(self, *topics: str) -> None:
        """Wake the listeners here now, those elsewhere some milliseconds later."""
        self._local.kick(*topics)
        self._pending.update(topics)
        self._wake.set()

    def listen(self, topic: str) -> InProcessListener:
        """Open an ear on a topic."""
        return self._local.listen(topic)

    async def start(self) -> None:
        """Connect, and stay connected from now on."""
        self._connection = await self._open()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Close the connection."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await close(self._connection)

    async def _run(self) -> None:
        while True:
            try:
                await self._serve(self._connection)
            except LOST as reason:
                _log.warning("bus_lost", reason=type(reason).__name__)
            await close(self._connection)
            self._connection = await again(self._open)
            # What was said meanwhile was heard neither here nor there.
            self.kick(*self._local.topics)

    async def _open(self) -> asyncpg.Connection:
        connection = await dedicated(self._connect, "tocsin bus")
        try:
            await connection.add_listener(_CHANNEL, self._heard)
        except BaseException:  # cancelled, too: nobody else knows of it yet
            connection.terminate()
            raise
        connection.add_termination_listener(lambda _: self._wake.set())
        return connection

    def _heard(
        self, connection: asyncpg.Connection, sender: int, _channel: str, topic: str
    ) -> None:
        if sender != connection.get_server_pid():
            self._local.kick(topic)

    async def _serve(self, connection: asyncpg.Connection) -> None:
        while True:
            await self._something_to_send()
            topics, self._pending = sorted(self._pending), set()
            await connection.execute(
                "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic",
                _CHANNEL,
                topics,
            )
            await asyncio.sleep(_GATHER_S)

    async def _something_to_send(self) -> None:
        try:
            async with asyncio.timeout(_STILL_THERE_S):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
