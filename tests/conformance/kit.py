"""What the conformance tests do with any channel, knowing only its declaration."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from delivery.bodies import ready
from domain.channels import Channel, Context
from domain.ids import id_at
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot
from domain.settings import ChannelSettings, Kind, Mark, Setting, settings_of
from domain.settings_storage import split
from domain.steps import (
    ReadyCommand,
    ReadyMail,
    ReadyRequest,
    ReadyStep,
    Skip,
    SshCommand,
    Step,
)

AT = 1_767_225_600_000
MESSAGE_ID = "dlv_00000000000000000000000001"

LONG = (
    "Ausfall 🔥\N{ZERO WIDTH JOINER}🚒 عطل \u202e \x00\x07\x1b \r\n\t </b> \"'\\ %s {} "
    * 200
)[:10_000]
"""10,000 characters, among them emoji, right-to-left text and control characters."""


def sample(model: type[BaseModel]) -> dict[str, Any]:
    """Return a value for every setting, as an input takes them: its first example, or
    else its default. Secrets and lists of objects must have one.
    """
    open_ = [s for s in settings_of(model) if Mark.OUTPUT_ONLY not in s.marks]
    return {setting.alias: _value(setting) for setting in open_}


def _value(setting: Setting) -> object:
    if setting.kind is Kind.OBJECT:
        inner = sample(setting.of)
        return [inner] if setting.many else inner
    if setting.examples:
        return setting.examples[0]
    assert setting.kind is not Kind.SECRET, f"{setting.name} needs an example"
    assert not setting.required, f"{setting.name} needs an example"
    return setting.default


def settings_for(channel: Channel) -> ChannelSettings:
    """Return settings of a channel in which everything is set, secrets too."""
    return channel.settings.model_validate(sample(channel.settings))


def secrets_in(settings: ChannelSettings) -> set[str]:
    """Return the texts of all secrets."""
    return set(split(settings)[1].values())


def snapshot(kind: EventKind, message: str = "It is down.") -> Snapshot:
    """Return an event of this kind."""
    ended = kind is EventKind.RESOLVED
    return Snapshot(
        kind=kind,
        number=1,
        at=AT,
        incident_id=id_at(AT),
        incident_type="timeout",
        message=message,
        severity=Severity.HIGH,
        status=IncidentStatus.RESOLVED if ended else IncidentStatus.TRIGGERED,
        started_at=AT,
        resolved_at=AT + 90_000 if ended else None,
        resource_name=message[:255],
        resource_url="https://example.com/",
        resource_type="Server",
        test=kind is EventKind.TEST,
    )


def steps(
    channel: Channel,
    settings: ChannelSettings,
    event: Snapshot,
) -> tuple[Step, ...]:
    """Render an event; what the channel skips has no steps, and a reason."""
    rendered = channel.render(Context(snapshot=event, settings=settings))
    if isinstance(rendered, Skip):
        assert rendered.reason
        return ()
    assert rendered, "no step and no Skip"
    return rendered


def sendings(
    channel: Channel,
    settings: ChannelSettings,
    event: Snapshot,
    now: int = AT,
) -> Iterator[ReadyStep]:
    """Yield what goes on the wire for an event at a time."""
    for step in steps(channel, settings, event):
        sending = ready(step, settings)
        if channel.finish is not None:
            sending = channel.finish(sending, settings, MESSAGE_ID, now)
        yield sending


def requests(
    channel: Channel,
    settings: ChannelSettings,
    event: Snapshot,
    now: int = AT,
) -> Iterator[ReadyRequest]:
    """Yield the HTTP requests among it."""
    for sending in sendings(channel, settings, event, now):
        if isinstance(sending, ReadyRequest):
            yield sending


def mails(
    channel: Channel,
    settings: ChannelSettings,
    event: Snapshot,
    now: int = AT,
) -> Iterator[ReadyMail]:
    """Yield the mails among it."""
    for sending in sendings(channel, settings, event, now):
        if isinstance(sending, ReadyMail):
            yield sending


def commands(
    channel: Channel,
    settings: ChannelSettings,
    event: Snapshot,
) -> Iterator[tuple[SshCommand, ReadyCommand]]:
    """Yield the commands among it, as they are stored and as they are run."""
    both = zip(
        steps(channel, settings, event),
        sendings(channel, settings, event),
        strict=True,
    )
    for step, sending in both:
        if isinstance(step, SshCommand) and isinstance(sending, ReadyCommand):
            yield step, sending


def with_urls(settings: ChannelSettings, url: str) -> ChannelSettings:
    """Return settings whose addresses are all this one."""
    urls = [s.name for s in settings_of(type(settings)) if Mark.URL in s.marks]
    return settings.model_copy(update=dict.fromkeys(urls, url))


def shown(value: object) -> str:
    """Return a value as a log would print it, in all ways."""
    assert not isinstance(value, SecretStr)
    return f"{value} {value!r}"
