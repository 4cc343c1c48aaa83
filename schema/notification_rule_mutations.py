"""Notification rules: create, update, delete."""

from functools import partial
from typing import Any, Final

import strawberry
from strawberry import UNSET

from domain.faults import Code
from domain.ids import Id, encode, new_id
from domain.people import LONGEST_WAIT, Urgency, place
from domain.scopes import Scope
from models.store import Row, Tx
from schema.checks import Checks
from schema.context import Info
from schema.errors import Payload
from schema.node import find_row, id_of
from schema.notification_rules import WAIT, NotificationRule
from schema.scopes import mutation
from schema.times import DateTime
from schema.turns import Done, carry_out
from schema.user_changes import read_user

MOST: Final = 100
"""Rules of a user."""

_READ: Final = """
SELECT id, user_id, integration_id, urgency, after_seconds, updated_at
FROM notification_rule WHERE project_id = $1 AND id = $2"""
_INTEGRATION: Final = """
SELECT id, owner_id FROM integration
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL"""
_COUNT: Final = "SELECT count(*) FROM notification_rule WHERE user_id = $1"
_SAME: Final = """
SELECT id FROM notification_rule
WHERE user_id = $1 AND place = $2 AND integration_id = $3"""
_INSERT: Final = """
INSERT INTO notification_rule
 (id, project_id, user_id, integration_id, urgency, after_seconds, place, created_at,
  updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)"""
_UPDATE: Final = """
UPDATE notification_rule
SET integration_id = $2, urgency = $3, after_seconds = $4, place = $5, updated_at = $6
WHERE id = $1"""
_DELETE: Final = "DELETE FROM notification_rule WHERE id = $1"


@strawberry.input
class CreateNotificationRuleInput:
    """What `createNotificationRule` takes."""

    user_id: strawberry.ID
    urgency: Urgency = strawberry.field(description="Any but SILENT.")
    integration_id: strawberry.ID = strawberry.field(
        description="A personal integration of the user.",
    )
    after_seconds: int = strawberry.field(default=0, description=WAIT)
    idempotency_key: str | None = None


@strawberry.input(description="Absent fields keep their values.")
class UpdateNotificationRuleInput:
    """What `updateNotificationRule` takes."""

    notification_rule_id: strawberry.ID
    urgency: Urgency | None = UNSET
    integration_id: strawberry.ID | None = UNSET
    after_seconds: int | None = UNSET
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the rule has another `updatedAt`.",
    )


@strawberry.input
class DeleteNotificationRuleInput:
    """What `deleteNotificationRule` takes."""

    notification_rule_id: strawberry.ID


@strawberry.type
class CreateNotificationRulePayload(Payload):
    """What `createNotificationRule` answers."""

    notification_rule: NotificationRule | None = None


@strawberry.type
class UpdateNotificationRulePayload(Payload):
    """What `updateNotificationRule` answers."""

    notification_rule: NotificationRule | None = None


@strawberry.type
class DeleteNotificationRulePayload(Payload):
    """What `deleteNotificationRule` answers."""

    deleted_id: strawberry.ID | None = None


Fields = CreateNotificationRuleInput | UpdateNotificationRuleInput


def _check(given: Fields) -> Checks:
    checks = Checks()
    for name, path in _NEVER_NULL.items():
        if getattr(given, name) is None:
            checks.refuse("Must not be null.", "input", path)
    if given.urgency is Urgency.SILENT:
        checks.refuse("What is silent tells nobody.", "input", "urgency")
    after = given.after_seconds
    if isinstance(after, int) and not 0 <= after <= LONGEST_WAIT:
        checks.refuse(f"Must be from 0 to {LONGEST_WAIT}.", "input", "afterSeconds")
    return checks


_NEVER_NULL: Final = {
    "urgency": "urgency",
    "integration_id": "integrationId",
    "after_seconds": "afterSeconds",
}


async def _read_integration(
    tx: Tx, project_id: Id, text: str, user_id: Id | None, checks: Checks
) -> Id | None:
    """Return the id of a user's own integration, which stays until the turn ends."""
    named = id_of("Integration", text)
    ending = " FOR SHARE" if tx.dialect == "postgres" else ""
    row = named and await tx.fetchrow(_INTEGRATION + ending, project_id, named)
    path = ("input", "integrationId")
    if not row:
        message = "There is no integration with this id."
        checks.refuse(message, *path, code=Code.INTEGRATION_NOT_FOUND)
    elif user_id is not None and row["owner_id"] != user_id:
        checks.refuse("Must be a personal integration of the user.", *path)
    return named if row else None


