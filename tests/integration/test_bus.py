"""One conformance test for every bus, and what only the bus of a cluster can lose."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from delivery.bus import Bus, Listener
from delivery.bus.in_process import InProcessBus
from delivery.bus.postgres import PostgresBus

SOON_S = 5.0
"""Far more than a kick takes; reached only when it got lost."""
BURST_S = 0.2
QUIET_S = 0.05
"""Long enough for a kick that must not come."""


@dataclass
class Ends:
    """Two ends of a bus; those of a bus within one process are the same."""

    here: Bus
    there: Bus


def postgres_bus(url: str) -> PostgresBus:
    return PostgresBus(lambda: asyncpg.connect(url))


@pytest.fixture(params=["in_process", "postgres"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    if request.param == "in_process":
        bus = InProcessBus()
        pair = Ends(bus, bus)
    else:
        url = request.getfixturevalue("postgres_server").url()
        pair = Ends(postgres_bus(url), postgres_bus(url))
    await pair.here.start()
    await pair.there.start()
    yield pair
    await pair.here.stop()
    await pair.there.stop()


async def test_a_kick_reaches_all_listeners_of_its_topic(ends: Ends) -> None:
    listeners = [bus.listen("tail") for bus in (ends.here, ends.here, ends.there)]
    ends.here.kick("tail")
    heard = await asyncio.gather(*(it.wait(SOON_S) for it in listeners))
    assert heard == [True, True, True]


async def test_a_kick_reaches_no_other_topic(ends: Ends) -> None:
    other, same = ends.there.listen("lanes"), ends.there.listen("tail")
    ends.here.kick("tail")
    assert await same.wait(SOON_S)
    assert not await other.wait(QUIET_S)


async def test_several_topics_go_in_one_kick(ends: Ends) -> None:
    listeners = [ends.there.listen("lanes"), ends.there.listen("tail")]
    ends.here.kick("lanes", "tail")
    assert all(await asyncio.gather(*(it.wait(SOON_S) for it in listeners)))


async def test_a_kick_before_the_wait_counts_once(ends: Ends) -> None:
    listener = ends.here.listen("tail")
    for _ in range(3):
        ends.here.kick("tail")
    assert await listener.wait(0)
    assert not await listener.wait(QUIET_S)


async def test_a_kick_during_the_wait_ends_it(ends: Ends) -> None:
    waiting = asyncio.ensure_future(ends.there.listen("tail").wait())
    assert not await asyncio.wait_for(asyncio.shield(settled(waiting)), SOON_S)
    ends.here.kick("tail")
    assert await asyncio.wait_for(waiting, SOON_S)


async def settled(task: "asyncio.Future[bool]") -> bool:
    await asyncio.wait([task], timeout=QUIET_S)
    return task.done()


async def test_no_kick_is_a_false(ends: Ends) -> None:
    assert not await ends.here.listen("tail").wait(0)


async def test_a_closed_listener_hears_nothing(ends: Ends) -> None:
    closed, open_ = ends.here.listen("tail"), ends.here.listen("tail")
    closed.close()
    closed.close()
    ends.here.kick("tail")
    assert await open_.wait(SOON_S)
    assert not await closed.wait(0)


async def test_many_kicks_all_end_in_a_wait_after_the_last(ends: Ends) -> None:
    """However kicks are gathered, the last one is never swallowed."""
    said = heard = 0
    listener = ends.there.listen("tail")
    for _ in range(200):
        said += 1
        ends.here.kick("tail")
        assert await listener.wait(SOON_S)
        heard = said
    assert heard == said == 200


@pytest.fixture
async def pair(postgres_url: str) -> AsyncIterator[Ends]:
    """Two processes' ends on a database of their own, where connections may die."""
    ends = Ends(postgres_bus(postgres_url), postgres_bus(postgres_url))
    await ends.here.start()
    await ends.there.start()
    yield ends
    await ends.here.stop()
    await ends.there.stop()


async def end_connections(url: str, name: str) -> int:
    """End all sessions that bear a name; tell how many there were."""
    connection = await asyncpg.connect(url)
    try:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = $1 AND datname = current_database()",
            name,
        )
    finally:
        await connection.close()
    return len(ended)


async def heard_again(here: Bus, listener: Listener) -> None:
    """Kick until it is heard."""
    async with asyncio.timeout(SOON_S):
        while not await listener.wait(QUIET_S):
            here.kick("tail")


async def test_lost_connections_come_back(pair: Ends, postgres_url: str) -> None:
    listener = pair.there.listen("tail")
    assert await end_connections(postgres_url, "tocsin bus") == 2
    assert await listener.wait(SOON_S), "what was said meanwhile counts as a kick"
    await heard_again(pair.here, listener)


async def test_a_burst_is_gathered(pair: Ends, postgres_url: str) -> None:
    """However fast the kicks come, a notification leaves every 2 ms at the most."""
    got, end = [], asyncio.Event()

    def heard(_connection: object, _pid: int, _channel: str, topic: str) -> None:
        got.append(topic)
        if topic == "tail":
            end.set()

    ear = await asyncpg.connect(postgres_url)
    try:
        await ear.add_listener("tocsin", heard)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < BURST_S:
            pair.here.kick("lanes")
            await asyncio.sleep(0)
        pair.here.kick("tail")
        await asyncio.wait_for(end.wait(), SOON_S)
    finally:
        await ear.close()
    assert 1 <= got.count("lanes") <= passed / 0.002 + 2
