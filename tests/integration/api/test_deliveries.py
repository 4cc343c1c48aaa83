"""Deliveries and attempts through the API."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from delivery.feed import Feed
from domain.deliveries import DeliveryStatus, OutcomeKind
from domain.ids import Id, decode, encode, new_id
from models.store import Tx
from schema.context import Services
from tests.schema_client import Client, add_server, add_webhook, faults, report

LIST = """
query($filter: DeliveryFilter, $first: Int, $orderBy: DeliveryOrder) {
  deliveries(filter: $filter, first: $first, orderBy: $orderBy) {
    totalCount
    nodes { id status attemptCount }
  }
}
"""
WHOLE = """
query($id: ID!) { delivery(id: $id) {
  __typename id status kind attemptCount manual createdAt updatedAt deliveredAt
  nextAttemptAt cancelReason error
  integration { __typename id name ... on WebhookIntegration { settings { webhookUrl } }
  }
  incident { id status }
  attempts { number outcome statusCode durationMs error excerpt startedAt endedAt }
} }
"""


async def one_delivery(client: Client) -> str:
    """Report an incident to one webhook and return the delivery's id."""
    server = await add_server(client)
    await add_webhook(client, server)
    incident = await report(client, server)
    delivery_id: str = incident["deliveries"]["nodes"][0]["id"]
    return delivery_id


async def end(services: Services, delivery: str, status: DeliveryStatus) -> None:
    """Store an attempt and a status, as a worker would."""
    await services.store.turn(_end, decode(delivery)[1], status)


async def _end(tx: Tx, delivery_id: Id, status: DeliveryStatus) -> None:
    await tx.execute(
        "UPDATE delivery SET status = $1, attempts = 1, error = 'Answered 500.' "
        "WHERE id = $2",
        *(status.value, delivery_id),
    )
    await tx.execute(
        "INSERT INTO attempt (delivery_id, number, worker, started_at, ended_at, "
        "outcome, status_code, duration_ms, error, excerpt) "
        "VALUES ($1, 1, 1, 5, 17, $2, 500, 12, 'Answered 500.', 'oops')",
        *(delivery_id, OutcomeKind.RETRY.value),
    )


async def test_a_delivery_shows_its_attempts(client: Client) -> None:
    delivery = await one_delivery(client)
    waiting = (await client.ask(WHOLE, id=delivery))["delivery"]
    assert waiting["nextAttemptAt"] == waiting["createdAt"]
    assert waiting["attempts"] == []
    await end(client.services, delivery, DeliveryStatus.FAILED)
    ended = (await client.ask(WHOLE, id=delivery))["delivery"]
    assert ended["kind"] == "OPENED"
    assert ended["status"] == "FAILED"
    assert ended["attemptCount"] == 1
    assert ended["error"] == "Answered 500."
    assert ended["nextAttemptAt"] is ended["cancelReason"] is None
    assert ended["integration"]["__typename"] == "WebhookIntegration"
    assert ended["integration"]["name"] == "ops"
    assert ended["attempts"] == [
        {
            "number": 1,
            "outcome": "RETRY",
            "statusCode": 500,
            "durationMs": 12,
            "error": "Answered 500.",
            "excerpt": "oops",
            "startedAt": "1970-01-01T00:00:00.005Z",
            "endedAt": "1970-01-01T00:00:00.017Z",
        }
    ]


async def test_a_delivery_outlives_its_integration(client: Client) -> None:
    delivery = await one_delivery(client)
    shown = (await client.ask(WHOLE, id=delivery))["delivery"]["integration"]
    given = {"integrationId": shown["id"]}
    payload = await client.mutate("deleteIntegration", given, "deletedId")
    assert payload["errors"] == []
    gone = (await client.ask(WHOLE, id=delivery))["delivery"]
    assert gone["status"] == "CANCELLED"
    assert gone["cancelReason"] == "INTEGRATION_DELETED"
    assert gone["integration"]["id"] == shown["id"]
    assert gone["integration"]["name"] == "ops"


