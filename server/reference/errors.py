"""The page about error codes; a code without a meaning keeps it from being made."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from domain.faults import Code
from schema.errors import ErrorCode

_HEAD: Final = """# Error codes

Made from the code by `make reference`.

## In payloads

Every mutation returns `errors`: all rules that the input breaks, each with `code`, `path` into the input and a `message` for people.
Nothing was changed where there is one.
"""

_TOP: Final = """
## At the top level

`errors` beside `data`, with `extensions.code`: the operation, or a part of it, could not run.
"""

MEANINGS: Final[Mapping[StrEnum, str]] = {
    Code.INTEGRATION_NOT_FOUND: "There is no such integration in the project.",
    Code.SERVER_NOT_FOUND: "There is no such server in the project.",
    Code.NETWORK_MONITOR_NOT_FOUND: "There is no such network monitor in the project.",
    Code.INCIDENT_NOT_FOUND: "There is no such incident, or it is not open.",
    Code.DELIVERY_NOT_FOUND: "There is no such delivery in the project.",
    Code.USER_NOT_FOUND: "There is no such user in the project.",
    Code.TEAM_NOT_FOUND: "There is no such team in the project.",
    Code.NOTIFICATION_RULE_NOT_FOUND: "There is no such notification rule.",
    Code.INVALID_REQUEST: "The call contradicts itself or what is stored.",
    Code.UNPROCESSABLE_ENTITY: "What is stored does not allow it: `editable` or "
    "`deletable` is false, or its secrets cannot be read.",
    Code.VALIDATION_ERROR: "A value breaks a rule that the message names.",
    Code.READONLY_CHANNEL: "Integrations of this channel are made and changed elsewhere.",
    Code.CHANNEL_MISMATCH: "The settings are those of another channel.",
    Code.CHANNEL_NOT_CONFIGURED: "The operator has not set up what the channel needs.",
    Code.SECRET_REQUIRED: "A setting changed that a secret is bound to: send it again.",
    Code.PAID_PLAN_REQUIRED: "The project's plan does not have this channel.",
    Code.HOST_KEY_UNCONFIRMED: "The host key was not confirmed: `confirmHostKey`.",
    Code.CONFIRMATION_REQUIRED: "It must not be repeated unless somebody says so: give "
    "`confirm: true`.",
    Code.CONFLICT: "It was changed meanwhile, or another one stands in the way.",
    Code.IDEMPOTENCY_KEY_REUSED: "The key belongs to another call of the last 24 h.",
    Code.LIMIT_REACHED: "There are as many as there may be, or it was done too often.",
    Code.VERIFICATION_CODE_INVALID: "The code is not the one that was sent.",
    Code.VERIFICATION_CODE_EXPIRED: "The code is too old, or was replaced.",
    Code.VERIFICATION_LOCKED: "Too many wrong codes: have another sent.",
    Code.ALREADY_VERIFIED: "There is nothing left to verify.",
    ErrorCode.UNAUTHORIZED: "There is no valid API token (401).",
    ErrorCode.FORBIDDEN: "The token lacks the scope in `extensions.scope`, or the "
    "request could come from a foreign page (403).",
    ErrorCode.BAD_USER_INPUT: "Values of wrong types; `extensions.problems` lists all, "
    "each with its path (400).",
    ErrorCode.GRAPHQL_PARSE_FAILED: "The document is not GraphQL (400).",
    ErrorCode.GRAPHQL_VALIDATION_FAILED: "The document does not fit the schema (400).",
    ErrorCode.LIMIT_EXCEEDED: "It is larger than `extensions.limit` allows.",
    ErrorCode.CURSOR_EXPIRED: "What followed the cursor is gone; go on from "
    "`extensions.oldestCursor`, or from now.",
    ErrorCode.CURSOR_INVALID: "This is no cursor of the project's events.",
    ErrorCode.HISTORY_REMOVED: "What an event was about is older than the retention.",
    ErrorCode.STORAGE_UNAVAILABLE: "The database cannot be used; nothing was changed "
    "unless the message says that nobody knows (503, `Retry-After`).",
    ErrorCode.INTERNAL: "A fault here; the log has it under `extensions.errorId` (500).",
}


def page() -> str:
    """Return the page, in Markdown. Raises KeyError for a code without a meaning."""
    return "\n".join([_HEAD, *_table(Code), _TOP, *_table(ErrorCode), ""])


def _table(codes: type[StrEnum]) -> Iterator[str]:
    yield "| code | meaning |"
    yield "|---|---|"
    for code in codes:
        yield f"| `{code}` | {MEANINGS[code]} |"
