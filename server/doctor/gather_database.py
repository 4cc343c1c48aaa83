"""Finds out about the database, without changing it."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import asyncpg

from domain.faults import StorageUnavailableError
from models.database_url import SqliteFile, parse_url
from models.migration_files import APPLIED
from models.postgres_connection import connect
from server.doctor.database import Database
from server.doctor.postgres import IDLE, OLD_TRANSACTION, Postgres, Session

BUSY_S: Final = 5.0
INTEGRITY_S: Final = 20.0
"""Seconds that SQLite may look for damages."""
STEPS: Final = 100_000
"""Of SQLite's machine, between two looks at the time."""
HEARD_S: Final = 2.0
CHANNEL: Final = "tocsin_doctor"

ANSWERS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

SETTINGS: Final = (
    *("fsync", "full_page_writes", "synchronous_commit", "max_connections"),
    *("default_transaction_read_only", IDLE),
)

_OLD: Final = """
SELECT application_name AS name, state,
 (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS age
FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
AND xact_start < clock_timestamp() - make_interval(secs => $1) ORDER BY xact_start"""

_XMIN: Final = """
SELECT COALESCE(max(age(x)), 0) FROM (
 SELECT backend_xmin AS x FROM pg_stat_activity
 UNION ALL SELECT xmin FROM pg_replication_slots
 UNION ALL SELECT catalog_xmin FROM pg_replication_slots
 UNION ALL SELECT transaction FROM pg_prepared_xacts) AS old WHERE x IS NOT NULL"""

_PREPARED: Final = """
SELECT count(*) FROM pg_prepared_xacts
WHERE prepared < clock_timestamp() - make_interval(secs => $1)"""

_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"

_SERVERS: Final = """
SELECT DISTINCT application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()
AND datname = current_database() AND application_name LIKE 'tocsin %.%'"""


async def database(url: str) -> Database:
    """Find out about a database; what goes wrong is part of the answer."""
    known = parse_url(url)
    if isinstance(known, SqliteFile):
        return await asyncio.to_thread(_sqlite, known.path)
    try:
        connection = await connect(known.url)
    except (*ANSWERS, StorageUnavailableError) as error:
        return Database(kind="postgres", version=(), fault=_reason(error))
    try:
        return await _postgres(connection)
    finally:
        await connection.close()


def _sqlite(path: Path) -> Database:
    version = sqlite3.sqlite_version_info
    if not path.exists() or not path.stat().st_size:
        return Database(kind="sqlite", version=version, missing=True)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
            connection.execute("PRAGMA query_only = ON").close()
            known = "SELECT 1 FROM sqlite_schema WHERE name = 'aerich'"
            there = connection.execute(known).fetchone() is not None
            applied = connection.execute(APPLIED).fetchall() if there else []
            damages = _damages(connection)
    except sqlite3.Error as error:
        return Database(kind="sqlite", version=version, fault=str(error))
    wal = path.with_name(f"{path.name}-wal")
    return Database(
        kind="sqlite",
        version=version,
        missing=not there,
        migrations=[row[0] for row in applied],
        damages=damages,
        wal=wal.stat().st_size if wal.exists() else 0,
    )


def _damages(connection: sqlite3.Connection) -> list[str] | None:
    end = time.monotonic() + INTEGRITY_S
    connection.set_progress_handler(lambda: int(time.monotonic() > end), STEPS)
    try:
        rows = connection.execute("PRAGMA quick_check(3)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            return None
        raise
    except sqlite3.DatabaseError as error:
        return [str(error)]
    finally:
        connection.set_progress_handler(None, 0)
    return [row[0] for row in rows if row[0] != "ok"]


async def _postgres(connection: Any) -> Database:  # noqa: ANN401 - asyncpg has no types
    there = await connection.fetchval("SELECT to_regclass('aerich') IS NOT NULL")
    applied = await connection.fetch(APPLIED) if there else []
    number = int(await connection.fetchval("SHOW server_version_num"))
    return Database(
        kind="postgres",
        version=(number // 10_000, number % 10_000),
        missing=not there,
        migrations=[row[0] for row in applied],
    )


async def postgres(
    url: str, clock: Callable[[], int], old: int = OLD_TRANSACTION
) -> tuple[Postgres, list[str]]:
    """Find out about the server, and which versions of ours are connected to it.

    Transactions are told of that have been open for more than `old` ms.
    """
    async with contextlib.AsyncExitStack() as opened:
        connection = await connect(url)
        opened.push_async_callback(connection.close)
        name = "SELECT set_config('application_name', 'tocsin doctor', false)"
        await connection.execute(name)
        other = await connect(url)
        opened.push_async_callback(other.close)
        await other.execute(name)
        before = clock()
        theirs = await connection.fetchval(_NOW)
        ahead = theirs - (before + clock()) // 2
        span = old / 1000
        facts = Postgres(
            settings={it: await connection.fetchval(f"SHOW {it}") for it in SETTINGS},
            standby=await connection.fetchval("SELECT pg_is_in_recovery()"),
            connections=await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL"
            ),
            old=[
                Session(name=row["name"], state=row["state"], age=row["age"])
                for row in await connection.fetch(_OLD, span)
            ],
            xmin_age=await connection.fetchval(_XMIN),
            prepared=await connection.fetchval(_PREPARED, span),
            heard=await _heard(connection, other),
            ahead=ahead,
        )
        servers = [row[0] for row in await connection.fetch(_SERVERS)]
    return facts, [it.removeprefix("tocsin ") for it in servers]


async def _heard(listener: Any, speaker: Any) -> bool:  # noqa: ANN401
    """Tell whether what one session notifies comes to another that listens."""
    heard = asyncio.Event()
    try:
        await listener.add_listener(CHANNEL, lambda *_: heard.set())
        await speaker.execute(f"NOTIFY {CHANNEL}")
        # What was notified comes with the next answer at the latest.
        await listener.fetchval("SELECT 1")
        async with asyncio.timeout(HEARD_S):
            await heard.wait()
    except TimeoutError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, asyncpg.PostgresError):
        return f"PostgreSQL refuses ({type(error).__name__})"
    return (
        "nobody answers in time"
        if isinstance(error, TimeoutError)
        else "nobody answers"
    )
