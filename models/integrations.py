"""Integrations, and which resources they are attached to."""

from tortoise import Model
from tortoise.fields import (
    RESTRICT,
    BooleanField,
    ForeignKeyField,
    ForeignKeyRelation,
    IntField,
)

from models.fields import IdField, JsonField, MillisField, TextField
from models.projects import Project


class Integration(Model):
    """An outbound channel with its settings.

    `settings` are the plain ones; `secrets` maps the path of each secret setting to
    `{"sealed", "hint", "at"}`, see `models.secret_storage`. `error` says why it was
    disabled by itself. `term` counts how often it was switched off: deliveries of an
    earlier term are cancelled, not sent. `mailbox` is the address that it mails to, in
    lower case; where that is a user's, `verified` and `verified_at` follow the user.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    type = TextField()
    name = TextField()
    custom_name = BooleanField()
    active = BooleanField()
    down_alerts_only = BooleanField()
    all_resources = BooleanField()
    editable = BooleanField()
    deletable = BooleanField()
    verified = BooleanField()
    verified_at = MillisField(null=True)
    mailbox = TextField(null=True)
    error = TextField(null=True)
    term = IntField(default=0)
    settings = JsonField()
    secrets = JsonField()
    owner_id = IdField(null=True)
    fallback_integration_id = IdField(null=True)
    created_at = MillisField()
    updated_at = MillisField()
    deleted_at = MillisField(null=True)

    class Meta:
        table = "integration"


class Attachment(Model):
    """An integration hears of a resource; at most once per pair."""

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    resource_type = TextField()
    resource_id = IdField()
    integration: ForeignKeyRelation[Integration] = ForeignKeyField(
        "models.Integration", related_name=False, on_delete=RESTRICT
    )
    integration_id: bytes
    created_at = MillisField()

    class Meta:
        table = "attachment"
