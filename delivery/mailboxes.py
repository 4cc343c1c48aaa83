"""Integrations that mail to a user's address: sent to only when the user has verified
it. The flag follows whenever the user, the address or the integration changes.
"""

from typing import Final

from domain.ids import Id
from domain.mailboxes import mailbox
from models.store import Tx

_ASSIGN: Final = "UPDATE integration SET mailbox = $2 WHERE id = $1"

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


async def settle(tx: Tx, project_id: Id, address: str) -> int:
    """Let the integrations that mail to a mailbox follow the user whose it is, or be
    free if it is nobody's; return how many of them are sent nothing. Needs `hold`.
    """
    user = await tx.fetchrow(_USER, project_id, address)
    verified_at = user["email_verified_at"] if user else None
    verified = user is None or verified_at is not None
    await tx.execute(_SETTLE, project_id, address, verified, verified_at)
    held_back: int = await tx.fetchval(_HELD_BACK, project_id, address)
    return held_back


async def assign(tx: Tx, project_id: Id, integration_id: Id, address: str) -> bool:
    """Note the address that an integration mails to; tell whether it may. Needs `hold`."""
    await tx.execute(_ASSIGN, integration_id, mailbox(address))
    return not await settle(tx, project_id, mailbox(address))
