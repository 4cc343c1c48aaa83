"""Lanes and deliveries: the work of the engine. No foreign keys: these are hot.

Attempts, worker sessions, wakes, what the far end returned and the event log have
no model (several have two keys); the first migration shows them.
"""

from tortoise import Model
from tortoise.fields import BigIntField, BooleanField, IntField, SmallIntField

from models.fields import IdField, JsonField, MillisField, TextField


class Lane(Model):
    """The queue of one integration, or of one channel of a project.

    `slots` is the present width, `closed_until` the later of back-off and rate
    limit, `failures` and `gone` count what failed in a row.
    """

    id = IdField(primary_key=True)
    integration_id = IdField(null=True, unique=True)
    project_id = IdField()
    channel = TextField()
    next_due_at = MillisField(null=True)
    slots = IntField()
    closed_until = MillisField(default=0)
    failures = IntField(default=0)
    failing_since = MillisField(null=True)
    gone = IntField(default=0)
    gone_since = MillisField(null=True)

    class Meta:
        table = "lane"


class Delivery(Model):
    """One incident event to one integration, or a message outside incidents.

    `status` is `domain.deliveries.DeliveryStatus`; `due_at` is None while an earlier
    delivery of the chain is unfinished; `body` holds the stored steps, `next_step`
    the first unfinished one; `worker` is the session that sends it now; `term` is its
    integration's when it was made, or last sent again by hand.
    """

    id = IdField(primary_key=True)
    project_id = IdField()
    lane_id = IdField()
    integration_id = IdField(null=True)
    incident_id = IdField(null=True)
    event_id = IdField(null=True)
    number = IntField(null=True)
    kind = TextField()
    manual = BooleanField(default=False)
    status = SmallIntField()
    due_at = MillisField(null=True)
    expires_at = MillisField()
    attempts = IntField(default=0)
    worker = BigIntField(null=True)
    body = JsonField(null=True)
    next_step = IntField(default=0)
    message_id = TextField()
    term = IntField(default=0)
    cancel_reason = TextField(null=True)
    error = TextField(null=True)
    created_at = MillisField()
    updated_at = MillisField()
    delivered_at = MillisField(null=True)

    class Meta:
        table = "delivery"
