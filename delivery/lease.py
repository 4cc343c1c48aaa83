"""Worker sessions: who holds which deliveries.

A delivery that is being sent belongs to a session; on PostgreSQL the session lives as
long as its lease is renewed. By the database's clock: two machines need not agree on
the time. SQLite has one process, and the next to start takes over at once.
"""

# ruff: noqa: S608 - statements are put together from constants only

from typing import Final

from domain.timing import LEASE
from models.store import Store, Tx

_NOW: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

_OPEN: Final = f"INSERT INTO worker (lease_until) VALUES ({_NOW} + $1) RETURNING id"

# One that ends later than it can was given before the database's clock was set back.
_CLIP: Final = f"""
UPDATE worker SET lease_until = {_NOW} + $1 WHERE lease_until > {_NOW} + $1"""

_RENEW: Final = f"""
UPDATE worker SET lease_until = {_NOW} + $2
WHERE id = $1 AND lease_until > {_NOW} RETURNING 1"""

_DEAD: Final = f"""
NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = d.worker AND w.lease_until > {_NOW})"""

_FOR_EVER: Final = 2**62

_OPEN_EMBEDDED: Final = "INSERT INTO worker (lease_until) VALUES ($1) RETURNING id"


async def open_session(tx: Tx) -> int:
    """Begin a session and return its id, which never comes back.

    On SQLite all others end: their process is gone, or has lost the database.
    """
    if tx.dialect == "postgres":
        return int(await tx.fetchval(_OPEN, LEASE))
    await tx.execute("DELETE FROM worker")
    return int(await tx.fetchval(_OPEN_EMBEDDED, _FOR_EVER))


async def renew(tx: Tx, session: int) -> bool:
    """Prolong a lease. False: it has ended, and all in hand belongs to others."""
    if tx.dialect == "postgres":
        await tx.execute(_CLIP, LEASE)
        return await tx.fetchval(_RENEW, session, LEASE) is not None
    return await tx.fetchval("SELECT 1 FROM worker WHERE id = $1", session) is not None


async def close_session(tx: Tx, session: int) -> None:
    """End a session that has nothing in hand any more."""
    await tx.execute("DELETE FROM worker WHERE id = $1", session)


async def count_live(store: Store) -> int:
    """Return how many sessions hold a lease."""
    of_now = f" WHERE lease_until > {_NOW}" if store.dialect == "postgres" else ""
    return int(await store.fetchval(f"SELECT count(*) FROM worker{of_now}"))


async def forget(tx: Tx, before: int) -> int:
    """Remove sessions whose lease ended before a moment; return how many. None that
    lives by the database's clock, whatever ours says.
    """
    now = f" AND lease_until < {_NOW}" if tx.dialect == "postgres" else ""
    return await tx.execute(f"DELETE FROM worker WHERE lease_until < $1{now}", before)


def is_dead(dialect: str) -> str:
    """Return the SQL condition that the session of delivery `d` lives no more."""
    if dialect == "postgres":
        return _DEAD
    return "NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = d.worker)"
