"""Incidents through the API."""

from typing import Any

import pytest

from domain.ids import Id, decode, encode, new_id
from domain.scopes import Scope
from models.store import Tx
from tests.schema_client import Client, add_server, add_webhook, faults, report

UNKNOWN = encode("Incident", new_id())
CHANGES = ["acknowledgeIncident", "resolveIncident"]
FIELDS = "incident { id status acknowledgedAt resolvedAt durationSeconds }"
WHOLE = """
query($id: ID!) { incident(id: $id) {
  __typename id status incidentType message severity dedupKey test alertCount
  resource { __typename id name url } resourceName resourceUrl resourceType
  startedAt acknowledgedAt resolvedAt durationSeconds createdAt updatedAt
  events { totalCount nodes { __typename number kind at actor } }
  deliveries { totalCount nodes { status integration { id } incident { id } } }
} }
"""


async def test_a_report_opens_an_incident_and_tells_who_is_attached(
    client: Client,
) -> None:
    server = await add_server(client, url="https://example.com/web-1")
    webhook = await add_webhook(client, server)
    made = await report(client, server, severity="CRITICAL", dedupKey="web-1/timeout")
    found = (await client.ask(WHOLE, id=made["id"]))["incident"]
    assert found["startedAt"] == found["createdAt"] == found["updatedAt"]
    actor = encode("ApiToken", bytes(15) + b"\1")
    at = found.pop("startedAt")
    assert found.pop("createdAt") == found.pop("updatedAt") == at
    assert found == {
        "__typename": "Incident",
        "id": made["id"],
        "status": "TRIGGERED",
        "incidentType": "timeout",
        "message": "Request timeout after 30 seconds",
        "severity": "CRITICAL",
        "dedupKey": "web-1/timeout",
        "test": False,
        "alertCount": 1,
        "resource": {
            "__typename": "Server",
            "id": server,
            "name": "web-1",
            "url": "https://example.com/web-1",
        },
        "resourceName": "web-1",
        "resourceUrl": "https://example.com/web-1",
        "resourceType": "Server",
        "acknowledgedAt": None,
        "resolvedAt": None,
        "durationSeconds": None,
        "events": {
            "totalCount": 1,
            "nodes": [
                {
                    "__typename": "IncidentEvent",
                    "number": 1,
                    "kind": "OPENED",
                    "at": at,
                    "actor": actor,
                }
            ],
        },
        "deliveries": {
            "totalCount": 1,
            "nodes": [
                {
                    "status": "PENDING",
                    "integration": {"id": webhook},
                    "incident": {"id": made["id"]},
                }
            ],
        },
    }


async def test_a_repeated_key_adds_and_after_resolving_opens_anew(
    client: Client,
) -> None:
    server = await add_server(client)
    first = await report(client, server, dedupKey="key")
    again = await report(client, server, dedupKey="key")
    assert (again["id"], again["alertCount"]) == (first["id"], 2)
    await client.mutate("resolveIncident", {"dedupKey": "key"})
    later = await report(client, server, dedupKey="key")
    assert later["id"] != first["id"]
    alone = await report(client, server)
    assert alone["id"] not in {first["id"], later["id"]}


async def test_the_host_stands_in_for_the_url_and_the_severity_is_high(
    client: Client,
) -> None:
    made = await report(client, await add_server(client))
    found = (await client.ask(WHOLE, id=made["id"]))["incident"]
    assert found["resourceUrl"] == "web-1.example.com"
    assert found["severity"] == "HIGH"


async def test_a_key_of_another_resource_is_refused(client: Client) -> None:
    await report(client, await add_server(client), dedupKey="key")
    other = await add_server(client, "web-2")
    given = {"serverId": other, "incidentType": "a", "message": "b", "dedupKey": "key"}
    payload = await client.mutate("reportIncident", given)
    assert faults(payload) == [("VALIDATION_ERROR", "input/dedupKey")]


