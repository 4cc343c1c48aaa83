"""Cursors and the four arguments of connections."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import Id, new_id
from schema.errors import ApiError
from schema.pagination import PAGE, PAGE_MOST, Cut, Mark, Order, cut

BY_TIME = Order("things/CREATED_AT", "created_at")
BY_NAME = Order("things/NAME", "name", text=True)
NOTHING: dict[str, Any] = {"first": None, "after": None, "last": None, "before": None}
ids = st.binary(min_size=16, max_size=16).map(Id)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.integers(-(2**63) + 1, 2**63 - 1), ids)
def test_a_cursor_leads_back_to_its_place(key: int, row_id: Id) -> None:
    mark = Mark(key, row_id)
    assert BY_TIME.mark(BY_TIME.cursor(mark)) == mark


@given(texts, ids)
def test_a_cursor_of_a_text_leads_back_to_its_place(key: str, row_id: Id) -> None:
    mark = Mark(key, row_id)
    assert BY_NAME.mark(BY_NAME.cursor(mark)) == mark


@pytest.mark.parametrize(
    "other",
    [
        Order("others/CREATED_AT", "created_at"),
        Order("things/CREATED_AT", "created_at", descending=True),
        Order("things/NAME", "name", text=True),
    ],
)
def test_a_cursor_belongs_to_one_order(other: Order) -> None:
    cursor = BY_TIME.cursor(Mark(1, new_id()))
    with pytest.raises(ApiError) as refused:
        other.mark(cursor)
    assert refused.value.extensions["code"] == "CURSOR_INVALID"


def _forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "ü",
        "\ud800",
        "not a cursor",
        _forged("5"),
        _forged('["things/CREATED_AT", false, 1]'),
        _forged(
            '["things/CREATED_AT", false, "1", "00000000000000000000000000000000"]'
        ),
        _forged(
            '["things/CREATED_AT", false, true, "00000000000000000000000000000000"]'
        ),
        _forged(f'["things/CREATED_AT", false, {2**63}, "{"0" * 32}"]'),
        _forged('["things/CREATED_AT", false, 1, "00"]'),
        _forged('["things/CREATED_AT", false, 1, 5]'),
        _forged('{"a": 1, "b": 2, "c": 3, "d": 4}'),
        "[" * 5000,
        _forged("[" * 5000),
    ],
)
def test_what_is_no_cursor_is_refused_without_repeating_it(cursor: str) -> None:
    with pytest.raises(ApiError) as refused:
        BY_TIME.mark(cursor)
    assert refused.value.extensions == {"code": "CURSOR_INVALID"}
    assert not cursor or cursor not in str(refused.value)


def test_a_text_that_no_database_holds_is_no_place() -> None:
    cursor = _forged(f'["things/NAME", false, "a\\u0000", "{"0" * 32}"]')
    with pytest.raises(ApiError):
        BY_NAME.mark(cursor)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        BY_TIME.mark(text)
    except ApiError as refused:
        assert refused.extensions["code"] == "CURSOR_INVALID"  # noqa: PT017


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, (PAGE, False)),
        ({"first": 3}, (3, False)),
        ({"first": 0}, (0, False)),
        ({"first": PAGE_MOST}, (PAGE_MOST, False)),
        ({"last": 3}, (3, True)),
    ],
)
def test_arguments_ask_for_one_end(
    arguments: dict[str, int], expected: tuple[int, bool]
) -> None:
    part = cut(BY_TIME, **{**NOTHING, **arguments})
    assert (part.count, part.backward) == expected


def test_before_alone_asks_for_what_comes_right_before() -> None:
    mark = Mark(1, new_id())
    part = cut(BY_TIME, first=None, after=None, last=None, before=BY_TIME.cursor(mark))
    assert part == Cut(PAGE, True, None, mark)


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        ({"first": PAGE_MOST + 1}, [["first"]]),
        ({"first": -1}, [["first"]]),
        ({"last": PAGE_MOST + 1}, [["last"]]),
        ({"last": -1}, [["last"]]),
        ({"first": 1, "last": 1}, [["last"]]),
        ({"first": 101, "last": -1}, [["first"], ["last"], ["last"]]),
    ],
)
def test_wrong_arguments_are_all_named(
    arguments: dict[str, int], paths: list[list[str]]
) -> None:
    with pytest.raises(ApiError) as refused:
        cut(BY_TIME, **{**NOTHING, **arguments})
    assert refused.value.extensions["code"] == "BAD_USER_INPUT"
    problems: Any = refused.value.extensions["problems"]
    assert [problem["path"] for problem in problems] == paths
