"""Settings as clients see them: made from the stored form, decrypting nothing."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import strawberry
from pydantic import BaseModel

from domain.redact import masked_url
from domain.settings import Kind, Mark, Setting, entry_key, key_of, settings_of
from schema.times import DateTime


@strawberry.type(description="A secret: it can be set and never read.")
class SecretState:
    """What is known of a secret. Resolved from what is stored beside its value."""

    is_set: bool
    hint: str | None = strawberry.field(
        description="Its last characters, where it is long enough to show some.",
    )
    updated_at: DateTime | None


def shown(
    model: type[BaseModel],
    plain: Mapping[str, Any],
    secrets: Mapping[str, Mapping[str, Any]],
    prefix: str = "",
) -> SimpleNamespace:
    """Return an object with an attribute for each setting of the model."""
    values = {
        row.name: _shown(row, plain.get(row.name, row.default), secrets, prefix)
        for row in settings_of(model)
    }
    return SimpleNamespace(**values)


def _shown(
    row: Setting,
    value: Any,  # noqa: ANN401 - JSON
    secrets: Mapping[str, Mapping[str, Any]],
    prefix: str,
) -> object:
    path = prefix + row.name
    if row.kind is Kind.SECRET:
        return _state(secrets.get(path))
    if value is None:
        return None
    if row.kind is Kind.OBJECT:
        return _shown_object(row, value, secrets, path)
    return [shown_leaf(row, v) for v in value] if row.many else shown_leaf(row, value)


def _shown_object(
    row: Setting,
    value: Any,  # noqa: ANN401 - JSON
    secrets: Mapping[str, Mapping[str, Any]],
    path: str,
) -> object:
    if not row.many:
        return shown(row.of, value, secrets, f"{path}.")
    key = key_of(row.of)
    names = [entry_key(entry[key.name]) if key else "" for entry in value]
    return [
        shown(row.of, entry, secrets, f"{path}.{name}.")
        for entry, name in zip(value, names, strict=True)
    ]


def shown_leaf(row: Setting, value: Any) -> object:  # noqa: ANN401 - JSON
    """Return what clients see of one plain value."""
    if row.kind is Kind.ENUM:
        member = row.of(value)
        return member.value if Mark.WIRE in row.marks else member
    if row.kind is Kind.ID:
        return str(value)
    return masked_url(value) if Mark.URL in row.marks else value


def _state(stored: Mapping[str, Any] | None) -> SecretState:
    if stored is None:
        return SecretState(is_set=False, hint=None, updated_at=None)
    at = DateTime(stored["at"])
    return SecretState(is_set=True, hint=stored["hint"], updated_at=at)
