"""The transport over real sockets, with the example schema and a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import orjson
from aiohttp import web

from domain.channels import Plan
from domain.clock import system_clock
from domain.scopes import Scope
from models.store import Store, open_store
from server import accounts
from server.app import assemble
from server.auth import Authenticator
from server.graphql.connections import Connections, Patience
from server.graphql.endpoint import Endpoint
from server.graphql.origins import Origins
from server.graphql.protocol import SUBPROTOCOL
from tests.example_schema import Watch, make_schema

APP = "https://app.example.com"
"""The origin that may talk to the server."""

GRAPHQL_JSON = "application/graphql-response+json"
PATIENCE = Patience(init=5, send=5, close=0.5)


@dataclass
class Api:
    """A running server, and a token for it."""

    url: str
    store: Store
    token: str
    watch: Watch = field(default_factory=Watch)
    runner: web.AppRunner | None = None

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def new_token(self, expires_at: int | None = None) -> str:
        now = system_clock()
        project = await self.store.turn(accounts.ensure_project, "p", Plan.PAID, now)
        return await self.store.turn(
            accounts.add_token, project, "t", [Scope.READ], expires_at, now
        )

    async def revoke(self, token: str) -> None:
        rows = await self.store.turn(accounts.tokens, None)
        [row] = [row for row in rows if token.endswith(row["hint"][-4:])]
        await self.store.turn(accounts.revoke_token, row["id"], system_clock())

    async def request(
        self,
        method: str = "POST",
        path: str = "/graphql",
        **options: Any,  # noqa: ANN401 - of httpx
    ) -> httpx.Response:
        """Send a request as it is given; only what httpx must add is added."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            client.headers.clear()
            return await client.request(method, self.url + path, **options)

    async def post(
        self, body: object, accept: str | None = GRAPHQL_JSON, **headers: str
    ) -> httpx.Response:
        """Post a JSON value with the token."""
        asked = {"Accept": accept} if accept else {}
        sent = {**self.bearer, "Content-Type": "application/json", **asked, **headers}
        return await self.request(content=orjson.dumps(body), headers=sent)

    async def get(
        self, accept: str | None = GRAPHQL_JSON, **query: str
    ) -> httpx.Response:
        """Send a GET with the token."""
        asked = {"Accept": accept} if accept else {}
        headers = {**self.bearer, **asked}
        return await self.request("GET", params=query, headers=headers)

    @asynccontextmanager
    async def connect(
        self, *protocols: str, **headers: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a socket; nothing is sent yet."""
        async with (
            aiohttp.ClientSession(trust_env=False) as session,
            session.ws_connect(
                f"{self.url}/graphql",
                protocols=protocols or (SUBPROTOCOL,),
                headers=headers,
                max_msg_size=0,
            ) as socket,
        ):
            yield socket

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a socket that is acknowledged."""
        async with self.connect() as socket:
            await socket.send_json({"type": "connection_init", "payload": self.bearer})
            assert await socket.receive_json() == {"type": "connection_ack"}
            yield socket


@asynccontextmanager
async def running(
    database_url: str,
    *,
    open_to_all: bool = False,
    patience: Patience = PATIENCE,
    look_every_s: float = 0.05,
    ping_every_s: float = 20.0,
) -> AsyncIterator[Api]:
    """Run a server on a free port of loopback."""
    store = await open_store(database_url)
    watch = Watch()
    endpoint = Endpoint(
        runner=make_schema().runner,
        authenticator=Authenticator(store, system_clock),
        context=lambda *_: watch,
        origins=Origins([APP]),
        open_to_all=open_to_all,
    )
    connections = Connections(
        endpoint.authenticator, patience, look_every_s, ping_every_s
    )
    runner = web.AppRunner(
        assemble(endpoint, connections, store),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=2,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        api = Api(f"http://{host}:{port}", store, "", watch, runner)
        api.token = await api.new_token()
        yield api
    finally:
        await runner.cleanup()
        await store.close()
