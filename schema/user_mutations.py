"""Users: create, update, delete."""

from functools import partial

import strawberry

from domain.ids import encode
from domain.scopes import Scope
from schema import user_changes
from schema.context import Info
from schema.node import find_row
from schema.scopes import mutation
from schema.turns import carry_out
from schema.user_inputs import (
    CreateUserInput,
    CreateUserPayload,
    DeleteUserInput,
    DeleteUserPayload,
    UpdateUserInput,
    UpdateUserPayload,
)


@strawberry.type
class UserMutations:
    """Mutations of users."""

    @mutation(
        Scope.WRITE,
        "Makes a user known. Nothing is mailed to the address until it is verified; "
        "integrations that mail to it wait for that, too.",
    )
    async def create_user(
        self,
        info: Info,
        input: CreateUserInput,
    ) -> CreateUserPayload:
        """Insert a user."""
        user_changes.check_user(input).done()
        work = partial(user_changes.create, info.context.project_id, input)
        done = await carry_out(info, input, work)
        user = await find_row(info.context.loaders, "User", done.id)
        return CreateUserPayload(user=user, warnings=done.warnings)

    @mutation(Scope.WRITE, "Changes a user.")
    async def update_user(
        self,
        info: Info,
        input: UpdateUserInput,
    ) -> UpdateUserPayload:
        """Update a user."""
        work = partial(user_changes.update, info.context.project_id, input)
        done = await carry_out(info, input, work)
        user = await find_row(info.context.loaders, "User", done.id)
        return UpdateUserPayload(user=user, warnings=done.warnings)

    @mutation(
        Scope.WRITE,
        "Deletes a user with their memberships, notification rules and personal "
        "integrations, and revokes the API tokens that are bound to them; where there "
        "are any, it needs the scope ADMIN.",
    )
    async def delete_user(
        self,
        info: Info,
        input: DeleteUserInput,
    ) -> DeleteUserPayload:
        """Mark a user as deleted."""
        work = partial(user_changes.delete, info.context, input)
        done = await carry_out(info, input, work)
        deleted_id = strawberry.ID(encode("User", done.id))
        return DeleteUserPayload(deleted_id=deleted_id)
