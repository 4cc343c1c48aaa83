"""Answers kept for repeated mutations."""

from tortoise import Model
from tortoise.fields import RESTRICT, ForeignKeyField, ForeignKeyRelation

from models.fields import BytesField, IdField, JsonField, MillisField, TextField
from models.projects import Project


class IdempotencyKey(Model):
    """A key that a client gave to a mutation, and what the mutation answered.

    `input_hash` tells a repetition from another call under the same key.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    key = TextField()
    operation = TextField()
    input_hash = BytesField()
    result = JsonField()
    created_at = MillisField()

    class Meta:
        table = "idempotency"
