"""What must hold of every channel. A new one is tested by being in the registry."""

import json
import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from delivery import bodies
from delivery.classify import classify
from delivery.mail_message import as_bytes
from domain.channels import Channel
from domain.deliveries import OutcomeKind
from domain.incidents import EventKind
from domain.redact import Scrubber
from domain.settings import settings_of
from domain.settings_storage import join, split
from domain.steps import Answer, CommandEnd, Fault, HttpRequest, NoAnswer, Ref
from notifiers import CHANNELS
from tests.conformance import kit

pytestmark = pytest.mark.parametrize("channel", CHANNELS, ids=lambda it: it.key)

SENT = {OutcomeKind.SENT, OutcomeKind.SENT_UNCONFIRMED}
STEP = HttpRequest(url=(Ref("url"),))


def test_the_declaration_is_complete(channel: Channel) -> None:
    assert re.fullmatch(r"[a-z][A-Za-z0-9]*", channel.key)
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", channel.title)
    assert channel.label
    assert channel.description.endswith(".")
    assert channel.docs_url.startswith("https://")
    assert channel.wants
    assert EventKind.ALERT_ADDED not in channel.wants
    assert channel.retry.attempts >= 1
    assert channel.retry.max_age > 0
    assert [c.key for c in CHANNELS].count(channel.key) == 1
    assert [c.title for c in CHANNELS].count(channel.title) == 1


def test_the_example_is_valid(channel: Channel) -> None:
    settings = channel.settings.model_validate(channel.example)
    assert channel.name(settings)
    json.dumps(channel.example)


