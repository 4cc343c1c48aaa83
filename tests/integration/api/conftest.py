"""Clients of two projects, which do not know each other.

The tests of a file share a database of each kind: every test has projects of its own,
and what belongs to others must not show anyway.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from domain.ids import new_id
from schema.context import Services
from tests.databases import (
    PostgresServer,
    copy_sqlite,
    create_database,
    drop_database,
)
from tests.schema_client import Client, add_project, running_services


@pytest.fixture(scope="module")
async def shared_postgres_url(
    postgres_server: PostgresServer,
    migrated_postgres: str,
) -> AsyncIterator[str]:
    """Give a migrated PostgreSQL database for a file of tests."""
    name = await create_database(postgres_server, template=migrated_postgres)
    yield postgres_server.url(name)
    await drop_database(postgres_server, name)


@pytest.fixture(scope="module")
def shared_sqlite_url(
    migrated_sqlite: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Give a migrated SQLite database for a file of tests."""
    file = tmp_path_factory.mktemp("api") / "tocsin.db"
    copy_sqlite(migrated_sqlite, file)
    return f"sqlite://{file}"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_database_url(request: pytest.FixtureRequest) -> str:
    """Give a database of each kind: the tests of a file run once on each."""
    return cast("str", request.getfixturevalue(f"shared_{request.param}_url"))


@pytest.fixture(scope="module")
async def services(shared_database_url: str) -> AsyncIterator[Services]:
    """Give everything that the schema needs."""
    async with running_services(shared_database_url) as made:
        yield made


@pytest.fixture
async def client(services: Services) -> Client:
    """Ask as a token of a project, with all scopes."""
    return Client(services, await add_project(services.store, new_id().hex()))


@pytest.fixture
async def stranger(services: Services) -> Client:
    """Ask as a token of another project."""
    return Client(services, await add_project(services.store, new_id().hex()))
