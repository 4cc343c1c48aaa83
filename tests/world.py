"""A small world for tests of the engine: a project, a server, integrations of a channel
that these tests declare themselves, and a clock that is set by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from pydantic import SecretStr

from delivery import incidents, lanes
from delivery.incidents import Report
from domain.channels import Channel, Context, RetryLimits
from domain.deliveries import CancelReason, DeliveryStatus
from domain.ids import Id, new_id
from domain.incidents import EventKind, Severity
from domain.settings import ChannelSettings
from domain.steps import HttpRequest, Ref, Skip, Step
from domain.timing import DAY
from models.store import Row, Store, Tx

START = 1_750_000_000_000


class ProbeSettings(ChannelSettings):
    """Settings of the channel of these tests."""

    url: str
    token: SecretStr | None = None


def render(context: Context) -> tuple[Step, ...] | Skip:
    """Say what happened, in plain text."""
    snapshot = context.snapshot
    if snapshot.message == "skip":
        return Skip("nothing to say")
    text = f"{snapshot.kind} {snapshot.number} {snapshot.message}"
    return (HttpRequest(url=(Ref("url"),), body=(text,)),)


PROBE = Channel(
    key="probe",
    title="Probe",
    label="Probe",
    description="A channel of the tests.",
    docs_url="https://example.com/",
    settings=ProbeSettings,
    example={"url": "http://127.0.0.1:9/"},
    name=lambda _settings: "Probe",
    render=render,
    retry=RetryLimits(attempts=5, max_age=DAY),
    wants=frozenset(EventKind) - {EventKind.ALERT_ADDED},
)

CHANNELS: Mapping[str, Channel] = {
    it.type_name: it
    for it in (
        PROBE,
        replace(PROBE, key="plainProbe", wants=PROBE.wants - {EventKind.ACKNOWLEDGED}),
        replace(PROBE, key="cardProbe", updates_in_place=True),
        replace(PROBE, key="staleProbe", skip_stale=True),
        replace(PROBE, key="onceProbe", repeatable=False),
    )
}


def address(integration: Id) -> str:
    """Return where the far end of an integration is."""
    return f"http://127.0.0.1:9/{integration.hex()}"


@dataclass
class World:
    """One project with one server in a store."""

    store: Store
    project: Id = field(default_factory=new_id)
    server: Id = field(default_factory=new_id)
    now: int = START
    channels: Mapping[str, Channel] = field(default_factory=lambda: CHANNELS)

    def clock(self) -> int:
        """Return the time of this world."""
        return self.now

    async def make(self) -> "World":
        """Store the project and the server."""
        await self.store.turn(self._make)
        return self

    async def _make(self, tx: Tx) -> None:
        name = self.project.hex()
        await tx.execute(
            "INSERT INTO project (id, name, plan, created_at, updated_at)"
            " VALUES ($1, $2, 'PAID', $3, $3)",
            *(self.project, name, self.now),
        )
        await tx.execute(
            "INSERT INTO server (id, project_id, name, host, created_at, updated_at)"
            " VALUES ($1, $2, 'web-1', 'web-1.example.com', $3, $3)",
            *(self.server, self.project, self.now),
        )

    async def integration(self, type_name: str = "PROBE", **columns: Any) -> Id:  # noqa: ANN401
        """Store an integration with its lane, attached to the server."""
        return await self.store.turn(self._integration, type_name, columns)

    async def _integration(self, tx: Tx, type_name: str, columns: dict[str, Any]) -> Id:
        integration = new_id()
        row = {
            "id": integration,
            "project_id": self.project,
            "type": type_name,
            "name": f"{type_name} {integration.hex()[-6:]}",
            "custom_name": False,
            "active": True,
            "down_alerts_only": False,
            "all_resources": False,
            "editable": True,
            "deletable": True,
            "verified": True,
            "settings": orjson.dumps({"url": address(integration)}).decode(),
            "secrets": "{}",
            "created_at": self.now,
            "updated_at": self.now,
        } | columns
        names = ", ".join(row)
        marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await tx.execute(
            f"INSERT INTO integration ({names}) VALUES ({marks})",  # noqa: S608
            *row.values(),
        )
        slots = self.channels[type_name].slots
        await lanes.open_lane(tx, self.project, integration, type_name, slots)
        await tx.execute(
            "INSERT INTO attachment (id, project_id, resource_type, resource_id,"
            " integration_id, created_at) VALUES ($1, $2, 'Server', $3, $4, $5)",
            *(new_id(), self.project, self.server, integration, self.now),
        )
        return integration

    async def set(self, integration: Id, **columns: Any) -> None:  # noqa: ANN401
        """Change columns of an integration."""
        names = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
        statement = f"UPDATE integration SET {names} WHERE id = $1"  # noqa: S608
        await self.execute(statement, integration, *columns.values())

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement as a turn."""

        async def work(tx: Tx) -> int:
            return await tx.execute(sql, *args)

        return await self.store.turn(work)

    def a_report(self, **fields: Any) -> Report:  # noqa: ANN401
        """Return a report about the server."""
        return replace(
            Report(
                project_id=self.project,
                resource_type="Server",
                resource_id=self.server,
                resource_name="web-1",
                resource_url="web-1.example.com",
                incident_type="timeout",
                message="no answer",
                severity=Severity.HIGH,
            ),
            **fields,
        )

    async def report(self, **fields: Any) -> Id:  # noqa: ANN401
        """Report something about the server; return the incident's id."""
        report = self.a_report(**fields)
        return await self.store.turn(incidents.report, self.channels, report, self.now)

    async def acknowledge(self, incident: Id) -> Id:
        """Acknowledge an incident."""
        args = (self.channels, self.project, incident, None, None, self.now)
        return await self.store.turn(incidents.acknowledge, *args)

    async def resolve(self, incident: Id) -> Id:
        """Resolve an incident."""
        args = (self.channels, self.project, incident, None, None, self.now)
        return await self.store.turn(incidents.resolve, *args)

    async def deliveries(self, integration: Id | None = None) -> list[Row]:
        """Return the deliveries of the project, in the order of their making."""
        rows = await self.store.fetch(
            "SELECT * FROM delivery WHERE project_id = $1 ORDER BY number, id",
            self.project,
        )
        return [it for it in rows if integration in {None, it["integration_id"]}]

    async def states(self, integration: Id) -> list[tuple[str, str]]:
        """Return (event, status or reason of cancelling) of an integration's."""
        return [
            (it["kind"], it["cancel_reason"] or DeliveryStatus(it["status"]).name)
            for it in await self.deliveries(integration)
        ]


REASONS = frozenset(it.value for it in CancelReason)
