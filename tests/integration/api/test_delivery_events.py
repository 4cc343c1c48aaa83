"""The stream of deliveries through the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from delivery.changes import About, Standing, change
from delivery.log import append
from domain.deliveries import DeliveryStatus
from domain.ids import Id, decode, encode, new_id
from models.store import Tx
from schema.build import SCHEMA
from tests.acceptance_documents import document
from tests.schema_client import Client, add_server, add_webhook, report

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core
FOLLOW = document(CORE, "03-subscribe", "DeliveryEvents")
PRESENT = """
subscription($after: String) { deliveryEvents(after: $after) {
  delivery {
    status createdAt nextAttemptAt attempts { number }
    integration { type active ... on WebhookIntegration { settings { webhookUrl } } }
    incident { status message resource { name } deliveries { totalCount } }
  }
  attempt { number startedAt endedAt excerpt }
} }
"""
SOON_S = 10.0


@asynccontextmanager
async def following(
    client: Client, text: str = FOLLOW, **variables: object
) -> AsyncIterator[Any]:
    """Follow and give a function that waits for the next results."""
    results: Any = await SCHEMA.subscribe(text, variables, client.context())

    async def take(count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(SOON_S):
            taken = [await anext(results) for _ in range(count)]
        assert all(result.errors is None for result in taken), taken
        return [result.data["deliveryEvents"] for result in taken]

    async with aclosing(results):
        yield take


async def now(client: Client) -> str:
    """Return the cursor of now."""
    return await client.services.feed.cursor(client.project_id)


async def refused(client: Client, **variables: object) -> dict[str, Any]:
    """Follow what is refused and return the extensions of the only error."""
    results: Any = await SCHEMA.subscribe(FOLLOW, variables, client.context())
    answers = [answer async for answer in results]
    assert [answer.data for answer in answers] == [None]
    extensions: dict[str, Any] = answers[0].errors[0].extensions
    return extensions


async def test_live_and_replay_show_the_same(client: Client) -> None:
    server = await add_server(client)
    webhook = await add_webhook(client, server)
    start = await now(client)
    async with following(client, after=start) as take:
        waiting = asyncio.create_task(take(1))
        incident = await report(client, server)
        live = await waiting
    await client.mutate("resolveIncident", {"incidentId": incident["id"]})
    name = {"integrationId": webhook, "name": "renamed"}
    await client.mutate("updateIntegration", name)
    async with following(client, after=start) as take:
        replayed = await take(2)
    assert replayed[0] == live[0]
    assert replayed[1]["delivery"]["incident"]["status"] == "RESOLVED"
    assert live[0]["attempt"] is None
    assert live[0]["delivery"] == {
        "id": incident["deliveries"]["nodes"][0]["id"],
        "status": "PENDING",
        "attemptCount": 0,
        "integration": {
            "__typename": "WebhookIntegration",
            "id": webhook,
            "name": "ops",
        },
        "incident": {"id": incident["id"], "status": "TRIGGERED"},
    }


async def test_it_goes_on_after_the_last_cursor(client: Client) -> None:
    server = await add_server(client)
    await add_webhook(client, server)
    cursor = await now(client)
    made = [await report(client, server) for _ in range(3)]
    expected = [incident["deliveries"]["nodes"][0]["id"] for incident in made]
    seen = []
    for _ in made:
        async with following(client, after=cursor) as take:
            (event,) = await take(1)
        seen.append(event["delivery"]["id"])
        cursor = event["cursor"]
    assert seen == expected


async def test_other_fields_are_shown_as_they_are_now(client: Client) -> None:
    server = await add_server(client)
    webhook = await add_webhook(client, server)
    start = await now(client)
    incident = await report(client, server)
    given = {"integrationId": webhook, "active": False}
    await client.mutate("updateIntegration", given)
    await client.mutate("resolveIncident", {"incidentId": incident["id"]})
    async with following(client, PRESENT, after=start) as take:
        (event,) = await take(1)
    delivery = event["delivery"]
    assert delivery.pop("createdAt").startswith("2027-")
    assert delivery == {
        "status": "PENDING",
        "nextAttemptAt": None,
        "attempts": [],
        "integration": {
            "type": "WEBHOOK",
            "active": False,
            "settings": {"webhookUrl": "http://127.0.0.1:9/hook"},
        },
        "incident": {
            "status": "TRIGGERED",
            "message": "Request timeout after 30 seconds",
            "resource": {"name": "web-1"},
            "deliveries": {"totalCount": 1},
        },
    }


async def test_an_attempt_is_shown_as_it_was(client: Client) -> None:
    """Also where more have followed; what was not logged is as it is now."""
    server = await add_server(client)
    await add_webhook(client, server)
    incident = await report(client, server)
    delivery = incident["deliveries"]["nodes"][0]["id"]
    start = await now(client)
    await client.services.store.turn(_attempts, client.project_id, delivery)
    text = PRESENT.replace("excerpt", "excerpt outcome statusCode durationMs error")
    async with following(client, text, after=start) as take:
        (event,) = await take(1)
    assert event["attempt"] == {
        "number": 2,
        "outcome": "REJECTED",
        "statusCode": 400,
        "durationMs": 3,
        "error": "Answered 400.",
        "startedAt": "1970-01-01T00:00:00.007Z",
        "endedAt": "1970-01-01T00:00:00.020Z",
        "excerpt": "body 2",
    }
    attempts = event["delivery"]["attempts"]
    assert [attempt["number"] for attempt in attempts] == [1, 2, 3]


async def _attempts(tx: Tx, project_id: Id, delivery: str) -> None:
    """Store three attempts and log the second, as a worker would."""
    _, delivery_id = decode(delivery)
    await tx.executemany(
        "INSERT INTO attempt (delivery_id, number, worker, started_at, ended_at, "
        "outcome, excerpt) VALUES ($1, $2, 1, 1, $3, 2, $4)",
        [(delivery_id, n, 10 * n, f"body {n}") for n in (1, 2, 3)],
    )
    attempt = {
        "number": 2,
        "outcome": "REJECTED",
        "statusCode": 400,
        "durationMs": 3,
        "error": "Answered 400.",
        "startedAt": 7,
    }
    about = About(
        project_id=project_id,
        delivery_id=delivery_id,
        integration_id=None,
        integration_type="WEBHOOK",
        integration_name="ops",
    )
    standing = Standing(
        status=DeliveryStatus.FAILED,
        attempts=2,
        incident_status=None,
        attempt=attempt,
    )
    await append(tx, [change(about, standing, 20)])


async def test_events_are_filtered(client: Client) -> None:
    server = await add_server(client)
    first, second = [await add_webhook(client, server) for _ in range(2)]
    start = await now(client)
    incident = await report(client, server)
    await report(client, server)
    await client.mutate("updateIntegration", {"integrationId": first, "active": False})
    cases: list[tuple[dict[str, Any], int]] = [
        ({"integrationId": first}, 4),
        ({"deliveryId": [d["id"] for d in incident["deliveries"]["nodes"]]}, 3),
        ({"integrationId": [first, second]}, 6),
        ({"integrationId": [second], "incidentId": incident["id"]}, 1),
        ({"status": "PENDING"}, 4),
        ({"status": ["CANCELLED"]}, 2),
    ]
    for conditions, count in cases:
        async with following(client, after=start, filter=conditions) as take:
            events = await take(count)
        wanted = conditions.get("integrationId", [first, second])
        shown = {event["delivery"]["integration"]["id"] for event in events}
        assert shown <= set(wanted if isinstance(wanted, list) else [wanted])
        status = conditions.get("status", ["PENDING", "CANCELLED"])
        shown = {event["delivery"]["status"] for event in events}
        assert shown <= set(status if isinstance(status, list) else [status])


async def test_others_hear_nothing(client: Client, stranger: Client) -> None:
    start = await now(stranger)
    for asking in (client, stranger):
        server = await add_server(asking)
        await add_webhook(asking, server, name=asking.project_id.hex())
        await report(asking, server)
    async with following(stranger, after=start) as take:
        (event,) = await take(1)
    name = event["delivery"]["integration"]["name"]
    assert name == stranger.project_id.hex()


async def test_cursors_that_lead_nowhere_are_refused(
    client: Client, stranger: Client
) -> None:
    for wrong in ("", "x", await now(stranger)):
        assert await refused(client, after=wrong) == {"code": "CURSOR_INVALID"}


async def test_an_expired_cursor_names_the_oldest(client: Client) -> None:
    server = await add_server(client)
    await add_webhook(client, server)
    start = await now(client)
    async with following(client, after=start) as take:
        await report(client, server)
        (event,) = await take(1)
    await client.services.store.turn(_purge)
    extensions = await refused(client, after=start)
    assert extensions["code"] == "CURSOR_EXPIRED"
    assert extensions["oldestCursor"] == event["cursor"]


async def _purge(tx: Tx) -> None:
    await tx.execute("DELETE FROM event_log")
    head = "SELECT seq FROM sqlite_sequence WHERE name = 'event_log'"
    if tx.dialect == "postgres":
        head = "SELECT value FROM counter WHERE name = 'position'"
    position = await tx.fetchval(head)
    await tx.execute(
        "INSERT INTO counter (name, value) VALUES ('purged', $1) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        position,
    )


@pytest.mark.parametrize("field", ["integrationId", "incidentId", "deliveryId"])
async def test_a_filter_takes_a_hundred_ids(client: Client, field: str) -> None:
    ids = [encode("Delivery", new_id())] * 101
    extensions = await refused(client, filter={field: ids})
    assert extensions["code"] == "BAD_USER_INPUT"
    assert extensions["problems"][0]["path"] == ["filter", field]
