"""Merges the settings that a client sends into the stored ones, and checks the result.

Absent keeps, null clears or resets, lists and objects are replaced whole; an entry of
a list that leaves a secret out keeps that of the entry with the same key. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from domain.faults import Code
from domain.redact import MASK, masked_url
from domain.settings import (
    ChannelSettings,
    Kind,
    Mark,
    Setting,
    entry_key,
    key_of,
    settings_of,
)
from domain.settings_storage import filled
from models.secret_storage import hint
from schema.checks import Checks
from schema.settings_faults import settings_faults

Values = Mapping[str, Any]
Path = tuple[str, ...]

_MASKED: Final = "This is a masked value: leave the field out to keep the stored one."
_DOTS: Final = "*•…"


@dataclass(frozen=True, slots=True)
class Before:
    """What is stored: plain settings, and the secrets by path, decrypted."""

    plain: Values = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def merge(
    model: type[ChannelSettings],
    before: Before,
    given: Values,
    checks: Checks,
    *path: str,
) -> ChannelSettings | None:
    """Return the settings after a change; None where they are not valid.

    `given` has the API's names. All broken rules go to `checks`, below `path`.
    """
    old = filled(model, before.plain, before.secrets)
    merging = _Merging()
    new = merging.whole(model, given, old, path)
    for place in merging.masked:
        checks.refuse(_MASKED, *place)
    changed = _changed(model, old, new)
    for place, sentence in _unproven(model, given, new, changed):
        checks.refuse(sentence, *path, *place, code=Code.SECRET_REQUIRED)
    _let_go(model, given, new, changed)
    try:
        return model.model_validate(new, by_alias=False, by_name=True)
    except ValidationError as error:
        for place, sentence in settings_faults(model, error):
            checks.refuse(sentence, *path, *place)
        return None


class _Merging:
    """Values by name, made of those given and those kept. Masked values are noted in
    `masked`, and what is stored stays.
    """

    def __init__(self) -> None:
        self.masked: list[Path] = []

    def whole(
        self,
        model: type[BaseModel],
        given: Values,
        old: Values,
        path: Path,
    ) -> dict[str, Any]:
        """Return the settings: what was not sent is kept."""
        kept = {
            row.name: old[row.name]
            for row in settings_of(model)
            if row.alias not in given and row.name in old
        }
        return kept | self._sent(model, given, old, path)

    def _sent(
        self,
        model: type[BaseModel],
        given: Values,
        old: Values,
        path: Path,
    ) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for row in settings_of(model):
            value, before = given.get(row.alias), old.get(row.name)
            if value is None:
                continue
            here = (*path, row.alias)
            if row.kind is Kind.OBJECT and row.many:
                new[row.name] = self._entries(row, value, before or (), here)
            elif row.kind is Kind.OBJECT:
                new[row.name] = self._sent(row.of, value, before or {}, here)
            elif _is_masked(row, value, before):
                self.masked.append(here)
                new[row.name] = value if before is None else before
            else:
                new[row.name] = value
        return new

    def _entries(
        self,
        row: Setting,
        given: Sequence[Values],
        old: Sequence[Values],
        path: Path,
    ) -> list[dict[str, Any]]:
        """Return the entries: a secret that was not sent is that of the same key."""
        key = key_of(row.of)
        olds = {entry_key(entry[key.name]): entry for entry in old} if key else {}
        secrets = [s for s in settings_of(row.of) if s.kind is Kind.SECRET]
        entries = []
        for place, entry in enumerate(given):
            before = olds.get(entry_key(entry[key.alias]), {}) if key else {}
            kept = {
                secret.name: before[secret.name]
                for secret in secrets
                if secret.alias not in entry and secret.name in before
            }
            new = self._sent(row.of, entry, before, (*path, str(place)))
            entries.append(kept | new)
        return entries


def _is_masked(row: Setting, value: object, old: object) -> bool:
    """Tell whether a value is what the API shows in place of the stored one."""
    if not isinstance(value, str) or value == old:
        return False
    if Mark.URL in row.marks:
        return MASK in value or (isinstance(old, str) and value == masked_url(old))
    if row.kind is not Kind.SECRET or not value:
        return False
    return not value.strip(_DOTS) or (isinstance(old, str) and value == hint(old))


def _changed(model: type[BaseModel], old: Values, new: Values) -> dict[str, str]:
    """Return the settings that change, name to the API's name."""
    return {
        row.name: row.alias
        for row in settings_of(model)
        if row.name in new or not row.required
        if _stored(old.get(row.name, row.default))
        != _stored(new.get(row.name, row.default))
    }


def _let_go(
    model: type[BaseModel],
    given: Values,
    new: dict[str, Any],
    changed: Mapping[str, str],
) -> None:
    """Take out what is no secret and true of an address only that changes: the key by
    which a host is known.
    """
    for row in settings_of(model):
        bound = row.kind is not Kind.SECRET and any(it in changed for it in row.bound)
        if bound and row.alias not in given:
            new.pop(row.name, None)


def _unproven(
    model: type[BaseModel],
    given: Values,
    new: Values,
    changed: Mapping[str, str],
) -> Iterator[tuple[Path, str]]:
    """Yield the secrets that are kept, but bound to what changes: whoever can change
    an address and does not know the secret must not have it sent there.
    """
    for row, place in _kept(model, given, new):
        found = [changed[name] for name in row.bound if name in changed]
        if found:
            yield place, f"Must be sent again: {' and '.join(found)} changes."


def _kept(
    model: type[BaseModel],
    given: Values,
    new: Values,
) -> Iterator[tuple[Setting, Path]]:
    """Yield the secrets that were not sent and are there nevertheless."""
    for row in settings_of(model):
        value = new.get(row.name)
        if value is None:
            continue
        if row.kind is Kind.SECRET and row.alias not in given:
            yield row, (row.alias,)
        elif row.kind is Kind.OBJECT:
            values = value if row.many else [value]
            sent = given.get(row.alias)
            givens = [sent or {}] if not row.many else sent or [{}] * len(values)
            for place, (inner, new_one) in enumerate(zip(givens, values, strict=True)):
                below = (row.alias, str(place)) if row.many else (row.alias,)
                for found, rest in _kept(row.of, inner, new_one):
                    yield found, (*below, *rest)


def _stored(value: object) -> object:
    """Return a value in the form that is stored, to compare the two."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_stored(each) for each in value]
    return value
