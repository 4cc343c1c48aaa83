"""Who hears of every resource, and that finding them costs nothing for the others."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from delivery.destinations import OF_RESOURCE
from domain.ids import Id, new_id
from models.store import Store, Tx, open_store
from tests.plans import cost
from tests.world import World

OTHERS = 2_000


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Give a world whose integrations are attached to nothing."""
    store: Store = await open_store(database_url)
    yield await World(store).make()
    await store.close()


async def loose(world: World, **columns: Any) -> Id:  # noqa: ANN401
    """Store an integration that hears of all and is attached to nothing."""
    made = await world.integration(**{"all_resources": True, **columns})
    await world.execute("DELETE FROM attachment WHERE integration_id = $1", made)
    return made


async def test_each_hears_once_and_obstacles_are_recorded(world: World) -> None:
    both = await world.integration(all_resources=True)
    everywhere, attached = await loose(world), await world.integration()
    off = await loose(world, active=False)
    unverified = await loose(world, verified=False)
    await loose(world, deleted_at=world.now)
    await loose(world, all_resources=False)
    await world.report()
    states = {
        it["integration_id"]: it["cancel_reason"] for it in await world.deliveries()
    }
    assert states == {
        both: None,
        everywhere: None,
        attached: None,
        off: "INTEGRATION_DISABLED",
        unverified: "INTEGRATION_UNVERIFIED",
    }
    assert len(await world.deliveries()) == len(states)


async def test_all_else_goes_to_those_who_were_told(world: World) -> None:
    """Whoever hears of all from now on does not hear the end of what it never heard."""
    told = await loose(world)
    incident = await world.report(
        resource_type="Website", resource_id=None, resource_name="x"
    )
    later = await loose(world)
    await world.set(told, all_resources=False)
    await world.resolve(incident)
    assert [kind for kind, _ in await world.states(told)] == ["OPENED", "RESOLVED"]
    assert await world.states(later) == []


async def fill(tx: Tx, world: World) -> None:
    """Store integrations of the project that hear of other things only."""
    rows = [(new_id(), world.project, world.now) for _ in range(OTHERS)]
    await tx.executemany(
        "INSERT INTO integration (id, project_id, name, created_at, updated_at, type,"
        " custom_name, active, down_alerts_only, all_resources, editable, deletable,"
        " verified, settings, secrets) VALUES ($1, $2, 'n', $3, $3, 'PROBE', FALSE,"
        " TRUE, FALSE, FALSE, TRUE, TRUE, TRUE, '{}', '{}')",
        rows,
    )
    await tx.executemany(
        "INSERT INTO lane (id, project_id, integration_id, channel, slots)"
        " VALUES ($1, $2, $1, 'PROBE', 8)",
        [row[:2] for row in rows],
    )


async def test_finding_them_reads_none_of_the_others(
    world: World, database_url: str
) -> None:
    for _ in range(3):
        await loose(world)
    await world.integration()
    await world.store.turn(fill, world)
    await world.execute("ANALYZE")
    args = (world.project, "Server", world.server)
    found = await cost(world.store, database_url, OF_RESOURCE, *args)
    assert found < (600 if world.store.dialect == "sqlite" else 30)
