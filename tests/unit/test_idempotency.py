"""What makes two inputs the same."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st

from domain.faults import RefusedError
from domain.ids import ZERO
from domain.incidents import Severity
from schema.idempotency import call_of, digest_of


class Choice(NamedTuple):
    channel: str
    values: Mapping[str, Any]


@strawberry.input
class Input:
    name: str
    severity: Severity = Severity.HIGH
    url: str | None = strawberry.UNSET
    settings: strawberry.Private[Choice | None] = None
    idempotency_key: str | None = None


def test_the_key_is_no_part_of_the_input() -> None:
    first, second = (
        Input(name="a", idempotency_key="1"),
        Input(name="a", idempotency_key="2"),
    )
    assert digest_of(first) == digest_of(second)


@pytest.mark.parametrize(
    "other",
    [
        Input(name="b"),
        Input(name="a", severity=Severity.LOW),
        Input(name="a", url=None),
        Input(name="a", url=""),
        Input(name="a", settings=Choice("webhook", {"url": "x"})),
        Input(name="a", settings=Choice("webhook", {"url": "y"})),
    ],
)
def test_every_difference_counts(other: Input) -> None:
    assert digest_of(other) != digest_of(Input(name="a"))


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json, json)
def test_inputs_with_one_digest_are_equal(first: object, second: object) -> None:
    digests = [
        digest_of(Input(name="a", settings=Choice("x", {"value": value})))
        for value in (first, second)
    ]
    # repr tells True from 1, which are equal in Python and not in JSON.
    same = repr(_sorted(first)) == repr(_sorted(second))
    assert (digests[0] == digests[1]) is same


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(v) for v in value] if isinstance(value, list) else value


def test_no_key_is_no_call() -> None:
    assert call_of(ZERO, "x", Input(name="a")) is None
    assert call_of(ZERO, "x", object()) is None


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\0"])
def test_a_key_has_1_to_255_characters(key: str) -> None:
    with pytest.raises(RefusedError) as refused:
        call_of(ZERO, "x", Input(name="a", idempotency_key=key))
    assert refused.value.refusals[0].path == ("input", "idempotencyKey")
