"""The API while the database is away."""

import pytest

from tests.schema_client import Client, add_project, add_server, running_services

CALLS = [
    "{ servers { totalCount } }",
    "{ viewer { project { name } } }",
    '{ node(id: "srv_00000000000000000000000000") { id } }',
    'mutation { createServer(input: {name: "a", host: "b"}) { server { id } } }',
]


@pytest.mark.parametrize("text", CALLS)
async def test_it_says_that_the_database_is_away(database_url: str, text: str) -> None:
    async with running_services(database_url) as services:
        client = Client(services, await add_project(services.store, "first"))
        await add_server(client)
        assert (await client.ask(text)).errors == []
        await services.store.close()
        assert (await client.ask(text)).codes == ["STORAGE_UNAVAILABLE"]
