"""Verifying users' addresses: send a code and a link, and take the code."""

from typing import Final

import strawberry

from delivery.verification import CHANNEL, Sending, send
from delivery.verification_check import Guess, guess
from delivery.verification_limits import PAUSE
from domain.channels import Provider
from domain.faults import Code, Refusal, RefusedError
from domain.ids import Id
from domain.scopes import Scope
from models.store import Tx
from schema.checks import Checks
from schema.context import Info
from schema.deliveries import Delivery
from schema.errors import Notice, Payload
from schema.node import find_row, id_of
from schema.scopes import mutation
from schema.times import DateTime
from schema.turns import Done, carry_out
from schema.users import User

_READ: Final = """
SELECT user_id, delivery_id, created_at, expires_at FROM verification
WHERE project_id = $1 AND id = $2"""

_NO_MAIL_SERVER: Final = (
    "No mail server is set up on this server: until the operator has done that "
    "(TOCSIN_SMTP_URL), nothing can be sent."
)
_UNSENT: Final = f"Nothing was sent. {_NO_MAIL_SERVER}"
_ANY_CODE: Final = "This server runs in development: verifyEmail takes any code."
_UNCHECKED: Final = "The code was not checked: this server runs in development."


@strawberry.input
class SendEmailVerificationInput:
    """What `sendEmailVerification` takes."""

    user_id: strawberry.ID
    idempotency_key: str | None = None


@strawberry.input
class VerifyEmailInput:
    """What `verifyEmail` takes."""

    user_id: strawberry.ID
    code: str = strawberry.field(description="The digits from the mail.")


@strawberry.type
class SendEmailVerificationPayload(Payload):
    """What `sendEmailVerification` answers."""

    user: User | None = None
    delivery: Delivery | None = strawberry.field(
        default=None,
        description="How the mail fares; what it says is stored nowhere.",
    )
    expires_at: DateTime | None = strawberry.field(
        default=None,
        description="Until when code and link can be used.",
    )
    resend_available_at: DateTime | None = strawberry.field(
        default=None,
        description="When another can be sent, which ends this one.",
    )


@strawberry.type
class VerifyEmailPayload(Payload):
    """What `verifyEmail` answers."""

    user: User | None = None


def _user_id(text: str) -> Id:
    checks, user_id = Checks(), id_of("User", text)
    if user_id is None:
        message = "There is no user with this id."
        checks.refuse(message, "input", "userId", code=Code.USER_NOT_FOUND)
    return checks.need(user_id)


def _notices(info: Info) -> list[Notice]:
    """Return what must be known where not everything is as in production; refuse the
    call where it could lead to nothing.
    """
    services, checks, path = info.context.services, Checks(), ("input", "userId")
    reachable = Provider.SMTP in services.providers
    if not reachable and not services.development:
        checks.refuse(_NO_MAIL_SERVER, *path, code=Code.CHANNEL_NOT_CONFIGURED)
        checks.done()
    said = [] if reachable else [_UNSENT]
    said += [_ANY_CODE] if services.development else []
    return [Notice(message=text, path=list(path)) for text in said]


@strawberry.type
class VerificationMutations:
    """Mutations by which addresses are verified."""

    @mutation(
        Scope.WRITE,
        "Mails a code and a link to a user, to verify their address; earlier ones end.",
    )
    async def send_email_verification(
        self,
        info: Info,
        input: SendEmailVerificationInput,
    ) -> SendEmailVerificationPayload:
        """Send a code."""
        services, loaders = info.context.services, info.context.loaders
        reachable = Provider.SMTP in services.providers
        notices = _notices(info)
        sending = Sending(
            project_id=info.context.project_id,
            user_id=_user_id(input.user_id),
            channel=services.channels[CHANNEL] if reachable else None,
            public_url=services.public_url,
        )

        async def work(tx: Tx, now: int) -> Done:
            return Done(await send(tx, services.keys, sending, now), notices)

        done = await carry_out(info, input, work)
        row = await services.store.fetchrow(_READ, sending.project_id, done.id)
        sent = row["delivery_id"] if row else None
        return SendEmailVerificationPayload(
            user=await find_row(loaders, "User", sending.user_id),
            delivery=await find_row(loaders, "Delivery", sent) if sent else None,
            expires_at=DateTime(row["expires_at"]) if row else None,
            resend_available_at=DateTime(row["created_at"] + PAUSE) if row else None,
            warnings=done.warnings,
        )

    @mutation(
        Scope.WRITE,
        "Verifies a user's address by the code that was mailed there; five wrong codes "
        "lock it. Doing it again changes nothing.",
    )
    async def verify_email(
        self,
        info: Info,
        input: VerifyEmailInput,
    ) -> VerifyEmailPayload:
        """Take a code."""
        services, loaders = info.context.services, info.context.loaders
        given = Guess(
            project_id=info.context.project_id,
            user_id=_user_id(input.user_id),
            code="".join(input.code.split()),
            checked=not services.development,
        )

        async def work(tx: Tx) -> Refusal | None:
            return await guess(tx, services.keys, given, services.clock())

        # A wrong code is no error of the turn: it has to be counted.
        with services.spans.turn(info.field_name):
            refusal = await services.store.turn(work)
        loaders.clear()
        if refusal is not None:
            raise RefusedError([refusal])
        notices = [] if given.checked else [Notice(message=_UNCHECKED)]
        user = await find_row(loaders, "User", given.user_id)
        return VerifyEmailPayload(user=user, warnings=notices)
