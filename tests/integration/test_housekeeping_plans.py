"""Removing history costs nothing for what is kept."""

from collections.abc import AsyncIterator

import pytest

from delivery import housekeeping_removal as removal
from domain.ids import ZERO, Id, new_id
from domain.resources import SERVER as SERVER_KIND
from domain.timing import DAY
from models.store import Tx, open_store
from tests.plans import cost
from tests.world import START, World

KEPT_ROWS = 3_000
OLD = START - 365 * DAY
BEFORE = START - 90 * DAY


async def fill(tx: Tx, world: World, lane: Id, integration: Id) -> None:
    """Store old open incidents with deliveries and attempts, young resolved ones,
    young messages outside incidents, and what was deleted of late.
    """
    statuses = ("TRIGGERED", OLD), ("RESOLVED", START)
    incidents = [
        (new_id(), world.project, world.server, status, at)
        for n in range(KEPT_ROWS)
        for status, at in [statuses[n % 2]]
    ]
    await tx.executemany(
        "INSERT INTO incident (id, project_id, resource_id, status, created_at,"
        " updated_at, started_at, resource_type, resource_name, resource_url,"
        " incident_type, message, severity, next_number, alert_count)"
        " VALUES ($1, $2, $3, $4, $5, $5, $5, 'Server', 'w', 'w', 't', 'm', 'HIGH',"
        " 2, 1)",
        incidents,
    )
    # Open incidents' deliveries ended long ago; so did none of the messages outside.
    deliveries: list[tuple[object, ...]] = [
        (new_id(), world.project, lane, integration, incident, n, at)
        for n, (incident, *_, at) in enumerate(incidents)
    ]
    deliveries += [
        (new_id(), world.project, lane, integration, None, None, START)
        for _ in range(KEPT_ROWS)
    ]
    await tx.executemany(
        "INSERT INTO delivery (id, project_id, lane_id, integration_id, incident_id,"
        " number, kind, status, expires_at, message_id, attempts, created_at,"
        " updated_at) VALUES ($1, $2, $3, $4, $5, $6, 'OPENED', 4, $7, 'm', 1, $7, $7)",
        deliveries,
    )
    rows = [(new_id(), world.project, OLD, START) for _ in range(KEPT_ROWS)]
    await tx.executemany(SERVER, rows)
    await tx.executemany(INTEGRATION, rows)


SERVER = """
INSERT INTO server (id, project_id, name, created_at, updated_at, deleted_at, host)
VALUES ($1, $2, 'n', $3, $3, $4, 'h')"""

INTEGRATION = """
INSERT INTO integration (id, project_id, name, created_at, updated_at, deleted_at, type,
 custom_name, active, down_alerts_only, all_resources, editable, deletable, verified,
 settings, secrets)
VALUES ($1, $2, 'n', $3, $3, $4, 'PROBE', FALSE, FALSE, FALSE, FALSE, TRUE, TRUE, TRUE,
 '{}', '{}')"""


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    store = await open_store(database_url)
    world = await World(store).make()
    integration = await world.integration()
    lane = await store.fetchval("SELECT id FROM lane")
    await store.turn(fill, world, lane, integration)
    await world.execute("ANALYZE")
    yield world
    await store.close()


async def test_looking_for_what_is_over_does_not_read_what_is_kept(
    world: World, database_url: str
) -> None:
    """A statement reads a few rows at most, or takes a few dozen steps, although
    thousands of each kind are kept.
    """
    somebody = new_id()
    finding = (BEFORE, 0, ZERO, 100)
    removing = [
        it.format("= $2" if world.store.dialect == "sqlite" else "= ANY($2::uuid[])")
        for it in (
            *removal.REST,
            *removal.INTEGRATION,
            *removal.resource_statements(SERVER_KIND),
        )
    ]
    one: object = somebody if world.store.dialect == "sqlite" else [somebody]
    costs = {
        "incidents": (removal.INCIDENTS, finding),
        "integrations": (removal.INTEGRATIONS, finding),
        "servers": (removal.deleted_resources(SERVER_KIND), finding),
        "outside": (removal.OUTSIDE, (BEFORE, 500)),
        "of incidents": (removal.OF_INCIDENTS.format("= $3"), (BEFORE, 500, somebody)),
    } | {it: (it, (500, one)) for it in removing}
    for name, (sql, args) in costs.items():
        found = await cost(world.store, database_url, sql, *args)
        limit = 400 if world.store.dialect == "sqlite" else 10
        assert found < limit, name


async def test_a_deleted_server_is_judged_by_its_own_incidents(
    world: World, database_url: str
) -> None:
    """Whether an incident names it is one look into an index."""
    await world.execute(
        "UPDATE server SET deleted_at = $1 WHERE id = $2", OLD, world.server
    )
    await world.execute("ANALYZE")
    args = (BEFORE, 0, ZERO, 100)
    found = await cost(
        world.store, database_url, removal.deleted_resources(SERVER_KIND), *args
    )
    assert found < (400 if world.store.dialect == "sqlite" else 10)
    [row] = await world.store.fetch(removal.deleted_resources(SERVER_KIND), *args)
    assert row["kept"]
