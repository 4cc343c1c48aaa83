"""Broken rules of settings, in our words: pydantic's repeat values or speak of items."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from domain.settings import Kind, Setting, settings_of

_BUILT_IN: Final = frozenset(get_args(ErrorType))

_TEXTS: Final[Mapping[str, str]] = {
    "missing": "Is required.",
    "string_too_long": "Must have at most {max_length} characters.",
    "string_too_short": "Must have at least {min_length} characters.",
    "string_pattern_mismatch": "Must match {pattern}.",
    "string_unicode": "Must be valid Unicode.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than_equal": "Must be at most {le}.",
    "int_parsing": "Must be a whole number.",
    "enum": "Must be one of {expected}.",
}
_OF_LISTS: Final[Mapping[str, str]] = {
    "too_long": "Must have at most {max_length} entries.",
    "too_short": "Must have at least {min_length} entries.",
}
_OF_SECRETS: Final[Mapping[str, str]] = {
    "too_long": _TEXTS["string_too_long"],
    "too_short": _TEXTS["string_too_short"],
}


def settings_faults(
    model: type[BaseModel],
    error: ValidationError,
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield path and sentence of each broken rule; neither repeats a value.

    The path starts below the model and has the API's names.
    """
    for found in error.errors(include_input=False, include_url=False):
        path, row = _place(model, found["loc"])
        yield path, _sentence(found, row)


def _place(
    model: type[BaseModel],
    loc: tuple[int | str, ...],
) -> tuple[tuple[str, ...], Setting | None]:
    """Return a location with the names of the API, and the setting that it leads to."""
    path: list[str] = []
    row: Setting | None = None
    of: Any = model
    for part in loc:
        if isinstance(part, int) or of is None:
            path.append(str(part))
            continue
        rows = {name: s for s in settings_of(of) for name in (s.name, s.alias)}
        row = rows.get(part)
        path.append(row.alias if row else part)
        of = row.of if row and row.kind is Kind.OBJECT else None
    return tuple(path), row


def _sentence(found: Mapping[str, Any], row: Setting | None) -> str:
    kind, context = found["type"], found.get("ctx", {})
    if kind not in _BUILT_IN:
        return str(found["msg"])  # of a channel: these never hold a value
    secret = row is not None and row.kind is Kind.SECRET
    texts = {**_TEXTS, **(_OF_SECRETS if secret else _OF_LISTS)}
    return texts.get(kind, "Is not valid.").format(**context)
