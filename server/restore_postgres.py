"""Putting a restored database in the place of one of PostgreSQL's.

The backup becomes a database of its own, is made ready there, and then both change
their names in one transaction. The old one stays, under another name.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

import asyncpg

from models.postgres_connection import connect
from server import postgres_tools
from server.backup_archive import BackupError

MAINTENANCE: Final = "postgres"
"""The database to be in while others change their names; every server has it."""

LOCK: Final = 7_482_601_133
"""Advisory lock: one restore at a time."""

_NAME_MOST: Final = 63
_SESSIONS: Final = """
SELECT application_name AS name, client_addr::text AS address FROM pg_stat_activity
WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
_LIKE: Final = """
SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype
FROM pg_database WHERE datname = $1"""
_TABLES: Final = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"""


class PostgresPlace:
    """See `server.restore.Place`."""

    def __init__(self, url: str, observe: Callable[[str], None]) -> None:
        """Take the address of the database to be replaced."""
        self._url = url
        self._observe = observe
        self._name = postgres_tools.database_of(url)
        self._staged = _named(self._name, "_restoring")

    async def __aenter__(self) -> Self:
        """Connect beside the database; raise BackupError where others work with it."""
        try:
            self._beside = await connect(
                postgres_tools.other_database(self._url, MAINTENANCE)
            )
        except asyncpg.InvalidCatalogNameError:
            raise BackupError(
                f"The server has no database called {MAINTENANCE}, from which others "
                "can be renamed."
            ) from None
        try:
            await self._check()
        except BaseException:
            await self._beside.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Remove what was staged and not put in place."""
        try:
            await self._remove_staged()
        finally:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                await self._beside.close()

    async def occupied(self) -> bool:
        """Tell whether the database has any table."""
        if await self._like() is None:
            return False
        connection = await connect(self._url)
        try:
            return bool(await connection.fetchval(_TABLES))
        finally:
            await connection.close()

    async def stage(self, copy: Path) -> str:
        """Make a database beside the present one, and fill it."""
        major = int(await self._beside.fetchval("SHOW server_version_num")) // 10_000
        program = await postgres_tools.find("pg_restore", major)
        await self._remove_staged()
        await self._beside.execute(self._create(await self._like()))
        self._observe("created")
        await postgres_tools.run(
            program,
            *("--exit-on-error", "--single-transaction", "--no-owner"),
            *("--no-privileges", f"--dbname={self._staged}", str(copy)),
            env=postgres_tools.environment(self._url),
        )
        return postgres_tools.other_database(self._url, self._staged)

    async def put(self, stamp: str) -> str | None:
        """Rename both databases in one transaction."""
        was_there = await self._like() is not None
        occupied = await self.occupied()
        aside = _named(self._name, f"_before_{stamp.lower()}")
        try:
            async with self._beside.transaction():
                if was_there:
                    await self._rename(self._name, aside)
                self._observe("renaming")
                await self._rename(self._staged, self._name)
        except asyncpg.ObjectInUseError:
            raise await self._in_use() from None
        if was_there and not occupied:
            await self._beside.execute(f"DROP DATABASE {_quoted(aside)}")
        return f"the database {aside}" if occupied else None

    async def _check(self) -> None:
        allowed = (
            "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        if not await self._beside.fetchval(allowed):
            user = await self._beside.fetchval("SELECT current_user")
            raise BackupError(
                f"The role {user} may not create databases, which restoring needs. An "
                f"administrator can allow it: ALTER ROLE {_quoted(user)} CREATEDB"
            )
        if await self._beside.fetch(_SESSIONS, self._name):
            raise await self._in_use()
        if not await self._beside.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise BackupError("Another restore is running on this server.")

    async def _in_use(self) -> BackupError:
        rows = await self._beside.fetch(_SESSIONS, self._name)
        who = sorted({f"{row['name'] or 'unnamed'}@{row['address']}" for row in rows})
        return BackupError(
            f"The database {self._name} is in use ({', '.join(who)}): stop every server "
            "and worker first, and whatever else is connected, poolers too."
        )

    async def _like(self) -> Any:  # noqa: ANN401 - a row of asyncpg
        return await self._beside.fetchrow(_LIKE, self._name)

    def _create(self, like: Any) -> str:  # noqa: ANN401
        made = f"CREATE DATABASE {_quoted(self._staged)} TEMPLATE template0"
        if like is None:
            return f"{made} ENCODING 'UTF8'"
        return (
            f"{made} ENCODING {_literal(like['encoding'])}"
            f" LC_COLLATE {_literal(like['datcollate'])}"
            f" LC_CTYPE {_literal(like['datctype'])}"
        )

    async def _rename(self, old: str, new: str) -> None:
        await self._beside.execute(
            f"ALTER DATABASE {_quoted(old)} RENAME TO {_quoted(new)}"
        )

    async def _remove_staged(self) -> None:
        drop = f"DROP DATABASE IF EXISTS {_quoted(self._staged)} WITH (FORCE)"
        await self._beside.execute(drop)


def _named(name: str, suffix: str) -> str:
    return f"{name[: _NAME_MOST - len(suffix)]}{suffix}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
