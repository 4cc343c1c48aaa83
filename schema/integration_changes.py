"""Changes and deletes integrations, each in one turn under the row's lock."""

from dataclasses import dataclass, field
from typing import Final

import orjson
from strawberry import UNSET

from delivery import mailboxes
from delivery.lanes import cancel_waiting, open_lane, reopen
from domain.channels import Channel
from domain.deliveries import CancelReason
from domain.faults import Code, RefusedError, refuse
from domain.ids import Id
from domain.settings import ChannelSettings
from domain.settings_storage import split
from models.crypto import CannotOpenError, KeyRing, UnknownKeyError
from models.secret_storage import Stored, open_all, seal_all
from models.store import Row, Tx
from schema.checks import Checks
from schema.derive import Chosen
from schema.derived import BY_KEY, BY_TYPE
from schema.errors import Notice
from schema.integration_creation import PERSONAL, assign_mailbox, default_name
from schema.integration_inputs import DeleteIntegrationInput, UpdateIntegrationInput
from schema.node import id_of
from schema.settings_input import Before, merge
from schema.turns import Done

_READ: Final = """
SELECT id, type, name, custom_name, active, down_alerts_only, all_resources, editable,
  deletable, error, settings, secrets, owner_id, updated_at
FROM integration WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL
"""
_UPDATE: Final = """
UPDATE integration SET name = $2, custom_name = $3, active = $4, down_alerts_only = $5,
  all_resources = $6, error = $7, settings = $8, secrets = $9, updated_at = $10
WHERE id = $1
"""
_DELETE: Final = """
UPDATE integration SET active = FALSE, settings = '{}', secrets = '{}', mailbox = NULL,
  deleted_at = $2, updated_at = $2
WHERE id = $1
"""
_DETACH: Final = "DELETE FROM attachment WHERE integration_id = $1"
_FORGET_RULES: Final = "DELETE FROM notification_rule WHERE integration_id = $1"
_NEVER_NULL: Final = {
    "settings": "settings",
    "active": "active",
    "down_alerts_only": "downAlertsOnly",
    "all_resources": "allResources",
}
_ID_PATH: Final = ("input", "integrationId")
_UNREADABLE: Final = (
    "The stored secrets of this integration cannot be read with the server's keys. "
    "Have the operator add the missing key to TOCSIN_SECRET_KEYS again, or delete "
    "this integration and create it anew."
)


async def read_integration(
    tx: Tx,
    project_id: Id,
    text: str,
    checks: Checks,
) -> Row | None:
    """Return the locked row that `input.integrationId` names; None is noted."""
    integration_id = id_of("Integration", text)
    # SQLite has one writer: there is nothing to lock.
    ending = "FOR UPDATE" if tx.dialect == "postgres" else ""
    row = integration_id and await tx.fetchrow(
        _READ + ending, project_id, integration_id
    )
    if not row:
        message = "There is no integration with this id."
        checks.refuse(message, *_ID_PATH, code=Code.INTEGRATION_NOT_FOUND)
    return row or None


