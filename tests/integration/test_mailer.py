"""Mail over a real SMTP dialogue: what is sent, and what each reply means."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from delivery.classify import classify
from delivery.guard import Guard
from delivery.mailer import AT_ONCE, Mailer, MailSecurity
from delivery.mailer import MailServer as Transport
from domain.deliveries import Outcome, OutcomeKind
from domain.steps import Fault, Mail, MailAnswer, MailStage, NoAnswer, ReadyMail
from notifiers.email import CHANNEL
from sandbox.mail_server import DROP, HANG, MailServer

AUTHORITY = trustme.CA()
USER, PASSWORD = "tocsin", "pass-canary-word"
MAIL = ReadyMail(
    to="alerts@example.com",
    subject="[HIGH] web-1: timeout",
    text="It is down.\n.\n..dots\n",
    html="<p>It is down.</p>",
    message_id="dlv_1",
    date=1_767_225_600_000,
)
STEP = Mail(to=("alerts@example.com",), subject=("s",), text=("t",))


def tls(*names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


def server(**options: object) -> MailServer:
    given = {"tls": tls("localhost"), "user": USER, "password": PASSWORD}
    return MailServer(**{**given, **options})  # type: ignore[arg-type]


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def transport(port: int) -> Transport:
    return Transport(
        host="localhost",
        port=port,
        security=MailSecurity.STARTTLS,
        sender="Tocsin <tocsin@alerts.example>",
        user=USER,
        password=PASSWORD,
    )


class Sending:
    """A mail server, and a mailer that talks to it."""

    def __init__(self, mail_server: MailServer, ca_file: Path) -> None:
        self.server = mail_server
        self.ca_file = ca_file

    def mailer(self, deadline_ms: int = 5_000, **changes: object) -> Mailer:
        to = replace(transport(self.server.port), **changes)  # type: ignore[arg-type]
        guard = Guard(dev=True)
        return Mailer(to, guard, deadline_ms=deadline_ms, ca_file=self.ca_file)

    async def outcome(self, mailer: Mailer | None = None) -> Outcome:
        reply = await (mailer or self.mailer()).send(MAIL)
        return classify(CHANNEL, STEP, reply, 0)


@pytest.fixture
async def sending(ca_file: Path) -> AsyncIterator[Sending]:
    async with server() as mail_server:
        yield Sending(mail_server, ca_file)


async def test_a_mail_goes_out_secured_signed_in_and_whole(sending: Sending) -> None:
    outcome = await sending.outcome()
    assert outcome.kind is OutcomeKind.SENT
    assert outcome.status_code == 250
    assert outcome.excerpt == "2.0.0 queued as 1"
    [received] = sending.server.received
    assert received.secured
    assert received.user == USER
    assert received.sender == "tocsin@alerts.example"
    assert received.recipients == ("alerts@example.com",)
    message = received.message
    assert message["From"] == "Tocsin <tocsin@alerts.example>"
    assert message["To"] == "alerts@example.com"
    assert message["Subject"] == "[HIGH] web-1: timeout"
    assert message["Message-ID"] == "<dlv_1@alerts.example>"
    assert message["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["In-Reply-To"] is None
    parts = [part.get_content_type() for part in message.iter_parts()]
    assert parts == ["text/plain", "text/html"]
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == MAIL.text.splitlines()


async def test_the_first_of_a_thread_leaves_its_id_and_others_answer_it(
    sending: Sending,
) -> None:
    first = await sending.outcome()
    assert first.far_end == {"messageId": "<dlv_1@alerts.example>"}
    second = replace(MAIL, message_id="dlv_2", answers=first.far_end["messageId"])
    reply = await sending.mailer().send(second)
    assert classify(CHANNEL, STEP, reply, 0).far_end == {}
    message = sending.server.received[1].message
    assert message["In-Reply-To"] == message["References"] == "<dlv_1@alerts.example>"
    assert message["Message-ID"] == "<dlv_2@alerts.example>"


async def test_tls_from_the_first_byte(ca_file: Path) -> None:
    async with server(implicit=True) as mail_server:
        sending = Sending(mail_server, ca_file)
        outcome = await sending.outcome(sending.mailer(security=MailSecurity.TLS))
        assert outcome.kind is OutcomeKind.SENT
        assert mail_server.received[0].secured


async def test_a_server_without_encryption_where_the_operator_says_so(
    ca_file: Path,
) -> None:
    async with MailServer() as mail_server:
        sending = Sending(mail_server, ca_file)
        plain = sending.mailer(security=MailSecurity.NONE, user=None, password=None)
        assert (await sending.outcome(plain)).kind is OutcomeKind.SENT
        assert not mail_server.received[0].secured


async def test_without_starttls_nothing_is_said(ca_file: Path) -> None:
    async with MailServer() as mail_server:
        outcome = await Sending(mail_server, ca_file).outcome()
        assert outcome.kind is OutcomeKind.RETRY
        assert "STARTTLS" in (outcome.error or "")
        assert mail_server.commands == ["EHLO"]
        assert not mail_server.received


@pytest.mark.parametrize("names", [("other.example",), ("127.0.0.2",)])
async def test_a_certificate_for_another_name_is_no_certificate(
    ca_file: Path, names: tuple[str, ...]
) -> None:
    async with server(tls=tls(*names)) as mail_server:
        reply = await Sending(mail_server, ca_file).mailer().send(MAIL)
        assert isinstance(reply, NoAnswer)
        assert reply.fault is Fault.TLS
        assert "another name" in reply.message
        assert "AUTH" not in mail_server.commands


async def test_a_wrong_password_is_the_operators_matter(sending: Sending) -> None:
    outcome = await sending.outcome(sending.mailer(password="wrong-canary-word"))
    assert outcome.kind is OutcomeKind.RETRY
    assert outcome.status_code == 535
    assert "operator" in (outcome.error or "")
    assert not sending.server.received


async def test_a_password_that_comes_back_is_not_kept(sending: Sending) -> None:
    sending.server.script("AUTH", f"535 5.7.8 {PASSWORD} is wrong")
    reply = await sending.mailer().send(MAIL)
    assert isinstance(reply, MailAnswer)
    assert "canary" not in f"{reply}"


PERMANENT = {
    "RCPT": (OutcomeKind.GONE, MailStage.RCPT),
    "DATA": (OutcomeKind.REJECTED, MailStage.DATA),
    "DOT": (OutcomeKind.REJECTED, MailStage.DATA),
}


@pytest.mark.parametrize("code", ["421", "451", "550", "554"])
@pytest.mark.parametrize(
    "step", ["GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT"]
)
async def test_a_refusal_at_each_step(sending: Sending, step: str, code: str) -> None:
    # The client tries each way of signing in that the server offers: two.
    sending.server.script(step, *[f"{code} 4.3.2 not now"] * (1 + (step == "AUTH")))
    outcome = await sending.outcome()
    wanted, _ = PERMANENT.get(step, (OutcomeKind.RETRY, None))
    assert outcome.kind is (wanted if code.startswith("5") else OutcomeKind.RETRY)
    assert outcome.error
    assert not sending.server.received
    if (step, code) != ("AUTH", "421"):  # the client leaves and tries no other way
        assert outcome.status_code == int(code)


@pytest.mark.parametrize(
    "step", ["GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"]
)
async def test_a_lost_connection_before_the_mail_is_tried_again(
    sending: Sending, step: str
) -> None:
    sending.server.script(step, DROP)
    outcome = await sending.outcome()
    # Once DATA was said nobody but the server knows how far it came.
    unsure = step == "DATA"
    assert outcome.kind is (OutcomeKind.UNKNOWN if unsure else OutcomeKind.RETRY)


async def test_a_connection_lost_after_the_dot_is_retried_under_the_same_id(
    sending: Sending,
) -> None:
    sending.server.script("DOT", DROP)
    assert (await sending.outcome()).kind is OutcomeKind.UNKNOWN
    assert (await sending.outcome()).kind is OutcomeKind.SENT
    ids = [it.message["Message-ID"] for it in sending.server.received]
    assert ids == ["<dlv_1@alerts.example>"] * 2


@pytest.mark.parametrize(
    "step", ["GREETING", "EHLO", "STARTTLS", "AUTH", "RCPT", "DOT"]
)
async def test_a_server_that_hangs_is_left_at_the_deadline(
    sending: Sending, step: str
) -> None:
    sending.server.script(step, HANG)
    async with asyncio.timeout(3):
        reply = await sending.mailer(deadline_ms=300).send(MAIL)
    assert isinstance(reply, NoAnswer)
    unsure = step == "DOT"
    assert reply.fault is (Fault.RESET_AFTER_BODY if unsure else Fault.TIMEOUT)


async def test_a_mailbox_that_is_not_there_counts_against_the_integration(
    ca_file: Path,
) -> None:
    async with server(mailboxes=frozenset({"other@example.com"})) as mail_server:
        outcome = await Sending(mail_server, ca_file).outcome()
        assert outcome.kind is OutcomeKind.GONE
        assert not outcome.at_once
        assert outcome.excerpt == "5.1.1 no such mailbox"


async def test_a_mail_too_large_for_the_server_is_refused_for_good(
    ca_file: Path,
) -> None:
    async with server(size_limit=100) as mail_server:
        assert (
            await Sending(mail_server, ca_file).outcome()
        ).kind is OutcomeKind.REJECTED


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mailer = Mailer(transport(taken.getsockname()[1]), Guard(dev=True))
        reply = await mailer.send(MAIL)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.REFUSED


async def test_the_guard_judges_the_mail_server_too(sending: Sending) -> None:
    mailer = Mailer(transport(sending.server.port), Guard())
    reply = await mailer.send(MAIL)
    assert isinstance(reply, NoAnswer)
    assert reply.fault is Fault.BLOCKED
    assert not sending.server.commands


async def test_many_mails_share_a_few_connections_at_once(sending: Sending) -> None:
    mailer = sending.mailer()
    mails = [replace(MAIL, message_id=f"dlv_{n}") for n in range(3 * AT_ONCE)]
    await asyncio.gather(*map(mailer.send, mails))
    assert len(sending.server.received) == 3 * AT_ONCE
    assert sending.server.most_at_once <= AT_ONCE


HOSTILE = "web\r\nBcc: victim@example.com\r\n\r\n\x00\u2028\ud800 <script>" + "ü" * 400


async def test_no_text_can_add_a_header_or_break_a_line(sending: Sending) -> None:
    mail = replace(MAIL, subject=HOSTILE, text=HOSTILE * 20, html=HOSTILE)
    await sending.mailer().send(mail)
    [received] = sending.server.received
    message = received.message
    assert message["Bcc"] is None
    assert received.recipients == ("alerts@example.com",)
    assert len(message["Subject"]) <= 200
    assert b"\n" not in received.content.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in received.content.split(b"\r\n"))
