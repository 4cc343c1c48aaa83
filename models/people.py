"""People: users with what they verify, teams, and how users want to be notified."""

from tortoise import Model
from tortoise.fields import RESTRICT, ForeignKeyField, ForeignKeyRelation, IntField

from models.fields import BytesField, IdField, MillisField, TextField
from models.integrations import Integration
from models.projects import Project


class User(Model):
    """Somebody who is told of incidents.

    `mailbox` is the address in lower case, by which users and integrations are
    compared. Of a deleted user only the name is left, for what refers to them.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    name = TextField()
    email = TextField(null=True)
    mailbox = TextField(null=True)
    email_verified_at = MillisField(null=True)
    phone = TextField(null=True)
    created_at = MillisField()
    updated_at = MillisField()
    deleted_at = MillisField(null=True)

    class Meta:
        table = "person"  # "user" is a word of SQL


class Team(Model):
    """Users who are told together."""

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    name = TextField()
    created_at = MillisField()
    updated_at = MillisField()

    class Meta:
        table = "team"


class TeamMember(Model):
    """A user belongs to a team; at most once per pair."""

    id = IdField(primary_key=True)
    team: ForeignKeyRelation[Team] = ForeignKeyField(
        "models.Team", related_name=False, on_delete=RESTRICT
    )
    team_id: bytes
    user: ForeignKeyRelation[User] = ForeignKeyField(
        "models.User", related_name=False, on_delete=RESTRICT
    )
    user_id: bytes
    created_at = MillisField()

    class Meta:
        table = "team_member"


class NotificationRule(Model):
    """At an urgency, a user is told over an integration of theirs, after some time.

    `place` sorts a user's rules: the most urgent first, then by time.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    user: ForeignKeyRelation[User] = ForeignKeyField(
        "models.User", related_name=False, on_delete=RESTRICT
    )
    user_id: bytes
    integration: ForeignKeyRelation[Integration] = ForeignKeyField(
        "models.Integration", related_name=False, on_delete=RESTRICT
    )
    integration_id: bytes
    urgency = TextField()
    after_seconds = IntField()
    place = IntField()
    created_at = MillisField()
    updated_at = MillisField()

    class Meta:
        table = "notification_rule"


class Verification(Model):
    """A code and a link that were sent to an address, to see whether they arrive.

    `code_hash` and `token_hash` are keyed (`KeyRing.digests`); `sealed` holds what the
    message says, until it is over. `withdrawn_at` ends one that was not used.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    user: ForeignKeyRelation[User] = ForeignKeyField(
        "models.User", related_name=False, on_delete=RESTRICT
    )
    user_id: bytes
    channel = TextField()
    address = TextField()
    code_hash = BytesField()
    token_hash = BytesField(unique=True)
    sealed = TextField(null=True)
    wrong_guesses = IntField(default=0)
    delivery_id = IdField(null=True, unique=True)
    created_at = MillisField()
    expires_at = MillisField()
    verified_at = MillisField(null=True)
    withdrawn_at = MillisField(null=True)

    class Meta:
        table = "verification"
