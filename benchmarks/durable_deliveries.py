"""Durable deliveries per second, as a ratio to a bare client loop.

Durable: reported, claimed, signed, sent, and attempts, states and events committed on
SQLite with synchronous = FULL. Bare: an aiohttp session that posts the same bodies to
the same receiver. Both take turns in one run; only the ratio says something.

    .venv/bin/python -m benchmarks.durable_deliveries

What the profile shows is in benchmarks/README.md.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from delivery.engine import Engine
from delivery.guard import Guard
from delivery.incidents import report, resolve
from domain.clock import system_clock
from models.crypto import KeyRing
from models.migrate import upgrade
from models.secret_storage import seal_all
from models.store import Store, open_store
from notifiers.webhook import CHANNEL
from tests.world import World

CHANNELS = {CHANNEL.type_name: CHANNEL}
IN_FLIGHT = 64
SECRET = "whsec_" + "QUFB" * 10
BODY = (
    b'{"resource_name":"web-1","resource_url":"web-1.example.com",'
    b'"resource_type":"Server","incident_type":"timeout",'
    b'"incident_status":"ongoing","incident_duration":null,'
    b'"incident_message":"no answer"}'
)

WAITING = """
SELECT 1 FROM delivery WHERE status = 1
UNION ALL SELECT 1 FROM delivery WHERE status IN (0, 2) AND due_at IS NOT NULL LIMIT 1"""


@dataclass(frozen=True)
class Size:
    """How much is sent in one turn: each incident to each integration, twice."""

    integrations: int
    incidents: int

    @property
    def deliveries(self) -> int:
        """Deliveries in a turn: one for the opening and one for the end."""
        return 2 * self.integrations * self.incidents


async def bare(url: str, count: int) -> float:
    """Post bodies, so many at once; return seconds."""
    left = iter(range(count))
    headers = {"content-type": "application/json", "webhook-id": "x" * 30}

    async def post(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=BODY, headers=headers) as response:
                await response.read()

    connector = aiohttp.TCPConnector(limit=IN_FLIGHT)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(post(session) for _ in range(IN_FLIGHT)))  # warm
        left = iter(range(count))
        begun = time.perf_counter()
        await asyncio.gather(*(post(session) for _ in range(IN_FLIGHT)))
        return time.perf_counter() - begun


async def durable(store: Store, world: World, size: Size) -> float:
    """Report, resolve and wait until all is delivered and committed; return seconds."""
    begun = time.perf_counter()
    for _ in range(size.incidents):
        world.now = system_clock()
        incident = await store.turn(report, CHANNELS, world.a_report(), world.now)
        args = (CHANNELS, world.project, incident, None, None, world.now)
        await store.turn(resolve, *args)
    while await store.fetchval(WAITING):  # noqa: ASYNC110 - a database has no events
        await asyncio.sleep(0.01)
    return time.perf_counter() - begun


async def furnish(store: Store, keys: KeyRing, url: str, size: Size) -> World:
    """Store integrations that post to the receiver, signed."""
    world = await World(store, channels=CHANNELS, now=system_clock()).make()
    settings = orjson.dumps({"webhook_url": url, "headers": []}).decode()
    for _ in range(size.integrations):
        it = await world.integration(CHANNEL.type_name, settings=settings)
        sealed = seal_all(keys, world.project, it, {"signing_secret": SECRET}, 1)
        await world.set(it, secrets=orjson.dumps(sealed).decode())
    return world


async def compare(size: Size, rounds: int, folder: Path) -> list[float]:
    """Let both take turns; return the ratio of each round."""
    sink = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.sink"), stdout=PIPE
    )
    assert sink.stdout
    url = f"http://127.0.0.1:{int(await sink.stdout.readline())}/hook"
    database = f"sqlite://{folder}/benchmark.db"
    await upgrade(database)
    store, keys = await open_store(database), KeyRing.generate()
    world = await furnish(store, keys, url, size)
    engine = Engine(store, channels=CHANNELS, keys=keys, guard=Guard(dev=True))
    await engine.start()
    ratios = []
    for nth in range(rounds + 1):
        plain, kept = (
            await bare(url, size.deliveries),
            await durable(store, world, size),
        )
        name = f"round {nth}" if nth else "warming"
        rates = size.deliveries / plain, size.deliveries / kept
        print(f"{name}: bare {rates[0]:,.0f}/s, durable {rates[1]:,.0f}/s", flush=True)
        if nth:
            ratios.append(plain / kept)
    await engine.stop()
    await store.close()
    sink.terminate()
    await sink.wait()
    return ratios


def main() -> None:
    """Measure and print the ratio: median, least and most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--integrations", type=int, default=200)
    parser.add_argument("--incidents", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    size = Size(given.integrations, given.incidents)
    with tempfile.TemporaryDirectory() as folder:
        ratios = asyncio.run(compare(size, given.rounds, Path(folder)))
    middle = statistics.median(ratios)
    print(f"ratio {middle:.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
