"""A channel as one would add it: this file, and an entry in the registry.

It uses what the webhook does not: an enum that is shown as its value and one that is
not, ids, lists, an object, a list of objects, a secret in the head of a request, and
a setting of ours. Its settings share `webhookUrl` with the webhook's.
"""

from enum import StrEnum, unique
from typing import Annotated, Final

from pydantic import Field, SecretStr

from domain.channels import Channel, Context, Plan, RetryLimits
from domain.incidents import EventKind
from domain.settings import Bound, ChannelSettings, Key, Mark
from domain.steps import HttpRequest, Ref, Skip, Step
from domain.timing import HOUR


@unique
class ChimePriority(StrEnum):
    """How loud the chime is."""

    LOW = "low"
    HIGH = "high"


@unique
class ChimeTone(StrEnum):
    """Which chime it is."""

    BELL = "bell"
    GONG = "gong"


class ChimeResponder(ChannelSettings):
    """Whom the chime calls."""

    id: Annotated[int, Key(), Mark.ID] = Field(examples=[12345678901])
    pin: Annotated[SecretStr, Bound("webhook_url")] = Field(examples=["pin-of-1234"])
    floors: tuple[int, ...] = ()


class ChimeRoom(ChannelSettings):
    """Where the chime hangs."""

    name: str = Field(max_length=40, examples=["hall"])
    passphrase: SecretStr | None = Field(default=None, examples=["phrase-of-room"])


class ChimeSettings(ChannelSettings):
    """How a chime is rung."""

    webhook_url: Annotated[str, Mark.URL] = Field(
        examples=["https://192.0.2.1/chimes/3"],
        max_length=100,
    )
    api_token: Annotated[SecretStr, Bound("webhook_url", "port")] = Field(
        min_length=8,
        examples=["token-of-the-chime"],
    )
    port: int = Field(default=443, ge=1, le=65535)
    priority: Annotated[ChimePriority, Mark.WIRE] = ChimePriority.HIGH
    tone: ChimeTone | None = None
    quiet: bool = False
    tags: tuple[str, ...] = Field(default=("alarm",), max_length=5)
    room: ChimeRoom | None = None
    responders: tuple[ChimeResponder, ...] = Field(default=(), max_length=3)
    greeting: Annotated[str | None, Mark.INPUT_ONLY] = None
    firmware: Annotated[str | None, Mark.OUTPUT_ONLY] = None


def render(context: Context) -> tuple[Step, ...] | Skip:
    """Ring once for what opens, and twice for what ends."""
    snapshot = context.snapshot
    if snapshot.kind is EventKind.TEST and context.settings.quiet:
        return Skip("The chime is quiet.")
    ring = HttpRequest(
        url=(Ref("webhook_url"),),
        headers=(("authorization", ("Bearer ", Ref("api_token"))),),
        body=(snapshot.message,),
    )
    return (ring, ring) if snapshot.resolved_at is not None else (ring,)


CHANNEL: Final = Channel(
    key="doorChime",
    title="DoorChime",
    label="Door chime",
    description="Rings a chime.",
    docs_url="https://example.com/chime",
    settings=ChimeSettings,
    example={"webhookUrl": "https://192.0.2.1/chimes/3", "apiToken": "token-of-it"},
    name=lambda _settings: "Chime",
    targets=lambda settings: (settings.webhook_url,),
    render=render,
    retry=RetryLimits(attempts=3, max_age=HOUR),
    wants=frozenset({EventKind.OPENED, EventKind.RESOLVED, EventKind.TEST}),
    repeatable=False,
    plan=Plan.PAID,
)
