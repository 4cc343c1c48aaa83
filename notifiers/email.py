"""E-mail: a mail for each incident event, all of one incident in one thread.

Sent over the operator's mail server (`TOCSIN_SMTP_URL`). The setting comes from the
first and the third seed document.
"""

import html
from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.channels import Channel, Context, Provider, RetryLimits
from domain.incidents import EventKind, Snapshot
from domain.mailboxes import ADDRESS_LENGTH, BadAddressError, normal_address
from domain.moments import duration, moment
from domain.settings import ChannelSettings
from domain.steps import Mail, ReadyMail, Ref, Step
from domain.timing import DAY

ATTEMPTS: Final = 60
"""The age limit shall end a delivery, not this, as with the webhook."""


def _checked_address(text: str) -> str:
    """Return an address in its normal form, the domain in ASCII."""
    try:
        return normal_address(text)
    except BadAddressError as fault:
        raise PydanticCustomError("email", "{rule}", {"rule": str(fault)}) from None


class EmailSettings(ChannelSettings):
    """Where mails go."""

    email: Annotated[str, AfterValidator(_checked_address)] = Field(
        description="The address that mails about incidents are sent to.",
        max_length=ADDRESS_LENGTH,
        examples=["alerts@example.com"],
        json_schema_extra={"pattern": "^[^@\\s]+@[^@\\s]+$"},
    )


_SAID: Final = {
    EventKind.OPENED: "An incident has opened.",
    EventKind.REOPENED: "The incident has opened again.",
    EventKind.ESCALATED: "The incident has been escalated.",
    EventKind.ACKNOWLEDGED: "The incident has been acknowledged.",
    EventKind.RESOLVED: "The incident has been resolved.",
    EventKind.TEST: "This is a test. Nothing has happened.",
}


def render(context: Context) -> tuple[Step, ...]:
    """Return the one mail; equal for equal snapshots. All but the first of an incident
    answer the first, under the same subject, so that mail programs keep them together.
    """
    event = context.snapshot
    root = context.far_end.get("messageId")
    subject = f"[{event.severity}] {event.resource_name}: {event.incident_type}"
    rows = _rows(event)
    return (
        Mail(
            to=(Ref("email"),),
            subject=(f"Re: {subject}" if root else subject,),
            text=(_text(_SAID[event.kind], event, rows),),
            html=(_html(_SAID[event.kind], event, rows),),
            answers=root,
        ),
    )


def _rows(event: Snapshot) -> list[tuple[str, str]]:
    rows = [
        ("Resource", event.resource_name),
        ("Address", event.resource_url),
        ("Incident", event.incident_type),
        ("Severity", event.severity.value),
        ("Status", event.status.value),
        ("Started", moment(event.started_at)),
    ]
    if event.resolved_at is not None:
        rows.append(("Resolved", moment(event.resolved_at)))
        rows.append(("Duration", duration(event.resolved_at - event.started_at)))
    return [(name, value) for name, value in rows if value]


def _text(said: str, event: Snapshot, rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    listed = "\n".join(f"{name + ':':<{width}}{value}" for name, value in rows)
    return f"{said}\n\n{event.message}\n\n{listed}\n"


def _html(said: str, event: Snapshot, rows: list[tuple[str, str]]) -> str:
    listed = "".join(
        f'<tr><td style="padding:2px 16px 2px 0;color:#666">{html.escape(name)}</td>'
        f'<td style="padding:2px 0">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    message = html.escape(event.message).replace("\n", "<br>\n")
    return (
        '<!doctype html><html><body style="font-family:sans-serif">'
        f"<h2>{html.escape(said)}</h2><p>{message}</p><table>{listed}</table>"
        "</body></html>\n"
    )


def finish(
    mail: ReadyMail, _settings: EmailSettings, message_id: str, now: int
) -> ReadyMail:
    """Give a try its Message-ID, the same every time, and its date."""
    return replace(mail, message_id=message_id, date=now)


CHANNEL: Final = Channel(
    key="email",
    title="Email",
    label="E-mail",
    description="Sends a mail for each incident event, one thread per incident.",
    docs_url="https://datatracker.ietf.org/doc/html/rfc5321",
    settings=EmailSettings,
    example={"email": "alerts@example.com"},
    name=lambda settings: settings.email,
    render=render,
    finish=finish,
    retry=RetryLimits(attempts=ATTEMPTS, max_age=DAY),
    wants=frozenset(_SAID),
    provider=Provider.SMTP,
    mailbox=lambda settings: settings.email,
)
