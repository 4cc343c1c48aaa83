"""Verifying an address as people live it: the real server as a process in production,
a real SMTP dialogue, the link in the mail, and what must not be found anywhere else.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from models.crypto import KeyRing
from sandbox.mail_server import MailServer
from tests.canaries import dump
from tests.server_process import TOKEN, Server, listening

PUBLIC = "https://alerts.example.com/base"
CODE = re.compile(r"^ +(\d{6})$", re.MULTILINE)
LINK = re.compile(rf"^ +{PUBLIC}(/verify/[A-Za-z0-9_-]{{43}})$", re.MULTILINE)

USER = """
mutation ($input: CreateUserInput!) { createUser(input: $input) {
  user { id } warnings { message } errors { code path message } } }"""
SEND = """
mutation ($input: SendEmailVerificationInput!) { sendEmailVerification(input: $input) {
  delivery { id } expiresAt errors { code path message } } }"""
VERIFY = """
mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) {
  user { emailVerifiedAt } errors { code ... on VerificationCodeError {
  attemptsRemaining } } } }"""
CREATE = """
mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) {
  integration { id verification { status } } errors { message } } }"""
SERVER = """
mutation { createServer(input: {name: "web-1", host: "web-1.example.com"}) {
  server { id } errors { message } } }"""
ATTACH = """
mutation ($input: AttachIntegrationToServerInput!) {
  attachIntegrationToServer(input: $input) { errors { message } } }"""
REPORT = """
mutation ($input: ReportIncidentInput!) { reportIncident(input: $input) {
  incident { id } errors { message } } }"""
DELIVERIES = """
{ deliveries { nodes { id kind status cancelReason attemptCount error
  integration { id } incident { id } attempts { outcome statusCode error excerpt } } } }"""
NODE = """
query ($id: ID!) { node(id: $id) { ... on Delivery { kind status integration { id } } } }
"""


@dataclass
class Site:
    """A server in production with a mail server, and all that came out of it."""

    server: Server
    mail_server: MailServer
    token: str
    heard: list[bytes] = field(default_factory=list)

    async def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Run an operation; return its one field."""
        body = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            answer = await client.post(
                f"{self.server.url}/graphql", json=body, headers=headers
            )
        self.heard.append(answer.content)
        assert answer.status_code == 200, answer.text
        [found] = answer.json()["data"].values()
        return found

    async def call(self, document: str, **given: object) -> Any:  # noqa: ANN401 - JSON
        """Run a mutation that is not refused."""
        payload = await self.ask(document, input=given)
        assert not payload.get("errors"), payload
        return payload

    async def page(self, method: str, path: str) -> httpx.Response:
        """Open a page as a browser does."""
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            answer = await client.request(method, f"{self.server.url}{path}")
        self.heard.append(answer.content + repr(answer.headers).encode())
        return answer

    async def mailed(self, count: int) -> str:
        """Wait until so many mails have arrived; return the text of the last."""
        async with asyncio.timeout(40):
            await self.mail_server.arrived(count)
        part = self.mail_server.received[-1].message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    async def settled(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many deliveries have ended; return them, the first one first."""
        async with asyncio.timeout(40):
            while True:
                nodes = (await self.ask(DELIVERIES))["nodes"]
                waiting = {"PENDING", "SENDING", "RETRYING"}
                over = [it for it in nodes if it["status"] not in waiting]
                if len(over) == len(nodes) == count:
                    return over[::-1]
                await asyncio.sleep(0.05)


@asynccontextmanager
async def site(database_url: str, data_dir: Path) -> AsyncIterator[Site]:
    """Run a server in production."""
    async with (
        MailServer() as mail_server,
        listening(
            data_dir,
            "--print-token",
            TOCSIN_DATABASE_URL=database_url,
            TOCSIN_SECRET_KEYS=KeyRing.generate().text(),
            TOCSIN_PUBLIC_URL=PUBLIC,
            TOCSIN_SMTP_URL=f"smtp://localhost:{mail_server.port}?security=none",
            TOCSIN_SMTP_FROM="Tocsin <tocsin@alerts.example>",
        ) as server,
    ):
        token = TOKEN.search(server.printed)
        assert token is not None, server.printed
        yield Site(server, mail_server, token[0])


def spelled(secret: str, text: bytes) -> bool:
    """Tell whether a secret stands in a text as a word of its own."""
    pattern = rf"(?<![0-9A-Za-z_-]){re.escape(secret)}(?![0-9A-Za-z_-])"
    return re.search(pattern.encode(), text) is not None


async def test_the_link_opens_a_page_and_its_button_confirms(
    database_url: str, tmp_path: Path
) -> None:
    """Before that, an integration that mails to the user is sent nothing."""
    async with site(database_url, tmp_path / "data") as it:
        user, incident = await _held_back(it)
        # Grey-listing: the mail is tried again.
        it.mail_server.script("RCPT", "451 4.7.1 greylisted, come back")
        sent = await it.call(SEND, userId=user)
        text = await it.mailed(1)
        link, code = LINK.search(text), CODE.search(text)
        assert link is not None
        assert code is not None
        await _only_looked_at(it, link[1])
        given = {"userId": user, "code": "wrong"}
        refused = await it.ask(VERIFY, input=given)
        assert refused["errors"][0]["attemptsRemaining"] == 4, (
            "looking confirms nothing"
        )
        await _confirmed(it, link[1])

        await it.call(REPORT, **incident, dedupKey="second")
        await it.mailed(2)
        _, verification, told = await it.settled(3)
        assert (told["kind"], told["status"]) == ("OPENED", "DELIVERED")
        assert verification["integration"] is verification["incident"] is None
        outcomes = [attempt["outcome"] for attempt in verification["attempts"]]
        assert outcomes == ["RETRY", "SENT"]
        node = await it.ask(NODE, id=sent["delivery"]["id"])
        expected = {"kind": "VERIFICATION", "status": "DELIVERED", "integration": None}
        assert node == expected
        await it.server.stop()
        secrets = [code[1], link[1].rpartition("/")[2]]
        assert all(spelled(it, text.encode()) for it in secrets), "it can be found"
        assert await _found(it, database_url, secrets) == []


async def _held_back(it: Site) -> tuple[str, dict[str, Any]]:
    """Report to an integration that mails to a user's address; return the user and
    what is reported.
    """
    address = {"settings": {"email": {"email": "ANN@example.com"}}}
    integration = (await it.call(CREATE, **address))["integration"]
    assert integration["verification"]["status"] == "NOT_REQUIRED"
    made = await it.call(USER, name="Ann", email="ann@example.com")
    assert "until the user has verified it" in made["warnings"][0]["message"]
    resource = (await it.ask(SERVER))["server"]["id"]
    await it.call(ATTACH, integrationId=integration["id"], serverId=resource)
    incident = {"serverId": resource, "incidentType": "timeout", "message": "down"}
    await it.call(REPORT, **incident)
    [delivery] = await it.settled(1)
    assert delivery["cancelReason"] == "INTEGRATION_UNVERIFIED"
    return made["user"]["id"], incident


async def _only_looked_at(it: Site, path: str) -> None:
    for method in ("GET", "HEAD", "GET"):
        page = await it.page(method, path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "form-action 'self'" in policy
        assert ('<form method="post">' in page.text) == (method == "GET")


async def _confirmed(it: Site, path: str) -> None:
    for _ in range(2):
        page = await it.page("POST", path)
        assert page.status_code == 200
        assert "confirmed" in page.text
        assert "ann@example.com" in page.text
    assert "<form" not in (await it.page("GET", path)).text
    assert (await it.page("POST", f"{path[:-4]}AAAA")).status_code == 404
    assert (await it.page("GET", "/verify/x")).status_code == 404


async def _found(it: Site, database_url: str, secrets: list[str]) -> list[str]:
    """Return where any of these stands outside the mail."""
    log = (it.server.printed + it.server.logged).encode()
    assert b"/verify/{token}" in log, "requests for the page are logged"
    places = {
        "log": log,
        "answers": b"\n".join(it.heard),
        "database": await dump(database_url),
    }
    return [
        where
        for where, text in places.items()
        if any(spelled(secret, text) for secret in secrets)
    ]


async def test_the_code_from_the_mail_verifies_and_guessing_does_not(
    database_url: str, tmp_path: Path
) -> None:
    async with site(database_url, tmp_path / "data") as it:
        made = await it.call(USER, name="Ann", email="ann@example.com")
        user = made["user"]["id"]
        await it.call(SEND, userId=user)
        code = CODE.search(await it.mailed(1))
        assert code is not None
        wrong = f"{(int(code[1]) + 1) % 1_000_000:06}"
        for left in (4, 3):
            given = {"userId": user, "code": wrong}
            [error] = (await it.ask(VERIFY, input=given))["errors"]
            expected = {"code": "VERIFICATION_CODE_INVALID", "attemptsRemaining": left}
            assert error == expected
        verified = await it.call(VERIFY, userId=user, code=code[1])
        assert verified["user"]["emailVerifiedAt"] is not None
        await it.server.stop()
