"""Network monitors, reported resources and `allResources` through the API."""

from typing import Any

import pytest

from domain.ids import encode, new_id
from tests.people import add_email, add_user
from tests.schema_client import (
    Client,
    add_monitor,
    add_server,
    add_webhook,
    faults,
)

FIELDS = (
    "networkMonitor { __typename id name kind host port url createdAt updatedAt "
    "integrations { nodes { id } } }"
)
WEB = {"name": "shop", "host": "example.com", "port": 443}
BOTH = ["attachIntegrationToNetworkMonitor", "detachIntegrationFromNetworkMonitor"]
TOLD = (
    "incident { id resourceType resourceName resourceUrl "
    "resource { __typename ... on NetworkMonitor { id kind } } "
    "deliveries { nodes { status cancelReason integration { id } } } }"
)
INLINE = {"name": "https://example.com", "type": "NetworkMonitor"}


async def hear_of_all(client: Client, integration: str, **more: object) -> None:
    """Switch `allResources` on."""
    given = {"integrationId": integration, "allResources": True, **more}
    payload = await client.mutate(
        "updateIntegration", given, "integration { allResources }"
    )
    assert payload["integration"] == {"allResources": True}


async def report(client: Client, **more: object) -> Any:  # noqa: ANN401 - JSON
    """Report an incident; return the payload."""
    given = {"incidentType": "timeout", "message": "Down.", **more}
    return await client.mutate("reportIncident", given, TOLD)


def told(payload: dict[str, Any]) -> list[str]:
    """Return whom an incident was told, or would have been."""
    assert payload["errors"] == []
    nodes = payload["incident"]["deliveries"]["nodes"]
    return sorted(node["integration"]["id"] for node in nodes)


async def test_a_monitor_is_made_changed_and_deleted(
    client: Client, stranger: Client
) -> None:
    given = {**WEB, "kind": "TCP", "idempotencyKey": "k"}
    payload = await client.mutate("createNetworkMonitor", given, FIELDS)
    made = payload["networkMonitor"]
    assert made["id"].startswith("mon_")
    assert (made["kind"], made["port"], made["url"]) == ("TCP", 443, None)
    again = await client.mutate("createNetworkMonitor", given, FIELDS)
    assert again["networkMonitor"] == made

    named = {"networkMonitorId": made["id"]}
    change = {**named, "port": None, "url": "https://example.com", "kind": "HTTP"}
    changed = await client.mutate("updateNetworkMonitor", change, FIELDS)
    assert changed["networkMonitor"] == {
        **made,
        "port": None,
        "url": "https://example.com",
        "kind": "HTTP",
        "updatedAt": changed["networkMonitor"]["updatedAt"],
    }
    stale = {**named, "name": "x", "ifUpdatedAt": made["updatedAt"]}
    payload = await client.mutate("updateNetworkMonitor", stale)
    assert faults(payload) == [("CONFLICT", "input/ifUpdatedAt")]

    look = "query($id: ID!) { networkMonitor(id: $id) { id } node(id: $id) { id } }"
    seen = {"id": made["id"]}
    answer = await client.ask(look, id=made["id"])
    assert answer.data == {"networkMonitor": seen, "node": seen}
    nothing = {"networkMonitor": None, "node": None}
    assert (await stranger.ask(look, id=made["id"])).data == nothing
    payload = await stranger.mutate("deleteNetworkMonitor", named)
    assert faults(payload) == [("NETWORK_MONITOR_NOT_FOUND", "input/networkMonitorId")]
    payload = await client.mutate("deleteNetworkMonitor", named, "deletedId")
    assert payload == {"deletedId": made["id"], "errors": []}
    assert (await client.ask(look, id=made["id"])).data == nothing
    payload = await client.mutate("updateNetworkMonitor", named)
    assert faults(payload) == [("NETWORK_MONITOR_NOT_FOUND", "input/networkMonitorId")]


async def test_all_faults_of_a_monitor_are_told_at_once(client: Client) -> None:
    wrong = {"name": "", "host": "a b", "port": 65_536, "url": "ftp://x"}
    expected = [
        ("VALIDATION_ERROR", f"input/{it}") for it in ("name", "host", "port", "url")
    ]
    assert faults(await client.mutate("createNetworkMonitor", wrong)) == expected
    unknown = encode("NetworkMonitor", new_id())
    given = {"networkMonitorId": unknown, "kind": None, "port": 0, "host": None}
    assert faults(await client.mutate("updateNetworkMonitor", given)) == [
        ("VALIDATION_ERROR", "input/kind"),
        ("VALIDATION_ERROR", "input/host"),
        ("VALIDATION_ERROR", "input/port"),
        ("NETWORK_MONITOR_NOT_FOUND", "input/networkMonitorId"),
    ]


