"""Deliveries that wait in dead lanes cost nothing to claims, lists and followers."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import strawberry

from delivery import claim as claiming
from delivery.event_filter import EventFilter
from delivery.log_reader import LogReader
from domain.deliveries import DeliveryStatus
from domain.ids import ZERO, Id, encode, new_id
from domain.incidents import IncidentStatus
from domain.timing import HOUR
from models.store import Store, open_store
from schema import delivery_filter, incidents, integration_rows
from schema.delivery_rows import delivery_listing
from schema.incident_rows import incident_listing
from schema.listing import Listing, Where
from schema.pagination import Cut
from tests.dead_lanes import Heap, close_lanes, lanes_of, make_lanes, pile_up
from tests.plans import cost
from tests.world import World

LIVE = 60
DEAD = 4_000
FIRST = Cut(count=25, backward=False, after=None, before=None)
Statement = tuple[str, tuple[Any, ...]]


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Give a world with some history, most of it delivered, some failed."""
    store = await open_store(database_url)
    world = await World(store).make()
    live = await make_lanes(world, 30)
    await world.execute("UPDATE lane SET next_due_at = $1", world.now + HOUR)
    for status, count in ((DeliveryStatus.DELIVERED, LIVE), (DeliveryStatus.FAILED, 5)):
        heap = Heap(
            integrations=live,
            lanes=await lanes_of(world, live),
            count=count,
            status=status,
            incident_status=IncidentStatus.RESOLVED,
            due_at=None,
            at=world.now,
        )
        await pile_up(world, heap)
    yield world
    await store.close()


async def add_dead(world: World, lanes: int) -> None:
    """Let thousands wait in dead lanes of the same project, all of them newer."""
    dead = await make_lanes(world, lanes)
    heap = Heap(
        integrations=dead,
        lanes=await lanes_of(world, dead),
        count=DEAD,
        status=DeliveryStatus.PENDING,
        incident_status=IncidentStatus.ACKNOWLEDGED,
        due_at=world.now,
        at=world.now + 60_000,
    )
    await pile_up(world, heap)
    await close_lanes(world, dead)
    if world.store.dialect == "postgres":  # as the relay would
        await world.execute("UPDATE event_log SET position = id")
        await world.execute(
            "UPDATE counter SET value = (SELECT max(id) FROM event_log)"
            " WHERE name = 'position'"
        )


def pages(world: World, live: Id) -> dict[str, Listing]:
    """Return the lists of which the dead are a part that is left out."""
    one = [strawberry.ID(encode("Integration", live))]
    over = [DeliveryStatus.FAILED, DeliveryStatus.CANCELLED]
    wanted = delivery_filter.DeliveryFilter
    chosen = {
        "failed": wanted(status=over[:1]),
        "over": wanted(status=over),
        "integration": wanted(integration_id=one),
        "integration, failed": wanted(integration_id=one, status=over[:1]),
        "integration, waiting": wanted(
            integration_id=one,
            status=[DeliveryStatus.PENDING, DeliveryStatus.RETRYING],
        ),
    }
    found = {
        name: delivery_listing(
            "project_id", delivery_filter.where_of(it), descending=True
        )
        for name, it in chosen.items()
    }
    resolved = incidents.IncidentFilter(status=[IncidentStatus.RESOLVED])
    server = incidents.IncidentFilter(
        server_id=[strawberry.ID(encode("Server", new_id()))]
    )
    for name, it in (("resolved", resolved), ("another server", server)):
        found[name] = incident_listing(incidents._where(it), descending=True)  # noqa: SLF001
    return found


def statement(listing: Listing, parent: Id, *, count: bool = False) -> Statement:
    """Return the statement that reads a page of a list, or counts it."""
    sql, where = listing.counting() if count else listing.page(FIRST)
    return sql.replace("{parent}", where.mark(parent)), tuple(where.values)


