"""A scene with the real sender: a world, far ends on loopback, and a worker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from delivery.bus.in_process import InProcessBus
from delivery.guard import Guard
from delivery.sender import Sender
from delivery.worker import Worker
from domain.channels import Channel
from domain.clock import system_clock
from domain.ids import Id, new_id
from domain.steps import Answer, ReadyRequest, Reply
from models.crypto import KeyRing
from models.store import Row, open_store
from notifiers.webhook import CHANNEL, finish
from tests.world import World

LARGE = b"x" * (16 << 20)
"""More than the buffers of two sockets on loopback hold."""


def _enlarged(request: ReadyRequest, *signing: Any) -> ReadyRequest:  # noqa: ANN401
    return replace(finish(request, *signing), body=LARGE)


LARGE_WEBHOOK = replace(CHANNEL, key="largeWebhook", finish=_enlarged)
CHANNELS: Mapping[str, Channel] = {it.type_name: it for it in (CHANNEL, LARGE_WEBHOOK)}


class Noting(Guard):
    """A guard that lets loopback through, and keeps the sockets that it made."""

    def __init__(self) -> None:
        super().__init__(dev=True)
        self.made: list[socket.socket] = []

    def socket_factory(self, info: tuple[Any, ...]) -> socket.socket:
        self.made.append(made := super().socket_factory(info))
        return made

    @property
    def open(self) -> int:
        """How many of the sockets are open."""
        return sum(it.fileno() != -1 for it in self.made)


@dataclass
class Sending:
    """A world whose deliveries leave over real connections."""

    world: World
    guard: Noting
    sender: Sender
    bus: InProcessBus = field(default_factory=InProcessBus)
    longest: int = 0
    """Bytes of the longest body of an answer that was kept."""

    async def start(self) -> None:
        """Begin to work."""
        self.world.store.on_commit(lambda topics: self.bus.kick(*topics))
        self.worker = Worker(
            self.world.store,
            self.bus,
            self._send,
            channels=self.world.channels,
            keys=KeyRing.generate(),
            clock=system_clock,
            observe=lambda _stage: None,
            chance=lambda: 1.0,  # nothing is tried again before 5 s are over
        )
        await self.worker.start()

    async def _send(self, request: ReadyRequest) -> Reply:
        reply = await self.sender.send(request)
        if isinstance(reply, Answer):
            self.longest = max(self.longest, len(reply.body))
        return reply

    async def integration(self, url: str, type_name: str = "WEBHOOK") -> Id:
        """Store an integration that posts to an address."""
        settings = orjson.dumps({"webhook_url": url, "headers": []}).decode()
        return await self.world.integration(type_name, settings=settings)

    async def elsewhere(self) -> "Sending":
        """Return the same scene about another server of the project."""
        server, world = new_id(), self.world
        await world.execute(
            "INSERT INTO server (id, project_id, name, host, created_at, updated_at)"
            " VALUES ($1, $2, $3, 'web-2.example.com', $4, $4)",
            *(server, world.project, server.hex(), world.now),
        )
        return replace(self, world=replace(world, server=server))

    async def until(self, reached: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition; the test's timeout is the limit."""
        while not await reached():  # noqa: ASYNC110 - a database has no events
            await asyncio.sleep(0.01)

    async def count(self, statement: str, *args: object) -> int:
        return int(await self.world.store.fetchval(statement, *args))

    async def tried(self, integration: Id, count: int = 1) -> list[Row]:
        """Wait until an integration's deliveries had so many tries; return these."""
        found: list[Row] = []

        async def ended() -> bool:
            found[:] = await self.world.store.fetch(_TRIES, integration)
            return len(found) >= count

        await self.until(ended)
        return found


_TRIES = """
SELECT a.*, d.status FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE d.integration_id = $1 AND a.ended_at IS NOT NULL ORDER BY a.started_at, a.number"""


@asynccontextmanager
async def sending(
    url: str, *, deadline_ms: int, ca_file: Path | None = None
) -> AsyncIterator[Sending]:
    """Give a scene whose worker runs; at its end nothing may be left of it."""
    store = await open_store(url)
    world = World(store, channels=CHANNELS, now=system_clock())
    guard = Noting()
    sender = Sender(guard, deadline_ms=deadline_ms, ca_file=ca_file)
    scene = Sending(await world.make(), guard, sender)
    try:
        await scene.start()
        yield scene
        await scene.worker.stop(grace_ms=1)
    finally:
        await sender.close()
        await store.close()


def left_running() -> list[str]:
    """Name the tasks of ours and of the HTTP client that run."""
    files = [it.get_coro().cr_code.co_filename for it in asyncio.all_tasks()]  # type: ignore[union-attr]
    return [it for it in files if "/delivery/" in it or "/aiohttp/client" in it]