async def _refuse_same(
    tx: Tx, rule_id: Id, user_id: Id, at: int, integration_id: Id
) -> None:
    found = await tx.fetchval(_SAME, user_id, at, integration_id)
    if found not in {None, rule_id}:
        checks = Checks()
        checks.refuse("The user has such a rule already.", "input")
        checks.done()


async def _create(
    project_id: Id, given: CreateNotificationRuleInput, tx: Tx, now: int
) -> Done:
    checks = _check(given)
    user = await read_user(tx, project_id, given.user_id, checks)
    user_id = Id(user["id"]) if user else None
    integration_id = await _read_integration(
        tx, project_id, given.integration_id, user_id, checks
    )
    if user_id and await tx.fetchval(_COUNT, user_id) >= MOST:
        message = f"A user has at most {MOST} notification rules."
        checks.refuse(message, "input", code=Code.LIMIT_REACHED)
    owner, integration = checks.need(user_id), checks.need(integration_id)
    rule_id, at = new_id(), place(given.urgency, given.after_seconds)
    await _refuse_same(tx, rule_id, owner, at, integration)
    fields = (given.urgency.value, given.after_seconds, at)
    await tx.execute(_INSERT, rule_id, project_id, owner, integration, *fields, now)
    return Done(rule_id)


async def _read(tx: Tx, project_id: Id, text: str, checks: Checks) -> Row | None:
    """Return the row that `input.notificationRuleId` names, its user locked."""
    named = id_of("NotificationRule", text)
    row = named and await tx.fetchrow(_READ, project_id, named)
    if row and tx.dialect == "postgres":
        lock = "SELECT 1 FROM person WHERE id = $1 FOR UPDATE"
        await tx.fetch(lock, row["user_id"])
        row = await tx.fetchrow(_READ, project_id, named)
    if not row:
        message, path = (
            "There is no notification rule with this id.",
            "notificationRuleId",
        )
        checks.refuse(message, "input", path, code=Code.NOTIFICATION_RULE_NOT_FOUND)
    return row or None


async def _update(
    project_id: Id, given: UpdateNotificationRuleInput, tx: Tx, now: int
) -> Done:
    checks = _check(given)
    row = await _read(tx, project_id, given.notification_rule_id, checks)
    if row is not None:
        checks.unchanged(row["updated_at"], given.if_updated_at)
    row = checks.need(row)
    integration_id: Any = row["integration_id"]
    if given.integration_id:
        integration_id = await _read_integration(
            tx, project_id, given.integration_id, row["user_id"], checks
        )
    checks.done()
    urgency = given.urgency or Urgency(row["urgency"])
    after = given.after_seconds
    seconds = after if isinstance(after, int) else row["after_seconds"]
    place_ = place(urgency, seconds)
    await _refuse_same(tx, row["id"], row["user_id"], place_, integration_id)
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, row["updated_at"] + 1)
    fields = (integration_id, urgency.value, seconds, place_)
    await tx.execute(_UPDATE, row["id"], *fields, at)
    return Done(row["id"])


async def _delete(
    project_id: Id, given: DeleteNotificationRuleInput, tx: Tx, _now: int
) -> Done:
    checks = Checks()
    row = checks.need(await _read(tx, project_id, given.notification_rule_id, checks))
    await tx.execute(_DELETE, row["id"])
    return Done(row["id"])


@strawberry.type
class NotificationRuleMutations:
    """Mutations of notification rules."""

    @mutation(Scope.WRITE, "Makes a rule by which a user is told.")
    async def create_notification_rule(
        self,
        info: Info,
        input: CreateNotificationRuleInput,
    ) -> CreateNotificationRulePayload:
        """Insert a rule."""
        work = partial(_create, info.context.project_id, input)
        done = await carry_out(info, input, work)
        rule = await find_row(info.context.loaders, "NotificationRule", done.id)
        return CreateNotificationRulePayload(notification_rule=rule)

    @mutation(Scope.WRITE, "Changes a rule by which a user is told.")
    async def update_notification_rule(
        self,
        info: Info,
        input: UpdateNotificationRuleInput,
    ) -> UpdateNotificationRulePayload:
        """Update a rule."""
        work = partial(_update, info.context.project_id, input)
        done = await carry_out(info, input, work)
        rule = await find_row(info.context.loaders, "NotificationRule", done.id)
        return UpdateNotificationRulePayload(notification_rule=rule)

    @mutation(Scope.WRITE, "Deletes a rule by which a user is told.")
    async def delete_notification_rule(
        self,
        info: Info,
        input: DeleteNotificationRuleInput,
    ) -> DeleteNotificationRulePayload:
        """Delete a rule."""
        work = partial(_delete, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("NotificationRule", done.id))
        return DeleteNotificationRulePayload(deleted_id=deleted_id)
