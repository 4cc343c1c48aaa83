"""Idempotency keys: the same call with the same key is carried out once.

The key is claimed first and in the same turn as the work: of concurrent calls one
works, the others wait for its commit and read its result. A refused call is rolled
back with its key. Keys are kept for 24 hours (`domain.timing.IDEMPOTENCY_KEPT`).
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final

import orjson
import strawberry
from pydantic import SecretStr

from domain.faults import Code, refuse
from domain.ids import Id, new_id
from domain.timing import IDEMPOTENCY_KEPT
from models.crypto import CannotOpenError, KeyRing, UnknownKeyError
from models.store import Row, Tx
from schema.checks import Checks

KEY_FIELD: Final = "idempotency_key"
KEY_PATH: Final = ("input", "idempotencyKey")

_CLAIM: Final = """
INSERT INTO idempotency
  (id, project_id, key, operation, input_hash, result, created_at)
VALUES ($1, $2, $3, $4, $5, 'null', $6)
ON CONFLICT (project_id, key) DO UPDATE SET id = excluded.id,
  operation = excluded.operation, input_hash = excluded.input_hash,
  result = excluded.result, created_at = excluded.created_at
WHERE idempotency.created_at < $7
"""
_READ: Final = """
SELECT id, operation, input_hash, result FROM idempotency
WHERE project_id = $1 AND key = $2
"""
_KEEP: Final = "UPDATE idempotency SET result = $1 WHERE id = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is carried out once: who calls what with which key and input."""

    project_id: Id
    operation: str
    key: str
    digest: str


def call_of(project_id: Id, operation: str, given: object) -> Call | None:
    """Return the call of a mutation's input; None where that holds no key.

    Raises RefusedError where the key is empty or too long.
    """
    key = getattr(given, KEY_FIELD, None)
    if not isinstance(key, str):
        return None
    checks = Checks()
    checks.text(key, *KEY_PATH)
    checks.done()
    digest = digest_of(given)
    return Call(project_id=project_id, operation=operation, key=key, digest=digest)


async def once(
    tx: Tx,
    keys: KeyRing,
    call: Call,
    now: int,
    work: Callable[[], Awaitable[Any]],
) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON result of the work, or of the call that did it before.

    Raises RefusedError where the key was used with another input.
    """

    async def step(kept: Any) -> Any:  # noqa: ANN401 - JSON
        return await work() if kept is None else kept

    return await further(tx, keys, call, now, step)


async def further(
    tx: Tx,
    keys: KeyRing,
    call: Call,
    now: int,
    step: Callable[[Any], Awaitable[Any]],
) -> Any:  # noqa: ANN401 - JSON
    """Take a step of work that needs many turns, and keep how far it has come: `step`
    takes what was kept with the key before, None at first, and returns what is to be.
    Others with this key wait until the turn ends.

    Raises RefusedError where the key was used with another input.
    """
    sealed = keys.seal(call.digest, _binding(call)).encode()
    row_id = new_id()
    claim = (row_id, call.project_id, call.key, call.operation, sealed, now)
    # One that is too old counts as free, whether it has been cleaned away or not.
    kept = None
    if not await tx.execute(_CLAIM, *claim, now - IDEMPOTENCY_KEPT):
        row_id, kept = await _earlier(tx, keys, call)
    result = await step(kept)
    if result != kept:
        await tx.execute(_KEEP, orjson.dumps(result).decode(), row_id)
    return result


async def _earlier(tx: Tx, keys: KeyRing, call: Call) -> tuple[Id, Any]:
    row = await tx.fetchrow(_READ, call.project_id, call.key)
    if row is None:  # purged between the two statements: as if never used
        raise refuse(Code.CONFLICT, "The key has just expired; call again.", *KEY_PATH)
    if row["operation"] != call.operation or not _same_input(keys, call, row):
        message = "The key was used for a call with another input."
        raise refuse(Code.IDEMPOTENCY_KEY_REUSED, message, *KEY_PATH)
    return row["id"], orjson.loads(row["result"])


def _same_input(keys: KeyRing, call: Call, row: Row) -> bool:
    sealed = bytes(row["input_hash"]).decode()
    try:
        return keys.open(sealed, _binding(call)) == call.digest
    except (UnknownKeyError, CannotOpenError):
        return False  # the key has gone: nobody can tell any more


def _binding(call: Call) -> str:
    # Sealed, since a plain hash of an input with a short secret can be guessed.
    return f"{call.project_id.hex()}/idempotency/{call.key}"


def digest_of(given: object) -> str:
    """Return a SHA-256 over an input without its key; absent is not the same as null,
    and the order of the fields does not matter.
    """
    plain = _plain(given)
    plain.pop(KEY_FIELD, None)
    text = json.dumps(plain, sort_keys=True)  # escapes even what is not Unicode
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any input value to JSON
    if is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: _plain(v) for name, v in pairs if v is not strawberry.UNSET}
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return _leaf(value)


def _leaf(value: Any) -> Any:  # noqa: ANN401 - any input value to JSON
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.name if isinstance(value, Enum) else value
