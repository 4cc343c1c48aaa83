"""Times at the edge: RFC 3339 in UTC with milliseconds; inside, whole milliseconds."""

import re
from datetime import UTC, datetime
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

DateTime = NewType("DateTime", int)
"""Milliseconds since the epoch, shown as `2026-11-24T16:52:13.042Z`."""

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def format_time(millis: int) -> str:
    """Return the RFC 3339 form, in UTC with three digits and `Z`."""
    seconds, rest = divmod(millis, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def parse_time(text: object) -> int:
    """Return the milliseconds of an RFC 3339 time with any offset; finer is cut off.

    Raises GraphQLError, whose message does not repeat the value.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise GraphQLError("Expected an RFC 3339 time with an offset.")
    moment, fraction, offset = match.groups()
    zone = "+00:00" if offset in "Zz" else offset
    try:
        seconds = int(datetime.fromisoformat(moment.upper() + zone).timestamp())
    except (ValueError, OverflowError):
        raise GraphQLError("This time does not exist.") from None
    return seconds * 1000 + int((fraction or "0").ljust(3, "0")[:3])


SCALARS: Final[dict[object, ScalarDefinition]] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 time in UTC with milliseconds: "
        "`2026-11-24T16:52:13.042Z`. Any offset is understood in inputs.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=format_time,
        parse_value=parse_time,
    ),
}
