"""Errors that clients see: in payloads, values with a code and a path into the
input; at the top level, few and with `extensions.code`. See design, section 5.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum, unique
from typing import Any, Final, cast

import strawberry
from strawberry.extensions import FieldExtension

from domain.faults import (
    Code,
    CommitInDoubtError,
    Refusal,
    RefusedError,
    StorageUnavailableError,
)
from schema.context import Info
from schema.times import DateTime


@unique
class ErrorCode(StrEnum):
    """Codes of errors at the top level."""

    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    CURSOR_INVALID = "CURSOR_INVALID"
    HISTORY_REMOVED = "HISTORY_REMOVED"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class ApiError(Exception):
    """An error of ours for the top level: shown to clients as it is."""

    def __init__(self, code: ErrorCode, message: str, **extensions: object) -> None:
        """Keep the message and the extensions, of which `code` is the first."""
        self.code = code
        self.message = message
        self.extensions = {"code": code.value, **extensions}
        super().__init__(message)


def bad_input(*problems: tuple[tuple[str, ...], str]) -> ApiError:
    """Return the error for arguments that no input can be made of, with each
    problem's path and message; the messages never repeat a value.
    """
    listed = [{"path": list(path), "message": text} for path, text in problems]
    return ApiError(
        ErrorCode.BAD_USER_INPUT,
        "The arguments have wrong values; see extensions.problems.",
        problems=listed,
    )


def as_api_error(error: BaseException | None) -> ApiError | None:
    """Return what a client may see of an exception; None where it must be masked."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, CommitInDoubtError):
        return ApiError(
            ErrorCode.STORAGE_UNAVAILABLE,
            "The database was lost while the change was written: it may have been made "
            "or not. Look, or try again with the same idempotencyKey.",
        )
    if isinstance(error, StorageUnavailableError):
        return ApiError(
            ErrorCode.STORAGE_UNAVAILABLE,
            "The database is not available now; nothing was changed. Try again.",
        )
    return None


strawberry.enum(Code, name="UserErrorCode", description="Why a call was refused.")


@strawberry.interface(description="One broken rule: the call changed nothing.")
class UserError:
    """What all implementations have in common."""

    code: Code
    path: list[str] = strawberry.field(
        description="Leads to the wrong value, from the argument `input` on.",
    )
    message: str = strawberry.field(description="A sentence for people.")


@strawberry.type(description="A wrong value, a missing thing or a forbidden change.")
class InputError(UserError):
    """A refusal without further data."""


@strawberry.type(description="What is to be changed has been changed meanwhile.")
class ConflictError(UserError):
    """A refusal because `ifUpdatedAt` is not the present value."""

    updated_at: DateTime = strawberry.field(description="The present value.")


@strawberry.type(description="A code that verifies nothing.")
class VerificationCodeError(UserError):
    """A refusal because of a wrong code, or one that is of no use any more."""

    attempts_remaining: int = strawberry.field(
        description="How many more codes will be looked at; then it is locked.",
    )


@strawberry.type(description="It was done too often.")
class RateLimitedError(UserError):
    """A refusal because something was done too often."""

    retry_at: DateTime = strawberry.field(description="When it can be done again.")


def user_error(refusal: Refusal) -> UserError:
    """Return a refusal as the API shows it."""
    told: dict[str, Any] = {
        "code": refusal.code,
        "path": list(refusal.path),
        "message": refusal.message,
    }
    kind = _CARRYING.get(next(iter(refusal.data), ""), InputError)
    return kind(**told, **refusal.data)


_CARRYING: Final[dict[str, type[UserError]]] = {
    "updated_at": ConflictError,
    "attempts_remaining": VerificationCodeError,
    "retry_at": RateLimitedError,
}
"""The types of refusals that carry data, by what it is called."""


@strawberry.type(
    name="Warning",
    description="The call was carried out, and this should be known about it.",
)
class Notice:
    """A warning. It is stored with the result of an idempotent call."""

    message: str
    path: list[str] = strawberry.field(default_factory=list)


@strawberry.type
class Payload:
    """What the payloads of all mutations have; their nouns are nullable."""

    warnings: list[Notice] = strawberry.field(default_factory=list)
    errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="All broken rules; empty where the call was carried out.",
    )


class Refusals(FieldExtension):
    """Turns a mutation's RefusedError into the errors of its payload."""

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: object,
        info: Info,
        **arguments: object,
    ) -> object:
        """Resolve the field, and answer a refusal with a payload without nouns."""
        try:
            return await next_(source, info, **arguments)
        except RefusedError as refused:
            errors = [user_error(refusal) for refusal in refused.refusals]
            payload = cast("type[Payload]", info.return_type)
            return payload(errors=errors)
