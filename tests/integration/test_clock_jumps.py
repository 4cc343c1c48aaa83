"""The API while the clock is set: keys, cursors, tokens."""

import asyncio
from typing import cast

import pytest

from domain.channels import Plan
from domain.clock import system_clock
from domain.scopes import Scope
from domain.timing import DAY, HOUR, MINUTE
from models.store import open_store
from schema.errors import ApiError
from server import accounts
from server.auth import Authenticator
from tests.event_log import take
from tests.schema_client import (
    Client,
    Clock,
    add_project,
    add_server,
    add_webhook,
    report,
    running_services,
)

YEAR = 365 * DAY


# Not by more than a day ahead: then a key has expired, by what keys promise.
@pytest.mark.parametrize("leap", [-YEAR, -HOUR, HOUR])
async def test_keys_and_cursors_go_on(database_url: str, leap: int) -> None:
    """A call is carried out once, and the log keeps its order, whatever the clock."""
    async with running_services(database_url) as services:
        client = Client(services, await add_project(services.store, "p"))
        clock = cast("Clock", services.clock)
        server = await add_server(client)
        await add_webhook(client, server)
        cursor = await services.feed.cursor(client.project_id)
        given = {"dedupKey": "k", "idempotencyKey": "key"}
        first = await report(client, server, **given)
        clock.now += leap
        assert (await report(client, server, **given))["id"] == first["id"]
        last = await report(client, server, message="other")
        assert last["id"] != first["id"]
        clock.now -= leap
        assert (await report(client, server, **given))["alertCount"] == 1
        following = services.feed.follow(client.project_id, cursor)
        events = await take(following, 2)
        await following.aclose()
        told = [event.body["delivery"]["incident"]["id"] for event in events]
        assert told == [first["id"], last["id"]]
        again = services.feed.follow(client.project_id, events[0].cursor)
        [second] = await take(again, 1)
        await again.aclose()
        assert second.position == events[1].position


async def test_a_token_ends_by_the_clock_and_its_use_is_noted(
    database_url: str,
) -> None:
    """Set ahead, a token has expired; set right, it may be used as before."""
    now = system_clock()
    store = await open_store(database_url)
    project = await store.turn(accounts.ensure_project, "p", Plan.PAID, now)
    arguments = (project, "t", [Scope.READ], now + DAY, now)
    header = f"Bearer {await store.turn(accounts.add_token, *arguments)}"
    authenticator = Authenticator(store, lambda: now)

    async def noted() -> int:
        await authenticator.principal(header)
        async with asyncio.timeout(10):
            while (used := await store.fetchval(USED)) != now:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return int(used)

    assert await noted() == now
    now += YEAR
    with pytest.raises(ApiError, match="has expired"):
        await authenticator.principal(header)
    now -= YEAR + HOUR
    assert await noted() == now
    now += 2 * MINUTE
    assert await noted() == now
    await store.close()


USED = "SELECT last_used_at FROM api_token"
