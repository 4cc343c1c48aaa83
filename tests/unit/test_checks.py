"""Rules that inputs have in common."""

import pytest

from domain.faults import Code, RefusedError
from domain.hosts import is_host
from schema.checks import Checks


@pytest.mark.parametrize(
    "host",
    [
        "web-1",
        "web-1.example.com",
        "web-1.example.com.",
        "a_b.example.com",
        "192.0.2.7",
        "2001:db8::7",
        "bücher.example",
        "3com.com",
        "a" * 63 + ".example",
    ],
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "-a.example",
        "a-.example",
        "a" * 64 + ".example",
        "192.0.2.700",
        "1.2.3",
        "[2001:db8::7]",
        "http://example.com",
        "example.com:80",
        "example.com/x",
        "a b",
        "a@b",
        "\ud800",
    ],
)
def test_anything_else_is_no_host(host: str) -> None:
    assert not is_host(host)


def test_all_broken_rules_are_told_at_once() -> None:
    checks = Checks()
    checks.text("", "input", "name")
    checks.text("x" * 256, "input", "title")
    checks.text("a\nb", "input", "line")
    checks.text("a\0b", "input", "nul")
    checks.text("\ud800", "input", "surrogate")
    checks.lines("a\nb", "input", "lines", most=3)
    checks.lines("a\nbc", "input", "long", most=3)
    checks.host("a b", "input", "host")
    checks.url("ftp://example.com", "input", "url")
    checks.url("", "input", "empty")
    with pytest.raises(RefusedError) as refused:
        checks.done()
    names = [refusal.path[-1] for refusal in refused.value.refusals]
    assert names == ["name", "title", "line", "nul", "surrogate", *names[5:]]
    assert names[5:] == ["long", "host", "url", "empty"]
    assert {r.code for r in refused.value.refusals} == {Code.VALIDATION_ERROR}


def test_what_is_missing_is_refused_with_all_the_rest() -> None:
    checks = Checks()
    assert checks.need("here") == "here"
    checks.refuse("There is none.", "input", "id", code=Code.SERVER_NOT_FOUND)
    checks.text("", "input", "name")
    with pytest.raises(RefusedError) as refused:
        checks.need(None)
    assert len(refused.value.refusals) == 2


def test_a_change_is_refused_where_another_came_before() -> None:
    checks = Checks()
    checks.unchanged(5, None)
    checks.unchanged(5, 5)
    checks.done()
    checks.unchanged(5, 4)
    refusal = checks.refusals[0]
    assert refusal.code is Code.CONFLICT
    assert refusal.path == ("input", "ifUpdatedAt")
    assert refusal.data == {"updated_at": 5}
