"""The whole story, as a user lives it: the real server as a process, the acceptance
documents in order, a sink that verifies what it receives, and a subscriber.
"""

import asyncio
import base64
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.ledger import Seen
from sandbox.script import Respond
from sandbox.webhook_sink import WebhookSink
from schema.build import SCHEMA
from tests.acceptance_documents import document, variables
from tests.live_server import LiveServer

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
FOLLOW = document(CORE, "03-subscribe", "DeliveryEvents")


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    """A receiver that verifies every signature and refuses a reused message id."""
    async with WebhookSink(secrets=[SECRET]) as made:
        yield made


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[LiveServer]:
    """A running server on either database."""
    made = LiveServer(tmp_path / "data", database_url)
    await made.start()
    yield made
    if made.process is not None:
        await made.stop()


async def run(
    server: LiveServer, file: str, operation: str, **given: object
) -> dict[str, Any]:
    """Run an acceptance document, and return the one field of its data."""
    text = document(CORE, file, operation)
    data = await server.execute(text, variables(CORE, text, given), operation)
    (payload,) = data.values()
    assert not payload.get("errors"), payload["errors"]
    result: dict[str, Any] = payload
    return result


async def opened(server: LiveServer, sink: WebhookSink) -> tuple[str, str]:
    """Set up a signed webhook on a server; return the ids of both."""
    settings = {"webhookUrl": sink.url("/hook"), "signingSecret": SECRET}
    created = await run(
        server,
        "01-create",
        "CreateIntegration",
        input={
            "name": "ops webhook",
            "settings": {"webhook": settings},
            "idempotencyKey": "create-1",
        },
    )
    integration = created["integration"]["id"]
    assert created["integration"]["settings"]["signingSecret"] == {"isSet": True}
    made = await run(
        server,
        "02-attach",
        "CreateServer",
        input={"name": "web-1", "host": "web-1.example.com"},
    )
    resource = made["server"]["id"]
    attached = await run(
        server,
        "02-attach",
        "Attach",
        input={"serverId": resource, "integrationId": integration},
    )
    assert attached["server"]["integrations"]["totalCount"] == 1
    return integration, resource


async def report(server: LiveServer, resource: str, key: str) -> dict[str, Any]:
    """Report an incident with the acceptance document; return it."""
    reported = await run(
        server,
        "04-report",
        "ReportIncident",
        input={
            "serverId": resource,
            "incidentType": "timeout",
            "message": "Request timeout after 30 seconds",
            "severity": "CRITICAL",
            "dedupKey": key,
        },
    )
    incident: dict[str, Any] = reported["incident"]
    return incident


