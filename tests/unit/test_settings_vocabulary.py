"""The vocabulary of settings: what a model may say, and what is read out of it."""

from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import Field, SecretStr, ValidationError, create_model

from domain.settings import (
    Bound,
    ChannelSettings,
    Constraints,
    Key,
    Kind,
    Mark,
    Setting,
    settings_of,
)


class Colour(Enum):
    RED = "red"


class Entry(ChannelSettings):
    """An entry with a key and a secret."""

    name: Annotated[str, Key()]
    value: Annotated[SecretStr, Bound("web_url")] = Field(max_length=9)


def row(annotation: Any, default: Any = ...) -> Setting:  # noqa: ANN401
    """Return the row of a model's only field."""
    fields: dict[str, Any] = {"the_field": (annotation, default)}
    return settings_of(create_model("M", __base__=ChannelSettings, **fields))[0]


@pytest.mark.parametrize(
    ("annotation", "kind", "many", "optional"),
    [
        (str, Kind.STRING, False, False),
        (int, Kind.INTEGER, False, False),
        (bool | None, Kind.BOOLEAN, False, True),
        (Colour, Kind.ENUM, False, False),
        (Annotated[SecretStr | None, Bound("a")], Kind.SECRET, False, True),
        (Annotated[int, Mark.ID], Kind.ID, False, False),
        (Annotated[str, Mark.ID] | None, Kind.ID, False, True),
        (list[Annotated[str, Mark.ID]], Kind.ID, True, False),
        (tuple[Colour, ...], Kind.ENUM, True, False),
        (Entry, Kind.OBJECT, False, False),
        (list[Entry] | None, Kind.OBJECT, True, True),
    ],
)
def test_the_vocabulary_is_read(
    annotation: object, kind: Kind, many: bool, optional: bool
) -> None:
    found = row(annotation)
    assert (found.kind, found.many, found.optional) == (kind, many, optional)
    assert (found.name, found.alias, found.required) == ("the_field", "theField", True)


class Bare(ChannelSettings):
    value: SecretStr


class Nest(ChannelSettings):
    entry: Entry


class TwoKeys(ChannelSettings):
    a: Annotated[str, Key()]
    b: Annotated[str, Key()]


@pytest.mark.parametrize(
    "annotation",
    [
        float,
        bytes,
        dict[str, str],
        str | int,
        Any,
        list[SecretStr],
        tuple[str, int],
        list[Bare],
        list[Nest],
        list[TwoKeys],
        Annotated[int, Field(gt=3)],
        list[list[str]],
    ],
)
def test_what_the_vocabulary_lacks_is_refused(annotation: object) -> None:
    with pytest.raises(TypeError):
        row(annotation)


def test_limits_are_read_wherever_they_stand() -> None:
    assert row(Annotated[str, Field(min_length=1, max_length=5, pattern="^a")]) == row(
        Annotated[str, Field(min_length=1, max_length=5)], Field(pattern="^a")
    )
    port = row(Annotated[int, Field(ge=1, le=9)] | None, 5)
    assert port.constraints == Constraints(minimum=1, maximum=9)
    assert (port.required, port.default) == (False, 5)
    items = row(list[Annotated[str, Field(max_length=7)]], Field(max_length=3))
    assert items.constraints == Constraints(max_length=7, max_items=3)
    secret = settings_of(Entry)[1]
    assert secret.constraints == Constraints(max_length=9)
    assert secret.bound == ("web_url",)


def test_rows_are_read_once() -> None:
    assert settings_of(Entry) is settings_of(Entry)


class Sample(ChannelSettings):
    url: Annotated[str, Mark.URL]
    entries: tuple[Entry, ...] = ()


def test_neither_text_nor_error_shows_a_value() -> None:
    entry = Entry(name="canary-1", value=SecretStr("canary-2"))
    made = Sample(url="canary-3", entries=(entry,))
    assert "canary" not in f"{made!r} {made} {made.entries!r}"
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate(
            {"url": 1, "entries": [{"name": "canary", "x": "canary"}]}
        )
    assert "canary" not in str(caught.value)


def test_entries_with_one_key_are_refused_ignoring_case() -> None:
    entries = [{"name": name, "value": "x"} for name in ("a", "b", "A")]
    with pytest.raises(ValidationError, match="Each name may stand in the list once"):
        Sample.model_validate({"url": "x", "entries": entries})
