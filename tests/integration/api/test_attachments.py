"""Attaching integrations to servers through the API."""

import pytest

from domain.ids import encode, new_id
from tests.schema_client import Client, add_server, add_webhook, faults

BOTH = ["attachIntegrationToServer", "detachIntegrationFromServer"]
SELECT = "server { id integrations { totalCount nodes { name } } } integration { id }"


async def test_attaching_and_detaching_twice_changes_nothing(client: Client) -> None:
    server, webhook = await add_server(client), await add_webhook(client)
    pair = {"serverId": server, "integrationId": webhook}
    for name, count in [(BOTH[0], 1), (BOTH[0], 1), (BOTH[1], 0), (BOTH[1], 0)]:
        payload = await client.mutate(name, pair, SELECT)
        assert payload["errors"] == []
        assert payload["integration"] == {"id": webhook}
        assert payload["server"]["id"] == server
        assert payload["server"]["integrations"] == {
            "totalCount": count,
            "nodes": [{"name": "ops"}][:count],
        }


@pytest.mark.parametrize("name", BOTH)
async def test_both_unknown_ids_are_told_at_once(client: Client, name: str) -> None:
    wrong = {
        "serverId": encode("Integration", new_id()),
        "integrationId": encode("Integration", new_id()),
    }
    payload = await client.mutate(name, wrong, SELECT)
    assert payload["server"] is None
    assert payload["integration"] is None
    assert faults(payload) == [
        ("SERVER_NOT_FOUND", "input/serverId"),
        ("INTEGRATION_NOT_FOUND", "input/integrationId"),
    ]


@pytest.mark.parametrize("name", BOTH)
async def test_what_belongs_to_others_is_not_found(
    client: Client, stranger: Client, name: str
) -> None:
    mine, my_webhook = await add_server(client), await add_webhook(client)
    theirs, their_webhook = await add_server(stranger), await add_webhook(stranger)
    pair = {"serverId": mine, "integrationId": their_webhook}
    payload = await client.mutate(name, pair)
    assert faults(payload) == [("INTEGRATION_NOT_FOUND", "input/integrationId")]
    pair = {"serverId": theirs, "integrationId": my_webhook}
    payload = await client.mutate(name, pair)
    assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]


async def test_integrations_of_many_servers_cost_constant_statements(
    client: Client,
) -> None:
    servers = [await add_server(client, f"web-{n}") for n in range(4)]
    for n in range(3):
        await add_webhook(client, *servers[n:], name=f"hook-{n}")
    text = (
        "query($first: Int) { servers(first: $first, orderBy: {field: NAME}) { nodes "
        "{ name integrations(first: 2) { totalCount pageInfo { hasNextPage } "
        "nodes { name } } } } }"
    )
    for first in (1, 4):
        client.reads.clear()
        await client.ask(text, first=first)
        assert len(client.reads) == 3
    page = (await client.ask(text, first=4))["servers"]["nodes"]
    shown = [(n["integrations"]["totalCount"], n["integrations"]) for n in page]
    assert [count for count, _ in shown] == [1, 2, 3, 3]
    assert [i["pageInfo"]["hasNextPage"] for _, i in shown] == [False] * 2 + [True] * 2
    names = [[node["name"] for node in i["nodes"]] for _, i in shown]
    assert names == [["hook-0"], ["hook-1", "hook-0"], *[["hook-2", "hook-1"]] * 2]
