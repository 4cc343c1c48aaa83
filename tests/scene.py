"""A scene for tests of the worker: a world, its far ends, and a worker."""

import asyncio
from collections.abc import Awaitable, Callable

from delivery.bus.in_process import InProcessBus
from delivery.redelivery import redeliver
from delivery.worker import Worker
from domain.deliveries import DeliveryStatus
from domain.ids import Id
from models.crypto import KeyRing
from models.store import Row, Store
from server.metrics import Metrics
from tests.far_end import FarEnds
from tests.world import World

KEYS = KeyRing.generate()


class Scene:
    """A world with far ends and a worker that has not begun."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.far_ends = FarEnds()
        self.bus = InProcessBus()
        self.stages: list[str] = []
        self.metrics = Metrics()
        world.store.on_commit(lambda topics: self.bus.kick(*topics))
        self.worker = self.a_worker()

    def a_worker(self, store: Store | None = None) -> Worker:
        return Worker(
            store or self.world.store,
            self.bus,
            self.far_ends.send,
            channels=self.world.channels,
            keys=KEYS,
            clock=self.world.clock,
            observe=self.stages.append,
            chance=lambda: 1.0,
            measures=self.metrics,
        )

    def move(self, millis: int) -> None:
        """Let time pass at once."""
        self.world.now += millis
        self.bus.kick("lanes")

    async def until(self, reached: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition; the test's timeout is the limit."""
        while not await reached():  # noqa: ASYNC110 - a database has no events
            await asyncio.sleep(0.005)

    async def all_ended(self) -> bool:
        waiting = "SELECT count(*) FROM delivery WHERE status IN (0, 1, 2)"
        return int(await self.world.store.fetchval(waiting)) == 0

    async def status(self, *wanted: DeliveryStatus) -> None:
        """Wait until all deliveries stand like this, in the order of their making."""

        async def reached() -> bool:
            rows = await self.world.deliveries()
            return [it["status"] for it in rows] == list(wanted)

        await self.until(reached)

    async def attempts(self) -> list[Row]:
        statement = "SELECT * FROM attempt ORDER BY delivery_id, number"
        return await self.world.store.fetch(statement)

    async def states(self, integration: Id) -> list[str]:
        """Return how an integration's deliveries stand."""
        return [state for _, state in await self.world.states(integration)]

    async def state(self, integration: Id, *wanted: str) -> None:
        """Wait until an integration's deliveries stand like this."""

        async def reached() -> bool:
            return await self.states(integration) == list(wanted)

        await self.until(reached)

    async def again(self, delivery: Id) -> None:
        """Redeliver a delivery."""
        world = self.world
        args = (world.channels, world.project, delivery, world.now)
        await world.store.turn(redeliver, *args)
