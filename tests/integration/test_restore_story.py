"""A server, a backup while it runs, a night that goes wrong, and the server again."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.webhook_sink import WebhookSink
from server.doctor.examine import Asked, examine
from tests.deployment import SECRET, Deployment
from tests.health import out_of_order
from tests.live_server import GRAPHQL_WS, LiveServer

CREATE = """mutation($url: String!, $secret: String!) {
 createServer(input: {name: "web-1", host: "web-1.example.com"}) { server { id } }
 createIntegration(input: {name: "ops", settings: {webhook: {
  webhookUrl: $url, signingSecret: $secret}}}) { integration { id } errors { message } }
}"""
ATTACH = """mutation($server: ID!, $integration: ID!) {
 attachIntegrationToServer(input: {serverId: $server, integrationId: $integration}) {
  errors { message } } }"""
REPORT = """mutation($server: ID!, $key: String!) {
 reportIncident(input: {serverId: $server, incidentType: "timeout", message: "no answer",
  dedupKey: $key}) { incident { id } errors { message } } }"""
CURSOR = "{ deliveries(first: 1) { eventCursor } }"
STATUSES = "{ deliveries { nodes { status } } }"
FOLLOW = "subscription($after: String) { deliveryEvents(after: $after) { cursor } }"


async def is_healthy(deployment: Deployment, server: LiveServer) -> None:
    """Check that the doctor finds the server, and nothing wrong."""
    url = server.url.removesuffix("/graphql")
    findings = await examine(Asked(url=url), deployment.environ)
    assert out_of_order(findings) == {}
    said = {it.check: it.said for it in findings}
    assert said["server"].startswith("it answers at")
    if deployment.config.sqlite:
        assert said["open files"].startswith("the server")


async def watched(server: LiveServer, sink: WebhookSink) -> str:
    """Make a server with a signed webhook attached; return its id."""
    made = await server.execute(CREATE, {"url": sink.url(), "secret": SECRET})
    resource: str = made["createServer"]["server"]["id"]
    integration = made["createIntegration"]["integration"]["id"]
    await server.execute(ATTACH, {"server": resource, "integration": integration})
    return resource


async def report(server: LiveServer, resource: str, key: str) -> None:
    data = await server.execute(REPORT, {"server": resource, "key": key})
    assert data["reportIncident"]["errors"] == []


async def delivered(server: LiveServer, count: int) -> None:
    """Wait until so many deliveries are there, all of them delivered."""
    while True:
        nodes = (await server.execute(STATUSES))["deliveries"]["nodes"]
        if [it["status"] for it in nodes] == ["DELIVERED"] * count:
            return
        await asyncio.sleep(0.02)


async def answer_to(server: LiveServer, cursor: str) -> dict[str, Any]:
    """Resume after a cursor; return the first message that comes."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url, protocols=(GRAPHQL_WS,)) as socket,
    ):
        credential = {"Authorization": f"Bearer {server.token}"}
        await socket.send_json({"type": "connection_init", "payload": credential})
        await socket.receive_json()
        payload = {"query": FOLLOW, "variables": {"after": cursor}}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        message: dict[str, Any] = await socket.receive_json(timeout=10)
        return message


async def is_refused(server: LiveServer, cursor: str) -> None:
    """Check that a cursor is answered with one that works."""
    message = await answer_to(server, cursor)
    assert message["type"] == "error"
    [error] = message["payload"]
    assert error["extensions"]["code"] == "CURSOR_EXPIRED"
    oldest = error["extensions"]["oldestCursor"]
    assert (await answer_to(server, oldest))["type"] == "next"


@pytest.mark.timeout(90)
async def test_the_story_goes_on_after_a_restore(
    database_url: str, tmp_path: Path
) -> None:
    """The token of before works, the secret decrypts (the receiver checks what is
    signed), and a cursor of the lost time is refused by its own error.
    """
    deployment = Deployment(database_url, tmp_path / "data")
    deployment.make_private()
    server = LiveServer(deployment.data_dir, database_url)
    async with WebhookSink(secrets=[SECRET]) as sink:
        await server.start()
        resource = await watched(server, sink)
        await report(server, resource, "before")
        await delivered(server, 1)
        kept = (await server.execute(CURSOR))["deliveries"]["eventCursor"]
        archive = await deployment.backup()
        await report(server, resource, "lost")
        await delivered(server, 2)
        lost = (await server.execute(CURSOR))["deliveries"]["eventCursor"]
        assert await server.stop() == 0
        await deployment.done("restore", str(archive), "--force")
        await server.start(fresh_token=False)
        try:
            await is_healthy(deployment, server)
            for cursor in (kept, lost):
                await is_refused(server, cursor)
            await report(server, resource, "after")
            await delivered(server, 2)
        finally:
            await server.stop()
        assert len(sink.ledger.entries) == 3
        assert sink.ledger.refusals == []
