"""The kinds of things that are monitored, in one table.

All that is the same for every kind is driven by it: look-ups, changes, attachments,
reports, housekeeping. Source: design, section 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final, Protocol

from domain.faults import Code


class Columns(Protocol):
    """A row, read by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any:  # noqa: ANN401 - as the database has it
        """Return a value."""


@unique
class NetworkMonitorKind(StrEnum):
    """How a network monitor looks at what it monitors."""

    HTTP = "HTTP"
    PING = "PING"
    TCP = "TCP"
    UDP = "UDP"
    DNS = "DNS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceKind:
    """A kind of resource: `noun` is its GraphQL type and what incidents store of it,
    `table` where its rows are, `label` how texts name it.

    `fields` are the columns that clients set, those of `required` never to null;
    `id_field` names a resource in inputs. `address` is what is told of a row as
    its URL.
    """

    noun: str
    table: str
    label: str
    id_field: str
    not_found: Code
    fields: tuple[str, ...]
    required: frozenset[str]
    address: Callable[[Columns], str]

    @property
    def id_alias(self) -> str:
        """The API's name of `id_field`."""
        head, *tail = self.id_field.split("_")
        return head + "".join(map(str.capitalize, tail))


def _endpoint(row: Columns) -> str:
    """Return host and port, as URLs write them (RFC 3986, section 3.2.2)."""
    host, port = str(row["host"]), row["port"]
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


SERVER: Final = ResourceKind(
    noun="Server",
    table="server",
    label="server",
    id_field="server_id",
    not_found=Code.SERVER_NOT_FOUND,
    fields=("name", "host", "url"),
    required=frozenset({"name", "host"}),
    address=lambda row: row["url"] or row["host"],
)

NETWORK_MONITOR: Final = ResourceKind(
    noun="NetworkMonitor",
    table="network_monitor",
    label="network monitor",
    id_field="network_monitor_id",
    not_found=Code.NETWORK_MONITOR_NOT_FOUND,
    fields=("name", "kind", "host", "port", "url"),
    required=frozenset({"name", "kind", "host"}),
    address=lambda row: row["url"] or _endpoint(row),
)

RESOURCES: Final[Mapping[str, ResourceKind]] = {
    kind.noun: kind for kind in (SERVER, NETWORK_MONITOR)
}
"""All kinds, by noun."""
