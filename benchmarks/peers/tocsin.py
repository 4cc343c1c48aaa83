"""Tocsin as its users run it: `tocsin serve` on SQLite, spoken to over GraphQL."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.peers.wire import call_all, measured, request
from tests.live_server import LiveServer

REPORT: Final = """
mutation ($input: ReportIncidentInput!) {
  reportIncident(input: $input) { incident { id } errors { code message } }
}"""

CREATE: Final = """
mutation ($input: CreateIntegrationInput!) {
  createIntegration(input: $input) {
    integration { id } errors { code path message }
  }
}"""

ATTACH: Final = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { server { id } errors { code message } }
}"""

RESOURCE: Final = """
mutation ($input: CreateServerInput!) {
  createServer(input: $input) { server { id } errors { code path message } }
}"""


class Tocsin:
    """A running server; every delivery and every attempt is on disk."""

    name = "Tocsin"

    def __init__(self, folder: Path) -> None:
        """Prepare it on an empty folder."""
        self._server = LiveServer(folder, settings={"TOCSIN_LOG_LEVEL": "WARNING"})
        self._number = count()

    async def start(self, url: str, webhooks: int) -> None:
        """Start it with webhooks that hear of all alerts."""
        with measured():
            await self._server.start()
        made = await self.ask(RESOURCE, name="web-1", host="web-1.example.com")
        self._resource = made["server"]["id"]
        await self.add("webhook", {"webhookUrl": url}, webhooks)

    async def add(self, channel: str, settings: dict[str, Any], many: int) -> None:
        """Create integrations and attach them."""
        for number in range(many):
            named = {"name": f"{channel} {number}", "settings": {channel: settings}}
            integration = (await self.ask(CREATE, **named))["integration"]["id"]
            pair = {"serverId": self._resource, "integrationId": integration}
            await self.ask(ATTACH, **pair)

    @property
    def url(self) -> str:
        """Where it is spoken to."""
        return self._server.url

    @property
    def pid(self) -> int:
        """The process that is measured."""
        assert self._server.process
        return self._server.process.pid

    async def ask(self, mutation: str, **given: object) -> Any:  # noqa: ANN401
        """Run a mutation; return its payload, which tells of no errors."""
        (payload,) = (await self.read(mutation, {"input": given})).values()
        assert not payload["errors"], payload
        return payload

    async def read(self, document: str, variables: dict[str, Any]) -> Any:  # noqa: ANN401
        """Run an operation; return its data."""
        [answer] = await call_all(self.url, [self.operation(document, variables)], 1)
        return orjson.loads(answer.partition(b"\r\n\r\n")[2])["data"]

    def operation(self, document: str, variables: dict[str, Any]) -> bytes:
        """Return the bytes of a request."""
        body = orjson.dumps({"query": document, "variables": variables})
        bearer = f"Authorization: Bearer {self._server.token}"
        return request(self.url, body, [bearer])

    def alert(self) -> bytes:
        """Return the request that opens one more incident."""
        about = {"serverId": self._resource, "incidentType": "timeout"}
        told = {"message": f"no answer {next(self._number)}", "severity": "HIGH"}
        return self.operation(REPORT, {"input": {**about, **told}})

    async def report(self, alerts: Sequence[bytes], at_once: int) -> None:
        """Open incidents, so many at once."""
        await call_all(self.url, alerts, at_once)

    async def stop(self) -> None:
        """End it."""
        if self._server.process:
            await self._server.stop()
