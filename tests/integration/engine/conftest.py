"""Worlds and scenes on each database; at the end of each test the invariants hold."""

from collections.abc import AsyncIterator

import pytest

from delivery.lease import open_session
from models.store import open_store
from tests.invariants import violations
from tests.scene import Scene
from tests.world import World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    """Give an empty world on each database."""
    store = await open_store(database_url)
    try:
        yield await World(store).make()
        assert await violations(store) == {}
    finally:
        await store.close()


@pytest.fixture
async def scene(world: World) -> AsyncIterator[Scene]:
    """Give a scene with a worker that has not begun."""
    scene = Scene(world)
    yield scene
    await scene.worker.stop(grace_ms=100)


@pytest.fixture
async def session(world: World) -> int:
    """Give a worker's session."""
    return await world.store.turn(open_session)
