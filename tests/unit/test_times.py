"""Times at the edge of the API."""

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from schema.times import format_time, parse_time

YEAR_9999 = 253_402_300_799_999


@given(st.integers(0, YEAR_9999))
def test_every_millisecond_survives(millis: int) -> None:
    assert parse_time(format_time(millis)) == millis


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-24T16:52:13Z", "2026-11-24T16:52:13.000Z"),
        ("2026-11-24t16:52:13.5z", "2026-11-24T16:52:13.500Z"),
        ("2026-11-24T16:52:13.123999999Z", "2026-11-24T16:52:13.123Z"),
        ("2026-11-24T16:52:13.042+01:30", "2026-11-24T15:22:13.042Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_shown_in_utc_with_milliseconds(text: str, shown: str) -> None:
    assert format_time(parse_time(text)) == shown


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24",
        "2026-11-24T16:52:13",
        "2026-11-24 16:52:13Z",
        "2026-11-24T16:52Z",
        "2026-13-24T16:52:13Z",
        "2026-02-30T16:52:13Z",
        "2026-11-24T25:52:13Z",
        "2026-11-24T16:52:13+25:00",
        "2026-11-24T16:52:13Z\n",
        "٢٠٢٦-11-24T16:52:13Z",
        "0000-01-01T00:00:00Z",
        1732467133,
        None,
        True,
    ],
)
def test_what_is_no_time_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(GraphQLError) as refused:
        parse_time(value)
    assert str(value) not in str(refused.value)