async def test_a_report_tells_all_faults_at_once(client: Client) -> None:
    wrong = {
        "serverId": "srv_x",
        "incidentType": "a\nb",
        "message": "x" * 10_001,
        "dedupKey": "",
    }
    payload = await client.mutate("reportIncident", wrong, FIELDS)
    assert payload["incident"] is None
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/incidentType"),
        ("VALIDATION_ERROR", "input/message"),
        ("VALIDATION_ERROR", "input/dedupKey"),
        ("SERVER_NOT_FOUND", "input/serverId"),
    ]


async def test_no_text_breaks_the_database(client: Client) -> None:
    given = {"serverId": await add_server(client), "incidentType": "a", "message": "b"}
    for field in ("incidentType", "message", "dedupKey"):
        for text in ("", " \n", "a\0b", "\ud800"):
            payload = await client.mutate("reportIncident", {**given, field: text})
            assert faults(payload) == [("VALIDATION_ERROR", f"input/{field}")], text


async def test_an_incident_is_acknowledged_and_resolved(client: Client) -> None:
    made = await report(client, await add_server(client), dedupKey="key")
    by_id = {"incidentId": made["id"]}
    payload = await client.mutate("acknowledgeIncident", by_id, FIELDS)
    assert payload["incident"]["status"] == "ACKNOWLEDGED"
    assert payload["incident"]["acknowledgedAt"]
    payload = await client.mutate("resolveIncident", {"dedupKey": "key"}, FIELDS)
    assert payload["incident"]["status"] == "RESOLVED"
    assert payload["incident"]["id"] == made["id"]
    assert payload["incident"]["durationSeconds"] == 0
    found = (await client.ask(WHOLE, id=made["id"]))["incident"]
    kinds = [event["kind"] for event in found["events"]["nodes"]]
    assert kinds == ["OPENED", "ACKNOWLEDGED", "RESOLVED"]


NAMES_NONE: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("VALIDATION_ERROR", "input")]),
    ({"incidentId": None, "dedupKey": None}, [("VALIDATION_ERROR", "input")]),
    (
        {"incidentId": "x", "dedupKey": ""},
        [
            ("VALIDATION_ERROR", "input"),
            ("VALIDATION_ERROR", "input/dedupKey"),
            ("INCIDENT_NOT_FOUND", "input/incidentId"),
        ],
    ),
    ({"incidentId": ""}, [("INCIDENT_NOT_FOUND", "input/incidentId")]),
    ({"incidentId": UNKNOWN}, [("INCIDENT_NOT_FOUND", "input/incidentId")]),
    ({"dedupKey": "unknown"}, [("INCIDENT_NOT_FOUND", "input/dedupKey")]),
]


@pytest.mark.parametrize("name", CHANGES)
async def test_what_names_no_open_incident_is_refused(
    client: Client, name: str
) -> None:
    for given, expected in NAMES_NONE:
        payload = await client.mutate(name, given, FIELDS)
        assert payload["incident"] is None
        assert faults(payload) == expected


@pytest.mark.parametrize("name", CHANGES)
async def test_foreign_and_resolved_incidents_are_not_found(
    client: Client, stranger: Client, name: str
) -> None:
    made = await report(client, await add_server(client), dedupKey="key")
    for given, field in [
        ({"incidentId": made["id"]}, "incidentId"),
        ({"dedupKey": "key"}, "dedupKey"),
    ]:
        payload = await stranger.mutate(name, given)
        assert faults(payload) == [("INCIDENT_NOT_FOUND", f"input/{field}")]
    answer = await stranger.ask("query($id: ID!) { incident(id: $id) { id } }", **made)
    assert answer["incident"] is None
    await client.mutate("resolveIncident", {"dedupKey": "key"})
    payload = await client.mutate(name, {"incidentId": made["id"]})
    assert faults(payload) == [("INCIDENT_NOT_FOUND", "input/incidentId")]


