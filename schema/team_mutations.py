"""Teams: create, update, delete, and who belongs to them."""

from functools import partial
from typing import Final

import strawberry

from domain.faults import Code
from domain.ids import Id, encode, new_id
from domain.scopes import Scope
from models.store import Row, Tx
from schema.checks import Checks
from schema.context import Info
from schema.errors import Payload
from schema.node import find, find_row, id_of
from schema.scopes import mutation
from schema.teams import Team
from schema.times import DateTime
from schema.turns import Done, carry_out
from schema.user_changes import read_user
from schema.users import User

_READ: Final = """
SELECT id, updated_at FROM team WHERE project_id = $1 AND id = $2"""
_INSERT: Final = """
INSERT INTO team (id, project_id, name, created_at, updated_at)
VALUES ($1, $2, $3, $4, $4)"""
_UPDATE: Final = "UPDATE team SET name = $2, updated_at = $3 WHERE id = $1"
_EMPTY: Final = "DELETE FROM team_member WHERE team_id = $1"
_DELETE: Final = "DELETE FROM team WHERE id = $1"
_JOIN: Final = """
INSERT INTO team_member (id, team_id, user_id, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (team_id, user_id) DO NOTHING"""
_LEAVE: Final = "DELETE FROM team_member WHERE team_id = $1 AND user_id = $2"


@strawberry.input
class CreateTeamInput:
    """What `createTeam` takes."""

    name: str = strawberry.field(description="1 to 255 characters.")
    idempotency_key: str | None = None


@strawberry.input
class UpdateTeamInput:
    """What `updateTeam` takes."""

    team_id: strawberry.ID
    name: str = strawberry.field(description="1 to 255 characters.")
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the team has another `updatedAt`.",
    )


@strawberry.input
class DeleteTeamInput:
    """What `deleteTeam` takes."""

    team_id: strawberry.ID


@strawberry.input
class AddUserToTeamInput:
    """What `addUserToTeam` takes."""

    team_id: strawberry.ID
    user_id: strawberry.ID


@strawberry.input
class RemoveUserFromTeamInput:
    """What `removeUserFromTeam` takes."""

    team_id: strawberry.ID
    user_id: strawberry.ID


@strawberry.type
class CreateTeamPayload(Payload):
    """What `createTeam` answers."""

    team: Team | None = None


@strawberry.type
class UpdateTeamPayload(Payload):
    """What `updateTeam` answers."""

    team: Team | None = None


@strawberry.type
class DeleteTeamPayload(Payload):
    """What `deleteTeam` answers."""

    deleted_id: strawberry.ID | None = None


@strawberry.type
class AddUserToTeamPayload(Payload):
    """What `addUserToTeam` answers."""

    team: Team | None = None
    user: User | None = None


@strawberry.type
class RemoveUserFromTeamPayload(Payload):
    """What `removeUserFromTeam` answers."""

    team: Team | None = None
    user: User | None = None


async def _read(tx: Tx, project_id: Id, text: str, checks: Checks) -> Row | None:
    """Return the locked row that `input.teamId` names; None is noted as a fault."""
    team_id = id_of("Team", text)
    ending = " FOR UPDATE" if tx.dialect == "postgres" else ""
    row = team_id and await tx.fetchrow(_READ + ending, project_id, team_id)
    if not row:
        message = "There is no team with this id."
        checks.refuse(message, "input", "teamId", code=Code.TEAM_NOT_FOUND)
    return row or None


async def _create(project_id: Id, given: CreateTeamInput, tx: Tx, now: int) -> Done:
    team_id = new_id()
    await tx.execute(_INSERT, team_id, project_id, given.name, now)
    return Done(team_id)


