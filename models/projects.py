"""Projects, which own everything, and the API tokens that open them."""

from tortoise import Model
from tortoise.fields import RESTRICT, ForeignKeyField, ForeignKeyRelation, IntField

from models.fields import BytesField, IdField, MillisField, TextField


class Project(Model):
    """A tenant. `sms_credits` None means without limit."""

    id = IdField(primary_key=True)
    name = TextField(unique=True)
    plan = TextField()
    sms_credits = IntField(null=True)
    created_at = MillisField()
    updated_at = MillisField()

    class Meta:
        table = "project"


class ApiToken(Model):
    """What is kept of an API token: never the token, only what recognises it.

    `hash` is the SHA-256 of the token, `hint` its first 8 and last 4 characters,
    `scopes` the names of `domain.scopes.Scope` with commas between.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    user_id = IdField(null=True)
    name = TextField()
    hash = BytesField(unique=True)
    hint = TextField()
    scopes = TextField()
    expires_at = MillisField(null=True)
    revoked_at = MillisField(null=True)
    last_used_at = MillisField(null=True)
    created_at = MillisField()

    class Meta:
        table = "api_token"
