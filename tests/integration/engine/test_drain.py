"""What waited through an outage is drained gently: one probe, then growing."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery import incidents
from delivery.finish import Group, finish
from delivery.worker import Worker
from domain.deliveries import Outcome, OutcomeKind
from domain.ids import Id
from domain.steps import Answer, ReadyRequest, Reply
from domain.timing import BACKOFF_FIRST, HOUR, SECOND
from models.store import Tx
from tests.far_end import OK
from tests.outbox import SENT, ended, held, lane, take
from tests.scene import KEYS, Scene
from tests.world import World

FAILED = Answer(status=500, body=b"down")
SLOTS = 8
WAITING = 60


class Sink:
    """A far end whose answers the test gives, one by one or all at once. It notes how
    many requests are held at a time, and that there never are more than `allowed`.
    """

    def __init__(self) -> None:
        self.held: deque[asyncio.Future[Reply]] = deque()
        self.always: Reply | None = None
        self.allowed = SLOTS
        self.seen = 0
        self.bodies: list[str] = []
        self.overruns: list[tuple[int, int]] = []

    async def send(self, request: ReadyRequest) -> Reply:
        """Take a request and wait for its answer."""
        self.seen += 1
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.held.append(answer)
        if len(self.held) > self.allowed:
            self.overruns.append((len(self.held), self.allowed))
        if self.always:
            self.answer(self.always)
        reply = await answer
        if reply is OK:
            self.bodies.append(request.body.decode())
        return reply

    def answer(self, reply: Reply) -> None:
        """Answer the request that has been held longest; each success lets twice as
        many in.
        """
        self.held.popleft().set_result(reply)
        if reply is OK:
            self.allowed = min(SLOTS, 2 * self.allowed)

    async def holds(self, count: int) -> None:
        """Wait until so many requests are held."""
        while len(self.held) != count:  # noqa: ASYNC110 - the test's timeout is the limit
            await asyncio.sleep(0.002)


class Outage:
    """An integration with a long queue whose far end is down, until it `returns`."""

    def __init__(self, scene: Scene, integration: Id, waiting: int) -> None:
        self.scene = scene
        self.waiting = waiting
        self.world = scene.world
        self.sink = Sink()
        self.integration = integration

    async def begin(self) -> None:
        """Let the first eight fail, which closes the lane."""
        await self.world.store.turn(self._fill)
        self.scene.worker = Worker(
            self.world.store,
            self.scene.bus,
            self.sink.send,
            channels=self.world.channels,
            keys=KEYS,
            clock=self.world.clock,
            observe=self.scene.stages.append,
            chance=lambda: 1.0,
        )
        await self.scene.worker.start()
        await self.sink.holds(SLOTS)
        await self.fail(FAILED)

    async def _fill(self, tx: Tx) -> None:
        for n in range(self.waiting):
            report = self.world.a_report(message=f"m{n}")
            await incidents.report(tx, self.world.channels, report, self.world.now)

    async def fail(self, reply: Reply) -> None:
        """Answer all that is held with this, and wait until the lane has closed and
        nothing is on its way.
        """
        while self.sink.held:
            self.sink.answer(reply)
        await self.closed()

    async def closed(self) -> None:
        """Wait until the lane is closed and all results are written."""

        async def reached() -> bool:
            row = await lane(self.world, self.integration)
            return row["closed_until"] > self.world.now and not await self.sending()

        await self.scene.until(reached)
        seen = self.sink.seen
        self.scene.move(0)
        await self.world.store.turn(_nothing)
        assert self.sink.seen == seen

    async def returns(self) -> None:
        """Let time pass until the lane opens again; one probe is let in."""
        row = await lane(self.world, self.integration)
        assert row["slots"] == 1
        self.sink.allowed = 1
        self.scene.move(row["closed_until"] - self.world.now)
        await self.sink.holds(1)

    async def grow(self, *widths: int) -> None:
        """Answer one request after the other with success, and see the lane grow."""
        for width in widths:
            self.sink.answer(OK)
            await self.sink.holds(width)

    async def sending(self) -> int:
        statement = "SELECT count(*) FROM delivery WHERE status = 1"
        return int(await self.world.store.fetchval(statement))

    async def drain(self) -> None:
        """Answer all with success until nothing waits; each was delivered once."""
        self.sink.always = OK
        while self.sink.held:
            self.sink.answer(OK)
        self.scene.move(HOUR)
        await self.scene.until(self.scene.all_ended)
        assert len(self.sink.bodies) == len(set(self.sink.bodies)) == self.waiting
        assert self.sink.overruns == []


async def _nothing(tx: Tx) -> None:
    await tx.fetchval("SELECT 1")


@pytest.fixture
async def outage(scene: Scene, request: pytest.FixtureRequest) -> AsyncIterator[Outage]:
    waiting = getattr(request, "param", WAITING)
    it = Outage(scene, await scene.world.integration(), waiting)
    await it.begin()
    yield it
    it.sink.always = OK
    while it.sink.held:
        it.sink.answer(OK)


@pytest.mark.parametrize("outage", [500], indirect=True)
async def test_one_probe_then_twice_as_many_with_each_success(outage: Outage) -> None:
    """1, 2, 4, 8, and never more, with 500 waiting."""
    assert outage.sink.seen == SLOTS
    await outage.returns()
    assert await outage.sending() == 1
    await outage.grow(2, 4, 8, 8, 8)
    await outage.drain()


async def test_a_probe_that_fails_is_the_only_one(outage: Outage) -> None:
    """And the next comes later."""
    waits = []
    for _ in range(4):
        await outage.returns()
        before = outage.world.now
        await outage.fail(FAILED)
        waits.append((await lane(outage.world, outage.integration))["closed_until"])
        waits[-1] -= before
    assert outage.sink.seen == SLOTS + 4
    assert waits == [BACKOFF_FIRST << n for n in (1, 2, 3, 4)]
    await outage.returns()
    await outage.grow(2, 4, 8)
    await outage.drain()


async def test_a_failure_in_the_middle_closes_the_whole_lane(outage: Outage) -> None:
    """A lane that is not yet at its width is on probation: the first failure is enough."""
    await outage.returns()
    await outage.grow(2, 4)
    seen = outage.sink.seen
    outage.sink.answer(FAILED)
    await outage.scene.until(outage_closed(outage))
    while outage.sink.held:
        outage.sink.answer(FAILED)
    await outage.closed()
    assert outage.sink.seen == seen
    await outage.returns()
    await outage.grow(2, 4, 8)
    await outage.drain()


def outage_closed(outage: Outage) -> Any:  # noqa: ANN401
    async def reached() -> bool:
        row = await lane(outage.world, outage.integration)
        return bool(row["closed_until"] > outage.world.now)

    return reached


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_the_middle_closes_it_as_long(
    outage: Outage, status: int
) -> None:
    """What was under way then and succeeds says nothing of later: one probe again."""
    await outage.returns()
    await outage.grow(2, 4, 8)
    told = Answer(status=status, body=b"", headers={"retry-after": "60"})
    outage.sink.answer(told)
    await outage.scene.until(outage_closed(outage))
    outage.sink.allowed = SLOTS
    while outage.sink.held:
        outage.sink.answer(OK)
    await outage.closed()
    row = await lane(outage.world, outage.integration)
    assert 60 * SECOND <= row["closed_until"] - outage.world.now <= 66 * SECOND
    await outage.returns()
    await outage.grow(2, 4, 8)
    await outage.drain()


DEAD = 100
RETRY = Outcome(kind=OutcomeKind.RETRY, error="connection refused")


def distance(samples: list[float]) -> float:
    """Return the Kolmogorov-Smirnov distance from the uniform distribution on 0…1."""
    ordered, count = sorted(samples), len(samples)
    return max(
        max(it - n / count, (n + 1) / count - it) for n, it in enumerate(ordered)
    )


async def fail_all(world: World, session: int, chance: random.Random) -> int:
    """Claim all that is due and let it fail at once; return how much it was."""
    claimed = await take(world, session, most=1_000, per_project=1_000)
    results = [ended(it, RETRY, world.now) for it in await held(world, claimed)]
    group = Group(session=session, ended=results, now=world.now, chance=chance.random)
    await world.store.turn(finish, group)
    return len(claimed)


async def probes(world: World, session: int, window: int) -> dict[Id, int]:
    """Let the time pass in small steps, and return when each lane was first tried."""
    began, step, first = world.now, window // 100, dict[Id, int]()
    for _ in range(101):
        for it in await take(world, session, most=1_000, per_project=1_000):
            first.setdefault(it.lane_id, world.now - began)
            [ready] = await held(world, [it])
            result = [ended(ready, SENT, world.now)]
            group = Group(session=session, ended=result, now=world.now)
            await world.store.turn(finish, group)
        world.now += step
    return first


async def test_many_lanes_of_one_dead_host_come_back_spread_out(
    world: World, session: int
) -> None:
    """A hundred integrations fail at the same moments; their probes are spread evenly
    over the back-off, also after more rounds: full jitter (Kolmogorov-Smirnov, 0.1 %).
    """
    chance = random.Random(20_261_124)  # noqa: S311
    for _ in range(DEAD):
        await world.integration()
    for _ in range(3):
        await world.report()
    assert await fail_all(world, session, chance) == 3 * DEAD
    await world.report()
    window = BACKOFF_FIRST
    for _ in range(2):
        world.now += window
        assert await fail_all(world, session, chance) == DEAD
        window *= 2
    first = await probes(world, session, window)
    assert len(first) == DEAD
    at = [it / window for it in first.values()]
    assert distance(at) < 1.95 / DEAD**0.5
    assert max(at.count(it) for it in at) <= 5
