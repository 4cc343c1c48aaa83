"""Confirming an address: by the code, of which few may be guessed, or by the link."""

import hmac
from dataclasses import dataclass
from enum import Enum, auto, unique
from typing import Final

from delivery import mailboxes
from delivery.verification import OF_TOKENS, lock_user, of_code, withdraw
from delivery.verification_limits import GUESSES
from domain.faults import Code, Refusal, RefusedError
from domain.ids import Id
from models.crypto import KeyRing
from models.store import Row, Store, Tx, marks

_CODE_PATH: Final = ("input", "code")

_OPEN: Final = """
SELECT id, code_hash, wrong_guesses, expires_at FROM verification
WHERE user_id = $1 AND verified_at IS NULL AND withdrawn_at IS NULL
ORDER BY created_at DESC LIMIT 1"""

_WRONG: Final = """
UPDATE verification SET wrong_guesses = wrong_guesses + 1 WHERE id = $1"""

_USED: Final = """
UPDATE verification SET verified_at = $2, sealed = NULL WHERE id = $1"""

_VERIFIED: Final = """
UPDATE person SET email_verified_at = $2, updated_at = $3 WHERE id = $1"""

_LINK: Final = """
SELECT id, project_id, user_id, address, expires_at, verified_at, withdrawn_at
FROM verification WHERE token_hash IN ({})"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A code that a user says they were sent; in development it is not `checked`."""

    project_id: Id
    user_id: Id
    code: str
    checked: bool = True


async def guess(tx: Tx, keys: KeyRing, given: Guess, now: int) -> Refusal | None:
    """Verify a user's address by a code; return why not, which is to be committed with
    the count of wrong guesses. Raise RefusedError where there is no such user.
    """
    await mailboxes.hold(tx, given.project_id)
    user = await lock_user(tx, given.project_id, given.user_id)
    if user["email_verified_at"] is not None:
        return None
    found = await tx.fetchrow(_OPEN, given.user_id)
    if given.checked and (refusal := _judge(keys, found, given.code, now)):
        if found and refusal.code is Code.VERIFICATION_CODE_INVALID:
            await tx.execute(_WRONG, found["id"])
        return refusal
    await _complete(tx, given.project_id, user, Id(found["id"]) if found else None, now)
    return None


def _judge(keys: KeyRing, found: Row | None, code: str, now: int) -> Refusal | None:
    """Return what is wrong with a code."""
    if found is None or found["expires_at"] < now:
        message = "The code has expired: have another one sent."
        return _refusal(Code.VERIFICATION_CODE_EXPIRED, message, 0)
    if found["wrong_guesses"] >= GUESSES:
        message = "Too many wrong codes were given: have another one sent."
        return _refusal(Code.VERIFICATION_LOCKED, message, 0)
    stored = bytes(found["code_hash"])
    digests = keys.digests(code, of_code(Id(found["id"])))
    if any(hmac.compare_digest(it, stored) for it in digests):
        return None
    message = "This is not the code that was sent last."
    left = GUESSES - found["wrong_guesses"] - 1
    return _refusal(Code.VERIFICATION_CODE_INVALID, message, left)


def _refusal(code: Code, message: str, left: int) -> Refusal:
    return Refusal(code, message, _CODE_PATH, {"attempts_remaining": left})


async def _complete(
    tx: Tx, project_id: Id, user: Row, verification_id: Id | None, now: int
) -> None:
    """Write down that a user's address is verified, and end what else was sent."""
    if verification_id is not None:
        await tx.execute(_USED, verification_id, now)
    await withdraw(tx, user["id"], now)
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, user["updated_at"] + 1)
    await tx.execute(_VERIFIED, user["id"], now, at)
    await mailboxes.settle(tx, project_id, user["mailbox"])


@unique
class LinkState(Enum):
    """How the link of a mail stands; OVER is too late, or another was sent since."""

    OPEN = auto()
    DONE = auto()
    OVER = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it stands now, and the address that it is about, if there is one."""

    state: LinkState
    address: str | None = None


async def look_up(store: Store, keys: KeyRing, token: str, now: int) -> Link:
    """Return how a link stands; nothing changes by that."""
    digests = keys.digests(token, OF_TOKENS)
    statement = _LINK.format(marks(len(digests)))
    return _link(await store.fetchrow(statement, *digests), now)


async def follow(tx: Tx, keys: KeyRing, token: str, now: int) -> Link:
    """Verify the address that a link is about; return how the link stands then."""
    digests = keys.digests(token, OF_TOKENS)
    statement = _LINK.format(marks(len(digests)))
    row = await tx.fetchrow(statement, *digests)
    if row is None:
        return Link(LinkState.UNKNOWN)
    await mailboxes.hold(tx, row["project_id"])
    row = await tx.fetchrow(statement, *digests)
    link = _link(row, now)
    if row is None or link.state is not LinkState.OPEN:
        return link
    try:
        user = await lock_user(tx, row["project_id"], row["user_id"])
    except RefusedError:  # deleted since
        return Link(LinkState.OVER)
    await _complete(tx, row["project_id"], user, row["id"], now)
    return Link(LinkState.DONE, link.address)


def _link(row: Row | None, now: int) -> Link:
    if row is None:
        return Link(LinkState.UNKNOWN)
    if row["verified_at"] is not None:
        return Link(LinkState.DONE, row["address"])
    if row["withdrawn_at"] is not None or row["expires_at"] < now:
        return Link(LinkState.OVER)
    return Link(LinkState.OPEN, row["address"])
