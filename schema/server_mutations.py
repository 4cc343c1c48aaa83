"""Servers: create, update, delete."""

from functools import partial
from typing import Final

import strawberry

from domain.faults import Code
from domain.ids import Id, encode, new_id
from domain.scopes import Scope
from models.store import Row, Tx
from schema.checks import Checks
from schema.context import Info
from schema.errors import Payload
from schema.node import find_row, id_of
from schema.scopes import mutation
from schema.servers import Server
from schema.times import DateTime
from schema.turns import Done, carry_out

_INSERT: Final = """
INSERT INTO server (id, project_id, name, host, url, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
"""
_UPDATE: Final = """
UPDATE server SET name = $1, host = $2, url = $3, updated_at = $4 WHERE id = $5
"""
_DELETE: Final = "UPDATE server SET deleted_at = $1, updated_at = $1 WHERE id = $2"
_READ: Final = """
SELECT id, name, host, url, updated_at FROM server
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL
"""


@strawberry.input
class CreateServerInput:
    """What `createServer` takes."""

    name: str = strawberry.field(description="1 to 255 characters.")
    host: str = strawberry.field(description="Host name or IP address.")
    url: str | None = strawberry.field(
        default=None,
        description="Shown to those who are told; without it they see the host.",
    )
    idempotency_key: str | None = None


@strawberry.input(description="Absent fields keep their values; null clears.")
class UpdateServerInput:
    """What `updateServer` takes."""

    server_id: strawberry.ID
    name: str | None = strawberry.UNSET
    host: str | None = strawberry.UNSET
    url: str | None = strawberry.UNSET
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the server has another `updatedAt`.",
    )


@strawberry.input
class DeleteServerInput:
    """What `deleteServer` takes."""

    server_id: strawberry.ID


@strawberry.type
class CreateServerPayload(Payload):
    """What `createServer` answers."""

    server: Server | None = None


@strawberry.type
class UpdateServerPayload(Payload):
    """What `updateServer` answers."""

    server: Server | None = None


@strawberry.type
class DeleteServerPayload(Payload):
    """What `deleteServer` answers."""

    deleted_id: strawberry.ID | None = None


async def read_server(
    tx: Tx,
    project_id: Id,
    text: str,
    checks: Checks,
    *,
    lock: bool = False,
) -> Row | None:
    """Return the server that `input.serverId` names; None is noted as a fault."""
    server_id = id_of("Server", text)
    # SQLite has one writer: there is nothing to lock.
    ending = " FOR UPDATE" if lock and tx.dialect == "postgres" else ""
    row = server_id and await tx.fetchrow(_READ + ending, project_id, server_id)
    if not row:
        message = "There is no server with this id."
        checks.refuse(message, "input", "serverId", code=Code.SERVER_NOT_FOUND)
    return row or None


def _check(given: CreateServerInput | UpdateServerInput) -> Checks:
    checks = Checks()
    for field, check in (("name", checks.text), ("host", checks.host)):
        value = getattr(given, field)
        if isinstance(value, str):
            check(value, "input", field)
        elif value is None:
            checks.refuse("Must not be null.", "input", field)
    if isinstance(given.url, str):
        checks.url(given.url, "input", "url")
    return checks


async def _create(project_id: Id, given: CreateServerInput, tx: Tx, now: int) -> Done:
    server_id, fields = new_id(), (given.name, given.host, given.url)
    await tx.execute(_INSERT, server_id, project_id, *fields, now)
    return Done(server_id)


async def _update(project_id: Id, given: UpdateServerInput, tx: Tx, now: int) -> Done:
    checks = _check(given)
    row = await read_server(tx, project_id, given.server_id, checks, lock=True)
    if row is not None:
        checks.unchanged(row["updated_at"], given.if_updated_at)
    row = checks.need(row)
    fields = (
        row[field] if (value := getattr(given, field)) is strawberry.UNSET else value
        for field in ("name", "host", "url")
    )
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, row["updated_at"] + 1)
    await tx.execute(_UPDATE, *fields, at, row["id"])
    return Done(row["id"])


async def _delete(project_id: Id, given: DeleteServerInput, tx: Tx, now: int) -> Done:
    checks = Checks()
    row = await read_server(tx, project_id, given.server_id, checks, lock=True)
    server_id = checks.need(row)["id"]
    await tx.execute(_DELETE, now, server_id)
    return Done(server_id)


@strawberry.type
class ServerMutations:
    """Mutations of servers."""

    @mutation(Scope.WRITE, "Makes a server known.")
    async def create_server(
        self,
        info: Info,
        input: CreateServerInput,
    ) -> CreateServerPayload:
        """Insert a server."""
        _check(input).done()
        work = partial(_create, info.context.project_id, input)
        done = await carry_out(info, input, work)
        server = await find_row(info.context.loaders, "Server", done.id)
        return CreateServerPayload(server=server)

    @mutation(Scope.WRITE, "Changes a server; open incidents keep what they show.")
    async def update_server(
        self,
        info: Info,
        input: UpdateServerInput,
    ) -> UpdateServerPayload:
        """Update a server."""
        work = partial(_update, info.context.project_id, input)
        done = await carry_out(info, input, work)
        server = await find_row(info.context.loaders, "Server", done.id)
        return UpdateServerPayload(server=server)

    @mutation(
        Scope.WRITE,
        "Deletes a server. Its open incidents stay and nothing is cancelled.",
    )
    async def delete_server(
        self,
        info: Info,
        input: DeleteServerInput,
    ) -> DeleteServerPayload:
        """Mark a server as deleted."""
        work = partial(_delete, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("Server", done.id))
        return DeleteServerPayload(deleted_id=deleted_id)
