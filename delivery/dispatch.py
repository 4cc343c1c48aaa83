"""By which sender a message leaves. (Commands are run: see `delivery.commands`.)"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from domain.steps import Fault, NoAnswer, ReadyMail, ReadyRequest, Reply

SendHttp = Callable[[ReadyRequest], Awaitable[Reply]]
SendMail = Callable[[ReadyMail], Awaitable[Reply]]

_NO_MAIL: Final = NoAnswer(
    Fault.UNREACHABLE,
    "No mail server is set up: the operator sets TOCSIN_SMTP_URL and TOCSIN_SMTP_FROM.",
)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The senders of a process; `mail` is None where no mail server is set up."""

    http: SendHttp
    mail: SendMail | None = None

    async def send(self, ready: ReadyRequest | ReadyMail) -> Reply:
        """Send what is ready by the sender of its kind."""
        match ready:
            case ReadyRequest():
                return await self.http(ready)
            case ReadyMail():
                return await self.mail(ready) if self.mail else _NO_MAIL
