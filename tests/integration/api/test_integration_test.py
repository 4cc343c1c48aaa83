"""Trying an integration through the API."""

from domain.ids import encode, new_id
from domain.incidents import EventKind
from notifiers import CHANNELS
from tests.schema_client import Client, add_server, add_webhook, faults, report

SELECT = (
    "delivery { id status kind test integration { id name } incident { id test "
    "severity resourceType resourceName resource { name } integration { id name } "
    "events { nodes { kind } } } }"
)
LIST = """
query($filter: DeliveryFilter) {
  deliveries(filter: $filter) { totalCount nodes { id } }
  incidents { totalCount nodes { id } }
}"""


def test_every_channel_can_be_tried() -> None:
    assert [it.key for it in CHANNELS if EventKind.TEST not in it.wants] == []


async def test_a_test_is_marked_and_its_incident_stays_out_of_lists(
    client: Client,
) -> None:
    server = await add_server(client)
    integration = await add_webhook(client, server)
    await add_webhook(client, server, name="other")
    incident = await report(client, server)
    payload = await client.mutate(
        "testIntegration", {"integrationId": integration}, SELECT
    )
    assert payload["errors"] == []
    made = payload["delivery"]
    assert (made["status"], made["kind"], made["test"]) == ("PENDING", "TEST", True)
    assert made["integration"]["id"] == integration
    about = made["incident"]
    assert about["integration"] == {"id": integration, "name": "ops"}
    assert (about["resourceType"], about["resourceName"]) == ("Integration", "ops")
    assert about["resource"] is None
    assert (about["test"], about["severity"]) == (True, "INFO")
    assert about["events"]["nodes"] == [{"kind": "TEST"}]

    async def listed(**conditions: object) -> list[str]:
        answer = await client.ask(LIST, filter=conditions)
        assert [it["id"] for it in answer["incidents"]["nodes"]] == [incident["id"]]
        assert answer["incidents"]["totalCount"] == 1
        return [it["id"] for it in answer["deliveries"]["nodes"]]

    others = [it["id"] for it in incident["deliveries"]["nodes"]]
    assert set(await listed()) == {made["id"], *others}
    assert await listed(test=True) == [made["id"]]
    assert set(await listed(test=False)) == set(others)
    assert await listed(integrationId=integration, test=True) == [made["id"]]
    assert made["id"] in await listed(integrationId=integration)


async def test_a_test_is_sent_once_for_each_key(client: Client) -> None:
    integration = await add_webhook(client)
    given = {"integrationId": integration, "idempotencyKey": "try-1"}
    first = await client.mutate("testIntegration", given, "delivery { id }")
    again = await client.mutate("testIntegration", given, "delivery { id }")
    assert first == again
    other = await client.mutate(
        "testIntegration", {**given, "idempotencyKey": "try-2"}, "delivery { id }"
    )
    assert other["delivery"]["id"] != first["delivery"]["id"]


async def test_what_cannot_be_tried_is_refused(
    client: Client, stranger: Client
) -> None:
    integration = await add_webhook(client)
    missing = [("INTEGRATION_NOT_FOUND", "input/integrationId")]
    for text in ("", encode("Server", new_id()), encode("Integration", new_id())):
        payload = await client.mutate("testIntegration", {"integrationId": text})
        assert faults(payload) == missing
    given = {"integrationId": integration}
    assert faults(await stranger.mutate("testIntegration", given)) == missing
    off = {**given, "active": False}
    assert (await client.mutate("updateIntegration", off))["errors"] == []
    payload = await client.mutate("testIntegration", given, "delivery { id }")
    assert payload["delivery"] is None
    assert faults(payload) == [("UNPROCESSABLE_ENTITY", "input/integrationId")]