async def test_deliveries_are_listed_and_filtered(
    client: Client, stranger: Client
) -> None:
    failed, waiting = await one_delivery(client), await one_delivery(client)
    await end(client.services, failed, DeliveryStatus.FAILED)
    whole = (await client.ask(WHOLE, id=failed))["delivery"]

    async def listed(asking: Client = client, **variables: object) -> list[str]:
        page = (await asking.ask(LIST, **variables))["deliveries"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    async def found(**conditions: object) -> list[str]:
        return await listed(filter=conditions)

    assert await listed() == [waiting, failed]
    assert await listed(orderBy={"field": "CREATED_AT"}) == [failed, waiting]
    assert await listed(stranger) == []
    assert await found(status="FAILED") == [failed]
    assert await found(status=["FAILED", "PENDING"]) == [waiting, failed]
    assert await found(status=[]) == []
    assert await found(integrationId=whole["integration"]["id"]) == [failed]
    assert await found(incidentId=[whole["incident"]["id"]], status="PENDING") == []
    assert await found(integrationId=["x"]) == []


async def test_a_foreign_delivery_is_not_found(
    client: Client, stranger: Client
) -> None:
    delivery = await one_delivery(client)
    assert (await stranger.ask(WHOLE, id=delivery))["delivery"] is None
    payload = await stranger.mutate("redeliver", {"deliveryId": delivery})
    assert faults(payload) == [("DELIVERY_NOT_FOUND", "input/deliveryId")]


async def test_what_names_no_delivery_is_refused(client: Client) -> None:
    select = "delivery { id }"
    for text in ("", encode("Server", new_id()), encode("Delivery", new_id())):
        payload = await client.mutate("redeliver", {"deliveryId": text}, select)
        assert payload["delivery"] is None
        assert faults(payload) == [("DELIVERY_NOT_FOUND", "input/deliveryId")]


async def test_redelivering_is_idempotent_by_key(client: Client) -> None:
    delivery = await one_delivery(client)
    await end(client.services, delivery, DeliveryStatus.FAILED)
    given = {"deliveryId": delivery, "idempotencyKey": "again-1"}
    select = "delivery { id status manual error }"
    payload = await client.mutate("redeliver", given, select)
    again = {"id": delivery, "status": "PENDING", "manual": True, "error": None}
    assert payload["delivery"] == again
    await client.services.store.turn(_status, decode(delivery)[1])
    payload = await client.mutate("redeliver", given, select)
    assert payload["delivery"] == {**again, "status": "DELIVERED"}


async def _status(tx: Tx, delivery_id: Id) -> None:
    await tx.execute("UPDATE delivery SET status = 4 WHERE id = $1", delivery_id)


class BusyFeed(Feed):
    """A feed during whose look-up something happens."""

    def __init__(self, feed: Feed, happens: Callable[[], Awaitable[str]]) -> None:
        self._feed = feed
        self._happens = happens
        self.happened: list[str] = []

    async def cursor(self, project_id: Id) -> str:
        cursor = await self._feed.cursor(project_id)
        self.happened.append(await self._happens())
        return cursor


async def test_the_event_cursor_is_taken_before_the_list(client: Client) -> None:
    """What happens in between is in the list, and comes again after the cursor."""
    busy = BusyFeed(client.services.feed, partial(one_delivery, client))
    asking = replace(client, services=replace(client.services, feed=busy))
    answer = await asking.ask(
        "{ deliveries { ...Page } } fragment Page on DeliveryConnection "
        "{ ... { eventCursor } nodes { id } }"
    )
    page = answer["deliveries"]
    assert [node["id"] for node in page["nodes"]] == busy.happened
    feed = client.services.feed
    following = feed.follow(client.project_id, page["eventCursor"])
    event = await anext(following)
    await following.aclose()
    assert [event.body["delivery"]["id"]] == busy.happened


async def test_lists_cost_constant_statements(client: Client) -> None:
    for _ in range(3):
        delivery = await one_delivery(client)
        await end(client.services, delivery, DeliveryStatus.DELIVERED)
    text = (
        "query($first: Int) { deliveries(first: $first) { totalCount nodes { id "
        "attempts { number } incident { status resource { name } } "
        "integration { name } } } }"
    )
    for first in (1, 3):
        client.reads.clear()
        nodes = (await client.ask(text, first=first))["deliveries"]["nodes"]
        assert len(nodes) == first
        assert len(client.reads) == 6
