"""Who asks: from a credential to a `Principal`.

Every refusal says what exactly is wrong with the credential and what to do, and never
repeats it. See design, section 6, "Tokens".
"""

import asyncio
from typing import Final

import structlog

from domain.clock import Clock
from domain.faults import StorageUnavailableError
from domain.ids import Id
from domain.scopes import Scope, closure
from domain.timing import MINUTE
from domain.traces import summary
from models.store import Row, Store, Tx
from models.tokens import hash_of, looks_right
from schema.context import Principal
from schema.errors import ApiError, ErrorCode

USED_EVERY: Final = MINUTE
"""`last_used_at` is written at most this often, in ms."""

_FIND: Final = """
SELECT id, project_id, user_id, scopes, expires_at, revoked_at, last_used_at
FROM api_token WHERE hash = $1"""

_HOW: Final = "Send the header Authorization: Bearer <API token>."
_ANOTHER: Final = "Make another with `tocsin token create`."

_log = structlog.get_logger("tocsin.auth")


class Authenticator:
    """Looks tokens up in one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Take where tokens are stored, and the time."""
        self._store = store
        self._clock = clock
        self._noting: dict[Id, asyncio.Task[None]] = {}

    async def principal(self, header: str | None) -> Principal:
        """Return who an Authorization header stands for; raise ApiError."""
        token, now = bearer_token(header), self._clock()
        row = await self._store.fetchrow(_FIND, hash_of(token))
        if row is None:
            raise _unauthorized(f"The API token is not known here. {_ANOTHER}")
        refuse_ended(row, now)
        self._note_use(row, now)
        return _principal(row)

    async def still_valid(self, token_id: Id) -> bool:
        """Tell whether a token may still be used: it may expire or be revoked while
        a socket is open.
        """
        row = await self._store.fetchrow(
            "SELECT expires_at, revoked_at FROM api_token WHERE id = $1", token_id
        )
        return row is not None and _end(row, self._clock()) is None

    def _note_use(self, row: Row, now: int) -> None:
        """Write it down soon: who may read need not wait until one may write."""
        token_id, last = Id(row["id"]), row["last_used_at"]
        if last is not None and 0 <= now - last < USED_EVERY:
            return
        if token_id not in self._noting:
            task = asyncio.create_task(self._write_use(token_id, now))
            self._noting[token_id] = task
            task.add_done_callback(lambda _: self._noting.pop(token_id))

    async def _write_use(self, token_id: Id, now: int) -> None:
        try:
            await self._store.turn(_write_use, token_id, now)
        except StorageUnavailableError:
            _log.warning("the use of a token could not be written down")
        except Exception as error:  # noqa: BLE001 - of a task that nobody waits for
            _log.error("internal error", **summary(error))


def bearer_token(header: str | None) -> str:
    """Return the token of an Authorization header; raise ApiError."""
    if not header or not header.strip():
        raise _unauthorized(f"No credential was given. {_HOW}")
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthorized(f"The credential is not a Bearer token. {_HOW}")
    if not looks_right(token.strip()):
        raise _unauthorized(
            "The API token is malformed: it is incomplete or mistyped. A token is "
            "toc_ and 36 letters and digits."
        )
    return token.strip()


def refuse_ended(row: Row, now: int) -> None:
    """Raise ApiError where a token's time is over."""
    end = _end(row, now)
    if end is not None:
        raise _unauthorized(f"The API token {end}. {_ANOTHER}")


def _end(row: Row, now: int) -> str | None:
    if row["revoked_at"] is not None:
        return "was revoked"
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return "has expired"
    return None


def _principal(row: Row) -> Principal:
    scopes = [Scope(scope) for scope in row["scopes"].split(",")]
    return Principal(
        project_id=Id(row["project_id"]),
        token_id=Id(row["id"]),
        user_id=row["user_id"] and Id(row["user_id"]),
        scopes=closure(scopes),
        expires_at=row["expires_at"],
    )


async def _write_use(tx: Tx, token_id: Id, now: int) -> None:
    await tx.execute(
        "UPDATE api_token SET last_used_at = $2 WHERE id = $1", token_id, now
    )


def _unauthorized(message: str) -> ApiError:
    return ApiError(ErrorCode.UNAUTHORIZED, message)
