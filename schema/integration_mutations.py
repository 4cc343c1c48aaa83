"""Integrations: create, update, delete."""

from collections.abc import Iterable
from functools import partial
from typing import Final

import strawberry

from domain.channels import Channel, Provider
from domain.ids import encode
from domain.scopes import Scope
from schema.context import Info
from schema.errors import Notice
from schema.integration_changes import Update, delete
from schema.integration_creation import Creation
from schema.integration_inputs import (
    CreateIntegrationInput,
    CreateIntegrationPayload,
    DeleteIntegrationInput,
    DeleteIntegrationPayload,
    UpdateIntegrationInput,
    UpdateIntegrationPayload,
)
from schema.node import find_row
from schema.scopes import mutation
from schema.turns import carry_out


async def _notices(info: Info, targets: Iterable[str]) -> list[Notice]:
    """Return a warning for each address that would be refused if dialled now."""
    sentences = await info.context.services.guard.warnings(targets)
    return [Notice(message=text, path=["input", "settings"]) for text in sentences]


def _set_up(info: Info, channel: Channel) -> list[Notice]:
    """Return a warning where the operator has yet to set up what a channel needs."""
    if channel.provider is None or channel.provider in info.context.services.providers:
        return []
    text = (
        f"{channel.label} is not set up on this server: until the operator has done "
        f"that ({_VARIABLES[channel.provider]}), nothing can be sent."
    )
    return [Notice(message=text, path=["input", "settings", channel.key])]


_VARIABLES: Final = {Provider.SMTP: "TOCSIN_SMTP_URL"}


@strawberry.type
class IntegrationMutations:
    """Mutations of integrations."""

    @mutation(Scope.WRITE, "Makes an integration. It hears of what it is attached to.")
    async def create_integration(
        self,
        info: Info,
        input: CreateIntegrationInput,
    ) -> CreateIntegrationPayload:
        """Insert an integration."""
        context = info.context
        creation = Creation.check(context.project_id, input)
        notices = _set_up(info, creation.channel)
        notices += await _notices(info, creation.targets)
        work = partial(creation.write, context.services.keys, notices)
        done = await carry_out(info, input, work)
        integration = await find_row(context.loaders, "Integration", done.id)
        return CreateIntegrationPayload(integration=integration, warnings=done.warnings)

    @mutation(
        Scope.WRITE,
        "Changes, enables or disables an integration; disabling cancels what waits.",
    )
    async def update_integration(
        self,
        info: Info,
        input: UpdateIntegrationInput,
    ) -> UpdateIntegrationPayload:
        """Update an integration."""
        context = info.context
        update = Update(context.project_id, context.services.keys, input)
        done = await carry_out(info, input, update.write)
        return UpdateIntegrationPayload(
            integration=await find_row(context.loaders, "Integration", done.id),
            warnings=update.notices + await _notices(info, update.targets),
        )

    @mutation(
        Scope.WRITE,
        "Deletes an integration with its secrets and attachments, and cancels what "
        "waits. Its deliveries stay.",
    )
    async def delete_integration(
        self,
        info: Info,
        input: DeleteIntegrationInput,
    ) -> DeleteIntegrationPayload:
        """Mark an integration as deleted."""
        work = partial(delete, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("Integration", done.id))
        return DeleteIntegrationPayload(deleted_id=deleted_id)
