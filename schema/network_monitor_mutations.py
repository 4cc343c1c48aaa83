"""Network monitors: create, update, delete."""

from functools import partial

import strawberry

from domain.ids import encode
from domain.resources import NETWORK_MONITOR, NetworkMonitorKind
from domain.scopes import Scope
from schema.context import Info
from schema.errors import Payload
from schema.network_monitors import NetworkMonitor
from schema.node import find_row
from schema.resource_changes import check, create, delete, update
from schema.scopes import mutation
from schema.times import DateTime
from schema.turns import carry_out


@strawberry.input
class CreateNetworkMonitorInput:
    """What `createNetworkMonitor` takes."""

    name: str = strawberry.field(description="1 to 255 characters.")
    host: str = strawberry.field(description="Host name or IP address.")
    kind: NetworkMonitorKind = NetworkMonitorKind.HTTP
    port: int | None = strawberry.field(default=None, description="1 to 65,535.")
    url: str | None = strawberry.field(
        default=None,
        description="Shown to those who are told; without it they see host and port.",
    )
    idempotency_key: str | None = None


@strawberry.input(description="Absent fields keep their values; null clears.")
class UpdateNetworkMonitorInput:
    """What `updateNetworkMonitor` takes."""

    network_monitor_id: strawberry.ID
    name: str | None = strawberry.UNSET
    kind: NetworkMonitorKind | None = strawberry.UNSET
    host: str | None = strawberry.UNSET
    port: int | None = strawberry.UNSET
    url: str | None = strawberry.UNSET
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the network monitor has another `updatedAt`.",
    )


@strawberry.input
class DeleteNetworkMonitorInput:
    """What `deleteNetworkMonitor` takes."""

    network_monitor_id: strawberry.ID


@strawberry.type
class CreateNetworkMonitorPayload(Payload):
    """What `createNetworkMonitor` answers."""

    network_monitor: NetworkMonitor | None = None


@strawberry.type
class UpdateNetworkMonitorPayload(Payload):
    """What `updateNetworkMonitor` answers."""

    network_monitor: NetworkMonitor | None = None


@strawberry.type
class DeleteNetworkMonitorPayload(Payload):
    """What `deleteNetworkMonitor` answers."""

    deleted_id: strawberry.ID | None = None


@strawberry.type
class NetworkMonitorMutations:
    """Mutations of network monitors."""

    @mutation(Scope.WRITE, "Makes a network monitor known.")
    async def create_network_monitor(
        self,
        info: Info,
        input: CreateNetworkMonitorInput,
    ) -> CreateNetworkMonitorPayload:
        """Insert a network monitor."""
        check(NETWORK_MONITOR, input).done()
        work = partial(create, NETWORK_MONITOR, info.context.project_id, input)
        done = await carry_out(info, input, work)
        monitor = await find_row(info.context.loaders, "NetworkMonitor", done.id)
        return CreateNetworkMonitorPayload(network_monitor=monitor)

    @mutation(
        Scope.WRITE, "Changes a network monitor; open incidents keep what they show."
    )
    async def update_network_monitor(
        self,
        info: Info,
        input: UpdateNetworkMonitorInput,
    ) -> UpdateNetworkMonitorPayload:
        """Update a network monitor."""
        work = partial(update, NETWORK_MONITOR, info.context.project_id, input)
        done = await carry_out(info, input, work)
        monitor = await find_row(info.context.loaders, "NetworkMonitor", done.id)
        return UpdateNetworkMonitorPayload(network_monitor=monitor)

    @mutation(
        Scope.WRITE,
        "Deletes a network monitor. Its open incidents stay and nothing is cancelled.",
    )
    async def delete_network_monitor(
        self,
        info: Info,
        input: DeleteNetworkMonitorInput,
    ) -> DeleteNetworkMonitorPayload:
        """Mark a network monitor as deleted."""
        work = partial(delete, NETWORK_MONITOR, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("NetworkMonitor", done.id))
        return DeleteNetworkMonitorPayload(deleted_id=deleted_id)
