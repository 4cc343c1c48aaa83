"""Sending many deliveries again and cancelling what waits, through the API."""

from dataclasses import replace
from typing import Any, cast

from delivery import many_redeliveries
from domain.deliveries import DeliveryStatus
from domain.faults import StorageUnavailableError
from domain.ids import decode, encode, new_id
from models.store import Store, Tx
from schema import delivery_walk
from schema.context import Services
from tests.invariants import violations
from tests.schema_client import NOW, Client, add_server, add_webhook, faults, report

MANY = "matched queued skipped skippedByReason { reason count }"
CANCELLED = "matched cancelled skipped skippedByReason { reason count }"
LIST = """
query($filter: DeliveryFilter) { deliveries(filter: $filter, first: 100) {
  nodes { id status manual cancelReason } } }"""


async def end(client: Client, status: DeliveryStatus, *, of: str | None = None) -> None:
    """Let everything of an integration, or of the project, end like this."""

    async def work(tx: Tx) -> None:
        where, more = "project_id = $2", [client.project_id]
        if of is not None:
            where, more = "integration_id = $2", [decode(of)[1]]
        await tx.execute(
            f"UPDATE delivery SET status = $1, due_at = NULL WHERE {where}",  # noqa: S608
            status.value,
            *more,
        )
        await tx.execute(
            "UPDATE lane SET next_due_at = NULL WHERE project_id = $1",
            client.project_id,
        )

    await client.services.store.turn(work)


async def listed(client: Client, **conditions: object) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]]
    nodes = (await client.ask(LIST, filter=conditions))["deliveries"]["nodes"]
    return nodes


async def reported(client: Client, *integrations: str, count: int = 3) -> str:
    server = await add_server(client)
    for integration in integrations:
        pair = {"serverId": server, "integrationId": integration}
        assert not (await client.mutate("attachIntegrationToServer", pair))["errors"]
    for _ in range(count):
        await report(client, server)
    return server


async def redelivered(client: Client, **given: object) -> dict[str, Any]:
    payload: dict[str, Any] = await client.mutate("redeliverMany", given, MANY)
    assert payload.pop("errors") == []
    payload["skippedByReason"] = {
        it["reason"]: it["count"] for it in payload["skippedByReason"]
    }
    return payload


def told(queued: int, **skipped: int) -> dict[str, Any]:
    total = sum(skipped.values())
    return {
        "matched": queued + total,
        "queued": queued,
        "skipped": total,
        "skippedByReason": skipped,
    }


async def test_many_are_counted_then_sent_again(client: Client) -> None:
    """By default what did not arrive; a dry run changes nothing."""
    failing, fine = await add_webhook(client), await add_webhook(client, name="fine")
    await reported(client, failing, fine)
    await end(client, DeliveryStatus.FAILED, of=failing)
    await end(client, DeliveryStatus.DELIVERED, of=fine)
    assert await redelivered(client, filter={}, dryRun=True) == told(3)
    assert {it["manual"] for it in await listed(client)} == {False}
    assert await redelivered(client, filter={}) == told(3)
    again = await listed(client, integrationId=failing)
    assert {(it["status"], it["manual"]) for it in again} == {("PENDING", True)}
    assert await redelivered(client, filter={}) == told(0)
    assert await redelivered(client, filter={"integrationId": fine}) == told(0)
    chosen = {"integrationId": fine, "status": "DELIVERED"}
    assert await redelivered(client, filter=chosen) == told(3)
    assert not (await violations(client.services.store))["ORPHANED"]


async def test_the_filter_narrows_by_incident_and_time(client: Client) -> None:
    integration = await add_webhook(client)
    await reported(client, integration)
    await end(client, DeliveryStatus.FAILED)
    text = "{ deliveries { nodes { createdAt incident { id } } } }"
    new, _, old = (await client.ask(text))["deliveries"]["nodes"]

    async def count(**conditions: object) -> int:
        found = await redelivered(client, filter=conditions, dryRun=True)
        return int(found["queued"])

    assert await count(since=new["createdAt"]) == 1
    assert await count(since=old["createdAt"]) == 3
    assert await count(until=new["createdAt"]) == 2
    assert await count(since=old["createdAt"], until=old["createdAt"]) == 0
    assert await count(incidentId=old["incident"]["id"]) == 1
    assert await count(incidentId=old["incident"]["id"], until=old["createdAt"]) == 0


