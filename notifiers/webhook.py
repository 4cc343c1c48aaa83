"""Webhook: each incident event as a JSON document, POSTed to an address of the user.

The seven keys of the body come from the first seed document; headers and signature
are those of Standard Webhooks 1.0.0 (standardwebhooks.com).
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import replace
from typing import Annotated, Any, Final

import orjson
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.channels import Channel, Context, RetryLimits
from domain.incidents import EventKind, IncidentStatus, Snapshot
from domain.product import USER_AGENT
from domain.redact import masked_url
from domain.settings import Bound, ChannelSettings, Key, Mark
from domain.steps import HttpRequest, ReadyRequest, Ref, Step
from domain.timing import SECOND, WEBHOOK_MAX_AGE
from domain.urls import URL_LENGTH, url_fault

ATTEMPTS: Final = 60
"""The age limit shall end a delivery, not this: back-off with full jitter, 5 s
doubling to 1 h, makes about 57 tries in 24 h."""

KEY_BYTES: Final = range(24, 65)
"""Bytes of a signing key. Source: Standard Webhooks, "Signature scheme"."""

HEADERS: Final = 20
NAME_LENGTH: Final = 128
VALUE_LENGTH: Final = 4096
"""Two such headers still pass the 8 KiB that common servers read of a head."""

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header's name is made of. Source: RFC 9110, section 5.6.2."""

PRINTABLE: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
"""No control characters, and nothing that a proxy would trim or recode."""

OURS: Final = frozenset(
    {
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
        *("content-type", "content-length", "content-encoding", "user-agent"),
        *("host", "connection", "keep-alive", "transfer-encoding", "te", "trailer"),
        *("upgrade", "expect", "accept-encoding", "proxy-connection"),
    },
)
"""Headers that are set by us, or that say how a message is framed."""


def _checked_url(url: str) -> str:
    if fault := url_fault(url):
        raise PydanticCustomError("url", "{fault}", {"fault": fault})
    return url


def _key(secret: SecretStr) -> bytes:
    """Return the bytes of a signing key; raise ValueError where it has none."""
    prefix, text = secret.get_secret_value()[:6], secret.get_secret_value()[6:]
    if prefix != "whsec_":
        raise ValueError
    return base64.b64decode(text, validate=True)


def _checked_key(secret: SecretStr) -> SecretStr:
    try:
        valid = len(_key(secret)) in KEY_BYTES
    except (ValueError, binascii.Error):
        valid = False
    if not valid:
        raise PydanticCustomError(
            "signing_key",
            "Must be whsec_ and the base64 of 24 to 64 random bytes.",
        )
    return secret


def _checked_name(name: str) -> str:
    if not TOKEN.fullmatch(name):
        raise PydanticCustomError("header_name", "Must be the name of an HTTP header.")
    if name.lower() in OURS:
        raise PydanticCustomError("header_name", "This header is set by Tocsin itself.")
    return name


def _checked_value(value: SecretStr) -> SecretStr:
    if not PRINTABLE.fullmatch(value.get_secret_value()):
        raise PydanticCustomError(
            "header_value",
            "Must be printable ASCII, without a space at either end.",
        )
    return value


KEY_PATTERN: Final = "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$"
KEY_EXAMPLE: Final = "whsec_ZXhhbXBsZSBmcm9tIG91ciBkb2NzLiBNYWtlIHlvdXIgb3duIQ=="
SigningKey = Annotated[SecretStr, AfterValidator(_checked_key)]


class WebhookHeader(ChannelSettings):
    """A header that is sent with every request, such as `Authorization`."""

    name: Annotated[str, Key(), AfterValidator(_checked_name)] = Field(
        description="Name of the header; each may be given once.",
        max_length=NAME_LENGTH,
        examples=["Authorization"],
        json_schema_extra={"pattern": f"^{TOKEN.pattern}$"},
    )
    value: Annotated[
        SecretStr,
        Bound("webhook_url"),
        AfterValidator(_checked_value),
    ] = Field(
        description="Value of the header. It is stored encrypted and never shown.",
        min_length=1,
        max_length=VALUE_LENGTH,
        examples=["Bearer example-token"],
    )


