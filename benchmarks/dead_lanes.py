"""What claims, lists and followers cost beside a million deliveries in dead lanes, as
ratios to a database without them.

Two databases of a kind with the same history; one is filled besides. Each is asked in
turn, in one run; of each operation the medians are compared. Figures are in
benchmarks/README.md.

    .venv/bin/python -m benchmarks.dead_lanes --database sqlite --lanes 1
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from delivery.claim import next_due
from delivery.event_filter import EventFilter
from delivery.lease import open_session
from delivery.log_reader import LogReader
from domain.deliveries import DeliveryStatus
from domain.ids import Id, encode
from domain.incidents import IncidentStatus
from models.migrate import upgrade
from models.store import Store
from schema.build import SCHEMA
from tests.databases import create_database, postgres
from tests.dead_lanes import Heap, close_lanes, lanes_of, make_lanes, pile_up
from tests.outbox import SENT, end, take
from tests.schema_client import Client, running_services
from tests.world import World

LIVE = 50
HISTORY = 20_000
TYPE = "WEBHOOK"
SETTINGS = '{"webhook_url": "http://127.0.0.1:9/", "headers": []}'

QUERIES = {
    "deliveries": "{ deliveries { nodes { id status } } }",
    "deliveries, counted": "{ deliveries { totalCount } }",
    "deliveries FAILED": "{ deliveries(filter: {status: [FAILED]}) "
    "{ nodes { id status } totalCount } }",
    "deliveries FAILED or CANCELLED": "{ deliveries(filter: "
    "{status: [FAILED, CANCELLED]}) { nodes { id status } totalCount } }",
    "deliveries of an integration": "{ deliveries(filter: {integrationId: INT}) "
    "{ nodes { id status } totalCount } }",
    "waiting deliveries of an integration": "{ deliveries(filter: {integrationId: INT"
    ", status: [PENDING, RETRYING]}) { nodes { id } totalCount } }",
    "deliveries of an incident": "{ deliveries(filter: {incidentId: INC}) "
    "{ nodes { id } totalCount } }",
    "incidents": "{ incidents { nodes { id status } } }",
    "incidents, counted": "{ incidents { totalCount } }",
    "incidents TRIGGERED": "{ incidents(filter: {status: [TRIGGERED]}) "
    "{ nodes { id } totalCount } }",
    "integrations": "{ integrations { nodes { id name } } }",
}


@dataclass
class Site:
    """A database with one project, a session of a worker, and a client."""

    client: Client
    world: World
    session: int
    integration: str
    incident: str

    async def ask(self, text: str) -> None:
        """Run a query."""
        text = text.replace("INT", f'"{self.integration}"')
        text = text.replace("INC", f'"{self.incident}"')
        done = await SCHEMA.execute(text, context_value=self.client.context())
        assert not done.errors, done.errors

    async def work(self) -> dict[str, float]:
        """Report to all live integrations, claim and finish; return ms of each."""
        world = self.world
        world.now += 1_000
        await world.report()
        took, begun = dict[str, float](), time.perf_counter()
        claimed = await take(world, self.session, most=LIVE)
        took["claim"] = time.perf_counter() - begun
        assert len(claimed) == LIVE
        begun = time.perf_counter()
        await end(world, self.session, claimed, SENT)
        took["finish"] = time.perf_counter() - begun
        begun = time.perf_counter()
        await next_due(world.store)
        took["next due"] = time.perf_counter() - begun
        return took

    async def resume(self) -> None:
        """Read what a follower reads that was 100 events behind."""
        reader = await LogReader.open(self.world.store)
        head = (await reader.bounds()).head
        await reader.page(self.world.project, head - 100, EventFilter(), 500)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Site]:
    """Give a database with history: delivered, now and then failed."""
    await upgrade(url)
    async with running_services(url) as services:
        world = await World(services.store, channels=services.channels).make()
        session = await world.store.turn(open_session)
        live = [await world.integration(TYPE, settings=SETTINGS) for _ in range(LIVE)]
        for status, count in ((4, HISTORY), (5, 20)):
            await pile_up(world, await heap(world, live, count, DeliveryStatus(status)))
        incident = await world.report()
        world.now += HISTORY
        claimed = await take(world, session, most=LIVE)
        await end(world, session, claimed, SENT)
        client = Client(services, world.project)
        names = encode("Integration", live[0]), encode("Incident", incident)
        yield Site(client, world, session, *names)


async def heap(
    world: World, integrations: list[Id], count: int, status: DeliveryStatus
) -> Heap:
    """Return deliveries that ended, or that wait."""
    waits = not status.finished
    return Heap(
        integrations=integrations,
        lanes=await lanes_of(world, integrations),
        count=count,
        status=status,
        incident_status=IncidentStatus.ACKNOWLEDGED
        if waits
        else IncidentStatus.RESOLVED,
        due_at=world.now if waits else None,
        at=world.now,
    )


async def fill(site: Site, lanes: int, count: int) -> None:
    """Let so many wait in dead lanes."""
    world, store = site.world, site.world.store
    attached = "SELECT integration_id FROM attachment"
    live = [row[0] for row in await store.fetch(attached)]
    dead = await make_lanes(world, lanes, TYPE)
    for integration in live:
        await world.execute(
            "INSERT INTO attachment (id, project_id, resource_type, resource_id,"
            " integration_id, created_at) VALUES ($1, $2, 'Server', $3, $1, $4)",
            *(integration, world.project, world.server, world.now),
        )
    await pile_up(world, await heap(world, dead, count, DeliveryStatus.PENDING))
    await close_lanes(world, dead)


async def settle(store: Store, url: str) -> None:
    """Do what autovacuum does by and by, once the relay has numbered the log."""
    if store.dialect == "postgres":
        unnumbered = "SELECT 1 FROM event_log WHERE position IS NULL LIMIT 1"
        while await store.fetchval(unnumbered):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.2)
        connection = await asyncpg.connect(url)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    """Return how many seconds something takes."""
    begun = time.perf_counter()
    await work()
    return time.perf_counter() - begun


async def measure(site: Site) -> dict[str, float]:
    """Return seconds of each operation, once."""
    took = await site.work()
    took["resume"] = await timed(site.resume)
    for name, text in QUERIES.items():
        took[name] = await timed(lambda text=text: site.ask(text))  # type: ignore[misc]
    return took


async def compare(urls: tuple[str, str], lanes: int, count: int, rounds: int) -> None:
    """Fill one of two databases, ask both in turn, and print the ratios."""
    async with opened(urls[0]) as empty, opened(urls[1]) as filled:
        begun = time.perf_counter()
        await fill(filled, lanes, count)
        for site, url in zip((empty, filled), urls, strict=True):
            await settle(site.world.store, url)
        print(f"filled in {time.perf_counter() - begun:.0f} s", flush=True)
        found: list[tuple[dict[str, float], dict[str, float]]] = []
        for nth in range(rounds + 3):
            pair = await measure(empty), await measure(filled)
            if nth >= 3:
                found.append(pair)
    for name in found[0][0]:
        without, beside = (
            statistics.median(pair[which][name] for pair in found) for which in (0, 1)
        )
        print(
            f"{name:40} {beside / without:5.2f}   "
            f"({without * 1000:.2f} ms, beside the dead {beside * 1000:.2f} ms)"
        )


async def run(given: argparse.Namespace) -> None:
    """Make the databases and compare them."""
    options = given.lanes, given.waiting, given.rounds
    if given.database == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            files = (f"sqlite://{Path(folder) / it}.db" for it in ("empty", "filled"))
            await compare((next(files), next(files)), *options)
        return
    with postgres() as server:
        names = [await create_database(server) for _ in range(2)]
        await compare((server.url(names[0]), server.url(names[1])), *options)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=25)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