async def test_what_cannot_be_sent_again_is_skipped_with_the_reason(
    client: Client,
) -> None:
    names = ("off", "gone", "unverified", "fine", "waiting", "mute")
    made = {name: await add_webhook(client, name=name) for name in names}
    await reported(client, *made.values(), count=1)
    assert not (
        await client.mutate("testIntegration", {"integrationId": made["fine"]})
    )["errors"]
    everything = [it.name for it in DeliveryStatus]
    for name in names:
        if name != "waiting":
            await end(client, DeliveryStatus.FAILED, of=made[name])
    await client.mutate(
        "updateIntegration", {"integrationId": made["off"], "active": False}
    )
    await client.mutate("deleteIntegration", {"integrationId": made["gone"]})

    async def arrange(tx: Tx) -> None:
        unverified, mute = decode(made["unverified"])[1], decode(made["mute"])[1]
        await tx.execute(
            "UPDATE integration SET verified = FALSE WHERE id = $1", unverified
        )
        await tx.execute(
            "UPDATE delivery SET status = 6, cancel_reason = 'SUPERSEDED' "
            "WHERE integration_id = $1",
            mute,
        )

    await client.services.store.turn(arrange)
    skipped = {
        "INTEGRATION_DELETED": 1,
        "INTEGRATION_DISABLED": 1,
        "INTEGRATION_UNVERIFIED": 1,
        "NOT_NEEDED": 1,
        "TEST": 1,
        "WAITING": 1,
    }
    chosen = {"status": everything}
    assert await redelivered(client, filter=chosen, dryRun=True) == told(1, **skipped)
    assert await redelivered(client, filter=chosen) == told(1, **skipped)
    assert await redelivered(client, filter={"test": True}) == told(1)


async def test_what_is_not_repeatable_is_skipped(client: Client) -> None:
    integration = await add_webhook(client)
    await reported(client, integration)

    async def arrange(tx: Tx) -> None:
        await tx.execute(
            "UPDATE integration SET type = 'SSH_SERVER_RESTART' WHERE id = $1",
            decode(integration)[1],
        )

    await end(client, DeliveryStatus.FAILED)
    await client.services.store.turn(arrange)
    assert await redelivered(client, filter={}) == told(0, NOT_REPEATABLE=3)


