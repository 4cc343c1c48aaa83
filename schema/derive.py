"""Derives the GraphQL side of channels from their declarations; nothing per channel.

Each rule is said once: what outputs, create inputs and update inputs look like, and
which secrets show. The vocabulary is that of `domain.settings`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple

import strawberry
from pydantic import BaseModel
from strawberry import UNSET

from domain.channels import Channel
from domain.settings import Kind, Mark, Setting, settings_of
from schema.settings_output import SecretState

Hint = Any
"""A type annotation, as an object: none has to be looked up by name."""


class Chosen(NamedTuple):
    """The member that was given of a `@oneOf` input: the channel's key and its values.

    `values` is keyed by the API's names; what is absent was not sent, None was null.
    """

    channel: str
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        """Say nothing of the values: some are secrets."""
        return f"Chosen({self.channel!r}, …)"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The types that depend on all channels and on nothing else."""

    integration_type: Hint
    integration_types: Hint
    create: Hint
    update: Hint


def derive_inputs(channels: Sequence[Channel]) -> Inputs:
    """Return the enum of channels and the two `@oneOf` inputs over their settings."""
    for channel in channels:
        _check_bounds(channel.settings)
    types, open_ = _Types(), [c for c in channels if c.creatable]
    create = {c.key: types.create(c.settings, f"{c.title}SettingsInput") for c in open_}
    update = {
        c.key: types.update(c.settings, f"{c.title}SettingsUpdateInput") for c in open_
    }
    integration_type = _type_enum(channels)
    return Inputs(
        integration_type=integration_type,
        integration_types=_nullable_list(integration_type),
        create=_one_of("IntegrationSettingsInput", create),
        update=_one_of("IntegrationSettingsUpdateInput", update),
    )


def derive_types(channels: Sequence[Channel], interface: type) -> dict[str, type]:
    """Return the implementations of `Integration`, by the channels' type names."""
    types = _Types()
    return {c.type_name: types.integration(c, interface) for c in channels}


def typename(channel: Channel) -> str:
    """Return the name of a channel's implementation of `Integration`."""
    return f"{channel.title}Integration"


def _type_enum(channels: Sequence[Channel]) -> Hint:
    names = {c.type_name: c.type_name for c in channels}
    made = StrEnum("IntegrationType", names)  # type: ignore[misc]
    return strawberry.enum(made, description="The channels that there are.")


