"""All connections that stay open: pinged, and ended when their time is over."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from domain.faults import StorageUnavailableError
from domain.ids import Id
from domain.traces import summary
from schema.context import Principal
from server.auth import Authenticator

LOOK_EVERY_S: Final = 2.0
"""How often credentials are looked at again while connections are open."""

PING_EVERY_S: Final = 20.0

_log = structlog.get_logger("tocsin.connections")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is open waits for its client, in seconds."""

    init: float = 10.0
    send: float = 10.0
    close: float = 0.8
    heartbeat: float = 30.0


class Connection(Protocol):
    """What stays open: a WebSocket or a stream of events."""

    @property
    def principal(self) -> Principal | None:
        """Whose it is; None where nobody has signed in (yet)."""

    async def ping(self) -> None:
        """Send a sign of life."""

    def expire(self) -> None:
        """Have it ended: its credential has expired or was revoked."""

    def leave(self) -> None:
        """Have it ended: the server is stopping."""


class Connections:
    """Looks after what is open."""

    def __init__(
        self,
        authenticator: Authenticator,
        patience: Patience | None = None,
        look_every_s: float = LOOK_EVERY_S,
        ping_every_s: float = PING_EVERY_S,
    ) -> None:
        """Begin with none."""
        self.patience: Final = patience or Patience()
        self._authenticator = authenticator
        self._look_every_s = look_every_s
        self._ping_every_s = ping_every_s
        self._open: set[Connection] = set()
        self._some = asyncio.Event()
        self._ending = False

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Look after one more, until it is discarded."""
        self._open.add(connection)
        self._some.set()
        if self._ending:
            connection.leave()

    def discard(self, connection: Connection) -> None:
        """Look after it no longer."""
        self._open.discard(connection)

    async def start(self) -> None:
        """Begin to look after them."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """Have all ended; each is gone within its patience."""
        self._ending = True
        self._task.cancel()
        await asyncio.wait([self._task])
        for connection in self._open:
            connection.leave()

    async def _look_after(self) -> None:
        pinged = time.monotonic()
        while True:
            if not self._open:
                self._some.clear()
                await self._some.wait()
            await asyncio.sleep(self._look_every_s)
            try:
                await self._end_expired()
            except StorageUnavailableError:
                pass  # nothing can be revoked meanwhile either
            except Exception as error:  # noqa: BLE001 - the next look may do better
                _log.error("internal error", **summary(error))
            if time.monotonic() - pinged >= self._ping_every_s:
                pinged = time.monotonic()
                await asyncio.gather(*(it.ping() for it in self._open))

    async def _end_expired(self) -> None:
        """End those of tokens that have expired or were revoked."""
        by_token: dict[Id, list[Connection]] = {}
        for connection in self._open:
            if connection.principal is not None:
                token_id = connection.principal.token_id
                by_token.setdefault(token_id, []).append(connection)
        for token_id, connections in by_token.items():
            if not await self._authenticator.still_valid(token_id):
                for connection in connections:
                    connection.expire()
