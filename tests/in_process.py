"""The whole server inside the test's process: real storage, real sockets, a worker.

Where a test has to reach the store below the API; `tests/live_server.py` has it as a
process of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from aiohttp import web

from domain.channels import Plan
from domain.clock import system_clock
from domain.scopes import Scope
from models.crypto import KeyRing
from models.store import Store
from server import accounts
from server.app import make_app
from server.config import Config
from server.observing import Observing
from server.serving import opened
from tests.invariants import violations

SOON_S = 15.0
"""Three times what recovering takes at the most."""

REPORT = """
mutation($input: ReportIncidentInput!) {
  reportIncident(input: $input) { incident { id } errors { message } } }"""
COUNTS = """
SELECT (SELECT count(*) FROM incident) AS incidents,
 (SELECT count(*) FROM incident_event) AS events,
 (SELECT count(*) FROM delivery) AS deliveries"""
UNFINISHED = "SELECT count(*) FROM delivery WHERE status IN (0, 1, 2)"
EVENTS = """
subscription($after: String) {
  deliveryEvents(after: $after) { cursor delivery { id status } } }"""


@dataclass
class Whole:
    """A running server, its store, and a token for it."""

    url: str
    store: Store
    token: str
    server_id: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, query: str, **variables: object) -> httpx.Response:
        """Run an operation; return the answer, whatever it is."""
        body = {"query": query, "variables": variables}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.post(
                f"{self.url}/graphql", json=body, headers=self.bearer
            )

    async def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Run an operation that must succeed; return its one field."""
        answer = (await self.post(query, **variables)).json()
        assert "errors" not in answer, answer
        [field] = answer["data"].values()
        assert not field.get("errors"), field
        return field

    async def tell(self, *urls: str) -> None:
        """Make a server whose incidents are told to these addresses."""
        made = await self.ask(
            'mutation{createServer(input:{name:"a",host:"b"}){server{id} errors{code}}}'
        )
        self.server_id = made["server"]["id"]
        for url in urls:
            settings = {"webhook": {"webhookUrl": url}}
            integration = await self.ask(
                "mutation($input: CreateIntegrationInput!){createIntegration("
                "input:$input){integration{id} errors{message}}}",
                input={"settings": settings},
            )
            pair = {
                "serverId": self.server_id,
                "integrationId": integration["integration"]["id"],
            }
            await self.ask(
                "mutation($input: AttachIntegrationToServerInput!)"
                "{attachIntegrationToServer(input:$input){errors{message}}}",
                input=pair,
            )

    async def report(self, message: str = "down", **more: object) -> httpx.Response:
        """Report an incident of that server."""
        given = {"serverId": self.server_id, "incidentType": "timeout"}
        return await self.post(REPORT, input=given | {"message": message, **more})

    async def counts(self) -> tuple[int, ...]:
        """Count incidents, their events, and deliveries."""
        row = await self.store.fetchrow(COUNTS)
        assert row is not None
        return tuple(row)

    async def settled(self) -> None:
        """Wait until every delivery has come to its end and the invariants hold."""

        async def over() -> bool:
            return not await self.store.fetchval(UNFINISHED)

        await until(over)
        assert await violations(self.store) == {}

    @asynccontextmanager
    async def following(
        self, after: str | None = None
    ) -> AsyncIterator["asyncio.Queue[dict[str, Any]]"]:
        """Follow the events of deliveries on a socket; gives them, or an `error`."""
        got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(
                f"{self.url}/graphql", protocols=("graphql-transport-ws",)
            ) as ws,
        ):
            await ws.send_json({"type": "connection_init", "payload": self.bearer})
            assert (await ws.receive_json())["type"] == "connection_ack"
            payload = {"query": EVENTS, "variables": {"after": after}}
            await ws.send_json({"id": "1", "type": "subscribe", "payload": payload})

            async def read() -> None:
                async for message in ws:
                    frame = message.json()
                    if frame["type"] == "next":
                        got.put_nowait(frame["payload"])
                    elif frame["type"] in {"error", "complete"}:
                        got.put_nowait(frame)

            reading = asyncio.create_task(read())
            # Its position is taken once it has answered whatever came before.
            await self.post("{viewer{project{name}}}")
            try:
                yield got
            finally:
                reading.cancel()
                await asyncio.wait([reading])


async def until(
    reached: Callable[[], Awaitable[bool]], within_s: float = SOON_S
) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not await reached():  # noqa: ASYNC110 - a database has no events
            await asyncio.sleep(0.01)


@asynccontextmanager
async def whole_server(
    database_url: str, data_dir: Path, observing: Observing | None = None
) -> AsyncIterator[Whole]:
    """Run the whole server on a free port of loopback."""
    observing = observing or Observing()
    config = Config(
        env="development",
        data_dir=data_dir,
        database_url=database_url,
        secret_keys=KeyRing.generate().text(),
    )
    async with opened(config, True, lambda _: None, observing) as services:
        runner = web.AppRunner(
            make_app(config, services, observing),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=1,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            token = await services.store.turn(_token)
            yield Whole(f"http://{host}:{port}", services.store, token)
        finally:
            await runner.cleanup()


async def _token(tx: Any) -> str:  # noqa: ANN401 - a transaction
    now = system_clock()
    project = await accounts.ensure_project(tx, "default", Plan.PAID, now)
    return await accounts.add_token(tx, project, "t", [Scope.ADMIN], None, now)