async def test_incidents_are_listed_and_filtered(
    client: Client, stranger: Client
) -> None:
    first, second = await add_server(client), await add_server(client, "web-2")
    low = await report(client, first, severity="LOW")
    high = await report(client, second)
    await client.mutate("acknowledgeIncident", {"incidentId": high["id"]})
    text = (
        "query($filter: IncidentFilter, $orderBy: IncidentOrder) { incidents("
        "filter: $filter, orderBy: $orderBy) { totalCount nodes { id } } }"
    )

    async def listed(asking: Client = client, **variables: object) -> list[str]:
        page = (await asking.ask(text, **variables))["incidents"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    async def found(**conditions: object) -> list[str]:
        return await listed(filter=conditions)

    both = [high["id"], low["id"]]
    assert await listed() == both
    assert await listed(orderBy={"field": "CREATED_AT"}) == both[::-1]
    assert await listed(stranger) == []
    assert await found(severity="LOW") == [low["id"]]
    assert await found(severity=["LOW", "HIGH"]) == both
    assert await found(severity=[]) == []
    assert await found(status=["ACKNOWLEDGED"]) == [high["id"]]
    assert await found(serverId=first) == [low["id"]]
    assert await found(serverId=[first, "x"], severity="HIGH") == []
    assert await found(serverId="x") == []
    answer = await client.ask(text, filter={"serverId": [first] * 101})
    assert answer.codes == ["BAD_USER_INPUT"]
    problems = answer.errors[0].extensions["problems"]
    assert problems[0]["path"] == ["filter", "serverId"]


async def test_a_test_stays_out_of_the_list(client: Client) -> None:
    made = await report(client, await add_server(client))
    store = client.services.store
    await store.turn(_mark_as_test, decode(made["id"])[1])
    found = (await client.ask(WHOLE, id=made["id"]))["incident"]
    assert found["test"] is True
    answer = await client.ask("{ incidents { totalCount nodes { id } } }")
    assert answer["incidents"] == {"totalCount": 0, "nodes": []}


async def _mark_as_test(tx: Tx, incident_id: Id) -> None:
    await tx.execute("UPDATE incident SET test = TRUE WHERE id = $1", incident_id)


async def test_an_incident_outlives_its_server(client: Client) -> None:
    server = await add_server(client)
    made = await report(client, server)
    await client.mutate("deleteServer", {"serverId": server})
    found = (await client.ask(WHOLE, id=made["id"]))["incident"]
    assert found["status"] == "TRIGGERED"
    assert (found["resource"], found["resourceName"]) == (None, "web-1")
    given = {"serverId": server, "incidentType": "a", "message": "b"}
    payload = await client.mutate("reportIncident", given)
    assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]


async def test_a_token_that_may_only_report_sees_the_incident_alone(
    client: Client,
) -> None:
    given = {"serverId": await add_server(client), "incidentType": "a", "message": "b"}
    ingest = client.with_scopes(Scope.INGEST)
    payload = await ingest.mutate("reportIncident", given, "incident { id status }")
    assert payload["incident"]["status"] == "TRIGGERED"
    for leading_on in (
        "resource { id }",
        "events { nodes { actor } }",
        "deliveries { nodes { integration { id } } }",
    ):
        answer = await ingest.ask(
            "mutation($input: ReportIncidentInput!) { reportIncident(input: $input) "
            f"{{ incident {{ id {leading_on} }} }} }}",
            input=given,
        )
        assert answer.codes == ["FORBIDDEN"], leading_on


async def test_lists_cost_constant_statements(client: Client) -> None:
    server = await add_server(client)
    await add_webhook(client, server)
    text = (
        "query($first: Int) { incidents(first: $first) { nodes { id resource { name } "
        "events(first: 3) { totalCount nodes { number } } "
        "deliveries(first: 3) { totalCount eventCursor nodes { id attempts { number } "
        "incident { id } integration { name } } } } } }"
    )
    for _ in range(3):
        await report(client, server)
    costs = []
    for first in (1, 3):
        client.reads.clear()
        nodes = (await client.ask(text, first=first))["incidents"]["nodes"]
        assert len(nodes) == first
        costs.append(len(client.reads))
    assert costs[0] == costs[1]
    # Incidents, resources, 2 x 2 for the lists, and below them attempts, incidents,
    # integrations; the event cursor is one more, read around the counted store.
    assert costs[0] <= 10