@dataclass(slots=True)
class Update:
    """A call of `updateIntegration`. `targets` are the addresses that changed settings
    dial, `notices` what else should be known; both are known once it is written.
    """

    project_id: Id
    keys: KeyRing
    given: UpdateIntegrationInput
    targets: tuple[str, ...] = field(default=(), init=False)
    notices: list[Notice] = field(default_factory=list, init=False)

    async def write(self, tx: Tx, now: int) -> Done:
        """Change the row, and its lane where it is enabled or disabled."""
        checks = Checks()
        self._check_fields(checks)
        if self._moves:
            await mailboxes.hold(tx, self.project_id)
        named = self.given.integration_id
        row = await read_integration(tx, self.project_id, named, checks)
        if row is None:
            raise RefusedError(checks.refusals)
        checks.unchanged(row["updated_at"], self.given.if_updated_at)
        self._check_editable(row, checks)
        if row["owner_id"] is not None and self.given.all_resources:
            checks.refuse(PERSONAL, "input", "allResources")
        channel, before = BY_TYPE[row["type"]], self._before(row, checks)
        settings = self._settings(channel, before, checks)
        checks.done()
        self.targets = channel.targets(settings) if settings else ()
        # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
        at = max(now, row["updated_at"] + 1)
        stored = self._stored(row, before, settings, now)
        await tx.execute(
            _UPDATE,
            row["id"],
            *self._name(row, channel, settings),
            *self._flags(row),
            *stored,
            at,
        )
        if settings and self._moves:
            self.notices = await assign_mailbox(
                tx, self.project_id, row["id"], channel, settings
            )
        await self._switch(tx, row, channel, now)
        if list(map(orjson.loads, stored)) != [
            orjson.loads(row[it]) for it in ("settings", "secrets")
        ]:
            await reopen(tx, row["id"], now)
        return Done(row["id"])

    def _check_fields(self, checks: Checks) -> None:
        given = self.given
        if isinstance(given.name, str):
            checks.text(given.name, "input", "name")
        for name, path in _NEVER_NULL.items():
            if getattr(given, name) is None:
                checks.refuse("Must not be null.", "input", path)

    def _check_editable(self, row: Row, checks: Checks) -> None:
        given = {"name": self.given.name, "settings": self.given.settings}
        for name, value in given.items():
            if value is not UNSET and not row["editable"]:
                message = "This integration cannot be edited."
                code = Code.UNPROCESSABLE_ENTITY
                checks.refuse(message, "input", name, code=code)

    @property
    def _moves(self) -> bool:
        """Whether it may mail to another address than before."""
        chosen = self.given.settings
        return isinstance(chosen, Chosen) and bool(BY_KEY[chosen.channel].mailbox)

    @property
    def _needs_settings(self) -> bool:
        """Whether settings change, or a name is to be made from them."""
        return isinstance(self.given.settings, Chosen) or self.given.name is None

    def _before(self, row: Row, checks: Checks) -> Before:
        if not self._needs_settings:
            return Before()
        stored = orjson.loads(row["secrets"])
        try:
            secrets = open_all(self.keys, self.project_id, row["id"], stored)
        except (UnknownKeyError, CannotOpenError):
            checks.refuse(_UNREADABLE, *_ID_PATH, code=Code.UNPROCESSABLE_ENTITY)
            raise RefusedError(checks.refusals) from None
        return Before(orjson.loads(row["settings"]), secrets)

    def _settings(
        self,
        channel: Channel,
        before: Before,
        checks: Checks,
    ) -> ChannelSettings | None:
        if not self._needs_settings:
            return None
        chosen = self.given.settings or Chosen(channel.key, {})
        path = ("input", "settings", chosen.channel)
        if chosen.channel != channel.key:
            message = f"This integration is of another channel: {channel.key}."
            checks.refuse(message, *path, code=Code.CHANNEL_MISMATCH)
            return None
        return merge(channel.settings, before, chosen.values, checks, *path)

    def _name(
        self,
        row: Row,
        channel: Channel,
        settings: ChannelSettings | None,
    ) -> tuple[str, bool]:
        """Return the name after the change, and whether people gave it."""
        if isinstance(self.given.name, str):
            return self.given.name, True
        custom = bool(row["custom_name"]) and self.given.name is not None
        if settings is None or custom:
            return row["name"], custom
        return default_name(channel, settings), False

    def _flags(self, row: Row) -> tuple[bool, bool, bool, str | None]:
        """Return the switches and the error after the change."""
        active = self._value(row, "active")
        enabled = active and not row["active"]
        others = (
            self._value(row, "down_alerts_only"),
            self._value(row, "all_resources"),
        )
        return active, *others, None if enabled else row["error"]

    def _value(self, row: Row, name: str) -> bool:
        given = getattr(self.given, name)
        return bool(row[name] if given is UNSET else given)

    def _stored(
        self,
        row: Row,
        before: Before,
        settings: ChannelSettings | None,
        now: int,
    ) -> tuple[str, str]:
        """Return the columns of settings and secrets; an equal secret stays as it is,
        with the time at which it was set.
        """
        if settings is None:
            return row["settings"], row["secrets"]
        plain, secrets = split(settings)
        old: Stored = orjson.loads(row["secrets"])
        kept = {p: old[p] for p, s in secrets.items() if before.secrets.get(p) == s}
        fresh = {path: text for path, text in secrets.items() if path not in kept}
        sealed = seal_all(self.keys, self.project_id, row["id"], fresh, now)
        return orjson.dumps(plain).decode(), orjson.dumps(kept | sealed).decode()

    async def _switch(self, tx: Tx, row: Row, channel: Channel, now: int) -> None:
        active = self._value(row, "active")
        if active and not row["active"]:
            lane = (row["id"], channel.type_name, channel.slots)
            await open_lane(tx, self.project_id, *lane)
        elif row["active"] and not active:
            reason = CancelReason.INTEGRATION_DISABLED
            await cancel_waiting(tx, row["id"], reason, now)


async def delete(
    project_id: Id,
    given: DeleteIntegrationInput,
    tx: Tx,
    now: int,
) -> Done:
    """Mark an integration as deleted; what could be secret in it is erased."""
    checks = Checks()
    row = await read_integration(tx, project_id, given.integration_id, checks)
    row = checks.need(row)
    if not row["deletable"]:
        message, code = "This integration cannot be deleted.", Code.UNPROCESSABLE_ENTITY
        raise refuse(code, message, *_ID_PATH)
    await erase(tx, row["id"], now)
    return Done(row["id"])


async def erase(tx: Tx, integration_id: Id, now: int) -> None:
    """Mark an integration as deleted, and remove what refers to it or was secret."""
    await tx.execute(_DELETE, integration_id, now)
    for statement in (_DETACH, _FORGET_RULES):
        await tx.execute(statement, integration_id)
    await cancel_waiting(tx, integration_id, CancelReason.INTEGRATION_DELETED, now)
