"""`tocsin serve --dev --demo`: the first look shows a living system."""

import asyncio
from pathlib import Path
from typing import Any

from server.demo.story import INTEGRATIONS, SERVERS
from tests.live_server import LiveServer

LOOK = """{
  servers(first: 100) { nodes { name } }
  integrations(first: 100) { nodes { name } }
  incidents(first: 100) { nodes { status } }
  deliveries(first: 100) { nodes { status attempts { outcome error } } }
}"""


async def look(server: LiveServer) -> dict[str, Any]:
    data = await server.execute(LOOK)
    return {noun: found["nodes"] for noun, found in data.items()}


async def test_the_demo_shows_successes_failures_and_retries(
    sqlite_url: str, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path / "data", sqlite_url)
    await server.start_demo()
    assert {it["name"] for it in (await look(server))["servers"]} == {
        name for name, _ in SERVERS
    }
    async with asyncio.timeout(40):
        while True:
            shown = await look(server)
            if {"DELIVERED", "RETRYING"} <= {
                it["status"] for it in shown["deliveries"]
            }:
                break
            await asyncio.sleep(0.1)
    assert shown["incidents"]
    assert await server.stop() == 0

    # It goes on where it was: nothing is made twice, and it still arrives.
    await server.start_demo()
    again = await look(server)
    assert len(again["servers"]) == len(SERVERS)
    assert len(again["integrations"]) == len(INTEGRATIONS)
    assert len(again["incidents"]) >= len(shown["incidents"])
    assert await server.stop() == 0
