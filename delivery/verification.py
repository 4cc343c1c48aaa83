"""Verifying that a user's address is theirs: a code and a link are mailed to it.

The code is six digits, of which few may be guessed; the link holds 256 random bits.
Of both only keyed hashes are stored, and sealed what the mail says, until it is over.
"""

import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import orjson

from delivery import mailboxes, outside
from delivery.cancelling import cancel
from delivery.id_lists import within
from delivery.verification_equipment import binding
from delivery.verification_limits import WINDOW, next_send
from delivery.verification_mail import mail
from domain.channels import Channel
from domain.deliveries import CancelReason, DeliveryKind
from domain.faults import Code, refuse
from domain.ids import Id, new_id
from models.crypto import KeyRing
from models.store import Row, Tx

CHANNEL: Final = "EMAIL"
"""The channel that codes for e-mail addresses go by."""

DIGITS: Final = 6
_USER_PATH: Final = ("input", "userId")
_URL_SAFE: Final = "%/:[]@!$()*+,;=~"

_USER: Final = """
SELECT id, email, mailbox, email_verified_at, updated_at FROM person
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"""

_SENT: Final = """
SELECT address, created_at FROM verification
WHERE project_id = $1 AND created_at > $2 ORDER BY created_at"""

_INSERT: Final = """
INSERT INTO verification
 (id, project_id, user_id, channel, address, code_hash, token_hash, sealed,
  wrong_guesses, delivery_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)"""

_WITHDRAW: Final = """
UPDATE verification SET withdrawn_at = $2, sealed = NULL
WHERE user_id = $1 AND verified_at IS NULL AND withdrawn_at IS NULL
RETURNING delivery_id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A code is to be sent to a user's address.

    `public_url` is where the server is reached, for the link; without a `channel`
    nothing leaves, and the code is only known to exist.
    """

    project_id: Id
    user_id: Id
    channel: Channel | None
    public_url: str | None


async def send(tx: Tx, keys: KeyRing, sending: Sending, now: int) -> Id:
    """Send a new code, which ends all earlier ones; return the verification's id.

    Raise RefusedError.
    """
    await mailboxes.hold(tx, sending.project_id)
    user = await lock_user(tx, sending.project_id, sending.user_id)
    if user["email_verified_at"] is not None:
        message = "The address of this user is verified already."
        raise refuse(Code.ALREADY_VERIFIED, message, *_USER_PATH)
    await _refuse_too_often(tx, sending.project_id, user["mailbox"], now)
    await withdraw(tx, sending.user_id, now)
    return await _store(tx, keys, sending, user, now)


async def _store(tx: Tx, keys: KeyRing, sending: Sending, user: Row, now: int) -> Id:
    verification_id, token = new_id(), secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    link = sending.public_url and _link(sending.public_url, token)
    contents = {"email": user["email"], "code": code, "link": link}
    place = binding(sending.project_id, verification_id)
    sealed = keys.seal(orjson.dumps(contents).decode(), place)
    delivery_id = await _mail(tx, sending, now, with_link=link is not None)
    await tx.execute(
        _INSERT,
        *(verification_id, sending.project_id, sending.user_id),
        *(CHANNEL, user["mailbox"]),
        keys.digests(code, of_code(verification_id))[0],
        keys.digests(token, OF_TOKENS)[0],
        *(sealed, delivery_id, now, now + outside.LIFE),
    )
    return verification_id


async def _mail(tx: Tx, sending: Sending, now: int, *, with_link: bool) -> Id | None:
    """Have the mail sent; return the id of its delivery."""
    if sending.channel is None:
        return None
    message = outside.Message(
        delivery_id=new_id(),
        project_id=sending.project_id,
        kind=DeliveryKind.VERIFICATION,
        steps=[mail(with_link=with_link)],
    )
    await outside.send(tx, sending.channel, message, now)
    return message.delivery_id


def _link(public_url: str, token: str) -> str:
    return f"{quote(public_url, safe=_URL_SAFE)}/verify/{token}"


def of_code(verification_id: Id) -> str:
    """Return the place that the hash of a code is bound to."""
    return f"verification code|{verification_id.hex()}"


OF_TOKENS: Final = "verification link"
"""The place that the hashes of all tokens are bound to: by them they are found."""


async def lock_user(tx: Tx, project_id: Id, user_id: Id) -> Row:
    """Return the row of a user; raise RefusedError where there is none."""
    lock = " FOR UPDATE" if tx.dialect == "postgres" else ""
    row = await tx.fetchrow(_USER + lock, project_id, user_id)
    if row is None:
        message = "There is no user with this id."
        raise refuse(Code.USER_NOT_FOUND, message, *_USER_PATH)
    return row


async def _refuse_too_often(tx: Tx, project_id: Id, address: str, now: int) -> None:
    rows = await tx.fetch(_SENT, project_id, now - WINDOW)
    at = next_send([(row["address"], row["created_at"]) for row in rows], address, now)
    if at > now:
        message = "Too many codes have been sent; wait a while."
        raise refuse(Code.LIMIT_REACHED, message, *_USER_PATH, retry_at=at)


async def withdraw(tx: Tx, user_id: Id, now: int) -> None:
    """End the codes that a user was sent; what was not sent yet is cancelled."""
    rows = await tx.fetch(_WITHDRAW, user_id, now)
    if deliveries := [row["delivery_id"] for row in rows if row["delivery_id"]]:
        condition, listed = within(tx.dialect, deliveries)
        await cancel(tx, f"d.id {condition}", listed, CancelReason.SUPERSEDED, now)
