"""Servers through the API."""

from typing import Any

import pytest

from domain.ids import decode, encode, new_id
from tests.schema_client import Client, faults

FIELDS = "server { __typename id name host url createdAt updatedAt }"
WEB = {"name": "web-1", "host": "web-1.example.com"}
UNKNOWN = encode("Server", new_id())


async def create(client: Client, **more: object) -> dict[str, Any]:
    """Create a server and return it."""
    payload = await client.mutate("createServer", {**WEB, **more}, FIELDS)
    assert payload["errors"] == []
    server: dict[str, Any] = payload["server"]
    return server


async def test_a_server_is_made_and_found_again(client: Client) -> None:
    made = await create(client, url="https://example.com/x")
    assert made["id"].startswith("srv_")
    assert made["createdAt"] == made["updatedAt"]
    assert made["createdAt"].startswith("2027-01-15T08:00:00.0")
    query = f"query($id: ID!) {{ {FIELDS.replace('server', 'server(id: $id)')} }}"
    assert (await client.ask(query, id=made["id"]))["server"] == made


async def test_all_faults_are_told_at_once(client: Client) -> None:
    wrong = {"name": " ", "host": "a b", "url": "ftp://x", "idempotencyKey": "k"}
    payload = await client.mutate("createServer", wrong, FIELDS)
    assert payload["server"] is None
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", "input/host"),
        ("VALIDATION_ERROR", "input/url"),
    ]
    assert {e["__typename"] for e in payload["errors"]} == {"InputError"}


async def test_absent_keeps_and_null_clears(client: Client) -> None:
    made = await create(client, url="https://example.com")
    given = {"serverId": made["id"], "name": "web-2"}
    renamed = (await client.mutate("updateServer", given, FIELDS))["server"]
    assert renamed == {**made, "name": "web-2", "updatedAt": renamed["updatedAt"]}
    assert renamed["updatedAt"] > made["updatedAt"]
    given = {"serverId": made["id"], "url": None}
    cleared = (await client.mutate("updateServer", given, FIELDS))["server"]
    assert cleared == {**renamed, "url": None, "updatedAt": cleared["updatedAt"]}


async def test_an_update_tells_all_faults_with_the_unknown_id(client: Client) -> None:
    wrong = {"serverId": UNKNOWN, "name": None, "host": "a b", "url": "x"}
    payload = await client.mutate("updateServer", wrong, FIELDS)
    assert faults(payload) == [
        ("VALIDATION_ERROR", "input/name"),
        ("VALIDATION_ERROR", "input/host"),
        ("VALIDATION_ERROR", "input/url"),
        ("SERVER_NOT_FOUND", "input/serverId"),
    ]


async def test_an_update_is_refused_where_another_came_before(client: Client) -> None:
    made = await create(client)
    given = {"serverId": made["id"], "name": "a", "ifUpdatedAt": made["updatedAt"]}
    changed = (await client.mutate("updateServer", given, FIELDS))["server"]
    conflict = "errors { ... on ConflictError { updatedAt } }"
    payload = await client.mutate("updateServer", given, conflict)
    assert faults(payload) == [("CONFLICT", "input/ifUpdatedAt")]
    assert payload["errors"][0]["updatedAt"] == changed["updatedAt"]


async def test_a_deleted_server_is_gone_from_everywhere(client: Client) -> None:
    made = await create(client)
    given = {"serverId": made["id"]}
    payload = await client.mutate("deleteServer", given, "deletedId")
    assert payload == {"deletedId": made["id"], "errors": []}
    found = await client.ask(
        "query($id: ID!) { server(id: $id) { id } node(id: $id) { id } "
        "servers { totalCount nodes { id } } }",
        id=made["id"],
    )
    assert found.data == {
        "server": None,
        "node": None,
        "servers": {"totalCount": 0, "nodes": []},
    }
    for name in ("deleteServer", "updateServer"):
        payload = await client.mutate(name, given)
        assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]


@pytest.mark.parametrize("name", ["updateServer", "deleteServer"])
async def test_a_foreign_server_is_not_found(
    client: Client, stranger: Client, name: str
) -> None:
    made = await create(client)
    payload = await stranger.mutate(name, {"serverId": made["id"]})
    assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]
    query = "query($id: ID!) { server(id: $id) { id } node(id: $id) { id } }"
    answer = await stranger.ask(query, id=made["id"])
    assert answer.data == {"server": None, "node": None}
    assert (await stranger.ask("{ servers { totalCount } }"))["servers"] == {
        "totalCount": 0
    }


async def test_what_is_no_id_is_not_found(client: Client) -> None:
    for text in ("", "x", "srv_", "inc_" + "0" * 26, "srv_" + "z" * 26, "\0", "ü" * 30):
        payload = await client.mutate("deleteServer", {"serverId": text})
        assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")], text


async def test_the_prefix_of_an_id_counts(client: Client) -> None:
    made = await create(client)
    disguised = encode("Incident", decode(made["id"])[1])
    query = "query($id: ID!) { server(id: $id) { id } }"
    assert (await client.ask(query, id=disguised))["server"] is None
    payload = await client.mutate("deleteServer", {"serverId": disguised})
    assert faults(payload) == [("SERVER_NOT_FOUND", "input/serverId")]


async def test_each_mutation_of_an_operation_shows_its_own_change(
    client: Client,
) -> None:
    server = (await create(client))["id"]
    answer = await client.ask(
        "mutation($a: UpdateServerInput!, $b: UpdateServerInput!) { "
        "a: updateServer(input: $a) { server { name } } "
        "b: updateServer(input: $b) { server { name } } }",
        a={"serverId": server, "name": "a"},
        b={"serverId": server, "name": "b"},
    )
    assert answer.data == {
        "a": {"server": {"name": "a"}},
        "b": {"server": {"name": "b"}},
    }


async def test_servers_are_searched_and_sorted(client: Client) -> None:
    for name in ("b", "Ä-prod", "a_prod", "C%PROD"):
        await create(client, name=name)
    text = (
        "query($filter: ServerFilter, $orderBy: ServerOrder) "
        "{ servers(filter: $filter, orderBy: $orderBy) { nodes { name } } }"
    )

    async def names(**variables: object) -> list[str]:
        page = (await client.ask(text, **variables))["servers"]
        return [node["name"] for node in page["nodes"]]

    by_name = {"field": "NAME"}
    assert await names() == ["C%PROD", "a_prod", "Ä-prod", "b"]
    assert await names(orderBy=by_name) == ["C%PROD", "a_prod", "b", "Ä-prod"]
    down = {"field": "NAME", "direction": "DESC"}
    assert await names(orderBy=down) == ["Ä-prod", "b", "a_prod", "C%PROD"]

    async def found(search: str) -> list[str]:
        return await names(filter={"search": search}, orderBy=by_name)

    assert await found("PROD") == ["C%PROD", "a_prod", "Ä-prod"]
    assert await found("%") == ["C%PROD"]
    assert await found("_") == ["a_prod"]
    assert await found("Ä-P") == ["Ä-prod"]
    assert await found("\0") == []
    assert await found("") == ["C%PROD", "a_prod", "b", "Ä-prod"]
