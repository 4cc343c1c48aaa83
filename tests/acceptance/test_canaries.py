"""Secrets never leave: a recognisable string is planted in every place that takes a
secret, the far end sends back all that it gets, inputs are wrong in every way; then
all that came out, and all that is stored, is searched.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.canaries import dump, forms, found
from tests.live_server import LiveServer

CREATE = """
mutation($input: CreateIntegrationInput!) { createIntegration(input: $input) {
  integration { __typename id name error ... on WebhookIntegration { settings {
    webhookUrl signingSecret { isSet hint } previousSigningSecret { isSet hint }
    headers { name value { isSet hint updatedAt } } } } }
  warnings { message path } errors { __typename code path message } } }"""

LOOK = """
query { integrations { nodes { id name error ... on WebhookIntegration { settings {
    webhookUrl headers { name value { isSet hint } } } } } }
  deliveries { nodes { id status error attempts { error excerpt statusCode } } }
  integrationTypes { type label } viewer { project { name } } }"""

FOLLOW = """
subscription($after: String) { deliveryEvents(after: $after) { cursor delivery { status error } attempt { error } }
}"""


def whsec() -> str:
    """Return a fresh signing secret."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Canaries:
    """What was planted. `addresses` are parts of a URL, which is stored plain."""

    signing: str = field(default_factory=whsec)
    previous: str = field(default_factory=whsec)
    header: str = field(default_factory=lambda: f"canary/{secrets.token_hex(16)}+=")
    segment: str = field(default_factory=lambda: secrets.token_urlsafe(33))
    query: str = field(default_factory=lambda: f"canary{secrets.token_hex(12)}")

    @property
    def stored_sealed(self) -> list[str]:
        """Secrets that must not even stand in the database."""
        return [self.signing.removeprefix("whsec_"), self.previous[6:], self.header]

    @property
    def addresses(self) -> list[str]:
        """Secrets that must not come out."""
        return [self.segment, self.query]

    def settings(self, url: str) -> dict[str, Any]:
        """Return webhook settings full of secrets."""
        return {
            "webhookUrl": f"{url}/echo/{self.segment}?token={self.query}",
            "signingSecret": self.signing,
            "previousSigningSecret": self.previous,
            "headers": [{"name": "X-Api-Key", "value": self.header}],
        }


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """A far end that answers 500 with everything that it got."""

    async def take(request: web.Request) -> web.Response:
        heard = f"{request.path_qs}\n{dict(request.headers)}\n{await request.text()}"
        return web.Response(status=500, text=heard, headers={"X-Echo": "yes"})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def wrong_requests(good: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield requests that are wrong in many ways and hold secrets all the same."""
    named = {"name": "bad", "settings": {"webhook": good}}
    for settings in (
        {k: v for k, v in good.items() if k != "webhookUrl"},
        {**good, "webhookUrl": 7},
        {**good, "webhookUrl": f"ftp://x/{good['signingSecret']}"},
        {**good, "signingSecret": f"not-{good['signingSecret']}"},
        {**good, "signingSecret": [good["signingSecret"]]},
        {**good, "headers": {"X": good["signingSecret"]}},
        {**good, "headers": [{"name": "Host", "value": good["headers"][0]["value"]}]},
        {**good, "headers": [{"name": "X", "value": good["signingSecret"] + "\r\n"}]},
        {**good, "unknown": good["signingSecret"]},
    ):
        changed = {**named, "settings": {"webhook": settings}}
        yield {"query": CREATE, "variables": {"input": changed}}
    yield {"query": CREATE, "variables": {"input": {**named, "extra": good}}}
    yield {"query": CREATE, "variables": {"input": [named]}}
    yield {"query": CREATE, "variables": good}
    secret = good["signingSecret"]
    yield {"query": f'mutation {{ createIntegration(input: {{name: "{secret}"}}) {{'}
    yield {
        "query": f'mutation {{ createIntegration(input: {{name: "x", settings: '
        f'{{webhook: {{webhookUrl: 5, signingSecret: "{secret}", {secret[:5]}: '
        f'"{secret}"}}}}}}) {{ errors {{ message }} }} }}'
    }
    yield {"query": f'{{ node(id: "{secret}") {{ id }} }}'}
    yield {"query": f'{{ deliveries(after: "{secret}") {{ totalCount }} }}'}
    yield {"query": "{ viewer { nothing } }", "operationName": secret}


async def test_no_secret_comes_out_or_stands_in_the_database(
    database_url: str, tmp_path: Path
) -> None:
    """Responses, stream, log and database are free of every planted string."""
    server, canaries = LiveServer(tmp_path / "data", database_url), Canaries()
    heard: list[bytes] = []
    await server.start()
    async with echo() as url:
        good = canaries.settings(url)
        headers = {"Authorization": f"Bearer {server.token}"}
        async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
            for request in wrong_requests(good):
                answer = await client.post(server.url, json=request)
                assert answer.status_code < 500, (request, answer.text)
                heard.append(answer.content)
            bad_token = {"Authorization": f"Bearer {canaries.header}"}
            answer = await client.post(server.url, json={}, headers=bad_token)
            heard.append(answer.content)
        heard += await _story(server, good)
    await server.stop()
    log = "\n".join(server.output).encode()
    planted = [*canaries.stored_sealed, *canaries.addresses, server.token]
    shown = b"\n".join(heard)
    assert b"[secret]" in shown, "the echo was stored, and scrubbed"
    assert found(planted, shown) == []
    assert found(planted, log) == []
    stored = await dump(database_url)
    assert found([*canaries.stored_sealed, server.token], stored) == []
    assert canaries.query.encode() in stored, "the dump holds what is stored plain"


async def _story(server: LiveServer, good: dict[str, Any]) -> list[bytes]:
    """Deliver once to the echo; return all that clients saw."""
    given = {"input": {"settings": {"webhook": good}}}
    created = await server.execute(CREATE, given)
    integration = created["createIntegration"]["integration"]["id"]
    made = await server.execute(
        'mutation { createServer(input: {name: "a", host: "a.example"}) '
        "{ server { id } } }"
    )
    ids = {"s": made["createServer"]["server"]["id"], "i": integration}
    await server.execute(
        "mutation($s: ID!, $i: ID!) { attachIntegrationToServer(input: "
        "{serverId: $s, integrationId: $i}) { errors { message } } }",
        ids,
    )
    seen: list[Any] = [created]
    now = await server.execute("{ deliveries { eventCursor } }")
    after = {"after": now["deliveries"]["eventCursor"]}
    async with server.subscribe(FOLLOW, after) as events:
        seen.append(
            await server.execute(
                "mutation($s: ID!) { reportIncident(input: {serverId: $s, "
                'incidentType: "t", message: "m"}) { incident { id } } }',
                {"s": ids["s"]},
            )
        )
        async with asyncio.timeout(20):
            async for payload in events:
                seen.append(payload)
                if payload["data"]["deliveryEvents"]["attempt"]:
                    break
    seen.append(await server.execute(LOOK))
    return [repr(it).encode() for it in seen]


@pytest.mark.parametrize("secret", [whsec(), "a b+c/=é"])
def test_the_search_finds_every_spelling(secret: str) -> None:
    """The search itself can fail."""
    for form in forms(secret):
        assert found([secret], b"before" + form + b"after") == [secret]
