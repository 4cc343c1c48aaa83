"""What channels there are, as data: enough to draw a form for each."""

import strawberry
from strawberry.scalars import JSON

from domain.settings import Kind
from schema.derived import INPUTS
from schema.enums import EventKind, Plan

strawberry.enum(Kind, name="SettingKind", description="What a setting is.")


@strawberry.type(description="A setting of a channel. Lengths are in characters.")
class SettingInfo:
    """A row of the vocabulary, as the API shows it."""

    name: str = strawberry.field(description="Its name in inputs and outputs.")
    kind: Kind
    many: bool = strawberry.field(description="Whether it is a list of these.")
    required: bool
    secret: bool = strawberry.field(description="Whether it can be set and not read.")
    bound_to: list[str] = strawberry.field(
        description="Settings whose change asks for this secret again, or lets go of "
        "what is no secret.",
    )
    key: bool = strawberry.field(
        description="Whether it tells the entries of its list apart.",
    )
    input_only: bool
    output_only: bool
    help: str | None
    pattern: str | None = strawberry.field(description="A regular expression.")
    min_length: int | None
    max_length: int | None
    minimum: int | None
    maximum: int | None
    min_items: int | None
    max_items: int | None
    default: JSON | None = strawberry.field(
        description="The value that an absent setting gets.",
    )
    examples: list[JSON]
    values: list[str] | None = strawberry.field(
        description="The values that an enum has, as inputs take them.",
    )
    fields: list["SettingInfo"] | None = strawberry.field(
        description="The settings that an object has.",
    )


@strawberry.type(description="What a channel can do.")
class IntegrationAbilities:
    """The abilities that a channel declares."""

    repeatable: bool = strawberry.field(
        description="Whether a notification may be sent again after an unclear end.",
    )
    resolves: bool = strawberry.field(
        description="Whether the end of an incident is told as such.",
    )
    updates_in_place: bool = strawberry.field(
        description="Whether an earlier notification is changed.",
    )
    skip_stale: bool = strawberry.field(
        description="Whether what was resolved before it could be told is not told.",
    )
    events: list[EventKind] = strawberry.field(description="What it is told of.")


@strawberry.type(description="A channel that integrations can be made of.")
class IntegrationTypeInfo:
    """The declaration of a channel, as the API shows it."""

    type: str = strawberry.field(graphql_type=INPUTS.integration_type)
    key: str = strawberry.field(description="Its member in the settings inputs.")
    label: str
    description: str
    docs_url: str
    creatable: bool = strawberry.field(
        description="Whether `createIntegration` takes it.",
    )
    configured: bool = strawberry.field(
        description="Whether the operator has set up what it needs of theirs.",
    )
    plan: Plan = strawberry.field(description="The least plan that has it.")
    abilities: IntegrationAbilities
    fields: list[SettingInfo]
    example: JSON = strawberry.field(description="Settings as an input takes them.")
