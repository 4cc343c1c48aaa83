"""Connections to PostgreSQL outside the store's pools: one for the bus, one for the
relay. What they hold (LISTEN, an advisory lock) lives as long as the session.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from domain.faults import StorageUnavailableError

Connect = Callable[[], Awaitable[asyncpg.Connection]]
"""Opens a connection: `PostgresStore.connect`."""

LOST: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    StorageUnavailableError,
)
"""What a lost or refused connection raises; time-outs are among them."""

_CLOSE_S: Final = 2
_RECONNECT_FIRST_S: Final = 0.1
_RECONNECT_MOST_S: Final = 2.0

# The server gives up a client whose machine is gone after about 11 s, not hours.
_SETTINGS: Final = """
SELECT set_config('application_name', $1, false),
 set_config('tcp_keepalives_idle', '5', false),
 set_config('tcp_keepalives_interval', '2', false),
 set_config('tcp_keepalives_count', '3', false)"""


async def dedicated(connect: Connect, name: str) -> asyncpg.Connection:
    """Open a connection that the server's list of activities shows under a name."""
    connection = await connect()
    try:
        await connection.execute(_SETTINGS, name)
    except BaseException:  # cancelled, too: nobody else knows of it yet
        connection.terminate()
        raise
    return connection


async def again(connect: Connect) -> asyncpg.Connection:
    """Try to open a connection, less and less often, until it can be had."""
    pause = _RECONNECT_FIRST_S
    while True:
        await asyncio.sleep(pause)
        try:
            return await connect()
        except LOST:
            pause = min(2 * pause, _RECONNECT_MOST_S)


async def close(connection: asyncpg.Connection) -> None:
    """Close a connection, in whatever state it is."""
    try:
        await connection.close(timeout=_CLOSE_S)
    except LOST:
        connection.terminate()
