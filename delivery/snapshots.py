"""Snapshots of incident events as they are stored: JSON with the ids in hex."""

from dataclasses import asdict

import orjson

from domain.ids import Id
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot


def dump(snapshot: Snapshot) -> str:
    """Return the text to store."""
    fields = asdict(snapshot) | {"incident_id": snapshot.incident_id.hex()}
    return orjson.dumps(fields).decode()


def load(text: str) -> Snapshot:
    """Return the snapshot that a stored text stands for."""
    fields = orjson.loads(text)
    return Snapshot(
        **fields
        | {
            "kind": EventKind(fields["kind"]),
            "severity": Severity(fields["severity"]),
            "status": IncidentStatus(fields["status"]),
            "incident_id": Id(bytes.fromhex(fields["incident_id"])),
        }
    )
