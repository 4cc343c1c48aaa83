"""Integrations: what their mutations take and answer."""

import strawberry

from schema.derive import Chosen
from schema.derived import INPUTS
from schema.errors import Payload
from schema.integrations import Integration
from schema.times import DateTime


@strawberry.input
class CreateIntegrationInput:
    """What `createIntegration` takes."""

    settings: Chosen = strawberry.field(graphql_type=INPUTS.create)
    name: str | None = strawberry.field(
        default=None,
        description="1 to 255 characters; without it, made from the settings.",
    )
    active: bool = True
    down_alerts_only: bool = False
    all_resources: bool = strawberry.field(
        default=False,
        description="Lets it hear of every resource, attached or not. Not for a "
        "personal integration.",
    )
    owner_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Makes it a user's personal integration, for good: told by their "
        "notification rules only, and not attachable.",
    )
    idempotency_key: str | None = None


@strawberry.input(description="Absent fields keep their values.")
class UpdateIntegrationInput:
    """What `updateIntegration` takes."""

    integration_id: strawberry.ID
    settings: Chosen | None = strawberry.field(
        default=strawberry.UNSET,
        graphql_type=INPUTS.update | None,
        description="Absent settings keep their values, null clears or resets them, "
        "lists and objects are replaced whole. An entry of a list that leaves its "
        "secret out keeps it.",
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Null goes back to the name that is made from the settings.",
    )
    active: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="False cancels what waits; true forgets the `error`.",
    )
    down_alerts_only: bool | None = strawberry.UNSET
    all_resources: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Counts for incidents that open, reopen or escalate from now on.",
    )
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the integration has another `updatedAt`.",
    )


@strawberry.input
class DeleteIntegrationInput:
    """What `deleteIntegration` takes."""

    integration_id: strawberry.ID


@strawberry.type
class CreateIntegrationPayload(Payload):
    """What `createIntegration` answers."""

    integration: Integration | None = None


@strawberry.type
class UpdateIntegrationPayload(Payload):
    """What `updateIntegration` answers."""

    integration: Integration | None = None


@strawberry.type
class DeleteIntegrationPayload(Payload):
    """What `deleteIntegration` answers."""

    deleted_id: strawberry.ID | None = None
