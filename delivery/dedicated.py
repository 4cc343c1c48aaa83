"""Connections to PostgreSQL of our own, beside the store's pool: one for the bus, one
for the relay. Both hold something that lives as long as the session.
"""

from typing import Final

import asyncpg

LOST: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a lost or refused connection raises; time-outs are among them."""

_STATEMENT_S: Final = 10
_CLOSE_S: Final = 2

_NOTICED_SOON: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""The server gives up a client whose machine is gone after about 11 s, not hours."""


async def connect(url: str, name: str) -> asyncpg.Connection:
    """Open a connection that the server's activity view shows under a name."""
    return await asyncpg.connect(
        url,
        command_timeout=_STATEMENT_S,
        server_settings={"application_name": name, **_NOTICED_SOON},
    )


async def close(connection: asyncpg.Connection) -> None:
    """Close a connection, in whatever state it is."""
    try:
        await connection.close(timeout=_CLOSE_S)
    except LOST:
        connection.terminate()
