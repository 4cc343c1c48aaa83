"""Incidents and what happened to them.

Both are written on every report, so no foreign keys: on PostgreSQL each would lock
the project's row for all reports at once.
"""

from tortoise import Model
from tortoise.fields import BooleanField, IntField

from domain.ids import ZERO
from models.fields import BytesField, IdField, JsonField, MillisField, TextField


class Incident(Model):
    """The group of reports with one dedup key.

    At most one per (project, source, `dedup_hash`) is open; `source_id` ZERO means
    "no source". `dedup_hash` is the SHA-256 of the key, `next_number` the number of
    the next event. The row's lock orders its events.
    """

    id = IdField(primary_key=True)
    project_id = IdField()
    source_id = IdField(default=ZERO)
    resource_type = TextField()
    resource_id = IdField(null=True)
    resource_name = TextField()
    resource_url = TextField()
    dedup_key = TextField(null=True)
    dedup_hash = BytesField(null=True)
    incident_type = TextField()
    message = TextField()
    severity = TextField()
    status = TextField()
    test = BooleanField(default=False)
    next_number = IntField()
    alert_count = IntField()
    started_at = MillisField()
    acknowledged_at = MillisField(null=True)
    resolved_at = MillisField(null=True)
    created_at = MillisField()
    updated_at = MillisField()

    class Meta:
        table = "incident"


class IncidentEvent(Model):
    """One thing that happened, numbered within its incident.

    `snapshot` holds `domain.incidents.Snapshot`: all that rendering may know.
    `traceparent` is the trace of the call that caused it (W3C Trace Context), if there
    was one.
    """

    id = IdField(primary_key=True)
    project_id = IdField()
    incident_id = IdField()
    number = IntField()
    kind = TextField()
    at = MillisField()
    actor = TextField(null=True)
    snapshot = JsonField()
    traceparent = TextField(null=True)

    class Meta:
        table = "incident_event"
