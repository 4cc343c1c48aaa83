"""Settings in their stored form: plain values apart from secrets, and back."""

import json
from enum import Enum
from typing import Annotated

import pytest
from pydantic import SecretStr

from domain.settings import ChannelSettings, Key
from domain.settings_storage import MissingSettingError, join, resolve, split


class Colour(Enum):
    RED = "red"


class Header(ChannelSettings):
    name: Annotated[str, Key()]
    value: SecretStr
    note: SecretStr | None = None


class Login(ChannelSettings):
    user: str
    password: SecretStr


class Sample(ChannelSettings):
    web_url: str
    port: int = 22
    quiet: bool = False
    colour: Colour = Colour.RED
    token: SecretStr | None = None
    login: Login | None = None
    headers: tuple[Header, ...] = ()
    tags: tuple[str, ...] = ()


FULL = Sample(
    web_url="http://a/",
    token=SecretStr("canary-token"),
    login=Login(user="ann", password=SecretStr("canary-password")),
    headers=(
        Header(name="X-A.b", value=SecretStr("canary-1"), note=SecretStr("canary-2")),
        Header(name="value", value=SecretStr("canary-3")),
    ),
    tags=("t",),
)


def test_secrets_are_named_by_their_place_and_key() -> None:
    plain, secrets = split(FULL)
    assert secrets == {
        "token": "canary-token",
        "login.password": "canary-password",
        "headers.x-a.b.value": "canary-1",
        "headers.x-a.b.note": "canary-2",
        "headers.value.value": "canary-3",
    }
    assert "canary" not in json.dumps(plain)
    assert plain["login"] == {"user": "ann"}
    assert plain["headers"] == [{"name": "X-A.b"}, {"name": "value"}]
    assert plain["colour"] == "red"


@pytest.mark.parametrize("settings", [FULL, Sample(web_url="http://b/")])
def test_joining_is_the_inverse_of_splitting(settings: Sample) -> None:
    plain, secrets = split(settings)
    assert join(Sample, json.loads(json.dumps(plain)), secrets) == settings


def test_a_secret_follows_its_entry_when_the_list_is_sorted() -> None:
    plain, secrets = split(FULL)
    plain["headers"].reverse()
    first, second = join(Sample, plain, secrets).headers
    assert (first.name, first.value.get_secret_value()) == ("value", "canary-3")
    assert (second.name, second.value.get_secret_value()) == ("X-A.b", "canary-1")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("web_url", "http://a/"),
        ("port", "22"),
        ("quiet", "false"),
        ("colour", "red"),
        ("token", "canary-token"),
        ("login.password", "canary-password"),
        ("headers.x-a.b.value", "canary-1"),
    ],
)
def test_a_reference_is_resolved_to_text(path: str, text: str) -> None:
    assert resolve(FULL, path) == text


@pytest.mark.parametrize(
    "path", ["webUrl", "headers", "headers.gone.value", "headers.value.note", "tags"]
)
def test_a_reference_to_nothing_is_told(path: str) -> None:
    with pytest.raises(MissingSettingError):
        resolve(FULL, path)
