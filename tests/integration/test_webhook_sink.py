"""The sink is a judge: it refuses what is wrong, and writes down all that it saw."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from sandbox.ledger import Ledger, read
from sandbox.script import Hang, Respond
from sandbox.standard_webhooks import signature
from sandbox.webhook_sink import WebhookSink

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OLD = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
FIELDS: dict[str, Any] = {
    "resource_name": "web-1",
    "resource_url": "https://web-1.example",
    "resource_type": "Server",
    "incident_type": "down",
    "incident_status": "ongoing",
    "incident_duration": None,
    "incident_message": "It does not answer.",
}
ROOT = Path(__file__).resolve().parents[2]
BODY = json.dumps(FIELDS).encode()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client that sends whatever it is told."""
    async with aiohttp.ClientSession() as session:
        yield session


def headers(
    body: bytes = BODY, *, message_id: str = "msg_1", age: int = 0, secret: str = SECRET
) -> dict[str, str]:
    moment = int(time.time()) - age
    at = datetime.fromtimestamp(moment, UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


async def post(
    client: aiohttp.ClientSession,
    sink: WebhookSink,
    given: Mapping[str, str],
    body: bytes = BODY,
    method: str = "POST",
) -> int:
    async with client.request(method, sink.url(), data=body, headers=given) as answer:
        return answer.status


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (SECRET, "v1,Ry5HSS6y9hcNDic1g2Rigy6eJPGBQtsM9ykKVIN1dKU="),
        (OLD, "v1,JgVmaBGW109gVB4vWs7xOZH6fnBLJBT3obB7pS7dd9A="),
    ],
)
def test_the_signature_is_the_published_one(secret: str, expected: str) -> None:
    body = b'{"type":"incident.opened","timestamp":"2026-01-01T00:00:00Z","data":{"id":"inc_1"}}'
    assert signature(secret, "evt_01TOCSIN", "1767225600", body) == expected


async def test_a_good_request_is_taken(client: aiohttp.ClientSession) -> None:
    async with WebhookSink(secrets=[SECRET]) as sink:
        assert await post(client, sink, headers()) == 204
        assert sink.ledger.refusals == []


async def test_one_signature_of_several_is_enough(
    client: aiohttp.ClientSession,
) -> None:
    given = headers()
    given["webhook-signature"] = f"v1a,odd {given['webhook-signature']}"
    async with WebhookSink(secrets=[OLD, SECRET]) as sink:
        assert await post(client, sink, given) == 204


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"webhook-signature": "v1,AAAA"}, 401),
        ({"webhook-signature": ""}, 401),
        ({"webhook-signature": "v1,é"}, 401),
        ({"webhook-id": ""}, 401),
        ({"webhook-id": "msg.1"}, 401),
        ({"webhook-timestamp": "soon"}, 401),
        ({"webhook-timestamp": ""}, 401),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
async def test_a_wrong_header_is_refused(
    client: aiohttp.ClientSession, change: dict[str, str], status: int
) -> None:
    async with WebhookSink(secrets=[SECRET]) as sink:
        assert await post(client, sink, headers() | change) == status
        assert len(sink.ledger.refusals) == 1


@pytest.mark.parametrize(
    ("age", "status"), [(290, 204), (-290, 204), (310, 401), (-310, 401)]
)
async def test_a_timestamp_holds_for_five_minutes(
    client: aiohttp.ClientSession, age: int, status: int
) -> None:
    async with WebhookSink(secrets=[SECRET]) as sink:
        assert await post(client, sink, headers(age=age)) == status


@pytest.mark.parametrize("method", ["PUT", "GET", "PATCH"])
async def test_another_method_is_refused(
    client: aiohttp.ClientSession, method: str
) -> None:
    async with WebhookSink() as sink:
        assert await post(client, sink, headers(), method=method) == 405


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        json.dumps(FIELDS | {"extra": 1}).encode(),
        json.dumps({k: v for k, v in FIELDS.items() if k != "resource_url"}).encode(),
        json.dumps(FIELDS | {"incident_duration": "7"}).encode(),
        json.dumps(FIELDS | {"incident_duration": True}).encode(),
        json.dumps(FIELDS | {"incident_duration": 7.5}).encode(),
        json.dumps(FIELDS | {"incident_message": None}).encode(),
        json.dumps(FIELDS | {"incident_status": "open"}).encode(),
    ],
)
async def test_a_wrong_body_is_refused(
    client: aiohttp.ClientSession, body: bytes
) -> None:
    async with WebhookSink(secrets=[SECRET]) as sink:
        assert await post(client, sink, headers(body), body) == 422


async def test_a_message_id_comes_with_one_body(client: aiohttp.ClientSession) -> None:
    other = json.dumps(FIELDS | {"incident_duration": 7}).encode()
    async with WebhookSink(secrets=[SECRET]) as sink:
        assert await post(client, sink, headers()) == 204
        assert await post(client, sink, headers()) == 204
        assert await post(client, sink, headers(other), other) == 409
        given = headers(other, message_id="msg_2")
        assert await post(client, sink, given, other) == 204
        assert len(sink.ledger.entries) == 4
        assert len(sink.ledger.refusals) == 1


async def test_a_script_is_played_in_order(client: aiohttp.ClientSession) -> None:
    async with WebhookSink() as sink:
        sink.script(
            "/hook",
            Respond(status=503),
            Respond(status=410),
            always=Respond(status=202),
        )
        codes = [await post(client, sink, headers()) for _ in range(4)]
    assert codes == [503, 410, 202, 202]


async def test_a_request_is_in_the_file_before_it_is_answered(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    async with WebhookSink(ledger=Ledger(file)) as sink:
        sink.script("/hook", Hang())
        asked = asyncio.create_task(post(client, sink, headers()))
        [seen] = await sink.ledger.until(lambda it: len(it) == 1)
        assert read(file) == [seen]
        assert (seen.path, seen.message_id, seen.refused) == ("/hook", "msg_1", None)
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked


async def test_a_ledger_goes_on_where_the_last_one_ended(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    async with WebhookSink(ledger=Ledger(file)) as sink:
        await post(client, sink, headers())
    with file.open("a") as lines:
        lines.write('{"cut": ')
    assert len(read(file)) == 1
    other = json.dumps(FIELDS | {"incident_duration": 7}).encode()
    async with WebhookSink(ledger=Ledger(file)) as sink:
        assert await post(client, sink, headers(other), other) == 409
    assert len(read(file)) == 2


async def test_it_runs_by_hand(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.webhook_sink", "--port", "0"),
        *("--secret", SECRET, "--ledger", tmp_path / "ledger.jsonl"),
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert running.stdout is not None
    try:
        said = await running.stdout.readline()
        url = said.decode().removeprefix("Listening on ").strip() + "hook"
        async with client.post(url, data=BODY, headers=headers()) as answer:
            assert answer.status == 204
        assert await running.stdout.readline() == b"/hook msg_1 ok\n"
    finally:
        running.kill()
        await running.wait()
