"""Looks for planted strings in all that came out of a server and all that is stored."""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import asyncpg


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it may be spelled."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1]
    yield raw.hex().encode()


def found(planted: list[str], text: bytes) -> list[str]:
    """Return the canaries that stand in a text in any form."""
    return [it for it in planted if any(form in text for form in forms(it))]


async def dump(database_url: str) -> bytes:
    """Return everything that a database holds."""
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite://"))
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return await asyncio.to_thread(file.read_bytes)
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        rows = [
            row[0]
            for (table,) in tables
            for row in await connection.fetch(f'SELECT t::text FROM "{table}" t')  # noqa: S608
        ]
        return "\n".join(rows).encode()
    finally:
        await connection.close()
