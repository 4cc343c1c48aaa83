"""A client that reports and resolves incidents over HTTP until each call is answered,
whatever becomes of the servers meanwhile.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from domain.ids import Id, decode
from tests.live_server import LiveServer

SERVER = """
mutation($input: CreateServerInput!) { createServer(input: $input) {
  server { id } errors { code message } } }"""

WEBHOOK = """
mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) {
  integration { id } errors { code message } } }"""

ATTACH = """
mutation($input: AttachIntegrationToServerInput!) { attachIntegrationToServer(input: $input) {
  server { id } errors { code message } } }"""

REPORT = """
mutation($input: ReportIncidentInput!) { reportIncident(input: $input) {
  incident { id } errors { code } } }"""

RESOLVE = """
mutation($input: ResolveIncidentInput!) { resolveIncident(input: $input) {
  incident { id } errors { code } } }"""

AT_ONCE = 12
"""Incidents under way: a crowd of callers that ask again and again would keep a server
that lives for a second from answering any.
"""

ASK_AGAIN_S = 0.03
PATIENCE_S = 20.0
LONGEST_PAUSE_S = 0.3
"""Between an incident's beginning and its end, at the most."""

RESOLVED_BEFORE = [{"code": "INCIDENT_NOT_FOUND"}]


async def furnish(server: LiveServer, urls: Sequence[str], secret: str) -> str:
    """Make a monitored server with a signed webhook per URL; return its id."""
    named = {"name": "web-1", "host": "web-1.example.com"}
    resource = await _made(server, SERVER, named)
    for url in urls:
        webhook = {"webhookUrl": url, "signingSecret": secret}
        integration = await _made(server, WEBHOOK, {"settings": {"webhook": webhook}})
        both = {"serverId": resource, "integrationId": integration}
        await _made(server, ATTACH, both)
    return resource


async def _made(server: LiveServer, document: str, given: dict[str, Any]) -> str:
    (payload,) = (await server.execute(document, {"input": given})).values()
    assert not payload["errors"], payload["errors"]
    noun = next(value for key, value in payload.items() if key != "errors")
    made: str = noun["id"]
    return made


@dataclass
class Load:
    """Incidents of one monitored server, told to any of the servers that answers.

    `promises` holds what was answered with OK. A call that was not
    answered is made again with the same key: it must not happen twice.
    """

    servers: Sequence[LiveServer]
    resource: str
    chance: random.Random
    promises: defaultdict[Id, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    answers: int = 0
    unanswered: int = 0

    def __post_init__(self) -> None:
        self._client = httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S)
        self._allowed = asyncio.Semaphore(0)
        self.calling, self.answered = asyncio.Event(), asyncio.Event()

    def allow(self, count: int) -> None:
        """Let so many more incidents begin."""
        for _ in range(count):
            self._allowed.release()

    async def run(self, count: int) -> None:
        """Tell of so many incidents, as they are allowed, from beginning to end."""
        keys = iter([f"incident {number}" for number in range(count)])
        async with self._client, asyncio.TaskGroup() as tellers:
            for _ in range(AT_ONCE):
                tellers.create_task(self._tell(keys))

    async def _tell(self, keys: Iterator[str]) -> None:
        for key in keys:
            await self._allowed.acquire()
            await self._story(key)

    async def _story(self, key: str) -> None:
        told = {
            "serverId": self.resource,
            "incidentType": "timeout",
            "message": key,
            "dedupKey": key,
            "idempotencyKey": key,
        }
        opened = await self._call(REPORT, told)
        assert opened["errors"] == [], opened
        incident = decode(opened["incident"]["id"])[1]
        self.promises[incident].add("OPENED")
        await asyncio.sleep(self.chance.uniform(0, LONGEST_PAUSE_S))
        resolved = await self._call(RESOLVE, {"dedupKey": key})
        if resolved.pop("repeated") and resolved["errors"] == RESOLVED_BEFORE:
            resolved["errors"] = []  # the answer got lost, not the call
        assert resolved["errors"] == [], resolved
        self.promises[incident].add("RESOLVED")

    async def _call(self, document: str, given: dict[str, Any]) -> dict[str, Any]:
        """Call until answered."""
        body = {"query": document, "variables": {"input": given}}
        repeated = False
        while True:
            server = self.chance.choice(self.servers)
            credential = {"Authorization": f"Bearer {server.token}"}
            self.calling.set()
            try:
                answer = await self._client.post(
                    server.url, json=body, headers=credential
                )
            except httpx.TransportError:
                repeated = True
                self.unanswered += 1
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            self.answers += 1
            self.answered.set()
            assert answer.status_code == 200, answer.text
            (payload,) = answer.json()["data"].values()
            return {**payload, "repeated": repeated}
