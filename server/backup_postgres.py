"""Copying a PostgreSQL database with pg_dump, from one snapshot."""

import os
from pathlib import Path
from typing import Any, Final

from models.postgres_connection import connect
from server import postgres_tools
from server.backup_facts import EPOCH, MIGRATIONS, Facts, NothingThereError
from server.backup_keys import SECRETS, in_use

_KNOWN: Final = "SELECT to_regclass('aerich') IS NOT NULL"
_SNAPSHOT: Final = "SELECT pg_export_snapshot()"
_VERSION: Final = "SELECT current_setting('server_version')"
_MAJOR: Final = "SELECT current_setting('server_version_num')::int / 10000"


async def copy(url: str, target: Path) -> Facts:
    """Dump a database to a new file of its owner's, in pg_dump's custom format.

    Raise BackupError or StorageUnavailableError.
    """
    connection = await connect(url)
    try:
        # The dump takes long, and needs this transaction until it has begun.
        await connection.execute("SET idle_in_transaction_session_timeout = 0")
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = await facts(connection)
        snapshot = await connection.fetchval(_SNAPSHOT)
        await _dump(url, target, snapshot, await connection.fetchval(_MAJOR))
    finally:
        await connection.close()
    return found


async def facts(connection: Any) -> Facts:  # noqa: ANN401 - asyncpg has no types
    """Return what the manifest says of a database; raise NothingThereError."""
    if not await connection.fetchval(_KNOWN):
        raise NothingThereError
    return Facts(
        database="postgres",
        engine=await connection.fetchval(_VERSION),
        migrations=tuple(row[0] for row in await connection.fetch(MIGRATIONS)),
        epoch=await connection.fetchval(EPOCH),
        keys=in_use(row[0] for row in await connection.fetch(SECRETS)),
    )


async def _dump(url: str, target: Path, snapshot: str, major: int) -> None:
    program = await postgres_tools.find("pg_dump", major)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    await postgres_tools.run(
        program,
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--snapshot={snapshot}",
        f"--file={target}",
        env=postgres_tools.environment(url),
    )
    # Its table of contents can be read: the file was written to its end.
    reader = await postgres_tools.find("pg_restore", major)
    await postgres_tools.run(reader, "--list", str(target), env={})
