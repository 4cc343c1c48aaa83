"""Trying an integration: an incident of its own, marked as a test, that is told to it
alone, by the way of everything else that is sent.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from delivery import incident_state, lanes
from delivery.events import Channels, Happening, append
from delivery.incident_state import IncidentState
from domain.channels import Channel, Provider
from domain.faults import Code, RefusedError, refuse
from domain.ids import Id, new_id
from domain.incidents import ABOUT_INTEGRATION, EventKind, IncidentStatus, Severity
from models.store import Row, Tx

_PATH: Final = ("input", "integrationId")

_READ: Final = """
SELECT n.id, n.type, n.name, n.active, n.verified, l.id AS lane_id
FROM integration n JOIN lane l ON l.integration_id = n.id
WHERE n.project_id = $1 AND n.id = $2 AND n.deleted_at IS NULL"""

_MADE: Final = "SELECT id FROM delivery WHERE incident_id = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Who wants to try what. `url` is where people reach this server, if known, and
    `providers` what its operator has set up.
    """

    project_id: Id
    integration_id: Id
    actor: str | None
    url: str | None = None
    providers: Collection[Provider] = ()


async def send(tx: Tx, channels: Channels, trial: Trial, now: int) -> Id:
    """Have a test sent to an integration and return the delivery.

    A lane that backs off is probed at once; a rate limit is kept. Raise RefusedError
    where it could not be sent: whoever tries it is to know at once.
    """
    row = await tx.fetchrow(_READ, trial.project_id, trial.integration_id)
    if row is None:
        message = "There is no integration with this id."
        raise refuse(Code.INTEGRATION_NOT_FOUND, message, *_PATH)
    if refusal := _unable(channels.get(row["type"]), row, trial.providers):
        raise refusal
    incident = _incident(trial, row["name"], now)
    await incident_state.insert(tx, incident, now)
    to = (trial.integration_id,)
    what = Happening(kind=EventKind.TEST, actor=trial.actor, at=now, to=to)
    await append(tx, channels, incident, what)
    await lanes.probe(tx, row["lane_id"], now)
    return Id(await tx.fetchval(_MADE, incident.id))


def _unable(
    channel: Channel | None, row: Row, providers: Collection[Provider]
) -> RefusedError | None:
    code = Code.UNPROCESSABLE_ENTITY
    if channel is None or EventKind.TEST not in channel.wants:
        message = "Its channel cannot be tried."
    elif channel.provider and channel.provider not in providers:
        code = Code.CHANNEL_NOT_CONFIGURED
        message = f"{channel.label} is not set up on this server: ask its operator."
    elif not row["active"]:
        message = "This integration is disabled: enable it to try it."
    elif not row["verified"]:
        message = "Its address is not verified: nothing is sent there until it is."
    else:
        return None
    return refuse(code, message, *_PATH)


def _incident(trial: Trial, name: str, now: int) -> IncidentState:
    return IncidentState(
        id=new_id(),
        project_id=trial.project_id,
        resource_type=ABOUT_INTEGRATION,
        resource_id=trial.integration_id,
        resource_name=name,
        resource_url=trial.url or "",
        dedup_key=None,
        incident_type="test",
        message="This is a test. Nothing has happened, and nothing is to be done.",
        severity=Severity.INFO,
        status=IncidentStatus.TRIGGERED,
        test=True,
        next_number=1,
        alert_count=0,
        started_at=now,
        acknowledged_at=None,
        resolved_at=None,
        created_at=now,
    )
