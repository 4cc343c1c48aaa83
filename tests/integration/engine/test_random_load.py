"""Everything at once, drawn at random: what must hold, holds at the end and meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from delivery import lanes
from delivery.bus.in_process import InProcessBus
from delivery.redelivery import redeliver
from delivery.worker import Worker
from domain.channels import Channel
from domain.clock import system_clock
from domain.deliveries import CancelReason
from domain.faults import RefusedError
from domain.ids import Id
from domain.steps import Answer, Fault, NoAnswer, ReadyRequest, Reply
from models.store import Store, Tx, open_store
from tests import invariants
from tests.far_end import FarEnds
from tests.scene import KEYS
from tests.world import CHANNELS, World

SECONDS = 3.0
REPORTERS = 6
KINDS = ["PROBE", "PROBE", "CARD_PROBE", "STALE_PROBE", "ONCE_PROBE", "PLAIN_PROBE"]
NARROW = {name: replace(it, slots=4) for name, it in CHANNELS.items()}

OVERRUN = """
SELECT lane_id FROM delivery WHERE status = 1 GROUP BY lane_id HAVING count(*) > 4"""

OUT_OF_ORDER = """
SELECT b.id FROM delivery a JOIN delivery b ON a.incident_id = b.incident_id
 AND a.lane_id = b.lane_id AND a.number < b.number AND NOT a.manual AND NOT b.manual
JOIN attempt x ON x.delivery_id = a.id JOIN attempt y ON y.delivery_id = b.id
WHERE y.started_at < COALESCE(x.ended_at, 9000000000000)"""


MOODS: list[Reply] = [
    Answer(status=200),
    Answer(status=500),
    Answer(status=429),
    NoAnswer(Fault.RESET_AFTER_BODY, "reset"),
]


class MoodyFarEnds(FarEnds):
    """Far ends that answer now this, now that."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)  # noqa: S311 - a test

    async def send(self, request: ReadyRequest) -> Reply:
        await asyncio.sleep(self.chance.random() * 0.01)
        await super().send(request)
        return self.chance.choices(MOODS, [80, 10, 5, 5])[0]


class Load:
    """A world of a few lanes, reporters that never rest, and workers."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)  # noqa: S311 - a test
        self.far_ends = MoodyFarEnds(seed)
        self.integrations: list[Id] = []
        self.until = system_clock() + int(SECONDS * 1000)
        self.sampled: Counter[str] = Counter()

    async def make(self) -> None:
        for kind in KINDS:
            self.integrations.append(await self.world.integration(kind))

    def a_worker(self, store: Store) -> Worker:
        bus = InProcessBus()
        store.on_commit(lambda topics: bus.kick(*topics))
        return Worker(
            store,
            bus,
            self.far_ends.send,
            channels=self.world.channels,
            keys=KEYS,
            clock=system_clock,
            observe=lambda _stage: None,
            chance=lambda: self.chance.random() / 200,
        )

    async def bustle(self) -> None:
        """Report, acknowledge, resolve, switch off and on, redeliver."""
        world, actions = self.world, [self.report, self.close, self.switch, self.again]
        while (now := system_clock()) < self.until:
            world.now = now
            [action] = self.chance.choices(actions, [60, 30, 2, 8])
            try:
                await action()
            except RefusedError:
                await asyncio.sleep(0)

    async def report(self) -> None:
        key, text = self.chance.randrange(40), str(self.chance.randrange(3))
        await self.world.report(dedup_key=f"key {key}", message=text)

    async def close(self) -> None:
        rows = await self.world.store.fetch(
            "SELECT id FROM incident WHERE status <> 'RESOLVED'"
        )
        if rows:
            incident = self.chance.choice(rows)["id"]
            act = self.chance.choice([self.world.acknowledge, self.world.resolve])
            await act(incident)

    async def switch(self) -> None:
        integration = self.chance.choice(self.integrations)

        async def off(tx: Tx) -> None:
            await tx.execute(
                "UPDATE integration SET active = FALSE WHERE id = $1", integration
            )
            reason = CancelReason.INTEGRATION_DISABLED
            await lanes.cancel_waiting(tx, integration, reason, self.world.now)

        await self.world.store.turn(off)
        await asyncio.sleep(0.05)
        await self.world.set(integration, active=True)

    async def again(self) -> None:
        rows = await self.world.store.fetch("SELECT id FROM delivery WHERE status > 3")
        if rows:
            delivery = self.chance.choice(rows)["id"]
            args = (self.world.channels, self.world.project, delivery, self.world.now)
            await self.world.store.turn(redeliver, *args)

    async def watch(self) -> None:
        while system_clock() < self.until:
            self.sampled["samples"] += 1
            self.sampled["OVERRUN"] += len(await self.world.store.fetch(OVERRUN))
            await asyncio.sleep(0.1)

    async def settled(self) -> None:
        waiting = "SELECT count(*) FROM delivery WHERE status IN (0, 1, 2)"
        while await self.world.store.fetchval(waiting):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.timeout(50)
async def test_random_load_on_one_worker(database_url: str) -> None:
    """Reporters, switches, redeliveries, moody far ends: all drained, nothing broken."""
    await withstand(database_url, workers=1)


@pytest.mark.timeout(50)
async def test_random_load_on_three_workers(postgres_url: str) -> None:
    """The same on a cluster, where one worker loses its lease half-way."""
    await withstand(postgres_url, workers=3)


async def withstand(database_url: str, workers: int) -> None:
    stores = [await open_store(database_url) for _ in range(workers)]
    channels: Mapping[str, Channel] = NARROW
    load = Load(await World(stores[0], channels=channels).make(), seed=workers)
    await load.make()
    team = [load.a_worker(store) for store in stores]
    for worker in team:
        await worker.start()
    jobs: list[Callable[[], object]] = [*[load.bustle] * REPORTERS, load.watch]
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(job())  # type: ignore[arg-type]
        if workers > 1:
            await asyncio.sleep(SECONDS / 2)
            await lose(team[0], load.world)
    await load.settled()
    for worker in team:
        await worker.stop(grace_ms=1_000)
    assert load.sampled["samples"] > 3
    assert load.sampled["OVERRUN"] == 0
    assert await load.world.store.fetch(OUT_OF_ORDER) == []
    assert await invariants.violations(load.world.store, most_slots=4) == {}
    await check_attempts(load)
    for store in stores:
        await store.close()


async def lose(worker: Worker, world: World) -> None:
    """Take a worker's lease away: what it holds goes to the others, it begins anew."""
    statement = "UPDATE worker SET lease_until = 1 WHERE id = $1"
    await world.execute(statement, worker._session)  # noqa: SLF001


async def check_attempts(load: Load) -> None:
    """Every request that a far end saw has an attempt, and most attempts a request."""
    tried = await load.world.store.fetchval("SELECT count(*) FROM attempt")
    assert 100 < len(load.far_ends.seen) <= tried
