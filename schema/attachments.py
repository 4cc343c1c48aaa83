"""Which integrations hear of which resource: attach and detach."""

from functools import partial
from typing import Final

import strawberry

from domain.faults import Code
from domain.ids import Id, new_id
from domain.resources import NETWORK_MONITOR, SERVER, ResourceKind
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.errors import Payload
from schema.integration_creation import PERSONAL
from schema.integrations import Integration
from schema.network_monitors import NetworkMonitor
from schema.node import find, find_row, id_of
from schema.resource_changes import read_resource
from schema.scopes import mutation
from schema.servers import Server
from schema.turns import Done, carry_out

_INTEGRATION: Final = """
SELECT id, owner_id FROM integration
WHERE project_id = $1 AND id = $2 AND deleted_at IS NULL
"""
_ATTACH: Final = """
INSERT INTO attachment
  (id, project_id, resource_type, resource_id, integration_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (resource_id, integration_id) DO NOTHING
"""
_DETACH: Final = """
DELETE FROM attachment WHERE resource_id = $1 AND integration_id = $2
"""


@strawberry.input
class AttachIntegrationToServerInput:
    """What `attachIntegrationToServer` takes."""

    server_id: strawberry.ID
    integration_id: strawberry.ID


@strawberry.input
class DetachIntegrationFromServerInput:
    """What `detachIntegrationFromServer` takes."""

    server_id: strawberry.ID
    integration_id: strawberry.ID


@strawberry.type
class AttachIntegrationToServerPayload(Payload):
    """What `attachIntegrationToServer` answers."""

    server: Server | None = None
    integration: Integration | None = None


@strawberry.type
class DetachIntegrationFromServerPayload(Payload):
    """What `detachIntegrationFromServer` answers."""

    server: Server | None = None
    integration: Integration | None = None


@strawberry.input
class AttachIntegrationToNetworkMonitorInput:
    """What `attachIntegrationToNetworkMonitor` takes."""

    network_monitor_id: strawberry.ID
    integration_id: strawberry.ID


@strawberry.input
class DetachIntegrationFromNetworkMonitorInput:
    """What `detachIntegrationFromNetworkMonitor` takes."""

    network_monitor_id: strawberry.ID
    integration_id: strawberry.ID


@strawberry.type
class AttachIntegrationToNetworkMonitorPayload(Payload):
    """What `attachIntegrationToNetworkMonitor` answers."""

    network_monitor: NetworkMonitor | None = None
    integration: Integration | None = None


@strawberry.type
class DetachIntegrationFromNetworkMonitorPayload(Payload):
    """What `detachIntegrationFromNetworkMonitor` answers."""

    network_monitor: NetworkMonitor | None = None
    integration: Integration | None = None


Pair = (
    AttachIntegrationToServerInput
    | DetachIntegrationFromServerInput
    | AttachIntegrationToNetworkMonitorInput
    | DetachIntegrationFromNetworkMonitorInput
)


async def _pair(
    kind: ResourceKind, project_id: Id, given: Pair, tx: Tx
) -> tuple[Id, Id]:
    checks, text = Checks(), getattr(given, kind.id_field)
    resource = await read_resource(tx, project_id, kind, text, checks)
    named = id_of("Integration", given.integration_id)
    found = named and await tx.fetchrow(_INTEGRATION, project_id, named)
    if not found:
        message, path = "There is no integration with this id.", "integrationId"
        checks.refuse(message, "input", path, code=Code.INTEGRATION_NOT_FOUND)
    elif found["owner_id"] is not None:
        checks.refuse(PERSONAL, "input", "integrationId")
    return checks.need(resource)["id"], checks.need(named)


async def _attach(
    kind: ResourceKind, project_id: Id, given: Pair, tx: Tx, now: int
) -> Done:
    resource, integration = await _pair(kind, project_id, given, tx)
    attachment = (new_id(), project_id, kind.noun, resource, integration, now)
    await tx.execute(_ATTACH, *attachment)
    return Done(resource)


async def _detach(
    kind: ResourceKind, project_id: Id, given: Pair, tx: Tx, _now: int
) -> Done:
    resource, integration = await _pair(kind, project_id, given, tx)
    await tx.execute(_DETACH, resource, integration)
    return Done(resource)


@strawberry.type
class AttachmentMutations:
    """Mutations of what hears of what."""

    @mutation(
        Scope.WRITE,
        "Lets an integration hear of a server's incidents from now on; doing it again "
        "changes nothing.",
    )
    async def attach_integration_to_server(
        self,
        info: Info,
        input: AttachIntegrationToServerInput,
    ) -> AttachIntegrationToServerPayload:
        """Attach an integration."""
        loaders = info.context.loaders
        work = partial(_attach, SERVER, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return AttachIntegrationToServerPayload(
            server=await find_row(loaders, "Server", done.id),
            integration=await find(loaders, "Integration", input.integration_id),
        )

    @mutation(
        Scope.WRITE,
        "Lets an integration hear nothing of a server's later incidents; doing it "
        "again changes nothing.",
    )
    async def detach_integration_from_server(
        self,
        info: Info,
        input: DetachIntegrationFromServerInput,
    ) -> DetachIntegrationFromServerPayload:
        """Detach an integration."""
        loaders = info.context.loaders
        work = partial(_detach, SERVER, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return DetachIntegrationFromServerPayload(
            server=await find_row(loaders, "Server", done.id),
            integration=await find(loaders, "Integration", input.integration_id),
        )

    @mutation(
        Scope.WRITE,
        "Lets an integration hear of a network monitor's incidents from now on; doing "
        "it again changes nothing.",
    )
    async def attach_integration_to_network_monitor(
        self,
        info: Info,
        input: AttachIntegrationToNetworkMonitorInput,
    ) -> AttachIntegrationToNetworkMonitorPayload:
        """Attach an integration."""
        loaders = info.context.loaders
        work = partial(_attach, NETWORK_MONITOR, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return AttachIntegrationToNetworkMonitorPayload(
            network_monitor=await find_row(loaders, "NetworkMonitor", done.id),
            integration=await find(loaders, "Integration", input.integration_id),
        )

    @mutation(
        Scope.WRITE,
        "Lets an integration hear nothing of a network monitor's later incidents; doing "
        "it again changes nothing.",
    )
    async def detach_integration_from_network_monitor(
        self,
        info: Info,
        input: DetachIntegrationFromNetworkMonitorInput,
    ) -> DetachIntegrationFromNetworkMonitorPayload:
        """Detach an integration."""
        loaders = info.context.loaders
        work = partial(_detach, NETWORK_MONITOR, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return DetachIntegrationFromNetworkMonitorPayload(
            network_monitor=await find_row(loaders, "NetworkMonitor", done.id),
            integration=await find(loaders, "Integration", input.integration_id),
        )
