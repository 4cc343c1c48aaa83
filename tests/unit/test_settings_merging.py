"""How a change of settings is merged with what is stored, rule by rule."""

from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import Field, SecretStr

from domain.settings import Bound, ChannelSettings, Key, Mark
from domain.settings_storage import split
from schema.checks import Checks
from schema.settings_input import Before, merge


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Header(ChannelSettings):
    name: Annotated[str, Key()]
    value: Annotated[SecretStr, Bound("url")] = Field(max_length=20)
    quiet: bool = False


class Login(ChannelSettings):
    user: str
    password: Annotated[SecretStr | None, Bound("url")] = None


class Sample(ChannelSettings):
    url: Annotated[str, Mark.URL]
    port: int = Field(default=22, ge=1, le=99)
    colour: Colour = Colour.RED
    free: SecretStr | None = None
    token: Annotated[SecretStr | None, Bound("url", "port")] = None
    login: Login | None = None
    headers: tuple[Header, ...] = Field(default=(), max_length=3)
    pin: Annotated[str | None, Mark.OUTPUT_ONLY] = None


STORED = Sample(
    url="http://a/?k=canary-0",
    port=30,
    colour=Colour.BLUE,
    free=SecretStr("canary-free"),
    token=SecretStr("canary-token-0123456789-6789"),
    login=Login(user="ann", password=SecretStr("canary-password")),
    headers=(
        Header(name="X-A", value=SecretStr("canary-a"), quiet=True),
        Header(name="X-B", value=SecretStr("canary-b")),
    ),
    pin="pinned",
)
NEW_URL = "http://b/"
PROVEN = {
    "url": NEW_URL,
    "token": "t",
    "login": {"user": "bob"},
    "headers": [{"name": "x-b", "value": "v"}],
}
Found = list[tuple[str, str]]


def changed(given: dict[str, Any], stored: Sample | None = STORED) -> tuple[Any, Found]:
    """Return the settings after a change, and code and path of each fault."""
    before = Before(*split(stored)) if stored else Before()
    checks = Checks()
    settings = merge(Sample, before, given, checks)
    faults = [(r.code.value, "/".join(r.path)) for r in checks.refusals]
    assert "canary" not in "".join(r.message for r in checks.refusals)
    return settings, faults


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"colour": Colour.RED}, {"colour": Colour.RED}),
        ({"colour": None}, {"colour": Colour.RED}),
        ({"free": None}, {"free": None}),
        ({"free": "new"}, {"free": SecretStr("new")}),
        ({"headers": None}, {"headers": ()}),
        ({"headers": []}, {"headers": ()}),
        ({"login": None}, {"login": None}),
        ({"login": {"user": "bob"}}, {"login": Login(user="bob")}),
        ({"port": None, "token": None}, {"port": 22, "token": None}),
        ({"port": 30}, {}),
        ({"url": "http://a/?k=canary-0"}, {}),
        (
            {"headers": [{"name": "x-b"}, {"name": "X-A", "value": "new"}]},
            {
                "headers": (
                    Header(name="x-b", value=SecretStr("canary-b")),
                    Header(name="X-A", value=SecretStr("new")),
                ),
            },
        ),
        (
            PROVEN,
            {
                "url": NEW_URL,
                "token": SecretStr("t"),
                "login": Login(user="bob"),
                "headers": (Header(name="x-b", value=SecretStr("v")),),
            },
        ),
    ],
)
def test_absent_keeps_null_resets_and_lists_are_replaced(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    settings, faults = changed(given)
    assert faults == []
    assert settings == STORED.model_copy(update=expected)


MASKED = "http://a/?k=…"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"url": None}, ["VALIDATION_ERROR url"]),
        ({"port": 100}, ["SECRET_REQUIRED token", "VALIDATION_ERROR port"]),
        ({"port": 31}, ["SECRET_REQUIRED token"]),
        ({"port": None}, ["SECRET_REQUIRED token"]),
        ({"port": 31, "token": None}, []),
        ({"port": 31, "token": "again"}, []),
        (
            {"url": NEW_URL},
            [
                "SECRET_REQUIRED token",
                "SECRET_REQUIRED login/password",
                "SECRET_REQUIRED headers/0/value",
                "SECRET_REQUIRED headers/1/value",
            ],
        ),
        (
            {**PROVEN, "headers": [{"name": "X-C", "value": "v"}, {"name": "X-A"}]},
            ["SECRET_REQUIRED headers/1/value"],
        ),
        ({"headers": [{"name": "X-C"}]}, ["VALIDATION_ERROR headers/0/value"]),
        (
            {"headers": [{"name": "X-A", "value": None}]},
            ["VALIDATION_ERROR headers/0/value"],
        ),
        (
            {"headers": [{"name": "X-A"}, {"name": "x-a"}]},
            ["VALIDATION_ERROR headers"],
        ),
        (
            {"headers": [{"name": "X-A", "value": "v" * 21}]},
            ["VALIDATION_ERROR headers/0/value"],
        ),
        ({"url": MASKED}, ["VALIDATION_ERROR url"]),
        ({"url": "http://b/…"}, ["VALIDATION_ERROR url"]),
        ({"token": "********"}, ["VALIDATION_ERROR token"]),
        ({"token": "6789"}, ["VALIDATION_ERROR token"]),
        (
            {"headers": [{"name": "X-A", "value": "••••"}]},
            ["VALIDATION_ERROR headers/0/value"],
        ),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_place(
    given: dict[str, Any], expected: list[str]
) -> None:
    _, faults = changed(given)
    assert [" ".join(fault) for fault in faults] == expected


def test_a_creation_needs_what_is_required_and_keeps_nothing() -> None:
    settings, faults = changed({"headers": [{"name": "X-A"}], "token": "***"}, None)
    assert settings is None
    assert [" ".join(fault) for fault in faults] == [
        "VALIDATION_ERROR token",
        "VALIDATION_ERROR url",
        "VALIDATION_ERROR headers/0/value",
    ]
    settings, faults = changed({"url": NEW_URL, "token": "t"}, None)
    assert (settings, faults) == (Sample(url=NEW_URL, token=SecretStr("t")), [])


def test_what_is_before_a_change_prints_no_secret() -> None:
    assert "canary-t" not in repr(Before(*split(STORED)))
