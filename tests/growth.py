"""Simulated hours of many projects: incidents come, are told, and are resolved; far ends
fail now and then, some for an hour. The engine's own worker, housekeeping and store;
only the clock and the far ends are ours.
"""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from delivery.bus.in_process import InProcessBus
from delivery.claim import next_due
from delivery.housekeeping import Housekeeping
from delivery.relay import Relay
from delivery.worker import Worker
from domain.ids import Id
from domain.steps import Answer, ReadyRequest, Reply
from domain.timing import HOUR, MINUTE
from models.crypto import KeyRing
from models.store import PostgresStore, Store, Tx
from tests.world import START, World

STEP = 5 * MINUTE
TABLES = ("incident", "incident_event", "delivery", "attempt", "event_log")
OK = Answer(status=200, body=b"fine")
DOWN = Answer(status=503, body=b"down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much happens: of a hundred projects, so many report at each step."""

    projects: int
    integrations: int = 3
    reporting: float = 0.3
    failing: float = 0.03
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """How things stand after a step: sizes in bytes, seconds of a delivery."""

    hour: float
    database: int
    memory: int
    deliveries: int
    cost: float
    cleaning: float
    rows: dict[str, int]


@dataclass
class Simulation:
    """Projects with a worker on one store."""

    store: Store
    size: Size
    history_kept: int
    events_kept: int
    now: int = START
    sent: int = 0
    open: list[tuple[int, World, Id]] = field(default_factory=list)
    worlds: list[World] = field(default_factory=list)

    def clock(self) -> int:
        """Return the simulated time."""
        return self.now

    async def start(self) -> None:
        """Make the projects, each with an incident that stays open, and work."""
        self._random = random.Random(self.size.seed)  # noqa: S311 - no secret
        self._bus = InProcessBus()
        self.store.on_commit(lambda topics: self._bus.kick(*topics))
        for _ in range(self.size.projects):
            world = await World(self.store).make()
            for _ in range(self.size.integrations):
                await world.integration()
            self.worlds.append(world)
            await world.report(message="for ever")
        self._worker = Worker(
            self.store,
            self._bus,
            self._send,
            channels=self.worlds[0].channels,
            keys=KeyRing.generate(),
            clock=self.clock,
            observe=lambda _stage: None,
            chance=self._random.random,
        )
        self._housekeeping = Housekeeping(
            self.store,
            self.clock,
            event_retention=self.events_kept,
            history_retention=self.history_kept,
        )
        self._relay = None
        if isinstance(self.store, PostgresStore):
            self._relay = Relay(self.store.connect, self._bus)
            await self._relay.start()
        await self._worker.start()

    async def stop(self) -> None:
        """Stop working."""
        await self._worker.stop(1_000)
        if self._relay:
            await self._relay.stop()

    async def step(self) -> Point:
        """Let some minutes pass with all that happens in them, then clean."""
        self.now += STEP
        before, begun = self.sent, time.process_time()
        await self._happen()
        self._bus.kick("lanes")
        await self._settle()
        told = self.sent - before
        cost = (time.process_time() - begun) / max(told, 1)
        begun = time.process_time()
        await self._housekeeping.clean(self.now)
        return Point(
            hour=(self.now - START) / HOUR,
            database=await self._database(),
            memory=memory(),
            deliveries=told,
            cost=cost,
            cleaning=(time.process_time() - begun) / max(told, 1),
            rows=await self._rows(),
        )

    async def _happen(self) -> None:
        for world in self.worlds:
            world.now = self.now
            if self._random.random() < self.size.reporting:
                incident = await world.report()
                ends = self.now + self._random.randrange(1, 5) * STEP
                self.open.append((ends, world, incident))
        ending = [it for it in self.open if it[0] <= self.now]
        self.open = [it for it in self.open if it[0] > self.now]
        for _, world, incident in ending:
            await world.resolve(incident)

    async def _send(self, request: Any) -> Reply:  # noqa: ANN401 - all are requests
        assert isinstance(request, ReadyRequest)
        self.sent += 1
        await asyncio.sleep(0)
        if self._random.random() < self.size.failing:
            return DOWN
        return DOWN if self._is_down(request.url) else OK

    def _is_down(self, url: str) -> bool:
        """One far end in so many, another set each hour."""
        hour = (self.now - START) // HOUR
        return crc32(f"{url}/{hour}".encode()) % 50 == 0

    async def _settle(self) -> None:
        """Wait until nothing is due and nothing under way."""
        while await self._busy():  # noqa: ASYNC110 - a database has no events
            await asyncio.sleep(0.002)

    async def _busy(self) -> bool:
        if await self.store.fetchval("SELECT 1 FROM delivery WHERE status = 1 LIMIT 1"):
            return True
        if self.store.dialect == "postgres" and await self.store.fetchval(
            "SELECT 1 FROM wake WHERE due_at <= $1 LIMIT 1", self.now
        ):
            self._bus.kick("lanes")
            return True
        due_at = await next_due(self.store)
        return due_at is not None and due_at <= self.now

    async def _database(self) -> int:
        if self.store.dialect == "postgres":
            size = "SELECT pg_database_size(current_database())"
            return int(await self.store.fetchval(size))
        pages = await self.store.turn(_pages)
        return int(pages) * 4096

    async def _rows(self) -> dict[str, int]:
        return {
            it: await self.store.fetchval(f"SELECT count(*) FROM {it}")  # noqa: S608
            for it in TABLES
        }


async def _pages(tx: Tx) -> int:
    return int(await tx.fetchval("PRAGMA page_count"))


def memory() -> int:
    """Return how many bytes of memory the process holds."""
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE")


def quarters(points: list[Point]) -> Iterator[list[Point]]:
    """Yield the four quarters of a run."""
    each = len(points) // 4
    for nth in range(4):
        yield points[nth * each : (nth + 1) * each]
