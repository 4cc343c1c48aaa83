"""A whole server in this process, as `tocsin serve` puts it together: the API over HTTP
and the engine, with a guard of the test's choice.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from aiohttp import web

from delivery.engine import Engine
from delivery.guard import Guard
from domain.channels import Plan
from domain.clock import system_clock
from domain.ids import new_id
from domain.scopes import Scope
from models.crypto import KeyRing
from models.store import Row, Store, Tx, open_store
from notifiers import CHANNELS
from schema.context import Services
from server import accounts
from server.app import make_app
from server.config import load


@dataclass
class Tocsin:
    """A running server with its engine, as `tocsin serve` puts it together."""

    store: Store
    client: httpx.AsyncClient
    stages: Counter[str]

    async def mutate(self, name: str, given: dict[str, Any], select: str) -> Any:  # noqa: ANN401 - JSON
        """Run a mutation over HTTP; anything but its payload fails the test."""
        kind = name[0].upper() + name[1:]
        text = (
            f"mutation($input: {kind}Input!) {{ {name}(input: $input) "
            f"{{ {select} errors {{ code path message }} }} }}"
        )
        body = {"query": text, "variables": {"input": given}}
        answer = await self.client.post("/graphql", json=body)
        assert answer.status_code == 200, answer.text
        result = answer.json()
        assert "errors" not in result, result
        return result["data"][name]

    async def create(self, url: str) -> Any:  # noqa: ANN401 - JSON
        """Create a webhook to an address."""
        given = {"name": "w", "settings": {"webhook": {"webhookUrl": url}}}
        select = "integration { id } warnings { message path }"
        return await self.mutate("createIntegration", given, select)

    async def create_all(self, addresses: Sequence[str]) -> list[Any]:
        """Create a webhook to each address; none hears of anything yet."""
        return await asyncio.gather(*map(self.create, addresses))

    async def tell_all(self) -> list[Row]:
        """Report an incident to all integrations; return each one's first attempt."""

        given = {"name": "web-1", "host": "web-1.example.com"}
        made = await self.mutate("createServer", given, "server { id }")
        told = await self.store.turn(attach_all)
        report = {
            "serverId": made["server"]["id"],
            "incidentType": "timeout",
            "message": "no answer",
        }
        payload = await self.mutate("reportIncident", report, "incident { id }")
        assert payload["errors"] == []
        while len(rows := await self._first_attempts()) < told:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return rows

    async def _first_attempts(self) -> list[Row]:
        return await self.store.fetch(
            "SELECT a.outcome, a.error, a.status_code, d.status, i.settings"
            " FROM attempt a JOIN delivery d ON d.id = a.delivery_id"
            " JOIN integration i ON i.id = d.integration_id"
            " WHERE a.number = 1 AND a.ended_at IS NOT NULL"
        )


async def attach_all(tx: Tx) -> int:
    """Attach all integrations to the one server; return how many."""
    server = await tx.fetchrow("SELECT id, project_id FROM server")
    assert server is not None
    rows = await tx.fetch("SELECT id FROM integration")
    for row in rows:
        await tx.execute(
            "INSERT INTO attachment (id, project_id, resource_type, resource_id,"
            " integration_id, created_at) VALUES ($1, $2, 'Server', $3, $4, 1)",
            *(new_id(), server["project_id"], server["id"], row["id"]),
        )
    return len(rows)


@asynccontextmanager
async def tocsin(database_url: str, guard: Guard) -> AsyncIterator[Tocsin]:
    """Run a server that judges addresses with this guard."""
    store, keys = await open_store(database_url), KeyRing.generate()
    channels = {channel.type_name: channel for channel in CHANNELS}
    stages: Counter[str] = Counter()
    engine = Engine(
        store,
        channels=channels,
        keys=keys,
        guard=guard,
        observe=lambda stage: stages.update([stage]),
    )
    services = Services(
        store=store,
        feed=engine.feed,
        channels=channels,
        keys=keys,
        guard=guard,
        clock=system_clock,
    )
    project = await store.turn(accounts.ensure_project, "p", Plan.PAID, system_clock())
    token = await store.turn(
        accounts.add_token, project, "t", [Scope.ADMIN], None, system_clock()
    )
    runner = web.AppRunner(make_app(load({}), services), access_log=None)
    await engine.start()
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        async with httpx.AsyncClient(
            base_url=f"http://{host}:{port}",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=30,
        ) as client:
            yield Tocsin(store, client, stages)
    finally:
        await runner.cleanup()
        await engine.stop()
        await store.close()
