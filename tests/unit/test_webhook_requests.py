"""What a webhook sends: the seven keys, the same bytes each time, signed anew."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from delivery.bodies import ready
from domain.channels import Context
from domain.ids import id_at
from domain.incidents import EventKind, IncidentStatus, Severity, Snapshot
from domain.product import USER_AGENT
from domain.settings_storage import join, split
from domain.steps import HttpRequest, ReadyRequest, Ref
from notifiers.webhook import CHANNEL, WebhookHeader, WebhookSettings, finish, render

# Test keys, and what the Go library of Standard Webhooks signs with them for this body,
# id and time.
KEY = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OLD_KEY = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
SIGNED = "v1,Ry5HSS6y9hcNDic1g2Rigy6eJPGBQtsM9ykKVIN1dKU="
SIGNED_BY_OLD = "v1,JgVmaBGW109gVB4vWs7xOZH6fnBLJBT3obB7pS7dd9A="
BODY = (
    b'{"type":"incident.opened","timestamp":"2026-01-01T00:00:00Z",'
    b'"data":{"id":"inc_1"}}'
)
AT = 1_767_225_600_000
URL = "https://example.com/hook"

SNAPSHOT = Snapshot(
    kind=EventKind.OPENED,
    number=1,
    at=AT,
    incident_id=id_at(AT),
    incident_type="timeout",
    message="Request timeout after 30 seconds",
    severity=Severity.HIGH,
    status=IncidentStatus.TRIGGERED,
    started_at=AT,
    resolved_at=None,
    resource_name="https://example.com",
    resource_url="https://example.com",
    resource_type="NetworkMonitor",
)


def settings(**more: Any) -> WebhookSettings:  # noqa: ANN401
    """Return settings with an address and what else is given."""
    return WebhookSettings(webhook_url=URL, **more)


def body_of(snapshot: Snapshot) -> bytes:
    """Return the body that is sent for a snapshot."""
    (step,) = render(Context(snapshot=snapshot, settings=settings()))
    request = ready(step, settings())
    assert isinstance(request, ReadyRequest)
    return request.body


def finished(
    made: WebhookSettings,
    now: int = AT,
    body: bytes = BODY,
    message_id: str = "evt_01TOCSIN",
) -> dict[str, str]:
    """Return the headers of a try."""
    request = ReadyRequest(method="POST", url=URL, headers=(), body=body)
    sent = finish(request, made, message_id, now)
    assert sent.body == body
    assert len(dict(sent.headers)) == len(sent.headers)
    return dict(sent.headers)


def test_the_body_has_the_seven_keys_of_the_first_seed() -> None:
    assert json.loads(body_of(SNAPSHOT)) == {
        "resource_name": "https://example.com",
        "resource_url": "https://example.com",
        "resource_type": "NetworkMonitor",
        "incident_type": "timeout",
        "incident_status": "ongoing",
        "incident_duration": None,
        "incident_message": "Request timeout after 30 seconds",
    }


@pytest.mark.parametrize(
    ("status", "resolved_at", "expected"),
    [
        (IncidentStatus.TRIGGERED, None, ("ongoing", None)),
        (IncidentStatus.ACKNOWLEDGED, None, ("ongoing", None)),
        (IncidentStatus.RESOLVED, AT, ("resolved", 0)),
        (IncidentStatus.RESOLVED, AT + 1_999, ("resolved", 1)),
        (IncidentStatus.RESOLVED, AT + 3_600_000, ("resolved", 3600)),
    ],
)
def test_status_and_duration_follow_the_incident(
    status: IncidentStatus, resolved_at: int | None, expected: tuple[str, int | None]
) -> None:
    told = json.loads(
        body_of(replace(SNAPSHOT, status=status, resolved_at=resolved_at))
    )
    assert (told["incident_status"], told["incident_duration"]) == expected


def test_the_step_is_a_post_to_the_setting_and_holds_no_address() -> None:
    assert render(Context(snapshot=SNAPSHOT, settings=settings())) == (
        HttpRequest(
            method="POST",
            url=(Ref("webhook_url"),),
            headers=(("content-type", ("application/json",)),),
            body=(body_of(SNAPSHOT).decode(),),
        ),
    )


def test_text_is_kept_as_it_is() -> None:
    message = 'é 🔥 \u202e \u0007 "\\ \n </script>'
    body = body_of(replace(SNAPSHOT, message=message))
    assert json.loads(body)["incident_message"] == message
    assert "🔥".encode() in body


def test_equal_snapshots_give_equal_bytes() -> None:
    assert body_of(SNAPSHOT) == body_of(replace(SNAPSHOT, at=AT))


def test_the_signature_is_that_of_the_reference_library() -> None:
    headers = finished(settings(signing_secret=SecretStr(KEY)))
    assert headers == {
        "user-agent": USER_AGENT,
        "webhook-id": "evt_01TOCSIN",
        "webhook-timestamp": "1767225600",
        "webhook-signature": SIGNED,
    }


def test_both_keys_sign_during_rotation_the_present_one_first() -> None:
    keys = {
        "signing_secret": SecretStr(KEY),
        "previous_signing_secret": SecretStr(OLD_KEY),
    }
    headers = finished(settings(**keys))
    assert headers["webhook-signature"] == f"{SIGNED} {SIGNED_BY_OLD}"


def test_without_a_key_id_and_time_are_sent_all_the_same() -> None:
    assert finished(settings()) == {
        "user-agent": USER_AGENT,
        "webhook-id": "evt_01TOCSIN",
        "webhook-timestamp": "1767225600",
    }


@pytest.mark.parametrize("judge", [KEY, OLD_KEY])
def test_an_independent_receiver_accepts_either_key(judge: str) -> None:
    now = time.time_ns() // 1_000_000
    keys = {
        "signing_secret": SecretStr(KEY),
        "previous_signing_secret": SecretStr(OLD_KEY),
    }
    body = body_of(SNAPSHOT)
    headers = finished(settings(**keys), now, body)
    assert Webhook(judge).verify(body, headers) == json.loads(body)


@pytest.mark.parametrize("spoiled", ["body", "id", "time", "key"])
def test_an_independent_receiver_refuses_what_was_changed(spoiled: str) -> None:
    now = time.time_ns() // 1_000_000
    late = now - 301_000 if spoiled == "time" else now
    body = body_of(SNAPSHOT)
    headers = finished(settings(signing_secret=SecretStr(KEY)), late, body)
    if spoiled == "id":
        headers["webhook-id"] += "x"
    key = OLD_KEY if spoiled == "key" else KEY
    got = body + b" " if spoiled == "body" else body
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(got, headers)


def test_headers_are_those_of_the_settings_at_the_time_of_the_try() -> None:
    header = WebhookHeader(name="Authorization", value=SecretStr("Bearer one"))
    made = settings(headers=(header,))
    assert finished(made)["Authorization"] == "Bearer one"
    plain, secrets = split(made)
    secrets["headers.authorization.value"] = "Bearer two"
    later = join(WebhookSettings, plain, secrets)
    assert finished(later)["Authorization"] == "Bearer two"


def test_the_webhook_wants_what_the_design_says() -> None:
    assert {kind.name for kind in CHANNEL.wants} == {
        "OPENED",
        "REOPENED",
        "ESCALATED",
        "RESOLVED",
        "TEST",
    }
