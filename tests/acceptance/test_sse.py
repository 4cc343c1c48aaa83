"""Following deliveries over Server-Sent Events, and resuming by `Last-Event-ID`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sandbox.webhook_sink import WebhookSink
from schema.build import SCHEMA
from tests.acceptance_documents import document
from tests.live_server import LiveServer
from tests.server_sent_events import Event, events

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
FOLLOW = document(CORE, "03-subscribe", "DeliveryEvents")
SET_UP = """
mutation ($url: String!) {
  createIntegration(input: {settings: {webhook: {webhookUrl: $url}}}) {
    integration { id } }
  createServer(input: {name: "web-1", host: "web-1.example.com"}) { server { id } }
}"""
ATTACH = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { errors { message } } }"""
REPORT = """
mutation ($input: ReportIncidentInput!) {
  reportIncident(input: $input) { errors { message } } }"""


@asynccontextmanager
async def stream(
    server: LiveServer, **headers: str
) -> AsyncIterator[AsyncIterator[Event]]:
    sent = {
        "Authorization": f"Bearer {server.token}",
        "Accept": "text/event-stream",
        **headers,
    }
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(server.url, json={"query": FOLLOW}, headers=sent) as answer,
    ):
        assert answer.status == 200
        yield events(answer)


async def take(stream: AsyncIterator[Event], count: int) -> list[tuple[str, str]]:
    """Return id and status of the next events; the id is the event's cursor."""
    taken: list[tuple[str, str]] = []
    async for identity, name, body in stream:
        if name == "next":
            told = body["data"]["deliveryEvents"]
            assert identity == told["cursor"]
            taken.append((told["cursor"], told["delivery"]["status"]))
        if len(taken) == count:
            break
    return taken


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    database_url: str, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path / "data", database_url)
    async with WebhookSink() as sink:
        await server.start()
        made = await server.execute(SET_UP, {"url": sink.url("/hook")})
        resource = made["createServer"]["server"]["id"]
        integration = made["createIntegration"]["integration"]["id"]
        attached = {"serverId": resource, "integrationId": integration}
        await server.execute(ATTACH, {"input": attached})
        incident = {"serverId": resource, "incidentType": "timeout", "message": "Down."}
        async with stream(server) as followed:
            for _ in range(3):
                await server.execute(REPORT, {"input": incident})
            seen = await take(followed, 6)
        assert (
            sorted(status for _, status in seen) == ["DELIVERED"] * 3 + ["PENDING"] * 3
        )
        await server.stop()
        await server.start(fresh_token=False)
        async with stream(server, **{"Last-Event-ID": seen[1][0]}) as resumed:
            assert await take(resumed, 4) == seen[2:]
        async with stream(server, **{"Last-Event-ID": "garbage"}) as refused:
            _, _, body = await anext(refused)
            assert body["errors"][0]["extensions"]["code"] == "CURSOR_INVALID"
        await server.stop()
