"""Users: what their mutations take and answer."""

import strawberry

from schema.errors import Payload
from schema.times import DateTime
from schema.users import User


@strawberry.input
class CreateUserInput:
    """What `createUser` takes."""

    name: str = strawberry.field(description="1 to 255 characters.")
    email: str = strawberry.field(description="No other user of the project has it.")
    phone: str | None = strawberry.field(
        default=None,
        description="In E.164: +14155550123.",
    )
    idempotency_key: str | None = None


@strawberry.input(description="Absent fields keep their values; null clears.")
class UpdateUserInput:
    """What `updateUser` takes."""

    user_id: strawberry.ID
    name: str | None = strawberry.UNSET
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Another address has to be verified anew.",
    )
    phone: str | None = strawberry.UNSET
    if_updated_at: DateTime | None = strawberry.field(
        default=None,
        description="Refuses the call where the user has another `updatedAt`.",
    )


@strawberry.input
class DeleteUserInput:
    """What `deleteUser` takes."""

    user_id: strawberry.ID


@strawberry.type
class CreateUserPayload(Payload):
    """What `createUser` answers."""

    user: User | None = None


@strawberry.type
class UpdateUserPayload(Payload):
    """What `updateUser` answers."""

    user: User | None = None


@strawberry.type
class DeleteUserPayload(Payload):
    """What `deleteUser` answers."""

    deleted_id: strawberry.ID | None = None
