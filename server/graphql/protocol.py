"""The messages of graphql-transport-ws.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from graphql import ExecutionResult, GraphQLError

from schema.errors import ApiError
from server.graphql.request import GraphQLRequest, from_parameters

SUBPROTOCOL: Final = "graphql-transport-ws"

GOING_AWAY: Final = 1001
TRY_AGAIN: Final = 1013
INVALID_MESSAGE: Final = 4400
UNAUTHORIZED: Final = 4401
FORBIDDEN: Final = 4403
SUBPROTOCOL_REFUSED: Final = 4406
INIT_TIMEOUT: Final = 4408
SUBSCRIBER_EXISTS: Final = 4409
INTERNAL: Final = 4500
TOO_SLOW: Final = 4413
"""Ours: the client takes messages too slowly."""

TOO_MANY_INITS: Final = 4429

ID_MOST: Final = 255
REASON_MOST: Final = 123
"""Bytes of the reason in a close frame (RFC 6455, section 5.5)."""


class InvalidMessageError(Exception):
    """A frame is no message of the protocol; the text repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Init:
    """connection_init: the credential that it carries, if any."""

    credential: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """subscribe: run an operation; its answers carry the id."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """complete: the client wants no more of an operation."""

    id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """ping: answered by a pong with the same payload."""

    payload: dict[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pong:
    """pong: needs no answer."""


Message = Init | Subscribe | Complete | Ping | Pong


def read(text: str) -> Message:
    """Return the message of a text frame; raise InvalidMessageError."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidMessageError("A message must be JSON.") from None
    if not isinstance(message, dict):
        raise InvalidMessageError("A message must be a JSON object.")
    match message.get("type"):
        case "connection_init":
            return Init(_credential(_payload(message)))
        case "subscribe":
            return Subscribe(_id(message), _request(message))
        case "complete":
            return Complete(_id(message))
        case "ping":
            return Ping(_payload(message))
        case "pong":
            _payload(message)
            return Pong()
        case _:
            raise InvalidMessageError("The message has no type that a client may send.")


def acknowledge() -> bytes:
    """Return connection_ack."""
    return b'{"type":"connection_ack"}'


def ping() -> bytes:
    """Return a ping."""
    return b'{"type":"ping"}'


def pong(payload: dict[str, Any] | None) -> bytes:
    """Return the answer to a ping."""
    if payload is None:
        return b'{"type":"pong"}'
    return orjson.dumps({"type": "pong", "payload": payload})


def following(operation: str, result: ExecutionResult) -> bytes:
    """Return `next`: an answer to an operation."""
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    return orjson.dumps({"id": operation, "type": "next", "payload": payload})


def failed(operation: str, errors: Iterable[GraphQLError]) -> bytes:
    """Return `error`: the operation ends with these errors."""
    payload = [error.formatted for error in errors]
    return orjson.dumps({"id": operation, "type": "error", "payload": payload})


def completed(operation: str) -> bytes:
    """Return `complete`: the operation has ended."""
    return orjson.dumps({"id": operation, "type": "complete"})


def reason(text: str) -> bytes:
    """Return a text as a close frame can carry it."""
    return text.encode()[:REASON_MOST].decode(errors="ignore").encode()


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if not isinstance(payload, dict | None):
        raise InvalidMessageError("The payload must be a JSON object.")
    return payload


def _id(message: dict[str, Any]) -> str:
    identity = message.get("id")
    if not isinstance(identity, str) or not 0 < len(identity) <= ID_MOST:
        raise InvalidMessageError(f"The id must be a string of 1 to {ID_MOST}.")
    return identity


def _request(message: dict[str, Any]) -> GraphQLRequest:
    try:
        return from_parameters(message.get("payload"))
    except ApiError as error:
        raise InvalidMessageError(error.message) from None


def _credential(payload: dict[str, Any] | None) -> str | None:
    for name, value in (payload or {}).items():
        if name.lower() == "authorization":
            if not isinstance(value, str):
                raise InvalidMessageError("Authorization must be a string.")
            return value
    return None