def test_every_setting_can_be_set_and_stored(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    plain, secrets = split(settings)
    assert join(channel.settings, json.loads(json.dumps(plain)), secrets) == settings
    assert all(secret not in json.dumps(plain) for secret in secrets.values())


def test_every_event_that_it_wants_is_rendered(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        event = kit.snapshot(kind)
        steps = kit.steps(channel, settings, event)
        assert steps == kit.steps(channel, settings, replace(event))
        assert bodies.load(bodies.dump(steps)) == steps


def test_any_text_is_rendered_and_can_be_sent(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        for request in kit.requests(channel, settings, kit.snapshot(kind, kit.LONG)):
            request.body.decode()
            assert request.method
            if dict(request.headers).get("content-type") == "application/json":
                json.loads(request.body)


def test_headers_cannot_be_broken_by_any_text(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        for request in kit.requests(channel, settings, kit.snapshot(kind, kit.LONG)):
            names = [name.lower() for name, _ in request.headers]
            assert len(names) == len(set(names))
            for name, value in request.headers:
                assert re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)
                assert re.fullmatch(r"[ -~]*", value)


def test_a_retry_sends_the_same_body_under_the_same_id(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        event = kit.snapshot(kind)
        first = list(kit.requests(channel, settings, event))
        later = list(kit.requests(channel, settings, event, kit.AT + 3_600_000))
        assert [r.body for r in first] == [r.body for r in later]
        assert [r.url for r in first] == [r.url for r in later]
        assert [_with_id(r.headers) for r in first] == [
            _with_id(r.headers) for r in later
        ]


def test_mails_can_be_written_whatever_the_text_and_stay_the_same(
    channel: Channel,
) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        event = kit.snapshot(kind, kit.LONG)
        first = list(kit.mails(channel, settings, event))
        later = list(kit.mails(channel, settings, event, kit.AT + 3_600_000))
        assert [replace(mail, date=0) for mail in first] == [
            replace(mail, date=0) for mail in later
        ]
        for mail in first:
            assert mail.message_id == kit.MESSAGE_ID
            assert mail.text
            assert "</b>" not in mail.html  # of the text: it is escaped
            assert as_bytes(mail, "Tocsin <tocsin@example.com>")


def test_no_text_reaches_a_command_and_no_secret_stands_in_one(
    channel: Channel,
) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        plain = list(kit.commands(channel, settings, kit.snapshot(kind)))
        long = list(kit.commands(channel, settings, kit.snapshot(kind, kit.LONG)))
        assert [step for step, _ in plain] == [step for step, _ in long]
        for step, ready in plain:
            text = f"{ready.command} {ready.with_password}"
            assert all(it not in text for it in kit.secrets_in(settings))
            assert ready.host_key
            assert f"{ready.host}:{ready.port}" in {
                urlsplit(url).netloc for url in channel.targets(settings)
            }
            assert step.once is ready.once


def test_what_is_run_once_is_never_run_again_and_never_in_a_test(
    channel: Channel,
) -> None:
    settings = kit.settings_for(channel)
    for kind in channel.wants:
        for step, _ in kit.commands(channel, settings, kit.snapshot(kind)):
            assert step.once is (kind is not EventKind.TEST)
            assert channel.cool_down is not None
            assert channel.cool_down >= channel.retry.max_age
            assert not channel.repeatable
            for end in (
                *(CommandEnd(status=it, host_key="h") for it in range(1, 256)),
                CommandEnd(signal="TERM", host_key="h"),
                CommandEnd(timed_out=True, host_key="h"),
                CommandEnd(dropped=True, host_key="h"),
                CommandEnd(host_key="h"),
            ):
                outcome = classify(channel, step, end, kit.AT)
                assert outcome.final is step.once or outcome.kind in SENT
                if outcome.kind in SENT:
                    assert step.disconnects
                    assert end.status is None
                else:
                    assert outcome.error


def _with_id(headers: tuple[tuple[str, str], ...]) -> list[str]:
    return [name for name, value in headers if value == kit.MESSAGE_ID]


def test_it_dials_what_it_says_it_dials(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    targets = {urlsplit(url).netloc for url in channel.targets(settings)}
    for kind in channel.wants:
        for request in kit.requests(channel, settings, kit.snapshot(kind)):
            assert urlsplit(request.url).netloc in targets


@pytest.mark.parametrize("body", [b"", b'{"ok": true}', b"\xff\x00<html>"])
def test_every_status_has_a_verdict_and_only_2xx_is_sent(
    channel: Channel, body: bytes
) -> None:
    for status in range(100, 600):
        outcome = classify(channel, STEP, Answer(status=status, body=body), kit.AT)
        if outcome.kind in SENT:
            assert 200 <= status < 300
        else:
            assert outcome.error, status


def test_no_answer_is_never_taken_for_success(channel: Channel) -> None:
    for fault in Fault:
        reply = NoAnswer(fault, "There was no answer.")
        outcome = classify(channel, STEP, reply, kit.AT)
        assert outcome.kind not in SENT
        assert outcome.error


def test_a_reset_after_the_body_is_uncertain(channel: Channel) -> None:
    reply = NoAnswer(Fault.RESET_AFTER_BODY, "The connection was cut.")
    outcome = classify(channel, STEP, reply, kit.AT)
    assert outcome.kind is OutcomeKind.UNKNOWN


def test_no_secret_is_printed_or_stored(channel: Channel) -> None:
    settings = kit.settings_for(channel)
    texts = [kit.shown(settings), channel.name(settings)]
    for kind in channel.wants:
        event = kit.snapshot(kind)
        texts.append(bodies.dump(kit.steps(channel, settings, event)))
        texts.extend(map(kit.shown, kit.sendings(channel, settings, event)))
    for secret in kit.secrets_in(settings):
        assert all(secret not in text for text in texts)


def test_no_error_repeats_what_was_given(channel: Channel) -> None:
    canary = "canary\n\u202e"
    for setting in settings_of(channel.settings):
        for value in (canary * 2_000, [canary], {"x": canary}):
            given = {**kit.sample(channel.settings), setting.alias: value}
            said = ""
            try:
                channel.settings.model_validate(given)
            except ValidationError as error:
                said = f"{error} {error.errors(include_input=False)}"
            assert "canary" not in said


def test_no_credential_in_an_address_is_shown(channel: Channel) -> None:
    url = "https://example.com/hook/T8a1canaryXq0ZpLm3Yw?sig=canary-value"
    settings = kit.with_urls(kit.settings_for(channel), url)
    assert "canary" not in channel.name(settings)
    assert "canary" not in kit.shown(settings)


def test_secrets_are_taken_out_of_what_comes_back(channel: Channel) -> None:
    secrets = kit.secrets_in(kit.settings_for(channel))
    scrubbed = Scrubber(secrets).scrub(" / ".join(secrets))
    assert all(secret not in scrubbed for secret in secrets)