async def many(client: Client, count: int) -> None:
    """Store failed deliveries without a report for each."""
    integration = await add_webhook(client)
    lane = await client.services.store.fetchval(
        "SELECT id FROM lane WHERE integration_id = $1", decode(integration)[1]
    )

    async def work(tx: Tx) -> None:
        await tx.executemany(
            "INSERT INTO delivery (id, project_id, lane_id, integration_id,"
            " incident_id, number, kind, status, expires_at, message_id, created_at,"
            " updated_at) VALUES ($1, $2, $3, $4, $5, 1, 'OPENED', 5, $6, 'm', $6, $6)",
            [
                (
                    new_id(),
                    client.project_id,
                    lane,
                    decode(integration)[1],
                    new_id(),
                    at,
                )
                for at in [NOW - n // 7 for n in range(count)]
            ],
        )

    await client.services.store.turn(work)


class LostStore:
    """A store that is lost after some turns."""

    def __init__(self, store: Store, turns: int) -> None:
        self._store, self._turns = store, turns
        self.dialect, self.fetch = store.dialect, store.fetch
        self.fetchrow, self.fetchval = store.fetchrow, store.fetchval

    async def turn(self, work: Any, *args: object) -> Any:  # noqa: ANN401
        if not self._turns:
            raise StorageUnavailableError
        self._turns -= 1
        return await self._store.turn(work, *args)


async def test_there_is_no_cap_and_a_call_cut_off_is_carried_on(client: Client) -> None:
    """It goes in parts; with its key the next call takes over where the first ended."""
    count = 2 * many_redeliveries.AT_A_TIME + 5
    await many(client, count)
    assert await redelivered(client, filter={}, dryRun=True) == told(count)
    store = client.services.store
    given = {"filter": {"status": "FAILED"}, "idempotencyKey": new_id().hex()}
    lost = cast("Store", LostStore(store, turns=2))  # the key's, and one part
    cut_off = replace(client, services=replace(client.services, store=lost))
    answer = await cut_off.ask(
        f"mutation($input: RedeliverManyInput!) {{ redeliverMany(input: $input) "
        f"{{ {MANY} }} }}",
        input=given,
    )
    assert answer.codes == ["STORAGE_UNAVAILABLE"]
    left = "SELECT count(*) FROM delivery WHERE project_id = $1 AND status = 5"
    assert await store.fetchval(left, client.project_id) == count - 500
    assert await redelivered(client, **given) == told(count)
    assert await store.fetchval(left, client.project_id) == 0
    await end(client, DeliveryStatus.FAILED)
    assert await redelivered(client, **given) == told(count)
    assert await store.fetchval(left, client.project_id) == count
    assert await redelivered(client, filter={}) == told(count)


async def test_a_delivery_that_waits_is_cancelled(
    client: Client, stranger: Client
) -> None:
    integration = await add_webhook(client)
    server = await reported(client, integration, count=0)
    incident = await report(client, server)
    assert not (await client.mutate("resolveIncident", {"incidentId": incident["id"]}))[
        "errors"
    ]
    after, first = [it["id"] for it in await listed(client)]
    given, select = {"deliveryId": first}, "delivery { id status cancelReason }"
    missing = [("DELIVERY_NOT_FOUND", "input/deliveryId")]
    assert faults(await stranger.mutate("cancelDelivery", given)) == missing
    unknown = {"deliveryId": encode("Delivery", new_id())}
    assert faults(await client.mutate("cancelDelivery", unknown)) == missing
    for _ in range(2):
        payload = await client.mutate("cancelDelivery", given, select)
        assert payload["errors"] == []
        assert payload["delivery"]["status"] == "CANCELLED"
        assert payload["delivery"]["cancelReason"] == "OPERATOR"
    text = "query($id: ID!) { delivery(id: $id) { status nextAttemptAt } }"
    follower = (await client.ask(text, id=after))["delivery"]
    assert follower["status"] == "PENDING"
    assert follower["nextAttemptAt"] is not None


async def test_what_does_not_wait_is_not_cancelled(client: Client) -> None:
    integration = await add_webhook(client)
    await reported(client, integration, count=2)
    [sent, sending] = [it["id"] for it in await listed(client)]
    await set_status(client.services, sent, DeliveryStatus.DELIVERED)
    await set_status(client.services, sending, DeliveryStatus.SENDING)
    for delivery, said in ((sent, "has ended"), (sending, "is being sent right now")):
        payload = await client.mutate("cancelDelivery", {"deliveryId": delivery})
        [error] = payload["errors"]
        assert error["code"] == "UNPROCESSABLE_ENTITY"
        assert said in error["message"]
    everything = {"status": [it.name for it in DeliveryStatus]}
    for dry in (True, False):
        given = {"filter": everything, "dryRun": dry}
        payload = await client.mutate("cancelDeliveries", given, CANCELLED)
        reasons = {it["reason"]: it["count"] for it in payload["skippedByReason"]}
        assert (payload["cancelled"], payload["skipped"]) == (0, 2)
        assert reasons == {"ENDED": 1, "SENDING": 1}
    await end(client, DeliveryStatus.FAILED)


async def set_status(services: Services, delivery: str, status: DeliveryStatus) -> None:
    async def work(tx: Tx) -> None:
        statement = "UPDATE delivery SET status = $1 WHERE id = $2"
        await tx.execute(statement, status.value, decode(delivery)[1])

    await services.store.turn(work)


async def test_all_that_waits_is_cancelled_and_nothing_follows(client: Client) -> None:
    """What follows a cancelled one is cancelled before it could take its turn."""
    integration, other = await add_webhook(client), await add_webhook(client)
    server = await reported(client, integration, other, count=0)
    for _ in range(2):
        incident = await report(client, server)
        await client.mutate("resolveIncident", {"incidentId": incident["id"]})
    given: dict[str, Any] = {"filter": {"integrationId": integration}, "dryRun": True}
    payload = await client.mutate("cancelDeliveries", given, CANCELLED)
    assert (payload["matched"], payload["cancelled"]) == (4, 4)
    assert {it["status"] for it in await listed(client)} == {"PENDING"}
    given = {**given, "dryRun": False, "idempotencyKey": "stop-1"}
    for _ in range(2):
        payload = await client.mutate("cancelDeliveries", given, CANCELLED)
        assert (payload["matched"], payload["cancelled"]) == (4, 4)
    mine = await listed(client, integrationId=integration)
    assert {it["cancelReason"] for it in mine} == {"OPERATOR"}
    others = await listed(client, integrationId=other)
    assert {it["status"] for it in others} == {"PENDING"}
    reused = {**given, "filter": {"integrationId": other}}
    payload = await client.mutate("cancelDeliveries", reused)
    assert faults(payload) == [("IDEMPOTENCY_KEY_REUSED", "input/idempotencyKey")]


async def test_no_part_lets_a_follower_go_before_it_is_cancelled(
    client: Client,
) -> None:
    """Looked at after the first of two parts, when a worker could take its turn."""
    heads = many_redeliveries.AT_A_TIME // 2 + 50
    integration = decode(await add_webhook(client))[1]
    store = client.services.store
    lane = await store.fetchval(
        "SELECT id FROM lane WHERE integration_id = $1", integration
    )
    incidents = [new_id() for _ in range(heads)]

    async def work(tx: Tx) -> None:
        await tx.executemany(
            "INSERT INTO delivery (id, project_id, lane_id, integration_id,"
            " incident_id, number, kind, status, due_at, expires_at, message_id,"
            " created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'OPENED', 0, $7, $8, 'm', $8, $8)",
            [
                (new_id(), client.project_id, lane, integration, it, number, due, at)
                for number, due, at in ((1, NOW, NOW - 2), (2, None, NOW - 1))
                for it in incidents
            ],
        )

    await store.turn(work)
    lost = cast("Store", LostStore(store, turns=1))
    cut_off = replace(client, services=replace(client.services, store=lost))
    answer = await cut_off.ask(
        "mutation { cancelDeliveries(input: {filter: {}}) { cancelled } }"
    )
    assert answer.codes == ["STORAGE_UNAVAILABLE"]
    waiting = await store.fetch(
        "SELECT number FROM delivery WHERE lane_id = $1 AND status = 0", lane
    )
    assert [row[0] for row in waiting] == [1] * (2 * heads - 500)
    payload = await client.mutate("cancelDeliveries", {"filter": {}}, CANCELLED)
    assert payload["cancelled"] == len(waiting)


def test_a_part_is_a_short_turn() -> None:
    assert delivery_walk.FIRST.count == many_redeliveries.AT_A_TIME <= 500
