"""E-mail as a user lives it: the real server as a process, and a real SMTP dialogue."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sandbox.mail_server import DROP, MailServer
from tests.live_server import LiveServer

AUTHORITY = trustme.CA()
PASSWORD = "p@ss/canary:word"

CREATE = """
mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) {
  integration { id name type ... on EmailIntegration { settings { email } } }
  warnings { message path } errors { code path message } } }"""
SERVER = """
mutation { createServer(input: {name: "web-1", host: "web-1.example.com"}) {
  server { id } } }"""
ATTACH = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { errors { message } } }"""
REPORT = """
mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) {
  incident { id } errors { message } } }"""
RESOLVE = """
mutation ($input: ResolveIncidentInput!) { resolveIncident(input: $input) {
  incident { id } errors { message } } }"""
DELIVERIES = """
{ deliveries { nodes { status attempts { outcome } } } }
"""


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    async with MailServer(tls=context, user="tocsin", password=PASSWORD) as server:
        yield server


@pytest.fixture
async def server(
    database_url: str, tmp_path: Path, mail_server: MailServer
) -> AsyncIterator[LiveServer]:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    made = LiveServer(
        tmp_path / "data",
        database_url,
        {
            "TOCSIN_SMTP_URL": "smtp://tocsin:p%40ss%2Fcanary%3Aword@localhost:"
            f"{mail_server.port}",
            "TOCSIN_SMTP_FROM": "Tocsin <tocsin@alerts.example>",
            "TOCSIN_CA_FILE": str(tmp_path / "ca.pem"),
        },
    )
    await made.start()
    yield made
    if made.process is not None:
        await made.stop()


async def call(server: LiveServer, document: str, **given: object) -> dict[str, Any]:
    [payload] = (await server.execute(document, {"input": given})).values()
    assert not payload.get("errors"), payload
    result: dict[str, Any] = payload
    return result


async def until_received(mail_server: MailServer, count: int) -> None:
    async with asyncio.timeout(40):
        await mail_server.arrived(count)


async def settled(server: LiveServer, count: int) -> list[str]:
    """Return how so many attempts ended, once all have."""
    async with asyncio.timeout(20):
        while True:
            listed = (await server.execute(DELIVERIES))["deliveries"]["nodes"]
            attempts = [it["outcome"] for row in listed for it in row["attempts"]]
            if len(attempts) == count and None not in attempts:
                return sorted(attempts)
            await asyncio.sleep(0.02)


async def test_an_incident_is_one_thread_of_mails(
    server: LiveServer, mail_server: MailServer
) -> None:
    created = await call(
        server, CREATE, settings={"email": {"email": "Ops@Example.COM"}}
    )
    assert created["integration"]["settings"] == {"email": "Ops@example.com"}
    assert created["integration"]["name"] == "Ops@example.com"
    assert created["warnings"] == []
    integration = created["integration"]["id"]
    resource = (await server.execute(SERVER))["createServer"]["server"]["id"]
    await call(server, ATTACH, integrationId=integration, serverId=resource)

    mail_server.script("DOT", DROP)  # the first try ends unclear
    incident = {"serverId": resource, "dedupKey": "k", "severity": "HIGH"}
    message = "No answer.\r\nBcc: victim@example.com <script>"
    await call(server, REPORT, **incident, incidentType="timeout", message=message)
    await until_received(mail_server, 2)
    await call(server, RESOLVE, dedupKey="k")
    await until_received(mail_server, 3)

    lost, opened, resolved = [it.message for it in mail_server.received]
    assert lost["Message-ID"] == opened["Message-ID"]
    assert opened["Subject"] == "[HIGH] web-1: timeout"
    assert opened["Bcc"] is None
    assert resolved["Subject"] == "Re: [HIGH] web-1: timeout"
    assert resolved["In-Reply-To"] == opened["Message-ID"]
    assert resolved["References"] == opened["Message-ID"]
    assert resolved["Message-ID"] != opened["Message-ID"]
    parts = {part.get_content_type(): part for part in opened.iter_parts()}
    assert "No answer." in parts["text/plain"].get_content()
    assert "&lt;script&gt;" in parts["text/html"].get_content()

    assert await settled(server, 3) == ["SENT", "SENT", "UNKNOWN"]
    await server.stop()
    assert "canary" not in "\n".join(server.output)


async def test_without_a_mail_server_it_can_be_set_up_and_says_what_is_missing(
    sqlite_url: str, tmp_path: Path
) -> None:
    server = LiveServer(tmp_path / "data", sqlite_url)
    await server.start()
    try:
        created = await call(
            server, CREATE, settings={"email": {"email": "ops@example.com"}}
        )
        [warning] = created["warnings"]
        assert "TOCSIN_SMTP_URL" in warning["message"]
        assert warning["path"] == ["input", "settings", "email"]
        types = await server.execute("{ integrationTypes { key configured } }")
        configured = {it["key"]: it["configured"] for it in types["integrationTypes"]}
        assert configured["webhook"] is True
        assert configured["email"] is False
    finally:
        await server.stop()
