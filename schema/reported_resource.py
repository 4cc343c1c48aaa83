"""What a report is about: a resource that is known, or one that it names itself."""

from typing import Any, Final, TypedDict

import strawberry

from domain.ids import Id
from domain.resources import RESOURCES, ResourceKind
from models.store import Tx
from schema.checks import Checks
from schema.resource_changes import read_resource

_EXACTLY_ONE: Final = "Give exactly one of serverId, networkMonitorId and resource."


@strawberry.input(
    description="Something that is known by this report only. Its incidents are told to "
    "the integrations with `allResources`."
)
class InlineResourceInput:
    """A resource that is not stored."""

    name: str = strawberry.field(description="1 to 255 characters.")
    type: str = strawberry.field(
        description="What kind of thing it is: `NetworkMonitor`, `Database`. "
        "1 to 255 characters.",
    )
    url: str | None = strawberry.field(
        default=None,
        description="Shown to those who are told; without it they see the name.",
    )


class Reported(TypedDict):
    """The resource of a report, as `delivery.incidents.Report` takes it."""

    resource_type: str
    resource_id: Id | None
    resource_name: str
    resource_url: str


async def reported_resource(
    tx: Tx,
    project_id: Id,
    given: Any,  # noqa: ANN401 - an input with the ids of all kinds, and `resource`
    checks: Checks,
) -> Reported | None:
    """Return what a report is about; None is noted as a fault."""
    ids = {it: getattr(given, it.id_field) for it in RESOURCES.values()}
    named = [(it, text) for it, text in ids.items() if isinstance(text, str)]
    inline = given.resource or None
    paths = [kind.id_alias for kind, _ in named] + ["resource"] * (inline is not None)
    if len(paths) != 1:
        for path in paths or [""]:
            checks.refuse(_EXACTLY_ONE, *filter(None, ("input", path)))
        return None
    if inline is not None:
        return _inline(inline, checks)
    return await _known(tx, project_id, *named[0], checks)


async def _known(
    tx: Tx, project_id: Id, kind: ResourceKind, text: str, checks: Checks
) -> Reported | None:
    row = await read_resource(tx, project_id, kind, text, checks)
    if row is None:
        return None
    return Reported(
        resource_type=kind.noun,
        resource_id=Id(row["id"]),
        resource_name=row["name"],
        resource_url=kind.address(row),
    )


def _inline(given: InlineResourceInput, checks: Checks) -> Reported:
    path = ("input", "resource")
    checks.text(given.name, *path, "name")
    checks.text(given.type, *path, "type")
    if given.url is not None:
        checks.url(given.url, *path, "url")
    return Reported(
        resource_type=given.type,
        resource_id=None,
        resource_name=given.name,
        resource_url=given.url or given.name,
    )