async def test_monitors_are_searched_filtered_and_sorted(client: Client) -> None:
    for name, kind in (("b", "PING"), ("a-prod", "TCP"), ("C-PROD", "PING")):
        await add_monitor(client, name=name, kind=kind)
    text = (
        "query($filter: NetworkMonitorFilter, $orderBy: NetworkMonitorOrder) "
        "{ networkMonitors(filter: $filter, orderBy: $orderBy) "
        "{ totalCount nodes { name } } }"
    )

    async def names(**variables: object) -> list[str]:
        page = (await client.ask(text, **variables))["networkMonitors"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["name"] for node in page["nodes"]]

    by_name = {"field": "NAME"}
    assert await names() == ["C-PROD", "a-prod", "b"]
    assert await names(orderBy=by_name) == ["C-PROD", "a-prod", "b"]
    assert await names(filter={"search": "Prod"}, orderBy=by_name) == [
        "C-PROD",
        "a-prod",
    ]
    assert await names(filter={"kind": ["TCP"]}) == ["a-prod"]
    assert await names(filter={"kind": "PING", "search": "prod"}) == ["C-PROD"]


async def test_attaching_is_listed_both_ways(client: Client) -> None:
    server, monitor = await add_server(client), await add_monitor(client)
    webhook = await add_webhook(client, server)
    pair = {"networkMonitorId": monitor, "integrationId": webhook}
    shown = "query($id: ID!) { integration(id: $id) { resources { totalCount nodes { "
    shown += "__typename id name integrations { nodes { id } } } } } }"

    async def attached() -> list[tuple[str, str]]:
        page = (await client.ask(shown, id=webhook))["integration"]["resources"]
        assert page["totalCount"] == len(page["nodes"])
        return [(it["__typename"], it["id"]) for it in page["nodes"]]

    both = [("NetworkMonitor", monitor), ("Server", server)]
    for name, nodes in ((BOTH[0], both), (BOTH[0], both), (BOTH[1], both[1:])):
        payload = await client.mutate(name, pair, f"{FIELDS} integration {{ id }}")
        assert payload["errors"] == []
        assert payload["integration"] == {"id": webhook}
        expected = [{"id": webhook}] * (len(nodes) - 1)
        assert payload["networkMonitor"]["integrations"]["nodes"] == expected
        assert await attached() == nodes
    await client.mutate("deleteServer", {"serverId": server})
    assert await attached() == []


@pytest.mark.parametrize("name", BOTH)
async def test_what_cannot_be_attached_is_told(
    client: Client, stranger: Client, name: str
) -> None:
    wrong = {"networkMonitorId": await add_server(client), "integrationId": "int_x"}
    assert faults(await client.mutate(name, wrong)) == [
        ("NETWORK_MONITOR_NOT_FOUND", "input/networkMonitorId"),
        ("INTEGRATION_NOT_FOUND", "input/integrationId"),
    ]
    foreign = {
        "networkMonitorId": await add_monitor(client),
        "integrationId": await add_webhook(stranger),
    }
    payload = await client.mutate(name, foreign)
    assert faults(payload) == [("INTEGRATION_NOT_FOUND", "input/integrationId")]
    own = await add_email(client, ownerId=await add_user(client))
    personal = {**foreign, "integrationId": own["integration"]["id"]}
    payload = await client.mutate(name, personal)
    assert faults(payload) == [("VALIDATION_ERROR", "input/integrationId")]


