"""Every field of every noun, read at once from a database that has one of each."""

from schema.build import SCHEMA
from tests.everything import everything
from tests.people import a_team
from tests.schema_client import Client, add_monitor, add_server, add_webhook, report

CORE = SCHEMA._schema  # noqa: SLF001 - no public way to the schema of graphql-core


async def test_every_field_can_be_read(client: Client) -> None:
    server = await add_server(client, url="https://example.com")
    webhook = await add_webhook(client, server)
    incident = await report(client, server, dedupKey="key")
    delivery = incident["deliveries"]["nodes"][0]["id"]
    people = await a_team(client)
    ids = people | {
        "server": server,
        "networkMonitor": await add_monitor(client),
        "integration": webhook,
        "incident": incident["id"],
        "delivery": delivery,
        "node": server,
    }
    assert CORE.query_type
    for name, text in everything(CORE, CORE.query_type).items():
        variables = {"id": ids.get(name)} if name in ids else {}
        if name == "nodes":
            variables = {"ids": list(ids.values())}
        answer = await client.ask(text, **variables)
        assert answer[name], name
