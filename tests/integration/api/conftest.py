"""Clients of two projects on one database, which do not know each other."""

from collections.abc import AsyncIterator

import pytest

from schema.context import Services
from tests.schema_client import Client, add_project, running_services


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[Services]:
    """Give everything that the schema needs, on a database of each kind."""
    async with running_services(database_url) as made:
        yield made


@pytest.fixture
async def client(services: Services) -> Client:
    """Ask as a token of a project, with all scopes."""
    return Client(services, await add_project(services.store, "first"))


@pytest.fixture
async def stranger(services: Services) -> Client:
    """Ask as a token of another project."""
    return Client(services, await add_project(services.store, "second"))