async def test_a_monitor_tells_what_is_attached_and_what_hears_of_all(
    client: Client,
) -> None:
    server, monitor = await add_server(client), await add_monitor(client)
    attached, everywhere = await add_webhook(client), await add_webhook(client)
    both, elsewhere = await add_webhook(client), await add_webhook(client, server)
    for integration in (attached, both):
        pair = {"networkMonitorId": monitor, "integrationId": integration}
        await client.mutate(BOTH[0], pair)
    await hear_of_all(client, both)
    await hear_of_all(client, everywhere)
    payload = await report(client, networkMonitorId=monitor)
    assert told(payload) == sorted([attached, both, everywhere])
    shown = payload["incident"]
    assert shown["resource"] == {
        "__typename": "NetworkMonitor",
        "id": monitor,
        "kind": "HTTP",
    }
    assert (shown["resourceType"], shown["resourceName"], shown["resourceUrl"]) == (
        *("NetworkMonitor", "shop", "example.com:443"),
    )
    assert told(await report(client, serverId=server)) == sorted(
        [elsewhere, both, everywhere]
    )
    text = "query($f: IncidentFilter) { incidents(filter: $f) { nodes { id } } }"
    found = (await client.ask(text, f={"resourceId": [monitor, "x"]}))["incidents"]
    assert found["nodes"] == [{"id": shown["id"]}]
    found = (await client.ask(text, f={"serverId": monitor}))["incidents"]
    assert found["nodes"] == []

    await client.mutate("deleteNetworkMonitor", {"networkMonitorId": monitor})
    text = (
        "query($id: ID!) { incident(id: $id) { status resourceName resource { id } } }"
    )
    left = (await client.ask(text, id=shown["id"]))["incident"]
    assert left == {"status": "TRIGGERED", "resourceName": "shop", "resource": None}


async def test_a_reported_resource_tells_only_what_hears_of_all(
    client: Client, stranger: Client
) -> None:
    monitor = await add_monitor(client, name=INLINE["name"])
    await hear_of_all(stranger, await add_webhook(stranger))
    attached, everywhere = await add_webhook(client), await add_webhook(client)
    await client.mutate(
        BOTH[0], {"networkMonitorId": monitor, "integrationId": attached}
    )
    disabled = await add_webhook(client)
    await hear_of_all(client, everywhere)
    await hear_of_all(client, disabled, active=False)
    payload = await report(client, resource=INLINE, dedupKey="k")
    shown = payload["incident"]
    nodes = shown["deliveries"]["nodes"]
    assert {it["integration"]["id"]: it["cancelReason"] for it in nodes} == {
        everywhere: None,
        disabled: "INTEGRATION_DISABLED",
    }
    assert shown["resource"] is None
    assert shown["resourceType"] == "NetworkMonitor"
    assert shown["resourceName"] == shown["resourceUrl"] == "https://example.com"

    same = {**INLINE, "url": "https://example.com/other"}
    again = await report(client, resource=same, dedupKey="k")
    assert again["incident"]["id"] == shown["id"]
    for other in (
        {"resource": {**INLINE, "name": "other"}},
        {"resource": {**INLINE, "type": "Website"}},
        {"networkMonitorId": monitor},
    ):
        payload = await report(client, **other, dedupKey="k")
        assert faults(payload) == [("VALIDATION_ERROR", "input/dedupKey")]


async def test_a_report_is_about_exactly_one_thing(client: Client) -> None:
    payload = await report(client, serverId=None)
    assert faults(payload) == [("VALIDATION_ERROR", "input")]
    payload = await report(client, serverId="", networkMonitorId="mon_x")
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/serverId"),
        ("VALIDATION_ERROR", "input/networkMonitorId"),
    ]
    payload = await report(client, serverId="srv_x", resource=INLINE)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/serverId"),
        ("VALIDATION_ERROR", "input/resource"),
    ]
    wrong = {"name": " ", "type": "a\nb", "url": "x"}
    assert faults(await report(client, resource=wrong, incidentType="")) == [
        ("VALIDATION_ERROR", "input/incidentType"),
        ("VALIDATION_ERROR", "input/resource/name"),
        ("VALIDATION_ERROR", "input/resource/type"),
        ("VALIDATION_ERROR", "input/resource/url"),
    ]


async def test_a_personal_integration_cannot_hear_of_all(client: Client) -> None:
    user = await add_user(client)
    payload = await add_email(client, ownerId=user, allResources=True)
    assert faults(payload) == [("VALIDATION_ERROR", "input/allResources")]
    own = (await add_email(client, ownerId=user))["integration"]["id"]
    given = {"integrationId": own, "allResources": True}
    payload = await client.mutate("updateIntegration", given)
    assert faults(payload) == [("VALIDATION_ERROR", "input/allResources")]
    payload = await client.mutate("updateIntegration", {**given, "allResources": None})
    assert faults(payload) == [("VALIDATION_ERROR", "input/allResources")]
