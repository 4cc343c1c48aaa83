"""Runs documents against the schema, on a real database, without a transport."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from delivery.guard import Guard
from domain.channels import Plan
from domain.ids import Id, new_id
from domain.scopes import Scope, closure
from models.crypto import KeyRing
from models.store import Row, Store, Tx
from notifiers import CHANNELS
from schema.build import SCHEMA
from schema.context import Principal, RequestContext, Services
from tests import event_log

NOW = 1_800_000_000_000
"""The moment at which the clock of a test starts: 2027-01-15T08:00:00.000Z."""


class Clock:
    """A clock that goes on by a millisecond each time it is looked at."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        self.now += 1
        return self.now


class CountingStore:
    """A store that counts the statements of reads; writes go through as they are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads: list[str] = []
        self.dialect: Literal["sqlite", "postgres"] = store.dialect
        self.turn = store.turn
        self.on_commit = store.on_commit
        self.close = store.close

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        self.reads.append(sql)
        return await self._store.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Row | None:
        self.reads.append(sql)
        return await self._store.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:  # noqa: ANN401
        self.reads.append(sql)
        return await self._store.fetchval(sql, *args)


@dataclass
class Answer:
    """What an operation answered."""

    data: dict[str, Any] | None
    errors: list[Any] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """The codes of the errors at the top level."""
        return [error.extensions["code"] for error in self.errors]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a field of the data of an operation that had no errors."""
        assert not self.errors, self.errors
        assert self.data is not None
        return self.data[name]


@dataclass
class Client:
    """Asks as a token of one project."""

    services: Services
    project_id: Id
    scopes: frozenset[Scope] = closure([Scope.ADMIN])

    def context(self) -> RequestContext:
        """Return the context of one operation."""
        principal = Principal(
            project_id=self.project_id,
            token_id=Id(bytes(15) + b"\1"),
            user_id=None,
            scopes=self.scopes,
            expires_at=None,
        )
        return RequestContext.fresh(self.services, principal)

    def with_scopes(self, *scopes: Scope) -> "Client":
        """Return a client whose token has these scopes."""
        return Client(self.services, self.project_id, closure(scopes))

    async def ask(self, text: str, **variables: object) -> Answer:
        """Execute a query or a mutation."""
        result = await SCHEMA.execute(
            text, variable_values=variables, context_value=self.context()
        )
        return Answer(result.data, list(result.errors or ()))

    async def mutate(
        self,
        name: str,
        given: dict[str, Any],
        select: str = "",
    ) -> Any:  # noqa: ANN401 - JSON
        """Run a mutation and return its payload; errors are always selected."""
        kind = name[0].upper() + name[1:] + "Input!"
        text = (
            f"mutation($input: {kind}) {{ {name}(input: $input) {{ {select} "
            "errors { __typename code path message } } }"
        )
        return (await self.ask(text, input=given))[name]

    @property
    def reads(self) -> list[str]:
        """The statements of all reads until now."""
        return cast("CountingStore", self.services.store).reads


async def add_project(store: Store, name: str) -> Id:
    """Insert a project and return its id."""
    project_id = new_id()
    await store.turn(_insert, project_id, name)
    return project_id


async def _insert(tx: Tx, project_id: Id, name: str) -> None:
    await tx.execute(
        "INSERT INTO project (id, name, plan, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $4)",
        *(project_id, name, Plan.PAID.value, NOW),
    )


@asynccontextmanager
async def running_services(database_url: str) -> AsyncIterator[Services]:
    """Give everything that the schema needs, without a worker."""
    async with event_log.running(database_url) as site:
        yield Services(
            store=cast("Store", CountingStore(site.store)),
            feed=site.feed,
            channels={channel.type_name: channel for channel in CHANNELS},
            keys=KeyRing.generate(),
            guard=Guard(dev=True),
            clock=Clock(),
            development=True,
        )


def faults(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and path of each error of a payload."""
    return [(e["code"], "/".join(e["path"])) for e in payload["errors"]]


async def add_server(client: Client, name: str = "web-1", **more: object) -> str:
    """Create a server through the API and return its id."""
    given = {"name": name, "host": "web-1.example.com", **more}
    payload = await client.mutate("createServer", given, "server { id }")
    assert payload["errors"] == []
    return cast("str", payload["server"]["id"])


async def add_monitor(client: Client, **more: object) -> str:
    """Create a network monitor through the API and return its id."""
    given = {"name": "shop", "host": "example.com", "port": 443, **more}
    payload = await client.mutate(
        "createNetworkMonitor", given, "networkMonitor { id }"
    )
    assert payload["errors"] == []
    return cast("str", payload["networkMonitor"]["id"])


async def add_webhook(client: Client, *servers: str, name: str = "ops") -> str:
    """Create a webhook integration, attach it to servers, and return its id."""
    settings = {"webhook": {"webhookUrl": "http://127.0.0.1:9/hook"}}
    given = {"name": name, "settings": settings}
    payload = await client.mutate("createIntegration", given, "integration { id }")
    assert payload["errors"] == []
    integration_id = cast("str", payload["integration"]["id"])
    for server_id in servers:
        pair = {"serverId": server_id, "integrationId": integration_id}
        payload = await client.mutate("attachIntegrationToServer", pair)
        assert payload["errors"] == []
    return integration_id


async def report(client: Client, server_id: str, **more: object) -> dict[str, Any]:
    """Report an incident through the API and return it."""
    given = {
        "serverId": server_id,
        "incidentType": "timeout",
        "message": "Request timeout after 30 seconds",
        **more,
    }
    select = "incident { id status alertCount deliveries { nodes { id status } } }"
    payload = await client.mutate("reportIncident", given, select)
    assert payload["errors"] == []
    return cast("dict[str, Any]", payload["incident"])