async def statements(world: World, live: Id, incident: Id) -> dict[str, Statement]:
    """Return all that is to cost the same."""
    lists = pages(world, live)
    whole = {
        "deliveries": delivery_listing("project_id", Where(), descending=True),
        "incidents": incident_listing(Where(), descending=True),
        "integrations": integration_rows.integration_listing(
            Where("owner_id IS NULL"), descending=True
        ),
    }
    found = {name: statement(it, world.project) for name, it in (lists | whole).items()}
    found |= {
        f"count of {name}": statement(it, world.project, count=True)
        for name, it in lists.items()
    }
    of_incident = delivery_filter.DeliveryFilter(
        incident_id=[strawberry.ID(encode("Incident", incident))],
        status=[DeliveryStatus.DELIVERED],
    )
    listing = delivery_listing(
        "project_id",
        delivery_filter.where_of(of_incident),
        descending=True,
    )
    found["of an incident"] = statement(listing, world.project)
    return found | claims(world)


def claims(world: World) -> dict[str, Statement]:
    """Return what a claim runs, and what tells when the next is due."""
    due: Statement = (claiming._NEXT_DUE, (ZERO,))  # noqa: SLF001
    if world.store.dialect == "postgres":
        args = (world.now, ZERO, 50, 50, 8, 1, 50)
        return {"due": due, "claim": (claiming.CLAIM, args)}
    return {
        "due": due,
        "projects": (claiming.DUE_PROJECTS, (world.now, ZERO, 50)),
        "lanes": (claiming.DUE_LANES, (world.project, world.now, 50)),
        "waiting": (claiming.WAITING, (new_id(), 9)),
    }


@pytest.mark.parametrize("lanes", [1, 200])
async def test_what_waits_in_dead_lanes_is_not_read(
    world: World, database_url: str, lanes: int
) -> None:
    """Each statement costs what it cost before, but for the depth of an index: rows
    read on PostgreSQL, steps of SQLite; whether they wait in one lane or in many.
    """
    store, live = world.store, await world.store.fetchval("SELECT id FROM integration")
    incident = await store.fetchval("SELECT id FROM incident")
    await analyze(world)
    wanted = await statements(world, live, incident)
    before = await costs(store, database_url, wanted)
    await add_dead(world, lanes)
    await analyze(world)
    after = await costs(store, database_url, wanted)
    slack = 3 if store.dialect == "postgres" else 60
    slower = {
        name: (before[name], found)
        for name, found in after.items()
        if found > 1.3 * before[name] + slack
    }
    assert slower == {}


async def analyze(world: World) -> None:
    """As autovacuum would. On SQLite nobody does, and no plan may need it."""
    if world.store.dialect == "postgres":
        await world.execute("ANALYZE")


async def costs(store: Store, url: str, wanted: dict[str, Statement]) -> dict[str, int]:
    return {
        name: await cost(store, url, sql, *args) for name, (sql, args) in wanted.items()
    }


async def test_a_follower_that_is_abreast_does_not_read_them(
    world: World, database_url: str
) -> None:
    """What was logged before a cursor is not looked at."""
    await add_dead(world, 1)
    recorded = Recording(world.store)
    reader = await LogReader.open(recorded)  # type: ignore[arg-type]
    head = (await reader.bounds()).head
    assert head >= DEAD
    recorded.seen.clear()
    await reader.page(world.project, head - 5, EventFilter(), 100)
    await reader.span([world.project], head - 5, 100)
    for sql, args in recorded.seen:
        found = await cost(world.store, database_url, sql, *args)
        assert found < (1_000 if world.store.dialect == "sqlite" else 30), sql


class Recording:
    """A store that remembers what it was asked to read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.dialect = store.dialect
        self.seen: list[tuple[str, Sequence[object]]] = []

    async def fetch(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        self.seen.append((sql, args))
        return await self._store.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        return await self._store.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        return await self._store.fetchval(sql, *args)