class WebhookSettings(ChannelSettings):
    """Where a webhook goes, and how the receiver can tell that it comes from us."""

    webhook_url: Annotated[str, Mark.URL, AfterValidator(_checked_url)] = Field(
        description="The address that each incident event is POSTed to.",
        max_length=URL_LENGTH,
        examples=["https://example.com/hooks/incidents"],
        json_schema_extra={"pattern": "^https?://"},
    )
    signing_secret: Annotated[SigningKey | None, Bound("webhook_url")] = Field(
        default=None,
        description="Key that requests are signed with (Standard Webhooks).",
        examples=[KEY_EXAMPLE],
        json_schema_extra={"pattern": KEY_PATTERN},
    )
    previous_signing_secret: Annotated[SigningKey | None, Bound("webhook_url")] = Field(
        default=None,
        description="The key before, which signs too while receivers change over.",
        examples=[KEY_EXAMPLE],
        json_schema_extra={"pattern": KEY_PATTERN},
    )
    headers: tuple[WebhookHeader, ...] = Field(
        default=(),
        description="Headers that are sent with every request.",
        max_length=HEADERS,
    )

    @field_validator("previous_signing_secret", mode="after")
    @classmethod
    def _follows_another(
        cls,
        value: SecretStr | None,
        info: ValidationInfo,
    ) -> SecretStr | None:
        if value and info.data.get("signing_secret", value) is None:
            raise PydanticCustomError(
                "signing_key",
                "Needs signingSecret, the key that follows this one.",
            )
        return value


def render(context: Context) -> tuple[Step, ...]:
    """Return the one request; equal for equal snapshots, byte by byte."""
    body = orjson.dumps(_document(context.snapshot)).decode()
    headers = (("content-type", ("application/json",)),)
    return (HttpRequest(url=(Ref("webhook_url"),), headers=headers, body=(body,)),)


def _document(snapshot: Snapshot) -> dict[str, Any]:
    resolved, ended = snapshot.status is IncidentStatus.RESOLVED, snapshot.resolved_at
    duration = None if ended is None else (ended - snapshot.started_at) // SECOND
    return {
        "resource_name": snapshot.resource_name,
        "resource_url": snapshot.resource_url,
        "resource_type": snapshot.resource_type,
        "incident_type": snapshot.incident_type,
        "incident_status": "resolved" if resolved else "ongoing",
        "incident_duration": duration,
        "incident_message": snapshot.message,
    }


def finish(
    request: ReadyRequest,
    settings: WebhookSettings,
    message_id: str,
    now: int,
) -> ReadyRequest:
    """Stamp and sign a try, and add the user's headers as they are now."""
    stamp = str(now // SECOND)
    headers = [
        ("user-agent", USER_AGENT),
        ("webhook-id", message_id),
        ("webhook-timestamp", stamp),
        *((h.name, h.value.get_secret_value()) for h in settings.headers),
    ]
    keys = filter(None, (settings.signing_secret, settings.previous_signing_secret))
    signed = f"{message_id}.{stamp}.".encode() + request.body
    if signatures := [_signature(key, signed) for key in keys]:
        headers.append(("webhook-signature", " ".join(signatures)))
    return replace(request, headers=(*request.headers, *headers))


def _signature(secret: SecretStr, signed: bytes) -> str:
    digest = hmac.digest(_key(secret), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def name(settings: WebhookSettings) -> str:
    """Return the address without its query, and with credentials in it masked."""
    return masked_url(settings.webhook_url.partition("?")[0])


CHANNEL: Final = Channel(
    key="webhook",
    title="Webhook",
    label="Webhook",
    description="POSTs each incident event as JSON to an address of yours.",
    docs_url="https://www.standardwebhooks.com/",
    settings=WebhookSettings,
    example={"webhookUrl": "https://example.com/hooks/incidents"},
    name=name,
    targets=lambda settings: (settings.webhook_url,),
    render=render,
    finish=finish,
    retry=RetryLimits(attempts=ATTEMPTS, max_age=WEBHOOK_MAX_AGE),
    wants=frozenset(
        {
            EventKind.OPENED,
            EventKind.REOPENED,
            EventKind.ESCALATED,
            EventKind.RESOLVED,
            EventKind.TEST,
        },
    ),
)
