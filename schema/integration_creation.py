"""Creates integrations: the settings are checked before anything is written."""

from dataclasses import dataclass
from typing import Final

import orjson

from delivery import mailboxes
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
from schema.node import id_of
from schema.settings_input import Before, merge
from schema.turns import Done

_INSERT: Final = """
INSERT INTO integration
  (id, project_id, type, name, custom_name, active, down_alerts_only, all_resources,
   editable, deletable, verified, settings, secrets, owner_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, TRUE, TRUE, TRUE, $9, $10, $11, $12, $12)
"""

_OWNER: Final = """
SELECT id FROM person WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"""

_UNVERIFIED: Final = (
    "This address is that of a user who has not verified it: nothing is sent until "
    "they have; see sendEmailVerification."
)

PERSONAL: Final = (
    "It is a personal integration: only its owner's notification rules tell it."
)


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
        if given.owner_id is not None and given.all_resources:
            checks.refuse(PERSONAL, "input", "allResources")
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
        if self.channel.mailbox:
            await mailboxes.hold(tx, self.project_id)
        await self._check_plan(tx)
        owner_id = await self._owner(tx)
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
            given.all_resources,
            orjson.dumps(plain).decode(),
            orjson.dumps(sealed).decode(),
            owner_id,
            now,
        )
        lane = (integration_id, channel.type_name, channel.slots)
        await open_lane(tx, self.project_id, *lane)
        waits = await assign_mailbox(
            tx, self.project_id, integration_id, channel, self.settings
        )
        return Done(integration_id, notices + waits)

    async def _owner(self, tx: Tx) -> Id | None:
        """Return the user whose it is to be, who stays until the turn ends."""
        if self.given.owner_id is None:
            return None
        checks, owner_id = Checks(), id_of("User", self.given.owner_id)
        ending = " FOR SHARE" if tx.dialect == "postgres" else ""
        row = owner_id and await tx.fetchrow(_OWNER + ending, self.project_id, owner_id)
        if not row:
            message = "There is no user with this id."
            checks.refuse(message, "input", "ownerId", code=Code.USER_NOT_FOUND)
        return checks.need(owner_id)

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


async def assign_mailbox(
    tx: Tx,
    project_id: Id,
    integration_id: Id,
    channel: Channel,
    settings: ChannelSettings,
) -> list[Notice]:
    """Note where an integration mails to, if it does; return a warning if that is a
    user's address and not verified. Needs `mailboxes.hold`.
    """
    if channel.mailbox is None:
        return []
    address = channel.mailbox(settings)
    if await mailboxes.assign(tx, project_id, integration_id, address):
        return []
    return [Notice(message=_UNVERIFIED, path=["input", "settings", channel.key])]


def default_name(channel: Channel, settings: ChannelSettings) -> str:
    """Return the name that is made from the settings, shortened where it must be."""
    name = channel.name(settings)
    return name if len(name) <= NAME_MOST else f"{name[: NAME_MOST - 1]}…"
