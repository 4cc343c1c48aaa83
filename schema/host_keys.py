"""Confirming the host key of a server that is reached over SSH."""

from functools import partial
from typing import Any, Final

import orjson
import strawberry

from delivery.lanes import reopen
from domain.faults import Code
from domain.host_keys import SHOWN, confirmed, normal_fingerprint
from domain.ids import Id
from domain.scopes import Scope
from domain.settings import settings_of
from models.store import Row, Tx
from schema.checks import Checks
from schema.context import Info
from schema.derived import BY_TYPE
from schema.errors import Payload
from schema.integration_changes import read_integration
from schema.integrations import Integration
from schema.node import find_row
from schema.scopes import mutation
from schema.turns import Done, carry_out

_FINGERPRINT: Final = ("input", "fingerprint")

_CONFIRM: Final = "UPDATE integration SET settings = $2, updated_at = $3 WHERE id = $1"


@strawberry.input
class ConfirmHostKeyInput:
    """What `confirmHostKey` takes."""

    integration_id: strawberry.ID
    fingerprint: str = strawberry.field(
        description="The one that `settings.hostKey` shows, compared with what the "
        "server itself prints; any one where none is shown yet.",
    )


@strawberry.type
class ConfirmHostKeyPayload(Payload):
    """What `confirmHostKey` answers."""

    integration: Integration | None = None


@strawberry.type
class HostKeyMutations:
    """The mutation by which host keys are confirmed."""

    @mutation(
        Scope.WRITE,
        "Confirms the key by which a server is known from others; until then nothing "
        "is run there. What failed before can be sent again.",
    )
    async def confirm_host_key(
        self, info: Info, input: ConfirmHostKeyInput
    ) -> ConfirmHostKeyPayload:
        """Pin a host key."""
        work = partial(_confirm, info.context.project_id, input)
        done = await carry_out(info, input, work)
        row: Any = await find_row(info.context.loaders, "Integration", done.id)
        return ConfirmHostKeyPayload(integration=row)


async def _confirm(
    project_id: Id, given: ConfirmHostKeyInput, tx: Tx, now: int
) -> Done:
    checks = Checks()
    row = await read_integration(tx, project_id, given.integration_id, checks)
    fingerprint = _normal(given.fingerprint, checks)
    if row is None:
        return checks.need(None)
    _check_channel(row, checks)
    checks.done()
    settings = orjson.loads(row["settings"])
    shown = settings.get(SHOWN) or {}
    if shown and shown["fingerprint"] != fingerprint:
        message = f"The server is shown with another host key: {shown['fingerprint']}."
        checks.refuse(message, *_FINGERPRINT, code=Code.HOST_KEY_UNCONFIRMED)
        checks.done()
    if not shown.get("confirmed"):
        stored = orjson.dumps({**settings, **confirmed(fingerprint)}).decode()
        # Never twice the same, or the change would pass `ifUpdatedAt` unseen.
        at = max(now, row["updated_at"] + 1)
        await tx.execute(_CONFIRM, row["id"], stored, at)
        await reopen(tx, row["id"], now)
    return Done(row["id"])


def _normal(text: str, checks: Checks) -> str:
    try:
        return normal_fingerprint(text)
    except ValueError as fault:
        checks.refuse(str(fault), *_FINGERPRINT)
        return text


def _check_channel(row: Row, checks: Checks) -> None:
    channel, path = BY_TYPE[row["type"]], ("input", "integrationId")
    if SHOWN not in {it.name for it in settings_of(channel.settings)}:
        message = "The channel of this integration has no host keys."
        checks.refuse(message, *path, code=Code.CHANNEL_MISMATCH)
    elif not row["editable"]:
        message = "This integration cannot be edited."
        checks.refuse(message, *path, code=Code.UNPROCESSABLE_ENTITY)