async def until(
    events: AsyncIterator[dict[str, Any]], status: str, count: int = 1
) -> list[dict[str, Any]]:
    """Collect events until so many deliveries have this status."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        async for payload in events:
            assert "errors" not in payload, payload
            seen.append(payload["data"]["deliveryEvents"])
            if sum(it["delivery"]["status"] == status for it in seen) == count:
                break
    return seen


async def test_an_alert_goes_all_the_way_and_survives_a_restart(
    server: LiveServer, sink: WebhookSink
) -> None:
    """Documents 01 to 06 and 10 in order, then the same state after a restart."""
    sink.script("/hook", Respond(status=500))
    integration, resource = await opened(server, sink)
    async with server.subscribe(FOLLOW, {"after": await now(server)}) as events:
        incident = await report(server, resource, "web-1/timeout")
        assert incident["status"] == "TRIGGERED"
        assert incident["deliveries"]["totalCount"] == 1
        seen = await until(events, "DELIVERED")
    tried = [it["attempt"]["outcome"] for it in seen if it["attempt"]]
    assert tried == ["RETRY", "SENT"], "every attempt is seen, also the failed one"
    assert [it["delivery"]["integration"]["id"] for it in seen] == [
        integration for _ in seen
    ]
    resolved = await run(
        server, "05-resolve", "ResolveIncident", input={"dedupKey": "web-1/timeout"}
    )
    assert resolved["incident"]["status"] == "RESOLVED"

    async with server.subscribe(FOLLOW, {"after": seen[-1]["cursor"]}) as events:
        later = await until(events, "DELIVERED")
    assert later[-1]["delivery"]["incident"]["status"] == "RESOLVED"

    before = await history(server)
    assert await server.stop() == 0
    await server.start(fresh_token=False)
    assert await history(server) == before, "stopped and started: all is still there"
    assert sink.ledger.refusals == []
    assert len(distinct(sink.ledger.entries)) == 2
    assert len(sink.ledger.entries) == 3, "one failed, two delivered"


async def history(server: LiveServer) -> list[Any]:
    """Return what the list documents show."""
    return [
        await run(server, "06-list", "Integrations", first=50),
        await run(server, "10-deliveries", "Deliveries", first=20),
    ]


def distinct(entries: list[Seen]) -> set[str | None]:
    """Return the message ids that came."""
    return {it.message_id for it in entries}


async def test_a_delivery_is_sent_again_by_hand_under_its_message_id(
    server: LiveServer, sink: WebhookSink
) -> None:
    """`redeliver` of document 10: the same body and message id, a fresh signature."""
    _, resource = await opened(server, sink)
    async with server.subscribe(FOLLOW, {"after": await now(server)}) as events:
        incident = await report(server, resource, "again")
        await until(events, "DELIVERED")
        delivery = incident["deliveries"]["nodes"][0]["id"]
        again = {"deliveryId": delivery, "idempotencyKey": "again-1"}
        first = await run(server, "10-deliveries", "Redeliver", input=again)
        repeated = await run(server, "10-deliveries", "Redeliver", input=again)
        assert first["delivery"]["id"] == repeated["delivery"]["id"] == delivery
        await until(events, "DELIVERED")
    entries = await sink.ledger.until(lambda it: len(it) == 2)
    assert len(distinct(entries)) == 1
    assert len({it.body_sha256 for it in entries}) == 1
    assert sink.ledger.refusals == []


async def test_a_subscriber_that_is_cut_resumes_without_gap_or_double(
    server: LiveServer, sink: WebhookSink
) -> None:
    """Ten cuts while incidents are reported: every event once, in order."""
    _, resource = await opened(server, sink)
    start = await now(server)
    cut = [start]
    for number in range(10):
        async with server.subscribe(FOLLOW, {"after": cut[-1]}) as events:
            await report(server, resource, f"key {number}")
            cut += [it["cursor"] for it in await until(events, "PENDING")]
    async with server.subscribe(FOLLOW, {"after": start}) as events:
        whole = [it["cursor"] for it in await until(events, "DELIVERED", 10)]
    async with server.subscribe(FOLLOW, {"after": cut[-1]}) as events:
        async with asyncio.timeout(20):
            while cut[-1] != whole[-1]:
                cut.append((await anext(events))["data"]["deliveryEvents"]["cursor"])
    assert cut[1:] == whole
    assert len(set(whole)) == len(whole) == 20


async def now(server: LiveServer) -> str:
    """Return the cursor of now, as a front end takes it from a list."""
    data = await server.execute("{ deliveries(first: 1) { eventCursor } }")
    cursor: str = data["deliveries"]["eventCursor"]
    return cursor


async def test_two_servers_share_one_postgresql(
    postgres_url: str, tmp_path: Path, sink: WebhookSink
) -> None:
    """What is reported at one is seen at the other, also after the first was killed."""
    one = LiveServer(tmp_path / "one", postgres_url)
    two = LiveServer(tmp_path / "two", postgres_url)
    # Development makes keys in the data directory: two servers need the same.
    await one.start()
    (tmp_path / "two").mkdir()
    keys = (tmp_path / "one" / "secret-keys").read_text()
    (tmp_path / "two" / "secret-keys").write_text(keys)
    await two.start(fresh_token=False)
    two.token = one.token
    try:
        _, resource = await opened(one, sink)
        async with two.subscribe(FOLLOW, {"after": await now(two)}) as events:
            await report(one, resource, "first")
            await until(events, "DELIVERED")
            await one.stop(signal.SIGKILL)
            await report(two, resource, "second")
            await until(events, "DELIVERED")
    finally:
        assert await two.stop() == 0
    assert sink.ledger.refusals == []


async def test_a_second_server_on_one_data_directory_is_refused(tmp_path: Path) -> None:
    """It says why and what to do, and the first goes on."""
    one, two = LiveServer(tmp_path / "data"), LiveServer(tmp_path / "data")
    await one.start()
    with pytest.raises(AssertionError, match="Another server is running"):
        await two.start()
    assert await two.stop() == 1
    assert await now(one)
    assert await one.stop() == 0
