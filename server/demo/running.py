"""Runs the demo beside a server, as one more client of it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from domain.channels import Plan
from domain.scopes import Scope
from models.store import Store, Tx
from server import accounts
from server.demo import sink
from server.demo.client import Client
from server.demo.scene import set_scene
from server.demo.trickle import Trickle

PROJECT: Final = "demo"
_OF_BEFORE: Final = (
    "UPDATE api_token SET revoked_at = $2 WHERE project_id = $1 AND revoked_at IS NULL"
)


async def _new_token(tx: Tx, now: int) -> str:
    """Make the project's token; those of earlier runs end."""
    project = await accounts.ensure_project(tx, PROJECT, Plan.PAID, now)
    await tx.execute(_OF_BEFORE, project, now)
    return await accounts.add_token(tx, project, "demo", [Scope.ADMIN], None, now)


@asynccontextmanager
async def demo(store: Store, address: str, now: int) -> AsyncIterator[str]:
    """Run the demo on the server at an address; gives the token of its project."""
    token = await store.turn(_new_token, now)
    chance = random.Random()  # noqa: S311 - a show, no secret
    async with AsyncExitStack() as stack:
        far_ends = await stack.enter_async_context(sink.running(chance))
        client = await stack.enter_async_context(Client(f"{address}/graphql", token))
        scene = await set_scene(client, far_ends)
        task = asyncio.create_task(Trickle(client, scene, chance).run())
        try:
            yield token
        finally:
            task.cancel()
            await asyncio.wait([task])
