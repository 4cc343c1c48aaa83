"""Creates integrations: the settings are checked before anything is written."""

from dataclasses import dataclass
from typing import Final

import orjson

from delivery.lanes import open_lane
from domain.channels import Channel, Plan
from domain.faults import Code
from domain.ids import Id, new_id
from domain.settings import ChannelSettings
from domain.settings_storage import split
from models.crypto import KeyRing
from models.secret_storage import seal_all
from models.store import Tx
from schema.checks import NAME_MOST, Checks
from schema.derived import BY_KEY
from schema.errors import Notice
from schema.integration_inputs import CreateIntegrationInput
from schema.settings_input import Before, merge
from schema.turns import Done

_INSERT: Final = """
INSERT INTO integration
  (id, project_id, type, name, custom_name, active, down_alerts_only, all_resources,
   editable, deletable, verified, settings, secrets, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE, TRUE, TRUE, TRUE, $8, $9, $10, $10)
"""


@dataclass(frozen=True, slots=True)
class Creation:
    """A checked call of `createIntegration`."""

    project_id: Id
    given: CreateIntegrationInput
    channel: Channel
    settings: ChannelSettings

    @classmethod
    def check(cls, project_id: Id, given: CreateIntegrationInput) -> "Creation":
        """Check the input; raise RefusedError with all that is wrong."""
        checks, key = Checks(), given.settings.channel
        channel = BY_KEY[key]
        if given.name is not None:
            checks.text(given.name, "input", "name")
        path = ("input", "settings", key)
        values = given.settings.values
        settings = merge(channel.settings, Before(), values, checks, *path)
        return cls(project_id, given, channel, checks.need(settings))

    @property
    def targets(self) -> tuple[str, ...]:
        """The addresses that the new integration will dial."""
        return self.channel.targets(self.settings)

    async def write(
        self,
        keys: KeyRing,
        notices: list[Notice],
        tx: Tx,
        now: int,
    ) -> Done:
        """Insert the integration and open its lane."""
        await self._check_plan(tx)
        given, channel, integration_id = self.given, self.channel, new_id()
        plain, secrets = split(self.settings)
        sealed = seal_all(keys, self.project_id, integration_id, secrets, now)
        name = given.name or default_name(channel, self.settings)
        await tx.execute(
            _INSERT,
            integration_id,
            self.project_id,
            channel.type_name,
            name,
            given.name is not None,
            given.active,
            given.down_alerts_only,
            orjson.dumps(plain).decode(),
            orjson.dumps(sealed).decode(),
            now,
        )
        lane = (integration_id, channel.type_name, channel.slots)
        await open_lane(tx, self.project_id, *lane)
        return Done(integration_id, notices)

    async def _check_plan(self, tx: Tx) -> None:
        if self.channel.plan is Plan.FREE:
            return
        select = "SELECT plan FROM project WHERE id = $1"
        if await tx.fetchval(select, self.project_id) != Plan.PAID.value:
            checks, label = Checks(), self.channel.label
            checks.refuse(
                f"{label} integrations require a paid plan.",
                *("input", "settings", self.channel.key),
                code=Code.PAID_PLAN_REQUIRED,
            )
            checks.done()


def default_name(channel: Channel, settings: ChannelSettings) -> str:
    """Return the name that is made from the settings, shortened where it must be."""
    name = channel.name(settings)
    return name if len(name) <= NAME_MOST else f"{name[: NAME_MOST - 1]}…"