async def _update(project_id: Id, given: UpdateTeamInput, tx: Tx, now: int) -> Done:
    checks = Checks()
    checks.text(given.name, "input", "name")
    row = await _read(tx, project_id, given.team_id, checks)
    if row is not None:
        checks.unchanged(row["updated_at"], given.if_updated_at)
    row = checks.need(row)
    # Never twice the same, or a change would pass `ifUpdatedAt` unseen.
    at = max(now, row["updated_at"] + 1)
    await tx.execute(_UPDATE, row["id"], given.name, at)
    return Done(row["id"])


async def _delete(project_id: Id, given: DeleteTeamInput, tx: Tx, _now: int) -> Done:
    checks = Checks()
    row = checks.need(await _read(tx, project_id, given.team_id, checks))
    for statement in (_EMPTY, _DELETE):
        await tx.execute(statement, row["id"])
    return Done(row["id"])


Pair = AddUserToTeamInput | RemoveUserFromTeamInput


async def _pair(project_id: Id, given: Pair, tx: Tx) -> tuple[Id, Id]:
    checks = Checks()
    # Users before teams, as everywhere: locks are taken in one order.
    user = await read_user(tx, project_id, given.user_id, checks)
    team = await _read(tx, project_id, given.team_id, checks)
    return checks.need(team)["id"], checks.need(user)["id"]


async def _join(project_id: Id, given: Pair, tx: Tx, now: int) -> Done:
    team_id, user_id = await _pair(project_id, given, tx)
    await tx.execute(_JOIN, new_id(), team_id, user_id, now)
    return Done(team_id)


async def _leave(project_id: Id, given: Pair, tx: Tx, _now: int) -> Done:
    team_id, user_id = await _pair(project_id, given, tx)
    await tx.execute(_LEAVE, team_id, user_id)
    return Done(team_id)


@strawberry.type
class TeamMutations:
    """Mutations of teams."""

    @mutation(Scope.WRITE, "Makes a team.")
    async def create_team(
        self,
        info: Info,
        input: CreateTeamInput,
    ) -> CreateTeamPayload:
        """Insert a team."""
        checks = Checks()
        checks.text(input.name, "input", "name")
        checks.done()
        work = partial(_create, info.context.project_id, input)
        done = await carry_out(info, input, work)
        team = await find_row(info.context.loaders, "Team", done.id)
        return CreateTeamPayload(team=team)

    @mutation(Scope.WRITE, "Renames a team.")
    async def update_team(
        self,
        info: Info,
        input: UpdateTeamInput,
    ) -> UpdateTeamPayload:
        """Update a team."""
        work = partial(_update, info.context.project_id, input)
        done = await carry_out(info, input, work)
        team = await find_row(info.context.loaders, "Team", done.id)
        return UpdateTeamPayload(team=team)

    @mutation(Scope.WRITE, "Deletes a team; its members stay users.")
    async def delete_team(
        self,
        info: Info,
        input: DeleteTeamInput,
    ) -> DeleteTeamPayload:
        """Delete a team."""
        work = partial(_delete, info.context.project_id, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("Team", done.id))
        return DeleteTeamPayload(deleted_id=deleted_id)

    @mutation(
        Scope.WRITE,
        "Makes a user a member of a team; doing it again changes nothing.",
    )
    async def add_user_to_team(
        self,
        info: Info,
        input: AddUserToTeamInput,
    ) -> AddUserToTeamPayload:
        """Add a member."""
        loaders = info.context.loaders
        work = partial(_join, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return AddUserToTeamPayload(
            team=await find_row(loaders, "Team", done.id),
            user=await find(loaders, "User", input.user_id),
        )

    @mutation(
        Scope.WRITE,
        "Ends a user's membership of a team; doing it again changes nothing.",
    )
    async def remove_user_from_team(
        self,
        info: Info,
        input: RemoveUserFromTeamInput,
    ) -> RemoveUserFromTeamPayload:
        """Remove a member."""
        loaders = info.context.loaders
        work = partial(_leave, info.context.project_id, input)
        done = await carry_out(info, input, work)
        return RemoveUserFromTeamPayload(
            team=await find_row(loaders, "Team", done.id),
            user=await find(loaders, "User", input.user_id),
        )
