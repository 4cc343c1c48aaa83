"""Whatever a far end does ends in its documented class, and only 2xx is SENT."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate

import pytest

from delivery.classify import classify
from delivery.guard import Guard
from delivery.sender import Sender
from domain.clock import system_clock
from domain.deliveries import Outcome, OutcomeKind
from domain.steps import Answer, Fault, HttpRequest, NoAnswer, ReadyRequest, Reply
from notifiers.webhook import CHANNEL
from sandbox import hostile
from sandbox.hostile import OK, Behave, far_end, says
from sandbox.hostile_answers import gzip_bomb
from sandbox.script import (
    Act,
    Close,
    Drip,
    EndlessBody,
    Hang,
    Reset,
    Respond,
    SlowHeaders,
)
from sandbox.webhook_sink import WebhookSink

SENT, RETRY = OutcomeKind.SENT, OutcomeKind.RETRY
UNKNOWN = OutcomeKind.UNKNOWN
PATIENT_MS, IMPATIENT_MS = 10_000, 500

BODY = (
    b'{"resource_name":"a","resource_url":"b","resource_type":"Server",'
    b'"incident_type":"down","incident_status":"resolved","incident_duration":7,'
    b'"incident_message":"canary-in-body"}'
)


async def names(host: str, port: int) -> list[str]:
    """Stand in for the system's resolver."""
    if host == "slow.example":
        await asyncio.Event().wait()
    raise socket.gaierror(socket.EAI_NONAME, "no such name: canary")


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """Give a sender that may dial loopback and has time enough."""
    sender = Sender(Guard(dev=True, resolve=names), deadline_ms=PATIENT_MS)
    yield sender
    await sender.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Sender]:
    """Give a sender for far ends that only the deadline ends."""
    sender = Sender(Guard(dev=True, resolve=names), deadline_ms=IMPATIENT_MS)
    yield sender
    await sender.close()


async def send(sender: Sender, url: str) -> tuple[Reply, Outcome]:
    request = ReadyRequest(
        method="POST",
        url=url,
        headers=(
            ("Content-Type", "application/json"),
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", str(int(time.time()))),
            ("Authorization", "Bearer canary-in-header"),
        ),
        body=BODY,
    )
    async with asyncio.timeout(8):
        reply = await sender.send(request)
    return reply, classify(CHANNEL, HttpRequest(url=(url,)), reply, system_clock())


def check(
    reply: Reply, outcome: Outcome, kind: OutcomeKind, fault: Fault | None
) -> None:
    """Compare with what is documented; nothing that is secret may have got in."""
    assert outcome.kind is kind
    assert (reply.fault if isinstance(reply, NoAnswer) else None) is fault
    if kind is SENT:
        assert isinstance(reply, Answer)
        assert 200 <= reply.status <= 299
    else:
        assert outcome.error is not None
        assert outcome.error.endswith(".")
        assert "canary" not in outcome.error


CLASSES = {
    **dict.fromkeys((200, 201, 202, 204, 226, 299), SENT),
    410: OutcomeKind.GONE,
    429: OutcomeKind.RATE_LIMITED,
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), RETRY),
    **dict.fromkeys(
        (400, 401, 403, 404, 405, 408, 409, 411, 413, 422, 425, 451), RETRY
    ),
    **dict.fromkeys((500, 501, 502, 503, 504, 505, 511, 599), RETRY),
}


@pytest.mark.parametrize("status", CLASSES)
async def test_each_status_ends_in_its_class(sender: Sender, status: int) -> None:
    async with WebhookSink() as sink:
        trap = {"Location": sink.url("/trap?token=canary-in-location")}
        sink.script("/hook", Respond(status=status, headers=trap, body=b"why"))
        reply, outcome = await send(sender, sink.url("/hook?token=canary-in-url"))
        paths = [it.path for it in sink.ledger.entries]
    check(reply, outcome, CLASSES[status], None)
    assert outcome.status_code == status
    assert paths == ["/hook"]


@pytest.mark.parametrize("status", [429, 503, 302])
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_wait_that_is_asked_for_arrives(
    sender: Sender, status: int, form: str
) -> None:
    text = "90" if form == "seconds" else formatdate(time.time() + 91, usegmt=True)
    async with WebhookSink() as sink:
        sink.script("/hook", Respond(status=status, headers={"Retry-After": text}))
        _, outcome = await send(sender, sink.url())
    assert outcome.retry_after_ms is not None
    assert 88_000 <= outcome.retry_after_ms <= 91_000


@pytest.mark.parametrize(
    ("act", "kind", "fault"),
    [
        (Close(), UNKNOWN, Fault.RESET_AFTER_BODY),
        (Reset(body_read=False), UNKNOWN, Fault.RESET_AFTER_BODY),
        (Reset(body_read=True), UNKNOWN, Fault.RESET_AFTER_BODY),
        (EndlessBody(), SENT, None),
        (EndlessBody(status=503), RETRY, None),
    ],
)
async def test_each_misbehaviour_ends_in_its_class(
    sender: Sender, act: Act, kind: OutcomeKind, fault: Fault | None
) -> None:
    """A small request is sent before the far end can reset it unread: never certain."""
    async with WebhookSink() as sink:
        sink.script("/hook", act)
        reply, outcome = await send(sender, sink.url())
        assert len(sink.ledger.entries) == 1
        assert sink.ledger.refusals == []
    check(reply, outcome, kind, fault)


