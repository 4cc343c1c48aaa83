"""Global look-up and whoever asks."""

from dataclasses import replace

from domain.ids import NOUNS, encode, new_id
from domain.scopes import Scope
from schema.context import Principal, RequestContext
from tests.schema_client import Client, add_monitor, add_server, add_webhook, report

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def one_of_each(client: Client) -> dict[str, str]:
    """Make one object of each noun and return the ids by type."""
    server = await add_server(client)
    webhook = await add_webhook(client, server)
    incident = await report(client, server)
    text = "query($id: ID!) { incident(id: $id) { events { nodes { id } } } }"
    events = (await client.ask(text, id=incident["id"]))["incident"]["events"]
    return {
        "Project": encode("Project", client.project_id),
        "Server": server,
        "NetworkMonitor": await add_monitor(client),
        "WebhookIntegration": webhook,
        "Incident": incident["id"],
        "IncidentEvent": events["nodes"][0]["id"],
        "Delivery": incident["deliveries"]["nodes"][0]["id"],
    }


async def test_a_node_is_found_by_its_id(client: Client, stranger: Client) -> None:
    for typename, value in (await one_of_each(client)).items():
        found = (await client.ask(NODE, id=value))["node"]
        assert found == {"__typename": typename, "id": value}
        assert (await stranger.ask(NODE, id=value))["node"] is None


async def test_an_unknown_id_is_no_node(client: Client) -> None:
    unknown = (encode(noun, new_id()) for noun in NOUNS.values())
    for text in ("", "x", "srv_", "\0", *unknown):
        assert (await client.ask(NODE, id=text))["node"] is None, text


async def test_many_nodes_come_in_order_with_one_statement_per_noun(
    client: Client,
) -> None:
    server, other = await add_server(client), await add_server(client)
    webhook = await add_webhook(client)
    ids = [other, "x", webhook, server, encode("Server", new_id()), other]
    client.reads.clear()
    found = (await client.ask(NODES, ids=ids))["nodes"]
    assert len(client.reads) == 2
    shown = [node and node["id"] for node in found]
    assert shown == [other, None, webhook, server, None, other]


async def test_more_than_a_hundred_nodes_are_refused(client: Client) -> None:
    assert len((await client.ask(NODES, ids=["x"] * 100))["nodes"]) == 100
    answer = await client.ask(NODES, ids=["x"] * 101)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.errors[0].extensions["problems"][0]["path"] == ["ids"]


async def _name(client: Client) -> object:
    select = "SELECT name FROM project WHERE id = $1"
    return await client.services.store.fetchval(select, client.project_id)


async def test_the_viewer_is_the_token_and_its_project(client: Client) -> None:
    reader = client.with_scopes(Scope.WRITE)
    answer = await reader.ask(
        "{ viewer { project { id name plan smsCredits createdAt } scopes expiresAt "
        "limits { pageSize pageSizeMost ids tokens } } }"
    )
    assert answer["viewer"] == {
        "project": {
            "id": encode("Project", client.project_id),
            "name": await _name(client),
            "plan": "PAID",
            "smsCredits": None,
            "createdAt": "2027-01-15T08:00:00.000Z",
        },
        "scopes": ["READ", "WRITE", "INGEST"],
        "expiresAt": None,
        "limits": {"pageSize": 25, "pageSizeMost": 100, "ids": 100, "tokens": 2000},
    }


def test_a_user_acts_under_their_own_name(client: Client) -> None:
    context = client.context()
    assert context.actor == encode("ApiToken", bytes(15) + b"\1")
    user_id = new_id()
    principal = context.principal
    assert isinstance(principal, Principal)
    bound = replace(principal, user_id=user_id)
    assert RequestContext.fresh(client.services, bound).actor == encode("User", user_id)
