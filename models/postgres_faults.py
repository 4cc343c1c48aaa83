"""What PostgreSQL's errors mean to the rest of the program."""

from typing import Any, Final, NoReturn

import asyncpg

from domain.faults import StorageUnavailableError
from models.transaction import UniqueViolationError

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection lost, we
# or our database not let in, resources used up (disk, memory, connections), shut down
# or time-out, I/O error.
OUTAGES: Final = ("08", "28", "3D", "53", "57", "58")
TIMED_OUT: Final = {"25P03", "55P03"}
"""A session that was idle in a transaction; a lock that was not to be had."""

RETRIED: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""Two turns in each other's way: the loser runs again."""

READ_ONLY: Final = asyncpg.ReadOnlySQLTransactionError
"""Outside a turn, an attempt to write; inside, a server that is a standby now."""

RAISED: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""All that a call may raise; TimeoutError is an OSError."""


def reraise(error: Exception, connection: Any = None) -> NoReturn:  # noqa: ANN401
    """Raise what one of PostgreSQL's errors means here, or itself."""
    if isinstance(error, asyncpg.UniqueViolationError):
        # Without the cause: its text repeats the values.
        message = f"UNIQUE constraint failed: {error.constraint_name}"
        raise UniqueViolationError(message) from None
    if _is_outage(error, connection):
        raise StorageUnavailableError(str(error) or type(error).__name__) from error
    raise error


def is_lost(connection: Any) -> bool:  # noqa: ANN401
    """Tell whether a borrowed connection is closed; the pool takes such ones back."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def _is_outage(error: Exception, connection: Any) -> bool:  # noqa: ANN401
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate)
        return state.startswith(OUTAGES) or state in TIMED_OUT
    if isinstance(error, asyncpg.InterfaceError):
        # Also the driver's word for wrong use; a lost connection is closed.
        return connection is None or is_lost(connection)
    # The driver's state is wrong where the server hung up a moment ago.
    return isinstance(error, asyncpg.InternalClientError | OSError)
