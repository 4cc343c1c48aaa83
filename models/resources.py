"""What is watched."""

from tortoise import Model
from tortoise.fields import RESTRICT, ForeignKeyField, ForeignKeyRelation, IntField

from models.fields import IdField, MillisField, TextField
from models.projects import Project


class Server(Model):
    """A monitored server; deleted ones stay for the incidents that name them."""

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    name = TextField()
    host = TextField()
    url = TextField(null=True)
    created_at = MillisField()
    updated_at = MillisField()
    deleted_at = MillisField(null=True)

    class Meta:
        table = "server"


class NetworkMonitor(Model):
    """Something that is looked at over a network; deleted ones stay like servers.

    `kind` is a `domain.resources.NetworkMonitorKind`.
    """

    id = IdField(primary_key=True)
    project: ForeignKeyRelation[Project] = ForeignKeyField(
        "models.Project", related_name=False, on_delete=RESTRICT
    )
    project_id: bytes
    name = TextField()
    kind = TextField()
    host = TextField()
    port = IntField(null=True)
    url = TextField(null=True)
    created_at = MillisField()
    updated_at = MillisField()
    deleted_at = MillisField(null=True)

    class Meta:
        table = "network_monitor"
