"""Changes and deletes users, each in one turn under the row's lock.

What a user's address means for integrations follows in the same turn.
"""

import re
from typing import Final

from strawberry import UNSET

from delivery import mailboxes
from delivery.verification import withdraw
from domain.faults import Code
from domain.ids import Id, new_id
from domain.mailboxes import (
    ADDRESS_LENGTH,
    BadAddressError,
    mailbox,
    normal_address,
)
from domain.scopes import Scope
from models.store import Row, Tx
from schema.checks import Checks
from schema.context import RequestContext
from schema.errors import Notice
from schema.integration_changes import erase
from schema.node import id_of
from schema.scopes import check
from schema.turns import Done
from schema.user_inputs import CreateUserInput, DeleteUserInput, UpdateUserInput

_READ: Final = """
SELECT id, name, email, mailbox, email_verified_at, phone, updated_at FROM person
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"""

_TAKEN: Final = """
SELECT id FROM person
WHERE project_id = $1 AND mailbox = $2 AND deleted_at IS NULL"""

_INSERT: Final = """
INSERT INTO person
 (id, project_id, name, email, mailbox, phone, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"""

_UPDATE: Final = """
UPDATE person SET name = $2, email = $3, mailbox = $4, email_verified_at = $5,
 phone = $6, updated_at = $7
WHERE id = $1"""

_DELETE: Final = """
UPDATE person SET email = NULL, mailbox = NULL, email_verified_at = NULL, phone = NULL,
 deleted_at = $2, updated_at = $2
WHERE id = $1"""

_LEAVE: Final = "DELETE FROM team_member WHERE user_id = $1"
_FORGET: Final = "DELETE FROM notification_rule WHERE user_id = $1"

_OWNED: Final = """
SELECT id FROM integration WHERE owner_id = $1 AND deleted_at IS NULL ORDER BY id"""

_TOKENS: Final = """
SELECT 1 FROM api_token WHERE project_id = $1 AND user_id = $2 AND revoked_at IS NULL"""

_REVOKE: Final = """
UPDATE api_token SET revoked_at = $3
WHERE project_id = $1 AND user_id = $2 AND revoked_at IS NULL"""

_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
"""A number with its country code. Source: ITU-T E.164, 6.2."""


async def read_user(
    tx: Tx,
    project_id: Id,
    text: str,
    checks: Checks,
    *path: str,
    lock: bool = True,
) -> Row | None:
    """Return the row of the user that an id of the input names, locked unless told
    otherwise; None is noted as a fault. The path leads to `input.userId` by default.
    """
    user_id = id_of("User", text)
    # SQLite has one writer: there is nothing to lock.
    ending = " FOR UPDATE" if lock and tx.dialect == "postgres" else ""
    row = user_id and await tx.fetchrow(_READ + ending, project_id, user_id)
    if not row:
        message = "There is no user with this id."
        checks.refuse(message, *(path or ("input", "userId")), code=Code.USER_NOT_FOUND)
    return row or None


def check_user(given: CreateUserInput | UpdateUserInput) -> Checks:
    """Check what can be checked without the database."""
    checks = Checks()
    for name in ("name", "email"):
        if getattr(given, name) is None:
            checks.refuse("Must not be null.", "input", name)
    if isinstance(given.name, str):
        checks.text(given.name, "input", "name")
    if isinstance(given.email, str):
        _address(given.email, checks)
    if isinstance(given.phone, str) and not _PHONE.fullmatch(given.phone):
        message = "Must be a number with its country code, such as +14155550123."
        checks.refuse(message, "input", "phone")
    return checks


def _address(text: str, checks: Checks) -> str | None:
    try:
        if len(text) <= ADDRESS_LENGTH:
            return normal_address(text)
        checks.refuse(f"Must have at most {ADDRESS_LENGTH} characters.", *_EMAIL)
    except BadAddressError as fault:
        checks.refuse(str(fault), *_EMAIL)
    return None


_EMAIL: Final = ("input", "email")


async def _refuse_taken(
    tx: Tx, project_id: Id, address: str, user_id: Id, checks: Checks
) -> None:
    found = await tx.fetchval(_TAKEN, project_id, mailbox(address))
    if found is not None and found != user_id:
        checks.refuse("Another user of this project has this address.", *_EMAIL)


def _held_back(count: int) -> list[Notice]:
    """Return a warning where integrations wait for a user to verify their address."""
    if not count:
        return []
    text = (
        f"Integrations that mail to this address: {count}. They are sent nothing until "
        "the user has verified it; see sendEmailVerification."
    )
    return [Notice(message=text, path=list(_EMAIL))]


async def create(project_id: Id, given: CreateUserInput, tx: Tx, now: int) -> Done:
    """Insert a user; integrations that mail to the address wait for its verification."""
    await mailboxes.hold(tx, project_id)
    user_id, address, checks = new_id(), normal_address(given.email), Checks()
    await _refuse_taken(tx, project_id, address, user_id, checks)
    checks.done()
    fields = (given.name, address, mailbox(address), given.phone)
    await tx.execute(_INSERT, user_id, project_id, *fields, now)
    held_back = await mailboxes.settle(tx, project_id, mailbox(address))
    return Done(user_id, _held_back(held_back))


async def update(project_id: Id, given: UpdateUserInput, tx: Tx, now: int) -> Done:
    """Change a user; another address is not verified, and its codes end."""
    await mailboxes.hold(tx, project_id)
    checks = check_user(given)
    row = await read_user(tx, project_id, given.user_id, checks)
    if row is not None:
        checks.unchanged(row["updated_at"], given.if_updated_at)
    row = checks.need(row)
    address = row["email"]
    if isinstance(given.email, str):
        address = normal_address(given.email)
        await _refuse_taken(tx, project_id, address, row["id"], checks)
    checks.done()
    moved = mailbox(address) != row["mailbox"]
    verified_at = None if moved else row["email_verified_at"]
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, row["updated_at"] + 1)
    name = given.name if isinstance(given.name, str) else row["name"]
    phone = row["phone"] if given.phone is UNSET else given.phone
    fields = (name, address, mailbox(address), verified_at, phone)
    await tx.execute(_UPDATE, row["id"], *fields, at)
    if not moved:
        return Done(row["id"])
    await withdraw(tx, row["id"], now)
    await mailboxes.settle(tx, project_id, row["mailbox"])
    held_back = await mailboxes.settle(tx, project_id, mailbox(address))
    return Done(row["id"], _held_back(held_back))


async def delete(
    context: RequestContext, given: DeleteUserInput, tx: Tx, now: int
) -> Done:
    """Delete a user with what is theirs alone; of the user only the name is left.

    Raise ApiError where API tokens are bound to the user and the caller is no ADMIN.
    """
    project_id, checks = context.project_id, Checks()
    await mailboxes.hold(tx, project_id)
    row = checks.need(await read_user(tx, project_id, given.user_id, checks))
    if await tx.fetchval(_TOKENS, project_id, row["id"]):
        check(context, Scope.ADMIN)
    await withdraw(tx, row["id"], now)
    for statement in (_LEAVE, _FORGET):
        await tx.execute(statement, row["id"])
    for owned in await tx.fetch(_OWNED, row["id"]):
        await erase(tx, owned["id"], now)
    await tx.execute(_REVOKE, project_id, row["id"], now)
    await tx.execute(_DELETE, row["id"], now)
    await mailboxes.settle(tx, project_id, row["mailbox"])
    return Done(row["id"])
