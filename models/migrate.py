"""Bring a database up to date; `python -m models.migrate new NAME=…` and `check`.

All pending files are one transaction: a migration that fails leaves the database as
it was. A lock makes processes that start together take turns.
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from models.database_url import SqliteFile, parse_url
from models.migration_files import APP, APPLIED, FOLDER, Migration, missing, read
from models.postgres_faults import RAISED, reraise
from models.sqlite_faults import check_version, opening

LOCK: Final = 0x70C51
"""Key of PostgreSQL's advisory lock for migrations."""

BUSY: Final = 10.0
"""Seconds that a migration waits for another process's transaction."""


async def upgrade(url: str, folder: Path = FOLDER, busy_s: float = BUSY) -> list[str]:
    """Apply the migrations that the database lacks, and return their names. On SQLite,
    another process's transaction is waited for so many seconds.

    Raise BadDatabaseUrlError, DatabaseTooNewError, StorageUnavailableError, or what the
    database says about a bad migration.
    """
    database = parse_url(url)
    if isinstance(database, SqliteFile):
        with opening(database.path, busy_s):
            return await asyncio.to_thread(
                _upgrade_sqlite, database.path, folder, busy_s
            )
    connection = await _connect(database.url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            return await _upgrade_postgres(connection, folder)
    finally:
        await connection.close()


async def _connect(url: str) -> Any:  # noqa: ANN401 - asyncpg has no types
    # Without our limits of time: a migration, and waiting for one, may take long.
    try:
        return await asyncpg.connect(url)
    except RAISED as error:
        reraise(error)


async def _upgrade_postgres(connection: Any, folder: Path) -> list[str]:  # noqa: ANN401
    known = await connection.fetchval("SELECT to_regclass('aerich') IS NOT NULL")
    rows = await connection.fetch(APPLIED) if known else []
    pending = [read(file) for file in missing([row[0] for row in rows], folder)]
    for step in pending:
        await connection.execute(step.upgrade["postgres"])
        await connection.execute(
            "INSERT INTO aerich (version, app, content) VALUES ($1, $2, $3)",
            *_record(step),
        )
    return [step.version for step in pending]


def _upgrade_sqlite(path: Path, folder: Path, busy_s: float) -> list[str]:
    check_version()
    with _locked(path):
        # Only its owner may read a database; the files beside it inherit that.
        os.close(os.open(path, os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
        with contextlib.closing(connection):
            connection.execute("PRAGMA journal_mode = WAL").close()
            # Rebuilding a table drops it, which must not reach into other tables.
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("BEGIN IMMEDIATE")
            done = _apply_sqlite(connection, folder)
            connection.execute("COMMIT")
            return done


def _apply_sqlite(connection: sqlite3.Connection, folder: Path) -> list[str]:
    known = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE name = 'aerich'"
    ).fetchall()
    rows = connection.execute(APPLIED).fetchall() if known else []
    pending = [read(file) for file in missing([row[0] for row in rows], folder)]
    for step in pending:
        for statement in statements(step.upgrade["sqlite"]):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO aerich (version, app, content) VALUES (?, ?, ?)",
            _record(step),
        )
    if connection.execute("PRAGMA foreign_key_check").fetchall():
        message = "A migration left rows that refer to rows that are gone."
        raise sqlite3.IntegrityError(message)
    return [step.version for step in pending]


def _record(step: Migration) -> tuple[str, str, str]:
    return step.version, APP, step.state


def statements(script: str) -> Iterator[str]:
    """Split a script: sqlite3 commits before it runs one whole."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        yield pending


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with Path(f"{path}.migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> int:
    """Run `new NAME=…` or `check`; return the status to exit with."""
    # aerich and its parsers are for developers: a server starts without them.
    from models.migration_writer import faults, write  # noqa: PLC0415

    match arguments:
        case ["new", name] if name.startswith("NAME=") and name[5:].isidentifier():
            said = write(name[5:])
        case ["check"]:
            said = asyncio.run(faults())
        case _:
            said = ["usage: python -m models.migrate new NAME=add_teams | check"]
    sys.stderr.writelines(f"{line}\n" for line in said)
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