class _Types:
    """Makes types from models, each once; a name belongs to one model."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[object, Hint]] = {}

    def integration(self, channel: Channel, interface: type) -> type:
        settings = self._output(channel.settings, f"{channel.title}Settings")
        fields = {"settings": (settings, strawberry.field())}
        return _make(
            strawberry.type,
            typename(channel),
            fields,
            channel.description,
            (interface,),
        )

    def _output(self, model: type[BaseModel], name: str) -> Hint:
        shown = [s for s in settings_of(model) if Mark.INPUT_ONLY not in s.marks]
        fields = {s.name: (self._output_hint(s), _output_field(s)) for s in shown}
        doc = _first_line(model)
        return self._once(
            name, model, lambda: _make(strawberry.type, name, fields, doc)
        )

    def _output_hint(self, s: Setting) -> Hint:
        if s.kind is Kind.SECRET:
            return SecretState
        if s.kind is Kind.OBJECT:
            # Nullable like all others, so that a new channel loosens none.
            return _wrap(s, self._output(s.of, s.of.__name__), nullable=True)
        return _wrap(s, str if Mark.WIRE in s.marks else self._leaf(s), nullable=True)

    def create(self, model: type[BaseModel], name: str, *, entry: bool = False) -> Hint:
        """Return a create input. In an entry of a list a secret may be left out: on
        update the entry keeps the stored one; on creation a rule asks for it.
        """

        def field(s: Setting) -> tuple[Hint, Any]:
            kept = entry and s.kind is Kind.SECRET
            if s.required and not kept:
                return self._input_hint(s, nullable=s.optional), _field(s)
            if kept or s.default is None or s.kind is Kind.OBJECT:
                return self._input_hint(s, nullable=True), _field(s, default=UNSET)
            hint = self._input_hint(s, nullable=s.optional)
            return hint, _field(s, **_published(s.default))

        return self._input(model, name, field, (model, entry))

    def update(self, model: type[BaseModel], name: str) -> Hint:
        """Return an update input: it has no defaults; what is absent is kept."""

        def field(s: Setting) -> tuple[Hint, Any]:
            return self._input_hint(s, nullable=True), _field(s, default=UNSET)

        return self._input(model, name, field, model)

    def _input(
        self,
        model: type[BaseModel],
        name: str,
        field: Callable[[Setting], tuple[Hint, Any]],
        origin: object,
    ) -> Hint:
        open_ = [s for s in settings_of(model) if Mark.OUTPUT_ONLY not in s.marks]
        fields = {s.name: field(s) for s in open_}
        doc = _first_line(model)
        return self._once(
            name, origin, lambda: _make(strawberry.input, name, fields, doc)
        )

    def _input_hint(self, s: Setting, *, nullable: bool) -> Hint:
        if s.kind is not Kind.OBJECT:
            return _wrap(s, self._leaf(s), nullable=nullable)
        of = self.create(s.of, f"{s.of.__name__}Input", entry=s.many)
        return _wrap(s, of, nullable=nullable)

    def _leaf(self, s: Setting) -> Hint:
        if s.kind is Kind.ENUM:
            make = partial(strawberry.enum, s.of, description=_first_line(s.of))
            return self._once(s.of.__name__, s.of, make)
        return LEAVES[s.kind]

    def _once(self, name: str, origin: object, make: Callable[[], Hint]) -> Hint:
        if name not in self._made:
            self._made[name] = origin, make()
        found, made = self._made[name]
        if found != origin:
            raise TypeError(f"Two models want to be the type {name}: rename one.")
        return made


LEAVES: Final[Mapping[Kind, Hint]] = {
    Kind.STRING: str,
    Kind.SECRET: str,
    Kind.INTEGER: int,
    Kind.BOOLEAN: bool,
    Kind.ID: strawberry.ID,
}


def _check_bounds(model: type[BaseModel]) -> None:
    """Raise TypeError where a secret is bound to a setting that does not exist."""
    names = {s.name for s in settings_of(model)}
    for setting in _all_settings(model):
        if unknown := set(setting.bound) - names:
            raise TypeError(f"{model.__name__}: bound to unknown {sorted(unknown)}")


def _all_settings(model: type[BaseModel]) -> Iterator[Setting]:
    for setting in settings_of(model):
        yield setting
        if setting.kind is Kind.OBJECT:
            yield from _all_settings(setting.of)


def _nullable_list(of: Hint) -> Hint:
    return list[of] | None


def _wrap(s: Setting, of: Hint, *, nullable: bool) -> Hint:
    hint = list[of] if s.many else of
    return hint | None if nullable else hint


def _published(default: object) -> dict[str, Any]:
    if isinstance(default, list | tuple):
        return {"default_factory": lambda: list(default)}
    return {"default": default}


def _field(s: Setting, **default: Any) -> Any:  # noqa: ANN401 - Strawberry's own
    return strawberry.field(name=s.alias, description=s.description, **default)


def _output_field(s: Setting) -> Any:  # noqa: ANN401 - Strawberry's own
    if Mark.URL not in s.marks:
        return _field(s)
    note = "What may be a credential in it is masked."
    return _field(replace(s, description=f"{s.description or ''} {note}".strip()))


def _first_line(of: type) -> str | None:
    return inspect.cleandoc(of.__doc__).partition("\n\n")[0] if of.__doc__ else None


def _make(
    decorate: Callable[..., Any],
    name: str,
    fields: Mapping[str, tuple[Hint, Any]],
    doc: str | None,
    bases: tuple[type, ...] = (),
) -> type:
    body: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    for field, (hint, made) in fields.items():
        body["__annotations__"][field] = hint
        body[field] = made
    made_type: type = decorate(type(name, bases, body), name=name, description=doc)
    return made_type


def _one_of(name: str, members: Mapping[str, Hint]) -> Hint:
    fields = {
        key: (of | None, strawberry.field(name=key, default=UNSET))
        for key, of in members.items()
    }
    decorate = partial(strawberry.input, one_of=True)
    made: Any = _make(decorate, name, fields, "Exactly one channel's settings.")
    made.__strawberry_definition__.from_input = _chosen
    return made


def _chosen(_cls: type, value: Mapping[str, Any], _context: object) -> Chosen:
    return Chosen(*next(iter(value.items())))
