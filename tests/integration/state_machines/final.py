"""At the end: the log, replayed from the start, ends where the lists of the API are."""

import asyncio
from typing import Any, Final

from domain.deliveries import DeliveryStatus
from tests.integration.state_machines.system import System
from tests.schema_client import Client

LIST: Final = """
query($after: String) { deliveries(first: 100, after: $after) {
  nodes { id status attemptCount integration { id type } incident { id } }
  pageInfo { endCursor hasNextPage } } }"""

SOON_S: Final = 20.0


async def check_log_and_lists(system: System) -> None:
    """Replay the whole log, and compare the last of each delivery with the list."""
    listed = {it["id"]: it for it in await _listed(system.clients[0])}
    replayed = await _replayed(system)
    assert replayed.keys() == listed.keys()
    for name, shown in replayed.items():
        assert shown["status"] == listed[name]["status"]
        assert shown["attemptCount"] == listed[name]["attemptCount"]
        assert shown["incident"]["id"] == listed[name]["incident"]["id"]
        assert shown["integration"]["id"] == listed[name]["integration"]["id"]


async def _listed(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await client.ask(LIST, after=after))["deliveries"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def _replayed(system: System) -> dict[str, dict[str, Any]]:
    """Return what the log says last of each delivery, and check each way on the way."""
    site, project = system.sites[-1], system.clients[0].project_id
    count = await site.store.fetchval("SELECT count(*) FROM event_log")
    following = site.feed.follow(project, system.cursor)
    last: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(SOON_S):
        for _ in range(count):
            shown = dict((await anext(following)).body["delivery"])
            before = last.get(shown["id"])
            assert before is None or before["attemptCount"] <= shown["attemptCount"]
            assert shown["status"] in DeliveryStatus.__members__
            last[shown["id"]] = shown
    await following.aclose()
    return last
