"""Fills the metadata of channels from their declarations, and lists it."""

from dataclasses import asdict
from enum import Enum
from typing import cast

import strawberry
from pydantic import BaseModel
from strawberry.scalars import JSON

from domain.channels import Channel, Provider
from domain.incidents import EventKind
from domain.scopes import Scope
from domain.settings import Kind, Mark, Setting, settings_of
from notifiers import CHANNELS
from schema.context import Info
from schema.integration_types import (
    IntegrationAbilities,
    IntegrationTypeInfo,
    SettingInfo,
)
from schema.scopes import query


def type_info(
    channel: Channel, providers: frozenset[Provider] = frozenset()
) -> IntegrationTypeInfo:
    """Return what the API says of a channel, where the operator has set up these."""
    return IntegrationTypeInfo(
        type=channel.type_name,
        key=channel.key,
        label=channel.label,
        description=channel.description,
        docs_url=channel.docs_url,
        creatable=channel.creatable,
        configured=channel.provider is None or channel.provider in providers,
        plan=channel.plan,
        abilities=_abilities(channel),
        fields=_settings(channel.settings, channel.settings),
        example=_json(channel.example),
    )


def _abilities(channel: Channel) -> IntegrationAbilities:
    return IntegrationAbilities(
        repeatable=channel.repeatable,
        resolves=channel.resolves,
        updates_in_place=channel.updates_in_place,
        skip_stale=channel.skip_stale,
        events=[kind for kind in EventKind if kind in channel.wants],
    )


def _settings(
    model: type[BaseModel],
    root: type[BaseModel],
) -> list[SettingInfo]:
    return [_setting(row, root) for row in settings_of(model)]


def _setting(row: Setting, root: type[BaseModel]) -> SettingInfo:
    return SettingInfo(
        name=row.alias,
        kind=row.kind,
        many=row.many,
        required=row.required,
        secret=row.kind is Kind.SECRET,
        bound_to=[s.alias for s in settings_of(root) if s.name in row.bound],
        key=row.key,
        input_only=Mark.INPUT_ONLY in row.marks,
        output_only=Mark.OUTPUT_ONLY in row.marks,
        help=row.description,
        default=None if row.default is None else _json(row.default),
        examples=[_json(example) for example in row.examples],
        values=[member.name for member in row.of] if row.kind is Kind.ENUM else None,
        fields=_settings(row.of, root) if row.kind is Kind.OBJECT else None,
        **asdict(row.constraints),
    )


def _json(value: object) -> JSON:
    """Return a value as inputs take it, as JSON."""
    if isinstance(value, Enum):
        return cast("JSON", value.name)
    if isinstance(value, list | tuple):
        return cast("JSON", [_json(each) for each in value])
    return cast("JSON", value)


@strawberry.type
class IntegrationTypeQueries:
    """Root queries for channels."""

    @query(
        Scope.READ,
        "The channels that there are, with the settings that each takes.",
        graphql_type=list[IntegrationTypeInfo],
    )
    def integration_types(self, info: Info) -> list[IntegrationTypeInfo]:
        """List the channels, in the order of the registry."""
        providers = info.context.services.providers
        return [type_info(channel, providers) for channel in CHANNELS]
