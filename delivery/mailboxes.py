"""Integrations that mail to a user's address: sent to only when the user has verified
it. The flag follows whenever the user, the address or the integration changes.
"""

from typing import Final

from domain.ids import Id
from models.store import Tx

_HOLD: Final = "SELECT 1 FROM project WHERE id = $1 FOR NO KEY UPDATE"

_USER: Final = """
SELECT email_verified_at FROM person
WHERE project_id = $1 AND mailbox = $2 AND deleted_at IS NULL"""

_SETTLE: Final = """
UPDATE integration SET verified = $3, verified_at = $4
WHERE project_id = $1 AND mailbox = $2 AND deleted_at IS NULL
 AND (verified <> $3 OR COALESCE(verified_at, 0) <> COALESCE(CAST($4 AS BIGINT), 0))"""

_HELD_BACK: Final = """
SELECT count(*) FROM integration
WHERE project_id = $1 AND mailbox = $2 AND deleted_at IS NULL AND NOT verified"""


async def hold(tx: Tx, project_id: Id) -> None:
    """Let no other turn change users' addresses, what is verified, or where integrations
    mail to, until this one ends. To be taken before any other lock.
    """
    if tx.dialect == "postgres":  # SQLite has one writer
        await tx.fetch(_HOLD, project_id)


async def settle(tx: Tx, project_id: Id, mailbox: str) -> int:
    """Let the integrations that mail to a mailbox follow the user whose it is, or be
    free if it is nobody's; return how many of them are sent nothing. Needs `hold`.
    """
    user = await tx.fetchrow(_USER, project_id, mailbox)
    verified_at = user["email_verified_at"] if user else None
    verified = user is None or verified_at is not None
    await tx.execute(_SETTLE, project_id, mailbox, verified, verified_at)
    held_back: int = await tx.fetchval(_HELD_BACK, project_id, mailbox)
    return held_back
