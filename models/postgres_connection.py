"""How we connect to PostgreSQL. Ids on our connections are 16 bytes."""

from typing import Any, Final

import asyncpg

from domain.product import VERSION
from models.postgres_faults import RAISED, reraise

CONNECT_S: Final = 5
STATEMENT_S: Final = 30

SETTINGS: Final = {
    "application_name": f"tocsin {VERSION}",
    "jit": "off",  # compiling takes longer than any statement of ours
    "lock_timeout": "10s",
    # An old snapshot keeps the dead index entries at the head of every lane.
    "idle_in_transaction_session_timeout": "30s",
}
"""Of the server's, for each session."""

READING: Final = SETTINGS | {"default_transaction_read_only": "on"}


async def connect(url: str) -> Any:  # noqa: ANN401 - asyncpg has no types
    """Open a connection outside any pool."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_S,
            command_timeout=STATEMENT_S,
            server_settings=SETTINGS,
        )
        try:
            await prepare(connection)
        except BaseException:  # cancelled, too: nobody else knows of it yet
            connection.terminate()
            raise
    except RAISED as error:
        reraise(error)
    return connection


async def prepare(connection: Any) -> None:  # noqa: ANN401
    """Make a new connection give and take ids as bytes."""
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


async def keep(_connection: Any) -> None:  # noqa: ANN401
    """Nothing of ours outlives a transaction: resetting would be a round trip more."""
