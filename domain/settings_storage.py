"""Settings as they are stored: plain values and secrets in columns of their own.

A secret is named by its path: `signing_secret`, and for a list of entries
`headers.<key in lower case>.value`, so that it follows its entry when the list is
sorted or shortened.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from domain.settings import (
    ChannelSettings,
    Kind,
    entry_key,
    key_of,
    settings_of,
)

S = TypeVar("S", bound=ChannelSettings)


class MissingSettingError(LookupError):
    """A reference leads to a setting that is not there; the message is its path."""


def split(settings: ChannelSettings) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is stored: plain values (fit for JSON) and secrets by path."""
    plain = settings.model_dump(mode="json", exclude=_secret_places(type(settings)))
    secrets = {
        path: value.get_secret_value()
        for path, value in _leaves(settings)
        if isinstance(value, SecretStr)
    }
    return plain, secrets


def join(
    model: type[S],
    plain: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> S:
    """Return settings from their two stored parts; the inverse of `split`.

    Raise pydantic's ValidationError where they are no longer valid.
    """
    whole = filled(model, plain, secrets)
    return model.model_validate(whole, by_alias=False, by_name=True)


def resolve(settings: ChannelSettings, path: str) -> str:
    """Return the text of a setting, secret or not, that a `Ref` names.

    Raise MissingSettingError where there is none, or no single text.
    """
    for found, value in _leaves(settings):
        if found == path:
            return _text(value, path)
    raise MissingSettingError(path)


def _text(value: object, path: str) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case str() | int():
            return str(value)
        case _:
            raise MissingSettingError(path)


def _leaves(settings: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value that is set with its path, below objects and keyed lists."""
    for row in settings_of(type(settings)):
        value, path = getattr(settings, row.name), prefix + row.name
        if value is None:
            continue
        if row.kind is not Kind.OBJECT:
            yield path, value
        elif not row.many:
            yield from _leaves(value, f"{path}.")
        elif key := key_of(row.of):
            for entry in value:
                name = entry_key(getattr(entry, key.name))
                yield from _leaves(entry, f"{path}.{name}.")


@cache
def _secret_places(model: type[BaseModel]) -> dict[str, Any]:
    """Return where secrets are, in the form that pydantic's `exclude` takes."""
    places: dict[str, Any] = {}
    for row in settings_of(model):
        if row.kind is Kind.SECRET:
            places[row.name] = True
        elif row.kind is Kind.OBJECT and (inner := _secret_places(row.of)):
            places[row.name] = {"__all__": inner} if row.many else inner
    return places


def filled(
    model: type[BaseModel],
    plain: Mapping[str, Any],
    secrets: Mapping[str, str],
    prefix: str = "",
) -> dict[str, Any]:
    """Return the stored values with the secrets in their places, not validated."""
    whole = dict(plain)
    for row in settings_of(model):
        path, value = prefix + row.name, plain.get(row.name)
        if row.kind is Kind.SECRET and path in secrets:
            whole[row.name] = secrets[path]
        elif row.kind is not Kind.OBJECT or value is None:
            continue
        elif not row.many:
            whole[row.name] = filled(row.of, value, secrets, f"{path}.")
        elif key := key_of(row.of):
            keys = [entry_key(entry[key.name]) for entry in value]
            whole[row.name] = [
                filled(row.of, entry, secrets, f"{path}.{name}.")
                for entry, name in zip(value, keys, strict=True)
            ]
    return whole
