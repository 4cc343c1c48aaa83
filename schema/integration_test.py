"""Trying an integration."""

from functools import partial

import strawberry

from delivery import trials
from delivery.trials import Trial
from domain.faults import Code
from domain.ids import Id
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.deliveries import Delivery
from schema.errors import Payload
from schema.node import find_row, id_of
from schema.scopes import mutation
from schema.turns import Done, carry_out


@strawberry.input
class TestIntegrationInput:
    """What `testIntegration` takes."""

    integration_id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.type
class TestIntegrationPayload(Payload):
    """What `testIntegration` answers."""

    delivery: Delivery | None = strawberry.field(
        default=None,
        description="The test on its way: look at it again, or follow `deliveryEvents`.",
    )


@strawberry.type
class IntegrationTestMutations:
    """The mutation by which integrations are tried."""

    @mutation(
        Scope.WRITE,
        "Sends a test to one integration, by the way of all deliveries and marked as "
        "what it is: its incident stays out of the list of incidents. It is harmless: "
        "what restarts a server only logs in and looks whether it would be allowed to. "
        "One that is disabled or not verified is refused with UNPROCESSABLE_ENTITY.",
    )
    async def test_integration(
        self, info: Info, input: TestIntegrationInput
    ) -> TestIntegrationPayload:
        """Send a test."""
        done = await carry_out(info, input, partial(_test, info, input))
        loaders = info.context.loaders
        delivery = await find_row(loaders, "Delivery", done.id)
        return TestIntegrationPayload(delivery=delivery)


async def _test(info: Info, given: TestIntegrationInput, tx: Tx, now: int) -> Done:
    context, checks = info.context, Checks()
    integration_id = id_of("Integration", given.integration_id)
    if integration_id is None:
        message = "There is no integration with this id."
        path = ("input", "integrationId")
        checks.refuse(message, *path, code=Code.INTEGRATION_NOT_FOUND)
    found: Id = checks.need(integration_id)
    trial = Trial(
        project_id=context.project_id,
        integration_id=found,
        actor=context.actor,
        url=context.services.public_url,
        providers=context.services.providers,
    )
    return Done(await trials.send(tx, context.services.channels, trial, now))