@pytest.mark.parametrize(
    ("act", "kind", "fault"),
    [
        (Hang(), RETRY, Fault.TIMEOUT),
        (SlowHeaders(), RETRY, Fault.TIMEOUT),
        (Respond(after=30), RETRY, Fault.TIMEOUT),
        (Drip(), SENT, None),
        (Drip(status=500), RETRY, None),
    ],
)
async def test_what_takes_too_long_ends_at_the_deadline(
    impatient: Sender, act: Act, kind: OutcomeKind, fault: Fault | None
) -> None:
    async with WebhookSink() as sink:
        sink.script("/hook", act)
        reply, outcome = await send(impatient, sink.url())
        assert len(sink.ledger.entries) == 1
    check(reply, outcome, kind, fault)


@pytest.mark.parametrize("behave", [hostile.never_reads, hostile.never_answers])
async def test_who_never_answers_ends_at_the_deadline(
    impatient: Sender, behave: Behave
) -> None:
    async with far_end(behave) as port:
        reply, outcome = await send(impatient, f"http://127.0.0.1:{port}/canary")
    check(reply, outcome, RETRY, Fault.TIMEOUT)


async def test_a_name_that_hangs_ends_at_the_deadline(impatient: Sender) -> None:
    reply, outcome = await send(impatient, "http://slow.example/canary")
    check(reply, outcome, RETRY, Fault.CONNECT_TIMEOUT)


@pytest.mark.parametrize(
    ("behave", "kind", "fault"),
    [
        (hostile.resets_after_body, UNKNOWN, Fault.RESET_AFTER_BODY),
        (hostile.endless_headers, RETRY, Fault.PROTOCOL),
        (hostile.endless_header, RETRY, Fault.PROTOCOL),
        (hostile.endless_informational, RETRY, Fault.PROTOCOL),
        (says(b""), UNKNOWN, Fault.RESET_AFTER_BODY),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), RETRY, Fault.PROTOCOL),
        (says(b"HTTP/1.1 canary\r\n\r\n"), RETRY, Fault.PROTOCOL),
        (says(b"HTTP/1.1 2"), UNKNOWN, Fault.RESET_AFTER_BODY),
        (says(OK + b"X: 1"), UNKNOWN, Fault.RESET_AFTER_BODY),
        (says(OK + b"canary\x00: 1\r\n\r\n"), RETRY, Fault.PROTOCOL),
        (says(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), SENT, None),
        (says(OK + b"Content-Length: 9\r\n\r\npart"), SENT, None),
        (says(OK + b"\r\nuntil the end"), SENT, None),
        (says(b"HTTP/1.0 200 OK\r\n\r\n"), SENT, None),
        (says(b"HTTP/1.1 102 Busy\r\n\r\n" + OK + b"\r\n"), SENT, None),
        (says(b"HTTP/1.1 101 Switched\r\nUpgrade: x\r\n\r\n"), RETRY, None),
        (gzip_bomb(8), SENT, None),
    ],
)
async def test_each_breach_of_http_ends_in_its_class(
    sender: Sender, behave: Behave, kind: OutcomeKind, fault: Fault | None
) -> None:
    async with far_end(behave) as port:
        reply, outcome = await send(sender, f"http://127.0.0.1:{port}/canary-in-path")
    check(reply, outcome, kind, fault)


def closed_port() -> int:
    """Name a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        (lambda: f"http://127.0.0.1:{closed_port()}/canary", Fault.REFUSED),
        (lambda: "http://missing.example/canary", Fault.DNS),
        (lambda: "http://169.254.169.254/canary", Fault.BLOCKED),
        (lambda: "http://[::ffff:169.254.169.254]/canary", Fault.BLOCKED),
        (lambda: "http://2852039166/canary", Fault.UNREACHABLE),
        (lambda: "gopher://127.0.0.1/canary", Fault.UNREACHABLE),
    ],
)
async def test_each_failure_to_connect_ends_in_its_class(
    sender: Sender, url: Callable[[], str], fault: Fault
) -> None:
    reply, outcome = await send(sender, url())
    check(reply, outcome, RETRY, fault)


async def test_a_refusal_of_ours_names_the_setting(sender: Sender) -> None:
    _, outcome = await send(sender, "http://169.254.169.254/")
    assert outcome.error is not None
    assert "TOCSIN_EGRESS_ALLOW" in outcome.error
    assert "169.254" not in outcome.error


async def test_every_address_of_a_name_is_tried() -> None:
    """One is refused by the guard, one by the system, the last one answers."""

    async def several(host: str, port: int) -> list[str]:
        return ["169.254.169.254", "127.0.0.9", "127.0.0.1"]

    sender = Sender(Guard(dev=True, resolve=several), deadline_ms=5_000)
    async with WebhookSink() as sink:
        url = f"http://several.example:{sink.port}/hook"
        reply, outcome = await send(sender, url)
    await sender.close()
    check(reply, outcome, SENT, None)
