"""What every test may ask for: fresh databases. And what none may do: go out."""

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.databases import (
    NoPostgresError,
    PostgresServer,
    copy_sqlite,
    create_database,
    drop_database,
    postgres,
    programs,
)
from tests.network import refuse_other_machines


def pytest_configure() -> None:
    """Keep the run on loopback, and let it clean up when it is told to end."""
    sys.addaudithook(refuse_other_machines)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Python 3.11.0 to 3.11.7 now and then fail with "AST constructor recursion depth
    # mismatch" where a collection of garbage sets in while pytest rewrites assertions
    # (python/cpython, issue 106905).
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again: what is to be rewritten has been."""
    gc.enable()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run PostgreSQL, started for the first test that asks and stopped at the end."""
    try:
        programs()
    except NoPostgresError as reason:
        # Everything is installed where CI runs: there a gap is a fault.
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
async def migrated_postgres(postgres_server: PostgresServer) -> str:
    """Name a database with all migrations, to make others from."""
    from models.migrate import upgrade  # noqa: PLC0415

    name = await create_database(postgres_server)
    await upgrade(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
async def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name a file with all migrations, to make others from."""
    from models.migrate import upgrade  # noqa: PLC0415

    file = tmp_path_factory.mktemp("migrated") / "template.db"
    await upgrade(f"sqlite://{file}")
    return file


@pytest.fixture
async def postgres_url(
    postgres_server: PostgresServer,
    migrated_postgres: str,
) -> AsyncIterator[str]:
    """Give a fresh, migrated PostgreSQL database."""
    name = await create_database(postgres_server, template=migrated_postgres)
    yield postgres_server.url(name)
    await drop_database(postgres_server, name)


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """Give a fresh, migrated SQLite database."""
    file = tmp_path / "tocsin.db"
    copy_sqlite(migrated_sqlite, file)
    return f"sqlite://{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give a fresh, migrated database of each kind: the test runs once on each."""
    return cast("str", request.getfixturevalue(f"{request.param}_url"))
