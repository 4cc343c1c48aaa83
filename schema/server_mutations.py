"""Servers: create, update, delete."""

from functools import partial

import strawberry

from domain.ids import encode
from domain.resources import SERVER
from domain.scopes import Scope
from schema.context import Info
from schema.errors import Payload
from schema.node import find_row
from schema.resource_changes import check, create, delete, update
from schema.scopes import mutation
from schema.servers import Server
from schema.times import DateTime
from schema.turns import carry_out


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
        check(SERVER, input).done()
        work = partial(create, SERVER, info.context.project_id, input)
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
        work = partial(update, SERVER, info.context.project_id, input)
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
        work = partial(delete, SERVER, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("Server", done.id))
        return DeleteServerPayload(deleted_id=deleted_id)
